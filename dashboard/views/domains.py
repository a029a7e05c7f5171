"""Custom domains: the list, one of them, new, another certificate, deploy, delete."""

import shlex

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.domain_form import DomainForm
from dashboard.models import Deployment, DeploymentInProgress, Domain, Environment, RestApi
from dashboard.models.rest_api import key_or_new, new_key
from dashboard.views.trigger_form import under_way
from dashboard.views.triggers import ROWS


@require_safe
def domain_list(request: HttpRequest) -> HttpResponse:
    found = Domain.objects.filter(gone_at=None).for_dashboard()
    if name := request.GET.get("environment"):
        found = found.filter(environment__name=name)
    present = Prefetch("rest_apis", queryset=RestApi.objects.filter(gone_at=None))
    page = Paginator(found.prefetch_related(present), ROWS).get_page(request.GET.get("page"))
    return render(request, "domain_list.html", {"page": page})


def _get(key: str) -> Domain:
    return get_object_or_404(Domain.objects.for_dashboard(), key=key)


@require_safe
def detail(request: HttpRequest, key: str) -> HttpResponse:
    domain = _get(key)
    context = {
        "domain": domain,
        "mapped": domain.mapped().select_related("domain"),
        "deployments": Deployment.objects.of(domain).for_dashboard()[:ROWS],
    }
    return render(request, "domain_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.add_domain", raise_exception=True)
def new(request: HttpRequest) -> HttpResponse:
    if not Environment.objects.exists():
        return redirect("trigger_list")
    if request.method != "POST":
        chosen = Environment.objects.filter(name=request.GET.get("environment", "")).first()
        return _page(request, DomainForm(initial={"environment": chosen}), new_key())
    key = key_or_new(request.POST.get("key", ""))
    if pressed_twice := Domain.objects.filter(key=key).first():
        return redirect(pressed_twice.latest or pressed_twice)
    form = DomainForm(request.POST)
    if not form.is_valid():
        return _page(request, form, key)
    form.instance.key, form.instance.created_by = key, request.user.get_username()
    try:
        with transaction.atomic():
            domain = form.save()
    except IntegrityError:
        # Somebody was quicker: with the same press, or with the same name.
        if pressed_twice := Domain.objects.filter(key=key).first():
            return redirect(pressed_twice)
        form.add_error("name", "Somebody has just made this domain: see Domains.")
        return _page(request, form, key)
    return _saved(request, domain)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.change_domain", raise_exception=True)
def edit(request: HttpRequest, key: str) -> HttpResponse:
    domain = _get(key)
    if domain.gone_at:
        messages.error(request, f"{domain} is gone: it can no longer be changed.")
        return redirect(domain)
    # The form writes what is typed onto its row.
    shown = request.POST.get("shown", "") if request.method == "POST" else domain.certificate_arn
    form = DomainForm(request.POST if request.method == "POST" else None, instance=domain)
    if not form.is_valid():
        return _page(request, form, key, shown=shown)
    # Nothing else of the row: the deployer may be writing to it. Pressed twice, it is there.
    mine = domain.certificate_arn
    known = Domain.objects.filter(pk=domain.pk, certificate_arn__in={shown, mine})
    if not known.update(certificate_arn=mine):
        theirs = _get(key).certificate_arn
        return _page(request, form, key, shown=theirs, theirs=theirs)
    return _saved(request, domain)


def _page(
    request: HttpRequest, form: DomainForm, key: str, *, shown: str = "", theirs: str = ""
) -> HttpResponse:
    """``shown`` is the certificate that the person changes; ``theirs`` one saved meanwhile."""
    domain = form.instance if form.instance.pk else None
    context = {"form": form, "key": key, "domain": domain, "shown": shown, "theirs": theirs}
    status = 409 if theirs else 422 if form.errors else 200
    return render(request, "domain_form.html", context, status=status)


def _saved(request: HttpRequest, domain: Domain) -> HttpResponse:
    if "deploy" in request.POST:
        return _ask_to_deploy(request, domain)
    messages.success(request, f"{domain} is saved. Nothing changes in AWS until it is deployed.")
    return redirect(domain)


def _ask_to_deploy(request: HttpRequest, domain: Domain) -> HttpResponse:
    if not request.user.has_perm("dashboard.add_deployment"):
        messages.error(
            request, "Saved, but not deployed: your account lacks the permission to deploy."
        )
        return redirect(domain)
    by, note = request.user.get_username(), request.POST.get("note", "")[:200]
    try:
        return redirect(Deployment.deploy_domain(domain, by=by, note=note))
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    except ValueError as error:
        messages.error(request, f"Nothing was deployed: {error}")
        return redirect(domain)


@require_POST
@permission_required("dashboard.add_deployment", raise_exception=True)
def deploy(request: HttpRequest, key: str) -> HttpResponse:
    domain = _get(key)
    if domain.gone_at:
        messages.error(request, f"{domain} is gone: it cannot be deployed.")
        return redirect(domain)
    return _ask_to_deploy(request, domain)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.delete_domain", raise_exception=True)
def delete(request: HttpRequest, key: str) -> HttpResponse:
    domain = _get(key)
    if domain.gone_at:
        return redirect(domain)
    mapped = list(domain.mapped().select_related("domain"))
    typed = request.POST.get("name", "")
    posted = request.method == "POST"
    if posted and not mapped and typed == domain.name:
        return _remove(request, domain)
    context = {
        "domain": domain,
        "mapped": mapped,
        "typed": typed,
        "wrong_name": posted and not mapped,
    }
    status = 200 if not posted else 409 if mapped else 422
    return render(request, "domain_delete.html", context, status=status)


def _remove(request: HttpRequest, domain: Domain) -> HttpResponse:
    by = request.user.get_username()
    try:
        if domain.stack_id:
            return redirect(Deployment.remove_domain(domain, by=by))
        Deployment.drop(domain, by=by)
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(domain)
    messages.success(request, f"{domain} is deleted. It was never deployed.")
    return redirect("domain_list")


def local_curl(address: str) -> str:
    """A call of ``address`` by its Host header: no DNS knows the embedded AWS's domains."""
    host, _, base_path = address.partition("/")
    url = f"{settings.AWS_ENDPOINT_URL}/{base_path}"
    return shlex.join(["curl", "-i", "-H", f"Host: {host}", url])
