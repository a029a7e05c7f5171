"""Errors of Step Functions that a test provokes by a tag on the state machine.

``local-aws:StartExecution`` = ``ThrottlingException`` makes every StartExecution of the
machine answer that error, until the tag is removed; so for StartSyncExecution and for any
error of the table. AWS knows no such tag. Source of the errors: Step Functions API reference,
"Common errors".
"""

import functools
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from infra.local.seams import Response, original, replace

Handler = Callable[[dict[str, Any]], Response]

PREFIX = "local-aws:"

_ERRORS = {
    "InternalFailure": (500, "The request processing has failed because of an unknown error."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure."),
    "ThrottlingException": (400, "Rate exceeded"),
}


def _answer(action: str, handler: Handler, data: dict[str, Any]) -> Response:
    machine = stepfunctions._resolve_state_machine_arn(str(data.get("stateMachineArn", "")))
    tags = (stepfunctions._tags.get(machine) if machine else None) or []
    wanted = {tag["key"]: tag["value"] for tag in tags}.get(f"{PREFIX}{action}")
    if wanted not in _ERRORS:
        return handler(data)
    status, message = _ERRORS[wanted]
    response: Response = error_response_json(wanted, message, status)
    return response


def install() -> None:
    """Look at the machine's tags before anything else; after ``step_functions``."""
    for needed in ("_tags", "_resolve_state_machine_arn"):
        original(stepfunctions, needed)
    for action, name in (
        ("StartExecution", "_start_execution"),
        ("StartSyncExecution", "_start_sync_execution"),
    ):
        handler = original(stepfunctions, name)
        replace(stepfunctions, name, functools.partial(_answer, action, handler))
