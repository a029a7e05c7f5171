"""The demo state machines: account 000000000000, Region us-east-1.

They are created where they are missing and otherwise left as they are, so what somebody
changed stays changed. Machines, REST APIs, stacks and closed executions survive a restart
in the state directory. An execution that runs while the server stops cannot go on: after
the restart it is FAILED with the error ``States.ServiceRestart``.
"""

import json
from pathlib import Path

from ministack.core.responses import request_scope
from ministack.services import stepfunctions

ACCOUNT = "000000000000"
REGION = "us-east-1"

TYPES = {
    "order-fulfilment": "STANDARD",
    "quote": "EXPRESS",
    "always-fails": "STANDARD",
    "long-wait": "STANDARD",
}
"""Machine name → type; the definition of each is ``demo/<name>.asl.json``."""

_DEFINITIONS = Path(__file__).parent / "demo"


def arn(name: str) -> str:
    """The ARN of the demo machine ``name``."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


async def create_missing() -> None:
    """Create every demo machine that does not exist yet; RuntimeError if one is refused."""
    with request_scope(ACCOUNT, REGION):
        for name, machine_type in TYPES.items():
            if arn(name) not in stepfunctions._state_machines:
                await _create(name, machine_type)


async def _create(name: str, machine_type: str) -> None:
    request = {
        "name": name,
        "type": machine_type,
        "definition": (_DEFINITIONS / f"{name}.asl.json").read_text(encoding="utf-8"),
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/demo-state-machines",
    }
    headers = {"x-amz-target": "AWSStepFunctions.CreateStateMachine"}
    status, _, answer = await stepfunctions.handle_request(
        "POST", "/", headers, json.dumps(request).encode(), {}
    )
    if status != 200:
        raise RuntimeError(f"The demo state machine {name} was refused: {answer.decode()}")
