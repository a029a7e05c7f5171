"""Real worker processes, a real broker: killed, restarted, told nothing."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from dashboard.celery import app
from dashboard.models import Deployment, Environment, Trigger, Worker
from tests import parts
from tests.conftest import make_trigger
from tests.local_aws import LocalAws, until

pytestmark = pytest.mark.django_db(transaction=True)
S = Deployment.Status
Process = subprocess.Popen[bytes]


@pytest.fixture
def log() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        yield file


@pytest.fixture
def processes(
    broker: str, local_aws: LocalAws, db: None, log: IO[bytes]
) -> Iterator[dict[str, Process]]:
    """The plan worker, the steps worker and beat, as the Procfile names them."""
    running = {name: parts.start(name, log) for name in ("plan", "steps", "beat")}
    try:
        until(lambda: Worker.objects.filter(queue="plan", synth="READY").exists(), 90)
        until(lambda: Worker.objects.filter(queue="steps").exists(), 30)
        yield running
    finally:
        for process in running.values():
            parts.end(process)


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
    processes: dict[str, Process], environment: Environment, log: IO[bytes]
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
    parts.kill(processes["plan"])
    deployment = _ask(environment, "hint-lost")
    with app.connection_for_write() as connection:
        assert connection.SimpleQueue("plan").clear() == 1
    processes["plan"] = parts.start("plan", log)
    assert finished(deployment).status == S.SUCCEEDED


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _ask(environment: Environment, name: str) -> Deployment:
    trigger: Trigger = make_trigger(environment, name=name)
    return Deployment.deploy(trigger.rest_api, [trigger], by="ada")


def _deploys(environment: Environment, name: str) -> None:
    done = finished(_ask(environment, name))
    assert (done.status, done.reason) == (S.SUCCEEDED, ""), name
