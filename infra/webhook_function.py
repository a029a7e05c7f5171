"""The Lambda function in front of a state machine that a signed webhook starts.

API Gateway cannot check the signature of a body. This checks it, with a secret from
Secrets Manager, before it parses or answers anything; then it starts the execution.

What runs in AWS is ``infra.webhooks.source()``: this file without comments, docstrings and
annotations, inlined in the template. So it imports nothing of Stepgate, and no module of
Stepgate imports it. ``CONFIG``, an environment variable, is what ``infra.webhooks.config()``
writes. Events and answers are those of a Lambda proxy integration of a REST API
(API Gateway developer guide, "Lambda proxy integrations").

Nothing of a payload, a header or a secret is logged, but for the idempotency key, which
names the execution.
"""

import base64
import hmac
import json
import os
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONFIG = SimpleNamespace(**json.loads(os.environ["CONFIG"]))
_client: Any = boto3.client
# Made while the container starts, when Lambda gives it a whole CPU: Slack waits 3 s in all.
SECRETS, MACHINES = (
    _client(name, config=Config(read_timeout=5, retries={"total_max_attempts": 2}))
    for name in ("secretsmanager", "stepfunctions")
)
KEPT: dict[str, Any] = {"read": 0}
"""The secret (``value``), when it was ``read``, and when that was last ``tried``."""
STATUSES = {
    "ExecutionAlreadyExists": 409,
    "ExecutionLimitExceeded": 429,
    "InvalidExecutionInput": 400,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
}
"""Step Functions' errors that are not 502."""


class Refused(Exception):
    """A request that starts nothing: status, error, message for the caller."""


def handler(event: dict[str, Any], _context: object, now: float | None = None) -> dict[str, Any]:
    """The answer to one request; logs one line. Lambda gives no ``now`` (Unix seconds)."""
    request_id = re.sub("[^A-Za-z0-9_-]", "", event["requestContext"]["extendedRequestId"])
    log = {"requestId": request_id}
    headers = {}
    try:
        log["outcome"], status, body = receive(event, now or time.time(), log)
        if "execution" in log:
            headers = CONFIG.headers
    except Refused as refused:
        status, log["outcome"], message = refused.args
        body = {"error": log["outcome"], "message": message, "requestId": request_id}
        if status == 429:
            headers = {"Retry-After": "1"}
    print(json.dumps(log))  # noqa: T201
    headers = headers | {"Content-Type": "application/json"}
    if not isinstance(body, str):
        body = json.dumps(body)
    return {"statusCode": status, "headers": headers, "body": body}


def receive(event: dict[str, Any], now: float, log: dict[str, str]) -> tuple[str, int, Any]:
    """Outcome, status and body: signature, handshake, filter, name, input, execution."""
    headers: dict[str, str] = {n.lower(): v for n, v in (event["headers"] or {}).items()}

    def header(name: str) -> str:
        return headers.get(name.lower(), "")

    # surrogatepass: what is no UTF-8 is refused where the body is parsed, with words.
    body = (event["body"] or "").encode("utf-8", "surrogatepass")
    if event["isBase64Encoded"]:
        body = base64.b64decode(body)
    authenticate(header, body, now)
    if CONFIG.scheme == "GITHUB" and header("X-GitHub-Event") == "ping":
        return "Handshake", 200, {"ok": True}
    text, data = parse(header, body)
    if CONFIG.scheme == "SLACK" and look(data, "$.type") == "url_verification":
        return "Handshake", 200, {"challenge": look(data, "$.challenge")}

    def value(source: str, name: str) -> str:
        return header(name) if source == "HEADER" else look(data, name)

    if CONFIG.events and value(*CONFIG.filter) not in CONFIG.events:
        return "Ignored", 200, {"ignored": True}
    name = value(*CONFIG.idempotency) if CONFIG.idempotency else log["requestId"]
    if not re.fullmatch("[A-Za-z0-9_-]{1,71}", name):
        raise Refused(
            400,
            "BadRequest",
            f"{CONFIG.idempotency[1]} names the execution: send 1 to 71 characters of A-Z, a-z, "
            "0-9, _ and -.",
        )
    log["execution"] = f"{CONFIG.key}-{name}"
    if CONFIG.with_headers:
        allowed = {n: header(n) for n in CONFIG.input_headers if n.lower() in headers}
        # The body's own text: parsed and written anew, 1.10 would be 1.1.
        text = f'{{"body":{text},"headers":{json.dumps(allowed)}}}'
    return start(text, log)


