"""The Definition tab: everything a trigger is, and what is generated of it."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard import aws
from dashboard.models import RestApi, Trigger
from dashboard.models.rest_api import shown
from dashboard.views.triggers import frame, get_trigger, with_parts
from infra import mapping
from infra.spec import TriggerSpec

QUESTIONS = {
    "What starts": ("state_machine_arn", "machine_type", "method", "path"),
    "Who may call": (
        "authorization",
        "user_pool_arns",
        "scopes",
        "authorizer_arn",
        "authorizer_type",
        "authorizer_sources",
        "authorizer_ttl",
        "webhook_preset",
        "webhook_header",
        "webhook_algorithm",
        "webhook_encoding",
        "webhook_prefix",
        "webhook_timestamp_header",
        "webhook_tolerance",
        "webhook_filter_source",
        "webhook_filter",
        "webhook_events",
        "throttle_rate",
        "throttle_burst",
        "cors_origins",
    ),
    "What goes in": (
        "input_mode",
        "input_template",
        "input_headers",
        "input_claims",
        "input_fields",
        "content_types",
        "body_schema",
        "required_parameters",
        "idempotency_source",
        "idempotency_key",
        "on_repeat",
    ),
    "What comes back": (
        "action",
        "response_mode",
        "response_status",
        "response_body",
        "response_path",
        "response_type",
        "response_headers",
        "error_statuses",
        "error_default",
        "status_route",
    ),
}
"""In the order of the form; what a choice leaves unused is not shown."""


@require_safe
def definition(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    context = frame(trigger, "definition") | {
        "definition": _by_question(trigger),
        "templates": _templates(trigger.spec()),
        **_stack_template(trigger.rest_api),
    }
    return render(request, "trigger_definition.html", with_parts(request, context))


def _by_question(trigger: Trigger) -> list[tuple[str, list[tuple[str, str]]]]:
    used = trigger.spec_values()
    return [
        (question, [(Trigger.DEPLOYED_FIELDS[n], _value(trigger, n)) for n in names if n in used])
        for question, names in QUESTIONS.items()
    ]


def _value(trigger: Trigger, name: str) -> str:
    value = getattr(trigger, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(shown(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    label = getattr(trigger, f"get_{name}_display", None)
    return str(label() if label else value)


def _templates(spec: TriggerSpec) -> list[tuple[str, str]]:
    """Title and text of each mapping template; a signed webhook has none."""
    if spec.authorization == "SIGNED":
        return []
    found = [
        *((f"Request: {kind}", text) for kind, text in mapping.request_templates(spec).items()),
        ("Response", mapping.response_template(spec)),
        ("Response to an error", mapping.error_template(spec)),
    ]
    if spec.status_route:
        found += [
            ("Status route: request", mapping.status_request_template(spec)),
            ("Status route: response", mapping.status_response_template(spec)),
            ("Status route: response to an error", mapping.status_error_template(spec)),
        ]
    return found


def _stack_template(rest_api: RestApi) -> dict[str, Any]:
    """The stack's template as CloudFormation has it, or why it cannot be shown."""
    if not rest_api.stack_id:
        return {"template": ""}
    try:
        answer = aws.call(
            rest_api.environment,
            "cloudformation",
            "get_template",
            StackName=rest_api.stack_id,
            TemplateStage="Original",
        )
    except aws.AwsError as error:
        return {"template_error": error}
    body = answer["TemplateBody"]
    return {"template": body if isinstance(body, str) else json.dumps(body, indent=2)}
