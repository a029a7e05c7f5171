"""Request validators of the embedded AWS: what is refused, and in which words."""

from typing import Any

import httpx
import pytest

from tests.local_stack import Part, deploy, method, resource, rest_api, starts, url

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["orderId", "total"],
    "additionalProperties": False,
    "properties": {
        "orderId": {"type": "string", "pattern": "^A-", "maxLength": 6},
        "total": {"type": "number", "minimum": 0},
        "kind": {"enum": ["new", "old"]},
        "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/item"}},
    },
    "definitions": {"item": {"type": "object", "required": ["sku"]}},
}


def api(**flags: Any) -> dict[str, Part]:
    """POST /orders → long-wait with a model and two required parameters, validated."""
    checks = {"ValidateRequestBody": True, "ValidateRequestParameters": True} | flags
    route = method(
        starts(
            RequestTemplates={
                kind: starts()["RequestTemplates"]["application/json"]
                for kind in ("application/json", "text/plain")
            }
        ),
        RequestValidatorId={"Ref": "Validator"},
        RequestModels={"application/json": {"Ref": "Model"}},
        RequestParameters={
            "method.request.header.X-Tenant": True,
            "method.request.querystring.page": True,
            "method.request.querystring.size": False,
        },
    )
    owner = {"RestApiId": {"Ref": "Api"}}
    return rest_api(
        route,
        others={
            "Validator": resource("ApiGateway::RequestValidator", **owner, Name="all", **checks),
            "Model": resource(
                "ApiGateway::Model", **owner, ContentType="application/json", Schema=SCHEMA
            ),
        },
    )


@pytest.fixture(scope="module")
def orders() -> str:
    return url(deploy(api(), Api={"Ref": "Api"})["Api"])


GOOD = {"orderId": "A-1", "total": 1.5}


def post(orders: str, body: Any = None, **request: Any) -> httpx.Response:
    given = {"params": {"page": "1"}, "headers": {"X-Tenant": "t"}} | request
    if "content" not in given:
        given["json"] = GOOD if body is None else body
    return httpx.post(orders, **given)


def test_a_valid_request_goes_on(orders: str) -> None:
    assert post(orders).status_code == 202


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, '[object has missing required properties (["orderId","total"])]'),
        (
            [],
            "[instance type (array) does not match any allowed primitive type "
            '(allowed: ["object"])]',
        ),
        (
            GOOD | {"total": "1"},
            "[instance type (string) does not match any allowed primitive type "
            '(allowed: ["integer","number"])]',
        ),
        (
            GOOD | {"total": -1},
            "[numeric instance is lower than the required minimum (minimum: 0, found: -1)]",
        ),
        (
            GOOD | {"orderId": "B-1"},
            '[ECMA 262 regex "^A-" does not match input string "B-1"]',
        ),
        (
            GOOD | {"orderId": "A-12345"},
            '[string "A-12345" is too long (length: 7, maximum allowed: 6)]',
        ),
        (
            GOOD | {"kind": "x"},
            '[instance value ("x") not found in enum (possible values: ["new","old"])]',
        ),
        (
            GOOD | {"more": 1},
            '[object instance has properties which are not allowed by the schema: ["more"]]',
        ),
        (
            GOOD | {"items": []},
            "[array is too short: must have at least 1 elements but instance has 0 elements]",
        ),
        (GOOD | {"items": [{}]}, '[object has missing required properties (["sku"])]'),
    ],
)
def test_a_body_that_its_model_refuses_says_why(orders: str, body: Any, said: str) -> None:
    answer = post(orders, body)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "BAD_REQUEST_BODY",
        "message": "Invalid request body",
        "validation": said,
    }


@pytest.mark.parametrize("body", [b"", b"{", b"text"])
def test_a_body_that_is_no_json_is_refused(orders: str, body: bytes) -> None:
    answer = post(orders, content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "BAD_REQUEST_BODY")


def test_parameters_of_the_content_type_do_not_matter(orders: str) -> None:
    headers = {"X-Tenant": "t", "Content-Type": "application/json; charset=utf-8"}
    assert post(orders, content=b"{}", headers=headers).status_code == 400


def test_a_content_type_without_a_model_is_not_validated(orders: str) -> None:
    headers = {"X-Tenant": "t", "Content-Type": "text/plain"}
    assert post(orders, content=b"{}", headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("request_", "missing"),
    [
        ({"params": {}}, "page"),
        ({"headers": {}}, "X-Tenant"),
        ({"params": {"page": ""}}, "page"),
        ({"params": {}, "headers": {}}, "X-Tenant, page"),
    ],
)
def test_a_missing_parameter_is_named(orders: str, request_: Any, missing: str) -> None:
    answer = post(orders, **request_)
    assert answer.status_code == 400
    assert answer.json()["error"] == "BAD_REQUEST_PARAMETERS"
    assert answer.json()["message"] == f"Missing required request parameters: [{missing}]"


def test_a_changed_validator_checks_what_it_says() -> None:
    made = deploy(api(), Api={"Ref": "Api"})
    orders = url(made["Api"])
    assert post(orders, {}).status_code == 400
    deploy(api(ValidateRequestBody=False), name=made["Stack"], Api={"Ref": "Api"})
    assert post(orders, {}).status_code == 202
    assert post(orders, {}, params={}).status_code == 400
