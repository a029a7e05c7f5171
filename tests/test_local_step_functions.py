"""The rules of AWS Step Functions that the embedded AWS holds."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws, machine_arn, shared, unique, until

ORDER, WAIT, QUOTE = (machine_arn(name) for name in ("order-fulfilment", "long-wait", "quote"))


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def states(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """Code and message of the error that ``call`` raises."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    details = error.value.response["Error"]
    return details["Code"], details["Message"]


@pytest.mark.parametrize("text", ["{", "", "{'a': 1}", "NaN", '{"a":1}}'])
def test_input_that_is_not_json_is_an_invalid_execution_input(states: Any, text: str) -> None:
    code, message = refused(states.start_execution, stateMachineArn=ORDER, input=text)
    assert code == "InvalidExecutionInput"
    assert message.startswith("Invalid State Machine Execution Input: '")


def test_input_of_262144_bytes_is_taken(states: Any) -> None:
    text = json.dumps("x" * (262_144 - 2))
    name = unique("big")
    assert (
        name in states.start_execution(stateMachineArn=WAIT, name=name, input=text)["executionArn"]
    )


def test_input_is_measured_in_bytes_of_utf8(states: Any) -> None:
    text = json.dumps("é" * 131_072, ensure_ascii=False)
    assert len(text) < 262_144
    code, message = refused(states.start_execution, stateMachineArn=WAIT, input=text)
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 262144" in message


@pytest.mark.parametrize("name", ["a b", "x" * 81, "a/b", "a:b", "a#b", "a$b", "tab\there"])
def test_an_illegal_name_is_refused(states: Any, name: str) -> None:
    answer = refused(states.start_execution, stateMachineArn=WAIT, name=name)
    assert answer == ("InvalidName", f"Invalid Name: '{name}'")


def test_a_name_of_80_characters_is_taken(states: Any) -> None:
    name = unique("n").ljust(80, "x")
    assert states.start_execution(stateMachineArn=WAIT, name=name)["executionArn"].endswith(name)


def test_a_repeated_start_answers_the_running_execution_again(states: Any) -> None:
    same = {"stateMachineArn": WAIT, "name": unique("twice"), "input": '{"a":1}'}
    first, second = states.start_execution(**same), states.start_execution(**same)
    assert first["executionArn"] == second["executionArn"]
    assert first["startDate"] == second["startDate"]


