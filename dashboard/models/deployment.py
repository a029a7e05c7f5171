import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar, cast

from celery import signature
from django.db import models, transaction
from django.db.models import Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from dashboard.models.deployment_event import DeploymentEvent
from dashboard.models.domain import Domain
from dashboard.models.rest_api import RestApi
from dashboard.models.trigger import Trigger
from infra.spec import TriggerSpec

LEASE = timedelta(seconds=20)
EARLY = timedelta(milliseconds=250)
"""How much before its time a step may begin: clocks and timers are not exact."""
Owner = TypeVar("Owner", bound=RestApi | Domain)


class InvalidTransition(Exception):
    """The row is no longer in the status, or under the lease, that the step began with."""


class DeploymentInProgress(Exception):
    """Another deployment of the same stack is under way: ``deployment``."""

    def __init__(self, deployment: "Deployment") -> None:
        super().__init__(f"{deployment} is under way")
        self.deployment = deployment


def _route(trigger: Trigger, specs: Collection[TriggerSpec]) -> str:
    """The route that a deployment to ``specs`` gives ``trigger``, or takes from it."""
    spec = next((s for s in specs if s.key == trigger.key), None) or trigger.spec_live()
    return f"{spec.method} {spec.path}" if spec else str(trigger)


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def active(self) -> Self:
        return self.filter(status__in=Deployment.ACTIVE)

    def of(self, owner: RestApi | Domain) -> Self:
        return (
            self.filter(rest_api=owner) if isinstance(owner, RestApi) else self.filter(domain=owner)
        )

    def for_dashboard(self) -> Self:
        """With all that a row of the list shows, whatever the number of rows."""
        later = Deployment.objects.filter(
            number__gt=OuterRef("number"), status=Deployment.Status.SUCCEEDED
        ).order_by("number")
        next_numbers = (
            Subquery(later.filter(**{owner: OuterRef(owner)}).values("number")[:1])
            for owner in ("rest_api", "domain")
        )
        return (
            self.select_related("rest_api__environment", "domain__environment")
            .defer("spec")
            .annotate(superseded_by=Coalesce(*next_numbers))
        )


