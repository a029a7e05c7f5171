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

from infra.local import resource_errors, rest_apis
from infra.local.arrival import ARRIVAL, Arrival
from infra.local.call import CALL, Call
from infra.local.seams import Response, original, replace

# The host of an API on AWS, and the one that ministack knows.
_OWN_HOST = re.compile(
    r"([a-z0-9]+)\.execute-api\.(?:localhost|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$"
)


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
    CALL.set(call)
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
    ARRIVAL.set(Arrival(request, method, body, account, region))
    answer = await apigateway_v1._execute_in_scope(
        request, api_id, stage_name, method, path, headers, body, query_params, account, region
    )
    if isinstance(answer, apigateway_v1._GatewayError):
        status = getattr(answer, "status", None)
        answer = apigateway_v1._gateway_error_response(answer, request)
        answer = (status or answer[0], *answer[1:])
    status, answered, text = answer
    return status, answered | call.answer_headers(), text


async def _forbidden_if_missing(
    handle: Callable[..., Awaitable[Response | None]], host: str, path: str, *rest: Any, **more: Any
) -> Response | None:
    """A request to an API that does not exist: 403 Forbidden, as for an unknown stage.

    A custom domain without a mapping for the path leads to none, and an API whose own
    endpoint is disabled is not found there.
    """
    own = ministack.app._parse_execute_api_url(host, path)
    parsed = own or ministack.app._resolve_custom_domain_request(host, path)
    if parsed is None:
        return await handle(host, path, *rest, **more)
    known = (module.find_api_scope(parsed[0]) for module in (apigateway_v1, apigateway))
    closed = own is not None and rest_apis.endpoint_is_disabled(parsed[0])
    if any(scope is not None for scope in known) and not closed:
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
    status, _, body = apigateway_v1._create_resource(
        props.get("RestApiId", ""), props.get("ParentId", ""), {"pathPart": props.get("PathPart")}
    )
    if status >= 400:
        raise ValueError(resource_errors.reason(body))
    made = json.loads(body)["id"]
    return made, {"ResourceId": made}


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    for needed in ("_execute_in_scope", "_GatewayError", "_gateway_error_response", "_resources"):
        original(apigateway_v1, needed)
    replace(apigateway_v1, "_handle_execute_in_scope", _execute)
    replace(ministack.app, "_EXECUTE_API_RE", _OWN_HOST)
    replace(apigateway_v1, "_method_throttle_settings", _method_settings)
    wrapped: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (apigateway_v1, "_create_resource", _create_resource),
        (apigateway_v1, "_check_throttle", _check_throttle),
        (apigateway_v1, "_check_passthrough_behavior", _check_passthrough),
        (ministack.app, "_handle_execute_api_request", _forbidden_if_missing),
    )
    for module, name, rule in wrapped:
        replace(module, name, functools.partial(rule, original(module, name)))
    replace(provisioners, "_apigw_resource_create", _resource_from_stack)
    handlers = original(provisioners, "_RESOURCE_HANDLERS")
    handlers["AWS::ApiGateway::Resource"]["create"] = _resource_from_stack
