"""Deploy, discard, delete a trigger."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import acts, aws, step_functions
from dashboard.models import Deployment, DeploymentInProgress, StaleVersion, Trigger
from dashboard.views.trigger_form import ask_to_deploy, under_way
from dashboard.views.triggers import frame, get_trigger, number


@require_POST
@permission_required("dashboard.add_deployment", raise_exception=True)
def deploy(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    if trigger.gone_at:
        messages.error(request, f"{trigger} is gone: it cannot be deployed.")
        return redirect(trigger)
    return ask_to_deploy(request, trigger.rest_api, [trigger])


@require_POST
@permission_required("dashboard.change_trigger", raise_exception=True)
def discard(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    trigger.version = number(request.POST.get("version"))
    try:
        trigger.discard(by=request.user.get_username())
    except StaleVersion:
        messages.error(
            request,
            "Somebody saved this trigger meanwhile, so nothing was discarded. "
            "Look at what is saved now, and discard it if you still want to.",
        )
    else:
        messages.success(request, "The saved changes are discarded: what is saved is what is live.")
    return redirect(trigger)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("dashboard.delete_trigger", raise_exception=True)
def delete(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    if trigger.gone_at:
        return redirect(trigger)
    typed = request.POST.get("name", "")
    if request.method == "POST" and typed == trigger.name:
        return _remove(request, trigger)
    context = frame(trigger, "") | {
        "typed": typed,
        "wrong_name": request.method == "POST",
        "last_route": set(trigger.rest_api.live_specs()) == {trigger.key},
        **_last_call(trigger),
    }
    return render(
        request, "trigger_delete.html", context, status=422 if context["wrong_name"] else 200
    )


def _remove(request: HttpRequest, trigger: Trigger) -> HttpResponse:
    by = request.user.get_username()
    if trigger.live is None:
        try:
            Deployment.drop(trigger.rest_api, [trigger], by=by)
        except DeploymentInProgress as error:
            messages.warning(request, under_way(error.deployment))
            return redirect(error.deployment)
        for words in acts.delete_secrets([trigger]):
            messages.warning(request, words)
        messages.success(request, f"{trigger} is deleted. It was never deployed.")
        return redirect("trigger_list")
    try:
        deployment = Deployment.remove(trigger.rest_api, [trigger], by=by)
    except DeploymentInProgress as error:
        messages.warning(request, under_way(error.deployment))
        return redirect(error.deployment)
    return redirect(deployment)


def _last_call(trigger: Trigger) -> dict[str, object]:
    """When it was called last, as far as Step Functions and our own requests tell."""
    calls = [request.sent_at for request in trigger.requests.all()[:1]]
    spec = trigger.spec_live()
    if spec is not None and spec.machine_type == Trigger.MachineType.STANDARD:
        try:
            found = step_functions.executions(trigger.rest_api.environment, spec.state_machine_arn)
        except aws.AwsError as error:
            return {"last_call_error": error}
        calls += [row.started_at for row in found if row.name.startswith(f"{trigger.key}-")]
    return {"last_call": max(calls, default=None)}
