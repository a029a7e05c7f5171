"""A machine that vanishes or changes its type is told on its triggers."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from dashboard import machine_watch
from dashboard.models import Environment, Trigger
from infra.spec import TriggerSpec
from tests.conftest import ended, make_trigger
from tests.faults import answering, counting, failing, unreachable
from tests.local_aws import LocalAws, machine_arn, unique
from tests.local_aws import trigger as spec_of
from tests.machines import delete_machine, make_machine

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(local_aws: LocalAws) -> Iterator[str]:
    """The name of a STANDARD machine of the test's own."""
    name = unique("watched")
    make_machine(local_aws, name)
    yield name
    delete_if_there(local_aws, name)


def delete_if_there(aws: LocalAws, name: str) -> None:
    states = aws.client("stepfunctions")
    try:
        delete_machine(aws, name)
    except states.exceptions.StateMachineDoesNotExist:
        return


def served(environment: Environment, arn: str, **fields: Any) -> Trigger:
    trigger = make_trigger(environment, state_machine_arn=arn, **fields)
    ended(trigger)
    return trigger


def look(trigger: Trigger) -> str:
    """What stands on the trigger after another look."""
    cache.clear()
    machine_watch.look_at_all()
    trigger.refresh_from_db()
    return trigger.machine_problem


def test_a_machine_that_is_there_is_no_problem(environment: Environment, machine: str) -> None:
    assert look(served(environment, machine_arn(machine))) == ""


