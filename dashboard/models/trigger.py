from typing import Any, ClassVar, NamedTuple, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from dashboard.models.rest_api import new_key
from infra.spec import TriggerSpec


class StaleVersion(Exception):
    """Somebody saved the trigger after it was read."""


class Change(NamedTuple):
    """One field that is saved but not live."""

    label: str
    live: str
    saved: str


class TriggerQuerySet(models.QuerySet["Trigger"]):
    def present(self) -> Self:
        """Those that are not gone."""
        return self.filter(gone_at=None)

    def for_dashboard(self) -> Self:
        """With everything a list row shows, in one query."""
        return (
            self.select_related("rest_api__environment", "endpoint", "latest")
            .defer("latest__spec")
            .order_by("rest_api__name", "rest_api__key", "path", "method")
        )


class Trigger(models.Model):
    """One route of a RestApi: method and path to a state machine, as last saved.

    People change it through ``save_version``; what callers meet is its ``Endpoint``,
    which only a successful deployment writes. A trigger that was removed keeps its row
    (``gone_at``, ``gone_by``): its page and the audit stay.
    """

    class Method(models.TextChoices):
        GET = "GET", "GET"
        POST = "POST", "POST"
        PUT = "PUT", "PUT"
        PATCH = "PATCH", "PATCH"
        DELETE = "DELETE", "DELETE"
        ANY = "ANY", "ANY"

    class MachineType(models.TextChoices):
        STANDARD = "STANDARD", "STANDARD"
        EXPRESS = "EXPRESS", "EXPRESS"

    class InputMode(models.TextChoices):
        BODY = "BODY", "Request body"
        FIXED = "FIXED", "Fixed JSON"

    class ResponseMode(models.TextChoices):
        EXECUTION = "EXECUTION", "Execution"
        FIXED = "FIXED", "Fixed JSON"
        EMPTY = "EMPTY", "Empty"

    class Status(models.TextChoices):
        NOT_DEPLOYED = "NOT_DEPLOYED", "Not deployed"
        LIVE = "LIVE", "Live"
        DELETING = "DELETING", "Deleting"
        GONE = "GONE", "Gone"

    rest_api = models.ForeignKey(
        "dashboard.RestApi",
        on_delete=models.PROTECT,
        related_name="triggers",
        verbose_name="REST API",
    )
    key = models.CharField(max_length=8, unique=True, default=new_key, editable=False)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True, default="")
    method = models.CharField(
        "HTTP method", max_length=6, choices=Method.choices, default=Method.POST
    )
    path = models.CharField(max_length=1024)
    state_machine_arn = models.CharField("State machine", max_length=256)
    machine_type = models.CharField(
        max_length=8, choices=MachineType.choices, default=MachineType.STANDARD, editable=False
    )
    input_mode = models.CharField(
        "Input", max_length=5, choices=InputMode.choices, default=InputMode.BODY
    )
    input_template = models.TextField(blank=True, default="")
    response_mode = models.CharField(
        "Response", max_length=9, choices=ResponseMode.choices, default=ResponseMode.EXECUTION
    )
    response_status = models.PositiveSmallIntegerField(default=202)
    response_body = models.TextField(blank=True, default="")
    throttle_rate = models.FloatField("Requests a second", default=10)
    throttle_burst = models.PositiveIntegerField("Burst", default=20)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    saved_by = models.CharField(max_length=150, editable=False)
    saved_at = models.DateTimeField(default=timezone.now, editable=False)
    latest = models.ForeignKey(
        "dashboard.Deployment",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    """The newest deployment that it was chosen in."""
    gone_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    gone_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TriggerQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["path", "method"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rest_api", "method", "path"],
                condition=Q(gone_at=None),
                name="trigger_route_once",
            )
        ]

    # Every field that stands in the spec, with the word a person knows it by.
    DEPLOYED_FIELDS: ClassVar = {
        "method": "HTTP method",
        "path": "Path",
        "state_machine_arn": "State machine",
        "machine_type": "Machine type",
        "input_mode": "Input",
        "input_template": "Input template",
        "response_mode": "Response",
        "response_status": "Response status",
        "response_body": "Response body",
        "throttle_rate": "Requests a second",
        "throttle_burst": "Burst",
    }

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def get_absolute_url(self) -> str:
        return reverse("trigger_detail", args=[self.key])

    @property
    def machine_name(self) -> str:
        return self.state_machine_arn.rpartition(":")[2]

    @property
    def live(self) -> "Endpoint | None":
        """What callers meet, or None."""
        return getattr(self, "endpoint", None)

    def spec(self) -> TriggerSpec:
        """The definition as saved; a text that its mode does not use is left out."""
        values = {name: getattr(self, name) for name in self.DEPLOYED_FIELDS}
        if self.input_mode != self.InputMode.FIXED:
            values["input_template"] = ""
        if self.response_mode != self.ResponseMode.FIXED:
            values["response_body"] = ""
        return TriggerSpec(key=self.key, **values)

    def spec_live(self) -> TriggerSpec | None:
        """What callers meet."""
        return TriggerSpec.model_validate(self.live.spec) if self.live else None

    def changes(self) -> list[Change]:
        """What is saved but not live, field by field; empty where nothing is live."""
        if self.live is None:
            return []
        live, saved = self.live.spec, self.spec().model_dump(mode="json")
        return [
            Change(label, str(live[name]), str(saved[name]))
            for name, label in self.DEPLOYED_FIELDS.items()
            if live[name] != saved[name]
        ]

    @property
    def status(self) -> Status:
        """What a caller meets."""
        if self.gone_at:
            return self.Status.GONE
        if self.latest and self.latest.is_active and self.latest.removes:
            return self.Status.DELETING
        return self.Status.LIVE if self.live else self.Status.NOT_DEPLOYED

    @property
    def last_failed(self) -> bool:
        """Whether its newest deployment failed and something is still to be deployed."""
        if self.gone_at or self.latest is None or self.latest.status != "FAILED":
            return False
        return self.latest.removes or self.live is None or bool(self.changes())

    def save_version(self, values: dict[str, Any], *, by: str) -> None:
        """Save ``values``, or raise StaleVersion if ``version`` is no longer the newest."""
        updated = Trigger.objects.filter(pk=self.pk, version=self.version, gone_at=None).update(
            **values, version=F("version") + 1, saved_by=by, saved_at=timezone.now()
        )
        if not updated:
            raise StaleVersion
        self.refresh_from_db()

    def discard(self, *, by: str) -> None:
        """Go back to what is live."""
        if self.live is None:
            return
        self.save_version({name: self.live.spec[name] for name in self.DEPLOYED_FIELDS}, by=by)

    def mark_gone(self, *, by: str) -> None:
        """The route is no longer served: end the trigger. Its row stays for the audit."""
        Endpoint.objects.filter(trigger=self).delete()
        Trigger.objects.filter(pk=self.pk).update(gone_at=timezone.now(), gone_by=by)


class Endpoint(models.Model):
    """What the last successful deployment of a trigger left. Only the deployer writes it."""

    trigger = models.OneToOneField(Trigger, on_delete=models.CASCADE, related_name="endpoint")
    deployment = models.ForeignKey(
        "dashboard.Deployment", on_delete=models.PROTECT, related_name="endpoints"
    )
    api_id = models.CharField(max_length=32)
    stage_name = models.CharField(max_length=128)
    spec = models.JSONField()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def method(self) -> str:
        return str(self.spec["method"])

    @property
    def path(self) -> str:
        return str(self.spec["path"])
