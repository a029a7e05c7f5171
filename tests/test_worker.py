"""Real worker processes, a real broker: killed, restarted, told nothing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    """Each part dies, and the next deployment ends live without a hand on it."""
    _deploys(environment, "plain")

    (row,) = Worker.objects.filter(queue="plan")
    (synth,) = [pid for pid in children(int(row.name.rpartition(":")[2])) if is_synth(pid)]
    os.kill(synth, signal.SIGKILL)
    _deploys(environment, "synth-killed")

    # The whole worker in the middle of a step, and what the broker held.
    with slow_synth():
        deployment = _ask(environment, "worker-killed")
        until(lambda: _status(deployment) == S.PLANNING)
        processes.kill("worker")
    waiting = _ask(environment, "hint-lost")
    with app.connection_for_write() as connection:
        assert connection.SimpleQueue("plan").clear() == 1
    processes.start("worker")
    assert finished(deployment).status == S.SUCCEEDED
    assert finished(waiting).status == S.SUCCEEDED


@contextmanager
def slow_synth() -> Iterator[None]:
    """The synth child is stopped, so that a deployment stays in PLANNING."""
    (row,) = Worker.objects.filter(queue="plan")
    below = children(int(row.name.rpartition(":")[2]))
    for pid in filter(is_synth, below):
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _status(deployment: Deployment) -> str:
    deployment.refresh_from_db()
    return deployment.status


def is_synth(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:3] == [b"-m", b"infra"]


def _ask(environment: Environment, name: str) -> Deployment:
    trigger: Trigger = make_trigger(environment, name=name)
    return Deployment.deploy(trigger.rest_api, [trigger], by="ada")


def _deploys(environment: Environment, name: str) -> None:
    done = finished(_ask(environment, name))
    assert (done.status, done.reason) == (S.SUCCEEDED, ""), name
