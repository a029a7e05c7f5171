"""The preview beside the form: a sample request, the call it becomes, and the answers."""

import json
from typing import Any

import pytest

from dashboard import preview as previews
from dashboard.preview import Preview
from dashboard.sample_context import SAMPLE_ID
from infra import mapping, samples, schemas, started
from tests.local_aws import machine_arn
from tests.local_aws import trigger as spec

SCHEMA = json.dumps(
    {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
)
EXPRESS: dict[str, Any] = {
    "state_machine_arn": machine_arn("quote"),
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
    "response_status": 200,
}


def made(sample: dict[str, str] | None = None, **fields: Any) -> Preview:
    return previews.preview(spec(**fields), None, sample or {})


def answer(found: Preview) -> Any:
    """The one answer's body as JSON."""
    (only,) = found.answers
    return json.loads(only.body)


# -- the call -----------------------------------------------------------------------------


def test_the_call_names_machine_and_execution_and_carries_the_input() -> None:
    found = made()
    assert json.loads(found.call) == {
        "stateMachineArn": machine_arn("order-fulfilment"),
        "name": "order123-JKJaXmPLvHcESHA",
    }
    assert found.input == samples.BODIES["JSON"]
    assert (found.size, found.size_text) == (len(found.input), "63 B")
    assert not found.refused and not found.problems


def test_what_is_typed_as_the_sample_request_is_what_is_tried() -> None:
    found = made(
        {
            "sample_body": '{"a": 1}',
            "sample_query": "?q=1&q=2&r=%C3%BC",
            "sample_headers": "X-Tenant: acme\n\nx-other:  b ",
            "sample_path_id": "a/b",
            "sample_content_type": "application/json; charset=utf-8",
        },
        path="/orders/{id}",
        input_mode="REQUEST",
        input_headers=("X-Tenant", "X-Other"),
    )
    document = json.loads(found.input)
    assert document["body"] == {"a": 1}
    assert document["query"] == {"q": "2", "r": "ü"}
    assert document["path"] == {"id": "a/b"}
    assert document["headers"] == {"X-Tenant": "acme", "X-Other": "b"}
    assert found.route == "POST /orders/a%2Fb?q=1&q=2&r=%C3%BC"


def test_a_line_that_is_no_header_is_named() -> None:
    found = made({"sample_headers": "X-A: 1\nnothing"})
    assert [str(p) for p in found.problems] == [
        "Sample headers, line 2, column 1: This is not “Name: value”."
    ]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("JSON", json.loads(samples.BODIES["JSON"])),
        ("FORM", {"orderId": "A-1001", "quantity": "2"}),
        ("TEXT", samples.BODIES["TEXT"]),
    ],
)
def test_without_a_sample_one_that_fits_the_content_type_is_tried(kind: str, document: Any) -> None:
    found = made(content_types=(kind,))
    assert json.loads(found.input) == document
    media = mapping.MEDIA_TYPES[kind]
    chosen = made({"sample_content_type": media}, content_types=("JSON", "FORM", "TEXT"))
    assert json.loads(chosen.input) == document


def test_a_sample_fits_the_field_mapping() -> None:
    fields = (
        {"name": "a", "source": "BODY", "value": "$.x[1].y", "type": "NUMBER", "required": True},
        {"name": "b", "source": "QUERY", "value": "b", "type": "BOOLEAN", "required": True},
        {"name": "c", "source": "HEADER", "value": "X-C", "required": True},
        {"name": "d", "source": "PATH", "value": "id", "type": "NUMBER", "required": True},
        {"name": "e", "source": "CONTEXT", "value": "authorizer.claims.sub"},
        {"name": "f", "source": "CONTEXT", "value": "authorizer.n", "type": "NUMBER"},
        {"name": "g", "source": "BODY", "value": "$['a b']", "type": "JSON"},
        {"name": "h", "source": "CONSTANT", "value": "[1]"},
    )
    found = made(path="/o/{id}", input_mode="FIELDS", input_fields=fields)
    assert json.loads(found.input) == {
        "a": 42,
        "b": True,
        "c": "A-1001",
        "d": 42,
        "e": "sample-sub",
        "f": 42,
        "g": {"any": "value"},
        "h": [1],
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}}},
        {"type": "array", "minItems": 3, "items": {"type": "string", "minLength": 20}},
        {"type": "array", "items": [{"type": "boolean"}, {"type": "null"}]},
        {"enum": [7, 8]},
        {"type": ["number", "string"], "minimum": 3, "exclusiveMinimum": True, "multipleOf": 2.5},
        {"type": "string", "maxLength": 2},
        {"type": "string", "format": "email"},
        {"required": ["a"], "allOf": [{"properties": {"a": {"type": "number", "maximum": 0}}}]},
        {"oneOf": [{"type": "object", "required": ["b"]}, {"type": "string"}]},
        {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer"}}},
        {
            "type": "object",
            "required": ["child"],
            "properties": {"child": {"type": ["null", "object"]}, "me": {"$ref": "#"}},
        },
    ],
)
def test_a_sample_fits_the_schema(schema: Any) -> None:
    document = samples.instance(schema)
    assert not schemas.problem(json.dumps(schema), json.dumps(document))


