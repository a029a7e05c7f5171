"""The Django admin: Deployments and their events can be read there, and nothing more."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest

from dashboard.models import Deployment, DeploymentEvent


class ReadOnly:
    """No add, change or delete, also not for a superuser."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EventInline(ReadOnly, admin.TabularInline[DeploymentEvent, Deployment]):
    model = DeploymentEvent
    fields: ClassVar = ["at", "kind", "status", "resource", "resource_type", "reason"]
    readonly_fields = fields


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly, admin.ModelAdmin[Deployment]):
    list_display: ClassVar = [
        "rest_api",
        "number",
        "action",
        "status",
        "requested_by",
        "requested_at",
        "finished_at",
        "note",
    ]
    list_filter: ClassVar = ["status", "action", "rest_api__environment"]
    search_fields: ClassVar = ["requested_by", "note", "rest_api__name"]
    date_hierarchy = "requested_at"
    list_select_related: ClassVar = ["rest_api"]
    inlines: ClassVar = [EventInline]


@admin.register(DeploymentEvent)
class DeploymentEventAdmin(ReadOnly, admin.ModelAdmin[DeploymentEvent]):
    list_display: ClassVar = ["at", "deployment", "kind", "status", "resource", "reason"]
    list_filter: ClassVar = ["kind"]
    list_select_related: ClassVar = ["deployment"]
