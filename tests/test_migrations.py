"""A database from before authorization could be chosen, brought up to date."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from dashboard.models import RestApi, Trigger
from tests.local_aws import machine_arn

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]
BEFORE = [("dashboard", "0001_initial")]
OLD_SPEC = {
    "key": "abcdefg1",
    "method": "POST",
    "path": "/orders",
    "state_machine_arn": machine_arn("order-fulfilment"),
    "machine_type": "STANDARD",
    "input_mode": "BODY",
    "input_template": "",
    "response_mode": "EXECUTION",
    "response_status": 202,
    "response_body": "",
    "throttle_rate": 10.0,
    "throttle_burst": 20,
}


def migrate(targets: list[tuple[str, str]]) -> Any:
    """The models as of ``targets``."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


@pytest.fixture
def before() -> Iterator[Any]:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield migrate(BEFORE)
    migrate(newest)


def test_what_was_live_and_public_is_so_still_and_nothing_of_it_is_to_be_deployed(
    before: Any,
) -> None:
    environment = before.get_model("dashboard", "Environment").objects.create(
        name="old", account_id="000000000000", region="us-east-1"
    )
    rest_api = before.get_model("dashboard", "RestApi").objects.create(
        environment=environment, key="bcdefgh1", name="orders", created_by="ada", api_id="a1"
    )
    old = {name: value for name, value in OLD_SPEC.items() if name != "key"}
    trigger = before.get_model("dashboard", "Trigger").objects.create(
        rest_api=rest_api, key="abcdefg1", name="orders", created_by="ada", saved_by="ada", **old
    )
    deployment = before.get_model("dashboard", "Deployment").objects.create(
        rest_api=rest_api,
        number=1,
        action="DEPLOY",
        status="SUCCEEDED",
        finished_at=timezone.now(),
        requested_by="ada",
        spec={
            "instance": "test",
            "key": "bcdefgh1",
            "account": "000000000000",
            "region": "us-east-1",
            "stage_name": "prod",
            "triggers": [OLD_SPEC],
        },
    )
    rest_api.live = deployment
    rest_api.save()
    before.get_model("dashboard", "Endpoint").objects.create(
        trigger=trigger, deployment=deployment, api_id="a1", stage_name="prod", spec=OLD_SPEC
    )

    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())

    now = Trigger.objects.get(key="abcdefg1")
    assert now.authorization == "NONE" and now.is_public
    assert now.public_reason == "Made before authorization could be chosen."
    assert now.changes() == []
    api = RestApi.objects.get(key="bcdefgh1")
    assert api.changes() == []
    assert api.live_specs()["abcdefg1"] == now.spec()
    assert api.live_stage == "prod"
