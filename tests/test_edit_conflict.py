"""Two people edit one trigger, and what is saved but not live."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboard.models import Trigger
from tests.conftest import ended, typed, words
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The form asks AWS for its machine."""


def edit(client: Client, trigger: Trigger, version: int, **fields: Any) -> Any:
    form = typed(
        trigger.rest_api.environment,
        rest_api=trigger.rest_api_id,
        name="orders",
        version=version,
        save="1",
        **fields,
    )
    return client.post(reverse("trigger_edit", args=[trigger.key]), form)


def test_theirs_stands_beside_yours_and_neither_is_lost(
    as_admin: Client, operator: User, trigger: Trigger
) -> None:
    other = Client()
    other.force_login(operator)
    assert edit(other, trigger, 1, path="/theirs", description="of otto").status_code == 302
    answer = edit(as_admin, trigger, 1, path="/mine", response_status="201")
    assert answer.status_code == 409
    assert "otto saved this trigger" in words(answer)
    told = {label: (theirs, mine) for label, theirs, mine in answer.context["theirs"]}
    assert told["Path"] == ("/theirs", "/mine")
    assert told["Description"] == ("of otto", "")
    assert {str(v) for v in told["Response status"]} == {"202", "201"}
    assert "Authorization" not in told and "Input" not in told
    assert answer.context["form"]["path"].value() == "/mine"
    trigger.refresh_from_db()
    assert (trigger.path, trigger.saved_by, trigger.version) == ("/theirs", "otto", 2)


def test_after_the_warning_saving_once_more_goes_through(
    as_admin: Client, trigger: Trigger
) -> None:
    trigger.save_version({"path": "/theirs"}, by="otto")
    answer = edit(as_admin, trigger, 1, path="/mine")
    assert answer.status_code == 409
    assert 'name="version" value="2"' in answer.content.decode()
    assert edit(as_admin, trigger, 2, path="/mine").status_code == 302
    trigger.refresh_from_db()
    assert (trigger.path, trigger.saved_by, trigger.version) == ("/mine", "ada", 3)


def test_somebody_who_saves_during_the_warning_is_not_overwritten_either(
    as_admin: Client, trigger: Trigger
) -> None:
    trigger.save_version({"path": "/theirs"}, by="otto")
    assert edit(as_admin, trigger, 1, path="/mine").status_code == 409
    trigger.save_version({"path": "/theirs/again"}, by="otto")
    assert edit(as_admin, trigger, 2, path="/mine").status_code == 409
    trigger.refresh_from_db()
    assert trigger.path == "/theirs/again"


@pytest.mark.parametrize("version", ["", "0", "99"])
def test_a_form_without_the_newest_version_overwrites_nothing(
    version: str, as_admin: Client, trigger: Trigger
) -> None:
    form = typed(trigger.rest_api.environment, rest_api=trigger.rest_api_id, path="/mine")
    path = reverse("trigger_edit", args=[trigger.key])
    answer = as_admin.post(path, form | {"version": version, "save": "1"})
    assert answer.status_code == 409
    trigger.refresh_from_db()
    assert trigger.path == "/orders"


def test_deploying_from_a_stale_form_deploys_nothing(as_admin: Client, trigger: Trigger) -> None:
    trigger.save_version({"path": "/theirs"}, by="otto")
    assert edit(as_admin, trigger, 1, path="/mine", deploy="1").status_code == 409
    assert not trigger.deployments.exists()


def test_a_trigger_that_was_deleted_meanwhile_says_so(as_admin: Client, trigger: Trigger) -> None:
    trigger.mark_gone(by="otto")
    answer = edit(as_admin, trigger, 1, path="/mine")
    assert answer["Location"] == trigger.get_absolute_url()
    assert "Deleted by otto" in words(as_admin.get(trigger.get_absolute_url()))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"response_status": 201}, "1 change not live, saved by otto"),
        ({"response_status": 201, "throttle_burst": 5}, "2 changes not live, saved by otto"),
    ],
)
def test_what_is_saved_but_not_live_is_counted_with_who_saved_it(
    values: dict[str, Any], said: str, as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    trigger.save_version(values, by="otto")
    for name in ("trigger_detail", "trigger_executions", "trigger_definition"):
        text = words(as_admin.get(reverse(name, args=[trigger.key])))
        assert said in text
    assert "See" in text and "Discard" in text and "Deploy" in text
    assert f"{said.partition(',')[0]}" in words(as_admin.get("/"))


def test_what_changes_is_shown_field_by_field(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    trigger.save_version({"response_status": 201}, by="otto")
    text = words(as_admin.get(reverse("trigger_definition", args=[trigger.key])))
    assert "Response status 202 201" in text


def test_a_name_or_description_is_live_at_once(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    assert (
        edit(
            as_admin, trigger, 1, description="new words", input_template="", response_body=""
        ).status_code
        == 302
    )
    assert "not live" not in words(as_admin.get(trigger.get_absolute_url()))


def test_a_trigger_that_was_never_deployed_has_no_changes(
    as_admin: Client, trigger: Trigger
) -> None:
    trigger.save_version({"response_status": 201}, by="otto")
    text = words(as_admin.get(trigger.get_absolute_url()))
    assert "Not deployed" in text and "not live" not in text


def test_discard_goes_back_to_what_is_live(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    trigger.save_version({"path": "/changed", "response_status": 201}, by="otto")
    answer = as_admin.post(
        reverse("trigger_discard", args=[trigger.key]), {"version": 2}, follow=True
    )
    assert "discarded" in words(answer)
    trigger = Trigger.objects.get(pk=trigger.pk)
    assert (trigger.path, trigger.changes(), trigger.saved_by) == ("/orders", [], "ada")


@pytest.mark.parametrize("version", ["2", "", "nonsense", "9" * 30])
def test_discard_of_what_was_not_seen_discards_nothing(
    version: str, as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    trigger.save_version({"path": "/first"}, by="otto")
    trigger.save_version({"path": "/second"}, by="otto")
    answer = as_admin.post(
        reverse("trigger_discard", args=[trigger.key]), {"version": version}, follow=True
    )
    assert "Somebody saved this trigger meanwhile" in words(answer)
    assert Trigger.objects.get(pk=trigger.pk).path == "/second"


def test_discard_never_brings_back_a_route_that_another_trigger_took(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    trigger.save_version({"path": "/moved"}, by="otto")
    form = typed(trigger.rest_api.environment, rest_api=trigger.rest_api_id, save="1")
    # The route is live still, so nobody can take it before this is deployed.
    assert as_admin.post(reverse("trigger_new"), form).status_code == 422
    answer = as_admin.post(reverse("trigger_discard", args=[trigger.key]), {"version": 2})
    assert answer.status_code == 302


def test_a_field_that_was_not_touched_takes_theirs(as_admin: Client, trigger: Trigger) -> None:
    path = reverse("trigger_edit", args=[trigger.key])
    base = as_admin.get(path).context["base"]
    form = json.loads(base) | {
        "environment": str(trigger.rest_api.environment_id),
        "path": "/mine",
        "save": "1",
    }
    trigger.save_version({"throttle_burst": 50}, by="otto")
    answer = as_admin.post(path, form | {"version": "1", "base": base})
    assert answer.status_code == 409
    assert answer.context["theirs"] == [("Path", "/orders", "/mine")]
    shown = {name: answer.context["form"][name].value() for name in json.loads(base)}
    assert as_admin.post(path, form | shown | {"version": "2"}).status_code == 302
    trigger.refresh_from_db()
    assert (trigger.path, trigger.throttle_burst) == ("/mine", 50)
