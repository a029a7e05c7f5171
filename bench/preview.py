"""The preview beside the form, and how much template each kind of trigger takes.

The form is posted to the preview as the page does it while somebody types: middleware,
form, mapping templates and page included. The embedded AWS answers for the state machine.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from bench import place, table

REQUESTS = 100
P95_MILLISECONDS = 50
_WARM_UPS = 5
_ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:"
_FIELDS = [
    {"name": f"field{n}", "source": source, "value": value, "type": kind, "required": True}
    for n, (source, value, kind) in enumerate(
        [
            ("BODY", "$.order.id", "STRING"),
            ("BODY", "$.order.total", "NUMBER"),
            ("BODY", "$.order.items", "JSON"),
            ("QUERY", "page", "NUMBER"),
            ("HEADER", "X-Tenant", "STRING"),
            ("PATH", "id", "STRING"),
            ("CONTEXT", "sourceIp", "STRING"),
        ]
    )
]
_SCHEMA = {
    "type": "object",
    "required": ["orderId"],
    "properties": {
        "orderId": {"type": "string", "pattern": "^[A-Z]-[0-9]+$", "default": "A-1001"},
        "items": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
}
_VTL = (
    f'{{"stateMachineArn": "{_ARN}order-fulfilment", "name": "bench000-$context.requestId", '
    '"input": "$util.escapeJavaScript($input.json(\'$\'))"}'
)
_KEYED = {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"}
_SYNC = {
    "state_machine_arn": f"{_ARN}quote",
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
    "response_status": 200,
    "error_statuses": [["OrderNotFound", 404], ["Busy", 429]],
}
KINDS: dict[str, dict[str, Any]] = {
    "request body": {},
    "fixed JSON": {"input_mode": "FIXED", "input_template": '{"a": 1}'},
    "whole request, three content types": {
        "input_mode": "REQUEST",
        "input_headers": ["X-Tenant", "User-Agent"],
        "content_types": ["JSON", "FORM", "TEXT"],
    },
    "field mapping, 7 fields": {"input_mode": "FIELDS", "input_fields": _FIELDS},
    "raw VTL": {"input_mode": "VTL", "input_template": _VTL},
    "JSON Schema": {"body_schema": json.dumps(_SCHEMA)},
    "idempotent, status route, CORS": _KEYED
    | {"status_route": True, "cors_origins": ["https://a.example", "https://b.example"]},
    "waits for the output": _SYNC,
    "IAM": {"authorization": "AWS_IAM"},
    "API key": {"authorization": "API_KEY"},
    "signed webhook (Stripe)": {"authorization": "SIGNED", "webhook_preset": "STRIPE"},
}


def main() -> None:
    place.end_well()
    with tempfile.TemporaryDirectory() as directory:
        local_dir = Path(directory)
        env = place.environ(local_dir)
        # Django reads its settings once: what this process inherited must be gone by then.
        for name in os.environ.keys() - env.keys():
            del os.environ[name]
        os.environ.update(env)
        django.setup()
        with (local_dir / "first-run").open("w") as quiet:
            call_command("first_run", stdout=quiet)
        with place.running(("aws",), env, local_dir / "log"):
            print(_report())


def _report() -> str:
    # Only here: the models want the settings of this run.
    from dashboard.models import Trigger
    from deployer.synth import synth

    rows, whole = [], []
    try:
        for label, fields in KINDS.items():
            trigger = _trigger(Trigger, fields)
            milliseconds = _measure(trigger)
            whole += milliseconds
            first, second = _template_bytes(synth, trigger)
            rows.append([label, *_figures(milliseconds), f"{first:,}", f"{second - first:,}"])
        large = _measure(_trigger(Trigger, {}), sample_body=json.dumps(["x" * 90] * 2_100))
        rows.append(["request body of 200 KB", *_figures(large), "", ""])
    finally:
        synth.stop()
    rows.append(["all but the last", *_figures(whole), "", ""])
    head = ["", "p50 ms", "p95 ms", "template, bytes", "each further one"]
    return "\n".join(
        [
            f"One preview as one types, {REQUESTS} of each kind; and the template of a REST API "
            "with one such trigger.",
            table.text(head, rows),
            "",
            f"Wanted: p95 at most {P95_MILLISECONDS} ms.",
        ]
    )


def _trigger(model: Any, fields: dict[str, Any]) -> Any:
    values = {
        "key": "bench000",
        "name": "orders",
        "method": "POST",
        "path": "/orders/{id}",
        "state_machine_arn": f"{_ARN}order-fulfilment",
        "authorization": "NONE",
        "public_reason": "a benchmark",
        "response_body": "{}",
    }
    return model(**(values | fields))


def _measure(trigger: Any, **sample: str) -> list[float]:
    """Milliseconds of each preview of the form, as it would be posted for ``trigger``."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    from dashboard.forms import TriggerForm
    from dashboard.models import Environment

    form = TriggerForm(
        initial={
            name: getattr(trigger, name)
            for name in TriggerForm.base_fields
            if name != "rest_api" and hasattr(trigger, name)
        }
    )
    posted = {name: form[name].value() for name in form.fields}
    posted |= {"key": trigger.key, "environment": Environment.objects.get().pk} | sample
    posted = {name: value for name, value in posted.items() if value is not None}
    client = Client(headers={"host": "127.0.0.1", "HX-Request": "true"})
    client.force_login(get_user_model().objects.get(username="admin"))
    path = reverse("trigger_preview")
    milliseconds = []
    for number in range(-_WARM_UPS, REQUESTS):
        began = time.perf_counter()
        answer = client.post(path, posted)
        if number >= 0:
            milliseconds.append((time.perf_counter() - began) * 1000)
    page = answer.content.decode()
    if answer.status_code != 200 or "No execution:" in page or 'class="field-error"' in page:
        raise RuntimeError(f"{trigger}: {answer.status_code} {page}")
    return milliseconds


def _figures(milliseconds: list[float]) -> list[str]:
    return [f"{table.percentile(milliseconds, share):.1f}" for share in (0.5, 0.95)]


def _template_bytes(synth: Any, trigger: Any) -> tuple[int, int]:
    """Of a REST API with this trigger, and of one with two of it."""
    from infra.spec import ApiSpec

    first = trigger.spec()
    second = first.model_copy(update={"key": "bench001", "path": "/refunds/{id}"})
    sizes = []
    for triggers in ((first,), (first, second)):
        spec = ApiSpec(
            instance="bench",
            key="bench000",
            account="000000000000",
            region="us-east-1",
            triggers=triggers,
        )
        template = synth.template(spec, waiting=lambda: None)
        sizes.append(len(json.dumps(template, separators=(",", ":")).encode()))
    return sizes[0], sizes[1]


if __name__ == "__main__":
    main()
