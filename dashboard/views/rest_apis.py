"""REST APIs: the list, one of them, its settings, deploy all, delete."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import acts, rest_api_form
from dashboard.models import Deployment, DeploymentInProgress, RestApi, Trigger
from dashboard.rest_api_form import RestApiForm
from dashboard.views.domains import local_curl
from dashboard.views.trigger_form import ask_to_deploy, under_way
from dashboard.views.triggers import ROWS, base_url


@require_safe
def rest_api_list(request: HttpRequest) -> HttpResponse:
    found = (
        RestApi.objects.filter(gone_at=None)
        .select_related("environment", "live")
        .annotate(
            routes=Count("triggers", filter=Q(triggers__gone_at=None)),
            served=Count("triggers", filter=Q(triggers__endpoint__isnull=False)),
        )
        .order_by("name", "key")
    )
    if name := request.GET.get("environment"):
        found = found.filter(environment__name=name)
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    rows = [(rest_api, base_url(rest_api)) for rest_api in page.object_list]
    return render(request, "rest_api_list.html", {"page": page, "rows": rows})


def _present(rest_api: RestApi) -> list[Trigger]:
    return list(rest_api.triggers.present().for_dashboard())


@require_safe
def detail(request: HttpRequest, key: str) -> HttpResponse:
    found = RestApi.objects.select_related("environment", "live", "domain")
    rest_api = get_object_or_404(found, key=key)
    triggers = _present(rest_api)
    context = {
        "rest_api": rest_api,
        "base_url": base_url(rest_api),
        "address_curl": local_curl(rest_api.live_address),
        "triggers": triggers,
        "waiting": [t for t in triggers if t.live is None or t.changes()],
        "changes": [] if rest_api.gone_at else rest_api.changes(),
        "takes_keys": any(_takes_keys(trigger) for trigger in triggers),
        "api_keys": rest_api.api_keys.select_related("replaces").order_by(
            F("revoked_at").desc(nulls_first=True), "name"
        ),
        "active": rest_api.deployments.active().first(),
        "deployments": rest_api.deployments.for_dashboard()[:ROWS],
    }
    return render(request, "rest_api_detail.html", context)


def _takes_keys(trigger: Trigger) -> bool:
    served = trigger.spec_live()
    return "API_KEY" in (trigger.authorization, served.authorization if served else "")


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.change_restapi", raise_exception=True)
def settings(request: HttpRequest, key: str) -> HttpResponse:
    rest_api = get_object_or_404(RestApi.objects.select_related("environment"), key=key)
    if rest_api.gone_at:
        messages.error(request, f"{rest_api} is gone: it has no settings any more.")
        return redirect(rest_api)
    if request.method != "POST":
        return _settings_page(request, RestApiForm(instance=rest_api), rest_api)
    form = RestApiForm(request.POST, instance=rest_api)
    try:
        # Nobody saves, or asks for a deployment, between the checks and the save.
        with transaction.atomic():
            now = RestApi.objects.select_for_update().get(pk=rest_api.pk)
            held = rest_api_form.base(request.POST)
            if held != rest_api_form.typed(now):
                return _changed_meanwhile(request, now, held or {})
            form = RestApiForm(request.POST, instance=now)
            if not form.is_valid():
                return _settings_page(request, form, rest_api)
            now.save(update_fields=[n for n, field in form.fields.items() if not field.disabled])
    except IntegrityError:
        # A REST API was mapped there a moment ago.
        form.add_error("base_path", "Another REST API has this base path now.")
        return _settings_page(request, form, rest_api)
    return _settings_saved(request, key)


def _settings_saved(request: HttpRequest, key: str) -> HttpResponse:
    """Go on as asked: what is live is deployed with these settings, else all that is saved."""
    rest_api = RestApi.objects.select_related("environment", "live").get(key=key)
    chosen = [] if rest_api.live_id else _present(rest_api)
    if "deploy" in request.POST and (rest_api.live_id or chosen):
        if request.user.has_perm("dashboard.add_deployment"):
            return ask_to_deploy(request, rest_api, chosen)
        messages.error(
            request, "Saved, but not deployed: your account lacks the permission to deploy."
        )
    elif rest_api.changes():
        messages.success(request, "Saved. Callers do not meet it until it is deployed.")
    else:
        messages.success(request, "Saved.")
    return redirect(rest_api)


def _changed_meanwhile(request: HttpRequest, now: RestApi, held: dict[str, str]) -> HttpResponse:
    """The form again, with theirs where the person had changed nothing, and both side by side."""
    theirs, mine = rest_api_form.typed(now), rest_api_form.posted(request.POST)
    form = RestApiForm(_with_theirs(request.POST, theirs, mine, held), instance=now)
    labels = RestApi.DEPLOYED_FIELDS | {"name": "Name", "domain": "Custom domain"}
    rows = [
        (labels[name], form.shown(name, value), form.shown(name, mine[name]))
        for name, value in theirs.items()
        if mine[name] not in (value, held.get(name))
    ]
    return _settings_page(request, form, now, rows, status=409)


def _with_theirs(
    data: QueryDict, theirs: dict[str, str], mine: dict[str, str], held: dict[str, str]
) -> QueryDict:
    merged = data.copy()
    for name, value in theirs.items():
        if mine[name] == held.get(name):
            merged[name] = value
            if not value:
                del merged[name]  # a check box is not posted
    return merged


def _settings_page(
    request: HttpRequest,
    form: RestApiForm,
    rest_api: RestApi,
    theirs: list[tuple[str, str, str]] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    # The form has written what was typed onto its instance.
    saved = RestApi.objects.select_related("environment", "live").get(pk=rest_api.pk)
    domains: str = "|".join(str(domain.pk) for domain in form.domains)
    context = {
        "form": form,
        "rest_api": saved,
        "theirs": theirs,
        "base": json.dumps(rest_api_form.typed(saved)),
        "domains": domains,
        "takes_iam": any(t.authorization == "AWS_IAM" for t in _present(saved)),
    }
    status = 422 if status == 200 and form.errors else status
    return render(request, "rest_api_settings.html", context, status=status)


@require_POST
@permission_required("dashboard.add_deployment", raise_exception=True)
def deploy_all(request: HttpRequest, key: str) -> HttpResponse:
    rest_api = get_object_or_404(RestApi, key=key, gone_at=None)
    triggers = _present(rest_api)
    if not triggers:
        messages.error(request, "This REST API has no trigger to deploy. Make one first.")
        return redirect(rest_api)
    return ask_to_deploy(request, rest_api, triggers)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.delete_trigger", raise_exception=True)
def delete(request: HttpRequest, key: str) -> HttpResponse:
    rest_api = get_object_or_404(RestApi.objects.select_related("environment"), key=key)
    if rest_api.gone_at:
        return redirect(rest_api)
    triggers = _present(rest_api)
    typed = request.POST.get("name", "")
    if request.method == "POST" and typed == rest_api.name:
        return _remove(request, rest_api, triggers)
    context = {
        "rest_api": rest_api,
        "base_url": base_url(rest_api),
        "triggers": triggers,
        "typed": typed,
        "wrong_name": request.method == "POST",
    }
    return render(
        request, "rest_api_delete.html", context, status=422 if context["wrong_name"] else 200
    )


def _remove(request: HttpRequest, rest_api: RestApi, triggers: list[Trigger]) -> HttpResponse:
    by = request.user.get_username()
    try:
        if rest_api.stack_id:
            return redirect(Deployment.remove(rest_api, triggers, by=by))
        Deployment.drop(rest_api, triggers, by=by)
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    for words in acts.delete_secrets(triggers):
        messages.warning(request, words)
    messages.success(request, f"{rest_api} is deleted. It was never deployed.")
    return redirect("rest_api_list")
