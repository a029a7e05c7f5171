"""AWS's rules in front of ministack's laxer API Gateway (REST APIs).

Sources: the API Gateway REST API reference under the name of the action, and the API
Gateway developer guide, "Gateway responses in API Gateway".
"""

import functools
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import ministack.app
from ministack.services import apigateway, apigateway_v1

from infra.local.call import CALL, Call
from infra.local.seams import Response, original, replace


async def _execute(
    api_id: str,
    stage_name: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, list[str]],
    account: str,
    region: str,
) -> Response:
    """Answer one request; every answer carries ``x-amzn-RequestId`` and ``x-amz-apigw-id``."""
    call = Call.begin(headers)
    token = CALL.set(call)
    request = {
        "api_id": api_id,
        "stage_name": stage_name,
        "stage": None,
        "headers": headers,
        "query_params": query_params or {},
        "path_params": {},
        "resource_path": "",
        "request_id": call.request_id,
    }
    try:
        answer = await apigateway_v1._execute_in_scope(
            request, api_id, stage_name, method, path, headers, body, query_params, account, region
        )
        if isinstance(answer, apigateway_v1._GatewayError):
            answer = apigateway_v1._gateway_error_response(answer, request)
    finally:
        CALL.reset(token)
    status, answered, text = answer
    return status, answered | call.answer_headers(), text


class _TemplateVariables:
    """The variables of a gateway response, with those that ministack leaves as they stand.

    Gateway response templates take ``$context`` and ``$stageVariables`` variables only, no
    Velocity ("Gateway responses": "no mapping template scripts").
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def sub(self, known: Callable[[re.Match[str]], str], template: str) -> str:
        """``template`` with each variable replaced; ``known`` knows ministack's own."""
        call = CALL.get(None)
        more: dict[str, str] = {}
        if call is not None:
            more["context.extendedRequestId"] = call.extended_request_id
            more["context.requestTime"] = call.received.strftime("%d/%b/%Y:%H:%M:%S +0000")
            more["context.requestTimeEpoch"] = str(int(call.received.timestamp() * 1000))

        def value(match: re.Match[str]) -> str:
            name = match.group(1) or match.group(2)
            return more[name] if name in more else known(match)

        return self._pattern.sub(value, template)


async def _forbidden_if_missing(
    handle: Callable[..., Awaitable[Response | None]], host: str, path: str, *rest: Any, **more: Any
) -> Response | None:
    """A request to an API that does not exist: 403 Forbidden, as for an unknown stage."""
    parsed = ministack.app._parse_execute_api_url(host, path)
    if parsed is None:
        return await handle(host, path, *rest, **more)
    known = (module.find_api_scope(parsed[0]) for module in (apigateway_v1, apigateway))
    if any(scope is not None for scope in known):
        return await handle(host, path, *rest, **more)
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException"}
    return 403, headers | Call.begin({}).answer_headers(), b'{"message":"Forbidden"}'


