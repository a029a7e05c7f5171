"""What in one trigger is wrong, or does not go with another choice of it.

Each finding names the field that a person can mend and says why in words.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from infra import checks
from infra.arns import check_function_arn
from infra.routes import check_path, path_variables, status_path

if TYPE_CHECKING:
    from infra.spec import TriggerSpec


def misfits(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    """Field and reason of each value that is wrong, or does not go with another one."""
    yield from _who_misfits(spec)
    yield from _webhook_misfits(spec)
    yield from _input_misfits(spec)
    yield from _answer_misfits(spec)
    yield from _reserved(spec)


def _reserved(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    """What a person typed reaches a template: nothing of it may mean something there."""
    for field, value in spec:
        for mark, reason in checks.RESERVED.items():
            if mark in str(value):
                yield field, f"“{mark}” cannot stand here: {reason}."


def _wrong(field: str, check: Callable[..., object], *values: str) -> Iterator[tuple[str, str]]:
    try:
        check(*values)
    except ValueError as error:
        yield field, str(error)


def _who_misfits(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    if spec.authorization == "COGNITO_USER_POOLS" and not spec.user_pool_arns:
        yield "user_pool_arns", "Name at least one user pool."
    if spec.authorization != "CUSTOM":
        return
    yield from _wrong("authorizer_arn", check_function_arn, spec.authorizer_arn)
    sources = spec.authorizer_sources
    if spec.authorizer_type == "REQUEST":
        if spec.authorizer_ttl and not sources:
            yield (
                "authorizer_sources",
                "Answers can be kept only per source: name one, or keep them for 0 s.",
            )
    elif len(sources) != 1 or not sources[0].startswith("header."):
        yield "authorizer_sources", "A TOKEN authorizer takes one header: header.Authorization."


def _webhook_misfits(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    if spec.authorization != "SIGNED":
        return
    if spec.input_mode not in ("BODY", "REQUEST"):
        yield "input_mode", "A signed webhook's input is its body, or its body and headers."
    if spec.method in ("GET", "DELETE"):
        yield "method", "A signed webhook is a POST: choose POST, PUT or PATCH."
    if spec.action == "StartSyncExecution":
        yield "action", "Providers do not wait for a workflow: choose StartExecution."
    if spec.response_mode not in ("EXECUTION", "FIXED", "EMPTY"):
        yield "response_mode", "A signed webhook answers the execution, fixed JSON or nothing."
    if spec.body_schema:
        yield "body_schema", "A signed webhook is checked by its signature, not by a schema."
    if spec.required_parameters:
        yield "required_parameters", "A signed webhook is checked by its signature alone."
    if spec.cors_origins:
        yield "cors_origins", "A signed webhook is called by a server: it needs no CORS."
    if spec.status_route:
        yield "status_route", "A signed webhook's caller cannot sign a GET: no status route."
    if spec.webhook_filter_source:
        yield from _wrong(
            "webhook_filter", checks.check_source, spec.webhook_filter_source, spec.webhook_filter
        )
        if not spec.webhook_events:
            yield "webhook_events", "Name the events that start an execution, or take every event."
    if "TEXT" in spec.content_types:
        yield "content_types", "A signed webhook's body is JSON or a form."
    if spec.webhook_preset == "HMAC":
        yield from _wrong("webhook_prefix", checks.check_prefix, spec.webhook_prefix)
        yield from _wrong("webhook_header", checks.check_header, spec.webhook_header)
        if spec.webhook_timestamp_header:
            yield from _wrong(
                "webhook_timestamp_header", checks.check_header, spec.webhook_timestamp_header
            )


def _input_misfits(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    if spec.input_mode == "FIXED":
        yield from _wrong("input_template", checks.check_json, spec.input_template)
    if spec.input_mode == "VTL" and not spec.input_template.strip():
        yield "input_template", "Write the mapping template."
    if spec.input_mode == "FIELDS":
        names = [field.name for field in spec.input_fields]
        if not names:
            yield "input_fields", "Map at least one field."
        if twice := {name for name in names if names.count(name) > 1}:
            yield "input_fields", f"Each field is mapped once: {', '.join(sorted(twice))}."
        for field in spec.input_fields:
            if field.source == "PATH" and field.value not in path_variables(spec.path):
                yield (
                    "input_fields",
                    f"{field.name}: {spec.path} has no variable {{{field.value}}}.",
                )
    if not spec.content_types:
        yield "content_types", "Take at least one content type."
    elif spec.method in ("GET", "DELETE") and "JSON" not in spec.content_types:
        yield (
            "content_types",
            "A request without a body has no content type, which API Gateway takes for JSON: "
            "take JSON too.",
        )
    if spec.body_schema:
        yield from _wrong("body_schema", checks.check_schema, spec.body_schema)
    if spec.content_types != ("JSON",) and spec.authorization != "SIGNED":
        reads = spec.idempotency_source == "BODY"
        reads |= spec.input_mode == "FIELDS" and any(
            field.source == "BODY" for field in spec.input_fields
        )
        if spec.body_schema:
            yield (
                "content_types",
                "With a schema only JSON is taken: API Gateway checks no other content type.",
            )
        elif reads:
            yield "content_types", "A JSON path reads JSON only: take no other content type."
    if spec.idempotency_source:
        yield from _wrong(
            "idempotency_key", checks.check_source, spec.idempotency_source, spec.idempotency_key
        )
        if spec.machine_type == "EXPRESS":
            yield (
                "idempotency_source",
                "AWS offers no idempotency for EXPRESS: the same name starts a second execution.",
            )


def _answer_misfits(spec: "TriggerSpec") -> Iterator[tuple[str, str]]:
    sync = spec.action == "StartSyncExecution"
    if sync and spec.machine_type != "EXPRESS":
        yield "action", "Only an EXPRESS state machine can be waited for: choose StartExecution."
    if spec.response_mode == "EXECUTION" and sync:
        yield "response_mode", "An execution that has ended answers its output: choose “Output”."
    if spec.response_mode == "OUTPUT" and not sync:
        yield "response_mode", "There is no output yet when it starts: choose “Execution”."
    if spec.response_mode == "FIXED":
        yield from _wrong("response_body", checks.check_json, spec.response_body)
    if spec.response_path:
        yield from _wrong("response_path", checks.check_json_path, spec.response_path)
    if spec.status_route:
        if spec.machine_type == "EXPRESS":
            yield "status_route", "AWS describes no EXPRESS execution: this needs a STANDARD one."
        yield from _wrong("status_route", check_path, status_path(spec.path))
