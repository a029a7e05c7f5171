"""State machines that a test makes for itself."""

import json
from typing import Any

from tests.local_aws import LocalAws, machine_arn

DEFINITION = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}


def make_machine(aws: LocalAws, name: str, type: str = "STANDARD", **fields: Any) -> str:
    """The ARN of a new machine that does nothing."""
    values = {
        "definition": json.dumps(DEFINITION),
        "roleArn": "arn:aws:iam::000000000000:role/any",
        "type": type,
    }
    made = aws.client("stepfunctions").create_state_machine(name=name, **(values | fields))
    return str(made["stateMachineArn"])


def delete_machine(aws: LocalAws, name: str) -> None:
    aws.client("stepfunctions").delete_state_machine(stateMachineArn=machine_arn(name))
