"""The warm synth process: replaced when it dies, hangs or has served enough; never trusted."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer import synth as module
from deployer.synth import Synth, SynthError
from infra.spec import ApiSpec, DomainSpec
from tests.local_aws import trigger, unique, until

KEYS = ("aaaaaaa1", "aaaaaaa2")


def spec(**fields: object) -> ApiSpec:
    return ApiSpec(
        instance="test",
        key="abcdefg1",
        account="000000000000",
        region="us-east-1",
        triggers=(trigger(**fields),),
    )


def nothing() -> None:
    return None


@pytest.fixture(scope="module")
def synth() -> Iterator[Synth]:
    one = Synth()
    yield one
    one.stop()


def test_one_child_serves_many_specs(synth: Synth) -> None:
    first = synth.template(spec(), waiting=nothing)
    pid = synth.pid
    second = synth.template(spec(path="/refunds"), waiting=nothing)
    assert synth.pid == pid
    assert first["Resources"] != second["Resources"]
    assert synth.template(spec(), waiting=nothing) == first


def test_a_child_that_was_killed_is_replaced_within_the_same_call(synth: Synth) -> None:
    synth.warm()
    pid = synth.pid
    assert pid is not None and synth.state == "READY"
    os.kill(pid, signal.SIGKILL)
    until(lambda: synth.state == "DEAD")
    assert synth.template(spec(), waiting=nothing)["Resources"]
    assert synth.pid != pid


def test_a_child_that_hangs_is_ended_when_the_wait_is_given_up(synth: Synth) -> None:
    synth.warm()
    pid = synth.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    def lease_lost() -> None:
        raise InterruptedError("the lease was lost")

    with pytest.raises(InterruptedError):
        synth.template(spec(), waiting=lease_lost)
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_is_replaced_after_it_has_served_its_number_of_specs(synth: Synth) -> None:
    synth.warm()
    pid = synth.pid
    synth._served = module.SERVED_AT_MOST
    synth.template(spec(), waiting=nothing)
    assert synth.pid != pid


def test_a_spec_that_the_cdk_refuses_is_an_error_in_its_words(synth: Synth) -> None:
    broken = spec().model_copy(update={"triggers": ()})
    with pytest.raises(SynthError, match="not valid"):
        synth.template(broken, waiting=nothing)
    assert synth.template(spec(), waiting=nothing)["Resources"]


def test_the_child_has_no_credentials_in_its_environment(
    synth: Synth, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = unique("secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", canary)
    monkeypatch.setenv("DATABASE_URL_COPY", canary)
    synth.stop()
    synth.warm()
    environ = Path(f"/proc/{synth.pid}/environ").read_text()
    names = {pair.partition("=")[0] for pair in environ.split("\0") if pair}
    assert names <= {"PATH", "HOME", "TMPDIR", "JSII_NODE", "LC_CTYPE"}
    assert canary not in environ


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"])
def test_every_method_gives_a_route_with_a_limit(synth: Synth, method: str) -> None:
    template = synth.template(
        spec(method=method, throttle_rate=3, throttle_burst=4), waiting=nothing
    )
    stage = next(r for r in template["Resources"].values() if r["Type"].endswith("Stage"))
    limits = {
        s["HttpMethod"]: (s["ThrottlingRateLimit"], s["ThrottlingBurstLimit"])
        for s in stage["Properties"]["MethodSettings"]
    }
    assert limits[method] == (3, 4)


def test_a_domain_is_a_stack_with_its_certificate_and_nothing_else(synth: Synth) -> None:
    """What only real AWS can show: it checks the certificate, and DNS leads to the target."""
    domain = DomainSpec(
        instance="test",
        key="abcdefg2",
        account="000000000000",
        region="us-east-1",
        domain_name="api.example.com",
        certificate_arn="arn:aws:acm:us-east-1:000000000000:certificate/0a1b2c3d",
    )
    template = synth.template(domain, waiting=nothing)
    ((logical_id, resource),) = template["Resources"].items()
    assert resource == {
        "Type": "AWS::ApiGateway::DomainName",
        "Properties": {
            "DomainName": "api.example.com",
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
            "RegionalCertificateArn": domain.certificate_arn,
            "SecurityPolicy": "TLS_1_2",
        },
    }
    assert {name: output["Value"] for name, output in template["Outputs"].items()} == {
        name: {"Fn::GetAtt": [logical_id, name]}
        for name in ("RegionalDomainName", "RegionalHostedZoneId")
    }


@pytest.mark.parametrize(
    ("base_path", "mapped"), [("shop", {"BasePath": "shop"}), ("", {})], ids=["shop", "root"]
)
def test_a_rest_api_maps_its_stage_on_the_domain(
    synth: Synth, base_path: str, mapped: dict[str, str]
) -> None:
    on_domain = spec().model_copy(
        update={"domain_name": "api.example.com", "base_path": base_path, "stage_name": "v2"}
    )
    resources = synth.template(on_domain, waiting=nothing)["Resources"]
    by_type = {resource["Type"]: (id, resource) for id, resource in resources.items()}
    (_, mapping) = by_type["AWS::ApiGateway::BasePathMapping"]
    assert mapping["Properties"] == mapped | {
        "DomainName": "api.example.com",
        "RestApiId": {"Ref": by_type["AWS::ApiGateway::RestApi"][0]},
        "Stage": {"Ref": by_type["AWS::ApiGateway::Stage"][0]},
    }
    without = synth.template(spec(), waiting=nothing)["Resources"].values()
    assert "AWS::ApiGateway::BasePathMapping" not in {r["Type"] for r in without}


def test_a_changed_spec_always_changes_the_template(synth: Synth) -> None:
    templates = [
        synth.template(spec(**change), waiting=nothing)["Resources"]
        for change in ({}, {"throttle_rate": 11}, {"response_status": 201}, {"key": KEYS[0]})
    ]
    assert all(a != b for i, a in enumerate(templates) for b in templates[:i])
