"""The demo state machines of the embedded AWS, its readiness and its state directory."""

import json
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import HEALTH_PATH, seams
from tests.local_aws import LocalAws, deploy_api, machine_arn, running, shared, trigger, until

SAMPLE = '{"orderId":"A-1001","items":[{"sku":"mug","quantity":2}]}'


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def states(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


def finished(states: Any, machine: str, text: str = "{}") -> dict[str, Any]:
    """The description of an execution of ``machine``, once it has ended."""
    arn = states.start_execution(stateMachineArn=machine_arn(machine), input=text)["executionArn"]

    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = states.describe_execution(executionArn=arn)
        return None if execution["status"] == "RUNNING" else execution

    execution = until(ended)
    assert execution is not None
    return execution


def test_the_health_path_answers_once_the_demo_machines_exist(aws: LocalAws, states: Any) -> None:
    assert httpx.get(aws.endpoint_url + HEALTH_PATH).status_code == 200
    machines = states.list_state_machines()["stateMachines"]
    types = {machine["name"]: machine["type"] for machine in machines}
    assert types["order-fulfilment"] == types["always-fails"] == types["long-wait"] == "STANDARD"
    assert types["quote"] == "EXPRESS"


def test_order_fulfilment_ships_the_sample_order(states: Any) -> None:
    execution = finished(states, "order-fulfilment", SAMPLE)
    assert execution["status"] == "SUCCEEDED"
    output = json.loads(execution["output"])
    assert (output["orderId"], output["status"], output["shipped"]) == ("A-1001", "SHIPPED", 1)


@pytest.mark.parametrize("text", ["{}", '{"anything":[1,{"b":null}]}', '{"items":"none"}'])
def test_order_fulfilment_succeeds_for_any_object(states: Any, text: str) -> None:
    assert finished(states, "order-fulfilment", text)["status"] == "SUCCEEDED"


def test_always_fails_fails_with_error_and_cause(states: Any) -> None:
    execution = finished(states, "always-fails")
    assert (execution["status"], execution["error"]) == ("FAILED", "PaymentDeclined")
    assert execution["cause"]


def test_long_wait_can_be_stopped(states: Any) -> None:
    arn = states.start_execution(stateMachineArn=machine_arn("long-wait"))["executionArn"]
    assert states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    states.stop_execution(executionArn=arn, error="Stopped", cause="No longer needed")
    execution = states.describe_execution(executionArn=arn)
    assert (execution["status"], execution["error"]) == ("ABORTED", "Stopped")


def test_only_the_loopback_address_listens(aws: LocalAws) -> None:
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    if not tables[0].exists():
        pytest.skip("This system has no /proc/net/tcp")
    rows = [row.split() for table in tables for row in table.read_text().splitlines()[1:]]
    addresses = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{aws.port:04X}")}
    assert addresses == {f"0100007F:{aws.port:04X}"}


def test_an_unexpected_ministack_is_named_when_it_lacks_something() -> None:
    with pytest.raises(seams.IncompatibleMinistackError) as error:
        seams.replace(seams, "_no_such_function", None)
    assert f"ministack {version('ministack')} has no infra.local.seams._no_such_function" in str(
        error.value
    )


def test_a_restart_keeps_apis_machines_and_executions(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        states = first.client("stepfunctions")
        states.update_state_machine(
            stateMachineArn=machine_arn("quote"),
            definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
        )
        wait = states.start_execution(stateMachineArn=machine_arn("long-wait"))["executionArn"]
        ended = finished(states, "always-fails")["executionArn"]
        api_id = deploy_api(first, trigger(state_machine_arn=machine_arn("always-fails")))
        ends_at_once(first, signal.SIGTERM)
    with running(tmp_path) as second:
        states = second.client("stepfunctions")
        machines = [one["name"] for one in states.list_state_machines()["stateMachines"]]
        assert sorted(machines) == ["always-fails", "long-wait", "order-fulfilment", "quote"]
        quote = states.describe_state_machine(stateMachineArn=machine_arn("quote"))
        assert '"StartAt":"A"' in quote["definition"]
        assert states.describe_execution(executionArn=ended)["error"] == "PaymentDeclined"
        assert states.describe_execution(executionArn=wait)["error"] == "States.ServiceRestart"
        started = httpx.post(second.url(api_id, "/orders"), json={})
        assert started.status_code == 202
        ends_at_once(second, signal.SIGINT)
    saved = (tmp_path / "stepfunctions.json").read_text()
    assert started.json()["executionArn"] in saved


def ends_at_once(aws: LocalAws, ending: signal.Signals) -> None:
    """Send ``ending``: the process ends by itself, though executions are running."""
    aws.process.send_signal(ending)
    assert aws.process.wait(10) == 0
