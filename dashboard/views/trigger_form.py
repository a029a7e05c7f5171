"""New trigger, edit trigger, and what the form asks for as one types."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import acts, aws, forms, snippets
from dashboard.forms import TriggerForm
from dashboard.models import (
    Deployment,
    DeploymentInProgress,
    Environment,
    RestApi,
    StaleVersion,
    Trigger,
)
from dashboard.models.rest_api import key_or_new, new_key
from dashboard.preview import preview as try_sample
from dashboard.views.machines import options
from dashboard.views.triggers import base_url, get_trigger, number
from infra import webhooks
from infra.checks import CONTEXT


@sensitive_post_parameters("webhook_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.add_trigger", raise_exception=True)
def new(request: HttpRequest) -> HttpResponse:
    if not Environment.objects.exists():
        return redirect("trigger_list")
    if request.method != "POST":
        form = TriggerForm(initial=_initial(request))
        return _page(request, form, key=new_key())
    key = key_or_new(request.POST.get("key", ""))
    if pressed_twice := Trigger.objects.filter(key=key).first():
        return redirect(pressed_twice)
    form = TriggerForm(request.POST, may_write_vtl=_may_write_vtl(request))
    by = request.user.get_username()
    if not form.is_valid():
        return _page(request, form, key=key)
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
    return _saved(request, trigger, form)


@sensitive_post_parameters("webhook_secret")
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
    form = TriggerForm(
        request.POST, instance=get_trigger(key), may_write_vtl=_may_write_vtl(request)
    )
    by = request.user.get_username()
    if not form.is_valid():
        return _page(request, form, key=key, trigger=trigger)
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
    if trigger.secret_set_at and trigger.rest_api.environment != old.environment:
        _leave_secret(request, trigger, old.environment)
    return _saved(request, trigger, form)


def _route_taken(form: TriggerForm) -> TriggerForm:
    """The form with the error of whoever saved the same route a moment later."""
    route = f"{form.cleaned_data['method']} {form.cleaned_data['path']}"
    form.add_error("path", f"{route} is already a route of this REST API.")
    return form


_TOLD = ("name", "description", "public_reason")
"""What is saved beside the definition."""


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the new form begins with: the query's values, or those of the trigger it doubles."""
    initial: dict[str, Any] = request.GET.dict()
    if original := Trigger.objects.filter(key=initial.pop("duplicate", "")).first():
        names = [*Trigger.DEPLOYED_FIELDS, *_TOLD, "rest_api"]
        initial = {name: getattr(original, name) for name in names if name != "name"} | initial
        initial["environment"] = original.rest_api.environment
    elif name := initial.pop("environment", ""):
        initial["environment"] = Environment.objects.filter(name=name).first()
    return initial


def _may_write_vtl(request: HttpRequest) -> bool:
    return request.user.has_perm("dashboard.write_vtl")


@sensitive_variables("secret")
def _write_secret(trigger: Trigger, form: TriggerForm, by: str) -> str:
    """Pass a typed webhook secret on to AWS, once the row is saved; in words, if refused."""
    secret = form.cleaned_data.get("webhook_secret")
    if not secret or trigger.authorization != Trigger.Authorization.SIGNED:
        return ""
    try:
        acts.write_secret(trigger.rest_api.environment, trigger.key, secret)
    except aws.AwsError as error:
        return f"{error} {error.advice}"
    Trigger.objects.filter(pk=trigger.pk).update(secret_set_by=by, secret_set_at=timezone.now())
    return ""


def _leave_secret(request: HttpRequest, trigger: Trigger, environment: Environment) -> None:
    """The trigger has moved to another account or Region: what lies in the old one goes."""
    Trigger.objects.filter(pk=trigger.pk).update(secret_set_by="", secret_set_at=None)
    try:
        acts.delete_secret(environment, trigger.key)
    except aws.AwsError as error:
        messages.warning(request, f"The webhook's secret is still in {environment}. {error}")


def _values(form: TriggerForm) -> dict[str, Any]:
    return {name: getattr(form.instance, name) for name in (*Trigger.DEPLOYED_FIELDS, *_TOLD)}


def _new_rest_api(form: TriggerForm, by: str) -> RestApi:
    return RestApi.objects.create(
        environment=form.cleaned_data["environment"],
        name=form.cleaned_data["name"],
        created_by=by,
    )


