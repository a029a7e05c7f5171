import json
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from infra.spec import ApiSpec, TriggerSpec

if TYPE_CHECKING:
    from dashboard.models.deployment import Deployment

_ALPHABET = string.ascii_lowercase + string.digits


class Change(NamedTuple):
    """One field that is saved but not live."""

    label: str
    live: str
    saved: str


def shown(value: Any) -> str:
    """A value of a spec as a person reads it: a list one line for each item."""
    if isinstance(value, list) and all(isinstance(item, str | list) for item in value):
        return "\n".join(i if isinstance(i, str) else ": ".join(map(str, i)) for i in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def new_key() -> str:
    """8 characters, a letter first: they stand in stack names, role names, execution names."""
    return secrets.choice(string.ascii_lowercase) + "".join(
        secrets.choice(_ALPHABET) for _ in range(7)
    )


def key_or_new(text: str) -> str:
    """The key that a form brought along, so that two presses make one row; else a new one."""
    return text if re.fullmatch(r"[a-z][a-z0-9]{7}", text) else new_key()


def address(snapshot: Mapping[str, Any]) -> str:
    """The domain and the base path that a REST API is mapped on; "" where on none."""
    return "/".join(filter(None, (snapshot.get("domain_name"), snapshot.get("base_path"))))


class StackOwner(models.Model):
    """What has a stack of its own and deployments that change it: a RestApi or a Domain.

    ``stack_id`` is what CreateChangeSet answered us; empty while there is no stack. ``live``
    is the deployment whose spec callers meet. Only the deployer changes these two.
    """

    key = models.CharField(max_length=8, unique=True, default=new_key, editable=False)
    stack_id = models.CharField(max_length=1024, blank=True, default="", editable=False)
    live = models.ForeignKey(
        "dashboard.Deployment",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    gone_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    gone_at = models.DateTimeField(null=True, blank=True, editable=False)

    STACK_TAG: ClassVar[str]
    """The tag that marks the stack as this row's, beside the instance's."""

    class Meta:
        abstract = True

    @property
    def noun(self) -> str:
        """The word for what it is."""
        return str(self._meta.verbose_name)

    @property
    def stack_name(self) -> str:
        return f"stepgate-{settings.STEPGATE_INSTANCE}-{self.key}"

    @property
    def stack_tags(self) -> dict[str, str]:
        """What marks the stack as ours. Nothing in here changes between deployments."""
        return {"stepgate:instance": settings.STEPGATE_INSTANCE, self.STACK_TAG: self.key}

    def keep(self, **values: Any) -> None:
        """Store what is known of its stack, and nothing else of the row."""
        for name, value in values.items():
            setattr(self, name, value)
        self.save(update_fields=list(values))


class RestApi(StackOwner):
    """One API Gateway REST API = one CDK stack = the unit of deployment.

    Only the deployer changes what the stack left: ``api_id``, ``usage_plan_id``,
    ``live_stage`` and ``live_address``. ``gone_at`` is set once the stack and the last
    trigger are removed.
    """

    STACK_TAG = "stepgate:rest-api"

    class UsagePeriod(models.TextChoices):
        DAY = "DAY", "day"
        WEEK = "WEEK", "week"
        MONTH = "MONTH", "month"

    environment = models.ForeignKey(
        "dashboard.Environment", on_delete=models.PROTECT, related_name="rest_apis"
    )
    name = models.CharField(max_length=80)
    stage_name = models.CharField("Stage", max_length=128, default="prod")
    tracing = models.BooleanField("X-Ray tracing", default=False)
    tags = models.JSONField(default=list, blank=True)
    """Pairs of name and value, on the REST API and its stage."""
    cors_origin = models.CharField("CORS origin of errors", max_length=255, blank=True, default="")
    allowed_addresses = models.JSONField("Allowed addresses", default=list, blank=True)
    usage_rate = models.FloatField("Requests a second", default=10)
    usage_burst = models.PositiveIntegerField("Burst", default=20)
    usage_quota = models.PositiveIntegerField("Quota", default=0)
    usage_period = models.CharField(
        "Per", max_length=5, choices=UsagePeriod.choices, default=UsagePeriod.DAY
    )
    domain = models.ForeignKey(
        "dashboard.Domain",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="rest_apis",
        verbose_name="Custom domain",
    )
    base_path = models.CharField(max_length=300, blank=True, default="")
    usage_plan_id = models.CharField(max_length=32, blank=True, default="", editable=False)
    api_id = models.CharField(max_length=32, blank=True, default="", editable=False)
    live_stage = models.CharField(max_length=128, blank=True, default="prod", editable=False)
    live_address = models.CharField(max_length=600, blank=True, default="", editable=False)
    """Where it is mapped for callers: ``api.example.com/shop``; "" on no domain."""

    class Meta:
        verbose_name = "REST API"
        ordering: ClassVar = ["name", "key"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["domain", "base_path"],
                condition=models.Q(gone_at=None, domain__isnull=False),
                name="rest_api_base_path_once",
            )
        ]

    # Every setting that stands in the spec, with the word a person knows it by.
    DEPLOYED_FIELDS: ClassVar = {
        "stage_name": "Stage",
        "tracing": "X-Ray tracing",
        "tags": "Tags",
        "cors_origin": "CORS origin of errors",
        "allowed_addresses": "Allowed addresses",
        "usage_rate": "Usage plan: requests a second",
        "usage_burst": "Usage plan: burst",
        "usage_quota": "Usage plan: quota",
        "usage_period": "Usage plan: per",
        "domain_name": "Custom domain",
        "base_path": "Base path",
    }

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("rest_api_detail", args=[self.key])

    def live_specs(self) -> dict[str, TriggerSpec]:
        """What callers meet now, by trigger key."""
        served = self.triggers.filter(endpoint__isnull=False).select_related("endpoint")
        return {
            trigger.key: TriggerSpec.model_validate(trigger.endpoint.spec) for trigger in served
        }

    def spec(self, triggers: Iterable[TriggerSpec]) -> ApiSpec:
        """Raises ValueError where two routes cannot stand side by side."""
        return ApiSpec(
            instance=settings.STEPGATE_INSTANCE,
            key=self.key,
            account=self.environment.account_id,
            region=self.environment.region,
            **self.settings(),
            triggers=tuple(sorted(triggers, key=lambda trigger: trigger.key)),
        )

    def spec_live(self, triggers: Iterable[TriggerSpec]) -> ApiSpec:
        """Its settings as live, with these routes."""
        if self.live is None or self.live.spec is None:
            return self.spec(triggers)
        routes = sorted(triggers, key=lambda trigger: trigger.key)
        return ApiSpec.model_validate(self.live.spec | {"triggers": routes})

    @property
    def domain_name(self) -> str:
        return self.domain.name if self.domain else ""

    def settings(self) -> dict[str, Any]:
        """Its own settings as saved, as the spec takes them."""
        values = {name: getattr(self, name) for name in self.DEPLOYED_FIELDS}
        return values if self.domain else values | {"base_path": ""}

    def changes(self) -> list[Change]:
        """What of its settings is saved but not live; empty where nothing is live."""
        if self.live is None or self.live.spec is None:
            return []
        live = ApiSpec.model_validate(self.live.spec).model_dump(mode="json")
        return [
            Change(label, shown(live[name]), shown(saved))
            for name, label in self.DEPLOYED_FIELDS.items()
            if live[name] != (saved := self.settings()[name])
        ]

    def check_snapshot(self, snapshot: Mapping[str, Any] | None) -> None:
        """Raises ValueError where the domain does not take what a deployment would map on it."""
        if not snapshot or not (wanted := address(snapshot)):
            return
        name = snapshot["domain_name"]
        domains = self.environment.domains.select_for_update().filter(name=name, gone_at=None)
        if not any(domain.is_live for domain in domains):
            raise ValueError(f"The domain {name} is not deployed yet: deploy it first (Domains).")
        served = RestApi.objects.filter(environment=self.environment, live_address=wanted)
        if other := served.exclude(pk=self.pk).first():
            raise ValueError(
                f"{wanted} is still answered by the REST API {other}: map that one elsewhere and "
                "deploy it first, or delete it."
            )

    def went_live(self, deployment: "Deployment", outputs: Mapping[str, str]) -> None:
        """Its stack has come to what ``deployment`` asked for."""
        spec = deployment.spec or {}
        self.keep(
            live=deployment,
            api_id=outputs["RestApiId"],
            usage_plan_id=outputs.get("UsagePlanId", ""),
            live_stage=spec["stage_name"],
            live_address=address(spec),
        )

    def forget_stack(self) -> None:
        """Its stack is gone."""
        self.keep(stack_id="", live=None, api_id="", usage_plan_id="", live_address="")

    def end_if_empty(self, *, by: str) -> None:
        """With no stack and no trigger left it is gone. Its row stays for the audit."""
        if not self.stack_id and not self.triggers.present().exists():
            RestApi.objects.filter(pk=self.pk, gone_at=None).update(
                gone_at=timezone.now(), gone_by=by
            )
