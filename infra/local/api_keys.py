"""API keys and usage plans, where AWS is stricter than ministack.

Sources: API reference, CreateApiKey, GetApiKey, UpdateApiKey, CreateUsagePlanKey,
CreateUsagePlan; API Gateway developer guide, "Usage plans and API keys for REST APIs".
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.services import apigateway_v1

from infra.local.call import SENT
from infra.local.seams import Response, original, replace

Data = dict[str, Any]


def _refused(code: str, message: str, status: int) -> Response:
    refusal: Response = apigateway_v1._v1_error(code, message, status)
    return refusal


def _create_key(create: Callable[[Data], Response], data: Data) -> Response:
    """CreateApiKey: disabled unless it says otherwise; a value names one key only."""
    value = data.get("value")
    if value and any(key.get("value") == value for key in apigateway_v1._api_keys.values()):
        return _refused("ConflictException", "API Key already exists", 409)
    return create({"enabled": False} | data)


def _key_from_stack(handler: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """AWS::ApiGateway::ApiKey: disabled unless ``Enabled`` is true, as by CreateApiKey."""
    *before, props, stack_name = given
    return handler(*before, {"Enabled": False, **props}, stack_name, **more)


def _asked_for(parameter: str) -> bool:
    return parse_qs(SENT.get().query).get(parameter) == ["true"]


def _without_value(response: Response) -> Response:
    status, headers, body = response
    answer = json.loads(body)
    for key in answer.get("item", [answer]):
        key.pop("value", None)
    return status, headers, json.dumps(answer).encode()


def _get_key(get: Callable[[str], Response], key_id: str) -> Response:
    """GetApiKey: the value only if ``includeValue`` asks for it."""
    response = get(key_id)
    return response if _asked_for("includeValue") else _without_value(response)


def _get_keys(get: Callable[[Any], Response], query: Any) -> Response:
    """GetApiKeys: the values only if ``includeValues`` asks for them."""
    response = get(query)
    return response if _asked_for("includeValues") else _without_value(response)


def _update_key(update: Callable[[str, Data], Response], key_id: str, data: Data) -> Response:
    """UpdateApiKey: a patch carries text, also for ``/enabled``."""
    for operation in data.get("patchOperations", []):
        if operation.get("path") == "/enabled" and isinstance(operation.get("value"), str):
            operation["value"] = operation["value"].lower() == "true"
    return _changed(update(key_id, data))


def _changed(response: Response) -> Response:
    return _without_value(response) if response[0] < 400 else response


def _delete_key(delete: Callable[[str], Response], key_id: str) -> Response:
    """DeleteApiKey: the key leaves its usage plans, too."""
    for keys in apigateway_v1._usage_plan_keys.values():
        keys.pop(key_id, None)
    return delete(key_id)


def _create_plan(create: Callable[[Data], Response], data: Data) -> Response:
    """CreateUsagePlan: for stages that exist."""
    for stage in data.get("apiStages") or []:
        api_id, name = stage.get("apiId", ""), stage.get("stage", "")
        if name not in apigateway_v1._stages_v1.get(api_id, {}):
            message = f"API Stage not found: {api_id}:{name}"
            return _refused("NotFoundException", message, 404)
    return create(data)


def _create_plan_key(create: Callable[[str, Data], Response], plan_id: str, data: Data) -> Response:
    """CreateUsagePlanKey: of a key that exists, and once."""
    key_id = data.get("keyId", "")
    if key_id not in apigateway_v1._api_keys:
        return _refused("NotFoundException", "Invalid API Key identifier specified", 404)
    if key_id in apigateway_v1._usage_plan_keys.get(plan_id, {}):
        message = "Usage plan key already exists for this usage plan"
        return _refused("ConflictException", message, 409)
    return create(plan_id, data)


def _take_token(
    take: Callable[..., bool], slot: tuple[Any, ...], limits: Mapping[str, Any]
) -> bool:
    """A token of a bucket, which starts full when its limits change.

    ministack would keep the old count. A stack writes the limits of a route in a plan with
    other initials, and ministack finds none.
    """
    named = {name[0].lower() + name[1:]: value for name, value in limits.items()}
    return take((*slot, named.get("rateLimit"), named.get("burstLimit")), named)


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    for needed in ("_api_keys", "_usage_plan_keys", "_stages_v1", "_v1_error"):
        original(apigateway_v1, needed)
    rules: dict[str, Callable[..., Any]] = {
        "_create_api_key": _create_key,
        "_get_api_key": _get_key,
        "_get_api_keys": _get_keys,
        "_update_api_key": _update_key,
        "_delete_api_key": _delete_key,
        "_create_usage_plan": _create_plan,
        "_create_usage_plan_key": _create_plan_key,
        "_take_token": _take_token,
    }
    for name, rule in rules.items():
        replace(apigateway_v1, name, functools.partial(rule, original(apigateway_v1, name)))
    error_types = original(apigateway_v1, "_GATEWAY_RESPONSE_ERROR_TYPES")
    error_types |= {
        "INVALID_API_KEY": "ForbiddenException",
        "QUOTA_EXCEEDED": "LimitExceededException",
    }
    handlers = original(provisioners, "_RESOURCE_HANDLERS")["AWS::ApiGateway::ApiKey"]
    for action in ("create", "update"):
        handlers[action] = functools.partial(_key_from_stack, handlers[action])
