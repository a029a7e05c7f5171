"""In the template: what is asked for goes live, can be read again, and moves freely."""

import json
from typing import Any

import pytest

from infra.spec import ApiSpec, TriggerSpec
from tests.local_aws import machine_arn
from tests.stacks import (
    FUNCTION,
    POOL,
    domain,
    method,
    method_id,
    only,
    role,
    route,
    spec,
    template,
)

Fields = dict[str, Any]
CUSTOM: Fields = {"authorization": "CUSTOM"}
COGNITO: Fields = {"authorization": "COGNITO_USER_POOLS"}
SIGNED: Fields = {"authorization": "SIGNED"}
FILTER: Fields = SIGNED | {
    "webhook_filter_source": "HEADER",
    "webhook_filter": "X-Event",
    "webhook_events": ("push",),
}
REQUEST: Fields = {"input_mode": "REQUEST"}
KEYED: Fields = {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"}
SYNC: Fields = {
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
}
FIELD: Fields = {"name": "id", "source": "BODY", "value": "$.id"}

TRIGGER: dict[str, tuple[Fields, Any]] = {
    "key": ({}, "other001"),
    "method": ({}, "PUT"),
    "path": ({}, "/refunds"),
    "state_machine_arn": ({}, machine_arn("refund")),
    "machine_type": ({}, "EXPRESS"),
    "authorization": ({}, "NONE"),
    "user_pool_arns": (COGNITO, (POOL, POOL.replace("Ab", "Zz"))),
    "scopes": (COGNITO, ("shop/write",)),
    "authorizer_arn": (CUSTOM, f"{FUNCTION}:live"),
    "authorizer_type": (CUSTOM, "REQUEST"),
    "authorizer_sources": (CUSTOM, ("header.X-Token",)),
    "authorizer_ttl": (CUSTOM, 0),
    "webhook_preset": (SIGNED, "GITHUB"),
    "webhook_header": (SIGNED, "X-Signed"),
    "webhook_algorithm": (SIGNED, "sha1"),
    "webhook_encoding": (SIGNED, "base64"),
    "webhook_prefix": (SIGNED, "v1="),
    "webhook_timestamp_header": (SIGNED, "X-Time"),
    "webhook_tolerance": (SIGNED, 60),
    "webhook_filter_source": (FILTER, ""),
    "webhook_filter": (FILTER, "X-Kind"),
    "webhook_events": (FILTER, ("push", "pull")),
    "throttle_rate": ({}, 9.5),
    "throttle_burst": ({}, 19),
    "cors_origins": ({}, ("https://a.example",)),
    "input_mode": ({}, "REQUEST"),
    "input_template": ({"input_mode": "FIXED", "input_template": "{}"}, "[]"),
    "input_headers": (REQUEST, ("X-Tenant",)),
    "input_claims": (REQUEST, ("claims.sub",)),
    "input_fields": (
        {"input_mode": "FIELDS", "input_fields": (FIELD,)},
        (FIELD | {"required": True},),
    ),
    "content_types": ({}, ("JSON", "TEXT")),
    "body_schema": ({"body_schema": "{}"}, '{"type": "object"}'),
    "required_parameters": ({}, ("query.q",)),
    "idempotency_source": (KEYED, ""),
    "idempotency_key": (KEYED, "X-Key"),
    "on_repeat": (KEYED, "CONFLICT"),
    "action": (
        {"machine_type": "EXPRESS", "response_mode": "EMPTY"},
        "StartSyncExecution",
    ),
    "response_mode": ({}, "EMPTY"),
    "response_status": ({}, 200),
    "response_body": ({"response_mode": "FIXED", "response_body": "{}"}, "[]"),
    "response_path": (SYNC, "$.order.id"),
    "response_type": (SYNC | {"response_path": "$.total"}, "NUMBER"),
    "response_headers": ({}, (("X-Build", "1"),)),
    "error_statuses": (SYNC, (("OrderNotFound", 404),)),
    "error_default": (SYNC, 500),
    "status_route": ({}, True),
}
"""Field of a trigger → the other fields, and what it is changed to."""

API: dict[str, tuple[Fields, Any]] = {
    "instance": ({}, "other"),
    "key": ({}, "bcdefgh1"),
    "account": ({}, "111122223333"),
    "region": ({}, "eu-central-1"),
    "stage_name": ({}, "live"),
    "tracing": ({}, True),
    "tags": ({}, (("team", "orders"),)),
    "cors_origin": ({}, "https://a.example"),
    "allowed_addresses": ({}, ("10.0.0.0/8",)),
    "usage_rate": ({}, 5),
    "usage_burst": ({}, 5),
    "usage_quota": ({}, 100),
    "usage_period": ({"usage_quota": 100}, "WEEK"),
    "domain_name": ({}, "api.example.com"),
    "base_path": ({"domain_name": "api.example.com"}, "shop"),
    "triggers": ({}, (route(1, "API_KEY"), route(2))),
}
"""Field of a REST API with a route that wants a key → the other fields, and its new value."""


def deployment(wanted: ApiSpec) -> str:
    return only(template(wanted), "ApiGateway::Deployment")[0]


def test_the_changes_below_are_of_every_field() -> None:
    assert set(TRIGGER) == set(TriggerSpec.model_fields)
    assert set(API) == set(ApiSpec.model_fields)


@pytest.mark.parametrize("field", TRIGGER)
def test_each_changed_field_of_a_trigger_goes_live(field: str) -> None:
    """What is not in a new deployment resource, the stage does not serve."""
    others, value = TRIGGER[field]
    before, after = (
        spec(route(1, **({"authorization": "AWS_IAM"} | fields)))
        for fields in (others, others | {field: value})
    )
    assert before != after
    assert deployment(before) != deployment(after)


@pytest.mark.parametrize("field", API)
def test_each_changed_field_of_a_rest_api_goes_live(field: str) -> None:
    others, value = API[field]
    own = {"triggers": (route(1, "API_KEY"),)}
    before, after = spec(**(own | others)), spec(**(own | others | {field: value}))
    assert before != after
    assert deployment(before) != deployment(after)


def test_the_order_of_triggers_changes_nothing() -> None:
    routes = [route(number, status_route=True, body_schema="{}") for number in range(1, 6)]
    there, back = template(spec(*routes)), template(spec(*reversed(routes)))
    assert there["Resources"] == back["Resources"]


@pytest.mark.parametrize("field", TRIGGER)
def test_the_spec_can_be_read_again_from_the_template(field: str) -> None:
    others, value = TRIGGER[field]
    wanted = spec(route(1, **({"authorization": "AWS_IAM"} | others | {field: value})))
    kept = template(wanted)["Metadata"]["stepgate"]
    assert ApiSpec.model_validate(kept) == wanted
    assert kept == wanted.model_dump(mode="json", exclude_defaults=True)


@pytest.mark.parametrize("field", API)
def test_the_rest_api_s_own_fields_can_be_read_again(field: str) -> None:
    others, value = API[field]
    wanted = spec(**({"triggers": (route(1, "API_KEY"),)} | others | {field: value}))
    assert ApiSpec.model_validate(template(wanted)["Metadata"]["stepgate"]) == wanted


def test_a_domain_s_spec_can_be_read_again() -> None:
    kept = template(domain())["Metadata"]["stepgate"]
    assert type(domain()).model_validate(kept) == domain()


def test_a_trigger_that_takes_the_route_of_another_keeps_its_method() -> None:
    """CloudFormation would make the new one first: "Method already exists for this resource"."""
    before = template(spec(route(1, path="/orders"), route(2, path="/refunds")))
    swapped = template(spec(route(1, path="/refunds"), route(2, path="/orders")))
    replaced = template(spec(route(3, "SIGNED", path="/orders"), route(2, path="/refunds")))
    for path in ("/orders", "/refunds"):
        kept = method_id(before, "POST", path)
        assert method_id(swapped, "POST", path) == kept
        assert method_id(replaced, "POST", path) == kept
    assert method(before, "POST", "/orders") != method(swapped, "POST", "/orders")


@pytest.mark.parametrize("authorization", ["AWS_IAM", "SIGNED"])
def test_a_route_that_a_trigger_has_left_can_start_nothing(authorization: str) -> None:
    """A deployment is taken before old routes go, so they are served until the next one."""
    before = template(spec(route(1, authorization, path="/orders", status_route=False)))
    after = template(spec(route(1, authorization, path="/moved", status_route=False)))
    left = method(before, "POST", "/orders")["Integration"]["Credentials"]
    assert role(before, left)[0] == "apigateway.amazonaws.com"
    assert left["Fn::GetAtt"][0] not in after["Resources"]


def test_a_status_route_that_has_moved_leaves_no_role_behind() -> None:
    before = template(spec(route(1, path="/orders", status_route=True)))
    after = template(spec(route(1, path="/moved", status_route=True)))
    status = method(before, "GET", "/orders/executions/{name}")["Integration"]["Credentials"]
    assert status["Fn::GetAtt"][0] not in after["Resources"]


def test_a_changed_authorizer_is_a_new_one_with_another_name() -> None:
    before = template(spec(route(1, "CUSTOM")))
    after = template(spec(route(1, "CUSTOM", authorizer_ttl=60)))
    old, new = (only(made, "ApiGateway::Authorizer") for made in (before, after))
    assert old[0] != new[0] and old[1]["Name"] != new[1]["Name"]


def test_a_template_has_no_secret_and_nothing_that_cloudformation_would_fill_in() -> None:
    text = json.dumps(template(spec(route(1, "SIGNED"), route(2, "API_KEY"), route(3, "CUSTOM"))))
    assert "{{resolve:" not in text and "Fn::Sub" not in text and "${Token" not in text
