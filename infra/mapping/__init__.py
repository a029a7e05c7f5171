"""Writes the VTL mapping templates of a route. Pure text in, pure text out.

Two rules hold everywhere. What a person typed reaches a template only as JSON with
``$`` and ``#`` written as ``\\u0024`` and ``\\u0023``, or as a name that ``infra.checks``
let through, so Velocity finds nothing to run in it. What a caller sent reaches it only
through ``$util.escapeJavaScript``, or where a pattern has shown that it is a plain number.
The one exception is raw VTL, which a person writes as a whole.
"""

from infra.mapping.request import refusals, request_template, request_templates
from infra.mapping.response import (
    error_template,
    fault_template,
    gateway_response_template,
    response_template,
)
from infra.mapping.status import (
    status_error_template,
    status_request_template,
    status_response_template,
)
from infra.mapping.vtl import CONTENT_TYPE, MEDIA_TYPES

__all__ = [
    "CONTENT_TYPE",
    "MEDIA_TYPES",
    "error_template",
    "fault_template",
    "gateway_response_template",
    "refusals",
    "request_template",
    "request_templates",
    "response_template",
    "status_error_template",
    "status_request_template",
    "status_response_template",
]
