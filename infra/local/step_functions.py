"""AWS's rules in front of ministack's laxer Step Functions.

Source of each rule: the Step Functions API reference, under the name of the action.
"""

import functools
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from infra.local import express
from infra.local.seams import Response, original, replace

INPUT_BYTES = 262_144

_ILLEGAL_IN_NAMES = frozenset(' \t\n\r<>{}[]?*"#%\\^|~`$&,;:/\ufffe\uffff')
_TERMINAL_EVENTS = frozenset(
    {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
)

Handler = Callable[[dict[str, Any]], Response]


def error(code: str, message: str) -> Response:
    """An error of Step Functions: HTTP 400 for each of them."""
    response: Response = error_response_json(code, message, 400)
    return response


def _legal_name(name: str) -> bool:
    """Whether ``name`` can be an execution's (CreateActivity, StartExecution: "name")."""
    return 1 <= len(name) <= 80 and not any(
        character in _ILLEGAL_IN_NAMES
        or ord(character) < 0x20
        or 0x7F <= ord(character) <= 0x9F
        or 0xD800 <= ord(character) <= 0xDFFF
        for character in name
    )


def _constraint(field: str, value: str, rule: str) -> Response:
    message = (
        f"1 validation error detected: Value{value} at '{field}' failed to satisfy "
        f"constraint: Member must {rule}"
    )
    return error("ValidationException", message)


def _malformed(data: dict[str, Any]) -> Response | None:
    """SerializationException or ValidationException for members of the wrong shape."""
    for field in ("stateMachineArn", "name", "input", "traceHeader"):
        value = data.get(field)
        if value is not None and (wrong := stepfunctions._wrong_json_type(value, "String")):
            return error("SerializationException", wrong)
    if data.get("stateMachineArn") is None:
        return _constraint("stateMachineArn", " null", "not be null")
    if len(data.get("input", "").encode("utf-8", "surrogatepass")) > INPUT_BYTES:
        return _constraint("input", "", f"have length less than or equal to {INPUT_BYTES}")
    return None


class _RefusedError(Exception):
    """A start that AWS would not take; ``response`` is its answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


def _machine_to_start(data: dict[str, Any]) -> dict[str, Any]:
    """The machine that a StartExecution or StartSyncExecution names, else _RefusedError."""
    if malformed := _malformed(data):
        raise _RefusedError(malformed)
    name = data.get("name")
    if name is not None and not _legal_name(name):
        raise _RefusedError(error("InvalidName", f"Invalid Name: '{name}'"))
    arn = data["stateMachineArn"].split("#")[0]
    if not arn.startswith("arn:"):
        raise _RefusedError(error("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'"))
    machine = _machine(arn)
    if machine is None:
        raise _RefusedError(_no_machine(arn))
    try:
        json.loads(data.get("input", "{}"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        message = f"Invalid State Machine Execution Input: '{problem}'"
        raise _RefusedError(error("InvalidExecutionInput", message)) from problem
    return machine


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(f"Non-standard token '{name}'")


def _machine(arn: str) -> dict[str, Any] | None:
    """The machine that ``arn`` (of a machine, a version or an alias) names."""
    machine: dict[str, Any] | None = stepfunctions._state_machines.get(
        stepfunctions._resolve_state_machine_arn(arn)
    )
    return machine


def _no_machine(arn: str) -> Response:
    return error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def _unsupported() -> Response:
    message = "This operation is not supported by this type of state machine"
    return error("StateMachineTypeNotSupported", message)


def _start(start: Handler, data: dict[str, Any]) -> Response:
    """StartExecution, with its idempotency.

    STANDARD: the name and input of a running execution answer that execution again, any
    other repeated name is ExecutionAlreadyExists. EXPRESS: not idempotent.
    """
    try:
        machine = _machine_to_start(data)
    except _RefusedError as refused:
        return refused.response
    if machine["type"] == "EXPRESS":
        return express.start(machine, data)
    if "name" not in data:
        return start(data)
    arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{data['name']}"
    earlier = stepfunctions._executions.get(arn)
    if earlier is None:
        return start(data)
    if earlier["status"] == "RUNNING" and earlier["input"] == data.get("input", "{}"):
        answer = {"executionArn": arn, "startDate": earlier["startDate"]}
        response: Response = stepfunctions.json_response(answer)
        return response
    return error("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def _start_sync(data: dict[str, Any]) -> Response:
    """StartSyncExecution: EXPRESS only."""
    try:
        machine = _machine_to_start(data)
    except _RefusedError as refused:
        return refused.response
    if machine["type"] != "EXPRESS":
        return _unsupported()
    return express.start_sync(machine, data)


def _list_executions(list_executions: Handler, data: dict[str, Any]) -> Response:
    """ListExecutions: an existing STANDARD machine only."""
    if arn := data.get("stateMachineArn"):
        machine = _machine(arn)
        if machine is None:
            return _no_machine(arn)
        if machine["type"] == "EXPRESS":
            return _unsupported()
    return list_executions(data)


def _of_execution(handler: Handler, data: dict[str, Any]) -> Response:
    """DescribeExecution, GetExecutionHistory, StopExecution, DescribeStateMachineForExecution.

    None is supported by EXPRESS machines, whose executions have another kind of ARN.
    """
    arn = data.get("executionArn")
    if arn is None:
        return _constraint("executionArn", " null", "not be null")
    kind = [*str(arn).split(":"), "", "", "", "", "", ""][5]
    if kind != "execution":
        return error(
            "InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {kind}'"
        )
    if arn not in stepfunctions._executions:
        return error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    return handler(data)


def _describe_execution(handler: Handler, data: dict[str, Any]) -> Response:
    """DescribeExecution: an output only where the execution succeeded."""
    status, headers, body = _of_execution(handler, data)
    answer = json.loads(body)
    if status == 200 and answer.get("status") != "SUCCEEDED":
        answer = {name: answer[name] for name in answer if name not in ("output", "outputDetails")}
        body = json.dumps(answer).encode()
    return status, headers, body


def _describe_machine(handler: Handler, data: dict[str, Any]) -> Response:
    """DescribeStateMachine with AWS's words for a machine that does not exist."""
    status, headers, body = handler(data)
    if status == 400 and b"StateMachineDoesNotExist" in body:
        return _no_machine(str(data.get("stateMachineArn")))
    return status, headers, body


def _add_event(add_event: Callable[..., Any], execution: Any, *details: Any) -> Any:
    """No event follows the one that ends an execution (GetExecutionHistory).

    ministack's thread notices a StopExecution only when the state it is in ends.
    """
    events = execution["events"]
    if events and events[-1]["type"] in _TERMINAL_EVENTS:
        return events[-1]
    return add_event(execution, *details)


def _emit(emit: Callable[[Any], None], execution: Any) -> None:
    """Executions of EXPRESS machines send no event to EventBridge.

    Source: Step Functions developer guide, "Automating event delivery with EventBridge".
    """
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    if machine is None or machine["type"] != "EXPRESS":
        emit(execution)


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    for needed in (
        "_state_machines",
        "_executions",
        "_resolve_state_machine_arn",
        "_run_execution",
        "_wrong_json_type",
        "json_response",
    ):
        original(stepfunctions, needed)
    replace(stepfunctions, "_start_sync_execution", _start_sync)
    wrapped: dict[str, Callable[..., Any]] = {
        "_start_execution": _start,
        "_list_executions": _list_executions,
        "_describe_execution": _describe_execution,
        "_get_execution_history": _of_execution,
        "_stop_execution": _of_execution,
        "_describe_state_machine_for_execution": _of_execution,
        "_describe_state_machine": _describe_machine,
        "_add_event": _add_event,
        "_emit_execution_status_event": _emit,
    }
    for name, rule in wrapped.items():
        replace(stepfunctions, name, functools.partial(rule, original(stepfunctions, name)))