class Deployment(models.Model):
    """One attempt to bring the stack of its owner, a RestApi or a Domain, to a spec (DEPLOY)
    or to remove it (DESTROY).

    ::

        QUEUED → PLANNING → PLANNED → APPLYING → SUCCEEDED
                    └ no changes → SUCCEEDED       any of these → FAILED
        QUEUED, PLANNED → CANCELED

    ``spec`` is the whole stack as a snapshot; None for a DESTROY. ``triggers`` are the
    chosen ones of a RestApi, as saved or, where it ``removes``, taken away. Only the deployer
    moves a deployment on, each time by one guarded UPDATE; terminal rows never change.
    """

    class Action(models.TextChoices):
        DEPLOY = "DEPLOY", "Deploy"
        DESTROY = "DESTROY", "Remove"

    class Status(models.TextChoices):
        QUEUED = "QUEUED", "Queued"
        PLANNING = "PLANNING", "Planning"
        PLANNED = "PLANNED", "Planned"
        APPLYING = "APPLYING", "Applying"
        SUCCEEDED = "SUCCEEDED", "Succeeded"
        FAILED = "FAILED", "Failed"
        CANCELED = "CANCELED", "Canceled"

    ACTIVE: ClassVar = (Status.QUEUED, Status.PLANNING, Status.PLANNED, Status.APPLYING)
    TERMINAL: ClassVar = (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rest_api = models.ForeignKey(
        "dashboard.RestApi",
        null=True,
        on_delete=models.PROTECT,
        related_name="deployments",
        verbose_name="REST API",
    )
    domain = models.ForeignKey(
        "dashboard.Domain", null=True, on_delete=models.PROTECT, related_name="deployments"
    )
    number = models.PositiveIntegerField(editable=False)
    action = models.CharField(max_length=7, choices=Action.choices)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    spec = models.JSONField(null=True)
    triggers = models.ManyToManyField("dashboard.Trigger", related_name="deployments")
    removes = models.BooleanField(default=False)
    """Whether the chosen triggers, or the domain, are taken away, not deployed."""
    routes = models.JSONField(default=list)
    """The routes of the chosen triggers as they were asked for: "POST /orders"."""
    note = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    reason = models.TextField(blank=True)
    """Why it failed, in AWS's own words where AWS said it."""
    advice = models.TextField(blank=True)
    """What to do about ``reason``."""
    change_set_id = models.CharField(max_length=1024, blank=True)
    stack_status = models.CharField(max_length=64, blank=True)
    applied_at = models.DateTimeField(null=True)
    """When CloudFormation was first asked for the change: from here on only its stack decides."""
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)
    """The fault that the last try of the step met, and that may pass."""
    failing_since = models.DateTimeField(null=True)
    """Since when each try of the step has met a fault that may pass."""
    next_step_at = models.DateTimeField(default=timezone.now)
    """When the next step is due; ``reconcile`` hints again once that is long past."""

    superseded_by: int | None = None
    """Number of the next successful one, where ``for_dashboard`` has read it."""

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-requested_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(rest_api__isnull=False, domain__isnull=True)
                | Q(rest_api__isnull=True, domain__isnull=False),
                name="deployment_of_one_owner",
            ),
            models.UniqueConstraint(fields=["rest_api", "number"], name="deployment_number"),
            models.UniqueConstraint(fields=["domain", "number"], name="deployment_domain_number"),
            models.UniqueConstraint(
                fields=["rest_api"],
                condition=Q(status__in=["QUEUED", "PLANNING", "PLANNED", "APPLYING"]),
                name="deployment_one_active",
            ),
            models.UniqueConstraint(
                fields=["domain"],
                condition=Q(status__in=["QUEUED", "PLANNING", "PLANNED", "APPLYING"]),
                name="deployment_domain_one_active",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["SUCCEEDED", "FAILED", "CANCELED"], finished_at__isnull=False
                )
                | Q(
                    status__in=["QUEUED", "PLANNING", "PLANNED", "APPLYING"],
                    finished_at__isnull=True,
                ),
                name="deployment_finished_when_terminal",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-requested_at"]),
            models.Index(fields=["rest_api", "-requested_at", "id"]),
            models.Index(fields=["domain", "-requested_at", "id"]),
            models.Index(fields=["status", "-requested_at"]),
            models.Index(fields=["requested_by", "-requested_at"]),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("deployment_detail", args=[self.pk])

    @property
    def owner(self) -> RestApi | Domain:
        """What it deploys; the database sees to it that there is one."""
        owner = self.rest_api or self.domain
        if owner is None:
            raise ValueError(f"{self.pk} is of nothing")
        return owner

    @classmethod
    def deploy(
        cls, rest_api: RestApi, triggers: Collection[Trigger], *, by: str, note: str = ""
    ) -> Self:
        """Ask for a deployment: settings and ``triggers`` as saved, other routes as live.

        Raises DeploymentInProgress where one runs already, ValueError where API Gateway
        would refuse the routes together, or the domain does not take it.
        """
        with cls._turn(rest_api) as rest_api:
            wanted = rest_api.live_specs() | {trigger.key: trigger.spec() for trigger in triggers}
            specs = list(wanted.values())
            routes = [_route(trigger, specs) for trigger in triggers]
            spec = rest_api.spec(specs).model_dump(mode="json")
            return cls._ask(rest_api, spec, triggers, routes=routes, by=by, note=note)

    @classmethod
    def remove(
        cls, rest_api: RestApi, triggers: Collection[Trigger], *, by: str, note: str = ""
    ) -> Self:
        """Ask for a deployment without the routes of ``triggers``, and otherwise as live.

        With no route left that is a DESTROY: the stack goes. Raises DeploymentInProgress.
        """
        gone = {trigger.key for trigger in triggers}
        with cls._turn(rest_api) as rest_api:
            left = [spec for key, spec in rest_api.live_specs().items() if key not in gone]
            routes = [_route(trigger, left) for trigger in triggers]
            spec = rest_api.spec_live(left).model_dump(mode="json") if left else None
            return cls._ask(rest_api, spec, triggers, removes=True, routes=routes, by=by, note=note)

    @classmethod
    def deploy_domain(cls, domain: Domain, *, by: str, note: str = "") -> Self:
        """Ask for the domain as saved. Raises DeploymentInProgress, ValueError where it is gone."""
        with cls._turn(domain) as domain:
            return cls._ask(domain, domain.spec().model_dump(mode="json"), by=by, note=note)

    @classmethod
    def remove_domain(cls, domain: Domain, *, by: str) -> Self:
        """Ask for the domain's stack to go.

        Raises DeploymentInProgress, ValueError where REST APIs are mapped on it.
        """
        with cls._turn(domain) as domain:
            return cls._ask(domain, None, removes=True, by=by)

    @property
    def can_be_tried_again(self) -> bool:
        """A failed one can, while nothing else was asked for since: what is live is as it was."""
        return (
            self.status == self.Status.FAILED
            and self.owner.gone_at is None
            and not Deployment.objects.of(self.owner).filter(number__gt=self.number).exists()
            and not self.triggers.exclude(gone_at=None, rest_api=self.rest_api_id).exists()
        )

    @classmethod
    def again(cls, failed: Self, *, by: str) -> Self:
        """Ask for what ``failed`` asked for: the same snapshot.

        Raises DeploymentInProgress, ValueError where a domain no longer takes it.
        """
        with cls._turn(failed.owner) as owner:
            return cls._ask(
                owner,
                failed.spec,
                list(failed.triggers.all()),
                removes=failed.removes,
                routes=failed.routes,
                by=by,
                note=failed.note,
            )

    @classmethod
    def drop(cls, owner: Owner, triggers: Collection[Trigger] = (), *, by: str) -> None:
        """End what was never deployed: triggers, and the REST API with its last one; a domain.

        Raises DeploymentInProgress, ValueError where REST APIs are mapped on the domain.
        """
        with cls._turn(owner) as owner:
            owner.check_snapshot(None)
            for trigger in triggers:
                trigger.mark_gone(by=by)
            owner.end_if_empty(by=by)

    @classmethod
    @contextmanager
    def _turn(cls, owner: Owner) -> Iterator[Owner]:
        """A transaction in which nobody else asks; what is live cannot change in it.

        Gives the row as it is now: whoever asks may have read it a while ago.
        """
        with transaction.atomic():
            now = type(owner)._default_manager.select_for_update().get(pk=owner.pk)
            if active := cls.objects.of(owner).active().first():
                raise DeploymentInProgress(active)
            yield cast(Owner, now)

    @classmethod
    def _ask(
        cls,
        owner: RestApi | Domain,
        spec: Mapping[str, Any] | None,
        triggers: Collection[Trigger] = (),
        *,
        removes: bool = False,
        routes: Collection[str] = (),
        by: str,
        note: str = "",
    ) -> Self:
        """Write the row; Celery is told once it is committed."""
        owner.check_snapshot(spec)
        last = cls.objects.of(owner).aggregate(last=Max("number"))["last"]
        deployment = cls.objects.create(
            rest_api=owner if isinstance(owner, RestApi) else None,
            domain=owner if isinstance(owner, Domain) else None,
            number=(last or 0) + 1,
            action=cls.Action.DEPLOY if spec else cls.Action.DESTROY,
            spec=spec,
            requested_by=by,
            note=note,
            removes=removes,
            routes=list(routes),
        )
        deployment.triggers.set(triggers)
        Trigger.objects.filter(pk__in=[t.pk for t in triggers]).update(latest=deployment)
        if isinstance(owner, Domain):
            owner.keep(latest=deployment)
        deployment.record(cls.Status.QUEUED)
        deployment.hint()
        return deployment

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def change_set_name(self) -> str:
        return f"stepgate-{self.pk}"

    @property
    def duration(self) -> timedelta:
        return (self.finished_at or timezone.now()) - self.requested_at

    @property
    def result(self) -> str:
        """The word for how it stands: Live only while it is."""
        if self.status != self.Status.SUCCEEDED:
            return self.get_status_display()
        if self.action == self.Action.DESTROY:
            return "Removed"
        return f"Superseded by #{self.superseded_by}" if self.superseded_by else "Live"

    @property
    def what(self) -> str:
        """The words for what it does to its chosen triggers, the settings alone, or the domain."""
        does = "Remove" if self.removes else self.get_action_display()
        if self.domain_id:
            return f"{does} domain"
        alone = not self.routes and self.action == self.Action.DEPLOY
        return f"{does} settings" if alone else does

    def hint(self, *, delay: float = 0) -> None:
        """Tell Celery, after commit, that the next step is due in ``delay`` seconds.

        A broker that is gone loses only the hint: ``reconcile`` gives it again.
        """
        task = {
            self.Status.QUEUED: "plan",
            self.Status.PLANNING: "plan",
            self.Status.PLANNED: "apply",
            self.Status.APPLYING: "apply" if self.applied_at is None else "watch",
        }[self.Status(self.status)]
        # A plan whose change set exists only looks: that needs no synth process.
        queue = "plan" if task == "plan" and not self.change_set_id else "steps"
        pk = str(self.pk)

        def send() -> None:
            try:
                signature(f"deployer.tasks.{task}", args=[pk]).apply_async(
                    queue=queue, countdown=delay
                )
            except OperationalError:
                return

        transaction.on_commit(send)

    # -- what the deployer does ---------------------------------------------------------

    def take_lease(self, *statuses: Status) -> None:
        """Be the one that works on it now. Raises InvalidTransition where another does."""
        token, now = uuid.uuid4(), timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        # A hint that was given twice must not make two chains of steps.
        due = Q(next_step_at__lte=now + EARLY)
        taken = Deployment.objects.filter(free, due, pk=self.pk, status__in=statuses).update(
            lease_token=token, lease_until=now + LEASE
        )
        if not taken:
            raise InvalidTransition(f"{self.pk} is not to be worked on now")
        self.refresh_from_db()

    def renew_lease(self) -> None:
        """Raises InvalidTransition where the lease was lost."""
        self._guarded(lease_until=timezone.now() + LEASE)

    def release(self, *, delay: float, trouble: str = "") -> None:
        """Give the lease back; the next step is due in ``delay`` seconds.

        ``trouble`` is the fault that the step met and that may pass.
        """
        now = timezone.now()
        self._guarded(
            lease_until=None,
            lease_token=None,
            next_step_at=now + timedelta(seconds=delay),
            trouble=trouble,
            failing_since=(self.failing_since or now) if trouble else None,
        )
        self.hint(delay=delay)

    def store(self, **values: Any) -> None:
        """Write what the step has learned, under its lease."""
        self._guarded(**values)

    def move(self, status: Status, **values: Any) -> None:
        """Go on to ``status``, keeping the lease. Raises InvalidTransition."""
        with transaction.atomic():
            if status in self.TERMINAL:
                values |= {"finished_at": timezone.now(), "lease_until": None, "lease_token": None}
                values |= {"trouble": "", "failing_since": None}
            self._guarded(status=status, **values)
            self.record(status, reason=str(values.get("reason", "")))

    def _guarded(self, **values: Any) -> None:
        if self.lease_token is None:  # a terminal row has none either, and never changes
            raise InvalidTransition(f"{self.pk} is worked on without a lease")
        updated = Deployment.objects.filter(
            pk=self.pk, status=self.status, lease_token=self.lease_token
        ).update(**values)
        if not updated:
            raise InvalidTransition(f"{self.pk} is no longer {self.status} under this lease")
        for name, value in values.items():
            setattr(self, name, value)

    def record(self, status: str, *, reason: str = "") -> None:
        DeploymentEvent.objects.create(
            deployment=self, kind=DeploymentEvent.Kind.STEP, status=status, reason=reason
        )
