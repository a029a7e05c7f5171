"""Loaded before Django's settings: a test run has directories, ports and a database of its own.

Real credentials are out of reach: the AWS variables are taken away, and the profile
files point to nowhere.
"""

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


DIRECTORY = Path(tempfile.mkdtemp(prefix="stepgate-tests-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
for name in ("REDIS_URL", "STEPGATE_URL", "STEPGATE_SECRET_KEY", "STEPGATE_ADMIN_PASSWORD"):
    os.environ.pop(name, None)
_web, _aws, _broker = _free_ports(3)
os.environ.update(
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_CONFIG_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    LOCAL_AWS="1",
    # Playwright's loop runs in the thread of the tests that read the database.
    DJANGO_ALLOW_ASYNC_UNSAFE="1",
    PORT=str(_web),
    LOCAL_AWS_PORT=str(_aws),
    LOCAL_BROKER_PORT=str(_broker),
    STEPGATE_INSTANCE="test",
    STEPGATE_LOCAL_DIR=str(DIRECTORY),
)
# A file, not memory: worker processes read it too.
os.environ.setdefault("DATABASE_URL", f"sqlite:///{DIRECTORY}/test.sqlite3")
