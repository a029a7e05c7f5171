"""What callers get of an execution that started or ended, by real HTTP."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.local_aws import machine_arn, unique, until
from tests.surface import (
    WAIT,
    Api,
    client,
    echo,
    error,
    execution,
    express,
    machine,
    received,
    route,
    serve,
)

pytestmark = pytest.mark.django_db
NASTY = 'it\'s "quoted" \\ \n $context.requestId ${x} #set($y = 1) #end 😀 </script>'
FAILS = {
    "StartAt": "Fail",
    "States": {"Fail": {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.cause"}},
}
SLOW = {
    "TimeoutSeconds": 1,
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 5, "End": True}},
}
OUTPUT = {"order": {"id": NASTY, "total": 12.50, "paid": True, "none": None}, "items": [{"n": 7}]}


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        route("/execution"),
        route(
            "/fixed",
            response_mode="FIXED",
            response_status=201,
            response_body=json.dumps({"text": NASTY, "n": 1.10}),
            response_headers=[["X-Handled-By", "stepgate; v=1"], ["Cache-Control", "no-store"]],
        ),
        route("/empty", response_mode="EMPTY", response_status=204),
        route("/template", response_mode="TEMPLATE", response_body='{"ref": "$id"}'),
        route("/any", method="ANY", response_status=200),
        route("/async", machine=echo("EXPRESS"), machine_type="EXPRESS"),
    )


@pytest.fixture(scope="module")
def sync(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        express("/output"),
        express("/string", response_path="$.order.id", response_type="STRING"),
        express("/number", response_path="$.order.total", response_type="NUMBER"),
        express("/index", response_path="$.items[0].n", response_type="NUMBER"),
        express("/boolean", response_path="$.order.paid", response_type="BOOLEAN"),
        express("/fixed", response_mode="FIXED", response_body='{"ok": true}'),
    )


@pytest.fixture(scope="module")
def failing(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Workflows that fail as they are told, or take too long."""
    fails = machine(FAILS, "EXPRESS")
    return serve(
        django_db_blocker,
        express("/fails", fails, error_statuses=[["OrderNotFound", 404]], error_default=500),
        express("/fails-by-default", fails),
        express("/slow", machine(SLOW, "EXPRESS"), response_headers=[["X-From", "us"]]),
        express("/long", machine(WAIT, "EXPRESS")),
    )


def test_the_execution_is_answered_at_once(api: Api) -> None:
    answer = api.call("/execution", json={"a": 1})
    found = execution(answer)
    assert set(answer.json()) == {"executionArn", "startDate", "requestId"}
    assert abs(answer.json()["startDate"] - found["startDate"].timestamp()) < 1
    assert found["name"].endswith(answer.json()["requestId"])
    assert answer.headers["content-type"] == "application/json"
    assert "location" not in answer.headers


def test_a_fixed_answer_comes_with_its_status_and_headers(api: Api) -> None:
    answer = api.call("/fixed", json={})
    assert (answer.status_code, answer.json()) == (201, {"text": NASTY, "n": 1.10})
    assert answer.headers["x-handled-by"] == "stepgate; v=1"
    assert answer.headers["cache-control"] == "no-store"


def test_an_error_has_no_header_of_a_success(api: Api) -> None:
    answer = api.call("/fixed", content=b"no JSON")
    assert error(answer) == (400, "InvalidExecutionInput")
    assert "x-handled-by" not in answer.headers


def test_an_empty_answer_has_no_body(api: Api) -> None:
    before = api.started("/empty")
    answer = api.call("/empty", json={})
    assert (answer.status_code, answer.content) == (204, b"")
    assert len(api.started("/empty")) == len(before) + 1


def test_a_template_of_its_own_knows_the_id_in_the_executions_name(api: Api) -> None:
    answer = api.call("/template", json={})
    assert answer.status_code == 202
    assert f"{api.key('/template')}-{answer.json()['ref']}" in api.started("/template")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_any_serves_every_method(api: Api, method: str) -> None:
    before = api.started("/any")
    assert api.call("/any", method=method).status_code == 200
    assert len(api.started("/any")) == len(before) + 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/execution"), ("POST", "/nowhere")])
def test_what_is_no_route_is_refused_in_json(api: Api, method: str, path: str) -> None:
    assert error(api.call(path, method=method)) == (403, "MISSING_AUTHENTICATION_TOKEN")


def test_an_express_machine_is_started_without_waiting(api: Api) -> None:
    first, second = (api.call("/async", json={}) for _ in range(2))
    assert first.status_code == 202
    assert f":express:{echo('EXPRESS')}:{api.key('/async')}-" in first.json()["executionArn"]
    assert first.json()["executionArn"] != second.json()["executionArn"]


def test_the_whole_output_is_answered(sync: Api) -> None:
    answer = sync.call("/output", json=OUTPUT)
    assert (answer.status_code, answer.json()) == (200, OUTPUT)


@pytest.mark.parametrize(
    ("path", "said"),
    [("/string", NASTY), ("/number", 12.5), ("/index", 7), ("/boolean", True), ("/fixed", None)],
)
def test_one_value_of_the_output_is_answered(sync: Api, path: str, said: Any) -> None:
    answer = sync.call(path, json=OUTPUT)
    assert answer.status_code == 200
    assert answer.json() == ({"ok": True} if path == "/fixed" else said)


