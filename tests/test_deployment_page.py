"""A deployment's page: its steps, CloudFormation's words, and how it ended."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.models import Deployment, DeploymentEvent, Environment, Trigger, Worker
from deployer import tasks
from tests.conftest import deploy, ended, make_trigger, run_steps, words
from tests.faults import failing
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db
S = Deployment.Status


def page(client: Client, deployment: Deployment) -> Any:
    return client.get(deployment.get_absolute_url())


def live(client: Client, deployment: Deployment, **query: str) -> Any:
    return client.get(reverse("deployment_live", args=[deployment.pk]), query)


def report(queue: str, *, ago: int = 0) -> None:
    Worker.objects.create(
        name=queue, queue=queue, reported_at=timezone.now() - timedelta(seconds=ago)
    )


def test_a_finished_one_shows_its_steps_its_url_and_what_to_do_next(
    as_admin: Client, live: Trigger
) -> None:
    deployment = live.deployments.get()
    answer = page(as_admin, deployment)
    steps = [(step.label, step.css) for step in answer.context["steps"]]
    assert steps == [
        ("Queued", "done"),
        ("Planned", "done"),
        ("Applying", "done"),
        ("Live", "done"),
    ]
    assert all(step.elapsed is not None for step in answer.context["steps"])
    text = words(answer)
    assert answer.context["url"] in text and answer.context["curl"] in text
    assert "Send request" in text and "Open trigger" in text
    assert "AWS::ApiGateway::Stage" in text and "CREATE_COMPLETE" in text
    assert "<title>Live · #1 orders · Stepgate</title>" in answer.content.decode()


def test_the_url_of_the_page_answers(as_admin: Client, live: Trigger, local_aws: LocalAws) -> None:
    url = page(as_admin, live.deployments.get()).context["url"]
    assert url.startswith(local_aws.endpoint_url) and url.endswith("/orders")


def test_the_title_and_the_steps_move_with_the_deployment(
    as_admin: Client, trigger: Trigger, local_aws: LocalAws
) -> None:
    report("plan")
    report("steps")
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    seen = []
    while deployment.is_active:
        answer = live(as_admin, deployment)
        running = [s.label for s in answer.context["steps"] if s.css == "running"]
        seen.append((unquote(answer["X-Page-Title"]).partition(" · ")[0], *running))
        assert answer.status_code == 200
        assert int(answer["X-Poll-Every"]) <= 1000
        step = {"QUEUED": tasks.plan, "PLANNING": tasks.plan, "PLANNED": tasks.apply}
        step.get(deployment.status, tasks.watch)(str(deployment.pk))
        deployment.refresh_from_db()
    assert seen[0] == ("Queued", "Queued")
    assert ("Planned", "Planned") in seen or ("Planned",) in seen
    answer = live(as_admin, deployment)
    assert answer.status_code == 286
    assert unquote(answer["X-Page-Title"]).startswith("Live · ")


def test_the_part_answers_204_while_nothing_is_new(as_admin: Client, trigger: Trigger) -> None:
    report("plan")
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    version = live(as_admin, deployment)["X-Poll-Version"]
    assert version == page(as_admin, deployment).context["live_version"]
    again = live(as_admin, deployment, v=version)
    assert (again.status_code, again.content) == (204, b"")
    deployment.record("DONE")
    deployment.take_lease(S.QUEUED)
    deployment.move(S.PLANNING)
    assert live(as_admin, deployment, v=version).status_code == 200


def test_a_finished_one_ends_the_polling_whatever_the_page_knows(
    as_admin: Client, trigger: Trigger
) -> None:
    deployment = ended(trigger)
    version = live(as_admin, deployment)["X-Poll-Version"]
    assert live(as_admin, deployment, v=version).status_code == 286
    assert "data-poll=" not in page(as_admin, deployment).content.decode()


def test_a_first_one_that_failed_begins_with_nothing_is_served(
    as_admin: Client, trigger: Trigger
) -> None:
    failed = ended(trigger, status=S.FAILED, reason="In AWS's words.", advice="Do this now.")
    text = words(page(as_admin, failed))
    meet = text.index("Nothing is served")
    assert meet < text.index("In AWS's words.") < text.index("Do this now.") < text.index("Queued")
    assert "Failed · #1 orders" in page(as_admin, failed).content.decode()


def test_a_later_one_that_failed_begins_with_what_still_serves(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    text = words(page(as_admin, ended(trigger, status=S.FAILED, reason="No.")))
    assert "still served by #1" in text


def test_a_failure_is_told_in_aws_s_words_with_the_next_step(
    as_admin: Client, trigger: Trigger, local_aws: LocalAws
) -> None:
    with failing("cloudformation", "CreateChangeSet", "AccessDenied", "User is not authorized."):
        failed = deploy(trigger)
    assert failed.status == S.FAILED
    text = words(page(as_admin, failed))
    assert "cloudformation:CreateChangeSet: AccessDenied: User is not authorized." in text
    assert "Allow cloudformation:CreateChangeSet in the IAM policy" in text
    steps = [step.css for step in page(as_admin, failed).context["steps"]]
    assert "failed" in steps and "running" not in steps


def test_failures_come_first_among_the_events_then_the_newest(
    as_admin: Client, trigger: Trigger
) -> None:
    failed = ended(trigger, status=S.FAILED, reason="No.")
    for n, status in enumerate(["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_COMPLETE"]):
        DeploymentEvent.objects.create(
            deployment=failed, kind="STACK", status=status, resource=f"R{n}", event_id=f"e{n}"
        )
    shown = [e.resource for e in page(as_admin, failed).context["stack_events"]]
    assert shown == ["R1", "R2", "R0"]


@pytest.mark.parametrize("status", list(S))
def test_only_a_failed_one_can_be_tried_again(
    status: S, as_admin: Client, trigger: Trigger
) -> None:
    deployment = ended(trigger, status=status)
    path = reverse("deployment_again", args=[deployment.pk])
    offered = path in page(as_admin, deployment).content.decode()
    assert offered == (status == S.FAILED)
    answer = as_admin.post(path, follow=True)
    assert Deployment.objects.count() == (2 if offered else 1)
    if not offered:
        assert answer.redirect_chain[0][0] == deployment.get_absolute_url()
        assert ("under way" if status in Deployment.ACTIVE else "again") in words(answer)


def test_who_may_not_deploy_is_not_offered_to_try_again(
    client: Client, viewer: User, trigger: Trigger
) -> None:
    client.force_login(viewer)
    failed = ended(trigger, status=S.FAILED)
    assert "Try again" not in words(page(client, failed))


def test_trying_again_takes_the_same_snapshot_and_goes_live(
    as_admin: Client, trigger: Trigger, local_aws: LocalAws
) -> None:
    with failing("cloudformation", "CreateChangeSet", "AccessDenied", "No."):
        failed = deploy(trigger)
    answer = as_admin.post(reverse("deployment_again", args=[failed.pk]))
    again = run_steps(Deployment.objects.get(number=2))
    assert answer["Location"] == again.get_absolute_url()
    assert (again.status, again.spec) == (S.SUCCEEDED, failed.spec)


def test_an_old_failure_cannot_take_away_a_route_that_went_live_since(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    failed = ended(trigger, status=S.FAILED)
    ended(make_trigger(environment, trigger.rest_api, path="/refunds"))
    path = reverse("deployment_again", args=[failed.pk])
    assert path not in page(as_admin, failed).content.decode()
    as_admin.post(path)
    assert Deployment.objects.count() == 2


def test_a_failed_deployment_of_a_deleted_trigger_cannot_bring_it_back(
    as_admin: Client, trigger: Trigger
) -> None:
    failed = ended(trigger, status=S.FAILED)
    trigger.mark_gone(by="ada")
    as_admin.post(reverse("deployment_again", args=[failed.pk]))
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize("ago", [None, 31])
def test_a_step_without_a_worker_says_how_to_start_one(
    ago: int | None, as_admin: Client, trigger: Trigger
) -> None:
    if ago:
        report("plan", ago=ago)
    report("steps")
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    text = words(page(as_admin, deployment))
    assert "No worker has reported for 30 s: start one with" in text
    assert "celery -A dashboard worker -Q plan" in text


def test_with_a_worker_nothing_is_waited_for(as_admin: Client, trigger: Trigger) -> None:
    report("plan")
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    assert page(as_admin, deployment).context["waiting"] == ""


def test_one_that_stands_behind_another_says_behind_which(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    report("plan")
    earlier = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    other = make_trigger(environment, path="/refunds")
    deployment = Deployment.deploy(other.rest_api, [other], by="ada")
    past = timezone.now() - timedelta(seconds=40)
    Deployment.objects.filter(pk=earlier.pk).update(requested_at=past, next_step_at=past)
    Deployment.objects.filter(pk=deployment.pk).update(next_step_at=past)
    assert "Behind #1 of orders, 40 s" in words(page(as_admin, deployment))


def test_a_superseded_one_and_a_removal_say_so(as_admin: Client, trigger: Trigger) -> None:
    first = ended(trigger)
    ended(trigger)
    assert "Superseded by #2" in words(page(as_admin, first))
    assert page(as_admin, first).context["is_live"] is False
    trigger.endpoint.delete()
    removal = ended(Trigger.objects.get(pk=trigger.pk), serve=False)
    assert "Removed" in words(page(as_admin, removal))


def test_one_of_settings_alone_says_so_and_leads_to_the_rest_api(
    as_admin: Client, live: Trigger
) -> None:
    rest_api = live.rest_api
    deployment = run_steps(Deployment.deploy(rest_api, [], by="ada"))
    rest_api.refresh_from_db()
    answer = page(as_admin, deployment)
    text, html = words(answer), answer.content.decode()
    assert f"Deploy settings · {rest_api.environment.name}" in text
    assert "Live. The routes answer with these settings at this URL." in text
    assert answer.context["base_url"] in text
    assert f'href="{rest_api.get_absolute_url()}"' in html and "Open REST API" in text
    assert "Deploy settings" in words(as_admin.get(reverse("deployment_list")))


def test_after_a_removal_the_page_leads_to_the_rest_api(
    as_admin: Client, live: Trigger, local_aws: LocalAws
) -> None:
    other = make_trigger(live.rest_api.environment, live.rest_api, path="/other")
    deploy(other)
    removal = run_steps(Deployment.remove(live.rest_api, [other], by="ada"))
    text = words(page(as_admin, removal))
    assert "Live. The routes that are left answer at this URL." in text and "Open REST API" in text
    all_of_it = run_steps(Deployment.remove(live.rest_api, [live], by="ada"))
    answer = page(as_admin, all_of_it)
    assert answer.context["deployment"].result == "Removed"
    assert f'href="{live.rest_api.get_absolute_url()}"' in answer.content.decode()
    assert "Open REST API" in words(answer) and "Live." not in words(answer)


def test_the_note_and_who_asked_stand_in_the_header(as_admin: Client, trigger: Trigger) -> None:
    deployment = ended(trigger, note="for <the> launch", requested_by="otto")
    text = words(page(as_admin, deployment))
    assert "asked for by otto" in text and "“for <the> launch”" in text


def test_without_scripts_the_page_of_one_under_way_loads_itself_again(
    as_admin: Client, trigger: Trigger
) -> None:
    refresh = '<noscript><meta http-equiv="refresh"'
    running = ended(trigger, status=Deployment.Status.APPLYING, serve=False)
    assert refresh in as_admin.get(running.get_absolute_url()).content.decode()
    Deployment.objects.filter(pk=running.pk).update(
        status=Deployment.Status.FAILED, finished_at=timezone.now()
    )
    assert refresh not in as_admin.get(running.get_absolute_url()).content.decode()
