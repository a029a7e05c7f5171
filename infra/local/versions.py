"""Executions that a version or an alias of a state machine starts.

Sources: Step Functions API reference, StartExecution and DescribeExecution (the execution's
ARN is the unqualified machine's; ``stateMachineVersionArn``, ``stateMachineAliasArn``),
DeleteStateMachine; developer guide, "Manage continuous deployments with versions and aliases"
(a version is what was published, whatever the machine is now).
"""

import functools
import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import stepfunctions

from infra.local.seams import Response, original, replace

Handler = Callable[[dict[str, Any]], Response]

_STARTED: ContextVar[Mapping[str, Any] | None] = ContextVar("started version", default=None)
"""The version that the current call, or the execution of this thread, runs."""


class _Machines(AccountRegionScopedDict):  # type: ignore[misc]
    """The state machines; the one of a running version is as it was published."""

    __slots__ = ()

    def get(self, key: Any, default: Any = None) -> Any:
        machine, version = super().get(key, default), _STARTED.get()
        if machine is None or version is None or version["stateMachineArn"] != key:
            return machine
        return {**machine, "definition": version["definition"], "roleArn": version["roleArn"]}


def _start(start: Handler, data: dict[str, Any]) -> Response:
    """StartExecution, StartSyncExecution: of the version that is named or chosen."""
    given = str(data.get("stateMachineArn", ""))
    arn = stepfunctions._execution_version_arn(given)
    version = stepfunctions._state_machine_versions.get(arn) if arn else None
    token = _STARTED.set(version)
    try:
        status, headers, body = start(data)
    finally:
        _STARTED.reset(token)
    if version is None or status != 200:
        return status, headers, body
    execution = stepfunctions._executions.get(json.loads(body).get("executionArn"))
    if execution is not None:
        execution["stateMachineVersionArn"] = arn
        if given != arn:
            execution["stateMachineAliasArn"] = given
    return status, headers, body


def _describe(describe: Handler, data: dict[str, Any]) -> Response:
    """DescribeExecution: with the version and the alias that started it."""
    status, headers, body = describe(data)
    execution = stepfunctions._executions.get(data.get("executionArn")) or {}
    names = ("stateMachineVersionArn", "stateMachineAliasArn")
    more = {name: execution[name] for name in names if name in execution}
    if status != 200 or not more:
        return status, headers, body
    return status, headers, json.dumps(json.loads(body) | more).encode()


def _delete_machine(delete: Handler, data: dict[str, Any]) -> Response:
    """DeleteStateMachine: its versions and aliases go with it."""
    response, arn = delete(data), f"{data.get('stateMachineArn')}:"
    for store in (stepfunctions._state_machine_versions, stepfunctions._state_machine_aliases):
        for gone in [key for key in store if str(key).startswith(arn)]:
            store.pop(gone, None)
    return response


def install() -> None:
    """Put the rules in front of the handlers; after ``step_functions``."""
    for needed in ("_execution_version_arn", "_state_machine_versions", "_state_machine_aliases"):
        original(stepfunctions, needed)
    original(stepfunctions, "_state_machines").__class__ = _Machines
    rules = {
        "_start_execution": _start,
        "_start_sync_execution": _start,
        "_describe_execution": _describe,
        "_delete_state_machine": _delete_machine,
    }
    for name, rule in rules.items():
        replace(stepfunctions, name, functools.partial(rule, original(stepfunctions, name)))