@pytest.mark.parametrize("output", [{}, {"order": {"id": None, "total": "x", "paid": 1}}, []])
@pytest.mark.parametrize(
    ("path", "said"), [("/string", ""), ("/number", None), ("/boolean", None), ("/index", None)]
)
def test_a_value_that_is_not_there_or_of_another_type_is_legal_json(
    sync: Api, path: str, said: Any, output: Any
) -> None:
    answer = sync.call(path, json=output)
    assert (answer.status_code, answer.json()) == (200, said)


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        ("/fails", "OrderNotFound", 404),
        ("/fails", "Else", 500),
        ("/fails", "OrderNotFoundAtAll", 500),
        ("/fails-by-default", "OrderNotFound", 502),
        ("/fails-by-default", NASTY, 502),
    ],
)
def test_a_failed_workflow_is_no_success(failing: Api, path: str, name: str, status: int) -> None:
    answer = failing.call(path, json={"error": name, "cause": NASTY})
    assert error(answer) == (status, name)
    assert answer.json()["message"] == NASTY


@pytest.mark.parametrize("sent", [{"error": "", "cause": ""}, {"error": "E", "cause": ""}])
def test_a_failure_without_words_gets_some(failing: Api, sent: Mapping[str, str]) -> None:
    answer = failing.call("/fails", json=sent)
    assert error(answer) == (500, sent["error"] or "FAILED")
    assert answer.json()["message"] == "The workflow ended as FAILED."


def test_a_workflow_that_timed_out_is_a_gateway_timeout(failing: Api) -> None:
    answer = failing.call("/slow", json={})
    assert error(answer) == (504, "States.Timeout")


def test_a_workflow_longer_than_the_gateway_waits_is_a_gateway_timeout(failing: Api) -> None:
    # 29 s as deployed; here a shorter limit, put by hand, does for the same.
    gateway = client("apigateway")
    resources = gateway.get_resources(restApiId=failing.api_id, embed=["methods"])["items"]
    resource = next(one for one in resources if one["path"] == "/long")
    integration = resource["resourceMethods"]["POST"]["methodIntegration"]
    assert integration["timeoutInMillis"] == 29_000
    gateway.update_integration(
        restApiId=failing.api_id,
        resourceId=resource["id"],
        httpMethod="POST",
        patchOperations=[{"op": "replace", "path": "/timeoutInMillis", "value": "300"}],
    )
    answer = failing.call("/long", json={})
    assert error(answer) == (504, "INTEGRATION_TIMEOUT")


@pytest.mark.parametrize("path", ["/output", "/string"])
def test_what_step_functions_refuses_is_refused_at_a_sync_route_too(sync: Api, path: str) -> None:
    assert error(sync.call(path, content=b"no JSON")) == (400, "InvalidExecutionInput")
    large = b'"' + b"a" * 262_143 + b'"'
    assert error(sync.call(path, content=large)) == (413, "ValidationException")


def test_the_largest_input_is_taken_and_one_byte_more_is_not(api: Api) -> None:
    largest = b'"' + b"a" * 262_142 + b'"'
    assert len(received(api.call("/execution", content=largest))) == 262_142
    before = api.started("/execution")
    answer = api.call("/execution", content=largest[:-1] + b'a"')
    assert error(answer) == (413, "ValidationException")
    bytes_count = '"' + "é" * 131_072 + '"'
    assert error(api.call("/execution", content=bytes_count.encode()))[0] == 413
    assert api.started("/execution") == before


def test_a_machine_that_is_gone_is_a_bad_gateway(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    standard, quick = machine(), machine(kind="EXPRESS")
    api = serve(django_db_blocker, route("/gone", machine=standard), express("/gone-too", quick))
    states = client("stepfunctions")
    for path, name in (("/gone", standard), ("/gone-too", quick)):
        states.delete_state_machine(stateMachineArn=api.specs[path].state_machine_arn)
        answer = until(partial(_refused, api, path))
        assert error(answer) == (502, "StateMachineDoesNotExist")
        assert name in answer.json()["message"]


def _refused(api: Api, path: str) -> Any:
    answer = api.call(path, json={})
    return answer if answer.status_code >= 400 else None


def test_a_machine_that_became_a_standard_one_cannot_be_waited_for(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    name = machine(kind="EXPRESS")
    api = serve(django_db_blocker, express("/changed", name))
    states = client("stepfunctions")
    made = states.describe_state_machine(stateMachineArn=machine_arn(name))
    states.delete_state_machine(stateMachineArn=machine_arn(name))
    until(partial(_refused, api, "/changed"))
    states.create_state_machine(**{key: made[key] for key in ("name", "definition", "roleArn")})
    assert error(api.call("/changed", json={})) == (502, "StateMachineTypeNotSupported")


def test_a_machine_deleted_and_made_anew_serves_on(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    name = unique("again")
    states = client("stepfunctions")
    made = {
        "name": name,
        "definition": json.dumps(WAIT),
        "roleArn": "arn:aws:iam::000000000000:role/machines",
    }
    arn = states.create_state_machine(**made)["stateMachineArn"]
    api = serve(django_db_blocker, route("/again", machine=name))
    states.delete_state_machine(stateMachineArn=arn)
    until(lambda: _refused(api, "/again"))
    states.create_state_machine(**made)
    started = api.call("/again", json={})
    assert started.status_code == 202
    states.stop_execution(executionArn=started.json()["executionArn"])
