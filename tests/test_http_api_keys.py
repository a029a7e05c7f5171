"""API keys of a usage plan, made in the dashboard's way, by real HTTP."""

from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from dashboard import acts
from dashboard.models import RestApi
from dashboard.models.rest_api import new_key
from tests.surface import Api, client, error, received, route, serve

pytestmark = pytest.mark.django_db


def _keys(rest_api: RestApi) -> dict[str, Any]:
    """Values by name: acme with its successor, and one that was revoked."""
    made = {}
    first, made["acme"] = acts.create_api_key(rest_api, "acme", form_key=new_key(), by="ada")
    _, made["acme 2"] = acts.create_api_key(
        rest_api, first.next_name, form_key=new_key(), by="ada", replaces=first
    )
    revoked, made["revoked"] = acts.create_api_key(rest_api, "old", form_key=new_key(), by="ada")
    acts.revoke_api_key(revoked, by="ada")
    return made | {"acme id": first.key_id, "plan": rest_api.usage_plan_id}


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    key = {"name": "key", "source": "CONTEXT", "value": "apiKeyId"}
    return serve(
        django_db_blocker,
        route("/one", authorization="API_KEY"),
        route("/two", authorization="API_KEY", input_mode="FIELDS", input_fields=[key]),
        route("/open"),
        also=_keys,
        usage_rate=500,
        usage_burst=500,
    )


@pytest.fixture(scope="module")
def tight(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """A key may call twice a day here."""
    return serve(
        django_db_blocker,
        route("/one", authorization="API_KEY"),
        also=_keys,
        usage_rate=500,
        usage_burst=500,
        usage_quota=2,
        usage_period="DAY",
    )


def call(api: Api, path: str, key: str | None) -> Any:
    return api.call(path, json={}, headers={"x-api-key": key} if key else {})


@pytest.mark.parametrize("key", [None, "", "wrong-key-of-more-than-twenty-characters"])
def test_without_a_valid_key_nothing_starts(api: Api, key: str | None) -> None:
    before = api.started("/one")
    assert error(call(api, "/one", key))[0] == 403
    assert api.started("/one") == before


def test_a_key_opens_every_route_of_its_rest_api_that_asks_for_one(api: Api) -> None:
    assert call(api, "/one", api.made["acme"]).status_code == 202
    assert received(call(api, "/two", api.made["acme"])) == {"key": api.made["acme id"]}


def test_a_key_opens_no_route_of_another_rest_api(api: Api, tight: Api) -> None:
    assert error(call(tight, "/one", api.made["acme"]))[0] == 403


def test_while_a_key_is_rotated_both_are_valid(api: Api) -> None:
    assert call(api, "/one", api.made["acme"]).status_code == 202
    assert call(api, "/one", api.made["acme 2"]).status_code == 202


def test_a_revoked_key_is_refused(api: Api) -> None:
    assert error(call(api, "/one", api.made["revoked"]))[0] == 403


def test_a_route_that_asks_for_no_key_needs_none(api: Api) -> None:
    assert call(api, "/open", None).status_code == 202


def test_a_key_has_its_quota_and_no_other_key_spends_it(tight: Api) -> None:
    key = tight.made["acme"]
    assert [call(tight, "/one", key).status_code for _ in range(2)] == [202, 202]
    assert error(call(tight, "/one", key)) == (429, "QUOTA_EXCEEDED")
    assert call(tight, "/one", tight.made["acme 2"]).status_code == 202


def test_a_key_has_the_rate_of_the_plan(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    slow = serve(
        django_db_blocker,
        route("/one", authorization="API_KEY"),
        also=_keys,
        usage_rate=0.01,
        usage_burst=1,
    )
    assert call(slow, "/one", slow.made["acme"]).status_code == 202
    answer = call(slow, "/one", slow.made["acme"])
    assert error(answer) == (429, "THROTTLED")
    assert answer.headers["retry-after"] == "1"


def test_the_plan_is_as_the_rest_api_says(api: Api, tight: Api) -> None:
    plan = client("apigateway").get_usage_plan(usagePlanId=tight.made["plan"])
    assert (plan["throttle"]["rateLimit"], plan["throttle"]["burstLimit"]) == (500, 500)
    assert (plan["quota"]["limit"], plan["quota"]["period"]) == (2, "DAY")
    assert [stage["apiId"] for stage in plan["apiStages"]] == [tight.api_id]
    assert not client("apigateway").get_usage_plan(usagePlanId=api.made["plan"]).get("quota")
