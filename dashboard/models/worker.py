from datetime import timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

SILENT_AFTER = timedelta(seconds=30)


class WorkerQuerySet(models.QuerySet["Worker"]):
    def reporting(self, queue: str) -> Self:
        return self.filter(queue=queue, reported_at__gt=timezone.now() - SILENT_AFTER)


class Worker(models.Model):
    """A worker process that reports every few seconds, so that a page can say if none does."""

    class Synth(models.TextChoices):
        NONE = "NONE", "has no synth process"
        STARTING = "STARTING", "starting"
        READY = "READY", "ready"
        DEAD = "DEAD", "dead"

    name = models.CharField(max_length=255)
    queue = models.CharField(max_length=20)
    synth = models.CharField(max_length=8, choices=Synth.choices, default=Synth.NONE)
    reported_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "queue"], name="worker_queue_once")
        ]

    def __str__(self) -> str:
        return self.name
