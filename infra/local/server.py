"""Puts the extensions in place and serves ministack until SIGTERM or SIGINT.

Import this only when the environment that ministack reads is set (``__main__``).
"""

import os
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from ministack.app import app as ministack

from infra.local import (
    api_gateway,
    api_keys,
    authorization,
    authorizers,
    cloudformation,
    domains,
    faults,
    functions,
    gateway_responses,
    integration,
    machines,
    method_responses,
    mock,
    resource_errors,
    rest_apis,
    step_functions,
    tokens,
    validation,
    versions,
)
from infra.local.call import SENT, Sent

_SUBJECTS = (
    step_functions,
    versions,
    faults,
    api_gateway,
    api_keys,
    authorization,
    authorizers,
    functions,
    gateway_responses,
    integration,
    method_responses,
    mock,
    tokens,
    validation,
    domains,
    rest_apis,
    resource_errors,
    cloudformation,
)
"""What is extended, in the order in which the rules are put in front of each other."""


def install() -> None:
    """Extend ministack; IncompatibleMinistackError if it is not the expected one."""
    for subject in _SUBJECTS:
        subject.install()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """ministack, whose start is complete only once the demo machines exist."""
    if scope["type"] != "lifespan":
        if scope["type"] == "http":
            sent = Sent.of(scope)
            SENT.set(sent)
            client = (scope.get("client") or ("127.0.0.1", 0))[0]
            scope = {**scope, "client": (sent.source_address(client), 0)}
        await ministack(scope, receive, send)
        return

    async def send_when_ready(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            await machines.create_missing()
        await send(message)

    await ministack(scope, receive, send_when_ready)


async def serve(host: str, port: int) -> None:
    """Serve on ``host:port``. hypercorn ends on SIGTERM and SIGINT; ministack then saves."""
    install()
    config = Config()
    config.bind = [f"{host}:{port}"]
    config.loglevel = os.environ["LOG_LEVEL"].upper()
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.h11_pass_raw_headers = True
    await hypercorn_serve(app, config)
    functions.end()
