"""What callers get: of executions that started, ended, failed, were repeated or refused."""

import json
from typing import Any

import pytest

from infra import mapping
from infra.spec import TriggerSpec
from infra.velocity import Rendered, Request, render
from tests.local_aws import machine_arn, trigger

ID = "JKJaXmPLvHcESHA"
CONTEXT = {"extendedRequestId": f"{ID}=", "path": "/prod/orders/"}
STATES = "com.amazonaws.swf.service.v2.model#"
FIRST = f"{machine_arn('order-fulfilment').replace(':stateMachine:', ':execution:')}:order123-k-1"
NASTY = "No 'such' \"order\" \\ \n $context.requestId #end"


def of_error(spec: TriggerSpec, name: str, message: str = "", **request: Any) -> Rendered:
    body = json.dumps({"__type": STATES + name, "message": message})
    return render(mapping.error_template(spec), Request(body, context=CONTEXT, **request))


def of_answer(spec: TriggerSpec, **answer: Any) -> Rendered:
    return render(mapping.response_template(spec), Request(json.dumps(answer), context=CONTEXT))


def sync(**fields: Any) -> TriggerSpec:
    values = {
        "machine_type": "EXPRESS",
        "action": "StartSyncExecution",
        "response_mode": "OUTPUT",
        "response_status": 200,
    }
    return trigger(**(values | fields))


def keyed(**fields: Any) -> TriggerSpec:
    values = {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"}
    return trigger(**(values | fields))


@pytest.mark.parametrize(
    ("name", "message", "status"),
    [
        ("ThrottlingException", "Rate exceeded", 429),
        ("TooManyRequestsException", "", 429),
        ("ExecutionLimitExceeded", "", 429),
        ("StateMachineDoesNotExist", "State Machine Does Not Exist", 502),
        ("StateMachineDeleting", "", 502),
        ("AccessDeniedException", "", 502),
        ("InvalidExecutionInput", "Invalid State Machine Execution Input", 400),
        ("InvalidName", "Invalid Name: 'x y'", 400),
        (
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            "Member must have length less than or equal to 262144",
            413,
        ),
        ("ValidationException", "1 validation error detected: Value null at 'name'", 502),
        ("ExecutionAlreadyExists", f"Execution Already Exists: '{FIRST}'", 502),
        ("SomethingNew", NASTY, 502),
        ("", "", 502),
    ],
)
def test_each_error_of_step_functions_has_its_status_and_a_body_in_one_form(
    name: str, message: str, status: int
) -> None:
    answer = of_error(trigger(), name, message)
    assert answer.status == status
    assert json.loads(answer.text) == {"error": name, "message": message, "requestId": ID}
    assert answer.headers == ({"Retry-After": "1"} if status == 429 else {})


def test_a_repeat_answers_with_the_first_ones_arn_and_the_same_status() -> None:
    spec = keyed(response_status=201, response_headers=[("Cache-Control", "no-store")])
    answer = of_error(spec, "ExecutionAlreadyExists", f"Execution Already Exists: '{FIRST}'")
    assert answer.status == 201
    assert json.loads(answer.text) == {"executionArn": FIRST, "requestId": ID}
    assert answer.headers == {"Cache-Control": "no-store"}


def test_a_repeat_gets_the_fixed_answer_or_none_where_a_start_does() -> None:
    said = f"Execution Already Exists: '{FIRST}'"
    fixed = keyed(response_mode="FIXED", response_body='{"done": true}')
    answer = of_error(fixed, "ExecutionAlreadyExists", said)
    assert (answer.status, json.loads(answer.text)) == (202, {"done": True})
    empty = of_error(keyed(response_mode="EMPTY"), "ExecutionAlreadyExists", said)
    assert (empty.status, empty.text.strip()) == (202, "")


def test_a_repeat_is_409_where_that_was_chosen() -> None:
    answer = of_error(keyed(on_repeat="CONFLICT"), "ExecutionAlreadyExists", f"'{FIRST}'")
    assert answer.status == 409
    assert json.loads(answer.text)["error"] == "ExecutionAlreadyExists"


def test_another_error_of_a_keyed_trigger_is_no_repeat() -> None:
    answer = of_error(keyed(), "StateMachineDoesNotExist", "gone")
    assert answer.status == 502
    assert json.loads(answer.text)["error"] == "StateMachineDoesNotExist"


def test_what_the_request_template_refused_is_said_in_its_own_words() -> None:
    rows = [
        {"name": 'a"$x', "source": "QUERY", "value": "n", "type": "NUMBER"},
        {"name": "b", "source": "BODY", "value": "$['a b'].c", "required": True},
    ]
    spec = keyed(input_mode="FIELDS", input_fields=rows)
    told = mapping.refusals(spec)
    assert list(told) == ["key", "json", "f0", "f1"]
    for code, words in told.items():
        answer = of_error(spec, "InvalidName", f"Invalid Name: '*{code}*'")
        assert answer.status == 400
        assert json.loads(answer.text) == {
            "error": "BadRequest",
            "message": words,
            "requestId": ID,
        }
    other = of_error(spec, "InvalidExecutionInput", "Unrecognized token '*f0*'")
    assert json.loads(other.text)["error"] == "InvalidExecutionInput"


def test_a_start_says_where_its_status_can_be_read() -> None:
    spec = keyed(status_route=True)
    wanted = {"Location": "/prod/orders/executions/order123-k-1"}
    started = of_answer(spec, executionArn=FIRST, startDate=1767225600.123)
    assert started.headers == wanted
    assert json.loads(started.text)["executionArn"] == FIRST
    repeated = of_error(spec, "ExecutionAlreadyExists", f"Execution Already Exists: '{FIRST}'")
    assert repeated.headers == wanted


def test_the_output_of_a_workflow_is_answered_as_it_is() -> None:
    text = '{"a": [1.50, "x\'\\"\\u0024"], "b": null}'
    assert of_answer(sync(), status="SUCCEEDED", output=text).text.strip() == text


@pytest.mark.parametrize(
    ("path", "kind", "output", "part"),
    [
        ("$.a.b[0]", "STRING", {"a": {"b": [NASTY]}}, NASTY),
        ("$.n", "NUMBER", {"n": 12.5}, 12.5),
        ("$.n", "NUMBER", {"n": "twelve"}, None),
        ("$.flag", "BOOLEAN", {"flag": False}, False),
        ("$['a b']", "STRING", {"a b": "x"}, "x"),
        ("$.missing.deeper", "NUMBER", {"a": 1}, None),
        ("$.missing", "STRING", {"a": 1}, ""),
        ("$.a", "NUMBER", 7, None),
    ],
)
def test_a_part_of_the_output_is_one_value_of_its_type(
    path: str, kind: str, output: Any, part: Any
) -> None:
    spec = sync(response_path=path, response_type=kind)
    answer = of_answer(spec, status="SUCCEEDED", output=json.dumps(output))
    assert json.loads(answer.text) == part


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"status": "FAILED", "error": "OrderNotFound", "cause": NASTY}, 404, "OrderNotFound"),
        ({"status": "FAILED", "error": NASTY, "cause": NASTY}, 503, NASTY),
        ({"status": "FAILED"}, 503, "FAILED"),
        ({"status": "TIMED_OUT"}, 504, "States.Timeout"),
        ({"status": "TIMED_OUT", "error": "States.Timeout", "cause": "late"}, 504, None),
        ({"status": "ABORTED"}, 503, "ABORTED"),
    ],
)
def test_a_workflow_that_did_not_succeed_is_never_a_200(
    answer: dict[str, str], status: int, error: str | None
) -> None:
    spec = sync(error_statuses=[("OrderNotFound", 404)], error_default=503)
    found = of_answer(spec, **answer)
    body = json.loads(found.text)
    assert found.status == status
    assert set(body) == {"error", "message", "requestId"}
    assert body["error"] == (error or answer["error"])
    assert body["message"] == answer.get("cause") or "ended as" in body["message"]


