"""Bytes of a template with one trigger of each kind, and of each trigger more.

CloudFormation takes 51,200 bytes of it in a call; how many triggers that is, the last column says.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from bench import place, table
from infra.spec import ApiSpec, TriggerSpec

INLINE_BYTES = 51_200
"""What a ``TemplateBody`` may have at most (CloudFormation quotas)."""
_MORE = 5
_FIELDS = [{"name": f"field{n}", "source": "BODY", "value": f"$.order.f{n}"} for n in range(10)]
_SCHEMA = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {}}}},
    },
}
KINDS: dict[str, dict[str, Any]] = {
    "IAM, request body": {},
    "no authorization": {"authorization": "NONE"},
    "API key": {"authorization": "API_KEY"},
    "Cognito user pool": {
        "authorization": "COGNITO_USER_POOLS",
        "user_pool_arns": ("arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Ab1",),
    },
    "Lambda authorizer": {
        "authorization": "CUSTOM",
        "authorizer_arn": "arn:aws:lambda:us-east-1:000000000000:function:authorize",
    },
    "signed webhook": {"authorization": "SIGNED", "webhook_preset": "STRIPE"},
    "fixed JSON": {"input_mode": "FIXED", "input_template": '{"source": "api"}'},
    "whole request, three headers": {
        "input_mode": "REQUEST",
        "input_headers": ("X-Tenant", "X-Trace", "User-Agent"),
    },
    "ten mapped fields": {"input_mode": "FIELDS", "input_fields": _FIELDS},
    "JSON, form and text": {"content_types": ("JSON", "FORM", "TEXT")},
    "schema and required header": {
        "body_schema": json.dumps(_SCHEMA),
        "required_parameters": ("header.X-Tenant",),
    },
    "idempotency key": {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"},
    "CORS, one origin": {"cors_origins": ("https://shop.example.com",)},
    "CORS, three origins": {"cors_origins": tuple(f"https://{n}.example.com" for n in "abc")},
    "status route": {"status_route": True},
    "synchronous, three error names": {
        "machine_type": "EXPRESS",
        "action": "StartSyncExecution",
        "response_mode": "OUTPUT",
        "response_status": 200,
        "error_statuses": (("NotFound", 404), ("Invalid", 422), ("Gone", 410)),
    },
    "most of it at once": {
        "input_mode": "FIELDS",
        "input_fields": _FIELDS,
        "body_schema": json.dumps(_SCHEMA),
        "required_parameters": ("header.X-Tenant",),
        "idempotency_source": "HEADER",
        "idempotency_key": "Idempotency-Key",
        "cors_origins": ("https://a.example.com", "https://b.example.com"),
        "status_route": True,
    },
}
"""Kind → what differs from a POST with IAM that starts a machine with its body."""


def main() -> None:
    place.end_well()
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(place.environ(Path(directory)))
        print(_report({name: (_size(1, kind), _size(1 + _MORE, kind)) for name, kind in _kinds()}))


def _kinds() -> list[tuple[str, dict[str, Any]]]:
    return [(name, {"authorization": "AWS_IAM"} | fields) for name, fields in KINDS.items()]


def _size(count: int, fields: dict[str, Any]) -> int:
    """Bytes of the template of ``count`` such triggers, as it is sent."""
    # Only here: it wants the settings of this run.
    from deployer.synth import synth

    triggers = tuple(
        TriggerSpec(
            **{
                "key": f"bench{number:03}",
                "method": "POST",
                "path": f"/service-{number:02}/orders",
                "state_machine_arn": "arn:aws:states:us-east-1:000000000000:"
                f"stateMachine:order-fulfilment-{number:02}",
                "input_mode": "BODY",
            }
            | fields
        )
        for number in range(count)
    )
    spec = ApiSpec(
        instance="bench",
        key="benchapi",
        account="000000000000",
        region="us-east-1",
        triggers=triggers,
    )
    made = synth.template(spec, waiting=lambda: None)
    return len(json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode())


def _report(sizes: dict[str, tuple[int, int]]) -> str:
    rows = []
    for name, (one, many) in sizes.items():
        each = round((many - one) / _MORE)
        fit = 1 + (INLINE_BYTES - one) // each
        rows.append([name, f"{one:,}", f"{each:,}", str(fit)])
    head = ["", "one trigger", "each more", f"fit into {INLINE_BYTES:,}"]
    return f"Templates by kind of trigger. Bytes.\n{table.text(head, rows)}"


if __name__ == "__main__":
    main()