def test_a_repeated_name_with_other_input_already_exists(states: Any) -> None:
    name = unique("twice")
    arn = states.start_execution(stateMachineArn=WAIT, name=name, input="{}")["executionArn"]
    answer = refused(states.start_execution, stateMachineArn=WAIT, name=name, input="[]")
    assert answer == ("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def test_the_name_of_a_closed_execution_already_exists(states: Any) -> None:
    name = unique("closed")
    arn = states.start_execution(stateMachineArn=WAIT, name=name)["executionArn"]
    states.stop_execution(executionArn=arn)
    answer = refused(states.start_execution, stateMachineArn=WAIT, name=name)
    assert answer == ("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def test_an_express_machine_starts_a_second_execution_of_the_same_name(states: Any) -> None:
    same = {"stateMachineArn": QUOTE, "name": unique("twice"), "input": "{}"}
    arns = {states.start_execution(**same)["executionArn"] for _ in range(2)}
    assert len(arns) == 2
    assert all(f":express:quote:{same['name']}:" in arn for arn in arns)


def test_an_express_machine_runs_to_its_end_while_the_caller_waits(states: Any) -> None:
    answer = states.start_sync_execution(stateMachineArn=QUOTE, input='{"member":true}')
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"])["price"] == 80


def test_a_failed_synchronous_execution_is_an_answer_with_error_and_cause(states: Any) -> None:
    definition = {
        "StartAt": "No",
        "States": {"No": {"Type": "Fail", "Error": "Refused", "Cause": "Sold out"}},
    }
    machine = states.create_state_machine(
        name=unique("refuses"),
        type="EXPRESS",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/any",
    )
    answer = states.start_sync_execution(stateMachineArn=machine["stateMachineArn"])
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Refused", "Sold out")
    assert "output" not in answer


def test_a_synchronous_execution_that_takes_too_long_times_out(states: Any) -> None:
    waits = {"Wait": {"Type": "Wait", "Seconds": 5, "End": True}}
    definition = {"TimeoutSeconds": 1, "StartAt": "Wait", "States": waits}
    arn = states.create_state_machine(
        name=unique("slow"),
        type="EXPRESS",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]
    answer = states.start_sync_execution(stateMachineArn=arn)
    assert (answer["status"], answer["error"]) == ("TIMED_OUT", "States.Timeout")
    assert "output" not in answer
    assert answer["startDate"] < answer["stopDate"]


def test_a_failed_execution_has_no_output(states: Any) -> None:
    arn = states.start_execution(stateMachineArn=machine_arn("always-fails"))["executionArn"]
    execution = until(lambda: _ended(states.describe_execution(executionArn=arn)))
    assert execution["error"] == "PaymentDeclined"
    assert "output" not in execution


def _ended(execution: Any) -> Any:
    return None if execution["status"] == "RUNNING" else execution


def test_executions_of_an_express_machine_cannot_be_listed(states: Any) -> None:
    answer = refused(states.list_executions, stateMachineArn=QUOTE)
    message = "This operation is not supported by this type of state machine"
    assert answer == ("StateMachineTypeNotSupported", message)


@pytest.mark.parametrize(
    "action", ["describe_execution", "get_execution_history", "stop_execution"]
)
def test_an_express_execution_cannot_be_read_or_stopped(states: Any, action: str) -> None:
    arn = states.start_execution(stateMachineArn=QUOTE)["executionArn"]
    answer = refused(getattr(states, action), executionArn=arn)
    message = "Invalid Arn: 'Resource type not valid in this context: express'"
    assert answer == ("InvalidArn", message)


def test_a_standard_machine_cannot_be_started_synchronously(states: Any) -> None:
    code, _ = refused(states.start_sync_execution, stateMachineArn=WAIT)
    assert code == "StateMachineTypeNotSupported"


@pytest.mark.parametrize(
    "action",
    ["start_execution", "start_sync_execution", "list_executions", "describe_state_machine"],
)
def test_a_missing_machine_does_not_exist(states: Any, action: str) -> None:
    arn = machine_arn("nowhere")
    answer = refused(getattr(states, action), stateMachineArn=arn)
    assert answer == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def test_a_missing_execution_does_not_exist(states: Any) -> None:
    arn = WAIT.replace("stateMachine", "execution") + ":nowhere"
    answer = refused(states.describe_execution, executionArn=arn)
    assert answer == ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def test_no_event_follows_the_end_of_a_stopped_execution(states: Any) -> None:
    arn = states.start_execution(stateMachineArn=ORDER, input='{"items":[{"sku":"mug"}]}')[
        "executionArn"
    ]
    until(lambda: len(states.get_execution_history(executionArn=arn)["events"]) > 2)
    states.stop_execution(executionArn=arn)
    later = states.start_execution(stateMachineArn=ORDER, input='{"items":[1]}')["executionArn"]
    until(lambda: states.describe_execution(executionArn=later)["status"] == "SUCCEEDED")
    last = states.get_execution_history(executionArn=arn, reverseOrder=True)["events"][0]
    assert last["type"] == "ExecutionAborted"
    assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"


def test_only_standard_executions_send_status_events(aws: LocalAws, states: Any) -> None:
    queues, events = aws.client("sqs"), aws.client("events")
    rule, queue = unique("rule"), queues.create_queue(QueueName=unique("queue"))["QueueUrl"]
    attributes = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.states"]}))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule=rule, Targets=[target])
    states.start_sync_execution(stateMachineArn=QUOTE)
    states.start_execution(stateMachineArn=QUOTE)
    arn = states.start_execution(stateMachineArn=WAIT)["executionArn"]
    seen: list[str] = []

    def arrived() -> bool:
        answer = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            seen.append(json.loads(message["Body"])["detail"]["executionArn"])
        return arn in seen

    until(arrived)
    events.remove_targets(Rule=rule, Ids=["queue"])
    assert not [one for one in seen if ":express:" in one]
