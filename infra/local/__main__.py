"""``python -m infra.local``: the embedded AWS in the foreground, until SIGTERM or SIGINT.

``LOCAL_AWS_PORT`` (4566) is the port on 127.0.0.1; no other address listens.
``LOCAL_AWS_STATE`` (``.local/aws``) is the directory that the state is read from at the
start and written to at the end. ``LOG_LEVEL`` is ERROR unless it is set.
"""

import asyncio
import os
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"


def configure() -> int:
    """Set what ministack reads from the environment when it is imported; the port."""
    port = int(os.environ.get("LOCAL_AWS_PORT", "4566"))
    state = Path(os.environ.get("LOCAL_AWS_STATE", ".local/aws")).absolute()
    for real in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        os.environ.pop(real, None)
    # Functions run with this environment: the embedded AWS is all they can reach and sign for.
    os.environ.update(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 (any secret would do)
        AWS_ENDPOINT_URL=f"http://{HOST}:{port}",
        BIND_HOST=HOST,
        GATEWAY_PORT=str(port),
        PERSIST_STATE="1",
        STATE_DIR=str(state),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    return port


def main() -> None:
    """Run the server; exits with a message if the port is taken."""
    port = configure()
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            sys.exit(f"{HOST}:{port} is already in use. LOCAL_AWS_PORT names another port.")
    from infra.local import server

    asyncio.run(server.serve(HOST, port))


if __name__ == "__main__":
    main()
