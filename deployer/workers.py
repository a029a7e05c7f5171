"""What a worker process does beside its tasks: warm its synth child, and report."""

import logging
import os
import socket
import threading
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


@signals.celeryd_after_setup.connect
def _remember_queues(instance: Any, **_: Any) -> None:
    _queues.update(instance.app.amqp.queues.consume_from)


@signals.worker_process_init.connect
def _start_child(**_: Any) -> None:
    """In each process of a plan worker: a synth child of its own, started after the fork."""
    if "plan" in _queues:
        _run(_keep_warm)
        _run(_report, "plan")


@signals.worker_ready.connect
def _start(**_: Any) -> None:
    if "steps" in _queues:
        _run(_report, "steps")


@signals.worker_process_shutdown.connect
def _stop_child(**_: Any) -> None:
    _leave()
    synth.stop()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    _leave()


def _run(target: Any, *args: Any) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


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


def _report(queue: str) -> None:
    """Write every few seconds that this process lives; a database that is gone is waited for."""
    while not _stopping.is_set():
        close_old_connections()
        try:
            Worker.objects.update_or_create(
                name=_name(),
                defaults={
                    "queue": queue,
                    "synth": synth.state if queue == "plan" else Worker.Synth.NONE,
                    "reported_at": timezone.now(),
                },
            )
        except DatabaseError:
            connection.close()
        state = synth.state if queue == "plan" else ""
        for _ in range(int(REPORT_SECONDS * 5)):
            # A change of state is told at once.
            if _stopping.wait(0.2) or (state and synth.state != state):
                break


def _leave() -> None:
    _stopping.set()
    try:
        Worker.objects.filter(name=_name()).delete()
    except DatabaseError:
        connection.close()
