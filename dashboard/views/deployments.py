"""Deployments: the audit list, and one of them as it goes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard import snippets
from dashboard.models import (
    Deployment,
    DeploymentEvent,
    DeploymentInProgress,
    Domain,
    RestApi,
    Worker,
)
from dashboard.models.deployment import DeploymentQuerySet
from dashboard.views import live as live_part
from dashboard.views.trigger_form import under_way
from dashboard.views.triggers import base_url

ROWS = 50
Status = Deployment.Status
# Nothing can be canceled yet.
OFFERED = [(s.value, s.label) for s in Status if s != Status.CANCELED]
FILTERS = ("status", "by", "rest_api", "environment", "since", "until")


@require_safe
def deployment_list(request: HttpRequest) -> HttpResponse:
    found, problem = _filtered(request)
    # The keys of the page first: what a row shows is then read for these alone.
    page = Paginator(found.only("pk"), ROWS).get_page(request.GET.get("page"))
    rows = Deployment.objects.for_dashboard().filter(pk__in=[row.pk for row in page.object_list])
    page.object_list = list(rows.order_by("-requested_at"))
    context = {
        "page": page,
        "problem": problem,
        "statuses": [("active", "In progress"), *OFFERED],
        "rest_apis": RestApi.objects.order_by("name").values_list("key", "name")[:500],
        "filters": [(n, request.GET[n]) for n in FILTERS if request.GET.get(n)],
    }
    return render(request, "deployment_list.html", context)


def _filtered(request: HttpRequest) -> tuple[DeploymentQuerySet, str]:
    """What the URL asks for, and what of it could not be read."""
    found: DeploymentQuerySet = Deployment.objects.all()
    asked, problem = request.GET, ""
    if status := asked.get("status"):
        if status == "active":
            found = found.active()
        elif status in Status.values:
            found = found.filter(status=status)
        else:
            problem = f"There is no status “{status}”."
    if by := asked.get("by"):
        found = found.filter(requested_by=by)
    if key := asked.get("rest_api"):
        found = found.filter(rest_api__key=key)
    if name := asked.get("environment"):
        found = found.filter(
            Q(rest_api__in=RestApi.objects.filter(environment__name=name))
            | Q(domain__in=Domain.objects.filter(environment__name=name))
        )
    for name, lookup, days in (("since", "gte", 0), ("until", "lt", 1)):
        if text := asked.get(name):
            try:
                day = datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=UTC)
                bound = day + timedelta(days=days)
            except (ValueError, OverflowError):
                problem = f"“{text}” is no date: write it as 2026-01-31."
            else:
                found = found.filter(**{f"requested_at__{lookup}": bound})
    return found.order_by("-requested_at"), problem


@dataclass(frozen=True)
class Step:
    """One line of a deployment's life."""

    label: str
    css: str
    since: datetime | None = None
    elapsed: timedelta | None = None
    note: str = ""


@require_safe
def detail(request: HttpRequest, pk: str) -> HttpResponse:
    deployment = _get(pk)
    context = _context(deployment)
    html = render_to_string("_deployment.html", context, request)
    context |= {"live_html": html, "live_version": live_part.version_of(html)}
    return render(request, "deployment_detail.html", context)


@require_safe
def live(request: HttpRequest, pk: str) -> HttpResponse:
    deployment = _get(pk)
    context = _context(deployment)
    return live_part.part(
        request,
        "_deployment.html",
        context,
        final=not deployment.is_active,
        title=context["title"],
        every=1000,
    )


def _get(pk: str) -> Deployment:
    return get_object_or_404(Deployment.objects.for_dashboard(), pk=pk)


