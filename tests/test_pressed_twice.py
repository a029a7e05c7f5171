"""A button pressed twice, by one person or by two, does its work once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse

from dashboard.models import Deployment, Environment, RestApi, Trigger
from tests.conftest import deploy, ended, make_trigger, run_steps, typed, words
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db


def test_a_new_trigger_saved_twice_is_one_trigger(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    form = typed(environment, save="1")
    first = as_admin.post(reverse("trigger_new"), form)
    second = as_admin.post(reverse("trigger_new"), form)
    trigger = Trigger.objects.get()
    assert first["Location"] == second["Location"] == trigger.get_absolute_url()
    assert RestApi.objects.count() == 1


def test_save_and_deploy_pressed_twice_is_one_trigger_and_one_deployment(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    form = typed(environment, deploy="1")
    first = as_admin.post(reverse("trigger_new"), form)
    second = as_admin.post(reverse("trigger_new"), form)
    deployment = Deployment.objects.get()
    assert first["Location"] == deployment.get_absolute_url()
    # The browser shows the second answer: it has to lead to the deployment as well.
    assert second["Location"] in {
        deployment.get_absolute_url(),
        Trigger.objects.get().get_absolute_url(),
    }
    assert RestApi.objects.count() == 1


def test_an_edit_saved_and_deployed_twice_is_saved_once_and_deployed_once(
    as_admin: Client, trigger: Trigger, local_aws: LocalAws
) -> None:
    form = typed(
        trigger.rest_api.environment,
        rest_api=trigger.rest_api_id,
        version=trigger.version,
        name="orders",
        response_status="201",
        deploy="1",
    )
    first = as_admin.post(reverse("trigger_edit", args=[trigger.key]), form)
    as_admin.post(reverse("trigger_edit", args=[trigger.key]), form)
    trigger.refresh_from_db()
    assert trigger.version == 2
    assert first["Location"] == Deployment.objects.get().get_absolute_url()


def test_of_two_people_who_deploy_the_second_is_led_to_the_one_deployment(
    as_admin: Client, operator: User, trigger: Trigger
) -> None:
    path = reverse("trigger_deploy", args=[trigger.key])
    first = as_admin.post(path)
    other = Client()
    other.force_login(operator)
    second = other.post(path, follow=True)
    deployment = Deployment.objects.get()
    assert first["Location"] == deployment.get_absolute_url()
    assert second.redirect_chain == [(deployment.get_absolute_url(), 302)]
    told = words(second)
    assert "#1 of this REST API is under way, asked for by ada" in told.replace("Deployment ", "")
    assert "Yours was not started" in told
    assert f'<a href="{deployment.get_absolute_url()}">' in second.content.decode()


def test_deploy_all_meets_the_deployment_that_is_under_way(
    as_admin: Client, trigger: Trigger
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="otto")
    answer = as_admin.post(reverse("rest_api_deploy", args=[trigger.rest_api.key]), follow=True)
    assert answer.redirect_chain[0][0] == deployment.get_absolute_url()
    assert "asked for by otto" in words(answer)
    assert Deployment.objects.count() == 1


def test_try_again_pressed_twice_is_one_more_deployment(as_admin: Client, trigger: Trigger) -> None:
    failed = ended(trigger, status=Deployment.Status.FAILED, reason="for the test")
    path = reverse("deployment_again", args=[failed.pk])
    first, second = as_admin.post(path), as_admin.post(path)
    again = Deployment.objects.get(number=2)
    assert Deployment.objects.count() == 2
    assert first["Location"] == second["Location"] == again.get_absolute_url()


def test_a_live_trigger_deleted_twice_is_removed_by_one_deployment(
    as_admin: Client, live: Trigger
) -> None:
    path = reverse("trigger_delete", args=[live.key])
    first = as_admin.post(path, {"name": live.name})
    second = as_admin.post(path, {"name": live.name})
    removal = Deployment.objects.get(number=2)
    assert first["Location"] == second["Location"] == removal.get_absolute_url()
    run_steps(removal)
    third = as_admin.post(path, {"name": live.name})
    assert third["Location"] == live.get_absolute_url()
    assert Deployment.objects.count() == 2


def test_a_never_deployed_trigger_deleted_twice_keeps_who_was_first(
    as_admin: Client, operator: User, trigger: Trigger
) -> None:
    path = reverse("trigger_delete", args=[trigger.key])
    as_admin.post(path, {"name": trigger.name})
    other = Client()
    other.force_login(operator)
    assert other.post(path, {"name": trigger.name}).status_code == 302
    trigger.refresh_from_db()
    assert trigger.gone_by == "ada"


def test_discard_pressed_twice_keeps_what_is_live(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    trigger.save_version({"response_status": 201}, by="ada")
    path = reverse("trigger_discard", args=[trigger.key])
    for _ in range(2):
        assert as_admin.post(path, {"version": trigger.version}).status_code == 302
    again = Trigger.objects.get(pk=trigger.pk)
    assert (again.response_status, again.changes()) == (202, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
class TestAtTheSameMoment:
    """Two requests, two threads, two connections."""

    def test_two_deploys_are_one_deployment(self, environment: Environment) -> None:
        trigger = make_trigger(environment)
        path = reverse("trigger_deploy", args=[trigger.key])
        answers = together(lambda client: client.post(path))
        deployment = Deployment.objects.get()
        assert [a["Location"] for a in answers] == [deployment.get_absolute_url()] * 2

    def test_two_saves_of_one_new_trigger_are_one_trigger(
        self, environment: Environment, local_aws: LocalAws
    ) -> None:
        form = typed(environment, save="1")
        answers = together(lambda client: client.post(reverse("trigger_new"), form))
        trigger = Trigger.objects.get()
        assert [a.status_code for a in answers] == [302, 302]
        assert {a["Location"] for a in answers} == {trigger.get_absolute_url()}
        assert RestApi.objects.count() == 1

    def test_two_people_who_make_the_same_route_are_told_apart(
        self, environment: Environment, local_aws: LocalAws
    ) -> None:
        rest_api = make_trigger(environment, path="/other").rest_api
        forms = [typed(environment, rest_api=rest_api.pk, save="1") for _ in range(2)]
        answers = together(lambda client: client.post(reverse("trigger_new"), forms.pop()))
        assert sorted(a.status_code for a in answers) == [302, 422]
        assert rest_api.triggers.count() == 2


def together(act: Callable[[Client], Any]) -> list[Any]:
    """What two signed-in people get for the same act, begun at the same moment."""
    gate, answers = threading.Barrier(2), []
    for name in ("ann", "bob"):
        User.objects.create_superuser(name, password="tests-only-1")

    def run(name: str) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(User.objects.get(username=name))
        gate.wait(10)
        try:
            answers.append(act(client))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[name]) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 2
    return answers


def test_a_second_deployment_begins_once_the_first_is_done(as_admin: Client, live: Trigger) -> None:
    answer = as_admin.post(reverse("trigger_deploy", args=[live.key]))
    assert answer["Location"] == Deployment.objects.get(number=2).get_absolute_url()
    run_steps(Deployment.objects.get(number=2))
    assert deploy(live).number == 3
