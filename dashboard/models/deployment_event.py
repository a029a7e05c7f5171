from typing import ClassVar

from django.db import models
from django.utils import timezone


class DeploymentEvent(models.Model):
    """A step of the deployment, or one of CloudFormation's stack events. Append-only."""

    class Kind(models.TextChoices):
        STEP = "STEP"
        STACK = "STACK"

    deployment = models.ForeignKey(
        "dashboard.Deployment", on_delete=models.PROTECT, related_name="events"
    )
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    status = models.CharField(max_length=64)
    resource = models.CharField(max_length=255, blank=True)
    resource_type = models.CharField(max_length=255, blank=True)
    reason = models.TextField(blank=True)
    event_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001

    class Meta:
        ordering: ClassVar = ["at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["deployment", "event_id"], name="event_once")
        ]

    def __str__(self) -> str:
        return f"{self.resource or self.deployment_id} {self.status}"

    @property
    def is_failure(self) -> bool:
        return self.status.endswith("FAILED")
