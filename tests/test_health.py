"""GET /healthz: ready or not, and which part keeps it from being so."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from dashboard.models import Worker

pytestmark = pytest.mark.django_db


def report(queue: str, synth: str = "NONE", *, ago: int = 0) -> None:
    Worker.objects.create(
        name=f"{queue}-{synth}-{ago}",
        queue=queue,
        synth=synth,
        reported_at=timezone.now() - timedelta(seconds=ago),
    )


def healthz(client: Client) -> tuple[int, Any]:
    answer = client.get("/healthz")
    return answer.status_code, answer.json()


def test_it_is_ready_once_every_part_is_and_needs_no_sign_in(client: Client, broker: str) -> None:
    report("plan", "READY")
    report("steps")
    assert healthz(client) == (
        200,
        {"ready": True, "database": "ok", "broker": "ok", "worker": "ok", "synth": "ok"},
    )


@pytest.mark.parametrize(
    ("queues", "missing"), [([], ["plan", "steps"]), (["plan"], ["steps"]), (["steps"], ["plan"])]
)
def test_a_queue_without_a_worker_is_named(
    queues: list[str], missing: list[str], client: Client, broker: str
) -> None:
    for queue in queues:
        report(queue, "READY")
    status, parts = healthz(client)
    assert (status, parts["ready"]) == (503, False)
    assert all(f"“{queue}”" in parts["worker"] for queue in missing)
    assert "has reported for 30 s" in parts["worker"]
    assert parts["database"] == parts["broker"] == "ok"


def test_a_worker_that_fell_silent_does_not_count(client: Client, broker: str) -> None:
    report("plan", "READY", ago=31)
    report("steps", ago=31)
    status, parts = healthz(client)
    assert status == 503
    assert "plan" in parts["worker"] and parts["synth"] == "no worker"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (["STARTING"], "starting"),
        (["DEAD"], "dead"),
        (["DEAD", "READY"], "ok"),
        (["READY", "STARTING"], "ok"),
    ],
)
def test_the_synth_process_is_ready_if_one_of_them_is(
    states: list[str], said: str, client: Client, broker: str
) -> None:
    for state in states:
        report("plan", state)
    report("steps")
    status, parts = healthz(client)
    assert parts["synth"] == said
    assert status == (200 if said == "ok" else 503)


def test_a_database_that_does_not_answer_is_named(client: Client, broker: str) -> None:
    def refuse(*_: Any) -> None:
        raise DatabaseError("gone")

    with connection.execute_wrapper(refuse):
        status, parts = healthz(client)
    assert (status, parts["ready"]) == (503, False)
    assert parts["database"].startswith("does not answer")
    assert "worker" not in parts


def test_it_is_never_kept_by_anybody_on_the_way(client: Client, broker: str) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.head("/healthz").status_code == 503
