"""A Stepgate that was in use for a year: 1,000 triggers, 50,000 deployments.

Import it once Django is set up. The rows have the sizes that real ones have: a spec
holds every route of its REST API.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import connection, transaction

from dashboard.models import Deployment, Endpoint, Environment, RestApi, Trigger
from dashboard.models.rest_api import new_key

REST_APIS = 50
ROUTES = 20
DEPLOYMENTS = 50_000
_EACH = DEPLOYMENTS // REST_APIS
_BATCH = 1000
_NOW = datetime(2026, 7, 1, tzinfo=UTC)
_ENVIRONMENTS = (("local", "us-east-1"), ("staging", "eu-west-1"), ("production", "eu-central-1"))
PEOPLE = tuple(f"person-{number:02}" for number in range(25))
_NOUNS = ("orders", "invoices", "customers", "shipments", "refunds")
_ROUTES = tuple(
    (method, path)
    for noun in _NOUNS
    for method, path in (
        ("POST", f"/{noun}"),
        ("GET", f"/{noun}/{{id}}"),
        ("DELETE", f"/{noun}/{{id}}"),
        ("POST", f"/{noun}/{{id}}/notes"),
    )
)
Status = Deployment.Status


class Year:
    """Makes the rows, the same ones for every database."""

    _ACTIVE: ClassVar = (Status.QUEUED, Status.PLANNING, Status.PLANNED, Status.APPLYING)

    def __init__(self) -> None:
        self._chance = random.Random(2026)

    def make(self) -> None:
        """Write everything, in some dozen seconds."""
        for name, region in _ENVIRONMENTS:
            Environment.objects.get_or_create(
                name=name, defaults={"account_id": "000000000000", "region": region}
            )
        for number, environment in enumerate(self._spread(REST_APIS)):
            with transaction.atomic():
                self._rest_api(number, environment)
        if connection.vendor == "postgresql":
            # Autovacuum would do it within minutes; SQLite has nothing that does it.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def _spread(self, count: int) -> Iterator[Environment]:
        environments = list(Environment.objects.all())
        return (environments[number % len(environments)] for number in range(count))

    def _rest_api(self, number: int, environment: Environment) -> None:
        rest_api = RestApi.objects.create(
            environment=environment,
            name=f"service-{number:02}",
            created_by=PEOPLE[number % len(PEOPLE)],
            api_id=uuid.UUID(int=self._chance.getrandbits(128)).hex[:10],
        )
        triggers = Trigger.objects.bulk_create(self._trigger(rest_api, route) for route in _ROUTES)
        snapshot = rest_api.spec(t.spec() for t in triggers).model_dump(mode="json")
        chosen = [self._choose(triggers) for _ in range(_EACH)]
        deployments = [
            self._deployment(rest_api, number, snapshot, [str(trigger) for trigger in some])
            for number, some in enumerate(chosen, start=1)
        ]
        if number % 5 == 0:
            last = deployments[-1]
            last.status, last.finished_at = self._chance.choice(self._ACTIVE), None
        Deployment.objects.bulk_create(deployments, _BATCH)
        through = Deployment.triggers.through
        through.objects.bulk_create(
            [
                through(deployment_id=deployment.pk, trigger_id=trigger.pk)
                for deployment, some in zip(deployments, chosen, strict=True)
                for trigger in some
            ],
            _BATCH,
        )
        succeeded = [d for d in deployments if d.status == Status.SUCCEEDED]
        rest_api.live = succeeded[-1]
        rest_api.save()
        self._endpoints(rest_api, triggers, succeeded)

    def _endpoints(
        self, rest_api: RestApi, triggers: list[Trigger], succeeded: list[Deployment]
    ) -> None:
        """One route of each REST API is not live yet, two have changes that are not."""
        specs = [trigger.spec().model_dump(mode="json") for trigger in triggers]
        for spec in specs[:2]:
            spec["throttle_rate"] = 5.0
        Endpoint.objects.bulk_create(
            Endpoint(
                trigger=trigger,
                deployment=self._chance.choice(succeeded[-ROUTES:]),
                api_id=rest_api.api_id,
                stage_name=rest_api.stage_name,
                spec=spec,
            )
            for trigger, spec in list(zip(triggers, specs, strict=True))[:-1]
        )

    def _trigger(self, rest_api: RestApi, route: tuple[str, str]) -> Trigger:
        method, path = route
        place = rest_api.environment
        machine = f"{path.split('/')[1]}-{method.lower()}"
        by = self._chance.choice(PEOPLE)
        return Trigger(
            rest_api=rest_api,
            key=new_key(),
            name=f"{rest_api.name}-{method.lower()}-{path.strip('/').replace('/', '-')}",
            method=method,
            path=path,
            state_machine_arn=f"arn:aws:states:{place.region}:{place.account_id}"
            f":stateMachine:{machine}",
            input_mode="BODY" if method == "POST" else "FIXED",
            input_template='{"source": "stepgate", "prefix": "prod", "dryRun": false}',
            response_body="{}",
            created_by=by,
            saved_by=by,
            saved_at=self._moment(0),
        )

    def _deployment(
        self, rest_api: RestApi, number: int, spec: dict[str, Any], routes: list[str]
    ) -> Deployment:
        at = self._moment(_EACH - number)
        status = self._chance.choices(
            (Status.SUCCEEDED, Status.FAILED, Status.CANCELED), (88, 10, 2)
        )[0]
        return Deployment(
            rest_api=rest_api,
            number=number,
            action=Deployment.Action.DEPLOY,
            status=status,
            spec=spec,
            routes=routes,
            note="for the summer release" if number % 4 == 0 else "",
            requested_by=self._chance.choice(PEOPLE),
            requested_at=at,
            finished_at=at + timedelta(seconds=self._chance.uniform(20, 90)),
            reason="Method (AWS::ApiGateway::Method) CREATE_FAILED: Invalid mapping expression"
            if status == Status.FAILED
            else "",
            stack_status="UPDATE_COMPLETE",
        )

    def _moment(self, steps_ago: int) -> datetime:
        """About nine hours lie between two deployments of one REST API."""
        return _NOW - timedelta(hours=8.76 * steps_ago, seconds=self._chance.uniform(0, 30_000))

    def _choose(self, triggers: list[Trigger]) -> list[Trigger]:
        """One trigger mostly, sometimes three, now and then all of them."""
        count = self._chance.choices((1, 3, ROUTES), (85, 12, 3))[0]
        return self._chance.sample(triggers, count)
