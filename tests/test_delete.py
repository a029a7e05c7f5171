"""Deleting a trigger or a REST API: what the dialog says, and what goes."""

from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from dashboard.models import Deployment, Environment, RestApi, Trigger
from tests.conftest import deploy, ended, make_trigger, run_steps, words
from tests.faults import failing
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db
S = Deployment.Status


def dialog(client: Client, of: Trigger | RestApi) -> Any:
    return client.get(path_of(of))


def press(client: Client, of: Trigger | RestApi, name: str) -> Any:
    return client.post(path_of(of), {"name": name})


def path_of(of: Trigger | RestApi) -> str:
    name = "trigger_delete" if isinstance(of, Trigger) else "rest_api_delete"
    return reverse(name, args=[of.key])


def status_at(url: str) -> int:
    return httpx.post(url, content="{}", headers={"Content-Type": "application/json"}).status_code


def test_the_dialog_says_what_goes_and_what_stays(as_admin: Client, live: Trigger) -> None:
    url = as_admin.get(live.get_absolute_url()).context["url"]
    text = words(dialog(as_admin, live))
    assert url in text
    assert "Last call" in text and "none that is known" in text
    assert "403" in text
    assert live.rest_api.stack_name in text
    assert "Executions that are running go on" in text
    assert "cannot be had back" in text
    assert "audit" in text


def test_the_dialog_names_the_last_call(as_admin: Client, live: Trigger) -> None:
    url = as_admin.get(live.get_absolute_url()).context["url"]
    assert status_at(url) == 202
    cache.clear()  # executions are kept for 2 s
    answer = dialog(as_admin, live)
    assert answer.context["last_call"] is not None
    assert "none that is known" not in words(answer)


def test_a_last_call_that_aws_does_not_tell_is_unknown_and_the_dialog_opens(
    as_admin: Client, live: Trigger
) -> None:
    with failing("stepfunctions", "ListExecutions", "AccessDeniedException", "Not for you."):
        answer = dialog(as_admin, live)
    assert answer.status_code == 200
    assert "states:ListExecutions: AccessDeniedException: Not for you." in words(answer)


@pytest.mark.parametrize("name", ["", "Orders", "orders ", "POST /orders"])
def test_another_name_deletes_nothing_and_is_kept(
    name: str, as_admin: Client, live: Trigger
) -> None:
    for of in (live, live.rest_api):
        answer = press(as_admin, of, name)
        assert answer.status_code == 422
        assert "This is not the name. Nothing was deleted." in words(answer)
        assert f'value="{name}"' in answer.content.decode()
    assert Deployment.objects.count() == 1


def test_the_last_route_takes_the_stack_with_it(as_admin: Client, live: Trigger) -> None:
    url = as_admin.get(live.get_absolute_url()).context["url"]
    assert dialog(as_admin, live).context["last_route"] is True
    removal = Deployment.objects.get(number=2) if press(as_admin, live, "orders") else None
    assert removal is not None and removal.action == "DESTROY"
    assert run_steps(removal).status == S.SUCCEEDED
    assert status_at(url) in {403, 404}
    text = words(as_admin.get(removal.get_absolute_url()))
    assert "Removed" in text
    assert RestApi.objects.get(pk=live.rest_api_id).gone_by == "ada"


def test_one_of_two_routes_goes_alone(
    as_admin: Client, live: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, live.rest_api, path="/refunds", name="refunds")
    deploy(other)
    url = as_admin.get(live.get_absolute_url()).context["url"]
    kept = as_admin.get(other.get_absolute_url()).context["url"]
    text = words(dialog(as_admin, live))
    assert "Only this route goes" in text and "Missing Authentication Token" in text
    press(as_admin, live, "orders")
    removal = run_steps(Deployment.objects.get(number=3))
    assert (removal.action, removal.status) == ("DEPLOY", S.SUCCEEDED)
    assert (status_at(url), status_at(kept)) == (403, 202)


