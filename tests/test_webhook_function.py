"""What the webhook function does with a request whose signature is good, and with its secret.

Everything runs twice: as the file stands, and as it is inlined.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from infra import webhooks
from infra.webhooks import PRESETS, sign
from tests.local_aws import machine_arn, shared, unique
from tests.webhook_container import (
    BODY,
    CODE,
    HMAC,
    JSON,
    SECRET,
    Answer,
    Function,
    environment,
    event,
    machine,
    secret,
    started,
)


@pytest.fixture(params=CODE)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_signed_body_is_the_input_of_an_execution_as_it_was_sent(code: str) -> None:
    answer = Function(code).signed(BODY)
    assert answer.status == 202
    assert answer.headers == JSON
    execution = started(answer)
    assert execution["input"] == BODY
    assert execution["stateMachineArn"] == machine()
    assert execution["name"] == f"order123-{answer.body['requestId']}"
    assert answer.body["requestId"].startswith("Request-")
    assert answer.body["requestId"].isascii() and "=" not in answer.body["requestId"]
    assert answer.body["startDate"] == pytest.approx(time.time(), abs=30)


def test_allowed_headers_stand_beside_the_body_under_their_configured_names(code: str) -> None:
    function = Function(code, with_headers=True, input_headers=("X-Tenant", "X-Not-Sent"))
    answer = function.signed(BODY, x_tenant='a "b"', X_Other="kept out")
    assert started(answer)["input"] == f'{{"body":{BODY},"headers":{{"X-Tenant": "a \\"b\\""}}}}'


def test_no_body_is_an_empty_object_as_on_every_route(code: str) -> None:
    function = Function(code)
    assert started(function.answer(None, sign(HMAC, SECRET, "", 0)))["input"] == "{}"


def test_a_form_becomes_the_object_of_its_pairs_and_the_first_of_a_name_wins(code: str) -> None:
    body = "command=%2Fship&text=&text=second&who=Zo%C3%AB+K."
    headers = {"content-type": "application/X-WWW-form-urlencoded; charset=utf-8"}
    answer = Function(code).answer(body, headers | sign(HMAC, SECRET, body, 0))
    expected = {"command": "/ship", "text": "", "who": "Zoë K."}
    assert json.loads(started(answer)["input"]) == expected


@pytest.mark.parametrize(
    "body",
    [
        '{"a":',
        "NaN",
        '{"a": -Infinity}',
        " ",
        "[" * 100_000,
        '\ufeff{"a": 1}',
        b'{"a": "\xff"}',
        '{"a": "\ud800"}'.encode("utf-8", "surrogatepass"),
    ],
)
def test_a_signed_body_that_is_no_json_is_a_bad_request(code: str, body: str | bytes) -> None:
    answer = Function(code).signed(body)
    assert (answer.status, answer.body["error"]) == (400, "BadRequest")
    assert "Send JSON" in answer.body["message"]


def test_a_form_of_more_than_1000_pairs_is_refused_and_not_cut(code: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    function = Function(code)
    for pairs, status in ((1_000, 202), (1_001, 400)):
        body = "&".join(f"n{number}=1" for number in range(pairs))
        assert function.answer(body, headers | sign(HMAC, SECRET, body, 0)).status == status


def test_an_input_over_256_kib_is_too_large(code: str) -> None:
    function, most = Function(code), json.dumps("é" * 131_071, ensure_ascii=False)
    assert len(most.encode()) == 262_144
    assert function.signed(most).status == 202
    answer = function.signed(most + " ")
    assert (answer.status, answer.body["error"]) == (413, "ValidationException")


def test_a_fixed_or_empty_answer_comes_with_its_status_and_headers(code: str) -> None:
    settings: dict[str, Any] = {"response_headers": (("X-Shop", "one"),), "response_status": 201}
    fixed = Function(code, response_mode="FIXED", response_body='{"ok": true}', **settings)
    assert fixed.signed(BODY) == (201, {"X-Shop": "one"} | JSON, {"ok": True})
    empty = Function(code, response_mode="EMPTY", **settings)
    assert empty.signed(BODY) == (201, {"X-Shop": "one"} | JSON, "")


def test_an_express_machine_is_started_too(code: str) -> None:
    answer = Function(code, machine_arn=machine("EXPRESS")).signed(BODY)
    assert answer.status == 202
    assert ":express:" in answer.body["executionArn"]


@pytest.mark.parametrize(
    ("source", "key", "body", "name"),
    [
        ("HEADER", "X-Delivery", BODY, "d-{}"),
        ("BODY", "$.id", '{{"id": "d-{}"}}', "d-{}"),
        (
            "BODY",
            "$.event['an id'].list[1]",
            '{{"event": {{"an id": {{"list": [0, "{}"]}}}}}}',
            "{}",
        ),
    ],
)
def test_a_repeated_key_answers_the_first_execution(
    code: str, source: Any, key: str, body: str, name: str
) -> None:
    number = unique("x")
    body, name = body if source == "HEADER" else body.format(number), name.format(number)
    function = Function(code, idempotency_source=source, idempotency_key=key)
    first = function.signed(body, x_delivery=name)
    assert started(first)["name"] == f"order123-{name}"
    again = function.signed(body, x_delivery=name)
    assert (again.status, again.headers) == (202, JSON)
    assert set(again.body) == {"executionArn", "requestId"}
    assert again.body["executionArn"] == first.body["executionArn"]
    assert again.body["requestId"] != first.body["requestId"]


def test_a_number_names_an_execution_digit_by_digit(code: str) -> None:
    number = time.time_ns() * 10**12 + 7
    function = Function(code, idempotency_source="BODY", idempotency_key="$.id")
    answer = function.signed(f'{{"id": {number}}}')
    assert started(answer)["name"] == f"order123-{number}"


def test_a_repeated_key_is_a_conflict_where_that_is_chosen(code: str) -> None:
    function = Function(
        code, idempotency_source="HEADER", idempotency_key="X-Id", on_repeat="CONFLICT"
    )
    number = unique("x")
    started(function.signed(BODY, X_Id=number))
    answer = function.signed(BODY, X_Id=number)
    assert (answer.status, answer.body["error"]) == (409, "ExecutionAlreadyExists")


def test_a_fixed_answer_stays_the_same_for_a_repeated_key(code: str) -> None:
    function = Function(
        code,
        idempotency_source="HEADER",
        idempotency_key="X-Id",
        response_mode="FIXED",
        response_body='{"ok": true}',
    )
    number = unique("x")
    for _ in range(2):
        assert function.signed(BODY, X_Id=number) == (202, JSON, {"ok": True})


@pytest.mark.parametrize("value", ["", "a b", "ä", "a" * 72, "a\n", "../a"])
def test_a_key_that_cannot_name_an_execution_is_refused_and_not_mended(
    code: str, value: str
) -> None:
    function = Function(code, idempotency_source="BODY", idempotency_key="$.id")
    answer = function.signed(json.dumps({"id": value}))
    assert (answer.status, answer.body["error"]) == (400, "BadRequest")
    assert answer.body["message"].startswith("$.id names the execution")


@pytest.mark.parametrize("body", ["{}", '{"id": null}', '{"id": ["a"]}', '"a"', "[]"])
def test_a_key_that_is_not_there_is_refused(code: str, body: str) -> None:
    function = Function(code, idempotency_source="BODY", idempotency_key="$.id")
    assert function.signed(body).status == 400


@pytest.mark.parametrize("preset", PRESETS)
def test_a_providers_sample_starts_an_execution_under_the_providers_id(
    code: str, preset: webhooks.Scheme
) -> None:
    chosen = PRESETS[preset]
    kind = {"STRIPE": "checkout.session.completed", "GITHUB": "push", "SLACK": "app_mention"}
    source, key = chosen.idempotency
    function = Function(
        code,
        chosen.signature,
        machine_arn=machine("EXPRESS"),
        filter_source=chosen.filter[0],
        filter_name=chosen.filter[1],
        events=(kind.get(preset, "any"),),
        idempotency_source=source,
        idempotency_key=key,
    )
    headers = dict(chosen.sample_headers)
    headers |= sign(chosen.signature, SECRET, chosen.sample, time.time())
    answer = function.answer(chosen.sample, headers)
    assert answer.status == 202
    names = {
        "STRIPE": "order123-evt_1StepgateSample0001",
        "GITHUB": f"order123-{headers.get('X-GitHub-Delivery')}",
        "SLACK": "order123-Ev0STEPGATE1",
    }
    assert names.get(preset, "order123-Request-") in answer.body["executionArn"]


def test_events_that_are_not_wanted_are_ignored(code: str) -> None:
    by_path = Function(code, filter_source="BODY", filter_name="$.type", events=("a", "b"))
    assert by_path.signed('{"type": "c"}') == (200, JSON, {"ignored": True})
    assert by_path.signed("{}") == (200, JSON, {"ignored": True})
    assert by_path.signed('{"type": "b"}').status == 202
    by_header = Function(code, filter_source="HEADER", filter_name="X-Kind", events=("a",))
    assert by_header.signed(BODY, x_kind="c") == (200, JSON, {"ignored": True})
    assert by_header.signed(BODY) == (200, JSON, {"ignored": True})
    assert by_header.signed(BODY, x_kind="a").status == 202
    by_truth = Function(code, filter_source="BODY", filter_name="$.livemode", events=("true",))
    assert by_truth.signed('{"livemode": false}').body == {"ignored": True}
    assert by_truth.signed('{"livemode": true}').status == 202


def test_githubs_ping_is_answered_without_an_execution(code: str) -> None:
    function = Function(code, PRESETS["GITHUB"].signature, machine_arn=machine_arn("missing"))
    assert function.signed('{"zen": "."}', X_GitHub_Event="ping") == (200, JSON, {"ok": True})
    unsigned = function.answer('{"zen": "."}', {"X-GitHub-Event": "ping"})
    assert (unsigned.status, unsigned.body["error"]) == (401, "MissingSignature")


def test_slacks_url_verification_is_answered_with_its_challenge(code: str) -> None:
    function = Function(code, PRESETS["SLACK"].signature, machine_arn=machine_arn("missing"))
    body = json.dumps({"type": "url_verification", "challenge": 'a"é', "token": "t"})
    assert function.signed(body) == (200, JSON, {"challenge": 'a"é'})
    assert function.signed(body, key="another").status == 401
    assert function.answer(body, JSON).status == 401


@pytest.mark.parametrize(
    ("code_of_aws", "message", "status"),
    [
        ("ThrottlingException", "Rate exceeded", 429),
        ("TooManyRequestsException", "Too many", 429),
        ("ExecutionLimitExceeded", "Too many open executions", 429),
        ("InvalidExecutionInput", "Invalid State Machine Execution Input: 'input'", 400),
        ("ValidationException", "1 validation error detected: Value at 'input' failed", 413),
        ("ValidationException", "1 validation error detected: Value at 'name' failed", 502),
        ("StateMachineDeleting", "State Machine is being deleted", 502),
        ("AccessDeniedException", "is not authorized to perform: states:StartExecution", 502),
    ],
)
def test_an_error_of_step_functions_has_the_status_it_has_on_every_route(
    code: str, code_of_aws: str, message: str, status: int
) -> None:
    function = Function(code)
    with Stubber(function.module.MACHINES) as machines:
        machines.add_client_error("start_execution", code_of_aws, message)
        answer = function.signed(BODY)
        machines.assert_no_pending_responses()
    again = {"Retry-After": "1"} if status == 429 else {}
    assert (answer.status, answer.headers) == (status, again | JSON)
    assert (answer.body["error"], answer.body["message"]) == (code_of_aws, message)
    assert answer.body["requestId"].startswith("Request-")


def test_a_machine_that_is_gone_is_a_bad_gateway(code: str) -> None:
    answer = Function(code, machine_arn=machine_arn("missing")).signed(BODY)
    assert (answer.status, answer.body["error"]) == (502, "StateMachineDoesNotExist")


def test_step_functions_out_of_reach_is_a_bad_gateway(code: str) -> None:
    function = Function(code)

    def cut(request: Any, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=request.url)

    function.module.MACHINES.meta.events.register("before-send.sfn.StartExecution", cut)
    answer = function.signed(BODY)
    assert (answer.status, answer.body["error"]) == (502, "EndpointConnectionError")


def test_the_secret_is_read_once_in_five_minutes(code: str) -> None:
    function, now = Function(code), time.time()
    reads = function.reads()
    for seconds in (0, 1, 299):
        assert function.signed(BODY, now + seconds).status == 202
    assert len(reads) == 1
    function.signed(BODY, now + 300)
    assert len(reads) == 2


def test_a_replaced_secret_works_at_once_and_the_old_one_no_more(code: str) -> None:
    name, now = unique("stepgate/webhook"), time.time()
    secrets = shared().client("secretsmanager")
    secrets.create_secret(Name=name, SecretString="old")
    function = Function(code, secret_name=name)
    assert function.signed(BODY, now, key="old").status == 202
    secrets.put_secret_value(SecretId=name, SecretString=" new\n")
    assert function.signed(BODY, now + 10, key="new").status == 202
    assert function.signed(BODY, now + 10, key="old").status == 401


def test_bad_signatures_read_the_secret_once_in_five_seconds_at_most(code: str) -> None:
    function, now = Function(code), time.time()
    reads = function.reads()
    for tenth in range(100):
        assert function.signed(BODY, now + tenth / 10, key="guess").status == 401
    assert len(reads) == 2
    assert function.signed(BODY, now + 10).status == 202


def test_it_logs_one_line_that_tells_nothing_of_what_was_sent(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    function = Function(code, with_headers=True, input_headers=("X-Tenant",))
    good = function.signed('{"card": "4242"}', X_Tenant="acme")
    bad = function.signed('{"card": "4242"}', X_Tenant="acme", key="guess")
    broken = function.signed('{"card": "4242"', X_Tenant="acme")
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert lines == [
        {
            "requestId": good.body["requestId"],
            "outcome": "Started",
            "execution": f"order123-{good.body['requestId']}",
        },
        {"requestId": bad.body["requestId"], "outcome": "InvalidSignature"},
        {"requestId": broken.body["requestId"], "outcome": "BadRequest"},
    ]
    assert said.err == ""


def test_what_is_inlined_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(webhooks.source())
    config = webhooks.config(
        secret_name=secret(), machine_arn=machine(), trigger_key="order123", signature=HMAC
    )
    run = "import index,json,sys; print(json.dumps(index.handler(json.load(sys.stdin), None)))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]} | environment(config),
        input=json.dumps(event(BODY, sign(HMAC, SECRET, BODY, 0))),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    log, answer = map(json.loads, done.stdout.splitlines())
    assert (log["outcome"], answer["statusCode"], done.stderr) == ("Started", 202, "")
    body = json.loads(answer["body"])
    assert started(Answer(202, {}, body))["input"] == BODY
