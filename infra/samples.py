"""A request that fits a trigger: for the preview, the snippets and the OpenAPI document.

Pure. Takes a specification as it is typed, too: a sample then fits as far as it can.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from infra import webhooks
from infra.mapping import CONTENT_TYPE, MEDIA_TYPES
from infra.routes import path_variables
from infra.spec import TriggerSpec

BODIES = {
    "JSON": '{"orderId": "A-1001", "items": [{"sku": "mug", "quantity": 2}]}',
    "FORM": "orderId=A-1001&quantity=2",
    "TEXT": "Order A-1001: two mugs",
}
PATH_VALUE = "42"
VALUES = {"STRING": "A-1001", "NUMBER": "42", "BOOLEAN": "true"}
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]")
_SET_BY_CLIENTS = frozenset({"host", "content-type", "content-length", "user-agent"})
_DEPTH = 12


@dataclass(frozen=True)
class Sample:
    """A request without what authorizes it. ``content_type`` is its media type."""

    method: str
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = CONTENT_TYPE
    body: str = ""


def sample(trigger: TriggerSpec) -> Sample:
    """What a caller of ``trigger`` could send."""
    method = called_method(trigger.method)
    values = dict.fromkeys(path_variables(trigger.path), PATH_VALUE)
    if trigger.input_mode == "FIELDS":
        for field in trigger.input_fields:
            if field.source == "PATH" and field.value in values:
                values[field.value] = VALUES.get(field.type, PATH_VALUE)
    kind = trigger.content_types[0] if trigger.content_types else "JSON"
    if trigger.authorization == "SIGNED":
        preset = webhooks.PRESETS[trigger.webhook_preset]
        body = BODIES["FORM"] if kind == "FORM" else _webhook_body(trigger, preset)
        return Sample(
            method,
            values,
            headers=_webhook_headers(trigger, preset),
            content_type=MEDIA_TYPES["FORM" if kind == "FORM" else "JSON"],
            body=body,
        )
    return Sample(
        method,
        values,
        query=tuple(_parameters(trigger, "QUERY").items()),
        headers=tuple(_parameters(trigger, "HEADER").items()),
        content_type=MEDIA_TYPES[kind],
        body=_body(trigger, kind) if method != "GET" else "",
    )


def called_method(method: str) -> str:
    """The method of a sample call: ANY is called with POST."""
    return "POST" if method == "ANY" else method


def filled_path(path: str, values: Mapping[str, str]) -> str:
    """``path`` with its variables replaced, each quoted; a greedy one keeps its slashes."""

    def value(match: re.Match[str]) -> str:
        name, greedy = match.group(1), match.group(2)
        return quote(values.get(name, ""), safe="/" if greedy else "", errors="replace")

    return re.sub(r"\{([^{}+]+)(\+?)\}", value, path)


def credentials(trigger: TriggerSpec) -> tuple[str, ...]:
    """``header.NAME`` and ``query.NAME`` of all that shows a caller of ``trigger`` may call.

    What stands there is a secret, or made from one.
    """
    if trigger.authorization == "API_KEY":
        return ("header.x-api-key",)
    if trigger.authorization == "CUSTOM":
        return tuple(trigger.authorizer_sources)
    if trigger.authorization == "SIGNED":
        return (f"header.{webhooks.signature_of(trigger).header}",)
    if trigger.authorization == "NONE":
        return ()
    return ("header.Authorization",)


def answer_headers(trigger: TriggerSpec, *, success: bool) -> dict[str, str]:
    """The headers of an answer that stand fast before anybody calls."""
    headers = {"Content-Type": CONTENT_TYPE}
    if success:
        headers |= dict(trigger.response_headers)
    if len(trigger.cors_origins) == 1:
        headers["Access-Control-Allow-Origin"] = trigger.cors_origins[0]
    elif trigger.cors_origins:
        headers["Vary"] = "Origin"
    if trigger.cors_origins and trigger.status_route and success:
        headers["Access-Control-Expose-Headers"] = "Location"
    return headers


def _parameters(trigger: TriggerSpec, source: str) -> dict[str, str]:
    """Name → value of the query parameters or headers that ``trigger`` reads or asks for."""
    prefix = f"{source.lower()}."
    secret = {text.lower() for text in credentials(trigger)}
    found: dict[str, str] = {}
    if trigger.input_mode == "FIELDS":
        for field in trigger.input_fields:
            if field.source == source:
                found[field.value] = VALUES.get(field.type, "A-1001")
    if trigger.input_mode == "REQUEST" and source == "HEADER":
        found |= dict.fromkeys(trigger.input_headers, "sample")
    for parameter in trigger.required_parameters:
        if parameter.startswith(prefix):
            found.setdefault(parameter.removeprefix(prefix), "A-1001")
    if trigger.idempotency_source == source:
        found[trigger.idempotency_key] = "A-1001"
    return {
        name: value
        for name, value in found.items()
        if f"{prefix}{name}".lower() not in secret
        and not (source == "HEADER" and name.lower() in _SET_BY_CLIENTS)
    }


def _body(trigger: TriggerSpec, kind: str) -> str:
    paths = {}
    if trigger.input_mode == "FIELDS":
        paths = {f.value: f.type for f in trigger.input_fields if f.source == "BODY"}
    if trigger.idempotency_source == "BODY":
        paths.setdefault(trigger.idempotency_key, "STRING")
    whole = trigger.input_mode in ("BODY", "REQUEST", "VTL")
    if not (paths or whole or trigger.body_schema):
        return ""
    if kind != "JSON":
        return BODIES[kind]
    document: Any = json.loads(BODIES["JSON"]) if whole else {}
    if trigger.body_schema:
        try:
            document = instance(json.loads(trigger.body_schema))
        except (ValueError, RecursionError):
            document = {}
    typed = {"STRING": "A-1001", "NUMBER": 42, "BOOLEAN": True, "JSON": {"any": "value"}}
    for path, name in paths.items():
        document = placed(document, path, typed[name])
    return json.dumps(document, ensure_ascii=False)


def placed(document: Any, path: str, value: Any, *, anew: bool = False) -> Any:
    """``document`` with ``value`` at a JSON path; what stands there stays, unless ``anew``."""
    steps = [int(m[2]) if m[2] else (m[1] or m[3]) for m in _STEP.finditer(path)]
    if not steps:
        return document or value
    holder = document = document if isinstance(document, (dict, list)) else {}
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(holder, list) != isinstance(step, int):
            return document
        if isinstance(holder, list):
            if not isinstance(step, int) or step > 100:
                return document
            holder.extend({} for _ in range(step + 1 - len(holder)))
            here = holder[step] or None
        else:
            here = holder.get(step)
        last = following is None
        if here is None or (anew if last else not isinstance(here, (dict, list))):
            here = value if last else ([] if isinstance(following, int) else {})
            holder[step] = here  # type: ignore[index]
        holder = here
    return document


def instance(schema: Any) -> Any:
    """A document that fits a JSON Schema of draft 4, as far as its keywords say how.

    Patterns are not followed: what has one wants a sample of its own.
    """
    return _instance(schema, schema, _DEPTH)


def _instance(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth == 0:
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        return _instance(_resolved(root, reference), root, depth - 1)
    if "default" in schema:
        return schema["default"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    merged = dict(schema)
    for part in _parts(schema):
        if isinstance(part, dict):
            part = _resolved(root, part["$ref"]) if isinstance(part.get("$ref"), str) else part
            merged = _merged(merged, part if isinstance(part, dict) else {})
    kind = merged.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind is None:
        kind = "object" if "properties" in merged or "required" in merged else ""
    if kind == "object":
        return _object(merged, root, depth)
    if kind == "array":
        items = merged.get("items")
        if isinstance(items, list):
            return [_instance(item, root, depth - 1) for item in items]
        count = min(max(_number(merged, "minItems", 1), 1), 20)
        return [_instance(items or {"type": "string"}, root, depth - 1) for _ in range(int(count))]
    return _scalar(merged, kind)


def _parts(schema: dict[str, Any]) -> list[Any]:
    """All of ``allOf``, and the first choice of the others."""
    parts = list(schema["allOf"]) if isinstance(schema.get("allOf"), list) else []
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            parts += schema[name][:1]
    return parts


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = other | one
    for name, empty in (("properties", dict), ("required", list)):
        if isinstance(one.get(name), empty) and isinstance(other.get(name), empty):
            both[name] = one[name] | other[name] if empty is dict else [*one[name], *other[name]]
    return both


def _object(schema: dict[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    names = [*properties, *(required if isinstance(required, list) else [])]
    if depth < _DEPTH // 2:
        # Deep down only what has to be there: a schema may hold itself.
        names = [name for name in names if name in (required or [])]
    return {str(name): _instance(properties.get(name, {}), root, depth - 1) for name in names}


def _scalar(schema: dict[str, Any], kind: Any) -> Any:
    if kind in ("integer", "number"):
        low, high = _number(schema, "minimum", 1), _number(schema, "maximum", None)
        value = low + 1 if schema.get("exclusiveMinimum") is True else low
        if high is not None and value > high:
            value = high
        if step := _number(schema, "multipleOf", 0):
            value = -(-value // step) * step
        return int(value) if kind == "integer" or value == int(value) else value
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if kind == "string":
        text = _FORMATS.get(str(schema.get("format")), "A-1001")
        low = min(int(_number(schema, "minLength", 0)), 10_000)
        high = int(_number(schema, "maxLength", max(len(text), low)))
        return text.ljust(low, "x")[: max(high, 0)]
    return {}


_FORMATS = {
    "date-time": "2026-01-01T12:00:00Z",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "203.0.113.7",
    "ipv6": "2001:db8::7",
    "uri": "https://example.com/",
}


def _number(schema: dict[str, Any], name: str, default: Any) -> Any:
    value = schema.get(name, default)
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if right and abs(value) < 1e15 else default


def _resolved(root: Any, reference: str) -> Any:
    """What a reference within the schema leads to; {} where nowhere."""
    found = root
    for part in reference.partition("#")[2].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _webhook_headers(trigger: TriggerSpec, preset: webhooks.Preset) -> tuple[tuple[str, str], ...]:
    """The provider's own headers, with an event that the filter lets through."""
    headers = {n: v for n, v in preset.sample_headers if n.lower() not in _SET_BY_CLIENTS}
    if trigger.webhook_filter_source == "HEADER" and trigger.webhook_events:
        headers[trigger.webhook_filter] = trigger.webhook_events[0]
    source, key = webhooks.idempotency_of(trigger)
    if source == "HEADER":
        headers.setdefault(key, "A-1001")
    if trigger.input_mode == "REQUEST":
        for name in trigger.input_headers:
            if name.lower() not in {known.lower() for known in headers} | _SET_BY_CLIENTS:
                headers[name] = "sample"
    return tuple(headers.items())


def _webhook_body(trigger: TriggerSpec, preset: webhooks.Preset) -> str:
    document = json.loads(preset.sample)
    if trigger.webhook_filter_source == "BODY" and trigger.webhook_events:
        event = trigger.webhook_events[0]
        document = placed(document, trigger.webhook_filter, event, anew=True)
    source, key = webhooks.idempotency_of(trigger)
    if source == "BODY":
        document = placed(document, key, "A-1001")
    if document == json.loads(preset.sample):
        return preset.sample
    return json.dumps(document, ensure_ascii=False)
