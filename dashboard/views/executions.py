"""One Step Functions execution, as AWS tells it."""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from dashboard import aws, step_functions
from dashboard.models import Environment, Trigger
from dashboard.views import live as live_part

_ARN = re.compile(
    r"arn:aws[a-z-]*:states:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":execution:(?P<machine>[A-Za-z0-9_-]{1,80}):(?P<name>[^:\s]{1,80})"
)
FAILED = {"FAILED", "TIMED_OUT", "ABORTED"}
LAST_EVENTS = {
    "ExecutionSucceeded",
    "ExecutionFailed",
    "ExecutionAborted",
    "ExecutionTimedOut",
}


@require_safe
def detail(request: HttpRequest, environment: str, arn: str) -> HttpResponse:
    context = _context(environment, arn)
    html = render_to_string("_execution.html", context, request)
    context |= {"live_html": html, "live_version": live_part.version_of(html)}
    return render(request, "execution_detail.html", context)


@require_safe
def live(request: HttpRequest, environment: str, arn: str) -> HttpResponse:
    context = _context(environment, arn)
    return live_part.part(
        request,
        "_execution.html",
        context,
        final=context["ended"],
        title=context["title"],
        every=1000,
    )


def _told(events: list[dict[str, Any]]) -> bool:
    """Whether the history has its end too: it may come later than the status."""
    return not events or events[-1]["type"] in LAST_EVENTS


def _context(environment_name: str, arn: str) -> dict[str, Any]:
    environment = get_object_or_404(Environment, name=environment_name)
    match = _ARN.fullmatch(arn)
    place = (environment.account_id, environment.region)
    if match is None or (match["account"], match["region"]) != place:
        raise Http404("not the ARN of an execution in this environment")
    key = match["name"].partition("-")[0]
    context: dict[str, Any] = {
        "arn": arn,
        "name": match["name"],
        "machine": match["machine"],
        "target": environment,
        "trigger": Trigger.objects.filter(key=key, rest_api__environment=environment)
        .select_related("rest_api")
        .first(),
        "ended": False,
        "title": f"{match['machine']} {match['name']}",
    }
    try:
        execution = step_functions.execution(environment, arn)
        events = step_functions.history(environment, arn, execution["status"])
    except aws.AwsError as error:
        return context | {"aws_error": error}
    stopped = execution.get("stopDate")
    return context | {
        "execution": execution,
        "events": events,
        "ended": execution["status"] not in {"RUNNING", "PENDING_REDRIVE"} and _told(events),
        "failed": execution["status"] in FAILED,
        "failing_state": step_functions.failing_state(events),
        "took": stopped - execution["startDate"] if stopped else None,
        "title": f"{execution['status'].capitalize()} · {match['machine']}",
    }