def test_a_get_has_no_body_and_fixed_input_needs_none() -> None:
    assert made(method="GET", input_mode="FIXED", input_template='{"a": 1}').input == '{"a": 1}'
    assert made(method="GET").sample.body == ""
    assert made(input_mode="FIXED", input_template="{}").sample.body == ""


def test_fixed_json_is_the_input_whatever_stands_in_it() -> None:
    text = '{"q": "it\'s \\"$context.requestId\\" #set($x=1) \\\\", "n": 12345678901234567890}'
    assert made(input_mode="FIXED", input_template=text).input == text


# -- what is refused, and what the caller gets ---------------------------------------------


def test_a_content_type_that_is_not_taken_is_415() -> None:
    found = made({"sample_content_type": "text/csv"})
    assert found.answers[0].status == 415 and answer(found)["error"] == "UNSUPPORTED_MEDIA_TYPE"
    assert "does not take text/csv; it takes application/json" in found.refused
    assert not found.call


def test_a_required_parameter_that_is_missing_is_400() -> None:
    found = made(
        {"sample_headers": "X-Other: 1", "sample_query": "b=1"},
        required_parameters=("header.X-A", "query.q"),
    )
    assert answer(found)["message"] == "Missing required request parameters: [X-A, q]"
    assert not made(required_parameters=("header.X-A", "query.q")).refused


def test_a_body_that_does_not_pass_the_schema_is_told_where() -> None:
    found = made({"sample_body": '{"id": 7}'}, body_schema=SCHEMA)
    assert "at $.id: 7 is not of type 'string'" in found.refused
    assert answer(found) == {
        "error": "BAD_REQUEST_BODY",
        "message": "Invalid request body",
        "requestId": SAMPLE_ID,
    }
    assert not made(body_schema=SCHEMA).refused


def test_a_body_that_is_not_json_is_told_with_line_and_column() -> None:
    found = made({"sample_body": '{"a": 1,\n "b" 2}'})
    assert "at line 2, column 6" in found.refused
    assert found.answers[0].status == 400
    assert answer(found)["error"] == "InvalidExecutionInput"


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 72])
def test_an_idempotency_key_that_is_none_is_refused_in_words(key: str) -> None:
    found = made(
        {"sample_headers": f"Idempotency-Key: {key}"},
        idempotency_source="HEADER",
        idempotency_key="Idempotency-Key",
    )
    assert "The header Idempotency-Key names the execution" in found.refused
    assert found.answers[0].status == 400
    assert answer(found)["message"] == found.refused
    assert not found.call


def test_a_field_that_is_missing_is_refused_in_words() -> None:
    field = {"name": "a", "source": "BODY", "value": "$.a", "required": True}
    found = made({"sample_body": '{"b": 1}'}, input_mode="FIELDS", input_fields=(field,))
    assert found.refused == "Send the body's $.a as a string."
    assert (found.answers[0].status, answer(found)["error"]) == (400, "BadRequest")


def test_input_that_is_too_long_for_step_functions_says_so() -> None:
    found = made(input_mode="FIXED", input_template=json.dumps("x" * 262_143))
    assert found.refused == "The input has 262,145 bytes; StartExecution takes 262,144."
    assert found.answers[0].status == 413
    assert found.size_text == "256.0 KiB" and len(found.shown_input) == previews.SHOWN


def test_the_answer_is_the_execution() -> None:
    found = made()
    assert answer(found).keys() == {"executionArn", "startDate", "requestId"}
    assert answer(found)["executionArn"].endswith(f":execution:order-fulfilment:{found.name}")
    assert found.answers[0].status == 202


def test_the_answer_has_its_headers() -> None:
    found = made(
        status_route=True,
        cors_origins=("https://a.example",),
        response_headers=(("X-Own", "1"),),
    )
    assert dict(found.answers[0].headers) == {
        "Content-Type": "application/json",
        "X-Own": "1",
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Expose-Headers": "Location",
        "Location": f"/prod/orders/executions/{found.name}",
    }


def test_the_answer_of_a_workflow_that_is_waited_for_is_shown_twice() -> None:
    found = made(**EXPRESS, response_path="$.order.total", response_type="NUMBER",
                 error_statuses=(("NoOrder", 404),))  # fmt: skip
    assert [(a.to, a.status) for a in found.answers] == [
        ("A workflow that succeeds", 200),
        ("A workflow that fails with NoOrder", 404),
    ]
    assert found.answers[0].body == "42"
    assert json.loads(found.answers[1].body)["error"] == "NoOrder"


def test_the_empty_and_the_fixed_answer_are_shown() -> None:
    assert made(response_mode="EMPTY", response_status=204).answers[0].body == ""
    found = made(response_mode="FIXED", response_body='{"done": true}', response_status=200)
    assert (found.answers[0].body, found.answers[0].status) == ('{"done": true}', 200)


# -- raw VTL ------------------------------------------------------------------------------


def raw(template: str, **fields: Any) -> Preview:
    return made(input_mode="VTL", input_template=template, **fields)


