import secrets
import string
from collections.abc import Iterable
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from infra.spec import ApiSpec, TriggerSpec

_ALPHABET = string.ascii_lowercase + string.digits


def new_key() -> str:
    """8 characters, a letter first: they stand in stack names, role names, execution names."""
    return secrets.choice(string.ascii_lowercase) + "".join(
        secrets.choice(_ALPHABET) for _ in range(7)
    )


class RestApi(models.Model):
    """One API Gateway REST API = one CDK stack = the unit of deployment.

    ``stack_id`` is what CreateChangeSet answered us; empty while there is no stack.
    ``live`` is the deployment whose spec callers meet. Only the deployer changes these
    two and ``api_id``. ``gone_at`` is set once the stack and the last trigger are removed.
    """

    environment = models.ForeignKey(
        "dashboard.Environment", on_delete=models.PROTECT, related_name="rest_apis"
    )
    key = models.CharField(max_length=8, unique=True, default=new_key, editable=False)
    name = models.CharField(max_length=80)
    stage_name = models.CharField(max_length=128, default="prod", editable=False)
    stack_id = models.CharField(max_length=1024, blank=True, default="", editable=False)
    api_id = models.CharField(max_length=32, blank=True, default="", editable=False)
    live = models.ForeignKey(
        "dashboard.Deployment", null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    gone_by = models.CharField(max_length=150, blank=True, default="")
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "REST API"
        ordering: ClassVar = ["name", "key"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("rest_api_detail", args=[self.key])

    @property
    def stack_name(self) -> str:
        return f"stepgate-{settings.STEPGATE_INSTANCE}-{self.key}"

    @property
    def tags(self) -> dict[str, str]:
        """What marks the stack as ours. Nothing in here changes between deployments."""
        return {"stepgate:instance": settings.STEPGATE_INSTANCE, "stepgate:rest-api": self.key}

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
            stage_name=self.stage_name,
            triggers=tuple(sorted(triggers, key=lambda trigger: trigger.key)),
        )

    def end_if_empty(self, *, by: str) -> None:
        """With no stack and no trigger left it is gone. Its row stays for the audit."""
        if not self.stack_id and not self.triggers.present().exists():
            RestApi.objects.filter(pk=self.pk).update(gone_at=timezone.now(), gone_by=by)
