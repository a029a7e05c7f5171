"""Lambda functions of the embedded AWS behind API Gateway."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.local_aws import LocalAws, machine_arn, shared, unique, until
from tests.local_stack import (
    delete,
    deploy,
    deploy_rest_api,
    function,
    get,
    method,
    resource,
    rest_api,
    url,
)

ECHO = """
import json
def handler(event, context):
    print("called", event["requestContext"]["requestId"])
    return {"statusCode": 200, "headers": {"X-Said": "yes"}, "body": json.dumps(event)}
"""

STARTER = f"""
import json, boto3
secrets, states = boto3.client("secretsmanager"), boto3.client("stepfunctions")
def handler(event, context):
    secret = secrets.get_secret_value(SecretId=event["headers"]["X-Secret"])["SecretString"]
    if event["headers"].get("X-Signature") != secret:
        return {{"statusCode": 401, "body": "{{}}"}}
    request = event["requestContext"]["extendedRequestId"].rstrip("=")
    answer = states.start_execution(
        stateMachineArn="{machine_arn("long-wait")}", name="hook-" + request, input=event["body"]
    )
    return {{"statusCode": 202, "body": json.dumps({{"executionArn": answer["executionArn"]}})}}
"""


@pytest.fixture
def aws() -> LocalAws:
    return shared()


def proxy(name: str = "Function", **fields: Any) -> dict[str, Any]:
    """A proxy integration of the function ``name`` of the same stack."""
    uri = {
        "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        f"${{{name}.Arn}}/invocations"
    }
    return {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri} | fields


def permission(source: str = "*/POST/orders", name: str = "Function") -> dict[str, Any]:
    """Lets API Gateway call the function for ``source``, a part of the API's ARN."""
    arn = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/" + source
    return resource(
        "Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName=get(name),
        Principal="apigateway.amazonaws.com",
        SourceArn={"Fn::Sub": arn},
    )


def serve(code: str, *, name: str | None = None, **others: Any) -> str:
    """The id of an API whose POST /orders is a function of this code."""
    parts = {"Function": function(code), "Permission": permission()} | others
    parts = {key: part for key, part in parts.items() if part}
    return deploy_rest_api(method(proxy()), name=name, others=parts)


@pytest.fixture(scope="module")
def echo() -> str:
    """The URL of a function that answers with its event."""
    return url(serve(ECHO))


