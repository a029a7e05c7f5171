"""Integration responses may only set what the method response declares.

Sources: API reference, PutIntegrationResponse; API Gateway developer guide, "Set up a method
response in API Gateway" (a header must be declared before it can be mapped).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

from infra.local.resource_errors import reason
from infra.local.seams import Response, original, replace


def _undeclared(declared: Mapping[str, Any] | None, mapped: Mapping[str, Any]) -> str | None:
    """AWS's words for the first header that is mapped and not declared, if there is one."""
    for target in mapped:
        if target not in ((declared or {}).get("responseParameters") or {}):
            return (
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression parameter specified: {target}]"
            )
    return None


def _no_status() -> Response:
    message = "Invalid Response status code specified"
    refusal: Response = apigateway_v1._v1_error("NotFoundException", message, 404)
    return refusal


def _bad_mapping(message: str) -> Response:
    refusal: Response = apigateway_v1._v1_error("BadRequestException", message, 400)
    return refusal


def _put(
    put: Callable[..., Response],
    api_id: str,
    resource_id: str,
    verb: str,
    status: str,
    data: dict[str, Any],
) -> Response:
    """PutIntegrationResponse: of a declared status, with declared headers."""
    resource = apigateway_v1._resources.get(api_id, {}).get(resource_id) or {}
    method = (resource.get("resourceMethods") or {}).get(verb)
    if method is not None and "methodIntegration" in method:
        declared = (method.get("methodResponses") or {}).get(status)
        if declared is None:
            return _no_status()
        if message := _undeclared(declared, data.get("responseParameters") or {}):
            return _bad_mapping(message)
    return put(api_id, resource_id, verb, status, data)


def _from_stack(handler: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """AWS::ApiGateway::Method: the same, which fails the resource."""
    props = next(one for one in reversed(given) if isinstance(one, Mapping))
    declared = {str(one["StatusCode"]): one for one in props.get("MethodResponses") or []}
    for response in (props.get("Integration") or {}).get("IntegrationResponses") or []:
        status = str(response["StatusCode"])
        if status not in declared:
            raise ValueError(reason(_no_status()[2]))
        headers = {"responseParameters": declared[status].get("ResponseParameters")}
        if message := _undeclared(headers, response.get("ResponseParameters") or {}):
            raise ValueError(reason(_bad_mapping(message)[2]))
    return handler(*given, **more)


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    name = "_put_integration_response"
    replace(apigateway_v1, name, functools.partial(_put, original(apigateway_v1, name)))
    handlers = original(provisioners, "_RESOURCE_HANDLERS")["AWS::ApiGateway::Method"]
    for action in ("create", "update"):
        handlers[action] = functools.partial(_from_stack, handlers[action])
