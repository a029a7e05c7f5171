"""The OpenAPI 3.1 document of a REST API, made of what is deployed.

Pure: from the specification and the base URL alone. Sources: OpenAPI Specification 3.1.1;
API Gateway developer guide, "OpenAPI extensions" for the names of its own schemes.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from infra import samples, schemas, webhooks
from infra.arns import parse_machine_arn
from infra.mapping import CONTENT_TYPE, MEDIA_TYPES
from infra.routes import path_variables, status_path
from infra.security_schemes import security
from infra.spec import ApiSpec, TriggerSpec

Part = dict[str, Any]

ANY = ("get", "put", "post", "delete", "options", "head", "patch")
"""The methods that ANY takes (developer guide, "Set up a method request")."""
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
"""Headers that OpenAPI describes elsewhere: a parameter of that name is ignored."""
_TYPES = {"STRING": "string", "NUMBER": "number", "BOOLEAN": "boolean"}
_ERRORS = {
    "400": "The request is not as this operation wants it.",
    "401": "The caller did not show who they are.",
    "403": "The caller may not call this operation.",
    "404": "There is no such execution.",
    "409": "An execution of this name exists already.",
    "413": "The input is larger than 262,144 bytes.",
    "415": "This content type is not taken.",
    "429": "Too many requests.",
    "500": "API Gateway could not handle the request.",
    "502": "The state machine could not be started, or its workflow failed.",
    "504": "There was no answer in time; the execution may run on.",
}
_WAIT = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds to wait."}}


def document(api: ApiSpec, base_url: str, *, title: str = "") -> Part:
    """The whole document, ready to be written as JSON."""
    components: Part = {
        "schemas": {"Error": _object("error", "message", "requestId")},
        "responses": _responses(),
        "securitySchemes": {},
    }
    paths: dict[str, Part] = {}
    explicit = {(method, path) for t in api.triggers for method, path in t.routes()}
    for trigger in sorted(api.triggers, key=lambda t: (t.path, t.method)):
        _add_schema(trigger, components)
        who = security(trigger, components["securitySchemes"])
        for verb in _verbs(trigger, explicit):
            operation = _operation(trigger, verb, who)
            paths.setdefault(_path(trigger.path), {})[verb] = operation
        if trigger.status_route:
            place = paths.setdefault(_path(status_path(trigger.path)), {})
            place["get"] = _status(trigger, who)
    if not components["securitySchemes"]:
        del components["securitySchemes"]
    return {
        "openapi": "3.1.0",
        "info": {"title": title or api.stack_name, "version": api.sha256()[:12]},
        "servers": [{"url": base_url}] if base_url else [],
        "paths": paths,
        "components": components,
    }


def _path(path: str) -> str:
    """A greedy variable has no form of its own in OpenAPI."""
    return path.replace("+}", "}")


def _verbs(trigger: TriggerSpec, explicit: set[tuple[str, str]]) -> Iterator[str]:
    """A method of its own wins over ANY; OPTIONS is the preflight's where there is CORS."""
    if trigger.method != "ANY":
        yield trigger.method.lower()
        return
    for verb in ANY:
        preflight = verb == "options" and bool(trigger.cors_origins)
        if (verb.upper(), trigger.path) not in explicit and not preflight:
            yield verb


def _object(*names: str, **properties: Part) -> Part:
    """An object with texts under ``names`` and ``properties`` besides; all are required."""
    every = {name: {"type": "string"} for name in names} | properties
    return {"type": "object", "properties": every, "required": list(every)}


def _responses() -> Part:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        f"Error{status}": {"description": text, "content": content}
        | ({"headers": _WAIT} if status == "429" else {})
        for status, text in _ERRORS.items()
    }


# -- one operation ------------------------------------------------------------------------


def _operation(trigger: TriggerSpec, verb: str, who: list[Part]) -> Part:
    machine = parse_machine_arn(trigger.state_machine_arn)
    sync = trigger.action == "StartSyncExecution"
    id = trigger.key if trigger.method != "ANY" else f"{trigger.key}_{verb}"
    operation: Part = {
        "operationId": id,
        "summary": f"{'Run' if sync else 'Start'} {machine.name}",
        "description": _description(trigger),
        "parameters": _parameters(trigger),
        "responses": _answers(trigger),
        "security": who,
    }
    if verb not in ("get", "head", "options") and (body := _request_body(trigger)):
        operation["requestBody"] = body
    return operation


