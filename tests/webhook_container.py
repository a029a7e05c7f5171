"""The webhook function as a container runs it, with boto3's own clients on the embedded AWS."""

import base64
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from infra import webhooks
from infra.webhooks import Signature, sign
from tests.local_aws import shared, unique, until

FILE = Path(webhooks.__file__).with_name("webhook_function.py")
CODE: dict[str, Callable[[], str]] = {"file": FILE.read_text, "inlined": webhooks.source}
"""The function as it is written, and as it is deployed."""
SECRET = "a secret that only tests know"
HMAC = Signature("HMAC", "X-Signature")
BODY = '{"id": "evt_1", "type": "order.created", "total": 1.10}'
JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Function:
    """One container of the function, configured for the trigger order123."""

    def __init__(self, code: str, signature: Signature = HMAC, **settings: Any) -> None:
        self.signature = signature
        defaults: dict[str, Any] = {
            "secret_name": secret(),
            "machine_arn": machine(),
            "trigger_key": "order123",
            "signature": signature,
        }
        with pytest.MonkeyPatch.context() as environ:
            for name, value in environment(webhooks.config(**(defaults | settings))).items():
                environ.setenv(name, value)
            self.module = ModuleType("index")
            exec(CODE[code](), self.module.__dict__)  # noqa: S102

    def answer(
        self, body: str | bytes | None, headers: dict[str, str], now: float | None = None
    ) -> Answer:
        """What a request is answered with; bytes go as API Gateway sends binary bodies."""
        answer = self.module.handler(event(body, headers), None, now)
        text = answer.pop("body")
        return Answer(answer["statusCode"], answer["headers"], json.loads(text) if text else text)

    def signed(
        self, body: str | bytes, now: float | None = None, key: str = SECRET, **headers: str
    ) -> Answer:
        """The same, for a request signed with ``key``; ``X_Name`` is the header X-Name."""
        now = now or time.time()
        given = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.answer(body, given | sign(self.signature, key, body, now), now)

    def reads(self) -> list[Any]:
        """Grows by one with each call of GetSecretValue that goes out."""
        sent: list[Any] = []
        self.module.SECRETS.meta.events.register(
            "before-send.secrets-manager.GetSecretValue",
            lambda request, **_: sent.append(request.url),
        )
        return sent


def event(body: str | bytes | None, headers: dict[str, str]) -> dict[str, Any]:
    binary = isinstance(body, bytes)
    return {
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": binary,
        "requestContext": {"extendedRequestId": unique("Request") + "="},
    }


def environment(config: str) -> dict[str, str]:
    return {
        "CONFIG": config,
        "AWS_ENDPOINT_URL": shared().endpoint_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@cache
def machine(kind: str = "STANDARD") -> str:
    """A state machine that ends at once with its input as output."""
    definition = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
    made = (
        shared()
        .client("stepfunctions")
        .create_state_machine(
            name=unique("webhook"),
            definition=json.dumps(definition),
            roleArn="arn:aws:iam::000000000000:role/machine",
            type=kind,
        )
    )
    return str(made["stateMachineArn"])


@cache
def secret(value: str = SECRET) -> str:
    name = unique("stepgate/webhook")
    shared().client("secretsmanager").create_secret(Name=name, SecretString=value)
    return name


def started(answer: Answer) -> dict[str, Any]:
    """The execution that a request started, once it has ended."""
    states, arn = shared().client("stepfunctions"), answer.body["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=arn)
        return found if found["status"] == "SUCCEEDED" else None

    found: dict[str, Any] = until(ended)
    return found
