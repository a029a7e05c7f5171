"""Limits, stage, tags, tracing, versions and aliases as deployed, by real HTTP."""

import json
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from dashboard.models import RestApi
from tests.local_aws import machine_arn, until
from tests.surface import Api, client, error, execution, express, machine, route, serve

pytestmark = pytest.mark.django_db
THROTTLED = {"local-aws:StartExecution": "ThrottlingException"}
"""A tag by which the embedded AWS refuses every start of a machine (docs/local-aws.md)."""


def says(word: str) -> dict[str, Any]:
    """A definition whose output is ``word``."""
    return {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": word, "End": True}}}


@pytest.fixture(scope="module")
def staged(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """A REST API with a stage, tags and tracing of its own, and routes of small limits."""

    def arn(rest_api: RestApi) -> str:
        return f"arn:aws:apigateway:us-east-1::/restapis/{rest_api.api_id}"

    tight = {"throttle_rate": 0.01, "throttle_burst": 2}
    return serve(
        django_db_blocker,
        route("/tight", **tight, status_route=True),
        route("/any", **tight, method="ANY"),
        route("/wide"),
        also=arn,
        stage_name="v2_test",
        tags=[["team", "shop"], ["cost centre", "42"]],
        tracing=True,
    )


def test_a_trigger_has_a_throttle_of_its_own(staged: Api) -> None:
    started = [staged.call("/tight", json={}) for _ in range(2)]
    assert [answer.status_code for answer in started] == [202, 202]
    before = staged.started("/tight")
    answer = staged.call("/tight", json={})
    assert error(answer) == (429, "THROTTLED")
    assert answer.headers["retry-after"] == "1"
    assert staged.started("/tight") == before
    assert staged.call("/wide", json={}).status_code == 202


def test_the_verbs_of_any_share_its_throttle(staged: Api) -> None:
    statuses = [staged.call("/any", method=verb).status_code for verb in ("GET", "PUT", "POST")]
    assert statuses == [202, 202, 429]


def test_the_stage_is_named_as_the_rest_api_says(staged: Api) -> None:
    assert "/v2_test/" in staged.url
    assert staged.call("/wide", json={}).status_code == 202
    other = httpx.post(f"{staged.url.replace('v2_test', 'prod')}/wide", json={})
    assert other.status_code == 403


def test_tags_and_tracing_are_as_the_rest_api_says(staged: Api) -> None:
    gateway = client("apigateway")
    stage = gateway.get_stage(restApiId=staged.api_id, stageName="v2_test")
    assert stage["tracingEnabled"] is True
    tags = gateway.get_rest_api(restApiId=staged.api_id)["tags"]
    assert (tags["team"], tags["cost centre"]) == ("shop", "42")
    assert (stage["tags"]["team"], stage["tags"]["cost centre"]) == ("shop", "42")


@pytest.fixture(scope="module")
def versioned(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Routes to version 1, to the alias ``live`` (version 1 at first) and to the machine."""
    states, name, quick = (
        client("stepfunctions"),
        machine(says("one")),
        machine(says("one"), "EXPRESS"),
    )
    arns = {}
    for each in (name, quick):
        arn = machine_arn(each)
        first = states.publish_state_machine_version(stateMachineArn=arn)
        arns[each] = first["stateMachineVersionArn"]
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(says("two")))
    states.create_state_machine_alias(
        name="live", routingConfiguration=[{"stateMachineVersionArn": arns[name], "weight": 100}]
    )
    return serve(
        django_db_blocker,
        route("/version", machine=f"{name}:1", status_route=True),
        route("/alias", machine=f"{name}:live", status_route=True),
        route("/machine", machine=name, status_route=True),
        express("/sync", f"{quick}:1"),
        express("/sync-machine", quick),
    )


def output(answer: httpx.Response) -> Any:
    """What the started execution ends with, as the status route says it."""
    where = answer.url.join(answer.headers["location"])
    seen = until(lambda: _ended(httpx.get(where)))
    return seen["output"]


def _ended(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.json()["status"] != "RUNNING" else None


@pytest.mark.parametrize(
    ("path", "word"), [("/version", "one"), ("/alias", "one"), ("/machine", "two")]
)
def test_a_version_and_an_alias_start_what_they_name(versioned: Api, path: str, word: str) -> None:
    answer = versioned.call(path, json={})
    assert output(answer) == word
    name = versioned.specs["/machine"].state_machine_arn.rpartition(":")[2]
    arn = answer.json()["executionArn"]
    assert f":execution:{name}:{versioned.key(path)}-" in arn
    found = execution(answer)
    assert found["stateMachineArn"] == machine_arn(name)
    if path != "/machine":
        assert found["stateMachineVersionArn"].endswith(f":{name}:1")
    if path == "/alias":
        assert found["stateMachineAliasArn"].endswith(f":{name}:live")


def test_a_version_is_waited_for_too(versioned: Api) -> None:
    assert versioned.call("/sync", json={}).json() == "one"
    assert versioned.call("/sync-machine", json={}).json() == "two"


def test_an_alias_that_is_moved_moves_its_route_without_a_deployment(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    states, name = client("stepfunctions"), machine(says("one"))
    arn = machine_arn(name)
    versions = []
    for word in ("one", "two"):
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(says(word)))
        made = states.publish_state_machine_version(stateMachineArn=arn)
        versions.append({"stateMachineVersionArn": made["stateMachineVersionArn"], "weight": 100})
    alias = states.create_state_machine_alias(name="live", routingConfiguration=versions[:1])
    api = serve(django_db_blocker, route("/alias", machine=f"{name}:live", status_route=True))
    assert output(api.call("/alias", json={})) == "one"
    states.update_state_machine_alias(
        stateMachineAliasArn=alias["stateMachineAliasArn"], routingConfiguration=versions[1:]
    )
    assert output(api.call("/alias", json={})) == "two"


@pytest.fixture(scope="module")
def refusing(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Routes to machines that the embedded AWS refuses to start, each with another error."""
    states = client("stepfunctions")
    routes = []
    for path, wanted, kind in (
        ("/throttled", "ThrottlingException", "STANDARD"),
        ("/down", "ServiceUnavailable", "STANDARD"),
        ("/broken", "InternalFailure", "STANDARD"),
        ("/throttled-sync", "ThrottlingException", "EXPRESS"),
    ):
        name = machine(says("one"), kind)
        action = "StartExecution" if kind == "STANDARD" else "StartSyncExecution"
        tag = {"key": f"local-aws:{action}", "value": wanted}
        states.tag_resource(resourceArn=machine_arn(name), tags=[tag])
        routes.append((route if kind == "STANDARD" else express)(path, machine=name))
    return serve(django_db_blocker, *routes)


@pytest.mark.parametrize("path", ["/throttled", "/throttled-sync"])
def test_a_throttled_start_says_when_to_come_again(refusing: Api, path: str) -> None:
    answer = refusing.call(path, json={})
    assert error(answer) == (429, "ThrottlingException")
    assert answer.headers["retry-after"] == "1"


def test_after_a_throttled_start_the_same_call_is_taken(refusing: Api) -> None:
    arn = refusing.specs["/throttled"].state_machine_arn
    states = client("stepfunctions")
    states.untag_resource(resourceArn=arn, tagKeys=list(THROTTLED))
    assert refusing.call("/throttled", json={}).status_code == 202
    tags = [{"key": key, "value": value} for key, value in THROTTLED.items()]
    states.tag_resource(resourceArn=arn, tags=tags)


@pytest.mark.parametrize(
    ("path", "name"), [("/down", "ServiceUnavailable"), ("/broken", "InternalFailure")]
)
def test_an_outage_of_step_functions_is_a_bad_gateway(refusing: Api, path: str, name: str) -> None:
    answer = refusing.call(path, json={})
    assert error(answer) == (502, name)
    assert "retry-after" not in answer.headers
