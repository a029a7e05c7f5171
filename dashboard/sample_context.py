"""``$context`` of a sample request: what API Gateway knows of a call beside the call itself."""

from collections.abc import Mapping
from typing import Any

from infra import samples
from infra.samples import Sample
from infra.spec import TriggerSpec

SAMPLE_ID = "JKJaXmPLvHcESHA="


def header_of(headers: Mapping[str, str], name: str) -> str:
    """The value of a header; ``name`` in lower case."""
    return next((v for n, v in headers.items() if n.lower() == name), "")


def sample_context(
    spec: TriggerSpec, sample: Sample, *, account: str, stage: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """The values that a deployed route would have, as far as anybody can know them before.

    Source: API Gateway developer guide, "Variables for data transformations".
    """
    values: dict[str, str] = {}
    claims: dict[str, str] = {}
    names = [*spec.input_claims]
    types: dict[str, str] = {}
    for row in spec.input_fields:
        if row.source == "CONTEXT" and row.value.startswith("authorizer."):
            names.append(name := row.value.removeprefix("authorizer."))
            types[name] = row.type
    for name in names:
        plain = name.removeprefix("claims.")
        value = f"sample-{plain}"
        if types.get(name) in ("NUMBER", "BOOLEAN"):
            value = samples.VALUES[types[name]]
        (claims if name.startswith("claims.") else values)[plain] = value
    path = samples.filled_path(spec.path, sample.path)
    return {
        "accountId": account,
        "apiId": "a1b2c3d4e5",
        "authorizer": values | {"claims": claims},
        "extendedRequestId": SAMPLE_ID,
        "httpMethod": sample.method,
        "identity": {
            "sourceIp": "203.0.113.7",
            "userAgent": header_of(headers, "user-agent") or "curl/8.0",
            "userArn": f"arn:aws:iam::{account}:user/caller",
            "apiKeyId": "k1e2y3i4d5",
        },
        "path": f"/{stage}{path}",
        "requestId": "7d9c1f64-6f0c-4a3a-8d0e-2f1e5b7a9c10",
        "requestTimeEpoch": 1767225600000,
        "resourcePath": spec.path,
        "stage": stage,
    }
