"""The REST API integration ``arn:aws:apigateway:<region>:states:action/<Action>``.

A request becomes a call of Step Functions and its answer the caller's: the request template
for the request's Content-Type writes the call, the integration response whose selection
pattern matches the HTTP status writes the answer. Source: API Gateway developer guide,
"Integrations for REST APIs" and "Mapping template transformations for REST APIs".
"""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_request_client_ip, request_scope
from ministack.services import apigateway_v1, stepfunctions

from infra.local.call import CALL, Route, as_sent, context
from infra.local.seams import Response, original, replace
from infra.velocity import Rendered, Request, VelocityError, render

TIMEOUT_MS = 29_000

_TYPE_PREFIXES = {
    "ValidationException": "com.amazon.coral.validate#",
    "SerializationException": "com.amazon.coral.service#",
}
_STATES_PREFIX = "com.amazonaws.swf.service.v2.model#"

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class _Incoming:
    """A request as the mapping templates of its method see it."""

    integration: Mapping[str, Any]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    path: Mapping[str, str]
    context: Mapping[str, Any]
    stage_variables: Mapping[str, str]

    def render(self, template: str, body: str) -> Rendered:
        request = Request(
            body=body,
            path=self.path,
            query=self.query,
            headers=as_sent(self.headers),
            context=self.context,
            stage_variables=self.stage_variables,
        )
        return render(template, request)


def _failed(response_type: str, message: str) -> Any:
    return apigateway_v1._gw_error(response_type, message)


def _media_type(headers: Mapping[str, str], name: str) -> str:
    """The first media type of a header, without parameters; application/json if none."""
    value = headers.get(name) or "application/json"
    return value.split(",", 1)[0].split(";", 1)[0].strip().lower()


def _template_for(templates: Mapping[str, str], media_type: str) -> str | None:
    for key, template in templates.items():
        if key.split(";", 1)[0].strip().lower() == media_type:
            return template
    return None


def _action(integration: Mapping[str, Any]) -> tuple[str, str] | None:
    """Region and action of a ``states:action/…`` URI; None for any other integration."""
    parts = apigateway_v1._parse_service_integration_uri(integration.get("uri", ""))
    if parts is None or parts[1:3] != ("states", "action"):
        return None
    return parts[0], parts[3]


async def _invoke(
    other: Handler,
    integration: dict[str, Any],
    api_id: str,
    stage_name: str,
    stage: dict[str, Any],
    resource: dict[str, Any],
    request_path: str,
    method: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, Any],
    path_params: dict[str, str],
    **more: Any,
) -> Any:
    """Answer a call of a method whose integration ministack takes for a Lambda function."""
    target = _action(integration)
    if target is None:
        return await other(
            integration, api_id, stage_name, stage, resource, request_path, method,
            headers, body, query_params, path_params, **more,
        )  # fmt: skip
    account, region = more["owner_account_id"], target[0] or more["owner_region"]
    route = Route(api_id, account, region, stage_name, stage, resource, method, request_path)
    incoming = _Incoming(
        integration=integration,
        headers=headers,
        query={name: values[-1] for name, values in (query_params or {}).items() if values},
        path=path_params or {},
        context=context(
            CALL.get(), route, headers, get_request_client_ip(), more.get("authorizer_context")
        ),
        stage_variables=stage.get("variables") or {},
    )
    text = body.decode("utf-8", errors="replace") if body else ""
    return await _run(incoming, text, target[1], account, region)


async def _run(incoming: _Incoming, body: str, action: str, account: str, region: str) -> Any:
    templates = incoming.integration.get("requestTemplates") or {}
    template = _template_for(templates, _media_type(incoming.headers, "content-type"))
    try:
        payload = body if template is None else incoming.render(template, body).text
    except VelocityError:
        return _failed("API_CONFIGURATION_ERROR", "Internal server error")
    headers = {"x-amz-target": f"AWSStepFunctions.{action}"}
    with request_scope(account, region):
        work = asyncio.ensure_future(
            stepfunctions.handle_request("POST", "/", headers, payload.encode(), {})
        )
    seconds = int(incoming.integration.get("timeoutInMillis") or TIMEOUT_MS) / 1000
    done, _ = await asyncio.wait({work}, timeout=seconds)
    if not done:
        return _failed("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    status, _, answer = work.result()
    return _answer(incoming, status, _with_full_type(answer.decode()))


def _with_full_type(text: str) -> str:
    """An error's ``__type`` in the long form that Step Functions itself answers.

    SDKs cut it at the ``#``; a mapping template sees all of it.
    """
    answer = json.loads(text) if text else {}
    name = answer.get("__type") if isinstance(answer, dict) else None
    if not name or "#" in name:
        return text
    return json.dumps(answer | {"__type": _TYPE_PREFIXES.get(name, _STATES_PREFIX) + name})


def _answer(incoming: _Incoming, backend_status: int, backend_text: str) -> Any:
    """The answer that the selected integration response makes of the backend's."""
    selected = apigateway_v1._select_service_integration_response(
        incoming.integration, backend_status
    )
    if selected is None:
        return _failed("API_CONFIGURATION_ERROR", "Internal server error")
    templates = selected.get("responseTemplates") or {}
    media_type = _media_type(incoming.headers, "accept")
    if _template_for(templates, media_type) is None:
        media_type = "application/json"
    template = _template_for(templates, media_type)
    if template is None and templates:
        media_type, template = next(iter(templates.items()))
    headers = {"Content-Type": media_type} | _mapped_headers(incoming, selected, backend_text)
    status, text = int(selected.get("statusCode") or backend_status), backend_text
    if template is not None:
        try:
            rendered = incoming.render(template, backend_text)
        except VelocityError:
            return _failed("API_CONFIGURATION_ERROR", "Internal server error")
        text, status = rendered.text, rendered.status or status
        headers = _overridden(headers, rendered.headers)
    response: Response = (status, headers, text.encode())
    return response


def _overridden(headers: dict[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """``headers`` with ``others`` in place of those of the same name, whatever its case."""
    taken = {name.lower() for name in others}
    return {name: value for name, value in headers.items() if name.lower() not in taken} | {
        **others
    }


def _mapped_headers(
    incoming: _Incoming, selected: Mapping[str, Any], backend_text: str
) -> dict[str, str]:
    """The method response headers that the integration response sets ("Parameter mapping")."""
    mapped: dict[str, str] = {}
    for target, source in (selected.get("responseParameters") or {}).items():
        value = _parameter(incoming, str(source), backend_text)
        if target.startswith("method.response.header.") and value is not None:
            mapped[target.removeprefix("method.response.header.")] = value
    return mapped


def _parameter(incoming: _Incoming, source: str, backend_text: str) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    if source.startswith("integration.response.body"):
        path = source.removeprefix("integration.response.body")
        return str(apigateway_v1._vtl_json_path(backend_text, f"${path}"))
    if source.startswith("stageVariables."):
        return incoming.stage_variables.get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        value: Any = incoming.context
        for name in source.split(".")[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        return None if value is None else str(value)
    return None


def install() -> None:
    """Answer ``states:action`` integrations; leave the others to ministack."""
    for needed in (
        "_parse_service_integration_uri",
        "_select_service_integration_response",
        "_gw_error",
        "_vtl_json_path",
    ):
        original(apigateway_v1, needed)
    name = "_invoke_lambda_custom_v1"
    replace(apigateway_v1, name, functools.partial(_invoke, original(apigateway_v1, name)))
