"""What the form of Send request on a trigger's page shows."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings

from dashboard import sender, snippets
from dashboard.models import Request, Trigger
from infra import samples, schemas, webhooks
from infra.mapping import MEDIA_TYPES
from infra.routes import path_variables
from infra.spec import TriggerSpec
from infra.started import execution_name

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LAST = 10
"""How many of the last requests the page lists."""


def context(
    trigger: Trigger,
    served: TriggerSpec,
    base_url: str,
    *,
    sent: Request | None,
    typed: Mapping[str, str] | None,
) -> dict[str, Any]:
    """The form filled with what was ``typed``, with the request shown, or with a sample."""
    last = list(trigger.requests.all()[:LAST])
    filled, values = _filled(served, typed, sent, last[0] if last else None)
    media = [MEDIA_TYPES[kind] for kind in served.content_types]
    if filled["content_type"] not in media:
        media.append(filled["content_type"])
    keys = trigger.rest_api.api_keys.valid() if served.authorization == "API_KEY" else []
    return {
        "filled": filled,
        "served": served,
        "variables": [
            (name, values.get(name, samples.PATH_VALUE)) for name in path_variables(served.path)
        ],
        "methods": METHODS,
        "content_types": media,
        "api_keys": list(keys),
        "credentials": [name for _, name in sender.typed_credentials(served)],
        "body_unused": not samples.sample(served.model_copy(update={"method": "POST"})).body,
        "json_only": served.content_types == ("JSON",),
        "execution_name": _started_name(served, sent),
        "last_requests": last,
        "snippets": snippets.snippets(served, base_url),
        "local_aws": settings.LOCAL_AWS,
    }


def _started_name(served: TriggerSpec, sent: Request | None) -> str:
    """The name of an execution whose ARN nobody told: one of an EXPRESS state machine."""
    if sent is None or sent.was_refused or sent.execution_arn or not sent.request_id:
        return ""
    return execution_name(served, sent.request_id, sent.headers, sent.body)


def _filled(
    served: TriggerSpec,
    typed: Mapping[str, str] | None,
    sent: Request | None,
    last: Request | None,
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The form's fields, and the values of the path's variables."""
    names = ("method", "query", "headers", "content_type", "body", "api_key")
    if typed is not None:
        filled = {name: typed.get(name, "") for name in names}
        return filled, {n: typed.get(f"path_{n}", "") for n in path_variables(served.path)}
    fitting = samples.sample(served)
    source, key = webhooks.idempotency_of(served)
    if known := sent or last:
        lines = known.header_lines
        if source == "HEADER" and not sent:
            lines = _with_fresh(lines, key)
        filled = {
            "method": known.method,
            "query": known.query,
            "headers": lines,
            "content_type": known.content_type or fitting.content_type,
            "body": known.body,
            "api_key": "",
        }
        return filled, known.values
    lines = "\n".join(f"{name}: {value}" for name, value in fitting.headers)
    filled = {
        "method": fitting.method,
        "query": "&".join(f"{name}={value}" for name, value in fitting.query),
        "headers": _with_fresh(lines, key) if source == "HEADER" else lines,
        "content_type": fitting.content_type,
        "body": _with_fresh_id(served, fitting.body, key) if source == "BODY" else fitting.body,
        "api_key": "",
    }
    return filled, fitting.path


def _with_fresh(lines: str, name: str) -> str:
    """The header lines with a new idempotency key: one that was used leads to its execution."""
    others = [
        line
        for line in lines.splitlines()
        if line.partition(":")[0].strip().lower() != name.lower()
    ]
    return "\n".join([*others, f"{name}: {uuid4().hex}"])


def _with_fresh_id(served: TriggerSpec, body: str, path: str) -> str:
    """The sample body with a new idempotency key at a JSON path, where a text fits there."""
    try:
        document = samples.placed(json.loads(body), path, uuid4().hex, anew=True)
    except ValueError:  # a form
        return body
    fresh = json.dumps(document, indent=2, ensure_ascii=False)
    numbered = {row.value for row in served.input_fields if row.type in ("NUMBER", "BOOLEAN")}
    misfit = served.body_schema and schemas.problem(served.body_schema, fresh)
    return body if misfit or path in numbered else fresh
