"""The warm synth process: replaced when it dies, hangs or has served enough; never trusted."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer import synth as module
from deployer.synth import Synth, SynthError
from infra.spec import ApiSpec
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


def test_a_changed_spec_always_changes_the_template(synth: Synth) -> None:
    templates = [
        synth.template(spec(**change), waiting=nothing)["Resources"]
        for change in ({}, {"throttle_rate": 11}, {"response_status": 201}, {"key": KEYS[0]})
    ]
    assert all(a != b for i, a in enumerate(templates) for b in templates[:i])
