"""How an execution stands, read where the answer to its start says, by real HTTP."""

import json
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from dashboard import acts
from dashboard.models import RestApi
from dashboard.models.rest_api import new_key
from tests.local_aws import until
from tests.surface import WAIT, Api, client, error, machine, route, serve

pytestmark = pytest.mark.django_db
NASTY = 'it\'s "quoted" \\ \n $context.requestId ${x} #end 😀'
FAILS = {
    "StartAt": "Fail",
    "States": {"Fail": {"Type": "Fail", "Error": "OrderNotFound", "Cause": NASTY}},
}
KEYED = {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"}


def _key(rest_api: RestApi) -> str:
    return acts.create_api_key(rest_api, "acme", form_key=new_key(), by="ada")[1]


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        route("/orders", status_route=True),
        route("/fails", machine=machine(FAILS), status_route=True),
        route("/waits", machine=machine(WAIT), status_route=True),
    )


@pytest.fixture(scope="module")
def other(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Status routes of triggers that are called, keyed or answered in another way."""
    return serve(
        django_db_blocker,
        route("/shops/{shop}/orders", status_route=True, **KEYED, response_mode="EMPTY"),
        route("/keyed", authorization="API_KEY", status_route=True),
        route("/", method="PUT", status_route=True, response_mode="FIXED", response_body="{}"),
        also=_key,
    )


def followed(answer: httpx.Response, **headers: str) -> httpx.Response:
    """What the Location of ``answer`` leads to."""
    assert answer.status_code == 202, answer.text
    return httpx.get(answer.url.join(answer.headers["location"]), headers=headers)


def settled(answer: httpx.Response, **headers: str) -> Any:
    """The status of the execution once it has ended."""

    def ended() -> Any:
        seen = followed(answer, **headers)
        assert seen.status_code == 200, seen.text
        return None if seen.json()["status"] == "RUNNING" else seen.json()

    return until(ended)


@pytest.mark.parametrize("sent", [{"text": NASTY, "n": [1.10, None]}, [], "text", 7, None])
def test_the_location_leads_to_the_output(api: Api, sent: Any) -> None:
    answer = api.call("/orders", content=json.dumps(sent).encode())
    name = answer.json()["executionArn"].rpartition(":")[2]
    assert answer.headers["location"].endswith(f"/orders/executions/{name}")
    seen = settled(answer)
    assert set(seen) == {
        "name", "status", "startDate", "stopDate", "output", "error", "cause", "requestId",
    }  # fmt: skip
    assert (seen["name"], seen["status"]) == (name, "SUCCEEDED")
    assert seen["output"] == sent
    assert seen["startDate"] <= seen["stopDate"]
    assert (seen["error"], seen["cause"]) == (None, None)
    assert seen["requestId"] != answer.json()["requestId"]


def test_a_running_execution_says_so_until_it_ends(api: Api) -> None:
    answer = api.call("/waits", json={"a": 1})
    seen = followed(answer).json()
    assert (seen["status"], seen["stopDate"], seen["output"]) == ("RUNNING", None, None)
    arn = answer.json()["executionArn"]
    client("stepfunctions").stop_execution(executionArn=arn, error="Stop", cause="A test")
    seen = settled(answer)
    assert (seen["status"], seen["error"], seen["cause"]) == ("ABORTED", "Stop", "A test")


def test_a_failed_execution_tells_error_and_cause(api: Api) -> None:
    seen = settled(api.call("/fails", json={}))
    assert (seen["status"], seen["error"], seen["cause"]) == ("FAILED", "OrderNotFound", NASTY)
    assert seen["output"] is None


def test_the_location_keeps_the_path_that_was_called(other: Api) -> None:
    answer = other.call("/shops/7%208/orders", json={}, headers={"Idempotency-Key": "A-1"})
    wanted = f"/shops/7%208/orders/executions/{other.key('/shops/{shop}/orders')}-A-1"
    assert answer.headers["location"].endswith(wanted)
    assert settled(answer)["status"] == "SUCCEEDED"
    repeat = other.call("/shops/7%208/orders", json={}, headers={"Idempotency-Key": "A-1"})
    assert repeat.headers["location"] == answer.headers["location"]


def test_the_root_has_a_status_route_too(other: Api) -> None:
    answer = other.call("/", method="PUT", json={"a": 1})
    assert "//" not in answer.headers["location"]
    assert settled(answer)["output"] == {"a": 1}


def test_another_triggers_execution_is_not_found(api: Api) -> None:
    other = api.call("/fails", json={}).json()["executionArn"].rpartition(":")[2]
    answer = api.call(f"/orders/executions/{other}", method="GET")
    assert error(answer) == (404, "ExecutionDoesNotExist")


@pytest.mark.parametrize("machine_is_the_same", [True, False])
def test_an_execution_that_somebody_else_started_is_not_found(
    api: Api, *, machine_is_the_same: bool
) -> None:
    arn = api.specs["/orders" if machine_is_the_same else "/waits"].state_machine_arn
    name = f"by-hand-{new_key()}"
    started = client("stepfunctions").start_execution(stateMachineArn=arn, name=name)
    answer = api.call(f"/orders/executions/{name}", method="GET")
    assert error(answer) == (404, "ExecutionDoesNotExist")
    if not machine_is_the_same:
        client("stepfunctions").stop_execution(executionArn=started["executionArn"])


@pytest.mark.parametrize(
    "name",
    ["{key}-unknown", "{key}-", "{key}", "unknown", "{key}-a%20b", "{key}-%22%7D", "{key}-a:1"],
)
def test_an_unknown_name_is_not_found(api: Api, name: str) -> None:
    path = f"/orders/executions/{name.replace('{key}', api.key('/orders'))}"
    answer = api.call(path, method="GET")
    assert error(answer) == (404, "ExecutionDoesNotExist")
    assert answer.json()["message"] == "This trigger has no execution of that name."


def test_whoever_may_call_the_trigger_may_read_and_nobody_else(other: Api) -> None:
    answer = other.call("/keyed", json={}, headers={"x-api-key": other.made})
    assert error(followed(answer))[0] == 403
    assert settled(answer, **{"x-api-key": other.made})["status"] == "SUCCEEDED"


def test_only_get_reads_it(api: Api) -> None:
    location = httpx.URL(api.url).join(api.call("/orders", json={}).headers["location"])
    assert error(httpx.post(location, json={})) == (403, "MISSING_AUTHENTICATION_TOKEN")
