"""What the pages read of Step Functions, kept for seconds so that many viewers cost one call."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.core.cache import cache

from dashboard import aws
from dashboard.aws import AwsError
from dashboard.models import Environment
from infra.spec import parse_machine_arn

REFUSED_SECONDS = 5
"""How long a refusal is told again before AWS is asked again."""
NEWEST = 1000
"""How many executions of a machine one ListExecutions answers at most."""

T = TypeVar("T")

_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class StateMachine:
    arn: str
    name: str
    type: str


@dataclass(frozen=True)
class Execution:
    """A row of ListExecutions."""

    arn: str
    name: str
    status: str
    started_at: datetime
    stopped_at: datetime | None

    @property
    def duration(self) -> float | None:
        """Seconds, once it has stopped."""
        return (self.stopped_at - self.started_at).total_seconds() if self.stopped_at else None


def _kept(key: str, seconds: int, read: Callable[[], T]) -> T:
    """What ``read`` answers, read once for all viewers of this process.

    A refusal is kept as well: while AWS does not answer, viewers must not queue up behind
    each other's attempts. Raises AwsError.
    """
    with _locks[key]:
        found: T | AwsError | None = cache.get(key)
        if found is None:
            try:
                found = read()
                cache.set(key, found, seconds)
            except AwsError as error:
                found = error
                cache.set(key, error, max(seconds, REFUSED_SECONDS))
    if isinstance(found, AwsError):
        raise found
    return found


def state_machines(environment: Environment) -> list[StateMachine]:
    """All machines of the account and Region, STANDARD first, then by name. Raises AwsError."""

    def read() -> list[StateMachine]:
        found: list[StateMachine] = []
        token: dict[str, str] = {}
        while True:
            page = aws.call(
                environment, "stepfunctions", "list_state_machines", maxResults=1000, **token
            )
            found += [
                StateMachine(row["stateMachineArn"], row["name"], row["type"])
                for row in page["stateMachines"]
            ]
            if "nextToken" not in page:
                return sorted(found, key=lambda m: (m.type != "STANDARD", m.name.lower()))
            token = {"nextToken": page["nextToken"]}

    return _kept(f"machines:{environment.pk}", 10, read)


def describe(environment: Environment, arn: str) -> StateMachine:
    """The machine, as it is now. Raises AwsError, ValueError for a foreign or wrong ARN."""
    parts = parse_machine_arn(arn)
    if (parts.account, parts.region) != (environment.account_id, environment.region):
        raise ValueError(
            f"This machine is in account {parts.account}, {parts.region}; the environment "
            f"“{environment}” is {environment.account_id}, {environment.region}."
        )

    def read() -> StateMachine:
        found = aws.call(
            environment, "stepfunctions", "describe_state_machine", stateMachineArn=arn
        )
        return StateMachine(arn, found["name"], found["type"])

    return _kept(f"machine:{environment.pk}:{arn}", 2, read)


def executions(environment: Environment, machine_arn: str) -> list[Execution]:
    """The newest 1,000 of a STANDARD machine. Raises AwsError.

    Source: Step Functions API reference, "ListExecutions": newest first, 1,000 a page.
    """

    def read() -> list[Execution]:
        page = aws.call(
            environment,
            "stepfunctions",
            "list_executions",
            stateMachineArn=machine_arn,
            maxResults=NEWEST,
        )
        return [
            Execution(
                row["executionArn"],
                row["name"],
                row["status"],
                row["startDate"],
                row.get("stopDate"),
            )
            for row in page["executions"]
        ]

    return _kept(f"executions:{environment.pk}:{machine_arn}", 2, read)


def execution(environment: Environment, arn: str) -> dict[str, Any]:
    """DescribeExecution's answer. Raises AwsError."""

    def read() -> dict[str, Any]:
        found: dict[str, Any] = aws.call(
            environment, "stepfunctions", "describe_execution", executionArn=arn
        )
        return found

    return _kept(f"execution:{environment.pk}:{arn}", 1, read)


def history(environment: Environment, arn: str, status: str) -> list[dict[str, Any]]:
    """All events of an execution, oldest first, each flat: id, at, type, state, details.

    ``status`` is the execution's: what was read before it changed is not told after.

    Raises AwsError. At most 25,000 events (Step Functions quotas), 1,000 a page.
    """
    return _kept(
        f"history:{environment.pk}:{arn}:{status}", 2, lambda: _read_history(environment, arn)
    )


def _read_history(environment: Environment, arn: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = aws.call(
            environment,
            "stepfunctions",
            "get_execution_history",
            executionArn=arn,
            maxResults=1000,
            **token,
        )
        events += [_flat(event) for event in page["events"]]
        if "nextToken" not in page:
            return events
        token = {"nextToken": page["nextToken"]}


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = next((v for k, v in event.items() if k.endswith("EventDetails")), {})
    return {
        "id": event["id"],
        "previous_id": event.get("previousEventId", 0),
        "at": event["timestamp"],
        "type": event["type"],
        "state": details.get("name", ""),
        "error": details.get("error", ""),
        "cause": details.get("cause", ""),
        "details": json.dumps(_readable(details), indent=2, default=str) if details else "",
    }


def _readable(details: dict[str, Any]) -> dict[str, Any]:
    """The details with their JSON texts opened up."""
    return {
        name: _parsed(value) if name in {"input", "output", "parameters"} else value
        for name, value in details.items()
        if not name.endswith("Details")
    }


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def failing_state(events: list[dict[str, Any]]) -> str:
    """The state in which a failed execution ended, or "" where no state was entered."""
    by_id = {event["id"]: event for event in events}
    event = events[-1] if events else None
    while event is not None:
        if event["type"].endswith("StateEntered"):
            return str(event["state"])
        event = by_id.get(event["previous_id"])
    # The last event names no previous one: take the state that was entered last.
    entered = [event["state"] for event in events if event["type"].endswith("StateEntered")]
    return str(entered[-1]) if entered else ""
