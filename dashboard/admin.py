"""The Django admin: Deployments and their events can be read there, and nothing more."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from dashboard.models import Deployment, DeploymentEvent

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[DeploymentEvent, Deployment]
    DeploymentModelAdmin = admin.ModelAdmin[Deployment]
    EventModelAdmin = admin.ModelAdmin[DeploymentEvent]
else:
    TabularInline = admin.TabularInline
    DeploymentModelAdmin = EventModelAdmin = admin.ModelAdmin


class ReadOnly:
    """No add, change or delete, also not for a superuser."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EventInline(ReadOnly, TabularInline):
    model = DeploymentEvent
    fields = (
        "at",
        "kind",
        "status",
        "resource",
        "resource_type",
        "reason",
    )
    readonly_fields = fields


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly, DeploymentModelAdmin):
    list_display = (
        "owner",
        "number",
        "action",
        "status",
        "requested_by",
        "requested_at",
        "finished_at",
        "note",
    )
    list_filter = (
        "status",
        "action",
        "rest_api__environment",
        "domain__environment",
    )
    search_fields = (
        "requested_by",
        "note",
        "rest_api__name",
        "domain__name",
    )
    date_hierarchy = "requested_at"
    list_select_related = ("rest_api", "domain")
    inlines = (EventInline,)


@admin.register(DeploymentEvent)
class DeploymentEventAdmin(ReadOnly, EventModelAdmin):
    list_display = (
        "at",
        "deployment",
        "kind",
        "status",
        "resource",
        "reason",
    )
    list_filter = ("kind",)
    list_select_related = ("deployment",)
