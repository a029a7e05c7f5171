"""Request validators: what is checked before a request goes on, and what is said of it.

Sources: API Gateway developer guide, "Request validation for REST APIs in API Gateway" and
"Data models for REST APIs" (JSON schema draft 4; no model for a content type, no validation).
The details in ``$context.error.validationErrorString`` are in the words of the validator that
API Gateway uses (json-schema-validator).
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.services import apigateway_v1

from infra.local.answers import media_type, template_for
from infra.local.arrival import ARRIVAL
from infra.local.seams import original, replace

Schema = Mapping[str, Any]


def _check(
    check: Callable[..., Any],
    method: Mapping[str, Any],
    api_id: str,
    request: Any,
    headers: Mapping[str, str],
    body: bytes,
    query: Any,
) -> Any:
    """The refusal of an invalid request; the body counts where its type has a model."""
    models = method.get("requestModels") or {}
    model = template_for(models, media_type(headers, "content-type"))
    chosen = {"application/json": model} if model else {}
    method = {**method, "requestModels": chosen}
    # A required parameter is "included in the request and not blank".
    present = {name: kept for name, values in (query or {}).items() if (kept := _filled(values))}
    error = check(method, api_id, request, headers, body, present)
    if error is not None:
        arrival = ARRIVAL.get()
        if error.response_type == "BAD_REQUEST_BODY":
            arrival.validation_error = _of_body(apigateway_v1._model_schema(api_id, model), body)
        else:
            arrival.validation_error = error.message
    return error


def _filled(values: list[str]) -> list[str]:
    return [value for value in values if value.strip()]


def _of_body(schema: Any, body: bytes) -> str:
    """What is wrong with a body that its model refuses."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "[Could not parse request body into json]"
    return f"[{', '.join(_problems(schema, document, schema))}]"


