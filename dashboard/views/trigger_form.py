"""New trigger, edit trigger, and what the form asks for as one types."""

import json
import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import aws, forms, snippets, step_functions
from dashboard.forms import TriggerForm
from dashboard.models import (
    Deployment,
    DeploymentInProgress,
    Environment,
    RestApi,
    StaleVersion,
    Trigger,
)
from dashboard.models.rest_api import new_key
from dashboard.views.triggers import base_url, get_trigger, number

SHOWN = 50
_KEY = re.compile(r"[a-z][a-z0-9]{7}")


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.add_trigger", raise_exception=True)
def new(request: HttpRequest) -> HttpResponse:
    if not Environment.objects.exists():
        return redirect("trigger_list")
    if request.method != "POST":
        initial: dict[str, Any] = request.GET.dict()
        if name := initial.pop("environment", ""):
            initial["environment"] = Environment.objects.filter(name=name).first()
        form = TriggerForm(initial=initial)
        return _page(request, form, key=new_key())
    key = request.POST.get("key", "")
    if not _KEY.fullmatch(key):
        key = new_key()
    if pressed_twice := Trigger.objects.filter(key=key).first():
        return redirect(pressed_twice)
    form = TriggerForm(request.POST)
    if not form.is_valid():
        return _page(request, form, key=key)
    by = request.user.get_username()
    values = _values(form)
    try:
        with transaction.atomic():
            rest_api = form.cleaned_data["rest_api"] or _new_rest_api(form, by)
            trigger = Trigger.objects.create(
                key=key, rest_api=rest_api, created_by=by, saved_by=by, **values
            )
    except IntegrityError:
        # Somebody was quicker: with the same press, or with the same route.
        if pressed_twice := Trigger.objects.filter(key=key).first():
            return redirect(pressed_twice)
        return _page(request, _route_taken(form), key=key)
    return _saved(request, trigger)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.change_trigger", raise_exception=True)
