"""``make up``'s program as a person meets it: ready, then ended by Ctrl-C with nothing left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.local_aws import ROOT, free_port, until

PASSWORD = "tests-only-1"


def group_of(pid: int) -> list[int]:
    """The processes that ``pid`` started, and theirs."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *group_of(child)]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_says_when_it_is_ready_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    port = free_port()
    own = {
        "STEPGATE_LOCAL_DIR": str(tmp_path),
        "STEPGATE_ADMIN_PASSWORD": PASSWORD,
        "PORT": str(port),
        "LOCAL_AWS_PORT": str(free_port()),
        "LOCAL_BROKER_PORT": str(free_port()),
    }
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "dashboard.up"],
            cwd=ROOT,
            env=inherited | own,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: "Stepgate is ready" in log.read_text() or up.poll() is not None, 120)
        assert f"http://127.0.0.1:{port}" in log.read_text()
        assert "Sign in as admin" in log.read_text()
        health = httpx.get(f"http://127.0.0.1:{port}/healthz")
        assert (health.status_code, health.json()["ready"]) == (200, True)
        processes = group_of(up.pid)
        assert len(processes) > 4
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
        until(lambda: not any(alive(pid) for pid in processes), 10)
        assert (tmp_path / "aws").is_dir()
        assert PASSWORD not in log.read_text()
    finally:
        if up.poll() is None:
            os.killpg(up.pid, signal.SIGKILL)
            up.wait()
