"""Puts the extensions in place and serves ministack until SIGTERM or SIGINT.

Import this only when the environment that ministack reads is set (``__main__``).
"""

import os
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from ministack.app import app as ministack

from infra.local import api_gateway, cloudformation, integration, machines, step_functions
from infra.local.call import HEADER_NAMES


def install() -> None:
    """Extend ministack; IncompatibleMinistackError if it is not the expected one."""
    step_functions.install()
    api_gateway.install()
    integration.install()
    cloudformation.install()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """ministack, whose start is complete only once the demo machines exist."""
    if scope["type"] != "lifespan":
        names = [name.decode("latin-1") for name, _ in scope["headers"]]
        HEADER_NAMES.set({name.lower(): name for name in names})
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