def authenticate(header: Callable[[str], str], body: bytes, now: float) -> None:
    """Raises Refused unless the headers hold a signature of ``body`` from about ``now``.

    A secret is kept for 5 minutes. Where no signature fits it is read anew, once in 5 s at
    most: it may have been replaced. Only AWSCURRENT counts, so one that leaked and was
    replaced is good for nothing after 5 minutes at most.

    Sources: Stripe, "Verify webhook signatures manually"; GitHub, "Validating webhook
    deliveries"; Slack, "Verifying requests from Slack".
    """
    sent = header(CONFIG.header)
    if not sent:
        raise Refused(
            401, "MissingSignature", f"{CONFIG.header} is missing. Set the sender's secret."
        )
    if CONFIG.timestamp_header:
        stamp = re.search(CONFIG.timestamp, header(CONFIG.timestamp_header))
        if not stamp or abs(now - int(stamp[1])) > CONFIG.tolerance:
            raise Refused(
                401,
                "InvalidTimestamp",
                f"The time in {CONFIG.timestamp_header} is not within {CONFIG.tolerance} s of now."
                " Sign anew.",
            )
        body = CONFIG.signed.replace("{}", stamp[1]).encode() + body
    # The pattern finds what can be decoded only, and each one of several signatures.
    decode = bytes.fromhex if CONFIG.encoding == "hex" else base64.b64decode
    given = [decode(text) for text in re.findall(CONFIG.signature, sent)]

    def fits() -> bool:
        expected = hmac.digest(KEPT["value"], body, CONFIG.algorithm)
        return any(hmac.compare_digest(expected, signature) for signature in given)

    if now - KEPT["read"] >= 300:
        read(now)
    if not fits() and now - KEPT["tried"] >= 5:
        read(now)
    if not fits():
        raise Refused(
            401,
            "InvalidSignature",
            f"{CONFIG.header} does not fit the body. Compare the secret with the sender's.",
        )


def read(now: float) -> None:
    """Keep the secret as it stands in Secrets Manager, without white space around it."""
    KEPT["tried"] = now
    try:
        value = SECRETS.get_secret_value(SecretId=CONFIG.secret)["SecretString"].strip()
    except (BotoCoreError, ClientError, KeyError):
        value = ""
    # With an empty key anyone could sign.
    if not value:
        raise Refused(
            502,
            "SecretUnreadable",
            "The signing secret could not be read. Check it in Secrets Manager, and the role.",
        )
    KEPT.update(value=value.encode(), read=now)


def parse(header: Callable[[str], str], body: bytes) -> tuple[str, Any]:
    """The body as JSON text, as it was sent, and as data with its numbers as text.

    A form becomes the object of its pairs. An empty body is {} (API Gateway's own rule).
    """
    try:
        text = body.decode()
        if header("Content-Type").lower().startswith("application/x-www-form-urlencoded"):
            pairs = parse_qsl(text, True, max_num_fields=1000)  # noqa: FBT003
            text = json.dumps(dict(reversed(pairs)), ensure_ascii=False)
        text = text or "{}"
        # int() raises ValueError for NaN and Infinity, which are no JSON.
        return text, json.loads(text, parse_int=str, parse_float=str, parse_constant=int)
    except (ValueError, RecursionError):
        raise Refused(
            400, "BadRequest", "Send JSON, or a form of at most 1,000 fields, in UTF-8."
        ) from None


def look(data: Any, path: str) -> str:
    """The text at a JSON path ($.a.b, $.a[0], $['a b']), a truth value as in JSON; or ""."""
    try:
        for part in re.findall(r"'[^']+'|[\w-]+", path):
            data = data[int(part) if isinstance(data, list) else part.strip("'")]
    except (LookupError, TypeError, ValueError):
        return ""
    if isinstance(data, bool):
        return str(data).lower()
    return data if isinstance(data, str) else ""


def start(text: str, log: dict[str, str]) -> tuple[str, int, Any]:
    """Start the execution, or find the one that has its name already."""
    name, body = log["execution"], {"requestId": log["requestId"]}
    outcome = "Started"
    try:
        begun = MACHINES.start_execution(stateMachineArn=CONFIG.machine, name=name, input=text)
        body["executionArn"] = begun["executionArn"]
        body["startDate"] = begun["startDate"].timestamp()
    except (BotoCoreError, ClientError) as error:
        failed = getattr(error, "response", {}).get("Error", {})
        code = failed.get("Code", type(error).__name__)
        message = failed.get("Message", "Step Functions did not answer. Send again.")
        if code != "ExecutionAlreadyExists" or CONFIG.on_repeat != "FIRST":
            # The one constraint that a request can break: the length of the input.
            status = STATUSES.get(code, 413 if "'input'" in message else 502)
            raise Refused(status, code, message) from None
        outcome = "Repeated"
        body["executionArn"] = CONFIG.executions + name
    return outcome, CONFIG.status, body if CONFIG.body is None else CONFIG.body
