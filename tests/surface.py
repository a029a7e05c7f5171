"""REST APIs for tests by real HTTP: rows, deployed by the product, called as a client does.

What is deployed stays in the embedded AWS; the rows are rolled back at once, so that many
tests may call one REST API without the database.
"""

import atexit
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from dashboard import aws
from dashboard.models import Environment, RestApi
from infra.spec import TriggerSpec
from tests import parts
from tests.conftest import deploy, make_trigger
from tests.local_aws import unique

ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
"""A definition whose output is its input."""
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
LISTED, UNLISTED = "203.0.113.7", "198.51.100.1"


@dataclass(frozen=True)
class Api:
    """A deployed REST API; ``specs`` are its routes, by path."""

    api_id: str
    url: str
    specs: Mapping[str, TriggerSpec]
    made: Any = None
    """What ``serve`` was asked to make beside it."""

    def key(self, path: str) -> str:
        """The key of the trigger at ``path``."""
        return self.specs[path].key

    def call(
        self,
        path: str,
        *,
        method: str = "POST",
        credentials: Credentials | None = None,
        **request: Any,
    ) -> httpx.Response:
        """The answer to a request as ``httpx`` takes it, signed for IAM with ``credentials``."""
        sent = http().build_request(method, f"{self.url}{path}", **request)
        if credentials:
            sent = signed(sent, credentials)
        return http().send(sent)

    def started(self, path: str) -> list[str]:
        """The names of all executions of the trigger at ``path``, in the order of the alphabet.

        Step Functions lists those that ended by their end, so its own order changes.
        """
        spec = self.specs[path]
        pages = client("stepfunctions").get_paginator("list_executions")
        return sorted(
            execution["name"]
            for page in pages.paginate(stateMachineArn=spec.state_machine_arn)
            for execution in page["executions"]
            if execution["name"].startswith(spec.key)
        )


def serve(
    blocker: DjangoDbBlocker,
    *routes: Mapping[str, Any],
    also: Callable[[RestApi], Any] | None = None,
    **settings: Any,
) -> Api:
    """A REST API with these triggers and ``settings``, deployed. ``also`` sees it once live."""
    parts.local_aws()
    with blocker.unblock(), transaction.atomic():
        environment = Environment.objects.create(
            name=unique("env"), account_id="000000000000", region="us-east-1"
        )
        rest_api = RestApi.objects.create(
            environment=environment, name="surface", created_by="ada", **settings
        )
        triggers = [make_trigger(environment, rest_api, **route) for route in routes]
        deployment = deploy(*triggers)
        assert deployment.status == "SUCCEEDED", deployment.reason
        rest_api.refresh_from_db()
        api = Api(
            rest_api.api_id,
            aws.invoke_url(environment, rest_api.api_id, rest_api.stage_name),
            {trigger.path: trigger.spec() for trigger in triggers},
            also(rest_api) if also else None,
        )
        transaction.set_rollback(True)
    return api


def route(path: str, **fields: Any) -> dict[str, Any]:
    """A POST that echoes its input, with a throttle that no test meets by chance."""
    values = {"path": path, "machine": echo(), "throttle_rate": 1000, "throttle_burst": 1000}
    return values | fields


def express(path: str, machine: str | None = None, **fields: Any) -> dict[str, Any]:
    """A POST that waits for an EXPRESS machine, which echoes its input unless named."""
    values = {
        "machine": machine or echo("EXPRESS"),
        "machine_type": "EXPRESS",
        "action": "StartSyncExecution",
        "response_mode": "OUTPUT",
        "response_status": 200,
    }
    return route(path, **(values | fields))


def client(service: str) -> Any:
    return parts.local_aws().client(service)


@cache
def http() -> httpx.Client:
    """One client for all calls: making one costs more than a call."""
    made = httpx.Client(timeout=35)
    atexit.register(made.close)
    return made


def machine(definition: Mapping[str, Any] = ECHO, kind: str = "STANDARD") -> str:
    """The name of a new state machine."""
    name = unique("surface")
    client("stepfunctions").create_state_machine(
        name=name,
        type=kind,
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/machines",
    )
    return name


@cache
def echo(kind: str = "STANDARD") -> str:
    """The one machine that echoes."""
    return machine(ECHO, kind)


def signed(request: httpx.Request, credentials: Credentials) -> httpx.Request:
    """``request`` with a signature of Signature Version 4 for API Gateway."""
    named = {name: value for name, value in request.headers.items() if name == "content-type"}
    wanted = AWSRequest(request.method, str(request.url), data=request.read(), headers=named)
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(wanted)
    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
        if name in wanted.headers:
            request.headers[name] = wanted.headers[name]
    return request


def plain(request_id: str) -> str:
    """A request's id as it stands in the name of an execution."""
    return "".join(
        each for each in request_id if each.isascii() and (each.isalnum() or each in "_-")
    )


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and error of a refusal, whose body has the form that every error has."""
    assert answer.headers["content-type"] == "application/json", answer.text
    said = answer.json()
    assert set(said) == {"error", "message", "requestId"}, said
    assert all(isinstance(value, str) for value in said.values()), said
    assert said["error"] and said["message"], said
    assert plain(said["requestId"]) == plain(answer.headers["x-amz-apigw-id"])
    return answer.status_code, said["error"]


def execution(answer: httpx.Response, status: int = 202) -> Any:
    """The execution that ``answer`` tells of, as Step Functions describes it."""
    assert answer.status_code == status, answer.text
    arn = answer.json()["executionArn"]
    return client("stepfunctions").describe_execution(executionArn=arn)


def received(answer: httpx.Response) -> Any:
    """The input of the execution that was started."""
    return json.loads(execution(answer)["input"])


def make_user(*actions_on: str) -> tuple[str, Credentials]:
    """ARN and keys of a new IAM user who may invoke the resources ``actions_on``."""
    iam, name = client("iam"), unique("caller")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if actions_on:
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": actions_on}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def invoke(api: Api, route: str) -> str:
    """The ARN of ``STAGE/METHOD/PATH`` as ``execute-api:Invoke`` takes it."""
    return f"arn:aws:execute-api:us-east-1:000000000000:{api.api_id}/{route}"
