"""The REST API integration ``arn:aws:apigateway:<region>:states:action/<Action>``.

A request becomes a call of Step Functions and its answer the caller's: the request template
for the request's Content-Type writes the call, the integration response whose selection
pattern matches the HTTP status writes the answer. Source: API Gateway developer guide,
"Integrations for REST APIs" and "Mapping template transformations for REST APIs".
"""

import asyncio
import functools
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import apigateway_v1, stepfunctions

from infra.local import answers, roles
from infra.local.arrival import ARRIVAL
from infra.local.seams import original, replace
from infra.velocity import VelocityError

TIMEOUT_MS = 29_000

_TYPE_PREFIXES = {
    "AccessDeniedException": "com.amazon.coral.service#",
    "SerializationException": "com.amazon.coral.service#",
    "ThrottlingException": "com.amazon.coral.availability#",
    "ValidationException": "com.amazon.coral.validate#",
}
_STATES_PREFIX = "com.amazonaws.swf.service.v2.model#"


def _action(integration: Mapping[str, Any]) -> tuple[str, str] | None:
    """Region and action of a ``states:action/…`` URI; None for any other integration."""
    parts = apigateway_v1._parse_service_integration_uri(integration.get("uri", ""))
    if parts is None or parts[1:3] != ("states", "action"):
        return None
    return parts[0], parts[3]


async def _invoke(
    other: Callable[..., Awaitable[Any]], integration: dict[str, Any], *given: Any, **more: Any
) -> Any:
    """Answer a call of a method whose integration ministack takes for a Lambda function."""
    target = _action(integration)
    if target is None:
        return await other(integration, *given, **more)
    arrival = ARRIVAL.get()
    region, action = target[0] or arrival.region, target[1]
    try:
        payload = answers.request_body(arrival, integration)
    except VelocityError:
        return answers.failed("API_CONFIGURATION_ERROR")
    credentials = integration.get("credentials") or ""
    if not roles.may_assume(credentials):
        return answers.failed("API_CONFIGURATION_ERROR")
    if refusal := _not_permitted(credentials, action, payload):
        return answers.answer(arrival, integration, refusal)
    seconds = int(integration.get("timeoutInMillis") or TIMEOUT_MS) / 1000
    backend = await _call(action, payload, arrival.account, region, seconds)
    if backend is None:
        return answers.failed("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    return answers.answer(arrival, integration, backend)


def _not_permitted(role: str, action: str, payload: str) -> answers.Backend | None:
    """Step Functions' answer to a role that may not do ``action``; None to one that may.

    It checks the unqualified machine; a version or an alias is the condition key
    ``states:StateMachineQualifier`` (developer guide, "Versions and aliases", permissions).
    """
    try:
        call = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(call, dict):
        return None
    arn = str(call.get("stateMachineArn") or call.get("executionArn") or "*")
    parts = arn.split(":")
    keys = {}
    if parts[5:6] == ["stateMachine"] and len(parts) > 7:
        keys["states:StateMachineQualifier"] = parts[7]
        arn = ":".join(parts[:7])
    message = roles.refusal(role, f"states:{action}", arn, keys)
    if message is None:
        return None
    kind = _TYPE_PREFIXES["AccessDeniedException"] + "AccessDeniedException"
    return answers.Backend(400, json.dumps({"__type": kind, "Message": message}))


async def _call(
    action: str, payload: str, account: str, region: str, seconds: float
) -> answers.Backend | None:
    """What Step Functions answers to ``payload``; None if that takes too long."""
    headers = {"x-amz-target": f"AWSStepFunctions.{action}"}
    with request_scope(account, region):
        work = asyncio.ensure_future(
            stepfunctions.handle_request("POST", "/", headers, payload.encode(), {})
        )
    done, _ = await asyncio.wait({work}, timeout=seconds)
    if not done:
        return None
    status, answered, body = work.result()
    ids = {"x-amzn-RequestId": str(uuid.uuid4())}
    return answers.Backend(status, _with_full_type(body.decode()), ids | answered)


def _with_full_type(text: str) -> str:
    """An error's ``__type`` in the long form that Step Functions itself answers.

    SDKs cut it at the ``#``; a mapping template sees all of it.
    """
    answer = json.loads(text) if text else {}
    name = answer.get("__type") if isinstance(answer, dict) else None
    if not name or "#" in name:
        return text
    return json.dumps(answer | {"__type": _TYPE_PREFIXES.get(name, _STATES_PREFIX) + name})


def install() -> None:
    """Answer ``states:action`` integrations; leave the others to ministack."""
    answers.check_seams()
    roles.check_seams()
    original(apigateway_v1, "_parse_service_integration_uri")
    name = "_invoke_lambda_custom_v1"
    replace(apigateway_v1, name, functools.partial(_invoke, original(apigateway_v1, name)))