def _description(trigger: TriggerSpec) -> str:
    parts = []
    if trigger.action == "StartSyncExecution":
        parts.append("Answers when the workflow has ended, within 29 seconds.")
    else:
        parts.append("Answers as soon as the execution has started.")
    source, key = trigger.idempotency_source, trigger.idempotency_key
    if trigger.authorization == "SIGNED":
        source, key = webhooks.idempotency_of(trigger)
        preset = webhooks.PRESETS[trigger.webhook_preset]
        parts.append(f"A webhook, signed as by {preset.label}.")
    if source:
        where = "header" if source == "HEADER" else "body's"
        what = "the first one's execution" if trigger.on_repeat == "FIRST" else "409"
        parts.append(
            f"The {where} {key} (1 to 71 characters of A-Z, a-z, 0-9, _ and -) names the "
            f"execution: a repeat answers {what}, until 90 days after it has closed."
        )
    if trigger.authorization == "CUSTOM" and not trigger.authorizer_sources:
        parts.append("A Lambda authorizer decides by the whole request.")
    rate = f"{trigger.throttle_rate:g}"
    parts.append(f"At most {rate} requests a second, {trigger.throttle_burst} at once.")
    return " ".join(parts)


class _Wanted(NamedTuple):
    """One parameter, as one setting of a trigger wants it."""

    place: str
    name: str
    required: bool = True
    kind: str = "string"
    text: str = ""


def _parameters(trigger: TriggerSpec) -> list[Part]:
    """What several settings want is one parameter: required, and of a type, if one says so."""
    credentials = {text.lower() for text in samples.credentials(trigger)}
    found: dict[tuple[str, str], Part] = {}
    for place, name, required, kind, text in _wanted(trigger):
        # The names of headers know no case.
        key = (place, name.lower() if place == "header" else name)
        if place == "header" and (key[1] in _NOT_PARAMETERS or f"header.{key[1]}" in credentials):
            continue
        part = found.setdefault(
            key, {"name": name, "in": place, "required": False, "schema": {"type": "string"}}
        )
        part["required"] |= required
        if kind != "string":
            part["schema"] = {"type": kind}
        if text:
            part["description"] = text
    return list(found.values())


def _wanted(trigger: TriggerSpec) -> Iterator[_Wanted]:
    for name in path_variables(trigger.path):
        greedy = "The rest of the path, slashes included." if f"{{{name}+}}" in trigger.path else ""
        yield _Wanted("path", name, text=greedy)
    if trigger.input_mode == "FIELDS":
        for field in trigger.input_fields:
            if field.source in ("QUERY", "HEADER"):
                kind = _TYPES.get(field.type, "string")
                yield _Wanted(field.source.lower(), field.value, field.required, kind)
    if trigger.input_mode == "REQUEST":
        for name in trigger.input_headers:
            yield _Wanted("header", name, required=False)
    for parameter in trigger.required_parameters:
        place, _, name = parameter.partition(".")
        yield _Wanted(place, name)
    source, key = trigger.idempotency_source, trigger.idempotency_key
    if trigger.authorization == "SIGNED":
        source, key = webhooks.idempotency_of(trigger)
        if stamp := webhooks.signature_of(trigger).timestamp_header:
            yield _Wanted("header", stamp, text="When it was signed, in Unix seconds.")
        if trigger.webhook_filter_source == "HEADER":
            yield _Wanted("header", trigger.webhook_filter, required=False)
    if source == "HEADER":
        yield _Wanted("header", key, text="Names the execution.")


def _request_body(trigger: TriggerSpec) -> Part | None:
    reads = trigger.input_mode in ("BODY", "REQUEST", "VTL") or bool(trigger.body_schema)
    paths = {f.value: f for f in trigger.input_fields if f.source == "BODY"}
    if trigger.input_mode != "FIELDS":
        paths = {}
    keyed = trigger.idempotency_source == "BODY"
    if not (reads or paths or keyed):
        return None
    content: Part = {}
    for kind in trigger.content_types:
        content[MEDIA_TYPES[kind]] = {"schema": _body_schema(trigger, kind)}
        one = trigger.model_copy(update={"content_types": (kind,), "method": "POST"})
        if body := samples.sample(one).body:
            content[MEDIA_TYPES[kind]]["example"] = json.loads(body) if kind == "JSON" else body
    required = bool(trigger.body_schema) or keyed or any(f.required for f in paths.values())
    return {"content": content, "required": required}


def _body_schema(trigger: TriggerSpec, kind: str) -> Part:
    if kind == "FORM":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if kind == "TEXT":
        return {"type": "string"}
    if trigger.body_schema:
        return {"$ref": f"#/components/schemas/Body_{trigger.key}"}
    if trigger.input_mode != "FIELDS":
        return {}
    root: Part = {"type": "object"}
    for field in trigger.input_fields:
        if field.source == "BODY":
            _place(root, field.value, field.type, required=field.required)
    return root


def _place(root: Part, path: str, kind: str, *, required: bool) -> None:
    """Describe what stands at ``path``, where each of its steps is a name."""
    names = re.findall(r"\.([\w-]+)|\['([^']+)'\]", path)
    if not names or "[" in re.sub(r"\['[^']+'\]", "", path):
        return
    holder = root
    for number, (plain, quoted) in enumerate(names):
        name, last = plain or quoted, number == len(names) - 1
        if required and name not in (wanted := holder.setdefault("required", [])):
            wanted.append(name)
        here = holder.setdefault("properties", {}).setdefault(name, {})
        if last and kind in _TYPES:
            here.setdefault("type", _TYPES[kind] if required else [_TYPES[kind], "null"])
        elif not last:
            here["type"] = "object"
            holder = here


