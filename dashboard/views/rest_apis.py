"""REST APIs: the list, one of them, deploy all, delete."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.models import Deployment, DeploymentInProgress, RestApi, Trigger
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
    rest_api = get_object_or_404(RestApi.objects.select_related("environment", "live"), key=key)
    triggers = _present(rest_api)
    context = {
        "rest_api": rest_api,
        "base_url": base_url(rest_api),
        "triggers": triggers,
        "waiting": [t for t in triggers if t.live is None or t.changes()],
        "active": rest_api.deployments.active().first(),
        "deployments": rest_api.deployments.for_dashboard()[:ROWS],
    }
    return render(request, "rest_api_detail.html", context)


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
    messages.success(request, f"{rest_api} is deleted. It was never deployed.")
    return redirect("rest_api_list")
