"""What callers meet after a REST API or a trigger was changed and deployed again."""

from typing import Any

import httpx
import pytest

from dashboard import acts, aws
from dashboard.models import Environment, RestApi, Trigger
from dashboard.models.rest_api import new_key
from tests.conftest import deploy, make_trigger
from tests.local_aws import LocalAws
from tests.surface import LISTED, UNLISTED, error, received, route

pytestmark = pytest.mark.django_db


@pytest.fixture
def trigger(environment: Environment, local_aws: LocalAws) -> Trigger:
    """POST /orders, live and open to all."""
    made = make_trigger(environment, **route("/orders"))
    assert deploy(made).status == "SUCCEEDED"
    return made


def change(trigger: Trigger, **values: Any) -> None:
    trigger.save_version(values, by="ada")
    assert deploy(trigger).status == "SUCCEEDED"


def change_api(trigger: Trigger, **values: Any) -> RestApi:
    """Its REST API with these settings, deployed."""
    rest_api = RestApi.objects.get(pk=trigger.rest_api_id)
    for name, value in values.items():
        setattr(rest_api, name, value)
    rest_api.save()
    trigger.rest_api = rest_api
    assert deploy(trigger).status == "SUCCEEDED"
    return RestApi.objects.get(pk=rest_api.pk)


def url(trigger: Trigger, path: str = "/orders") -> str:
    rest_api = RestApi.objects.select_related("environment").get(pk=trigger.rest_api_id)
    return aws.invoke_url(rest_api.environment, rest_api.api_id, rest_api.stage_name) + path


def call(trigger: Trigger, path: str = "/orders", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url(trigger, path), json={"a": 1}, headers=named)


def test_an_open_route_is_closed_by_a_new_authorization(trigger: Trigger) -> None:
    assert call(trigger).status_code == 202
    change(trigger, authorization="AWS_IAM")
    assert error(call(trigger)) == (403, "MISSING_AUTHENTICATION_TOKEN")
    change(trigger, authorization="NONE")
    assert call(trigger).status_code == 202


def test_a_new_input_and_answer_are_met_at_once(trigger: Trigger) -> None:
    change(trigger, input_mode="FIXED", input_template='{"fixed": true}', response_status=200)
    answer = call(trigger)
    assert answer.status_code == 200
    answer.status_code = 202
    assert received(answer) == {"fixed": True}


def test_a_schema_holds_and_is_lifted(trigger: Trigger) -> None:
    change(trigger, body_schema='{"type": "array"}')
    assert error(call(trigger)) == (400, "BAD_REQUEST_BODY")
    change(trigger, body_schema='{"required": ["a"]}')
    assert call(trigger).status_code == 202
    change(trigger, body_schema="")
    assert call(trigger).status_code == 202


def test_a_moved_route_answers_at_its_new_path_alone(trigger: Trigger) -> None:
    change(trigger, path="/purchases/{id}")
    assert call(trigger, "/purchases/7").status_code == 202
    assert error(call(trigger)) == (403, "MISSING_AUTHENTICATION_TOKEN")


def test_a_list_of_addresses_holds_and_is_lifted(trigger: Trigger) -> None:
    change_api(trigger, allowed_addresses=["203.0.113.0/24"])
    assert call(trigger, X_Forwarded_For=LISTED).status_code == 202
    assert error(call(trigger, X_Forwarded_For=UNLISTED)) == (403, "ACCESS_DENIED")
    change_api(trigger, allowed_addresses=["198.51.100.0/24"])
    assert error(call(trigger, X_Forwarded_For=LISTED)) == (403, "ACCESS_DENIED")
    change_api(trigger, allowed_addresses=[])
    assert call(trigger, X_Forwarded_For=UNLISTED).status_code == 202


def test_a_renamed_stage_answers_under_its_new_name_and_keys_still_open(trigger: Trigger) -> None:
    change(trigger, authorization="API_KEY")
    rest_api = RestApi.objects.get(pk=trigger.rest_api_id)
    _, value = acts.create_api_key(rest_api, "acme", form_key=new_key(), by="ada")
    old = url(trigger)
    assert call(trigger, X_Api_Key=value).status_code == 202
    change_api(trigger, stage_name="live", allowed_addresses=["203.0.113.0/24"])
    assert url(trigger) != old
    headers = {"X-Api-Key": value, "X-Forwarded-For": LISTED}
    assert httpx.post(old, json={}, headers=headers).status_code == 403
    assert call(trigger, X_Api_Key=value, X_Forwarded_For=LISTED).status_code == 202
    refused = call(trigger, X_Api_Key=value, X_Forwarded_For=UNLISTED)
    assert error(refused) == (403, "ACCESS_DENIED")


def test_a_trigger_of_its_own_beside_another_leaves_that_one_as_it_is(trigger: Trigger) -> None:
    other = make_trigger(
        trigger.rest_api.environment, trigger.rest_api, **route("/other", authorization="AWS_IAM")
    )
    assert deploy(other).status == "SUCCEEDED"
    assert received(call(trigger)) == {"a": 1}
    assert error(call(trigger, "/other")) == (403, "MISSING_AUTHENTICATION_TOKEN")


def test_an_origin_of_the_errors_is_met_at_once(trigger: Trigger) -> None:
    assert "access-control-allow-origin" not in call(trigger, "/nowhere").headers
    change_api(trigger, cors_origin="https://shop.example.com")
    answer = call(trigger, "/nowhere")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"