def _problems(schema: Any, value: Any, root: Any) -> Iterator[str]:
    """Every way in which ``value`` is not what ``schema`` wants, at any depth."""
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        schema, root = apigateway_v1._resolve_schema_ref(schema["$ref"], root)
    if not isinstance(schema, Mapping):
        return
    types = schema.get("type")
    allowed = types if isinstance(types, list) else [types]
    if types and not any(apigateway_v1._JSON_TYPES[name](value) for name in allowed):
        yield (
            f"instance type ({_type(value)}) does not match any allowed primitive type "
            f"(allowed: {_text(_widened(allowed))})"
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        possible = _text(schema["enum"])
        yield f"instance value ({_text(value)}) not found in enum (possible values: {possible})"
    yield from _of_scalar(schema, value)
    if isinstance(value, Mapping):
        yield from _of_object(schema, value, root)
    if isinstance(value, list):
        yield from _of_array(schema, value, root)
    for kind in ("allOf", "anyOf", "oneOf", "not"):
        if kind in schema and not apigateway_v1._json_schema_valid(
            {kind: schema[kind]}, value, root
        ):
            yield f"instance does not match {kind}"


def _of_scalar(schema: Schema, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            limit = f"required minimum: {schema['minLength']}"
            yield f'string "{value}" is too short (length: {len(value)}, {limit})'
        if len(value) > schema.get("maxLength", len(value)):
            limit = f"maximum allowed: {schema['maxLength']}"
            yield f'string "{value}" is too long (length: {len(value)}, {limit})'
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f'ECMA 262 regex "{schema["pattern"]}" does not match input string "{value}"'
        if not apigateway_v1._JSON_FORMATS.get(schema.get("format"), lambda _: True)(value):
            yield f'string "{value}" is invalid against requested format {schema["format"]}'
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            yield (
                "numeric instance is lower than the required minimum "
                f"(minimum: {schema['minimum']}, found: {value})"
            )
        if "maximum" in schema and value > schema["maximum"]:
            yield (
                "numeric instance is greater than the required maximum "
                f"(maximum: {schema['maximum']}, found: {value})"
            )


def _of_object(schema: Schema, value: Mapping[str, Any], root: Any) -> Iterator[str]:
    properties = schema.get("properties") or {}
    patterns = schema.get("patternProperties") or {}
    missing = sorted(name for name in schema.get("required") or [] if name not in value)
    if missing:
        yield f"object has missing required properties ({_text(missing)})"
    if schema.get("additionalProperties") is False:
        extra = [
            name
            for name in sorted(value)
            if name not in properties and not any(re.search(one, name) for one in patterns)
        ]
        if extra:
            yield (
                "object instance has properties which are not allowed by the schema: "
                f"{_text(extra)}"
            )
    for name, item in value.items():
        yield from _problems(properties.get(name), item, root)


def _of_array(schema: Schema, value: list[Any], root: Any) -> Iterator[str]:
    size = len(value)
    if size < schema.get("minItems", 0):
        wanted = f"must have at least {schema['minItems']} elements"
        yield f"array is too short: {wanted} but instance has {size} elements"
    if size > schema.get("maxItems", size):
        wanted = f"must have at most {schema['maxItems']} elements"
        yield f"array is too long: {wanted} but instance has {size} elements"
    items = schema.get("items")
    for place, item in enumerate(value):
        each = items[place] if isinstance(items, list) and place < len(items) else items
        yield from _problems(None if isinstance(each, list) else each, item, root)


def _type(value: Any) -> str:
    """The most particular JSON type of ``value``."""
    order = ("integer", "number", "string", "boolean", "null", "array", "object")
    return next(name for name in order if apigateway_v1._JSON_TYPES[name](value))


def _widened(types: list[Any]) -> list[Any]:
    """Every number may be an integer; the validator names both."""
    return sorted({*types, *(["integer"] if "number" in types else [])})


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _validator_from_stack(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
    """AWS::ApiGateway::RequestValidator: it validates."""
    status, _, body = apigateway_v1._create_request_validator(
        props.get("RestApiId", ""),
        {
            "name": props.get("Name", ""),
            "validateRequestBody": props.get("ValidateRequestBody", False),
            "validateRequestParameters": props.get("ValidateRequestParameters", False),
        },
    )
    answer = json.loads(body)
    if status >= 400:
        raise ValueError(answer.get("message", ""))
    return answer["id"], {"RequestValidatorId": answer["id"]}


def _change_validator(
    physical_id: str, old_props: Any, new_props: Mapping[str, Any], stack_name: str
) -> Any:
    """AWS::ApiGateway::RequestValidator: flags change in place, anything else replaces it."""
    if any(new_props.get(key) != old_props.get(key) for key in ("RestApiId", "Name")):
        return _validator_from_stack(physical_id, new_props, stack_name)
    validator = apigateway_v1._request_validators[new_props["RestApiId"]][physical_id]
    for flag in ("ValidateRequestBody", "ValidateRequestParameters"):
        validator[flag[0].lower() + flag[1:]] = bool(new_props.get(flag, False))
    return physical_id, {"RequestValidatorId": physical_id}


def _drop_validator(physical_id: str, props: Mapping[str, Any]) -> None:
    apigateway_v1._request_validators.get(props.get("RestApiId", ""), {}).pop(physical_id, None)


def _method_from_stack(handler: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """AWS::ApiGateway::Method: with the RequestValidatorId that ministack leaves out."""
    props = next(one for one in reversed(given) if isinstance(one, Mapping))
    made = handler(*given, **more)
    resource = apigateway_v1._resources[props["RestApiId"]][props["ResourceId"]]
    method = resource["resourceMethods"][props["HttpMethod"]]
    method["requestValidatorId"] = props.get("RequestValidatorId")
    return made


def install() -> None:
    """Put the rules in front of ministack's validation."""
    from ministack.services.cloudformation import provisioners

    for needed in (
        "_create_request_validator",
        "_request_validators",
        "_model_schema",
        "_resolve_schema_ref",
        "_json_schema_valid",
        "_JSON_TYPES",
        "_JSON_FORMATS",
    ):
        original(apigateway_v1, needed)
    name = "_check_request_validation"
    replace(apigateway_v1, name, functools.partial(_check, original(apigateway_v1, name)))
    handlers = original(provisioners, "_RESOURCE_HANDLERS")
    handlers["AWS::ApiGateway::RequestValidator"] |= {
        "create": _validator_from_stack,
        "update": _change_validator,
        "delete": _drop_validator,
    }
    for action in ("create", "update"):
        handlers["AWS::ApiGateway::Method"][action] = functools.partial(
            _method_from_stack, handlers["AWS::ApiGateway::Method"][action]
        )
