"""Real worker processes, a real broker: killed, restarted, told nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.celery import app
from dashboard.models import Deployment, Environment, Trigger, Worker
from tests import parts
from tests.conftest import make_trigger
from tests.local_aws import LocalAws, until

pytestmark = pytest.mark.django_db(transaction=True)
S = Deployment.Status


@pytest.fixture
def processes(local_aws: LocalAws, db: None) -> Iterator[parts.Workers]:
    with parts.workers() as running:
        yield running


def finished(deployment: Deployment, seconds: float = 60) -> Deployment:
    def done() -> bool:
        deployment.refresh_from_db()
        return not deployment.is_active

    until(done, seconds)
    return deployment


def children(pid: int) -> list[int]:
    """The processes below ``pid``, whichever of its threads started them."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(word) for thread in threads for word in thread.read_text().split()]
    return found + [below for child in found for below in children(child)]


def test_workers_take_a_deployment_from_the_browser_to_live_whatever_dies(
    processes: parts.Workers, environment: Environment
) -> None:
    """One start of the workers serves all: each part dies, and the next deployment ends live."""
    _deploys(environment, "plain")

    # The synth child of the plan worker's process.
    (worker,) = Worker.objects.filter(queue="plan")
    plan_process = int(worker.name.rpartition(":")[2])
    (synth,) = [pid for pid in children(plan_process) if b"infra" in _command(pid)]
    os.kill(synth, signal.SIGKILL)
    _deploys(environment, "synth-killed")

    # The plan worker's process itself: Celery starts another one.
    os.kill(plan_process, signal.SIGKILL)
    _deploys(environment, "worker-killed")

    # The whole plan worker, and what the broker held: both come back by themselves.
    processes.kill("plan")
    deployment = _ask(environment, "hint-lost")
    with app.connection_for_write() as connection:
        assert connection.SimpleQueue("plan").clear() == 1
    processes.start("plan")
    assert finished(deployment).status == S.SUCCEEDED


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _ask(environment: Environment, name: str) -> Deployment:
    trigger: Trigger = make_trigger(environment, name=name)
    return Deployment.deploy(trigger.rest_api, [trigger], by="ada")


def _deploys(environment: Environment, name: str) -> None:
    done = finished(_ask(environment, name))
    assert (done.status, done.reason) == (S.SUCCEEDED, ""), name
