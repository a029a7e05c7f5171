"""Where a benchmark runs: state directory, ports and processes of its own.

Nothing of the machine's own Stepgate, AWS profile or database is read or touched.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from honcho.environ import parse_procfile

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".local" / "bench"
"""What is worth keeping from one run to the next: the CLI that was installed."""

_ENDS_WITHIN = 15
_FOREIGN = ("AWS_", "CDK_", "STEPGATE_", "LOCAL_AWS", "DATABASE_URL", "REDIS_URL")


def end_well() -> None:
    """Let SIGTERM unwind the program, so that what it started ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def environ(local_dir: Path) -> dict[str, str]:
    """The environment of a Stepgate whose whole state lies under ``local_dir``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    here = os.path.dirname(sys.executable)  # noqa: PTH120 - a symlink must stay one
    ports = _free_ports(3)
    return kept | {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "LOCAL_AWS": "1",
        "LOCAL_AWS_PORT": str(ports[0]),
        "LOCAL_AWS_STATE": str(local_dir / "aws"),
        "LOCAL_BROKER_PORT": str(ports[1]),
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}",
        "PORT": str(ports[2]),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "STEPGATE_ADMIN_PASSWORD": "bench-only",
        "STEPGATE_LOCAL_DIR": str(local_dir),
    }


def _free_ports(count: int) -> list[int]:
    """Different loopback ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class Processes:
    """The processes of the Procfile that a benchmark needs."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, names: Iterable[str], env: dict[str, str]) -> None:
        procfile = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8"))
        with self._log.open("ab") as log:
            for name in names:
                self._running[name] = subprocess.Popen(  # noqa: S602 - as honcho starts it
                    procfile.processes[name],
                    shell=True,
                    cwd=ROOT,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for the benchmark, which then ends them.
                    start_new_session=True,
                )

    def check(self) -> None:
        """RuntimeError with the log's end if one of them is gone."""
        for name, process in self._running.items():
            if process.poll() is not None:
                end = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{end}")

    def end(self) -> None:
        """SIGTERM, and SIGKILL to the group of whatever is left after that."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ENDS_WITHIN)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def running(names: Iterable[str], env: dict[str, str], log: Path) -> Iterator[Processes]:
    """The processes ``names`` of the Procfile, until the block is left."""
    processes = Processes(log)
    try:
        processes.start(names, env)
        yield processes
    finally:
        processes.end()
