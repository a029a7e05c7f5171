"""A caller's key names the execution, and a repeat starts nothing, by real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.local_aws import until
from tests.surface import WAIT, Api, client, error, execution, machine, route, serve

pytestmark = pytest.mark.django_db
HEADER = {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"}
BODY = {"idempotency_source": "BODY", "idempotency_key": "$.order.id"}
ILLEGAL = ["", "a b", "a/b", "a.b", "ä", "a'b", 'a"b', "$id", "a" * 72, "a\\", "*", "<a>"]


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        route("/header", **HEADER, status_route=True, response_headers=[["X-From", "us"]]),
        route("/body", **BODY, response_status=200),
        route("/conflict", **HEADER, on_repeat="CONFLICT"),
        route("/running", **HEADER, machine=machine(WAIT)),
        route("/running-conflict", **HEADER, machine=machine(WAIT), on_repeat="CONFLICT"),
    )


@pytest.fixture(scope="module")
def own(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Triggers with answers of their own."""
    return serve(
        django_db_blocker,
        route("/fixed", **HEADER, response_mode="FIXED", response_body='{"done": true}'),
        route("/empty", **HEADER, response_mode="EMPTY"),
        route("/template", **HEADER, response_mode="TEMPLATE", response_body='{"own": "$id"}'),
    )


def keyed(api: Api, path: str, key: str, body: Any = None) -> httpx.Response:
    # As bytes: httpx takes ASCII only, callers send what they like.
    headers = [(b"Idempotency-Key", key.encode())]
    return api.call(path, json={} if body is None else body, headers=headers)


def ended(answer: httpx.Response) -> httpx.Response:
    """``answer``, once its execution has ended."""
    until(lambda: execution(answer, answer.status_code)["status"] != "RUNNING")
    return answer


def test_a_header_names_the_execution(api: Api) -> None:
    longest = "K_9-" + "a" * 67
    assert execution(keyed(api, "/header", longest))["name"] == f"{api.key('/header')}-{longest}"


def test_a_header_counts_in_whatever_case(api: Api) -> None:
    answer = api.call("/header", json={}, headers={"idempotency-key": "lower"})
    assert execution(answer)["name"] == f"{api.key('/header')}-lower"


def test_a_place_in_the_body_names_the_execution(api: Api) -> None:
    answer = api.call("/body", json={"order": {"id": "A-1"}})
    assert execution(answer, 200)["name"] == f"{api.key('/body')}-A-1"


@pytest.mark.parametrize("key", [7, -12345678901234567890123, True])
def test_a_number_in_the_body_names_the_execution_digit_by_digit(api: Api, key: Any) -> None:
    name = execution(api.call("/body", json={"order": {"id": key}}), 200)["name"]
    assert name == f"{api.key('/body')}-{str(key).lower()}"


@pytest.mark.parametrize("key", [1.5, {"a": 1}, ["a"], {}, []])
def test_a_value_that_is_no_text_in_one_way_only_is_refused(api: Api, key: Any) -> None:
    before = api.started("/body")
    assert error(api.call("/body", json={"order": {"id": key}})) == (400, "BadRequest")
    assert api.started("/body") == before


@pytest.mark.parametrize("key", ILLEGAL)
@pytest.mark.parametrize("path", ["/header", "/body"])
def test_a_key_of_another_form_is_refused_and_nothing_starts(api: Api, path: str, key: str) -> None:
    before = api.started(path)
    if path == "/header":
        answer = keyed(api, path, key)
    else:
        answer = api.call(path, json={"order": {"id": key}})
    assert error(answer) == (400, "BadRequest")
    assert "1 to 71 characters" in answer.json()["message"]
    assert api.started(path) == before


@pytest.mark.parametrize("body", [{}, {"order": "x"}, {"order": {"id": None}}, [], "text"])
def test_a_key_that_is_not_there_is_refused(api: Api, body: Any) -> None:
    before = api.started("/body")
    assert error(api.call("/body", json=body)) == (400, "BadRequest")
    assert error(api.call("/header", json=body)) == (400, "BadRequest")
    assert api.started("/body") == before


