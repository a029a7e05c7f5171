"""Executions of EXPRESS machines: never idempotent, and kept no longer than they run.

Source: Step Functions developer guide, "Choosing workflow type": EXPRESS executions have
no history in Step Functions, and a repeated name starts another one. Their ARN is
``arn:…:express:<machine>:<name>:<id>``.
"""

import contextvars
import json
import threading
import uuid
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

from infra.local.seams import Response


def _record(machine: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """A new running execution, in the shape that ministack's interpreter works on."""
    name = data.get("name") or str(uuid.uuid4())
    kind = machine["stateMachineArn"].replace(":stateMachine:", ":express:")
    started, text = now_iso(), data.get("input", "{}")
    details = {"input": text, "roleArn": machine["roleArn"]}
    record = {
        "executionArn": f"{kind}:{name}:{uuid.uuid4()}",
        "stateMachineArn": machine["stateMachineArn"],
        "name": name,
        "status": "RUNNING",
        "startDate": started,
        "stopDate": None,
        "input": text,
        "output": None,
        "testCase": "",
        "mockAttempts": {},
        "events": [
            {
                "id": 1,
                "type": "ExecutionStarted",
                "timestamp": started,
                "executionStartedEventDetails": details,
            }
        ],
    }
    stepfunctions._executions[record["executionArn"]] = record
    return record


def _run(arn: str) -> None:
    """Walk the machine to its end, then forget the execution."""
    try:
        stepfunctions._run_execution(arn)
    finally:
        stepfunctions._executions.pop(arn, None)


def start(machine: dict[str, Any], data: dict[str, Any]) -> Response:
    """StartExecution of an EXPRESS machine: it runs on, the caller has its ARN."""
    record = _record(machine, data)
    scope = contextvars.copy_context()
    threading.Thread(target=scope.run, args=(_run, record["executionArn"]), daemon=True).start()
    answer = {"executionArn": record["executionArn"], "startDate": record["startDate"]}
    response: Response = stepfunctions.json_response(answer)
    return response


def start_sync(machine: dict[str, Any], data: dict[str, Any]) -> Response:
    """StartSyncExecution: HTTP 200 with a status also where the execution failed.

    The definition's TimeoutSeconds ends it as TIMED_OUT, a status that ministack never sets.
    """
    record = _record(machine, data)
    scope = contextvars.copy_context()
    work = threading.Thread(target=scope.run, args=(_run, record["executionArn"]), daemon=True)
    work.start()
    work.join(json.loads(machine["definition"]).get("TimeoutSeconds"))
    if work.is_alive():
        record |= {"status": "TIMED_OUT", "error": "States.Timeout", "stopDate": now_iso()}
    members = ("executionArn", "stateMachineArn", "name", "startDate", "stopDate", "status")
    answer = {member: record[member] for member in members}
    answer |= {"input": record["input"], "inputDetails": {"included": True}}
    if record["status"] == "SUCCEEDED":
        answer |= {"output": record["output"], "outputDetails": {"included": True}}
    else:
        answer |= {"error": record.get("error", ""), "cause": record.get("cause", "")}
    answer["billingDetails"] = {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
    response: Response = stepfunctions.json_response(answer)
    return response
