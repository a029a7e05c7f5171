import os
import socket
import sys
import threading
import time
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from dashboard.models import Worker

HOST = "127.0.0.1"
PATIENCE_SECONDS = 120


class Command(BaseCommand):
    help = "Start everything of the Procfile in the foreground, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        # Only here: production has no process runner.
        from honcho.environ import parse_procfile
        from honcho.manager import Manager

        began = time.monotonic()
        own_broker = not os.environ.get("REDIS_URL")
        left_out = set() if settings.LOCAL_AWS else {"aws"}
        left_out |= set() if own_broker else {"broker"}
        self._check_ports(left_out)
        call_command("first_run", stdout=self.stdout, stderr=self.stderr)
        Worker.objects.all().delete()
        connections.close_all()

        manager = Manager(_OnlyWhatMatters(sys.stdout))
        procfile = parse_procfile((settings.BASE_DIR / "Procfile").read_text())
        for name, command in procfile.processes.items():
            if name not in left_out:
                manager.add_process(name, command, env=_environ(), cwd=str(settings.BASE_DIR))
        threading.Thread(target=self._say_when_ready, args=(began,), daemon=True).start()
        manager.loop()
        sys.exit(0 if manager.returncode == 130 else manager.returncode)

    def _check_ports(self, left_out: set[str]) -> None:
        wanted = [("web", "PORT", settings.PORT)]
        wanted += [("aws", "LOCAL_AWS_PORT", settings.LOCAL_AWS_PORT)]
        wanted += [("broker", "LOCAL_BROKER_PORT", settings.LOCAL_BROKER_PORT)]
        for name, variable, port in wanted:
            if name in left_out:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    raise CommandError(
                        f"Port {port} ({variable}) is taken by another program: stop that one, "
                        f"or choose another port: make up {variable}={port + 1}"
                    ) from error

    def _say_when_ready(self, began: float) -> None:
        """Print the address once /healthz answers 200, or what keeps it from doing so."""
        url, answer = f"http://{HOST}:{settings.PORT}", "no answer"
        while time.monotonic() - began < PATIENCE_SECONDS:
            try:
                response = httpx.get(f"{url}/healthz", timeout=5, trust_env=False)
                answer = response.text
                if response.status_code == httpx.codes.OK:
                    self._say(url, time.monotonic() - began)
                    return
            except httpx.HTTPError as error:
                answer = f"{type(error).__name__}: {error}"
            time.sleep(0.2)
        self.stderr.write(f"Not ready after {PATIENCE_SECONDS} s: {answer}")

    def _say(self, url: str, seconds: float) -> None:
        password = settings.LOCAL_DIR / "admin-password"
        how = f"the password in {password}" if password.exists() else "your password"
        self.stdout.write(
            f"\n  Stepgate is ready after {seconds:.1f} s: {url}\n"
            f"  Sign in as admin with {how}. Ctrl-C stops everything.\n"
        )


class _OnlyWhatMatters:
    """honcho's printer without its own lines about starts and signals."""

    def __init__(self, output: Any) -> None:
        from honcho.printer import Printer

        self._printer = Printer(output)
        self.width = 0

    def write(self, message: Any) -> None:
        if message.name != "system":
            self._printer.width = self.width
            self._printer.write(message)


def _environ() -> dict[str, str]:
    """What the processes of the Procfile are started with."""
    here = os.path.dirname(sys.executable)  # noqa: PTH120 - a symlink must stay one
    return os.environ | {
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        # On one's own machine nobody needs a celery user.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "PORT": str(settings.PORT),
        "LOCAL_AWS_PORT": str(settings.LOCAL_AWS_PORT),
        "LOCAL_AWS_STATE": str(settings.LOCAL_DIR / "aws"),
        "LOCAL_BROKER_PORT": str(settings.LOCAL_BROKER_PORT),
        "STEPGATE_LOCAL_DIR": str(settings.LOCAL_DIR),
    }