def test_a_machine_that_vanished_is_told_with_what_to_do_and_since_when(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    trigger = served(environment, machine_arn(machine))
    delete_machine(local_aws, machine)
    told = look(trigger)
    assert told.startswith(
        f"The state machine {machine} no longer exists: callers get 502. Make it again, or "
        "choose another one and deploy. Seen first on 2"
    )
    Trigger.objects.filter(pk=trigger.pk).update(
        machine_problem=(earlier := f"{told[:-15]}earlier")
    )
    assert look(trigger) == earlier, "the time of the first look is kept"
    make_machine(local_aws, machine)
    assert look(trigger) == ""


def test_a_machine_that_came_back_with_another_type_is_told(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    trigger = served(environment, machine_arn(machine))
    delete_machine(local_aws, machine)
    make_machine(local_aws, machine, "EXPRESS")
    told = look(trigger)
    assert f"The state machine {machine} is EXPRESS now; it was STANDARD." in told
    assert "AWS lists its executions no more" in told


def test_a_version_that_was_deleted_is_told(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    states = local_aws.client("stepfunctions")
    made = states.publish_state_machine_version(stateMachineArn=machine_arn(machine))
    arn = made["stateMachineVersionArn"]
    trigger = served(environment, arn)
    assert look(trigger) == ""
    states.delete_state_machine_version(stateMachineVersionArn=arn)
    assert look(trigger).startswith(
        f"The version 1 of the state machine {machine} no longer exists: callers get 502."
    )


def test_a_machine_that_is_being_deleted_counts_as_gone(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    trigger = served(environment, arn := machine_arn(machine))
    described = {
        "stateMachineArn": arn,
        "name": machine,
        "type": "STANDARD",
        "status": "DELETING",
        "definition": "{}",
        "roleArn": "arn:aws:iam::000000000000:role/any",
        "creationDate": 1767225600,
    }
    with answering("stepfunctions", "DescribeStateMachine", lambda _: described):
        assert "no longer exists" in look(trigger)


def test_what_aws_does_not_answer_changes_nothing(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    trigger = served(environment, machine_arn(machine))
    with unreachable("stepfunctions", "DescribeStateMachine"):
        assert look(trigger) == ""
    Trigger.objects.filter(pk=trigger.pk).update(machine_problem="as it was")
    for code in ("AccessDeniedException", "ThrottlingException"):
        with failing("stepfunctions", "DescribeStateMachine", code, "Not now."):
            assert look(trigger) == "as it was"


def test_a_machine_that_may_not_be_read_does_not_hide_the_others(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    denied = served(environment, machine_arn(f"a-{machine}"), path="/denied")
    gone = served(environment, machine_arn(f"b-{machine}"), path="/gone")
    with failing("stepfunctions", "DescribeStateMachine", "AccessDeniedException", "No.", times=1):
        assert look(denied) == ""
    gone.refresh_from_db()
    assert "no longer exists" in gone.machine_problem


@pytest.mark.parametrize("fault", ["throttled", "unreachable"])
def test_where_aws_answers_nothing_the_look_ends_with_the_first_machine(
    fault: str, local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    for name in ("a", "b"):
        trigger = served(environment, machine_arn(f"{name}-{machine}"), path=f"/{name}")
    operation = ("stepfunctions", "DescribeStateMachine")
    faulty = failing(*operation, "ThrottlingException", "Slow.", times=3)
    with counting(*operation) as calls, faulty if fault == "throttled" else unreachable(*operation):
        assert look(trigger) == ""
    assert calls and all(f"a-{machine}" in call for call in calls)


def test_an_environment_that_does_not_answer_does_not_hide_the_others(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    far = Environment.objects.create(name="afar", account_id="000000000000", region="eu-west-1")
    other = served(far, machine_arn(machine).replace("us-east-1", "eu-west-1"))
    mine = served(environment, machine_arn(machine))
    delete_machine(local_aws, machine)
    assert "no longer exists" in look(mine)
    other.refresh_from_db()
    assert "no longer exists" in other.machine_problem


def test_one_machine_is_described_once_for_all_its_triggers(
    local_aws: LocalAws, environment: Environment, machine: str
) -> None:
    for path in ("/one", "/two", "/three"):
        trigger = served(environment, machine_arn(machine), path=path)
    make_trigger(environment, path="/never-deployed", state_machine_arn=machine_arn("quote"))
    with counting("stepfunctions", "DescribeStateMachine") as calls:
        look(trigger)
    assert len(calls) == 1


def test_a_trigger_that_is_served_no_more_has_no_problem(environment: Environment) -> None:
    trigger = make_trigger(environment)
    Trigger.objects.filter(pk=trigger.pk).update(machine_problem="of long ago")
    assert look(trigger) == ""


def test_many_machines_take_turns() -> None:
    arns = [machine_arn(f"m{n}") for n in range(2 * machine_watch.AT_ONCE + 1)]
    turns = [machine_watch.turn(arns, number) for number in (7, 8, 9)]
    assert max(map(len, turns)) <= machine_watch.AT_ONCE
    assert sorted(itertools.chain(*turns)) == sorted(arns)
    assert machine_watch.turn(arns[:5], 7) == arns[:5]


@pytest.mark.parametrize(
    ("spec", "type_now", "said"),
    [
        ({}, "STANDARD", ""),
        ({}, "", "The state machine order-fulfilment no longer exists: callers get 502."),
        (
            {"state_machine_arn": machine_arn("order-fulfilment:live")},
            "",
            "The alias live of the state machine order-fulfilment no longer exists",
        ),
        (
            {
                "machine_type": "EXPRESS",
                "action": "StartSyncExecution",
                "response_mode": "OUTPUT",
                "response_status": 200,
            },
            "STANDARD",
            "Callers get 502, as only an EXPRESS machine can be waited for.",
        ),
        (
            {"idempotency_source": "BODY", "idempotency_key": "$.id", "status_route": True},
            "EXPRESS",
            "AWS lists its executions no more and a repeated request starts another execution "
            "and the status route answers an error.",
        ),
        ({"machine_type": "EXPRESS"}, "STANDARD", "is STANDARD now; it was EXPRESS. Edit this"),
    ],
)
def test_the_words_tell_what_callers_meet(spec: dict[str, Any], type_now: str, said: str) -> None:
    live: TriggerSpec = spec_of(**spec)
    told = machine_watch.problem(live, type_now)
    assert said in told and bool(told) == bool(said)
    assert machine_watch.stops_callers(told) == (not type_now or "502" in said)