def _is_variable(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _create_resource(
    create: Callable[..., Response], api_id: str, parent_id: str, data: dict[str, Any]
) -> Response:
    """CreateResource: one variable path part under each parent, whatever its name."""
    part = data.get("pathPart", "")
    for sibling in apigateway_v1._resources.get(api_id, {}).values():
        taken = sibling.get("pathPart", "")
        if sibling.get("parentId") != parent_id or taken == part:
            continue
        if _is_variable(part) and _is_variable(taken):
            message = (
                f"A sibling ({taken}) of this resource already has a variable path part "
                "-- only one is allowed"
            )
            refusal: Response = apigateway_v1._v1_error("BadRequestException", message, 400)
            return refusal
    return create(api_id, parent_id, data)


def _method_settings(stage: dict[str, Any], path: str, method: str) -> dict[str, Any] | None:
    """The throttle of ``path`` and ``method``, else the stage's ``*/*`` (UpdateStage).

    CloudFormation writes a path with ``~1`` for each inner slash
    (AWS::ApiGateway::Stage MethodSetting, "ResourcePath").
    """
    wanted = f"{path.strip('/')}/{method}"
    stage_wide = None
    for key, entry in (stage.get("methodSettings") or {}).items():
        if not {"throttlingRateLimit", "throttlingBurstLimit"} & set(entry):
            continue
        if key == "*/*":
            stage_wide = entry
        elif key.replace("~1", "/").lstrip("/") == wanted.lstrip("/"):
            found: dict[str, Any] = entry
            return found
    return stage_wide


def _check_throttle(
    check: Callable[..., Any],
    stage: dict[str, Any],
    api_id: str,
    stage_name: str,
    resource_path: str,
    http_method: str,
    key: Any,
) -> Any:
    """A verb that only ANY serves falls under the settings and the bucket of ANY."""
    for resource in apigateway_v1._resources.get(api_id, {}).values():
        methods = resource.get("resourceMethods") or {}
        if resource.get("path") == resource_path and http_method not in methods:
            http_method = "ANY"
    return check(stage, api_id, stage_name, resource_path, http_method, key)


def _take_token(take: Callable[..., bool], slot: tuple[Any, ...], limits: dict[str, Any]) -> bool:
    """A bucket starts full when its limits change; ministack would keep the old count."""
    return take((*slot, limits.get("rateLimit"), limits.get("burstLimit")), limits)


def _check_passthrough(
    check: Callable[..., Any], integration: dict[str, Any], headers: dict[str, str]
) -> Any:
    """415 where no template takes the content type and passing through is not allowed.

    Source: developer guide, "Integration request behavior for payloads without mapping
    templates": NEVER refuses also without any template; WHEN_NO_TEMPLATES refuses a content
    type for which there is none where there are others.
    """
    behavior = (integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
    has_templates = bool(integration.get("requestTemplates"))
    if behavior == "NEVER" and not has_templates and integration.get("type") == "AWS":
        return apigateway_v1._gw_error("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
    if behavior == "WHEN_NO_TEMPLATES" and has_templates:
        integration = {**integration, "passthroughBehavior": "NEVER"}
    return check(integration, headers)


def _resource_from_stack(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """AWS::ApiGateway::Resource: what CreateResource refuses fails the resource."""
    from ministack.services.cloudformation.helpers import _sdk_error

    status, _, body = apigateway_v1._create_resource(
        props.get("RestApiId", ""), props.get("ParentId", ""), {"pathPart": props.get("PathPart")}
    )
    answer = json.loads(body)
    if status >= 400:
        reason = _sdk_error(answer.get("message", ""), "ApiGateway", status)
        code = "AlreadyExists" if status == 409 else "InvalidRequest"
        call = Call.begin({}).request_id
        raise ValueError(
            f'Resource handler returned message: "{reason}" '
            f"(RequestToken: {call}, HandlerErrorCode: {code})"
        )
    return answer["id"], {"ResourceId": answer["id"]}


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    for needed in ("_execute_in_scope", "_GatewayError", "_gateway_error_response", "_resources"):
        original(apigateway_v1, needed)
    replace(apigateway_v1, "_handle_execute_in_scope", _execute)
    replace(apigateway_v1, "_method_throttle_settings", _method_settings)
    pattern = original(apigateway_v1, "_GATEWAY_TEMPLATE_VARIABLE")
    replace(apigateway_v1, "_GATEWAY_TEMPLATE_VARIABLE", _TemplateVariables(pattern))
    wrapped: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (apigateway_v1, "_create_resource", _create_resource),
        (apigateway_v1, "_check_throttle", _check_throttle),
        (apigateway_v1, "_take_token", _take_token),
        (apigateway_v1, "_check_passthrough_behavior", _check_passthrough),
        (ministack.app, "_handle_execute_api_request", _forbidden_if_missing),
    )
    for module, name, rule in wrapped:
        replace(module, name, functools.partial(rule, original(module, name)))
    replace(provisioners, "_apigw_resource_create", _resource_from_stack)
    handlers = original(provisioners, "_RESOURCE_HANDLERS")
    handlers["AWS::ApiGateway::Resource"]["create"] = _resource_from_stack
