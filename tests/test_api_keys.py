"""API keys: made once, shown once, two valid at a time, revoked at once."""

import logging
import re
import subprocess
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from dashboard import acts
from dashboard.models import ApiKey, RestApi, Trigger
from dashboard.models.rest_api import new_key
from tests.conftest import deploy, make_trigger, words
from tests.faults import counting, failing, slow, unreachable
from tests.local_aws import LocalAws
from tests.test_pressed_twice import together

pytestmark = pytest.mark.django_db

VALUE = re.compile(r'id="api-key-value">([^<]+)<')


@pytest.fixture
def protected(local_aws: LocalAws, trigger: Trigger) -> Trigger:
    """A live trigger that takes keys."""
    Trigger.objects.filter(pk=trigger.pk).update(authorization="API_KEY")
    trigger.refresh_from_db()
    deployment = deploy(trigger)
    assert deployment.status == "SUCCEEDED", deployment.reason
    return Trigger.objects.get(pk=trigger.pk)


@pytest.fixture
def planned(local_aws: LocalAws, trigger: Trigger) -> RestApi:
    """A REST API that has a usage plan, and nothing else in AWS."""
    plan = local_aws.client("apigateway").create_usage_plan(name="a plan")["id"]
    RestApi.objects.filter(pk=trigger.rest_api_id).update(usage_plan_id=plan)
    return RestApi.objects.get(pk=trigger.rest_api_id)


def make(client: Client, rest_api: RestApi, name: str = "acme", key: str = "") -> Any:
    url = reverse("api_key_new", args=[rest_api.key])
    return client.post(url, {"name": name, "key": key or new_key()})


def act(client: Client, what: str, api_key: ApiKey, /, **fields: str) -> Any:
    return client.post(reverse(f"api_key_{what}", args=[api_key.rest_api.key, api_key.key]), fields)


def value_of(answer: Any) -> str:
    assert answer.status_code == 200, words(answer)
    found = VALUE.search(answer.content.decode())
    assert found, words(answer)
    return found[1]


def in_aws(aws: LocalAws, rest_api: RestApi) -> list[str]:
    """Names of the keys that AWS has of the REST API."""
    items = aws.client("apigateway").get_api_keys(nameQuery=rest_api.stack_name)["items"]
    return [item["name"].removeprefix(f"{rest_api.stack_name}-") for item in items]


def everything_stored() -> str:
    """All that the database holds, sessions among it."""
    rows: list[str] = []
    for model in apps.get_models(include_auto_created=True):
        rows += [repr(values) for values in model._default_manager.values_list()]
    return "\n".join(rows)


def database_files() -> bytes:
    """The bytes of SQLite's files, read by another process.

    Closing such a file in this one would drop this one's locks on it: another process could
    then take the WAL away, and the next connection here ends in "disk I/O error" (SQLite, "How
    To Corrupt An SQLite Database File", 2.2).
    """
    files = [str(path) for path in Path(settings.LOCAL_DIR).glob("*.sqlite3*")]
    return subprocess.run(
        ["cat", *files], stdin=subprocess.DEVNULL, capture_output=True, check=True
    ).stdout