def test_a_function_answers_a_call(echo: str) -> None:
    answer = httpx.post(f"{echo}?a=1&a=2", content=b'{"b": 1}', headers={"X-Custom": "c"})
    assert (answer.status_code, answer.headers["x-said"]) == (200, "yes")
    event = answer.json()
    assert event["body"] == '{"b": 1}'
    assert event["queryStringParameters"] == {"a": "2"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["headers"]["X-Custom"] == "c"
    assert event["multiValueHeaders"]["X-Custom"] == ["c"]
    assert event["resource"] == "/orders"


def test_the_event_has_the_ids_of_the_answer(echo: str) -> None:
    answer = httpx.post(echo, headers={"X-Forwarded-For": "203.0.113.7", "User-Agent": "a-hook"})
    request = answer.json()["requestContext"]
    assert request["extendedRequestId"] == answer.headers["x-amz-apigw-id"]
    assert request["requestId"] == answer.headers["x-amzn-requestid"]
    assert request["identity"]["sourceIp"] == "203.0.113.7"
    assert request["identity"]["userAgent"] == "a-hook"
    assert request["identity"]["userArn"] is None
    assert request["path"] == httpx.URL(echo).path
    assert request["stage"] == "prod"


def test_what_a_function_prints_is_in_its_log_group(aws: LocalAws) -> None:
    name = unique("echo")
    group = resource("Logs::LogGroup", LogGroupName=f"/aws/lambda/{name}", RetentionInDays=30)
    named = function(ECHO, FunctionName=name)
    answer = httpx.post(url(serve(ECHO, Function=named, Group=group)))
    said = f"called {answer.headers['x-amzn-requestid']}"
    logs = aws.client("logs")
    until(
        lambda: [
            event
            for event in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            if said in event["message"]
        ]
    )
    (kept,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert kept["retentionInDays"] == 30


def test_a_function_reads_a_secret_and_starts_an_execution(aws: LocalAws) -> None:
    secret, hook = unique("secret"), url(serve(STARTER))
    aws.client("secretsmanager").create_secret(Name=secret, SecretString="s3cret")
    headers = {"X-Secret": secret, "X-Signature": "s3cret"}
    answer = httpx.post(hook, content=b'{"a": 1}', headers=headers)
    assert answer.status_code == 202, answer.text
    arn = answer.json()["executionArn"]
    assert arn.endswith(f":hook-{answer.headers['x-amz-apigw-id'].rstrip('=')}")
    execution = aws.client("stepfunctions").describe_execution(executionArn=arn)
    assert execution["input"] == '{"a": 1}'
    wrong = headers | {"X-Signature": "wrong"}
    assert httpx.post(hook, content=b"{}", headers=wrong).status_code == 401


def test_a_function_is_ready_soon_and_then_at_once(aws: LocalAws) -> None:
    secret, hook = unique("secret"), url(serve(STARTER))
    aws.client("secretsmanager").create_secret(Name=secret, SecretString="s3cret")
    headers = {"X-Secret": secret, "X-Signature": "s3cret"}
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        assert httpx.post(hook, content=b"{}", headers=headers, timeout=30).status_code == 202
        seconds.append(time.monotonic() - began)
    assert seconds[0] < 10
    assert min(seconds[1:]) < 1


def test_many_calls_at_once_find_a_function_each(echo: str) -> None:
    fresh = url(serve(ECHO))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: httpx.post(fresh, timeout=30), range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6
    ids = {answer.json()["requestContext"]["extendedRequestId"] for answer in answers}
    assert ids == {answer.headers["x-amz-apigw-id"] for answer in answers}
    assert len(ids) == 6


@pytest.mark.parametrize(
    "code",
    [
        "def handler(event, context): raise ValueError('secret detail')",
        "def handler(event, context): return 'text'",
        "def handler(event, context): return {'statusCode': 200, 'body': {'a': 1}}",
        "def handler(event, context): return {'statusCode': 200, 'message': 'x'}",
        "import no_such_module",
    ],
)
def test_a_malformed_answer_is_a_bad_gateway(code: str) -> None:
    answer = httpx.post(url(serve(code)), timeout=30)
    assert answer.status_code == 502
    assert answer.json()["message"] == "Internal server error"


def test_a_function_works_on_after_it_failed() -> None:
    code = (
        "def handler(event, context):\n"
        "    if event['body'] == 'fail': raise ValueError('x')\n"
        "    return {'statusCode': 204}\n"
    )
    hook = url(serve(code))
    assert httpx.post(hook, content=b"fail", timeout=30).status_code == 502
    assert httpx.post(hook, content=b"go on", timeout=30).status_code == 204


def test_a_function_that_takes_too_long_is_a_gateway_timeout() -> None:
    code = "import time\ndef handler(event, context): time.sleep(1.5)"
    parts = {"Function": function(code), "Permission": permission()}
    api_id = deploy_rest_api(method(proxy(TimeoutInMillis=200)), others=parts)
    answer = httpx.post(url(api_id))
    assert (answer.status_code, answer.json()["error"]) == (504, "INTEGRATION_TIMEOUT")
    assert answer.json()["message"] == "Endpoint request timed out"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (permission(), 200),
        (permission("prod/POST/orders"), 200),
        (permission("*/GET/orders"), 500),
        (permission("other/POST/orders"), 500),
        (None, 500),
    ],
)
def test_a_function_must_let_the_gateway_call_it(given: Any, status: int) -> None:
    answer = httpx.post(url(serve(ECHO, Permission=given)))
    assert answer.status_code == status
    if status == 500:
        assert answer.json()["error"] == "API_CONFIGURATION_ERROR"
        assert answer.json()["message"] == "Internal server error"


def test_a_changed_function_answers_as_it_is_now() -> None:
    def code(said: int) -> dict[str, Any]:
        body = f"def handler(event, context): return {{'statusCode': {said}}}"
        return rest_api(
            method(proxy()), others={"Function": function(body), "Permission": permission()}
        )

    made = deploy(code(201), Api={"Ref": "Api"})
    assert httpx.post(url(made["Api"])).status_code == 201
    deploy(code(204), name=made["Stack"], Api={"Ref": "Api"})
    assert httpx.post(url(made["Api"])).status_code == 204


def test_a_function_ends_with_its_stack(aws: LocalAws) -> None:
    name = unique("gone")
    made = deploy({"Function": function(ECHO, FunctionName=name)})
    delete(made["Stack"])
    names = [one["FunctionName"] for one in aws.client("lambda").list_functions()["Functions"]]
    assert name not in names