def _context(deployment: Deployment) -> dict[str, Any]:
    owner = deployment.owner
    events = list(deployment.events.all())
    triggers = list(deployment.triggers.all())
    stack_events = [e for e in events if e.kind == DeploymentEvent.Kind.STACK]
    served = triggers[0].spec_live() if triggers else None
    url = base_url(owner) if isinstance(owner, RestApi) else ""
    steps = [e for e in events if e.kind == DeploymentEvent.Kind.STEP]
    return {
        "deployment": deployment,
        "owner": owner,
        "triggers": triggers,
        "steps": _steps(deployment, steps),
        # What was left undone beside the stack.
        "left_undone": [e for e in steps if e.reason and e.status not in Status.values],
        # Failures first, then the newest.
        "stack_events": sorted(stack_events, key=lambda e: (not e.is_failure, -e.pk)),
        "title": f"{deployment.result} · {deployment} {owner}",
        "waiting": _waiting_for(deployment),
        "is_live": owner.live_id == deployment.pk,
        "base_url": url,
        "url": url + served.path if served and url else "",
        "curl": snippets.curl(served, url) if served and url else "",
        "callers_meet": _callers_meet(owner),
    }


def _callers_meet(owner: RestApi | Domain) -> str:
    if owner.live:
        return f"Callers are still served by {owner.live}."
    return f"Nothing is served: callers get no answer from this {owner.noun}."


def _steps(deployment: Deployment, events: list[DeploymentEvent]) -> list[Step]:
    at = {event.status: event.at for event in events}
    destroy = deployment.action == Deployment.Action.DESTROY
    steps = []
    for status, label, following in (
        (Status.QUEUED, "Queued", (Status.PLANNING,)),
        (Status.PLANNING, "Planned", (Status.PLANNED,)),
        (Status.APPLYING, "Removing" if destroy else "Applying", ()),
    ):
        began = at.get(status)
        ended = next((at[s] for s in following if s in at), deployment.finished_at)
        if began is None:
            css = "waiting" if deployment.is_active else "skipped"
            steps.append(Step(label, css))
        elif ended is None:
            steps.append(Step(label, "running", since=began))
        else:
            last = not any(s in at for s in (*following, Status.APPLYING) if s != status)
            failed = deployment.status == Status.FAILED and (
                status == Status.APPLYING or (last and Status.APPLYING not in at)
            )
            steps.append(Step(label, "failed" if failed else "done", elapsed=ended - began))
    return [*steps, _last_step(deployment)]


def _last_step(deployment: Deployment) -> Step:
    if deployment.status == Status.SUCCEEDED:
        return Step(deployment.result, "done", elapsed=deployment.duration)
    if deployment.is_active:
        destroy = deployment.action == Deployment.Action.DESTROY
        return Step("Removed" if destroy else "Live", "waiting")
    return Step(deployment.get_status_display(), "failed", elapsed=deployment.duration)


def _waiting_for(deployment: Deployment) -> str:
    """Why a step that should have moved has not."""
    if not deployment.is_active:
        return ""
    queue = "plan" if deployment.status in (Status.QUEUED, Status.PLANNING) else "steps"
    if deployment.trouble:
        return f"{deployment.trouble} It is tried again by itself."
    waited = timezone.now() - deployment.next_step_at
    if not Worker.objects.reporting(queue).exists():
        return (
            "No worker has reported for 30 s: start one with "
            f"“celery -A dashboard worker -Q {queue}”. It goes on from here by itself."
        )
    if waited < timedelta(seconds=3):
        return ""
    ahead = (
        Deployment.objects.filter(status__in=(Status.QUEUED, Status.PLANNING))
        .filter(requested_at__lt=deployment.requested_at)
        .select_related("rest_api", "domain")
        .order_by("requested_at")
        .last()
    )
    if ahead and deployment.status == Status.QUEUED:
        since = timezone.now() - ahead.requested_at
        return f"Behind {ahead} of {ahead.owner}, {since.total_seconds():.0f} s."
    return ""


@require_POST
@permission_required("dashboard.add_deployment", raise_exception=True)
def again(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask for the same snapshot once more; only a failed deployment can be."""
    deployment = _get(pk)
    if active := Deployment.objects.of(deployment.owner).active().first():
        messages.warning(request, under_way(active))
        return redirect(active)
    if not deployment.can_be_tried_again:
        messages.error(
            request,
            f"{deployment} cannot be tried again: it did not fail, or something newer was asked "
            "for since. Deploy what is saved instead.",
        )
        return redirect(deployment)
    try:
        return redirect(Deployment.again(deployment, by=request.user.get_username()))
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    except ValueError as error:
        messages.error(request, f"Nothing was deployed: {error}")
        return redirect(deployment)
