"""What a caller sends, and what the execution gets of it, by real HTTP."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.local_aws import machine_arn
from tests.surface import Api, echo, error, execution, received, route, serve

pytestmark = pytest.mark.django_db
FORM, TEXT = "application/x-www-form-urlencoded", "text/plain"
HEADER = 'it\'s "quoted" \\ $context.requestId ${x} #end @@ %41'
NASTY = 'it\'s "quoted" \\ \n $context.requestId ${x} #set($y = 1) #end @@ %41 😀 \u2028'


def row(name: str, source: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "source": source, "value": value, **more}


ROWS = [
    row("order", "BODY", "$.order.id", required=True),
    row("items", "BODY", "$.items", type="JSON", default="[]"),
    row("total", "BODY", "$.total", type="NUMBER", default="0"),
    row("gift", "BODY", "$.gift", type="BOOLEAN"),
    row("page", "QUERY", "page", type="NUMBER", default="1"),
    row("dry run", "QUERY", "dry-run", type="BOOLEAN", default="false"),
    row("tenant", "HEADER", "X-Tenant", required=True),
    row("id", "PATH", "id", type="NUMBER"),
    row("agent", "CONTEXT", "userAgent"),
    row("method", "CONTEXT", "method"),
    row('a "constant" $x', "CONSTANT", '{"$ref": "#/1.10"}'),
]
VTL = (
    '#set($b = $input.path("$"))'
    '{"stateMachineArn": "%s", "input": "{\\"sum\\": $b.values.size(), \\"who\\": \\"$b.who\\"}"}'
)
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["sku"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
        "quantity": {"type": "integer", "minimum": 1},
    },
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    every = ["JSON", "FORM", "TEXT"]
    return serve(
        django_db_blocker,
        route("/body", content_types=every),
        route("/fixed", input_mode="FIXED", input_template=json.dumps({"text": NASTY})),
        route(
            "/whole/{id}/{rest+}",
            method="ANY",
            input_mode="REQUEST",
            input_headers=["X-Tenant", "Content-Type"],
            content_types=every,
        ),
        route("/fields/{id}", input_mode="FIELDS", input_fields=ROWS),
        route("/vtl", input_mode="VTL", input_template=VTL % machine_arn(echo())),
        route("/json"),
        route("/", method="GET", input_mode="FIXED", input_template="[1.10]"),
    )


@pytest.fixture(scope="module")
def checked(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        route("/schema", body_schema=json.dumps(SCHEMA)),
        route("/parameters", required_parameters=["header.X-Tenant", "query.page"]),
        route(
            "/both",
            body_schema=json.dumps({"type": "array"}),
            required_parameters=["query.page"],
        ),
    )


def post(api: Api, path: str, body: str, kind: str = "application/json") -> httpx.Response:
    return api.call(path, content=body.encode(), headers={"Content-Type": kind})


@pytest.mark.parametrize("body", ['{"a": 1.10, "b": [null, true]}', "[]", '"text"', "7", "null"])
def test_a_body_goes_on_as_it_was_sent(api: Api, body: str) -> None:
    found = execution(post(api, "/body", body))
    assert found["input"] == body


def test_an_execution_is_named_after_its_trigger_and_its_request(api: Api) -> None:
    answer = post(api, "/body", "{}")
    assert execution(answer)["name"] == f"{api.key('/body')}-{answer.json()['requestId']}"


def test_a_fixed_input_is_what_was_typed_whatever_is_sent(api: Api) -> None:
    for body in ("{}", "no JSON", ""):
        assert received(post(api, "/fixed", body)) == {"text": NASTY}
    assert execution(api.call("/", method="GET"))["input"] == "[1.10]"


def test_the_whole_request_is_the_input(api: Api) -> None:
    answer = api.call(
        "/whole/7%208/a/b?page=2&q=it%27s%20%22%24x%22",
        method="PUT",
        json={"text": NASTY},
        headers={"x-tenant": HEADER, "X-Secret": "no", "User-Agent": 'a "b"'},
    )
    said = received(answer)
    assert said["context"].pop("path").endswith("/whole/7%208/a/b")
    assert said == {
        "body": {"text": NASTY},
        "query": {"page": "2", "q": 'it\'s "$x"'},
        "path": {"id": "7 8", "rest": "a/b"},
        "headers": {"X-Tenant": HEADER, "Content-Type": "application/json"},
        "context": {
            "requestId": answer.json()["requestId"],
            "sourceIp": "127.0.0.1",
            "userAgent": 'a "b"',
            "method": "PUT",
        },
    }


@pytest.mark.parametrize(
    ("kind", "body", "seen"),
    [
        (FORM, urlencode({"a": NASTY, "b c": ""}), {"a": NASTY, "b c": ""}),
        (FORM, "a=1&a=2&=3&b&&c=d=e+f", {"a": "1", "b": "", "c": "d=e f"}),
        (TEXT, NASTY, NASTY),
        (FORM, "", {}),
        (TEXT, "", "{}"),
        (f"{TEXT}; charset=utf-8", "7", "7"),
        ("application/json; charset=utf-8", "[7]", [7]),
    ],
)
def test_forms_and_texts_become_json(api: Api, kind: str, body: str, seen: Any) -> None:
    assert received(post(api, "/body", body, kind)) == seen
    said = received(post(api, "/whole/1/2", body, kind))
    assert said["body"] == seen
    assert said["headers"] == {"Content-Type": kind}


def test_a_mapping_gives_each_field_and_no_other(api: Api) -> None:
    answer = api.call(
        "/fields/42?page=3&dry-run=true&other=1",
        json={"order": {"id": NASTY}, "items": [{"a": NASTY}], "total": 1.5, "gift": True, "x": 1},
        headers={"X-Tenant": 'it\'s "$x"', "User-Agent": "\"},{'"},
    )
    assert received(answer) == {
        "order": NASTY,
        "items": [{"a": NASTY}],
        "total": 1.5,
        "gift": True,
        "page": 3,
        "dry run": True,
        "tenant": 'it\'s "$x"',
        "id": 42,
        "agent": "\"},{'",
        "method": "POST",
        'a "constant" $x': {"$ref": "#/1.10"},
    }


def test_what_is_missing_becomes_its_default(api: Api) -> None:
    answer = api.call("/fields/1", json={"order": {"id": "7"}}, headers={"x-tenant": "acme"})
    said = received(answer)
    assert (said["items"], said["total"], said["gift"]) == ([], 0, None)
    assert (said["page"], said["dry run"], said["tenant"]) == (1, False, "acme")


@pytest.mark.parametrize(
    ("path", "body", "headers", "said"),
    [
        ("/fields/1", {}, {"X-Tenant": "a"}, "Send the body's $.order.id as a string."),
        ("/fields/1", {"order": {"id": ""}}, {"X-Tenant": "a"}, "Send the body's $.order.id"),
        ("/fields/1", {"order": {"id": 7}}, {"X-Tenant": "a"}, "$.order.id as a string."),
        ("/fields/1", {"order": {"id": "7"}}, {}, "Send the header X-Tenant as a string."),
        ("/fields/1?page=two", {"order": {"id": "7"}}, {"X-Tenant": "a"}, "page as a number"),
        ("/fields/1?page=0x1", {"order": {"id": "7"}}, {"X-Tenant": "a"}, "page as a number"),
        ("/fields/1?dry-run=1", {"order": {"id": "7"}}, {"X-Tenant": "a"}, "true or false"),
        ("/fields/x", {"order": {"id": "7"}}, {"X-Tenant": "a"}, "the path's id as a number"),
        (
            "/fields/1",
            {"order": {"id": "7"}, "total": "1.5"},
            {"X-Tenant": "a"},
            "Send the body's $.total as a number, or leave it.",
        ),
    ],
)
def test_a_missing_or_wrong_field_is_named(
    api: Api, path: str, body: Any, headers: dict[str, str], said: str
) -> None:
    before = api.started("/fields/{id}")
    answer = api.call(path, json=body, headers=headers)
    assert error(answer) == (400, "BadRequest")
    assert said in answer.json()["message"]
    assert api.started("/fields/{id}") == before


@pytest.mark.parametrize(
    ("path", "called"),
    [
        ("/body", "/body"),
        ("/whole/{id}/{rest+}", "/whole/1/2"),
        ("/fields/{id}", "/fields/1"),
        ("/json", "/json"),
    ],
)
@pytest.mark.parametrize("body", ["no JSON", '{"a": 1', '{"order": {"id": "1"}}}', "{'a': 1}"])
def test_a_body_that_is_no_json_is_refused(api: Api, path: str, called: str, body: str) -> None:
    before = api.started(path)
    headers = {"Content-Type": "application/json", "X-Tenant": "a"}
    answer = api.call(called, content=body.encode(), headers=headers)
    assert error(answer) in [(400, "BadRequest"), (400, "InvalidExecutionInput")]
    assert api.started(path) == before


def test_a_body_never_ends_its_own_place_in_the_whole_request(api: Api) -> None:
    """What begins as a JSON string does is not told from one; it stays one text."""
    said = received(post(api, "/whole/1/2", '"},"body":7,"x":{"'))
    assert set(said) == {"body", "query", "path", "headers", "context"}
    assert said["body"] == '"},"body":7,"x":{"'


def test_a_mapping_template_is_taken_as_it_was_written(api: Api) -> None:
    answer = api.call("/vtl", json={"values": [1, 2, 3], "who": "ada"})
    assert received(answer) == {"sum": 3, "who": "ada"}


@pytest.mark.parametrize("kind", ["application/xml", TEXT, FORM, "multipart/form-data", "x"])
def test_another_content_type_is_refused_in_json(api: Api, kind: str) -> None:
    before = api.started("/json")
    assert error(post(api, "/json", "{}", kind)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert api.started("/json") == before


def test_a_body_without_a_content_type_is_json(api: Api) -> None:
    answer = api.call("/json", content=b'{"a": 1}')
    assert "content-type" not in answer.request.headers
    assert received(answer) == {"a": 1}


@pytest.mark.parametrize("path", ["/body", "/whole/1/2"])
@pytest.mark.parametrize(
    "body", ["&".join(f"a{n}=1" for n in range(1_001)), "a=%", "a=%4", "a=%zz", "%=1"]
)
def test_a_form_that_is_too_long_or_malformed_is_refused(api: Api, path: str, body: str) -> None:
    answer = post(api, path, body, FORM)
    assert error(answer) == (400, "BadRequest")
    assert "1,000 pairs" in answer.json()["message"]


def test_a_form_of_1000_pairs_is_taken(api: Api) -> None:
    body = "&".join(f"a{n}={n}" for n in range(1_000))
    assert received(post(api, "/body", body, FORM)) == {f"a{n}": str(n) for n in range(1_000)}


def test_a_body_that_fits_the_schema_is_taken(checked: Api) -> None:
    assert received(post(checked, "/schema", '{"sku": "MUG-7"}')) == {"sku": "MUG-7"}


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"sku": 7}',
        '{"sku": "mug"}',
        '{"sku": "MUG-7", "quantity": 0}',
        '{"sku": "MUG-7", "x": 1}',
        "[]",
        "no JSON",
        "",
    ],
)
def test_a_body_that_does_not_fit_is_refused(checked: Api, body: str) -> None:
    before = checked.started("/schema")
    assert error(post(checked, "/schema", body)) == (400, "BAD_REQUEST_BODY")
    assert checked.started("/schema") == before


@pytest.mark.parametrize("kind", [TEXT, FORM, "application/xml", "text/json", "x/y"])
def test_no_other_content_type_walks_past_the_schema(checked: Api, kind: str) -> None:
    before = checked.started("/schema")
    assert error(post(checked, "/schema", '{"sku": 7}', kind)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert checked.started("/schema") == before


@pytest.mark.parametrize(
    "kind", ["application/json;charset=utf-8", "Application/JSON", "application/json, text/plain"]
)
def test_no_other_spelling_of_json_walks_past_the_schema(checked: Api, kind: str) -> None:
    before = checked.started("/schema")
    assert error(post(checked, "/schema", '{"sku": 7}', kind))[0] in (400, 415)
    untyped = checked.call("/schema", content=b'{"sku": 7}')
    assert error(untyped) == (400, "BAD_REQUEST_BODY")
    assert checked.started("/schema") == before


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {"X-Tenant": "a"}), ("?page=1", {}), ("?page=", {"X-Tenant": "a"}), ("", {})],
)
def test_a_missing_parameter_is_refused(checked: Api, query: str, headers: dict[str, str]) -> None:
    answer = checked.call(f"/parameters{query}", json={}, headers=headers)
    assert error(answer) == (400, "BAD_REQUEST_PARAMETERS")


def test_with_every_parameter_a_request_is_taken(checked: Api) -> None:
    answer = checked.call("/parameters?page=1", json={"a": 1}, headers={"X-Tenant": "a"})
    assert received(answer) == {"a": 1}
    assert error(checked.call("/both", json=[])) == (400, "BAD_REQUEST_PARAMETERS")
    assert error(checked.call("/both?page=1", json={})) == (400, "BAD_REQUEST_BODY")
    assert received(checked.call("/both?page=1", json=[1])) == [1]
