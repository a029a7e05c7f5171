"""What of a trigger reaches the function of a signed webhook, and how it is inlined."""

import ast
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

from infra.webhooks import (
    PRESETS,
    Signature,
    config,
    config_of,
    idempotency_of,
    signature_of,
    source,
)
from tests.local_aws import machine_arn, trigger


def test_settings_that_lambda_would_not_take_are_refused_with_their_size() -> None:
    settings: dict[str, Any] = {
        "secret_name": "stepgate/shop/order123",
        "machine_arn": machine_arn("orders"),
        "trigger_key": "order123",
        "signature": PRESETS["STRIPE"].signature,
        "response_mode": "FIXED",
    }
    sizes = []
    for length in range(2_000, 4_096):
        try:
            text = config(**settings, response_body=json.dumps("a" * length))
        except ValueError as error:
            assert "bytes; Lambda takes 4,096. Shorten the fixed answer" in str(error)
            break
        sizes.append(len(json.dumps({"CONFIG": text})))
    assert max(sizes) == 4_096


def test_a_triggers_settings_reach_the_function() -> None:
    fields: dict[str, Any] = {
        "authorization": "SIGNED",
        "webhook_filter_source": "HEADER",
        "webhook_filter": "X-Kind",
        "webhook_events": ("a",),
        "idempotency_source": "BODY",
        "idempotency_key": "$.id",
        "on_repeat": "CONFLICT",
        "input_mode": "REQUEST",
        "input_headers": ("X-Tenant",),
        "response_mode": "FIXED",
        "response_body": "[1]",
        "response_status": 201,
        "response_headers": (("X-Shop", "one"),),
    }
    stripe = trigger(**fields, webhook_preset="STRIPE", webhook_tolerance=9)
    assert signature_of(stripe) == replace(PRESETS["STRIPE"].signature, tolerance=9)
    assert (
        json.loads(config_of(stripe, "a-secret")).items()
        >= {
            "secret": "a-secret",
            "machine": machine_arn("order-fulfilment"),
            "key": "order123",
            "header": "Stripe-Signature",
            "tolerance": 9,
            "filter": ["HEADER", "X-Kind"],
            "events": ["a"],
            "idempotency": ["BODY", "$.id"],
            "on_repeat": "CONFLICT",
            "with_headers": True,
            "input_headers": ["X-Tenant"],
            "status": 201,
            "headers": {"X-Shop": "one"},
            "body": "[1]",
        }.items()
    )
    own = trigger(
        authorization="SIGNED",
        webhook_header="X-Hash",
        webhook_algorithm="sha512",
        webhook_encoding="base64",
        webhook_prefix="v9=",
        webhook_timestamp_header="X-Time",
        webhook_tolerance=60,
    )
    expected = Signature("HMAC", "X-Hash", "sha512", "base64", "v9=", "X-Time", 60)
    assert signature_of(own) == expected
    qualified = config_of(trigger(state_machine_arn=machine_arn("orders:live")), "a-secret")
    assert json.loads(qualified)["executions"].endswith(":execution:orders:")


def test_a_preset_names_executions_by_the_providers_id_unless_the_trigger_says_otherwise() -> None:
    github = trigger(authorization="SIGNED", webhook_preset="GITHUB")
    assert idempotency_of(github) == ("HEADER", "X-GitHub-Delivery")
    assert idempotency_of(github.model_copy(update={"machine_type": "EXPRESS"})) == ("", "")
    own = {"idempotency_source": "BODY", "idempotency_key": "$.after"}
    assert idempotency_of(github.model_copy(update=own)) == ("BODY", "$.after")


def test_presets_name_what_their_samples_hold() -> None:
    for preset in PRESETS.values():
        sample = json.loads(preset.sample)
        headers = dict(preset.sample_headers)
        for kind, place in (preset.filter, preset.idempotency):
            if kind == "HEADER":
                assert headers[place]
            elif kind == "BODY":
                for name in place.split(".")[1:]:
                    sample = sample[name]
                assert isinstance(sample, str)
                sample = json.loads(preset.sample)
        for text in (preset.label, preset.paste_at, preset.find_at, preset.failures):
            assert text.strip() == text != ""


def test_what_is_inlined_is_small_and_bare_python() -> None:
    assert len(source().encode()) < 6_000
    assert source().isascii()
    tree = ast.parse(source())
    for node in ast.walk(tree):
        assert not isinstance(node, ast.AnnAssign)
        if isinstance(node, ast.FunctionDef):
            assert ast.get_docstring(node) is None
            assert node.returns is None
            assert not any(argument.annotation for argument in node.args.args)
    assert "handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_dashboards_side_imports_neither_the_function_nor_boto3() -> None:
    seen = "import sys, infra.webhooks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore", "infra.webhook_function"} & set(done.stdout.split())
