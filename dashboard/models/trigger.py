from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from dashboard.models import choices
from dashboard.models.rest_api import Change, new_key, shown
from infra.spec import TriggerSpec


class StaleVersion(Exception):
    """Somebody saved the trigger after it was read."""


def default_authorizer_sources() -> list[str]:
    return ["header.Authorization"]


def default_content_types() -> list[str]:
    return ["JSON"]


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

    Method = choices.Method
    MachineType = choices.MachineType
    Authorization = choices.Authorization
    AuthorizerType = choices.AuthorizerType
    WebhookPreset = choices.WebhookPreset
    WebhookAlgorithm = choices.WebhookAlgorithm
    WebhookEncoding = choices.WebhookEncoding
    FilterSource = choices.FilterSource
    InputMode = choices.InputMode
    IdempotencySource = choices.IdempotencySource
    OnRepeat = choices.OnRepeat
    Action = choices.Action
    ResponseMode = choices.ResponseMode
    ResponseType = choices.ResponseType

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
    state_machine_arn = models.CharField("State machine", max_length=340)
    machine_type = models.CharField(
        max_length=8, choices=MachineType.choices, default=MachineType.STANDARD, editable=False
    )
    machine_problem = models.TextField(blank=True, default="", editable=False)
    """Why callers will not reach the live machine, as the last look at it showed."""

    authorization = models.CharField(
        max_length=18, choices=Authorization.choices, default=Authorization.AWS_IAM
    )
    public_reason = models.CharField("Why public?", max_length=200, blank=True, default="")
    user_pool_arns = models.JSONField("User pools", default=list, blank=True)
    scopes = models.JSONField("OAuth scopes", default=list, blank=True)
    authorizer_arn = models.CharField("Lambda function", max_length=300, blank=True, default="")
    authorizer_type = models.CharField(
        "Type", max_length=7, choices=AuthorizerType.choices, default=AuthorizerType.TOKEN
    )
    authorizer_sources = models.JSONField(
        "Identity from", default=default_authorizer_sources, blank=True
    )
    authorizer_ttl = models.PositiveIntegerField("Answers kept (s)", default=300)
    webhook_preset = models.CharField(
        "Provider", max_length=6, choices=WebhookPreset.choices, default=WebhookPreset.HMAC
    )
    webhook_header = models.CharField(
        "Signature header", max_length=128, blank=True, default="X-Signature"
    )
    webhook_algorithm = models.CharField(
        "Algorithm", max_length=6, choices=WebhookAlgorithm.choices, default=WebhookAlgorithm.SHA256
    )
    webhook_encoding = models.CharField(
        "Encoding", max_length=6, choices=WebhookEncoding.choices, default=WebhookEncoding.HEX
    )
    webhook_prefix = models.CharField("Before the signature", max_length=32, blank=True, default="")
    webhook_timestamp_header = models.CharField(
        "Timestamp header", max_length=128, blank=True, default=""
    )
    webhook_tolerance = models.PositiveIntegerField("Tolerance (s)", default=300)
    webhook_filter_source = models.CharField(
        "Events", max_length=6, choices=FilterSource.choices, blank=True, default=""
    )
    webhook_filter = models.CharField("Header or path", max_length=256, blank=True, default="")
    webhook_events = models.JSONField("Events that start one", default=list, blank=True)
    secret_set_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    secret_set_at = models.DateTimeField(null=True, editable=False)
    throttle_rate = models.FloatField("Requests a second", default=10)
    throttle_burst = models.PositiveIntegerField("Burst", default=20)
    cors_origins = models.JSONField("CORS origins", default=list, blank=True)

    input_mode = models.CharField(
        "Input", max_length=7, choices=InputMode.choices, default=InputMode.BODY
    )
    input_template = models.TextField(blank=True, default="")
    input_headers = models.JSONField("Headers", default=list, blank=True)
    input_claims = models.JSONField("Authorizer values and claims", default=list, blank=True)
    input_fields = models.JSONField("Fields", default=list, blank=True)
    content_types = models.JSONField("Content types", default=default_content_types)
    body_schema = models.TextField("JSON Schema (draft 4)", blank=True, default="")
    required_parameters = models.JSONField("Required parameters", default=list, blank=True)
    idempotency_source = models.CharField(
        "Idempotency", max_length=6, choices=IdempotencySource.choices, blank=True, default=""
    )
    idempotency_key = models.CharField("Header or path", max_length=256, blank=True, default="")
    on_repeat = models.CharField(
        "A repeat", max_length=8, choices=OnRepeat.choices, default=OnRepeat.FIRST
    )

    action = models.CharField("Answer", max_length=18, choices=Action.choices, default=Action.START)
    response_mode = models.CharField(
        "Response", max_length=9, choices=ResponseMode.choices, default=ResponseMode.EXECUTION
    )
    response_status = models.PositiveSmallIntegerField(default=202)
    response_body = models.TextField(blank=True, default="")
    response_path = models.CharField("Part of it", max_length=256, blank=True, default="")
    response_type = models.CharField(
        "Type", max_length=7, choices=ResponseType.choices, default=ResponseType.STRING
    )
    response_headers = models.JSONField(default=list, blank=True)
    error_statuses = models.JSONField("Errors", default=list, blank=True)
    error_default = models.PositiveSmallIntegerField("Any other error", default=502)
    status_route = models.BooleanField("Status route", default=False)
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
        permissions: ClassVar = [("write_vtl", "Can write raw mapping templates")]

    # Every field that stands in the spec, with the word a person knows it by.
    DEPLOYED_FIELDS: ClassVar = {
        "method": "HTTP method",
        "path": "Path",
        "state_machine_arn": "State machine",
        "machine_type": "Machine type",
        "authorization": "Authorization",
        "user_pool_arns": "User pools",
        "scopes": "OAuth scopes",
        "authorizer_arn": "Lambda authorizer",
        "authorizer_type": "Authorizer type",
        "authorizer_sources": "Identity from",
        "authorizer_ttl": "Answers kept (s)",
        "webhook_preset": "Provider",
        "webhook_header": "Signature header",
        "webhook_algorithm": "Signature algorithm",
        "webhook_encoding": "Signature encoding",
        "webhook_prefix": "Before the signature",
        "webhook_timestamp_header": "Timestamp header",
        "webhook_tolerance": "Timestamp tolerance (s)",
        "webhook_filter_source": "Event filter",
        "webhook_filter": "Event filter on",
        "webhook_events": "Events that start one",
        "throttle_rate": "Requests a second",
        "throttle_burst": "Burst",
        "cors_origins": "CORS origins",
        "input_mode": "Input",
        "input_template": "Input template",
        "input_headers": "Headers in the input",
        "input_claims": "Authorizer values in the input",
        "input_fields": "Fields",
        "content_types": "Content types",
        "body_schema": "JSON Schema",
        "required_parameters": "Required parameters",
        "idempotency_source": "Idempotency",
        "idempotency_key": "Idempotency key",
        "on_repeat": "A repeat",
        "action": "Answer",
        "response_mode": "Response",
        "response_status": "Response status",
        "response_body": "Response body",
        "response_path": "Part of the output",
        "response_type": "Type of the part",
        "response_headers": "Response headers",
        "error_statuses": "Error statuses",
        "error_default": "Status of any other error",
        "status_route": "Status route",
    }

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def get_absolute_url(self) -> str:
        return reverse("trigger_detail", args=[self.key])

    @property
    def machine_name(self) -> str:
        """The machine's name, with its version or alias."""
        return self.state_machine_arn.partition(":stateMachine:")[2]

    @property
    def lacks_secret(self) -> bool:
        """Whether it is a webhook whose signatures nothing could be compared with."""
        return self.authorization == self.Authorization.SIGNED and self.secret_set_at is None

    @property
    def is_public(self) -> bool:
        """Whether anybody may call what is served, or will be."""
        return (self.spec_live() or self).authorization == self.Authorization.NONE

    @property
    def who_may_call(self) -> str:
        """The word for the authorization that callers meet."""
        served = (self.spec_live() or self).authorization
        return "public" if served == "NONE" else str(self.Authorization(served).label)

    @property
    def live(self) -> "Endpoint | None":
        """What callers meet, or None."""
        return getattr(self, "endpoint", None)

    # What a choice leaves unused is not in the spec: typed once, it stays in the row only.
    USED_BY: ClassVar = {
        "user_pool_arns": ("authorization", "COGNITO_USER_POOLS"),
        "scopes": ("authorization", "COGNITO_USER_POOLS"),
        "authorizer_arn": ("authorization", "CUSTOM"),
        "authorizer_type": ("authorization", "CUSTOM"),
        "authorizer_sources": ("authorization", "CUSTOM"),
        "authorizer_ttl": ("authorization", "CUSTOM"),
        "webhook_preset": ("authorization", "SIGNED"),
        "webhook_header": ("webhook_preset", "HMAC"),
        "webhook_algorithm": ("webhook_preset", "HMAC"),
        "webhook_encoding": ("webhook_preset", "HMAC"),
        "webhook_prefix": ("webhook_preset", "HMAC"),
        "webhook_timestamp_header": ("webhook_preset", "HMAC"),
        "webhook_tolerance": ("authorization", "SIGNED"),
        "webhook_filter_source": ("authorization", "SIGNED"),
        "webhook_filter": ("webhook_filter_source", "HEADER", "BODY"),
        "webhook_events": ("webhook_filter_source", "HEADER", "BODY"),
        "input_template": ("input_mode", "FIXED", "VTL"),
        "input_headers": ("input_mode", "REQUEST"),
        "input_claims": ("input_mode", "REQUEST"),
        "input_fields": ("input_mode", "FIELDS"),
        "idempotency_key": ("idempotency_source", "HEADER", "BODY"),
        "on_repeat": ("idempotency_source", "HEADER", "BODY"),
        "response_body": ("response_mode", "FIXED", "TEMPLATE"),
        "response_path": ("response_mode", "OUTPUT"),
        "response_type": ("response_mode", "OUTPUT"),
        "error_statuses": ("action", "StartSyncExecution"),
        "error_default": ("action", "StartSyncExecution"),
    }

    def spec(self) -> TriggerSpec:
        """The definition as saved; what its choices do not use is left out."""
        return TriggerSpec(key=self.key, **self.spec_values())

    def spec_values(self) -> dict[str, Any]:
        """The fields of the spec that its choices use."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.DEPLOYED_FIELDS}
        for name, (by, *wanted) in self.USED_BY.items():
            if values.get(by) not in wanted:
                values.pop(name)
        return values

    def spec_live(self) -> TriggerSpec | None:
        """What callers meet."""
        return TriggerSpec.model_validate(self.live.spec) if self.live else None

    def changes(self) -> list[Change]:
        """What is saved but not live, field by field; empty where nothing is live."""
        served = self.spec_live()
        if served is None:
            return []
        live, saved = served.model_dump(mode="json"), self.spec().model_dump(mode="json")
        return [
            Change(label, shown(live[name]), shown(saved[name]))
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
        served = self.spec_live()
        if served is None:
            return
        live = served.model_dump(mode="json")
        self.save_version({name: live[name] for name in self.DEPLOYED_FIELDS}, by=by)

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
