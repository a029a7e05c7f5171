"""Sends one HTTP request to a trigger's own endpoint, and to nowhere else."""

import json
import time
from collections.abc import Mapping

import httpx

from dashboard import aws
from dashboard.models import Request, Trigger
from dashboard.snippets import filled_path
from infra.mapping import CONTENT_TYPE

SECONDS = 35
"""API Gateway answers within 29 s, itself if need be."""
ANSWER_BYTES = 65_536
_SECRET_HEADERS = {"authorization", "x-api-key", "cookie", "x-amz-security-token"}


def send(
    trigger: Trigger,
    *,
    by: str,
    method: str,
    values: Mapping[str, str],
    query: str,
    headers: Mapping[str, str],
    body: str,
) -> Request:
    """Call the live endpoint and keep what came back. Never raises for a failed call."""
    endpoint = trigger.endpoint
    environment = trigger.rest_api.environment
    url = aws.invoke_url(environment, endpoint.api_id, endpoint.stage_name)
    base = httpx.URL(url)
    url += filled_path(endpoint.path, dict(values))
    if query:
        url += f"?{query.lstrip('?')}"
    sent = dict(headers)
    if body and "content-type" not in {name.lower() for name in sent}:
        sent["Content-Type"] = CONTENT_TYPE
    request = Request(
        trigger=trigger,
        sent_by=by,
        method=method,
        url=_storable(url),
        values={name: _storable(value) for name, value in values.items()},
        query=_storable(query),
        headers={n: v for n, v in headers.items() if n.lower() not in _SECRET_HEADERS},
        body=_storable(body),
    )
    began = time.monotonic()
    try:
        _check_target(base, httpx.URL(url))
        with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            answer = client.request(method, url, headers=sent, content=body.encode() or None)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        request.error = f"{type(error).__name__}: {error}"
    else:
        request.status = answer.status_code
        request.answer_headers = dict(answer.headers)
        request.answer_body = _storable(answer.text[:ANSWER_BYTES])
        request.request_id = _plain(answer.headers.get("x-amz-apigw-id", ""))
        request.execution_arn = _execution_arn(trigger, request)
    request.latency_ms = round((time.monotonic() - began) * 1000)
    request.save()
    kept = trigger.requests.values_list("pk", flat=True)[: Request.KEPT]
    trigger.requests.exclude(pk__in=list(kept)).delete()
    return request


def _check_target(base: httpx.URL, target: httpx.URL) -> None:
    """ValueError where ``target`` is not below the stage's own URL.

    A path variable of ".." would climb out of it: an HTTP client takes such parts away.
    """
    same_host = (base.scheme, base.host, base.port) == (target.scheme, target.host, target.port)
    if not same_host or not target.path.startswith(f"{base.path}/"):
        raise ValueError("a path variable leads out of this REST API; use one without “..”")


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "_-")


def _execution_arn(trigger: Trigger, request: Request) -> str:
    """The execution that a successful call started: by the answer, else by its name."""
    if request.status is None or request.status >= 300:
        return ""
    if not request.request_id:
        return ""
    if trigger.endpoint.spec["response_mode"] == "EXECUTION":
        # An EXPRESS execution's ARN ends in an id that only the answer tells.
        try:
            return str(json.loads(request.answer_body)["executionArn"])[:2048]
        except (ValueError, TypeError, KeyError):
            return ""
    machine = trigger.endpoint.spec["state_machine_arn"]
    execution = machine.replace(":stateMachine:", ":execution:")
    return f"{execution}:{trigger.key}-{request.request_id}"


def diagnosis(request: Request) -> tuple[str, str]:
    """Who gave an answer of 400 or more, and the usual cause."""
    if request.error:
        return "Nobody answered", f"The endpoint could not be reached: {request.error}"
    try:
        error = json.loads(request.answer_body).get("error", "")
    except (ValueError, AttributeError):
        error = ""
    if cause := _GATEWAY_CAUSES.get(error):
        return "API Gateway answered", cause
    if cause := _STEP_FUNCTIONS_CAUSES.get(error):
        return "Step Functions answered", cause
    if "x-amzn-errortype" in request.answer_headers or request.status == 403:
        return "API Gateway answered", "The request did not get as far as the state machine."
    return "Step Functions answered", "The execution was not started; the message says why."


_GATEWAY_CAUSES = {
    "THROTTLED": "More requests came than the trigger's throttle lets through. Send fewer, "
    "or raise it in the trigger's form.",
    "MISSING_AUTHENTICATION_TOKEN": "The REST API has no such route: check method and path. "
    "Right after a deployment it can take a few seconds.",
    "UNSUPPORTED_MEDIA_TYPE": "The Content-Type is not application/json.",
    "REQUEST_TOO_LARGE": "The body is larger than API Gateway takes (10 MB).",
    "INTEGRATION_TIMEOUT": "Step Functions did not answer within 29 s. The execution may run.",
    "API_CONFIGURATION_ERROR": "API Gateway could not build the call: often its role may not "
    "start this state machine yet. Wait a few seconds, then deploy again.",
    "INTEGRATION_FAILURE": "API Gateway could not reach Step Functions.",
    "ACCESS_DENIED": "A policy denies this call.",
}
_STEP_FUNCTIONS_CAUSES = {
    "InvalidExecutionInput": "The body is not JSON, or larger than 262,144 bytes.",
    "StateMachineDoesNotExist": "The state machine was deleted after the deployment. Choose "
    "another one and deploy.",
    "StateMachineDeleting": "The state machine is being deleted.",
    "AccessDeniedException": "The trigger's role may not start this state machine: deploy again.",
    "ExecutionLimitExceeded": "The account has as many open executions as it may.",
    "ThrottlingException": "Step Functions limits how many executions may start a second.",
    "ExecutionAlreadyExists": "An execution of this name exists already.",
}
