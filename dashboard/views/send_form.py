"""What the form of Send request on a trigger's page shows."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings

from dashboard import sender, snippets
from dashboard.models import Request, Trigger
from infra import samples
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
    filled, values = _filled(served, typed, sent or (last[0] if last else None))
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
    served: TriggerSpec, typed: Mapping[str, str] | None, last: Request | None
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The form's fields, and the values of the path's variables."""
    names = ("method", "query", "headers", "content_type", "body", "api_key")
    if typed is not None:
        filled = {name: typed.get(name, "") for name in names}
        return filled, {n: typed.get(f"path_{n}", "") for n in path_variables(served.path)}
    fitting = samples.sample(served)
    if last is not None:
        filled = {"method": last.method, "query": last.query, "body": last.body, "api_key": ""}
        filled["headers"] = last.header_lines
        filled["content_type"] = last.content_type or fitting.content_type
        return filled, last.values
    # A key that was used before would lead to the first one's execution.
    fresh = served.idempotency_key if served.idempotency_source == "HEADER" else ""
    filled = {
        "method": fitting.method,
        "query": "&".join(f"{name}={value}" for name, value in fitting.query),
        "headers": "\n".join(
            f"{name}: {uuid4().hex if name == fresh else value}" for name, value in fitting.headers
        ),
        "content_type": fitting.content_type,
        "body": fitting.body,
        "api_key": "",
    }
    return filled, fitting.path
