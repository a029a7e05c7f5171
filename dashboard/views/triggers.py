"""The start page and the tabs of a trigger."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import aws, snippets, step_functions
from dashboard.diagnosis import diagnosis
from dashboard.models import Environment, RestApi, Trigger
from dashboard.views import live, send_form
from infra.webhooks import PRESETS

ROWS = 50
RECENT = 20
DEMO_MACHINE = "order-fulfilment"


@require_safe
def trigger_list(request: HttpRequest) -> HttpResponse:
    found = Trigger.objects.present().for_dashboard()
    if name := request.GET.get("environment"):
        found = found.filter(rest_api__environment__name=name)
    for word in request.GET.get("q", "").split():
        found = found.filter(
            Q(path__icontains=word)
            | Q(name__icontains=word)
            | Q(method__iexact=word)
            | Q(state_machine_arn__icontains=word)
            | Q(rest_api__name__icontains=word)
            | Q(rest_api__api_id=word)
        )
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"page": page, "groups": _groups(list(page.object_list))}
    if request.headers.get("HX-Request"):
        return live.part(request, "_trigger_list.html", context)
    context["filtered"] = bool(request.GET.get("q") or request.GET.get("environment"))
    if not page.paginator.count and not context["filtered"]:
        context |= _first_steps(request)
    html = render_to_string("_trigger_list.html", context, request)
    context |= {"list_html": html, "list_version": live.version_of(html)}
    return render(request, "trigger_list.html", context)


def _first_steps(request: HttpRequest) -> dict[str, Any]:
    """What the empty start page offers, or the step that failed on the way to it."""
    environment = Environment.objects.first()
    if environment is None:
        try:
            identity = aws.who_am_i()
        except aws.AwsError as error:
            return {"no_environment": error}
        return {"no_environment": None, "identity": identity}
    if not settings.LOCAL_AWS:
        return {}
    arn = (
        f"arn:aws:states:{environment.region}:{environment.account_id}:stateMachine:{DEMO_MACHINE}"
    )
    return {"try_it": {"state_machine_arn": arn, "method": "POST", "path": "/orders"}}


def _groups(triggers: list[Trigger]) -> list[tuple[RestApi, str, list[Trigger]]]:
    """The rows under the base URL they share."""
    groups: dict[int, tuple[RestApi, str, list[Trigger]]] = {}
    for trigger in triggers:
        rest_api = trigger.rest_api
        group = groups.setdefault(rest_api.pk, (rest_api, base_url(rest_api), []))
        group[2].append(trigger)
    return list(groups.values())


def base_url(rest_api: RestApi) -> str:
    """Where the REST API answers; "" while nothing is deployed.

    A custom domain that it is mapped on comes first: that address outlives the API's own.
    The embedded AWS has no DNS, so there the emulator's URL is the one that can be called.
    """
    if rest_api.live_address and not settings.AWS_ENDPOINT_URL:
        return f"https://{rest_api.live_address}"
    if not rest_api.api_id:
        return ""
    return aws.invoke_url(rest_api.environment, rest_api.api_id, rest_api.live_stage)


def get_trigger(key: str) -> Trigger:
    """The trigger with what its pages show, or 404."""
    return get_object_or_404(Trigger.objects.for_dashboard(), key=key)


def frame(trigger: Trigger, tab: str) -> dict[str, Any]:
    """What every tab of a trigger shows."""
    url = base_url(trigger.rest_api)
    deployed = trigger.live
    base = url if deployed else snippets.NOT_YET
    live_spec = trigger.spec_live() or trigger.spec()
    return {
        "trigger": trigger,
        "tab": tab,
        "base_url": url if deployed else "",
        "url": url + deployed.path if deployed else "",
        "curl": snippets.curl(live_spec, base),
    }


@require_safe
def overview(request: HttpRequest, key: str) -> HttpResponse:
    return overview_page(request, get_trigger(key))


def overview_page(
    request: HttpRequest,
    trigger: Trigger,
    *,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
) -> HttpResponse:
    """The first tab; ``typed`` is a request that was not sent, because of ``problem``."""
    context = frame(trigger, "overview") | _recent_context(trigger)
    sent = trigger.requests.filter(pk=number(request.GET.get("sent"))).first()
    served = trigger.spec_live() or trigger.spec()
    context |= {
        "provider": PRESETS[served.webhook_preset] if served.authorization == "SIGNED" else None,
        "repeat": True,
        "sent": sent,
        "diagnosis": diagnosis(sent) if sent and sent.was_refused else None,
        "problem": problem,
        **send_form.context(
            trigger, served, context["base_url"] or snippets.NOT_YET, sent=sent, typed=typed
        ),
    }
    page = render(request, "trigger_overview.html", with_parts(request, context))
    page.status_code = 422 if problem else 200
    return page


def number(text: str | None) -> int:
    """What a URL or form gave as a number; 0, which no row has, where it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def with_parts(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the live parts with their versions."""
    for name, template in (
        ("status", "_trigger_status.html"),
        ("recent", "_trigger_recent.html"),
    ):
        if name == "status" or "rows" in context:
            html = render_to_string(template, context, request)
            context |= {f"{name}_html": html, f"{name}_version": live.version_of(html)}
    return context


def _recent_context(trigger: Trigger, at_most: int = RECENT) -> dict[str, Any]:
    """The trigger's own executions, newest first, or why there are none to show."""
    spec = trigger.spec_live() or trigger.spec()
    express = spec.machine_type == Trigger.MachineType.EXPRESS
    context: dict[str, Any] = {
        "rows": [],
        "aws_error": None,
        "newest": step_functions.NEWEST,
        "express": express,
    }
    if express:
        return context | {"rows": list(trigger.requests.all()[:at_most])}
    if trigger.live is None and not trigger.gone_at:
        return context
    environment = trigger.rest_api.environment
    try:
        found = step_functions.executions(environment, spec.state_machine_arn)
    except aws.AwsError as error:
        return context | {"aws_error": error, "requests": list(trigger.requests.all()[:at_most])}
    mine = [row for row in found if row.name.startswith(f"{trigger.key}-")]
    return context | {
        "rows": mine[:at_most],
        "all_others": len(found) >= step_functions.NEWEST and not mine,
    }


@require_safe
def status(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    return live.part(
        request,
        "_trigger_status.html",
        frame(trigger, ""),
        every=1000 if trigger.latest and trigger.latest.is_active else 2000,
    )


@require_safe
def recent(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    last = trigger.requests.first()
    soon = last is not None and timezone.now() - last.sent_at < timedelta(seconds=60)
    return live.part(
        request,
        "_trigger_recent.html",
        frame(trigger, "") | _recent_context(trigger) | {"repeat": True},
        every=1000 if soon else 2000,
    )


@require_safe
def executions(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    context = frame(trigger, "executions") | _recent_context(trigger, step_functions.NEWEST)
    return render(request, "trigger_executions.html", with_parts(request, context))


@require_safe
def deployments(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    context = frame(trigger, "deployments") | {
        "deployments": trigger.deployments.for_dashboard()[:ROWS]
    }
    return render(request, "trigger_deployments.html", with_parts(request, context))
