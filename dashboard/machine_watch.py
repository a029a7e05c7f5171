"""Looks at the machines of live triggers, so that a person hears of a loss before a caller does.

A machine can vanish, or be made again with another type, with nobody telling Stepgate. What is
found stands in ``Trigger.machine_problem``; the pages show it.
"""

import logging
from collections import defaultdict

from django.utils import timezone

from dashboard import step_functions
from dashboard.aws import AwsError
from dashboard.models import Environment, Trigger
from infra.arns import parse_machine_arn
from infra.spec import TriggerSpec
from infra.webhooks import idempotency_of

logger = logging.getLogger(__name__)

EVERY_SECONDS = 60
AT_ONCE = 100
"""Machines of one environment that one look describes: the bucket of DescribeStateMachine is
larger and fills by more than these a minute (Step Functions quotas)."""
_GONE = {"StateMachineDoesNotExist", "StateMachineDeleting"}
_NO_ANSWER = {"Unreachable", "NoCredentials"}


def look_at_all() -> None:
    """Look once, everywhere. Where AWS does not answer, all stays as it was."""
    unserved = Trigger.objects.filter(endpoint=None).exclude(machine_problem="")
    unserved.update(machine_problem="")
    for environment in Environment.objects.all():
        try:
            look(environment)
        except AwsError as error:
            logger.warning("the machines of %s: %s", environment, error)


def look(environment: Environment) -> None:
    """Write what is wrong with the machines that callers meet, and clear what is not any more.

    A machine that cannot be described stays as it was, and the next one is looked at. Raises
    AwsError where AWS answers none: it throttles, cannot be reached, or knows no credentials.
    """
    by_arn: dict[str, list[tuple[Trigger, TriggerSpec]]] = defaultdict(list)
    served = Trigger.objects.present().filter(
        rest_api__environment=environment, endpoint__isnull=False
    )
    for trigger in served.select_related("endpoint"):
        if spec := trigger.spec_live():
            by_arn[spec.state_machine_arn].append((trigger, spec))
    now = int(timezone.now().timestamp()) // EVERY_SECONDS
    for arn in turn(sorted(by_arn), now):
        try:
            seen = _seen(environment, arn)
        except AwsError as error:
            if error.throttled or error.code in _NO_ANSWER:
                raise
            logger.warning("the state machine %s: %s", arn, error)
            continue
        for trigger, spec in by_arn[arn]:
            _write(trigger, problem(spec, seen))


def turn(arns: list[str], number: int) -> list[str]:
    """The machines that look ``number`` describes: all, or every n-th where they are many."""
    turns = -(-len(arns) // AT_ONCE) or 1
    return arns[number % turns :: turns]


def _seen(environment: Environment, arn: str) -> str:
    """The machine's type; "" where it is gone or going. Raises AwsError."""
    try:
        found = step_functions.describe(environment, arn)
    except AwsError as error:
        if error.code in _GONE:
            return ""
        raise
    return "" if found.status == "DELETING" else found.type


def _write(trigger: Trigger, found: str) -> None:
    """Store what was found, with when it was first seen; one that stays keeps its time."""
    if found and trigger.machine_problem.startswith(found):
        return
    if found:
        found = f"{found} Seen first on {timezone.now():%Y-%m-%d at %H:%M} UTC."
    if found != trigger.machine_problem:
        Trigger.objects.filter(pk=trigger.pk).update(machine_problem=found)


def stops_callers(told: str) -> bool:
    """Whether what ``problem`` told means that no execution starts any more."""
    return "callers get 502" in told.lower()


def problem(spec: TriggerSpec, type_now: str) -> str:
    """What the callers of ``spec`` meet where its machine is of ``type_now``; "" if all is well.

    ``type_now`` is "" for a machine that is gone.
    """
    arn = parse_machine_arn(spec.state_machine_arn)
    if not type_now:
        what = f"The state machine {arn.name}"
        if arn.qualifier:
            kind = step_functions.kind_of(arn.qualifier)
            what = f"The {kind} {arn.qualifier} of the state machine {arn.name}"
        return (
            f"{what} no longer exists: callers get 502. Make it again, or choose another one "
            "and deploy."
        )
    if type_now == spec.machine_type:
        return ""
    changed = f"The state machine {arn.name} is {type_now} now; it was {spec.machine_type}."
    if spec.action == "StartSyncExecution":
        # StartSyncExecution: "StateMachineTypeNotSupported".
        return (
            f"{changed} Callers get 502, as only an EXPRESS machine can be waited for. Make it "
            "EXPRESS again, or edit this trigger to answer at once, and deploy."
        )
    lost = ["AWS lists its executions no more"] if type_now == "EXPRESS" else []
    if type_now == "EXPRESS" and idempotency_of(spec)[0]:
        lost.append("a repeated request starts another execution")
    if type_now == "EXPRESS" and spec.status_route:
        lost.append("the status route answers an error")
    told = f" Callers still start it, but {' and '.join(lost)}." if lost else ""
    return f"{changed}{told} Edit this trigger to fit, and deploy."