def test_an_error_in_a_template_has_line_and_column() -> None:
    found = raw('{"a":\n  #if($x}')
    (problem,) = found.problems
    assert (problem.place, problem.line) == ("Input template", 2) and problem.column > 3
    assert "line 2, column" in str(problem)
    assert found.answers[0].status == 500


def test_an_error_in_a_response_template_has_its_own_line_and_column() -> None:
    found = made(response_mode="TEMPLATE", response_body='{"a": 1}\n#if($x}', cors_origins=("*",))
    (problem,) = found.problems
    assert (problem.place, problem.line, problem.column) == ("Response body", 2, 7)
    sync = made(**{**EXPRESS, "response_mode": "TEMPLATE", "response_body": "#if($x}"})
    assert next((p.line, p.column) for p in sync.problems) == (1, 7)


def test_a_template_that_starts_another_machine_or_hides_its_executions_is_warned_of() -> None:
    found = raw('{"stateMachineArn": "arn:other", "name": "mine", "input": "{}", "more": 1}')
    first, second, third = found.warnings
    assert "is not the trigger's state machine" in first
    assert "does not begin with “order123-”" in second
    assert "does not know “more”" in third


def test_a_template_as_the_others_is_not_warned_of() -> None:
    found = raw(mapping.request_template(spec()))
    assert found.warnings == () and found.input == samples.BODIES["JSON"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("nothing", "is not JSON"),
        ('{"input": {"a": 1}}', "has to be a string"),
        ('{"input": "{half"}', "The input is not JSON"),
        ('{"name": "a b"}', "is not the name of an execution"),
        ("[1]", ""),
    ],
)
def test_a_template_that_makes_no_call_says_why(template: str, said: str) -> None:
    found = raw(template)
    assert said in found.refused
    assert found.warnings or found.refused


# -- signed webhooks ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("STRIPE", "order123-evt_1StepgateSample0001"),
        ("GITHUB", "order123-5e39a1c0-c78b-11f0-8de9-0242ac120002"),
        ("SLACK", "order123-Ev0STEPGATE1"),
        ("HMAC", "order123-JKJaXmPLvHcESHA"),
    ],
)
def test_a_webhook_starts_its_provider_s_own_sample(preset: str, name: str) -> None:
    found = made(authorization="SIGNED", webhook_preset=preset)
    assert found.name == name and found.input == found.sample.body
    assert answer(found)["executionArn"].endswith(name)
    both = made(authorization="SIGNED", webhook_preset=preset, input_mode="REQUEST",
                input_headers=("X-GitHub-Event",))  # fmt: skip
    assert json.loads(both.input).keys() == {"body", "headers"}


@pytest.mark.parametrize(
    ("preset", "sample", "body"),
    [
        ("GITHUB", {"sample_headers": "X-GitHub-Event: ping"}, {"ok": True}),
        (
            "SLACK",
            {"sample_body": '{"type": "url_verification", "challenge": "abc"}'},
            {"challenge": "abc"},
        ),
        ("STRIPE", {"sample_body": '{"type": "other", "id": "e"}'}, {"ignored": True}),
    ],
)
def test_handshakes_and_other_events_start_nothing(
    preset: str, sample: dict[str, str], body: Any
) -> None:
    events = {"webhook_filter_source": "BODY", "webhook_filter": "$.type"}
    found = made(
        sample, authorization="SIGNED", webhook_preset=preset, webhook_events=("wanted",), **events
    )
    assert answer(found) == body and found.answers[0].status == 200
    assert "no execution" in found.refused and not found.call


def test_a_webhook_s_sample_is_an_event_that_the_filter_lets_through() -> None:
    found = made(authorization="SIGNED", webhook_preset="STRIPE", webhook_filter_source="BODY",
                 webhook_filter="$.type", webhook_events=("invoice.paid",))  # fmt: skip
    assert json.loads(found.input)["type"] == "invoice.paid"
    found = made(authorization="SIGNED", webhook_preset="GITHUB", webhook_filter_source="HEADER",
                 webhook_filter="X-GitHub-Event", webhook_events=("issues",))  # fmt: skip
    assert found.call and ("X-GitHub-Event", "issues") in found.headers


@pytest.mark.parametrize("body", ["{half", '{"no": "id"}', '{"id": "a b"}'])
def test_a_webhook_that_is_refused_says_why(body: str) -> None:
    found = made({"sample_body": body}, authorization="SIGNED", webhook_preset="STRIPE")
    assert found.refused == answer(found)["message"] and found.answers[0].status == 400


def test_the_name_of_an_execution_is_found_as_the_deployed_parts_find_it() -> None:
    keyed = spec(idempotency_source="BODY", idempotency_key="$.a.n")
    assert started.execution_name(keyed, "r", {}, '{"a": {"n": 7}}') == "order123-7"
    assert started.execution_name(keyed, "r", {}, "{}") == ""
    header = spec(idempotency_source="HEADER", idempotency_key="X-Key")
    assert started.execution_name(header, "r", {"x-key": "k"}, "") == "order123-k"
    assert started.execution_name(spec(), "r", {}, "") == "order123-r"
