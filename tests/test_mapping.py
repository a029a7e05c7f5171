"""The mapping templates, evaluated as API Gateway would."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import mapping
from infra.velocity import Request, render
from tests.local_aws import machine_arn, trigger

CONTEXT = {"extendedRequestId": "JKJaXmPLvHcESHA="}
ERROR_TYPE = "com.amazonaws.swf.service.v2.model#InvalidExecutionInput"
json_texts = st.recursive(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
).map(lambda value: json.dumps(value, ensure_ascii=False))


@given(text=json_texts)
def test_fixed_input_reaches_the_execution_as_it_was_typed(text: str) -> None:
    template = mapping.request_template(trigger(input_mode="FIXED", input_template=text))
    call = json.loads(render(template, Request(body="ignored", context=CONTEXT)).text)
    assert call["input"] == text.strip()
    assert call["stateMachineArn"] == machine_arn("order-fulfilment")


@given(text=json_texts)
def test_a_fixed_answer_says_what_was_typed(text: str) -> None:
    template = mapping.response_template(trigger(response_mode="FIXED", response_body=text))
    assert json.loads(render(template, Request(context=CONTEXT)).text) == json.loads(text)


def test_nothing_that_was_typed_is_left_for_velocity_to_run() -> None:
    text = '{"a":"$context.requestId #set($x=1) #if(true)"}'
    template = mapping.request_template(trigger(input_mode="FIXED", input_template=text))
    literal = template.partition('"input":')[2]
    assert "$" not in literal and "#" not in literal


def test_the_execution_answer_has_arn_date_and_the_id_in_the_name() -> None:
    started = '{"executionArn":"arn:x:y-1","startDate":1.767225600123E9}'
    text = render(mapping.response_template(trigger()), Request(started, context=CONTEXT)).text
    assert json.loads(text) == {
        "executionArn": "arn:x:y-1",
        "startDate": 1767225600.123,
        "requestId": "JKJaXmPLvHcESHA",
    }


def test_an_empty_answer_has_no_body() -> None:
    answer = render(mapping.response_template(trigger(response_mode="EMPTY")), Request("{}"))
    assert answer.text.strip() == ""


@pytest.mark.parametrize("field", ["message", "Message"])
def test_an_error_has_the_short_type_the_message_and_the_request_id(field: str) -> None:
    said = "Invalid 'input': \"{\" at \\ 1"
    body = json.dumps({"__type": ERROR_TYPE, field: said})
    text = render(mapping.error_template(trigger()), Request(body, context=CONTEXT)).text
    assert json.loads(text) == {
        "error": "InvalidExecutionInput",
        "message": said,
        "requestId": "JKJaXmPLvHcESHA",
    }


@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"__type":null}'])
def test_an_error_without_type_or_message_is_still_legal_json(body: str) -> None:
    text = render(mapping.error_template(trigger()), Request(body, context=CONTEXT)).text
    assert set(json.loads(text)) == {"error", "message", "requestId"}