@pytest.mark.parametrize("origin", ["https://a.example", "https://b.example", "https://evil"])
def test_of_several_origins_the_one_that_asks_is_named_if_it_is_one_of_them(origin: str) -> None:
    spec = trigger(cors_origins=("https://a.example", "https://b.example"))
    wanted = {} if origin == "https://evil" else {"Access-Control-Allow-Origin": origin}
    for name in ("Origin", "origin"):
        request = Request("{}", headers={name: origin}, context=CONTEXT)
        assert render(mapping.response_template(spec), request).headers == wanted
        assert render(mapping.error_template(spec), request).headers == wanted


@pytest.mark.parametrize(
    "name", ["other123-x", "order123-", "order123", "order123-a/b", "order123-" + "x" * 72, ""]
)
def test_the_status_route_asks_for_the_triggers_own_executions_only(name: str) -> None:
    request = Request(path={"name": name})
    call = json.loads(render(mapping.status_request_template(trigger()), request).text)
    assert call == {"executionArn": FIRST.replace("order123-k-1", "order123-*")}
    own = Request(path={"name": "order123-k-1"})
    call = json.loads(render(mapping.status_request_template(trigger()), own).text)
    assert call == {"executionArn": FIRST}


def test_the_status_route_of_an_alias_asks_for_the_machines_execution() -> None:
    spec = trigger(state_machine_arn=machine_arn("order-fulfilment") + ":live")
    own = Request(path={"name": "order123-k-1"})
    call = json.loads(render(mapping.status_request_template(spec), own).text)
    assert call == {"executionArn": FIRST}


def test_the_status_of_a_running_a_closed_and_a_failed_execution() -> None:
    template = mapping.status_response_template(trigger())

    def body(**answer: Any) -> Any:
        request = Request(json.dumps(answer), context=CONTEXT)
        return json.loads(render(template, request).text)

    base = {"name": "order123-k-1", "startDate": 1767225600.5}
    nothing = {"stopDate": None, "output": None, "error": None, "cause": None, "requestId": ID}
    assert body(**base, status="RUNNING") == base | nothing | {"status": "RUNNING"}
    done = body(**base, status="SUCCEEDED", stopDate=1767225601, output='{"a": "x\'"}')
    assert (done["output"], done["stopDate"]) == ({"a": "x'"}, 1767225601)
    failed = body(**base, status="FAILED", stopDate=1767225601, error="E", cause=NASTY)
    assert (failed["error"], failed["cause"], failed["output"]) == ("E", NASTY, None)


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("ExecutionDoesNotExist", 404, "ExecutionDoesNotExist"),
        ("InvalidArn", 404, "ExecutionDoesNotExist"),
        ("ThrottlingException", 429, "ThrottlingException"),
        ("AccessDeniedException", 502, "AccessDeniedException"),
    ],
)
def test_a_name_that_is_none_of_the_triggers_is_404(name: str, status: int, error: str) -> None:
    body = json.dumps({"__type": STATES + name, "message": "Invalid Arn: 'none'"})
    answer = render(mapping.status_error_template(trigger()), Request(body, context=CONTEXT))
    found = json.loads(answer.text)
    assert (answer.status, found["error"], found["requestId"]) == (status, error, ID)