def edit(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    if trigger.gone_at:
        messages.error(request, f"{trigger} is gone: it can no longer be edited.")
        return redirect(trigger)
    if request.method != "POST":
        return _page(request, TriggerForm(instance=trigger), key=key, trigger=trigger)
    # A form writes what is typed onto its instance: it gets one of its own.
    form = TriggerForm(request.POST, instance=get_trigger(key))
    if not form.is_valid():
        return _page(request, form, key=key, trigger=trigger)
    by = request.user.get_username()
    trigger.version = form.cleaned_data["version"] or 0
    values = _values(form)
    old = trigger.rest_api
    try:
        with transaction.atomic():
            values["rest_api"] = form.cleaned_data["rest_api"] or _new_rest_api(form, by)
            trigger.save_version(values, by=by)
            old.end_if_empty(by=by)
    except StaleVersion:
        theirs = get_trigger(key)
        rows = _side_by_side(request, form, theirs)
        form = TriggerForm(_with_theirs(request, theirs), instance=get_trigger(key))
        return _page(request, form, key=key, trigger=theirs, theirs=rows)
    except IntegrityError:
        return _page(request, _route_taken(form), key=key, trigger=get_trigger(key))
    return _saved(request, trigger)


def _route_taken(form: TriggerForm) -> TriggerForm:
    """The form with the error of whoever saved the same route a moment later."""
    route = f"{form.cleaned_data['method']} {form.cleaned_data['path']}"
    form.add_error("path", f"{route} is already a route of this REST API.")
    return form


def _values(form: TriggerForm) -> dict[str, Any]:
    names = [*Trigger.DEPLOYED_FIELDS, "name", "description"]
    values = {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}
    return values | {"machine_type": form.instance.machine_type}


def _new_rest_api(form: TriggerForm, by: str) -> RestApi:
    return RestApi.objects.create(
        environment=form.cleaned_data["environment"],
        name=form.cleaned_data["name"],
        created_by=by,
    )


def _saved(request: HttpRequest, trigger: Trigger) -> HttpResponse:
    if "deploy" not in request.POST:
        messages.success(
            request, f"{trigger} is saved. Callers do not meet it until it is deployed."
        )
        return redirect(trigger)
    return ask_to_deploy(request, trigger.rest_api, [trigger])


def ask_to_deploy(request: HttpRequest, rest_api: RestApi, triggers: list[Trigger]) -> HttpResponse:
    """Ask, and go to the deployment's page; to the one under way if there is one."""
    if not request.user.has_perm("dashboard.add_deployment"):
        messages.error(
            request, "Saved, but not deployed: your account lacks the permission to deploy."
        )
        return redirect(triggers[0])
    try:
        deployment = Deployment.deploy(
            rest_api,
            triggers,
            by=request.user.get_username(),
            note=request.POST.get("note", "")[:200],
        )
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    except ValueError as error:
        messages.error(request, f"Nothing was deployed: {error}")
        return redirect(rest_api)
    return redirect(deployment)


def under_way(deployment: Deployment) -> str:
    """What the second of two people is told; a link to the one deployment."""
    return format_html(
        '<a href="{}">Deployment {}</a> of this REST API is under way, asked for by {}. '
        "Yours was not started: what is saved can be deployed once it is done.",
        deployment.get_absolute_url(),
        deployment,
        deployment.requested_by,
    )


def _page(
    request: HttpRequest,
    form: TriggerForm,
    *,
    key: str,
    trigger: Trigger | None = None,
    theirs: list[tuple[str, str, str]] | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "key": key,
        "trigger": trigger,
        "theirs": theirs,
        "their_version": trigger if theirs is not None else None,
        "base": json.dumps(_typed(trigger)) if trigger else "",
        "other_routes_live": trigger is not None
        and trigger.rest_api.triggers.present().exclude(pk=trigger.pk).exists(),
        **_preview(form, key, base_url(trigger.rest_api) if trigger else ""),
    }
    status = 409 if theirs is not None else (422 if form.errors else 200)
    return render(request, "trigger_form.html", context, status=status)


def _environment(form: TriggerForm) -> Environment | None:
    pk = form["environment"].value()
    return Environment.objects.filter(pk=pk).first() if str(pk or "").isdecimal() else None


def _typed(trigger: Trigger) -> dict[str, str]:
    """The trigger's values as its form would post them."""
    names = [*Trigger.DEPLOYED_FIELDS, "name", "description"]
    values = {
        name: str(getattr(trigger, name)) for name in names if name in TriggerForm.base_fields
    }
    return values | {"rest_api": str(trigger.rest_api_id)}


def _base(request: HttpRequest) -> dict[str, str]:
    """What the form held when it was opened; it came from the person's own page."""
    try:
        base = json.loads(request.POST.get("base", ""))
    except (ValueError, RecursionError):
        return {}
    return base if isinstance(base, dict) else {}


def _with_theirs(request: HttpRequest, theirs: Trigger) -> QueryDict:
    """What was posted, with theirs in every field that the person left as it was."""
    data, base = request.POST.copy(), _base(request)
    for name, other in _typed(theirs).items():
        if name in data and data[name] == base.get(name):
            data[name] = other
    return data


def _side_by_side(
    request: HttpRequest, form: TriggerForm, theirs: Trigger
) -> list[tuple[str, str, str]]:
    """Label, theirs, yours: for every field that the person changed and the two differ in."""
    base, other = _base(request), _typed(theirs)
    labels = Trigger.DEPLOYED_FIELDS | {"rest_api": "REST API"}
    return [
        (
            labels.get(name, name.capitalize()),
            _shown(form, name, other[name]),
            _shown(form, name, mine),
        )
        for name, mine in request.POST.dict().items()
        if name in other and mine not in (base.get(name), other[name])
    ]


def _shown(form: TriggerForm, name: str, value: str) -> str:
    """The value as the form shows it."""
    choices = getattr(form.fields[name], "choices", ())
    return next((str(label) for key, label in choices if str(key) == value), value)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The right column of the form: what is typed so far, tried on a sample request."""
    key = request.POST.get("key", "")
    if not _KEY.fullmatch(key):
        key = new_key()
    trigger = Trigger.objects.filter(key=key).first()
    url = base_url(trigger.rest_api) if trigger else ""
    form = TriggerForm(request.POST, instance=trigger)
    return render(request, "_trigger_preview.html", _preview(form, key, url))


def _preview(form: TriggerForm, key: str, url: str) -> dict[str, Any]:
    environment = _environment(form)
    spec = form.spec_as_typed(key)
    return {
        "target": environment,
        "several_environments": Environment.objects.count() > 1,
        "curl": snippets.curl(spec, url or snippets.NOT_YET),
        "not_yet": not url,
        "preview": snippets.preview(
            spec,
            environment.account_id if environment else "ACCOUNT",
            environment.region if environment else "REGION",
        ),
    }


@require_safe
def machines(request: HttpRequest) -> HttpResponse:
    """The options of the State machine field: STANDARD first, as ListStateMachines gives."""
    environment = get_object_or_404(Environment, pk=number(request.GET.get("environment")))
    try:
        found = step_functions.state_machines(environment)
    except aws.AwsError as error:
        return render(request, "_machines.html", {"aws_error": error})
    query = request.GET.get("q", "").strip().lower()
    matching = [m for m in found if query in m.name.lower() or query in m.arn.lower()]
    on_them: dict[str, list[Trigger]] = {}
    for trigger in Trigger.objects.present().filter(
        state_machine_arn__in=[m.arn for m in matching[:SHOWN]]
    ):
        on_them.setdefault(trigger.state_machine_arn, []).append(trigger)
    rows = [(machine, on_them.get(machine.arn, [])) for machine in matching[:SHOWN]]
    context = {"rows": rows, "more": len(matching) - len(rows), "query": query, "total": len(found)}
    return render(request, "_machines.html", context)


@require_safe
def check_machine(request: HttpRequest) -> HttpResponse:
    """What DescribeStateMachine says of a chosen or pasted ARN, told at once."""
    environment = get_object_or_404(Environment, pk=number(request.GET.get("environment")))
    arn = request.GET.get("state_machine_arn", "").strip()
    context: dict[str, Any] = {"arn": arn, "target": environment}
    if arn:
        try:
            context["machine"] = forms.check_machine(environment, arn)
        except ValidationError as error:
            context["problem"] = error.message
    return render(request, "_machine_check.html", context)
