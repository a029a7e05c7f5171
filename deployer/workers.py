"""What a worker process does beside its tasks: warm its synth child, and report."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from celery import signals
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from dashboard.models import Worker
from deployer.synth import SynthDied, synth

logger = logging.getLogger(__name__)

REPORT_SECONDS = 5.0

_stopping = threading.Event()
_queues: set[str] = set()
_forks = False


@signals.celeryd_after_setup.connect
def _set_up(instance: Any, **_: Any) -> None:
    """Where tasks run in this very process, the synth child can start before all else."""
    global _forks
    _forks = "prefork" in str(instance.pool_cls)
    _queues.update(instance.app.amqp.queues.consume_from)
    if not _forks:
        _keep_synth()


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    if not _forks:
        _run(_report)


@signals.worker_process_init.connect
def _forked(**_: Any) -> None:
    """A process of a prefork pool has a synth child of its own, started after the fork."""
    _keep_synth()
    _run(_report)


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def _leave(**_: Any) -> None:
    _stopping.set()
    synth.stop()
    try:
        Worker.objects.filter(name=_name()).delete()
    except DatabaseError:
        connection.close()


def _run(target: Callable[[], None]) -> None:
    threading.Thread(target=target, daemon=True).start()


def _keep_synth() -> None:
    if "plan" in _queues:
        _run(_keep_warm)


def _keep_warm() -> None:
    """Start the synth child, and another one whenever it is found dead."""
    while not _stopping.is_set():
        if synth.state == Worker.Synth.DEAD:
            try:
                synth.warm()
            except SynthDied as error:
                logger.warning("%s Starting another one.", error)
        _stopping.wait(1)


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _report() -> None:
    """Write every few seconds that this process lives; a database that is gone is waited for."""
    while not _stopping.is_set():
        close_old_connections()
        state = synth.state
        try:
            for queue in _queues:
                Worker.objects.update_or_create(
                    name=_name(),
                    queue=queue,
                    defaults={
                        "synth": state if queue == "plan" else Worker.Synth.NONE,
                        "reported_at": timezone.now(),
                    },
                )
        except DatabaseError:
            connection.close()
        for _ in range(int(REPORT_SECONDS * 5)):
            # A change of state is told at once.
            if _stopping.wait(0.2) or synth.state != state:
                break