@pytest.mark.parametrize("body", ["no JSON", '{"order": '])
def test_a_body_that_is_no_json_has_no_key(api: Api, body: str) -> None:
    assert error(api.call("/body", content=body.encode()))[0] == 400


@pytest.mark.parametrize("other", [{"a": 1}, {"a": 2}])
def test_a_repeat_while_it_runs_answers_the_first(api: Api, other: Any) -> None:
    key = f"run-{other['a']}"
    first = keyed(api, "/running", key, {"a": 1})
    again = keyed(api, "/running", key, other)
    assert again.status_code == first.status_code == 202
    assert again.json()["executionArn"] == first.json()["executionArn"]
    assert api.started("/running").count(f"{api.key('/running')}-{key}") == 1
    client("stepfunctions").stop_execution(executionArn=first.json()["executionArn"])


@pytest.mark.parametrize("other", [{"a": 1}, {"a": 2}])
def test_a_repeat_after_the_end_answers_the_first(api: Api, other: Any) -> None:
    key = f"end-{other['a']}"
    first = ended(keyed(api, "/header", key, {"a": 1}))
    again = keyed(api, "/header", key, other)
    assert again.status_code == 202
    assert again.json() == {
        "executionArn": first.json()["executionArn"],
        "requestId": again.json()["requestId"],
    }
    for header in ("location", "x-from", "content-type"):
        assert again.headers[header] == first.headers[header]
    assert execution(first)["input"] == '{"a":1}'
    assert api.started("/header").count(f"{api.key('/header')}-{key}") == 1


def test_a_repeated_key_of_the_body_answers_with_the_same_status(api: Api) -> None:
    first = ended(api.call("/body", json={"order": {"id": "twice"}}))
    again = api.call("/body", json={"order": {"id": "twice"}, "more": 1})
    assert again.status_code == first.status_code == 200
    assert again.json()["executionArn"] == first.json()["executionArn"]


def test_a_repeat_is_a_conflict_where_that_is_chosen(api: Api) -> None:
    first = ended(keyed(api, "/conflict", "one"))
    answer = keyed(api, "/conflict", "one")
    assert error(answer) == (409, "ExecutionAlreadyExists")
    assert first.json()["executionArn"] in answer.json()["message"]
    assert "x-from" not in answer.headers


def test_another_body_while_it_runs_is_a_conflict_too(api: Api) -> None:
    first = keyed(api, "/running-conflict", "one", {"a": 1})
    answer = keyed(api, "/running-conflict", "one", {"a": 2})
    assert error(answer) == (409, "ExecutionAlreadyExists")
    client("stepfunctions").stop_execution(executionArn=first.json()["executionArn"])


@pytest.mark.parametrize("path", ["/fixed", "/empty"])
def test_an_answer_of_its_own_is_the_same_for_a_repeat(own: Api, path: str) -> None:
    first, again = (keyed(own, path, "one", {"a": n}) for n in range(2))
    assert (again.status_code, again.text.strip()) == (first.status_code, first.text.strip())
    assert own.started(path) == [f"{own.key(path)}-one"]


def test_a_template_of_its_own_is_not_rendered_for_a_repeat_that_has_no_answer(own: Api) -> None:
    first, again = (keyed(own, "/template", "one", {"a": n}) for n in range(2))
    assert list(first.json()) == ["own"]
    assert again.status_code == 202
    assert again.json()["executionArn"].endswith(f":{own.key('/template')}-one")


def test_repeats_at_once_start_one_execution(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: keyed(api, "/header", "burst", {"n": n}), range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["executionArn"] for answer in answers}) == 1
    assert api.started("/header").count(f"{api.key('/header')}-burst") == 1


def test_one_key_at_two_triggers_names_two_executions(api: Api) -> None:
    one, other = (keyed(api, path, "shared") for path in ("/header", "/conflict"))
    assert one.status_code == other.status_code == 202
    assert one.json()["executionArn"] != other.json()["executionArn"]