def test_the_page_of_a_deleted_trigger_says_who_and_when(as_admin: Client, live: Trigger) -> None:
    press(as_admin, live, "orders")
    run_steps(Deployment.objects.get(number=2))
    answer = as_admin.get(live.get_absolute_url())
    text = words(answer)
    assert "Gone" in text and "Deleted by ada" in text
    assert answer.context["trigger"].gone_at is not None
    assert "Send request" not in text and "Edit" not in text
    for name in ("trigger_executions", "trigger_deployments", "trigger_definition"):
        assert as_admin.get(reverse(name, args=[live.key])).status_code == 200
    shown = as_admin.get(reverse("trigger_deployments", args=[live.key])).context["deployments"]
    assert [d.number for d in shown] == [2, 1]


def test_the_page_of_the_trigger_says_deleting_meanwhile(as_admin: Client, live: Trigger) -> None:
    press(as_admin, live, "orders")
    assert "Deleting" in words(as_admin.get(live.get_absolute_url()))


def test_a_removal_that_fails_leaves_the_trigger_live_and_says_so(
    as_admin: Client, live: Trigger
) -> None:
    url = as_admin.get(live.get_absolute_url()).context["url"]
    press(as_admin, live, "orders")
    with failing("cloudformation", "DeleteStack", "AccessDenied", "Not yours."):
        removal = run_steps(Deployment.objects.get(number=2))
    assert removal.status == S.FAILED
    assert "still served by #1" in words(as_admin.get(removal.get_absolute_url()))
    text = words(as_admin.get(live.get_absolute_url()))
    assert "Live" in text and "Deployment #2 failed" in text and "Not yours." in text
    assert status_at(url) == 202


def test_a_trigger_that_was_never_deployed_goes_at_once(as_admin: Client, trigger: Trigger) -> None:
    assert "never deployed" in words(dialog(as_admin, trigger))
    answer = as_admin.post(path_of(trigger), {"name": "orders"}, follow=True)
    assert answer.redirect_chain[0][0] == reverse("trigger_list")
    assert "POST /orders is deleted" in words(answer)
    trigger.refresh_from_db()
    assert trigger.gone_by == "ada"
    assert RestApi.objects.get().gone_by == "ada"
    assert not Deployment.objects.exists()


def test_a_trigger_is_not_deleted_under_its_first_deployment(
    as_admin: Client, trigger: Trigger
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="otto")
    answer = press(as_admin, trigger, "orders")
    assert answer["Location"] == deployment.get_absolute_url()
    trigger.refresh_from_db()
    assert trigger.gone_at is None


def test_a_rest_api_goes_with_all_its_routes(
    as_admin: Client, live: Trigger, environment: Environment, local_aws: LocalAws
) -> None:
    other = make_trigger(environment, live.rest_api, path="/refunds")
    rest_api = RestApi.objects.get(pk=live.rest_api_id)
    text = words(dialog(as_admin, rest_api))
    for part in ("2 triggers", "POST /orders", "POST /refunds", rest_api.stack_name, "go on"):
        assert part in text
    press(as_admin, rest_api, "orders")
    removal = run_steps(Deployment.objects.get(number=2))
    assert (removal.action, removal.status) == ("DESTROY", S.SUCCEEDED)
    for trigger in (live, other):
        assert Trigger.objects.get(pk=trigger.pk).gone_by == "ada"
    text = words(as_admin.get(rest_api.get_absolute_url()))
    assert "Deleted by ada" in text and "#2" in text
    stacks = local_aws.client("cloudformation").describe_stacks(StackName=rest_api.stack_id)
    assert stacks["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_rest_api_that_was_never_deployed_goes_at_once(
    as_admin: Client, trigger: Trigger
) -> None:
    assert "never deployed" in words(dialog(as_admin, trigger.rest_api))
    answer = press(as_admin, trigger.rest_api, "orders")
    assert answer["Location"] == reverse("rest_api_list")
    trigger.refresh_from_db()
    assert trigger.gone_by == "ada"


def test_the_audit_stays(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    trigger.endpoint.delete()
    trigger.mark_gone(by="ada")
    text = words(as_admin.get(reverse("deployment_list")))
    assert "POST /orders" in text
