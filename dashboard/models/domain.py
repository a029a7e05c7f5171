from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from dashboard.models.rest_api import Change, RestApi, StackOwner
from dashboard.models.trigger import Trigger
from infra.spec import DomainSpec

if TYPE_CHECKING:
    from dashboard.models.deployment import Deployment


class DomainQuerySet(models.QuerySet["Domain"]):
    def for_dashboard(self) -> "DomainQuerySet":
        """With everything a list row shows, in one query."""
        return self.select_related("environment", "live", "latest")


class Domain(StackOwner):
    """A custom domain name of an Environment: one stack of its own.

    RestApis map base paths on it, so an address that was handed out outlives the stack that
    answers it. Only the deployer changes ``target`` and ``hosted_zone_id``. ``gone_at`` is
    set once the stack is removed.
    """

    STACK_TAG = "stepgate:domain"
    Status = Trigger.Status

    environment = models.ForeignKey(
        "dashboard.Environment", on_delete=models.PROTECT, related_name="domains"
    )
    name = models.CharField("Domain name", max_length=253)
    certificate_arn = models.CharField("Certificate", max_length=300)
    target = models.CharField(max_length=253, blank=True, default="", editable=False)
    """The regional domain name that DNS has to point at."""
    hosted_zone_id = models.CharField(max_length=64, blank=True, default="", editable=False)
    latest = models.ForeignKey(
        "dashboard.Deployment",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    """Its newest deployment."""

    objects = DomainQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["environment", "name"],
                condition=models.Q(gone_at=None),
                name="domain_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("domain_detail", args=[self.key])

    def spec(self) -> DomainSpec:
        return DomainSpec(
            instance=settings.STEPGATE_INSTANCE,
            key=self.key,
            account=self.environment.account_id,
            region=self.environment.region,
            domain_name=self.name,
            certificate_arn=self.certificate_arn,
        )

    def changes(self) -> list[Change]:
        """What is saved but not live; empty where nothing is live."""
        if self.live is None or self.live.spec is None:
            return []
        served = DomainSpec.model_validate(self.live.spec).certificate_arn
        if served == self.certificate_arn:
            return []
        return [Change("Certificate", served, self.certificate_arn)]

    @property
    def status(self) -> Trigger.Status:
        """What a caller meets."""
        if self.gone_at:
            return self.Status.GONE
        if self.latest and self.latest.is_active and self.latest.removes:
            return self.Status.DELETING
        return self.Status.LIVE if self.live_id else self.Status.NOT_DEPLOYED

    @property
    def is_live(self) -> bool:
        return self.status == self.Status.LIVE

    @property
    def last_failed(self) -> bool:
        """Whether its newest deployment failed and something is still to be deployed."""
        if self.gone_at or self.latest is None or self.latest.status != "FAILED":
            return False
        return self.latest.removes or self.live is None or bool(self.changes())

    def mapped(self) -> models.QuerySet[RestApi]:
        """The REST APIs on it: as saved, as live, or as a deployment under way makes them."""
        from dashboard.models.deployment import Deployment  # it imports this module

        under_way = Deployment.objects.active().filter(spec__domain_name=self.name)
        return RestApi.objects.filter(environment=self.environment_id, gone_at=None).filter(
            Q(domain=self)
            | Q(live_address=self.name)
            | Q(live_address__startswith=f"{self.name}/")
            | Q(pk__in=under_way.exclude(rest_api=None).values("rest_api"))
        )

    def check_snapshot(self, snapshot: Mapping[str, Any] | None) -> None:
        """Raises ValueError where it is gone, or would go while REST APIs are mapped on it."""
        if snapshot and self.gone_at:
            raise ValueError(f"{self} was deleted by {self.gone_by}: make it anew.")
        if not snapshot and (names := [str(rest_api) for rest_api in self.mapped()]):
            raise ValueError(
                f"{self} stays: REST APIs are mapped on it ({', '.join(names)}). Take the domain "
                "out of their settings and deploy them, or delete them, first."
            )

    def went_live(self, deployment: "Deployment", outputs: Mapping[str, str]) -> None:
        """Its stack has come to what ``deployment`` asked for."""
        self.keep(
            live=deployment,
            target=outputs["RegionalDomainName"],
            hosted_zone_id=outputs["RegionalHostedZoneId"],
        )

    def forget_stack(self) -> None:
        """Its stack is gone."""
        self.keep(stack_id="", live=None, target="", hosted_zone_id="")

    def end_if_empty(self, *, by: str) -> None:
        """With no stack it is gone. Its row stays for the audit."""
        if not self.stack_id:
            Domain.objects.filter(pk=self.pk, gone_at=None).update(
                gone_at=timezone.now(), gone_by=by
            )