def _add_schema(trigger: TriggerSpec, components: Part) -> None:
    if trigger.body_schema:
        at = f"/components/schemas/Body_{trigger.key}"
        made = schemas.upgraded(json.loads(trigger.body_schema), at)
        components["schemas"][f"Body_{trigger.key}"] = made


# -- answers ------------------------------------------------------------------------------


def _answers(trigger: TriggerSpec) -> Part:
    success: Part = {"description": "The execution has started."}
    if trigger.action == "StartSyncExecution":
        success["description"] = "The workflow has succeeded."
    headers: Part = {
        name: {"schema": {"type": "string", "const": value}}
        for name, value in samples.answer_headers(trigger, success=True).items()
        if name != "Content-Type"
    }
    if len(trigger.cors_origins) > 1:
        headers["Access-Control-Allow-Origin"] = {
            "schema": {"type": "string", "enum": list(trigger.cors_origins)}
        }
    if trigger.status_route:
        headers["Location"] = {
            "schema": {"type": "string"},
            "description": "Where the execution is read.",
        }
    if headers:
        success["headers"] = headers
    if (schema := _answer_schema(trigger)) is not None:
        success["content"] = {CONTENT_TYPE: schema}
    answers = {str(trigger.response_status): success}
    answers |= {s: {"$ref": f"#/components/responses/Error{s}"} for s in _error_statuses(trigger)}
    if trigger.action == "StartSyncExecution":
        named: dict[str, list[str]] = {}
        for error, code in (*trigger.error_statuses, ("any other error", trigger.error_default)):
            named.setdefault(str(code), []).append(error)
        for status, errors in named.items():
            text = f"The workflow failed: {', '.join(errors)}."
            answers[status] = _error_answer(text, status)
    return dict(sorted(answers.items()))


def _error_answer(text: str, status: str) -> Part:
    known = f"{_ERRORS[status]} {text}" if status in _ERRORS else text
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": known, "content": content}


def _answer_schema(trigger: TriggerSpec) -> Part | None:
    """The media type object of a success; None where it has no body."""
    mode = trigger.response_mode
    if mode == "EMPTY":
        return None
    if mode == "FIXED":
        return {"schema": {}, "example": json.loads(trigger.response_body)}
    if mode == "EXECUTION":
        schema = _object("executionArn", "requestId", startDate={"type": "number"})
        # A repeat answers the first one's ARN, without its date.
        schema["required"] = ["executionArn", "requestId"]
        if trigger.authorization == "SIGNED":
            return {"schema": {"type": "object", "properties": schema["properties"]}}
        return {"schema": schema}
    if mode == "OUTPUT" and trigger.response_path:
        kind = _TYPES[trigger.response_type]
        return {"schema": {"type": kind if kind == "string" else [kind, "null"]}}
    return {"schema": {}}


def _error_statuses(trigger: TriggerSpec) -> list[str]:
    statuses = {"400", "403", "413", "429", "500", "502", "504"}
    if trigger.authorization in ("COGNITO_USER_POOLS", "CUSTOM", "SIGNED"):
        statuses.add("401")
    if trigger.authorization != "SIGNED":
        statuses.add("415")
    if trigger.on_repeat == "CONFLICT" and trigger.idempotency_source:
        statuses.add("409")
    return sorted(statuses)


def _status(trigger: TriggerSpec, who: list[Part]) -> Part:
    """``GET <path>/executions/{name}``."""
    schema = _object("name", "requestId", startDate={"type": "number"})
    schema["properties"] |= {
        "status": {
            "type": "string",
            "enum": ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"],
        },
        "stopDate": {"type": ["number", "null"]},
        "output": {"description": "What the workflow came to."},
        "error": {"type": ["string", "null"]},
        "cause": {"type": ["string", "null"]},
    }
    schema["required"] = list(schema["properties"])
    names = path_variables(status_path(trigger.path))
    errors = ["403", "404", "429", "500", "502", "504"]
    if trigger.authorization in ("COGNITO_USER_POOLS", "CUSTOM"):
        errors.append("401")
    answers = {s: {"$ref": f"#/components/responses/Error{s}"} for s in sorted(errors)}
    success = {"description": "How it stands.", "content": {CONTENT_TYPE: {"schema": schema}}}
    return {
        "operationId": f"{trigger.key}_status",
        "summary": "How one execution stands",
        "description": f"Of executions that {trigger.method} {trigger.path} has started.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ],
        "responses": {"200": success, **answers},
        "security": who,
    }
