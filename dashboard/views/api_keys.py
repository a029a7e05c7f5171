"""API keys of a REST API: make one, have another take over, revoke.

A value is in one page: the answer to the press that made it. So that page is no redirect, and
a key in the form sees to it that pressing twice, or loading the answer again, makes no second.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from dashboard import acts, aws
from dashboard.models import ApiKey, RestApi
from dashboard.models.rest_api import key_or_new
from dashboard.rest_api_form import ApiKeyForm


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@permission_required("dashboard.add_apikey", raise_exception=True)
def new(request: HttpRequest, key: str) -> HttpResponse:
    return _make(request, _rest_api(key))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@permission_required("dashboard.add_apikey", raise_exception=True)
def rotate(request: HttpRequest, key: str, api_key: str) -> HttpResponse:
    """Make a key that takes over from another; both are valid until that one is revoked."""
    old = _api_key(key, api_key)
    if old.revoked_at:
        messages.error(request, f"“{old}” is revoked: nothing can take over from it. Make a key.")
        return redirect(old.rest_api)
    return _make(request, old.rest_api, old)


@sensitive_variables("value")
def _make(request: HttpRequest, rest_api: RestApi, replaces: ApiKey | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        "rest_api": rest_api,
        "replaces": replaces,
        "form_key": key_or_new(request.POST.get("key", "")),
    }
    if request.method != "POST" or not rest_api.usage_plan_id:
        initial = {"name": replaces.next_name} if replaces else {}
        # Without a plan nothing is made, and what was typed stays.
        form = ApiKeyForm(request.POST or None, rest_api=rest_api, initial=initial)
        status = 409 if request.method == "POST" else 200
        return render(request, "api_key_new.html", context | {"form": form}, status=status)
    form = ApiKeyForm(request.POST, rest_api=rest_api)
    context["form"] = form
    if earlier := ApiKey.objects.filter(key=context["form_key"]).first():
        return render(request, "api_key_new.html", context | {"earlier": earlier}, status=409)
    if not form.is_valid():
        return render(request, "api_key_new.html", context, status=422)
    try:
        made, value = acts.create_api_key(
            rest_api,
            form.cleaned_data["name"],
            form_key=context["form_key"],
            by=request.user.get_username(),
            replaces=replaces,
        )
    except acts.AlreadyMade as error:
        return render(request, "api_key_new.html", context | {"earlier": error.key}, status=409)
    except aws.AwsError as error:
        return render(request, "api_key_new.html", context | {"aws_error": error}, status=502)
    return render(request, "api_key_shown.html", context | {"made": made, "value": value})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.delete_apikey", raise_exception=True)
def revoke(request: HttpRequest, key: str, api_key: str) -> HttpResponse:
    found = _api_key(key, api_key)
    if found.revoked_at:
        messages.info(request, f"“{found}” was revoked already, by {found.revoked_by}.")
        return redirect(found.rest_api)
    context = {"rest_api": found.rest_api, "api_key": found, "typed": request.POST.get("name", "")}
    if request.method != "POST":
        return render(request, "api_key_revoke.html", context)
    if context["typed"] != found.name:
        return render(request, "api_key_revoke.html", context | {"wrong_name": True}, status=422)
    try:
        acts.revoke_api_key(found, by=request.user.get_username())
    except aws.AwsError as error:
        return render(request, "api_key_revoke.html", context | {"aws_error": error}, status=502)
    messages.success(request, f"“{found}” is revoked: whoever sends it gets 403 from now on.")
    return redirect(found.rest_api)


def _rest_api(key: str) -> RestApi:
    present = RestApi.objects.filter(gone_at=None).select_related("environment")
    return get_object_or_404(present, key=key)


def _api_key(key: str, api_key: str) -> ApiKey:
    """The key with its REST API, which may be gone: its keys can be revoked still."""
    found = ApiKey.objects.select_related("rest_api__environment", "replaces")
    return get_object_or_404(found, rest_api__key=key, key=api_key)
