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
from infra.arns import MachineArn, parse_machine_arn

REFUSED_SECONDS = 5
"""How long a refusal is told again before AWS is asked again."""
NEWEST = 1000
"""How many executions of a machine one ListExecutions answers at most."""

T = TypeVar("T")

_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class StateMachine:
    """A row of ListStateMachines."""

    arn: str
    name: str
    type: str


@dataclass(frozen=True)
class Description(StateMachine):
    """What DescribeStateMachine says of a machine, or of one of its versions or aliases."""

    status: str
    created_at: datetime
    role_arn: str
    definition: str
    log_level: str
    """OFF, ERROR, FATAL or ALL."""
    log_groups: tuple[str, ...]
    """ARNs of the CloudWatch Logs groups."""
    log_data: bool
    """Whether input and output are logged too."""
    tracing: bool
    """X-Ray."""

    @property
    def qualifier(self) -> str:
        """The number of a version, or the name of an alias."""
        return parse_machine_arn(self.arn).qualifier

    @property
    def kind(self) -> str:
        """The word for what the qualifier names."""
        return kind_of(self.qualifier)


@dataclass(frozen=True)
class Qualified:
    """A version or an alias of a machine."""

    arn: str
    qualifier: str
    created_at: datetime

    @property
    def kind(self) -> str:
        """The word for what the qualifier names."""
        return kind_of(self.qualifier)


def kind_of(qualifier: str) -> str:
    """An alias is never a number alone (CreateStateMachineAlias, "name")."""
    return "version" if qualifier.isdecimal() else "alias"


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


def describe(environment: Environment, arn: str) -> Description:
    """The machine, version or alias, as it is now. Raises AwsError, ValueError for a wrong ARN.

    Source: Step Functions API reference, "DescribeStateMachine": a version's ARN answers the
    version, with the name of its machine.
    """
    check_place(environment, arn)
    return _kept(f"machine:{environment.pk}:{arn}", 2, lambda: _describe(environment, arn))


def check_place(environment: Environment, arn: str) -> MachineArn:
    """The parts of ``arn``; ValueError where it is none or lies elsewhere."""
    parts = parse_machine_arn(arn)
    if (parts.account, parts.region) != (environment.account_id, environment.region):
        raise ValueError(
            f"This machine is in account {parts.account}, {parts.region}; the environment "
            f"“{environment}” is {environment.account_id}, {environment.region}."
        )
    return parts


def _describe(environment: Environment, arn: str) -> Description:
    found = aws.call(environment, "stepfunctions", "describe_state_machine", stateMachineArn=arn)
    logging = found.get("loggingConfiguration", {})
    groups = [
        each["cloudWatchLogsLogGroup"]["logGroupArn"]
        for each in logging.get("destinations", ())
        if "cloudWatchLogsLogGroup" in each
    ]
    return Description(
        arn=arn,
        name=found["name"],
        type=found["type"],
        status=found.get("status", "ACTIVE"),
        created_at=found["creationDate"],
        role_arn=found["roleArn"],
        definition=found["definition"],
        log_level=logging.get("level", "OFF"),
        log_groups=tuple(groups),
        log_data=logging.get("includeExecutionData", False),
        tracing=found.get("tracingConfiguration", {}).get("enabled", False),
    )


def log_level(environment: Environment, arn: str) -> str:
    """The machine's logging level, for a list that many look at. Raises AwsError."""
    key = f"logging:{environment.pk}:{arn}"
    return _kept(key, 60, lambda: _describe(environment, arn).log_level)


def versions(environment: Environment, machine_arn: str) -> list[Qualified]:
    """The published versions of a machine, newest first; 1,000 at most. Raises AwsError.

    Source: Step Functions quotas: a machine has at most 1,000 versions, which is one page.
    """
    arn = parse_machine_arn(machine_arn).unqualified

    def read() -> list[Qualified]:
        page = aws.call(
            environment,
            "stepfunctions",
            "list_state_machine_versions",
            stateMachineArn=arn,
            maxResults=1000,
        )
        return [
            _qualified(row["stateMachineVersionArn"], row["creationDate"])
            for row in page["stateMachineVersions"]
        ]

    return _kept(f"versions:{environment.pk}:{arn}", 10, read)


def aliases(environment: Environment, machine_arn: str) -> list[Qualified]:
    """The aliases of a machine, newest first; 100 at most (quotas). Raises AwsError."""
    arn = parse_machine_arn(machine_arn).unqualified

    def read() -> list[Qualified]:
        page = aws.call(
            environment,
            "stepfunctions",
            "list_state_machine_aliases",
            stateMachineArn=arn,
            maxResults=1000,
        )
        return [
            _qualified(row["stateMachineAliasArn"], row["creationDate"])
            for row in page["stateMachineAliases"]
        ]

    return _kept(f"aliases:{environment.pk}:{arn}", 10, read)


def _qualified(arn: str, created_at: datetime) -> Qualified:
    return Qualified(arn, arn.rpartition(":")[2], created_at)


def executions(environment: Environment, machine_arn: str) -> list[Execution]:
    """The newest 1,000 of a STANDARD machine, whatever version ran. Raises AwsError.

    Source: Step Functions API reference, "ListExecutions": newest first, 1,000 a page; the
    ARN of a version or alias would answer only those that were started by it.
    """
    arn = parse_machine_arn(machine_arn).unqualified

    def read() -> list[Execution]:
        page = aws.call(
            environment,
            "stepfunctions",
            "list_executions",
            stateMachineArn=arn,
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

    return _kept(f"executions:{environment.pk}:{arn}", 2, read)


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
