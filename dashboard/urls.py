from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from dashboard.views import (
    api_keys,
    definition,
    deployments,
    domains,
    executions,
    health,
    machines,
    openapi,
    rest_apis,
    send,
    trigger_acts,
    trigger_form,
    triggers,
)

urlpatterns = [
    path("", triggers.trigger_list, name="trigger_list"),
    path("triggers/new", trigger_form.new, name="trigger_new"),
    path("triggers/preview", trigger_form.preview, name="trigger_preview"),
    path("triggers/<slug:key>/", triggers.overview, name="trigger_detail"),
    path("triggers/<slug:key>/status", triggers.status, name="trigger_status"),
    path("triggers/<slug:key>/recent", triggers.recent, name="trigger_recent"),
    path("triggers/<slug:key>/executions", triggers.executions, name="trigger_executions"),
    path("triggers/<slug:key>/deployments", triggers.deployments, name="trigger_deployments"),
    path("triggers/<slug:key>/definition", definition.definition, name="trigger_definition"),
    path("triggers/<slug:key>/edit", trigger_form.edit, name="trigger_edit"),
    path("triggers/<slug:key>/deploy", trigger_acts.deploy, name="trigger_deploy"),
    path("triggers/<slug:key>/discard", trigger_acts.discard, name="trigger_discard"),
    path("triggers/<slug:key>/delete", trigger_acts.delete, name="trigger_delete"),
    path("triggers/<slug:key>/send", send.send_request, name="trigger_send"),
    path(
        "triggers/<slug:key>/requests/<int:pk>/repeat", send.repeat_request, name="trigger_repeat"
    ),
    path("machines", trigger_form.machines, name="machines"),
    path("machines/check", trigger_form.check_machine, name="machine_check"),
    path("machines/", machines.machine_list, name="machine_list"),
    path(
        "machines/<slug:environment>/<path:arn>/logging",
        machines.logging_level,
        name="machine_logging",
    ),
    path("machines/<slug:environment>/<path:arn>", machines.detail, name="machine_detail"),
    path("rest-apis/", rest_apis.rest_api_list, name="rest_api_list"),
    path("rest-apis/<slug:key>/", rest_apis.detail, name="rest_api_detail"),
    path("rest-apis/<slug:key>/deploy", rest_apis.deploy_all, name="rest_api_deploy"),
    path("rest-apis/<slug:key>/openapi", openapi.page, name="rest_api_openapi"),
    path("rest-apis/<slug:key>/openapi.json", openapi.download, name="rest_api_openapi_json"),
    path("rest-apis/<slug:key>/delete", rest_apis.delete, name="rest_api_delete"),
    path("rest-apis/<slug:key>/settings", rest_apis.settings, name="rest_api_settings"),
    path("rest-apis/<slug:key>/api-keys/new", api_keys.new, name="api_key_new"),
    path(
        "rest-apis/<slug:key>/api-keys/<slug:api_key>/rotate",
        api_keys.rotate,
        name="api_key_rotate",
    ),
    path(
        "rest-apis/<slug:key>/api-keys/<slug:api_key>/revoke",
        api_keys.revoke,
        name="api_key_revoke",
    ),
    path("domains/", domains.domain_list, name="domain_list"),
    path("domains/new", domains.new, name="domain_new"),
    path("domains/<slug:key>/", domains.detail, name="domain_detail"),
    path("domains/<slug:key>/edit", domains.edit, name="domain_edit"),
    path("domains/<slug:key>/deploy", domains.deploy, name="domain_deploy"),
    path("domains/<slug:key>/delete", domains.delete, name="domain_delete"),
    path("deployments/", deployments.deployment_list, name="deployment_list"),
    path("deployments/<uuid:pk>/", deployments.detail, name="deployment_detail"),
    path("deployments/<uuid:pk>/live", deployments.live, name="deployment_live"),
    path("deployments/<uuid:pk>/again", deployments.again, name="deployment_again"),
    path("executions/<slug:environment>/<path:arn>/live", executions.live, name="execution_live"),
    path("executions/<slug:environment>/<path:arn>", executions.detail, name="execution_detail"),
    path("healthz", health.healthz, name="healthz"),
    path(
        "accounts/login",
        LoginView.as_view(redirect_authenticated_user=True),
        name="login",
    ),
    path("accounts/logout", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