def test_a_key_opens_its_routes_from_the_first_page_on_until_it_is_revoked(
    local_aws: LocalAws,
    as_admin: Client,
    protected: Trigger,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    rest_api = protected.rest_api
    url = local_aws.url(rest_api.api_id, "/orders")

    def status(value: str = "") -> int:
        return httpx.post(url, json={}, headers={"x-api-key": value} if value else {}).status_code

    assert status() == 403
    answer = make(as_admin, rest_api)
    first = value_of(answer)
    assert "no-store" in answer["Cache-Control"]
    assert "it is shown this once" in words(answer)
    assert (status(), status(first), status("wrong" + first)) == (403, 202, 403)

    key = ApiKey.objects.get()
    second = value_of(act(as_admin, "rotate", key, name="acme 2", key=new_key()))
    assert first != second and (status(first), status(second)) == (202, 202)

    revoked = act(as_admin, "revoke", key, name="acme")
    assert revoked["Location"] == rest_api.get_absolute_url()
    assert (status(first), status(second)) == (403, 202)
    page = as_admin.get(rest_api.get_absolute_url())
    assert "Revoked by ada" in words(page) and "acme 2 acme ada" in words(page)

    for value in (first, second):
        assert value not in everything_stored()
        assert value not in caplog.text
        assert value not in page.content.decode()
        assert value.encode() not in database_files()


def test_the_page_says_what_a_key_opens_before_it_is_made(
    as_admin: Client, planned: RestApi
) -> None:
    answer = as_admin.get(reverse("api_key_new", args=[planned.key]))
    assert "A key opens every key-protected route of this REST API" in words(answer)
    assert "no-store" in answer["Cache-Control"]


def test_loading_the_answer_again_shows_no_value_and_makes_no_second_key(
    local_aws: LocalAws, as_admin: Client, planned: RestApi
) -> None:
    key = new_key()
    value = value_of(make(as_admin, planned, key=key))
    again = make(as_admin, planned, key=key)
    assert again.status_code == 409
    assert "that press made the key “acme”" in words(again)
    assert value not in again.content.decode()
    assert in_aws(local_aws, planned) == ["acme"]


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once_it_is_one_key(local_aws: LocalAws, planned: RestApi) -> None:
    key, both = new_key(), Barrier(2)
    with slow("apigateway", "CreateApiKey", lambda: both.wait(10), times=2):
        answers = together(lambda client: make(client, planned, key=key))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert in_aws(local_aws, planned) == ["acme"]
    assert ApiKey.objects.get().name == "acme"


def test_a_key_is_marked_as_this_instance_s_in_aws(
    local_aws: LocalAws, as_admin: Client, planned: RestApi
) -> None:
    make(as_admin, planned)
    found = local_aws.client("apigateway").get_api_key(apiKey=ApiKey.objects.get().key_id)
    assert found["tags"] == {"stepgate:instance": "test", "stepgate:rest-api": planned.key}
    assert found["name"] == f"{planned.stack_name}-acme"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "This field is required"),
        (" ", "This field is required"),
        ("n" * 81, "at most 80 characters"),
        ("a\nb", "one line"),
        ("taken", "There is a valid key “taken” already"),
    ],
)
def test_a_name_that_tells_nothing_is_refused_before_aws_is_asked(
    name: str, said: str, as_admin: Client, planned: RestApi
) -> None:
    ApiKey.objects.create(rest_api=planned, name="taken", key_id="k1", created_by="ada")
    with counting("apigateway", "CreateApiKey") as calls:
        answer = make(as_admin, planned, name)
    assert answer.status_code == 422 and said in words(answer)
    assert calls == []


def test_the_name_of_a_revoked_key_can_be_used_again(as_admin: Client, planned: RestApi) -> None:
    make(as_admin, planned)
    act(as_admin, "revoke", ApiKey.objects.get(), name="acme")
    assert make(as_admin, planned).status_code == 200


def test_before_there_is_a_usage_plan_the_page_says_what_to_do(
    as_admin: Client, trigger: Trigger
) -> None:
    url = reverse("api_key_new", args=[trigger.rest_api.key])
    answer = as_admin.get(url)
    assert answer.status_code == 200
    assert "It comes with the first deployment of a route whose authorization is" in words(answer)
    with counting("apigateway", "CreateApiKey") as calls:
        refused = make(as_admin, trigger.rest_api, "acme")
    assert refused.status_code == 409
    assert 'value="acme"' in refused.content.decode()
    assert calls == [] and not ApiKey.objects.exists()


def test_a_refusal_of_aws_is_told_and_what_was_typed_is_kept(
    as_admin: Client, planned: RestApi
) -> None:
    with failing("apigateway", "CreateApiKey", "AccessDeniedException", "Not for you.", 403):
        answer = make(as_admin, planned, "acme")
    assert answer.status_code == 502
    text = words(answer)
    assert "No key was made." in text and "Allow apigateway:CreateApiKey" in text
    assert 'value="acme"' in answer.content.decode()


def test_a_key_that_cannot_join_the_plan_is_left_to_nobody(
    local_aws: LocalAws, as_admin: Client, planned: RestApi
) -> None:
    with failing("apigateway", "CreateUsagePlanKey", "BadRequestException", "No."):
        assert make(as_admin, planned).status_code == 502
    assert in_aws(local_aws, planned) == [] and not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("name", "next_name"), [("acme", "acme 2"), ("acme 9", "acme 10"), ("n" * 80, "n" * 78 + " 2")]
)
def test_the_key_that_takes_over_is_named_after_the_other(
    name: str, next_name: str, as_admin: Client, planned: RestApi
) -> None:
    key = ApiKey.objects.create(rest_api=planned, name=name, key_id="k1", created_by="ada")
    answer = as_admin.get(reverse("api_key_rotate", args=[planned.key, key.key]))
    assert f'value="{next_name}"' in answer.content.decode()
    assert "Both are valid until you revoke" in words(answer)


