"""``python -m dashboard.up``: everything of the Procfile in the foreground, until Ctrl-C.

Not a management command: setting Django up would cost each start two seconds before the
first process is there. ``first_run`` runs only where something of it can be new.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

HOST = "127.0.0.1"
PATIENCE_SECONDS = 120
STOPPED_BY_CTRL_C = 130


def main() -> None:
    began = time.monotonic()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        left_out = set() if settings.LOCAL_AWS else {"aws"}
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    left_out |= {"broker"} if os.environ.get("REDIS_URL") else set()
    _check_ports(left_out)
    _first_run()
    manager = Manager(_OnlyWhatMatters(sys.stdout))
    procfile = parse_procfile((settings.BASE_DIR / "Procfile").read_text())
    for name, command in procfile.processes.items():
        if name not in left_out:
            manager.add_process(name, command, env=environ(), cwd=str(settings.BASE_DIR))
    threading.Thread(target=_say_when_ready, args=(began,), daemon=True).start()
    manager.loop()
    sys.exit(0 if manager.returncode == STOPPED_BY_CTRL_C else manager.returncode)


def environ() -> dict[str, str]:
    """What the processes of the Procfile are started with."""
    here = Path(sys.executable).parent
    return os.environ | {
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        # “manage.py check” makes the same checks; here they would cost each start a second.
        "CELERY_SKIP_CHECKS": "1",
        # On one's own machine nobody needs a celery user.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "PORT": str(settings.PORT),
        "LOCAL_AWS_PORT": str(settings.LOCAL_AWS_PORT),
        "LOCAL_AWS_STATE": str(settings.LOCAL_DIR / "aws"),
        "LOCAL_BROKER_PORT": str(settings.LOCAL_BROKER_PORT),
        "STEPGATE_LOCAL_DIR": str(settings.LOCAL_DIR),
    }


def _check_ports(left_out: set[str]) -> None:
    for name, variable, port in (
        ("web", "PORT", settings.PORT),
        ("aws", "LOCAL_AWS_PORT", settings.LOCAL_AWS_PORT),
        ("broker", "LOCAL_BROKER_PORT", settings.LOCAL_BROKER_PORT),
    ):
        if name in left_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                sys.exit(
                    f"Port {port} ({variable}) is taken by another program: stop that one, "
                    f"or choose another port: make up {variable}={port + 1}"
                )


def _first_run() -> None:
    """Run it, unless it has run since every file that could give it something to do."""
    stamp = settings.LOCAL_DIR / "first-run"
    base = settings.BASE_DIR
    sources = [
        base / "uv.lock",
        *(base / "dashboard/migrations").glob("*.py"),
        *(base / "dashboard/static").rglob("*"),
    ]
    database = settings.LOCAL_DIR / "stepgate.sqlite3"
    done = (
        stamp.exists()
        and database.exists()
        and all(s.stat().st_mtime < stamp.stat().st_mtime for s in sources)
    )
    # Another database or account than at the last start may lack everything.
    if done and settings.LOCAL_AWS and not os.environ.get("DATABASE_URL"):
        return
    command = [sys.executable, "manage.py", "first_run"]
    done_now = subprocess.run(command, cwd=base, env=environ(), check=False)  # noqa: S603 - ours
    if code := done_now.returncode:
        sys.exit(code)
    stamp.touch()


def _say_when_ready(began: float) -> None:
    """Print the address once /healthz answers 200, or what keeps it from doing so."""
    url, answer = f"http://{HOST}:{settings.PORT}", "no answer"
    while time.monotonic() - began < PATIENCE_SECONDS:
        try:
            response = httpx.get(f"{url}/healthz", timeout=5, trust_env=False)
            answer = response.text
            if response.status_code == httpx.codes.OK:
                _say(url, time.monotonic() - began)
                return
        except httpx.HTTPError as error:
            answer = f"{type(error).__name__}: {error}"
        time.sleep(0.2)
    sys.stderr.write(f"Not ready after {PATIENCE_SECONDS} s: {answer}\n")


def _say(url: str, seconds: float) -> None:
    password = settings.LOCAL_DIR / "admin-password"
    how = f"the password in {password}" if password.exists() else "your password"
    sys.stdout.write(
        f"\n  Stepgate is ready after {seconds:.1f} s: {url}\n"
        f"  Sign in as admin with {how}. Ctrl-C stops everything.\n\n"
    )
    sys.stdout.flush()


class _OnlyWhatMatters:
    """honcho's printer without its own lines about starts and signals."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._printer = Printer(output)
        self._stopping = False
        self.width = 0

    def write(self, message: Message) -> None:
        if message.name != "system":
            self._printer.width = self.width
            self._printer.write(message)
        elif " received" in message.data:
            self._stopping = True
        elif " stopped (" in message.data and not self._stopping:
            # honcho ends everything with the first process that ends.
            self._stopping = True
            self._output.write(
                f"\n  {message.data.strip()}: everything else is stopped with it. "
                "Nothing that was saved is lost; start again with: make up\n\n"
            )


if __name__ == "__main__":
    main()
