"""The embedded AWS as a real process, for tests.

``running()`` starts one and ends it; ``shared()`` is the one that all tests of a run may
use as long as they name what they make by ``unique()``.
"""

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
from botocore.config import Config

from infra import mapping
from infra.local import HEALTH_PATH
from infra.spec import TriggerSpec

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
T = TypeVar("T")


@dataclass(frozen=True)
class LocalAws:
    """A running embedded AWS."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client with dummy credentials (account 000000000000, us-east-1)."""
        return _client(self.endpoint_url, service)

    def url(self, api_id: str, path: str, stage: str = "prod") -> str:
        """Where a stage of a REST API answers."""
        return f"{self.endpoint_url}/restapis/{api_id}/{stage}/_user_request_{path}"


@cache
def _session() -> boto3.Session:
    return boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )


@cache
def _client(endpoint_url: str, service: str) -> Any:
    # inject_host_prefix puts "sync-" in front of the host for StartSyncExecution.
    config = Config(inject_host_prefix=False, retries={"max_attempts": 1})
    session: Any = _session()  # its type knows only literal service names
    return session.client(service, endpoint_url=endpoint_url, config=config)


def until(condition: Callable[[], T], seconds: float = 15) -> T:
    """What ``condition`` returns once it is true; TimeoutError after ``seconds``."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Still {value!r} after {seconds} s")
        pause.wait(0.02)
    return value


def unique(prefix: str) -> str:
    """A name that nothing else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(state_dir: Path | None = None, port: int | None = None) -> Iterator[LocalAws]:
    """``python -m infra.local`` on a loopback port, ready; ended by SIGTERM on leaving."""
    with contextlib.ExitStack() as stack:
        if state_dir is None:
            state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = stack.enter_context(tempfile.TemporaryFile())
        port = port or free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local"],
            cwd=ROOT,
            env=os.environ | {"LOCAL_AWS_PORT": str(port), "LOCAL_AWS_STATE": str(state_dir)},
            stdout=log,
            stderr=log,
        )
        aws = LocalAws(port, process)
        try:
            until(lambda: _healthy(aws, log), START_SECONDS)
            yield aws
        finally:
            _end(process)


def _healthy(aws: LocalAws, log: Any) -> bool:
    if aws.process.poll() is not None:
        log.seek(0)
        raise RuntimeError(f"infra.local ended at its start:\n{log.read().decode()}")
    try:
        return httpx.get(aws.endpoint_url + HEALTH_PATH, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@cache
def shared() -> LocalAws:
    """One embedded AWS for the whole test run, ended when Python ends."""
    stack = contextlib.ExitStack()
    aws = stack.enter_context(running())
    # Registered last, so that it runs before the state directory is cleaned up.
    atexit.register(stack.close)
    return aws


def machine_arn(name: str) -> str:
    """The ARN of a state machine in the account that the dummy credentials mean."""
    return f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}"


def trigger(**fields: Any) -> TriggerSpec:
    """A POST /orders that starts order-fulfilment with the body, unless ``fields`` differ."""
    defaults = {
        "key": "order123",
        "method": "POST",
        "path": "/orders",
        "state_machine_arn": machine_arn("order-fulfilment"),
        "authorization": "NONE",
        "input_mode": "BODY",
    }
    return TriggerSpec(**(defaults | fields))


def deploy_api(
    aws: LocalAws,
    *triggers: TriggerSpec,
    integration: Mapping[str, Any] | None = None,
    request_template: str | None = None,
    response_template: str | None = None,
) -> str:
    """A REST API with one route per trigger, deployed to the stage ``prod``; its id.

    ``integration`` replaces fields of every integration, the templates replace the
    generated ones.
    """
    api = aws.client("apigateway")
    api_id: str = api.create_rest_api(name=unique("api"))["id"]
    for route in triggers:
        names = {
            "restApiId": api_id,
            "resourceId": make_resources(api, api_id, route.path),
            "httpMethod": route.method,
        }
        template = request_template or mapping.request_template(route)
        api.put_method(**names, authorizationType="NONE")
        fields: dict[str, Any] = {
            "type": "AWS",
            "integrationHttpMethod": "POST",
            "uri": "arn:aws:apigateway:us-east-1:states:action/StartExecution",
            "credentials": "arn:aws:iam::000000000000:role/api",
            "passthroughBehavior": "NEVER",
            "requestTemplates": {mapping.CONTENT_TYPE: template},
        }
        api.put_integration(**names, **(fields | dict(integration or {})))
        success = response_template or mapping.response_template(route)
        for status, pattern, text in (
            (str(route.response_status), "2\\d\\d", success),
            ("400", "", mapping.error_template(route)),
        ):
            api.put_method_response(**names, statusCode=status)
            api.put_integration_response(
                **names,
                statusCode=status,
                selectionPattern=pattern,
                responseTemplates={mapping.CONTENT_TYPE: text},
            )
    for family in ("DEFAULT_4XX", "DEFAULT_5XX"):
        api.put_gateway_response(
            restApiId=api_id,
            responseType=family,
            responseTemplates={mapping.CONTENT_TYPE: mapping.gateway_response_template()},
        )
    api.create_deployment(restApiId=api_id, stageName="prod")
    return api_id


def make_resources(api: Any, api_id: str, path: str) -> str:
    """The id of the resource ``path``, made with all its parents where it is missing."""
    have = {item["path"]: item["id"] for item in api.get_resources(restApiId=api_id)["items"]}
    at, parent = "", have["/"]
    for part in path.strip("/").split("/") if path != "/" else []:
        at += f"/{part}"
        if at not in have:
            made = api.create_resource(restApiId=api_id, parentId=parent, pathPart=part)
            have[at] = made["id"]
        parent = have[at]
    return str(parent)