def _saved(request: HttpRequest, trigger: Trigger, form: TriggerForm) -> HttpResponse:
    if refused := _write_secret(trigger, form, request.user.get_username()):
        messages.error(
            request,
            f"{trigger} is saved, but AWS did not take the webhook's secret, so nothing was "
            f"deployed. {refused} Then type the secret again.",
        )
        return redirect("trigger_edit", trigger.key)
    if "deploy" in request.POST:
        return ask_to_deploy(request, trigger.rest_api, [trigger])
    words = f"{trigger} is saved."
    if form.cleaned_data.get("webhook_secret") and trigger.live:
        words += " The new secret counts at once."
    if trigger.live is None or trigger.changes():
        words += " Callers do not meet it until it is deployed."
    messages.success(request, words)
    return redirect(trigger)


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
        '<a href="{}">Deployment {}</a> of this {} is under way, asked for by {}. '
        "Yours was not started: what is saved can be deployed once it is done.",
        deployment.get_absolute_url(),
        deployment,
        deployment.owner.noun,
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
        "presets": webhooks.PRESETS,
        "context_names": CONTEXT,
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
    form = TriggerForm(instance=trigger)
    names = [*Trigger.DEPLOYED_FIELDS, *_TOLD]
    values = {name: _posted(form, name) for name in names if name in form.fields}
    return values | {"rest_api": str(trigger.rest_api_id)}


_BOXES = ("content_types", "status_route")
"""Check boxes: what is not ticked is not posted."""


def _posted(form: TriggerForm, name: str) -> str:
    value: Any = form[name].value()
    if name == "status_route":
        return "on" if value else ""
    return " ".join(value) if name == "content_types" else _text(value)


def _text(value: Any) -> str:
    """Browsers post the lines of a text area with CRLF."""
    return str(value).replace("\r\n", "\n")


def _sent(data: QueryDict, name: str) -> str:
    return " ".join(data.getlist(name)) if name in _BOXES else _text(data[name])


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
        if (name in data or name in _BOXES) and _sent(data, name) == base.get(name):
            data.setlist(name, other.split() if name in _BOXES else [other])
    return data


def _side_by_side(
    request: HttpRequest, form: TriggerForm, theirs: Trigger
) -> list[tuple[str, str, str]]:
    """Label, theirs, yours: for every field that the person changed and the two differ in."""
    base, other = _base(request), _typed(theirs)
    labels = Trigger.DEPLOYED_FIELDS | {"rest_api": "REST API", "public_reason": "Why public?"}
    mine = {
        name: _sent(request.POST, name)
        for name in other
        if name in request.POST or (name in _BOXES and name in base)
    }
    return [
        (
            labels.get(name, name.capitalize()),
            _shown(form, name, other[name]),
            _shown(form, name, value),
        )
        for name, value in mine.items()
        if value not in (base.get(name), other[name])
    ]


def _shown(form: TriggerForm, name: str, value: str) -> str:
    """The value as the form shows it."""
    choices = getattr(form.fields[name], "choices", ())
    return next((str(label) for key, label in choices if str(key) == value), value)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The right column of the form: what is typed so far, tried on a sample request."""
    key = key_or_new(request.POST.get("key", ""))
    trigger = Trigger.objects.filter(key=key).first()
    url = base_url(trigger.rest_api) if trigger else ""
    form = TriggerForm(request.POST, instance=trigger)
    return render(request, "_trigger_preview.html", _preview(form, key, url))


def _preview(form: TriggerForm, key: str, url: str) -> dict[str, Any]:
    environment = _environment(form)
    found = try_sample(form.spec_as_typed(key), environment, form.data, form["rest_api"].value())
    return {
        "target": environment,
        "several_environments": Environment.objects.count() > 1,
        "curl": snippets.curl(found.spec, url or snippets.NOT_YET, found.sample),
        "not_yet": not url,
        "preview": found,
        # Rows that are wrong cannot be tried at all: the preview is one without them.
        "rows_left_out": form.errors.get("input_fields") if form.is_bound else None,
    }


@require_safe
def machines(request: HttpRequest) -> HttpResponse:
    """The options of the State machine field: STANDARD first, as ListStateMachines gives."""
    environment = get_object_or_404(Environment, pk=number(request.GET.get("environment")))
    try:
        context = options(environment, request.GET.get("q", ""))
    except aws.AwsError as error:
        context = {"aws_error": error}
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
