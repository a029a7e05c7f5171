"""State machines: the list, one of them, and what the form's search box offers."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from dashboard import aws, step_functions
from dashboard.models import Environment, Trigger
from dashboard.step_functions import Qualified, StateMachine
from infra.arns import MachineArn, parse_machine_arn

ROWS = 50
OFFERED = 50
"""How many machines, and how many versions of one, the search box offers."""


@dataclass
class Row:
    """A machine of the list, or an option of the search box."""

    target: Environment
    machine: StateMachine
    triggers: list[Trigger] = field(default_factory=list)
    qualified: list[Qualified] = field(default_factory=list)
    more: int = 0
    problem: aws.AwsError | None = None


@require_safe
def machine_list(request: HttpRequest) -> HttpResponse:
    environments = Environment.objects.all()
    if name := request.GET.get("environment"):
        environments = environments.filter(name=name)
    words = request.GET.get("q", "").lower().split()
    rows, problems, total = [], [], 0
    for environment in environments:
        try:
            found = step_functions.state_machines(environment)
        except aws.AwsError as error:
            problems.append((environment, error))
            continue
        total += len(found)
        rows += [
            Row(environment, machine)
            for machine in found
            if all(word in f"{machine.arn} {machine.type}".lower() for word in words)
        ]
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    _find_triggers(list(page.object_list))
    context = {
        "page": page,
        "problems": problems,
        "total": total,
        "several": len(environments) > 1,
    }
    return render(request, "machine_list.html", context)


@require_safe
def logging_level(request: HttpRequest, environment: str, arn: str) -> HttpResponse:
    """A cell of the list, fetched one by one: DescribeStateMachine is for one machine."""
    target = _place(environment, arn)
    context: dict[str, Any] = {"target": target, "arn": arn}
    try:
        context["level"] = step_functions.log_level(target, arn)
    except aws.AwsError as error:
        context["aws_error"] = error
    return render(request, "_machine_logging.html", context)


@require_safe
def detail(request: HttpRequest, environment: str, arn: str) -> HttpResponse:
    """A machine, or one of its versions or aliases."""
    target = _place(environment, arn)
    parts = parse_machine_arn(arn)
    row = Row(target, StateMachine(parts.unqualified, parts.name, ""))
    _find_triggers([row])
    context: dict[str, Any] = {
        "target": target,
        "arn": arn,
        "parts": parts,
        "triggers": row.triggers,
    }
    try:
        context["machine"] = step_functions.describe(target, arn)
        context["logging_command"] = _logging_command(parts)
    except aws.AwsError as error:
        missing = error.code == "StateMachineDoesNotExist"
        context |= {"aws_error": error, "missing": missing}
        return render(request, "machine_detail.html", context, status=404 if missing else 200)
    try:
        context["qualified"] = [
            *step_functions.aliases(target, arn),
            *step_functions.versions(target, arn),
        ]
    except aws.AwsError as error:
        context["qualified_error"] = error
    return render(request, "machine_detail.html", context)


def _logging_command(machine: MachineArn) -> str:
    """The command line that switches logging on; a version or alias has none of its own.

    Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history".
    """
    if machine.qualifier:
        return ""
    group = (
        f"arn:{machine.partition}:logs:{machine.region}:{machine.account}"
        f":log-group:/aws/vendedlogs/states/{machine.name}:*"
    )
    return (
        f"aws stepfunctions update-state-machine --region {machine.region} "
        f"--state-machine-arn {machine.unqualified} --logging-configuration "
        "'level=ALL,includeExecutionData=true,destinations="
        f"[{{cloudWatchLogsLogGroup={{logGroupArn={group}}}}}]'"
    )


def _place(name: str, arn: str) -> Environment:
    """The environment that the ARN lies in, or 404."""
    environment = get_object_or_404(Environment, name=name)
    try:
        step_functions.check_place(environment, arn)
    except ValueError as error:
        raise Http404(str(error)) from error
    return environment


def _find_triggers(rows: Collection[Row]) -> None:
    """Give each row the triggers that start its machine, or a version or alias of it.

    Those that will start it once they are deployed are among them.
    """
    by_place = {(row.target.pk, row.machine.arn): row for row in rows}
    wanted = Q()
    for row in rows:
        arn, inside = row.machine.arn, Q(rest_api__environment=row.target)
        for name in ("state_machine_arn", "endpoint__spec__state_machine_arn"):
            wanted |= inside & (Q(**{name: arn}) | Q(**{f"{name}__startswith": f"{arn}:"}))
    if not wanted:
        return
    for trigger in Trigger.objects.present().for_dashboard().filter(wanted):
        arns = [trigger.state_machine_arn]
        if trigger.live:
            arns.append(str(trigger.live.spec["state_machine_arn"]))
        place = trigger.rest_api.environment_id
        for arn in dict.fromkeys(parse_machine_arn(arn).unqualified for arn in arns):
            if (place, arn) in by_place:
                by_place[place, arn].triggers.append(trigger)


def options(environment: Environment, query: str) -> dict[str, Any]:
    """What the search box offers for ``query``, for ``_machines.html``. Raises AwsError.

    Versions and aliases are read of one machine alone: the only one that matches, or the one
    that is typed out, with or without a colon and the beginning of a qualifier.
    """
    query = query.strip().lower()
    found = step_functions.state_machines(environment)
    typed = next((m for m in found if query and _rest(m, query) is not None), None)
    matching = [m for m in found if query in m.arn.lower() or m is typed]
    rows = [Row(environment, machine) for machine in matching[:OFFERED]]
    _find_triggers(rows)
    for row in rows:
        if query and (row.machine is typed or (typed is None and len(matching) == 1)):
            _read_qualified(row, _rest(row.machine, query) or "")
    return {
        "rows": rows,
        "more": len(matching) - len(rows),
        "query": query,
        "total": len(found),
    }


def _rest(machine: StateMachine, query: str) -> str | None:
    """What stands behind the machine's whole name or ARN and a colon; None if neither does."""
    for start in (machine.name.lower(), machine.arn.lower()):
        if query == start or query.startswith(f"{start}:"):
            return query[len(start) + 1 :]
    return None


def _read_qualified(row: Row, beginning: str) -> None:
    try:
        found = [
            *step_functions.aliases(row.target, row.machine.arn),
            *step_functions.versions(row.target, row.machine.arn),
        ]
    except aws.AwsError as error:
        row.problem = error
        return
    matching = [each for each in found if each.qualifier.lower().startswith(beginning)]
    row.qualified, row.more = matching[:OFFERED], max(0, len(matching) - OFFERED)
