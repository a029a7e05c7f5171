"""The OpenAPI document of a REST API: valid, and true to what is live."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from infra import openapi, schemas
from infra.spec import ApiSpec, TriggerSpec
from tests.local_aws import machine_arn, trigger

BASE = "https://abc.execute-api.us-east-1.amazonaws.com/prod"
POOLS = tuple(f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_{n}" for n in "AB")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:who"
SCHEMA = {
    "id": "http://example.com/order",
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["n"],
    "definitions": {"count": {"type": "integer", "minimum": 0, "exclusiveMinimum": True}},
    "properties": {
        "n": {"$ref": "#/definitions/count"},
        "again": {"$ref": "#"},
        "pair": {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
    },
    "dependencies": {"again": ["pair"]},
}
EXPRESS = {
    "state_machine_arn": machine_arn("quote"),
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
    "response_status": 200,
}
FIELDS = (
    {"name": "a", "source": "BODY", "value": "$.x.y", "type": "NUMBER", "required": True},
    {"name": "b", "source": "QUERY", "value": "b", "type": "BOOLEAN"},
    {"name": "c", "source": "HEADER", "value": "X-C", "required": True},
    {"name": "d", "source": "CONSTANT", "value": "1"},
)
MATRIX: dict[str, dict[str, Any]] = {
    "body": {},
    "iam": {
        "authorization": "AWS_IAM",
        "status_route": True,
        "cors_origins": ("https://a.example",),
    },
    "key": {"authorization": "API_KEY", "content_types": ("JSON", "FORM", "TEXT")},
    "cognito": {"authorization": "COGNITO_USER_POOLS", "user_pool_arns": POOLS, "scopes": ("o/w",)},
    "token": {"authorization": "CUSTOM", "authorizer_arn": FUNCTION},
    "request": {
        "authorization": "CUSTOM",
        "authorizer_arn": FUNCTION,
        "authorizer_type": "REQUEST",
        "authorizer_sources": ("header.X-Who", "query.who"),
    },
    "whole": {
        "authorization": "CUSTOM",
        "authorizer_arn": FUNCTION,
        "authorizer_type": "REQUEST",
        "authorizer_sources": (),
        "authorizer_ttl": 0,
    },
    "stripe": {"authorization": "SIGNED", "webhook_preset": "STRIPE"},
    "slack": {"authorization": "SIGNED", "webhook_preset": "SLACK", "input_mode": "REQUEST"},
    "github": {"authorization": "SIGNED", "webhook_preset": "GITHUB", "response_mode": "EMPTY"},
    "hmac": {"authorization": "SIGNED", "webhook_timestamp_header": "X-Time"},
    "any": {"method": "ANY", "path": "/files/{proxy+}", "cors_origins": ("*",)},
    "fields": {"input_mode": "FIELDS", "input_fields": FIELDS},
    "schema": {"body_schema": json.dumps(SCHEMA)},
    "idempotent": {
        "idempotency_source": "HEADER",
        "idempotency_key": "Idempotency-Key",
        "on_repeat": "CONFLICT",
        "status_route": True,
        "required_parameters": ("query.tenant", "header.X-C"),
    },
    "sync": {**EXPRESS, "error_statuses": (("OrderNotFound", 404), ("Busy", 429))},
    "part": {**EXPRESS, "response_path": "$.total", "response_type": "NUMBER"},
    "fixed": {
        "method": "GET",
        "input_mode": "FIXED",
        "input_template": "{}",
        "response_mode": "FIXED",
        "response_body": '{"ok": true}',
        "response_headers": (("X-Own", "1"),),
    },
    "vtl": {"input_mode": "VTL", "input_template": "{}", "response_mode": "TEMPLATE"},
    "root": {"path": "/", "method": "PUT"},
}


def api(*triggers: TriggerSpec, **fields: Any) -> ApiSpec:
    values = {"instance": "t", "key": "api12345", "account": "000000000000", "region": "us-east-1"}
    return ApiSpec(**(values | fields), triggers=triggers)


def document(*triggers: TriggerSpec) -> Any:
    made = openapi.document(api(*triggers), BASE, title="orders")
    made = json.loads(json.dumps(made))
    validate(made, cls=OpenAPIV31SpecValidator)
    return made


@pytest.mark.parametrize("name", MATRIX)
def test_the_document_of_each_kind_of_trigger_is_valid(name: str) -> None:
    made = document(trigger(**MATRIX[name]))
    assert made["openapi"] == "3.1.0"
    assert made["info"]["title"] == "orders"
    assert made["servers"] == [{"url": BASE}]


def test_the_document_of_all_kinds_together_is_valid() -> None:
    routes = [
        trigger(**{"path": f"/{name}", "key": f"k{number:07}"} | fields)
        for number, (name, fields) in enumerate(MATRIX.items())
    ]
    made = document(*routes)
    ids = [operation["operationId"] for _, _, operation in _operations(made)]
    assert len(ids) == len(set(ids)) > len(MATRIX)


def _operations(made: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in made["paths"].items():
        for verb, operation in item.items():
            yield verb, path, operation


def test_every_error_has_error_message_and_request_id() -> None:
    made = document(trigger(**MATRIX["idempotent"]))
    answers = made["paths"]["/orders"]["post"]["responses"]
    assert {"202", "400", "403", "409", "413", "415", "429", "502", "504"} <= answers.keys()
    assert made["components"]["schemas"]["Error"]["required"] == ["error", "message", "requestId"]
    waits = made["components"]["responses"]["Error429"]
    assert "Retry-After" in waits["headers"]


def test_the_status_route_is_an_operation_and_the_answer_has_its_location() -> None:
    made = document(trigger(path="/orders/{id}", status_route=True))
    assert "Location" in made["paths"]["/orders/{id}"]["post"]["responses"]["202"]["headers"]
    read = made["paths"]["/orders/{id}/executions/{name}"]["get"]
    assert [parameter["name"] for parameter in read["parameters"]] == ["id", "name"]
    assert "404" in read["responses"]


def test_any_is_each_method_but_those_of_other_routes_and_the_preflight() -> None:
    made = document(
        trigger(method="ANY", cors_origins=("*",)),
        trigger(key="other123", method="GET", cors_origins=("*",)),
    )
    item = made["paths"]["/orders"]
    assert item.keys() == {"get", "put", "post", "delete", "head", "patch"}
    assert item["get"]["operationId"] == "other123"
    assert item["put"]["operationId"] == "order123_put"


def test_a_greedy_variable_says_that_it_takes_slashes() -> None:
    made = document(trigger(**MATRIX["any"]))
    parameter = made["paths"]["/files/{proxy}"]["post"]["parameters"][0]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("proxy", "path", True)
    assert "slashes" in parameter["description"]


def test_parameters_have_their_type_and_whether_they_are_required() -> None:
    made = document(trigger(**MATRIX["fields"], required_parameters=("query.b", "query.t")))
    operation = made["paths"]["/orders"]["post"]
    found = {p["name"]: (p["in"], p["required"], p["schema"]) for p in operation["parameters"]}
    assert found == {
        "b": ("query", True, {"type": "boolean"}),
        "X-C": ("header", True, {"type": "string"}),
        "t": ("query", True, {"type": "string"}),
    }
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["x"]["properties"]["y"] == {"type": "number"}
    assert operation["requestBody"]["required"] is True


def test_a_body_is_described_for_each_content_type() -> None:
    content = document(trigger(**MATRIX["key"]))["paths"]["/orders"]["post"]["requestBody"][
        "content"
    ]
    assert content.keys() == {
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
    }


@pytest.mark.parametrize(
    ("name", "schemes"),
    [
        ("iam", {"sigv4"}),
        ("key", {"apiKey"}),
        ("cognito", {"cognito_us-east-1_A", "cognito_us-east-1_B"}),
        ("token", {"authorizer_header_Authorization"}),
        ("request", {"authorizer_header_X-Who", "authorizer_query_who"}),
        ("whole", {"authorizer_header_Unused"}),
        ("stripe", {"signature_Stripe-Signature"}),
    ],
)
def test_the_security_scheme_is_the_trigger_s_authorization(name: str, schemes: set[str]) -> None:
    made = document(trigger(**MATRIX[name]))
    assert made["components"]["securitySchemes"].keys() == schemes
    wanted = made["paths"]["/orders"]["post"]["security"]
    assert {key for each in wanted for key in each} == schemes


def test_one_token_of_several_pools_is_enough_and_all_sources_of_an_authorizer_are_needed() -> None:
    cognito = document(trigger(**MATRIX["cognito"]))["paths"]["/orders"]["post"]["security"]
    assert cognito == [{"cognito_us-east-1_A": ["o/w"]}, {"cognito_us-east-1_B": ["o/w"]}]
    custom = document(trigger(**MATRIX["request"]))["paths"]["/orders"]["post"]["security"]
    assert custom == [{"authorizer_header_X-Who": [], "authorizer_query_who": []}]


def test_sigv4_is_marked_as_api_gateway_exports_it() -> None:
    made = document(trigger(authorization="AWS_IAM"))
    assert made["components"]["securitySchemes"]["sigv4"] == {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    }


def test_a_public_route_asks_for_nothing() -> None:
    made = document(trigger())
    assert made["paths"]["/orders"]["post"]["security"] == []
    assert "securitySchemes" not in made["components"]


def test_failed_workflows_answer_their_own_statuses() -> None:
    answers = document(trigger(**MATRIX["sync"]))["paths"]["/orders"]["post"]["responses"]
    assert "OrderNotFound" in answers["404"]["description"]
    assert "any other error" in answers["502"]["description"]


# -- schemas of draft 4 -------------------------------------------------------------------


def body_validator(schema: Any) -> Draft202012Validator:
    """What a reader of the document would check a body with."""
    made = document(trigger(body_schema=json.dumps(schema)))
    place = {"$ref": "#/components/schemas/Body_order123"}
    return Draft202012Validator({**place, "components": made["components"]})


@pytest.mark.parametrize(
    "body",
    [{"n": 1}, {"n": 0}, {}, {"n": 1, "again": {"n": 2}}, {"n": 1, "again": {"n": 2}, "pair": []}]
    + [{"n": 1, "pair": pair} for pair in ([], ["a"], ["a", "b"], [1])]
    + [{"n": 1, "again": {"n": 0}, "pair": []}, [], None, "x"],
)
def test_a_schema_takes_the_same_bodies_as_before(body: Any) -> None:
    assert body_validator(SCHEMA).is_valid(body) is Draft4Validator(SCHEMA).is_valid(body)


def _schemas() -> st.SearchStrategy[Any]:
    number = st.integers(-3, 3)
    plain = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["integer", "number", "string", "object", "array", "boolean"]),
            "minimum": number,
            "maximum": number,
            "exclusiveMinimum": st.booleans(),
            "exclusiveMaximum": st.booleans(),
            "enum": st.lists(st.integers(0, 3), min_size=1, unique=True),
            "required": st.lists(st.sampled_from("ab"), min_size=1, unique=True),
            "minItems": st.integers(0, 2),
        },
    ).filter(
        # Draft 4: an exclusive limit needs its limit.
        lambda s: all(
            f"exclusive{n.capitalize()}" not in s or n in s for n in ("minimum", "maximum")
        )
    )

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
                "additionalProperties": inner | st.booleans(),
                "items": inner | st.lists(inner, min_size=1, max_size=2),
                "additionalItems": inner | st.booleans(),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
                "dependencies": st.dictionaries(st.sampled_from("ab"), inner | st.just(["b"])),
                "$ref": st.sampled_from(["#/definitions/one"]),
            },
        )

    tree = st.recursive(plain, deeper, max_leaves=6)
    return st.tuples(tree, plain).map(lambda two: {**two[0], "definitions": {"one": two[1]}})


_BODIES = st.recursive(
    st.integers(-3, 4) | st.booleans() | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(schema=_schemas(), body=_BODIES)
def test_any_schema_takes_the_same_bodies_as_before(schema: Any, body: Any) -> None:
    schema.pop("$ref", None)  # at the top it would hide the definitions
    made = schemas.upgraded(schema, "/in/it")
    Draft202012Validator.check_schema(made)
    upgraded = Draft202012Validator({"$ref": "#/in/it", "in": {"it": made}})
    assert upgraded.is_valid(body) is Draft4Validator(schema).is_valid(body)


@pytest.mark.parametrize(
    ("schema", "body", "said"),
    [
        ('{"type": "object"}', "[1", "not JSON: Expecting ',' delimiter at line 1, column 3"),
        ('{"properties": {"a": {"type": "string"}}}', '{"a": 1}', "at $.a: 1 is not of type"),
        ('{"$ref": "http://127.0.0.1:1/x"}', "{}", "refers to what is not in it"),
        ('{"$ref": "#"}', "{}", "cannot be tried"),
        ('{"pattern": "(a+)+$"}', '"' + "a" * 40 + '!"', "could run for years"),
        ('{"patternProperties": {"(": {}}}', '{"a": 1}', "no regular expression"),
        ('{"type": "object"}', '{"a": 1}', ""),
    ],
)
def test_a_body_that_does_not_pass_is_told_where(schema: str, body: str, said: str) -> None:
    found = schemas.problem(schema, body)
    assert said in found and bool(found) is bool(said)