def test_a_revoked_key_is_not_rotated(as_admin: Client, planned: RestApi) -> None:
    make(as_admin, planned)
    key = ApiKey.objects.get()
    acts.revoke_api_key(key, by="otto")
    assert act(as_admin, "rotate", key, name="x", key=new_key()).status_code == 302
    assert ApiKey.objects.count() == 1


def test_revoking_asks_for_the_name(
    local_aws: LocalAws, as_admin: Client, planned: RestApi
) -> None:
    make(as_admin, planned)
    key = ApiKey.objects.get()
    url = reverse("api_key_revoke", args=[planned.key, key.key])
    assert "gets 403 Forbidden at once" in words(as_admin.get(url))
    answer = act(as_admin, "revoke", key, name="acm")
    assert answer.status_code == 422 and "This is not the name" in words(answer)
    assert in_aws(local_aws, planned) == ["acme"]


def test_a_key_that_aws_does_not_delete_stays_valid(as_admin: Client, planned: RestApi) -> None:
    make(as_admin, planned)
    key = ApiKey.objects.get()
    with unreachable("apigateway", "DeleteApiKey"):
        answer = act(as_admin, "revoke", key, name="acme")
    assert answer.status_code == 502 and "It is not revoked." in words(answer)
    assert ApiKey.objects.valid().exists()


def test_revoking_twice_or_a_key_that_is_gone_in_aws_is_fine(
    local_aws: LocalAws, as_admin: Client, planned: RestApi
) -> None:
    make(as_admin, planned)
    key = ApiKey.objects.get()
    local_aws.client("apigateway").delete_api_key(apiKey=key.key_id)
    assert act(as_admin, "revoke", key, name="acme").status_code == 302
    answer = act(as_admin, "revoke", key, name="acme")
    assert "was revoked already, by ada" in words(as_admin.get(answer["Location"]))


def test_a_value_can_be_read_to_send_a_request_with(as_admin: Client, planned: RestApi) -> None:
    value = value_of(make(as_admin, planned))
    assert acts.read_api_key(ApiKey.objects.get()) == value


def test_keys_are_shown_only_where_routes_take_them(as_admin: Client, trigger: Trigger) -> None:
    page = trigger.rest_api.get_absolute_url()
    assert 'id="api-keys"' not in as_admin.get(page).content.decode()
    make_trigger(trigger.rest_api.environment, trigger.rest_api, path="/k", authorization="API_KEY")
    text = words(as_admin.get(page))
    assert "Keys can be made once a route that takes them is deployed" in text


@pytest.mark.parametrize("what", ["new", "rotate", "revoke"])
def test_keys_want_a_permission_each_and_a_signed_in_person(
    what: str, client: Client, viewer: User, operator: User, planned: RestApi
) -> None:
    key = ApiKey.objects.create(rest_api=planned, name="acme", key_id="k1", created_by="ada")
    url = reverse(f"api_key_{what}", args=[planned.key, *([key.key] if what != "new" else [])])
    assert "/accounts/login" in client.get(url)["Location"]
    for user in (viewer, operator):
        client.force_login(user)
        assert client.get(url).status_code == client.post(url).status_code == 403
        assert url not in client.get(planned.get_absolute_url()).content.decode()
    needed = "delete_apikey" if what == "revoke" else "add_apikey"
    viewer.user_permissions.add(Permission.objects.get(codename=needed))
    client.force_login(viewer)
    assert client.get(url).status_code == 200
    assert client.delete(url).status_code == 405


def test_a_key_of_another_rest_api_is_no_page(as_admin: Client, planned: RestApi) -> None:
    other = make_trigger(planned.environment).rest_api
    key = ApiKey.objects.create(rest_api=other, name="acme", key_id="k1", created_by="ada")
    for what in ("rotate", "revoke"):
        url = reverse(f"api_key_{what}", args=[planned.key, key.key])
        assert as_admin.get(url).status_code == 404


def test_a_gone_rest_api_gets_no_new_key(as_admin: Client, planned: RestApi) -> None:
    RestApi.objects.filter(pk=planned.pk).update(gone_at="2026-01-01T00:00Z", gone_by="otto")
    assert make(as_admin, planned).status_code == 404
