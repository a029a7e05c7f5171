"""The Django admin: the audit can be read there, and changed by nobody."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from dashboard.models import Deployment, DeploymentEvent, Trigger
from tests.conftest import ended, words

pytestmark = pytest.mark.django_db
MODELS = ["deployment", "deploymentevent"]


@pytest.fixture
def audit(trigger: Trigger) -> dict[str, str]:
    """Model name → the id of a row."""
    deployment = ended(trigger, reason="In AWS's words.", note="for the launch")
    event = DeploymentEvent.objects.create(
        deployment=deployment, kind="STACK", status="CREATE_COMPLETE", resource="Stage1"
    )
    return {"deployment": str(deployment.pk), "deploymentevent": str(event.pk)}


@pytest.mark.parametrize("model", MODELS)
def test_rows_can_be_listed_and_read(model: str, as_admin: Client, audit: dict[str, str]) -> None:
    listed = as_admin.get(reverse(f"admin:dashboard_{model}_changelist"))
    assert listed.status_code == 200
    row = as_admin.get(reverse(f"admin:dashboard_{model}_change", args=[audit[model]]))
    assert row.status_code == 200
    assert "Stage1" in words(row)
    assert 'name="_save"' not in row.content.decode()
    assert "Delete" not in words(row)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("act", ["add", "change", "delete"])
def test_nobody_may_add_change_or_delete(
    model: str, act: str, as_admin: Client, audit: dict[str, str]
) -> None:
    args = [] if act == "add" else [audit[model]]
    path = reverse(f"admin:dashboard_{model}_{act}", args=args)
    before = [*Deployment.objects.values(), *DeploymentEvent.objects.values()]
    answer = as_admin.post(path, {"post": "yes", "note": "changed", "reason": "changed"})
    assert answer.status_code == 403
    assert before == [*Deployment.objects.values(), *DeploymentEvent.objects.values()]


@pytest.mark.parametrize("model", MODELS)
def test_no_action_deletes_several_at_once(
    model: str, as_admin: Client, audit: dict[str, str]
) -> None:
    path = reverse(f"admin:dashboard_{model}_changelist")
    form = {"action": "delete_selected", "_selected_action": [audit[model]], "post": "yes"}
    as_admin.post(path, form)
    assert Deployment.objects.count() == 1
    assert DeploymentEvent.objects.filter(pk=audit["deploymentevent"]).exists()


def test_the_permissions_are_refused_to_a_superuser_as_well(admin_user: User) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    for model in (Deployment, DeploymentEvent):
        site = admin.site._registry[model]
        assert site.has_view_permission(request)
        assert not site.has_add_permission(request)
        assert not site.has_change_permission(request)
        assert not site.has_delete_permission(request)


def test_what_people_change_elsewhere_is_not_in_the_admin() -> None:
    names = {m.__name__ for m in admin.site._registry if m._meta.app_label == "dashboard"}
    assert names == {"Deployment", "DeploymentEvent"}


def test_who_is_no_administrator_stays_outside(client: Client, operator: User) -> None:
    client.force_login(operator)
    answer = client.get(reverse("admin:dashboard_deployment_changelist"))
    assert answer.status_code == 302


def test_an_account_that_made_something_may_be_deleted_and_the_audit_stays(
    as_admin: Client, audit: dict[str, str], operator: User
) -> None:
    Deployment.objects.update(requested_by="otto")
    path = reverse("admin:auth_user_delete", args=[operator.pk])
    assert as_admin.post(path, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="otto").exists()
    assert Deployment.objects.get().requested_by == "otto"
