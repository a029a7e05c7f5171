"""The lines a caller copies, and the call that a sample request becomes."""

import json
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from infra import mapping
from infra.spec import INPUT_BYTES, TriggerSpec, path_variables
from infra.velocity import Request, VelocityError, render

SAMPLE_BODY = '{"orderId": "A-1001", "items": [{"sku": "mug", "quantity": 2}]}'
SAMPLE_ID = "JKJaXmPLvHcESHA="
NOT_YET = "https://API-ID.execute-api.REGION.amazonaws.com/prod"


def called_method(method: str) -> str:
    """The method of a sample call: ANY is called with POST."""
    return "POST" if method == "ANY" else method


def filled_path(path: str, values: dict[str, str]) -> str:
    """``path`` with its variables replaced, each quoted; a greedy one keeps its slashes."""

    def value(match: re.Match[str]) -> str:
        name, greedy = match.group(1), match.group(2)
        return quote(values.get(name, ""), safe="/" if greedy else "")

    return re.sub(r"\{([^{}+]+)(\+?)\}", value, path)


def sample_values(path: str) -> dict[str, str]:
    return dict.fromkeys(path_variables(path), "42")


def curl(trigger: TriggerSpec, base_url: str, body: str = SAMPLE_BODY) -> str:
    """A line for a POSIX shell that calls ``trigger``."""
    method = called_method(trigger.method)
    url = base_url + filled_path(trigger.path, sample_values(trigger.path))
    words = ["curl", "-i", "-X", method, url]
    if trigger.input_mode == "BODY":
        words += ["-H", "Content-Type: application/json", "-d", body]
    return shlex.join(words)


@dataclass(frozen=True)
class Preview:
    """What a sample request becomes, and what its caller gets."""

    call: str
    answer: str
    status: int
    error: str = ""


def preview(trigger: TriggerSpec, account: str, region: str) -> Preview:
    """Runs the mapping templates of ``trigger`` over a sample request."""
    body = SAMPLE_BODY if trigger.input_mode == "BODY" else ""
    request = Request(
        body=body,
        path=sample_values(trigger.path),
        headers={"Content-Type": mapping.CONTENT_TYPE},
        context={"extendedRequestId": SAMPLE_ID, "httpMethod": called_method(trigger.method)},
    )
    try:
        call = json.loads(render(mapping.request_template(trigger), request).text)
        started = json.dumps(
            {
                "executionArn": f"arn:aws:states:{region}:{account}:execution:"
                f"{trigger.state_machine_arn.rpartition(':')[2]}:{call['name']}",
                "startDate": 1767225600.123,
            }
        )
        answer = render(
            mapping.response_template(trigger),
            Request(body=started, context=request.context),
        )
    except (VelocityError, ValueError) as error:
        return Preview("", "", trigger.response_status, error=str(error))
    size = len(call["input"].encode())
    too_long = f"The input has {size:,} bytes; StartExecution takes {INPUT_BYTES:,}."
    return Preview(
        call=json.dumps(call, indent=2, ensure_ascii=False),
        answer=answer.text.strip(),
        status=trigger.response_status,
        error=too_long if size > INPUT_BYTES else "",
    )
