"""What the lists and a trigger's page say of it at a glance, and its menu."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.machine_watch import problem
from dashboard.models import Environment, Trigger
from tests.conftest import ended, make_trigger, words
from tests.local_aws import LocalAws
from tests.local_aws import trigger as spec

pytestmark = pytest.mark.django_db
GONE = problem(spec(), "")
CHANGED = problem(spec(), "EXPRESS")


def pages(trigger: Trigger) -> list[str]:
    return [
        reverse("trigger_list"),
        trigger.rest_api.get_absolute_url(),
        reverse("trigger_definition", args=[trigger.key]),
        reverse("rest_api_delete", args=[trigger.rest_api.key]),
        reverse("machine_list"),
        reverse("machine_detail", args=["local", trigger.state_machine_arn]),
        f"{reverse('machines')}?environment={trigger.rest_api.environment_id}",
    ]


def test_public_is_said_wherever_the_trigger_is_listed_with_its_reason(
    as_admin: Client, local_aws: LocalAws, trigger: Trigger
) -> None:
    for path in pages(trigger):
        html = as_admin.get(path).content.decode()
        assert 'title="a test calls it"' in html, path
    Trigger.objects.filter(pk=trigger.pk).update(authorization="AWS_IAM")
    for path in pages(trigger):
        assert "public" not in words(as_admin.get(path)), path


def test_what_callers_meet_is_said_and_not_what_is_saved_only(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, authorization="API_KEY")
    ended(trigger)
    Trigger.objects.filter(pk=trigger.pk).update(authorization="NONE")
    for path in pages(trigger)[:2]:
        text = words(as_admin.get(path))
        assert "API key" in text and "public" not in text, path


@pytest.mark.parametrize(
    ("told", "mark", "other"),
    [
        (GONE, "cannot be started", "type changed"),
        (CHANGED, "type changed", "cannot be started"),
    ],
)
def test_a_lost_or_changed_machine_is_told_before_a_caller_finds_out(
    told: str, mark: str, other: str, as_admin: Client, trigger: Trigger
) -> None:
    Trigger.objects.filter(pk=trigger.pk).update(machine_problem=told)
    listed = as_admin.get(reverse("trigger_list"))
    assert f'title="{told}"' in listed.content.decode()
    assert mark in words(listed) and other not in words(listed)
    page = words(as_admin.get(reverse("trigger_status", args=[trigger.key])))
    assert told in page and "Choose a machine" in page


def test_duplicate_opens_the_new_form_with_what_the_trigger_is(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, authorization="API_KEY", response_status=201)
    link = f"{reverse('trigger_new')}?duplicate={trigger.key}"
    assert link in as_admin.get(reverse("trigger_list")).content.decode()
    assert link in as_admin.get(trigger.get_absolute_url()).content.decode()
    form = as_admin.get(link).context["form"]
    assert form["authorization"].value() == "API_KEY"
    assert form["response_status"].value() == 201
    assert form["name"].value() in ("", None)


def test_who_may_only_look_is_offered_no_duplicate(
    client: Client, viewer: object, trigger: Trigger
) -> None:
    client.login(username="vera", password="tests-only-1")
    for path in (reverse("trigger_list"), trigger.get_absolute_url()):
        assert "Duplicate" not in words(client.get(path))
