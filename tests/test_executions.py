"""A trigger's executions, and one execution's page, as AWS tells them."""

import json
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard import step_functions
from dashboard.models import Environment, Request, Trigger
from tests.conftest import deploy, ended, make_trigger, words
from tests.faults import answering, counting, failing, slow, unreachable
from tests.local_aws import LocalAws, machine_arn, unique, until

pytestmark = pytest.mark.django_db


def start(aws: LocalAws, machine: str, name: str, text: str = "{}") -> str:
    answer = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine_arn(machine), name=name, input=text
    )
    return str(answer["executionArn"])


def finished(aws: LocalAws, arn: str) -> None:
    client = aws.client("stepfunctions")
    until(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING")


def page(client: Client, arn: str, name: str = "execution_detail", **query: str) -> Any:
    return client.get(reverse(name, args=["local", arn]), query)


@pytest.fixture
def served(environment: Environment, local_aws: LocalAws) -> Trigger:
    """Live by its rows, on a machine of its own that ends at once."""
    name = unique("machine")
    local_aws.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::000000000000:role/x",
    )
    trigger = make_trigger(environment, machine=name)
    ended(trigger)
    return trigger


# -- the trigger's list -----------------------------------------------------------------


def test_it_lists_its_own_executions_newest_first_and_no_others(
    as_admin: Client, served: Trigger, local_aws: LocalAws
) -> None:
    for name in ("one", "two", "three"):
        start(local_aws, served.machine_name, f"{served.key}-{name}")
        start(local_aws, served.machine_name, f"a0000000-{name}")
        start(local_aws, served.machine_name, f"{served.key}{name}")
    for path in (served.get_absolute_url(), reverse("trigger_executions", args=[served.key])):
        answer = as_admin.get(path)
        names = [row.name for row in answer.context["rows"]]
        assert names == [f"{served.key}-{n}" for n in ("three", "two", "one")]
        assert answer.context["rows"][0].arn in unquote(answer.content.decode())
        assert "a0000000-" not in words(answer)


def test_two_triggers_on_one_machine_are_told_apart(
    as_admin: Client, served: Trigger, environment: Environment, local_aws: LocalAws
) -> None:
    other = make_trigger(environment, served.rest_api, path="/x", machine=served.machine_name)
    ended(other)
    start(local_aws, served.machine_name, f"{served.key}-mine")
    start(local_aws, served.machine_name, f"{other.key}-theirs")
    for trigger, name in ((served, "mine"), (other, "theirs")):
        rows = as_admin.get(trigger.get_absolute_url()).context["rows"]
        assert [row.name for row in rows] == [f"{trigger.key}-{name}"]


def test_before_the_first_call_it_waits_for_it(as_admin: Client, served: Trigger) -> None:
    assert "Waiting for the first request" in words(as_admin.get(served.get_absolute_url()))


def test_a_trigger_that_is_not_deployed_says_so(
    as_admin: Client, trigger: Trigger, local_aws: LocalAws
) -> None:
    with counting("stepfunctions", "ListExecutions") as calls:
        text = words(as_admin.get(trigger.get_absolute_url()))
    assert "Not deployed" in text and "Waiting for" not in text
    assert calls == []


def thousand(asked: dict[str, Any], count: int = 1000) -> dict[str, Any]:
    rows = [
        {
            "executionArn": f"{asked['stateMachineArn']}:o{n}".replace("stateMachine", "execution"),
            "stateMachineArn": asked["stateMachineArn"],
            "name": f"other000-{n}",
            "status": "SUCCEEDED",
            "startDate": 1767225600,
            "stopDate": 1767225601,
        }
        for n in range(count)
    ]
    return {"executions": rows, "nextToken": "more"}


def test_a_machine_that_others_start_much_more_often_is_told_exactly(
    as_admin: Client, served: Trigger
) -> None:
    with answering("stepfunctions", "ListExecutions", thousand):
        text = words(as_admin.get(served.get_absolute_url()))
    assert "None of the machine's newest 1000 executions is this trigger's" in text.replace(",", "")
    cache.clear()
    with answering("stepfunctions", "ListExecutions", lambda asked: thousand(asked, 999)):
        text = words(as_admin.get(served.get_absolute_url()))
    assert "Waiting for the first request" in text


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("AccessDeniedException", "Allow states:ListExecutions in the IAM policy"),
        ("ExpiredTokenException", "credentials that are valid now"),
    ],
)
def test_the_page_opens_with_what_the_database_knows_if_aws_cannot_be_read(
    code: str, fix: str, as_admin: Client, served: Trigger
) -> None:
    Request.objects.create(
        trigger=served, sent_by="ada", method="POST", url="http://x/orders", status=202
    )
    with failing("stepfunctions", "ListExecutions", code, "Not for you."):
        answer = as_admin.get(served.get_absolute_url())
    assert answer.status_code == 200
    text = words(answer)
    assert "states:ListExecutions" in text and f"{code}: Not for you." in text
    assert fix in text
    assert "http://x/orders" in text and answer.context["url"] in text


def test_the_page_opens_if_aws_cannot_be_reached(as_admin: Client, served: Trigger) -> None:
    with unreachable("stepfunctions", "ListExecutions"):
        text = words(as_admin.get(served.get_absolute_url()))
    assert "states:ListExecutions" in text and "can be reached" in text


def test_one_call_serves_all_viewers_for_two_seconds(as_admin: Client, served: Trigger) -> None:
    environment, arn = served.rest_api.environment, served.state_machine_arn
    gate, hold = threading.Barrier(8), threading.Event()

    def view() -> None:
        gate.wait(10)
        step_functions.executions(environment, arn)

    with (
        slow("stepfunctions", "ListExecutions", lambda: hold.wait(0.2)),
        counting("stepfunctions", "ListExecutions") as calls,
    ):
        threads = [threading.Thread(target=view) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        as_admin.get(served.get_absolute_url())
        as_admin.get(reverse("trigger_recent", args=[served.key]))
        assert len(calls) == 1
        assert json.loads(calls[0])["maxResults"] == 1000


def test_a_refused_call_is_not_repeated_for_each_viewer(as_admin: Client, served: Trigger) -> None:
    with failing("stepfunctions", "ListExecutions", "AccessDeniedException", "No.") as calls:
        for _ in range(3):
            as_admin.get(reverse("trigger_recent", args=[served.key]))
    assert len(calls) == 1


def test_the_part_answers_204_until_an_execution_appears(
    as_admin: Client, served: Trigger, local_aws: LocalAws
) -> None:
    path = reverse("trigger_recent", args=[served.key])
    version = as_admin.get(served.get_absolute_url()).context["recent_version"]
    assert as_admin.get(path, {"v": version}).status_code == 204
    start(local_aws, served.machine_name, f"{served.key}-new")
    cache.clear()
    answer = as_admin.get(path, {"v": version})
    assert answer.status_code == 200
    assert f"{served.key}-new" in words(answer)


def test_after_send_request_the_part_looks_every_second(as_admin: Client, served: Trigger) -> None:
    path = reverse("trigger_recent", args=[served.key])
    assert as_admin.get(path)["X-Poll-Every"] == "2000"
    sent = Request.objects.create(trigger=served, sent_by="ada", method="POST", url="x")
    assert as_admin.get(path)["X-Poll-Every"] == "1000"
    long_ago = timezone.now() - timedelta(seconds=61)
    Request.objects.filter(pk=sent.pk).update(sent_at=long_ago)
    assert as_admin.get(path)["X-Poll-Every"] == "2000"


# -- EXPRESS ----------------------------------------------------------------------------


def test_an_express_trigger_lists_its_requests_and_asks_for_no_executions(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, machine="quote", machine_type="EXPRESS")
    deploy(trigger)
    with counting("stepfunctions", "ListExecutions") as calls:
        for path in (trigger.get_absolute_url(), reverse("trigger_executions", args=[trigger.key])):
            text = words(as_admin.get(path))
            assert "AWS keeps no list of its executions" in text
            assert "No request sent from here yet" in text
            assert "Waiting for" not in text
        as_admin.post(reverse("trigger_send", args=[trigger.key]), {"body": '{"n": 1}'})
        answer = as_admin.get(trigger.get_absolute_url())
    sent = Request.objects.get()
    assert sent.status == 202
    assert list(answer.context["rows"]) == [sent]
    assert sent.url in words(answer) and "executionArn" in words(answer)
    assert calls == []


@pytest.mark.parametrize("live_type", ["EXPRESS", "STANDARD"])
def test_what_is_listed_follows_the_live_machine_not_the_saved_one(
    live_type: str, as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    types = {"EXPRESS": "quote", "STANDARD": "order-fulfilment"}
    saved_type = "STANDARD" if live_type == "EXPRESS" else "EXPRESS"
    trigger = make_trigger(environment, machine=types[live_type], machine_type=live_type)
    ended(trigger)
    arn = machine_arn(types[saved_type])
    trigger.save_version({"state_machine_arn": arn, "machine_type": saved_type}, by="otto")
    text = words(as_admin.get(trigger.get_absolute_url()))
    assert ("AWS keeps no list" in text) == (live_type == "EXPRESS")
    assert ("Waiting for the first request" in text) == (live_type == "STANDARD")


# -- one execution ----------------------------------------------------------------------


def test_a_succeeded_one_shows_all_that_aws_knows(as_admin: Client, local_aws: LocalAws) -> None:
    environment = Environment.objects.create(
        name="local", account_id="000000000000", region="us-east-1"
    )
    trigger = make_trigger(environment)
    arn = start(
        local_aws, "order-fulfilment", f"{trigger.key}-a", '{"orderId":"A-1","items":[{"sku":"m"}]}'
    )
    finished(local_aws, arn)
    answer = page(as_admin, arn)
    text = words(answer)
    assert "SUCCEEDED" in text and "order-fulfilment" in text
    for label in ("Started", "Ended", "Duration", "Input", "Output", "History"):
        assert label in text
    assert '"orderId": "A-1"' in text
    assert "ExecutionStarted" in text and "ExecutionSucceeded" in text
    assert f'href="{trigger.get_absolute_url()}"' in answer.content.decode()
    assert "data-poll=" not in answer.content.decode()
    assert page(as_admin, arn, "execution_live").status_code == 286


def test_a_failed_one_begins_with_state_error_and_cause(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    arn = start(local_aws, "always-fails", unique("x"))
    finished(local_aws, arn)
    text = words(page(as_admin, arn))
    at = [
        text.index(part)
        for part in ("Card declined", "PaymentDeclined", "The card was declined: insufficient")
    ]
    assert at == sorted(at) and at[-1] < text.index("Started")
    assert "FAILED" in text and "ExecutionFailed" in text


def test_a_running_one_is_live(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    arn = start(local_aws, "long-wait", unique("x"))
    client = local_aws.client("stepfunctions")
    until(lambda: len(client.get_execution_history(executionArn=arn)["events"]) >= 2)
    opened = page(as_admin, arn)
    text = words(opened)
    assert "RUNNING" in text and "It is still running" in text and "Wait for approval" in text
    assert "data-poll=" in opened.content.decode()
    first = page(as_admin, arn, "execution_live")
    assert first.status_code == 200
    assert unquote(first["X-Page-Title"]).startswith("Running · long-wait")
    assert page(as_admin, arn, "execution_live", v=first["X-Poll-Version"]).status_code == 204
    client.stop_execution(executionArn=arn, error="Enough", cause="Stopped for the test.")
    cache.clear()
    ended_ = page(as_admin, arn, "execution_live", v=first["X-Poll-Version"])
    assert ended_.status_code == 286
    assert "ABORTED" in words(ended_)


def test_one_that_aws_does_not_know_says_so(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    arn = machine_arn("order-fulfilment").replace(":stateMachine:", ":execution:") + ":never"
    answer = page(as_admin, arn)
    assert answer.status_code == 200
    text = words(answer)
    assert "ExecutionDoesNotExist" in text and "90 days" in text


def test_one_that_may_not_be_read_names_the_call_and_the_fix(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    arn = start(local_aws, "always-fails", unique("x"))
    with failing("stepfunctions", "GetExecutionHistory", "AccessDeniedException", "No."):
        text = words(page(as_admin, arn))
    assert "states:GetExecutionHistory: AccessDeniedException: No." in text
    assert "Allow states:GetExecutionHistory" in text


@pytest.mark.parametrize(
    "arn",
    [
        "nonsense",
        machine_arn("order-fulfilment"),
        "arn:aws:states:us-east-1:000000000000:execution:m",
        "arn:aws:states:us-east-1:000000000000:execution:m:a b",
        "arn:aws:lambda:us-east-1:000000000000:execution:m:a",
        "../../admin/",
    ],
)
def test_what_is_no_arn_of_an_execution_is_not_found(
    arn: str, as_admin: Client, environment: Environment
) -> None:
    assert page(as_admin, arn).status_code == 404


def test_input_is_shown_as_it_was_sent(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    text = '{"n": 12345678901234567890, "f": 1.10, "e": 1E400, "a": 1, "a": 2, "x": "<b>&"}'
    arn = start(local_aws, "long-wait", unique("x"), text)
    shown = words(page(as_admin, arn))
    for part in ("12345678901234567890", "1.10", "1E400", '"a": 1', '"a": 2', '"<b>&"'):
        assert part in shown


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": ' + "[" * 3000 + "]" * 3000 + "}"])
def test_input_of_any_kind_can_be_shown(
    text: str, as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    arn = start(local_aws, "long-wait", unique("x"))
    stored = {
        "executionArn": arn,
        "stateMachineArn": machine_arn("long-wait"),
        "status": "SUCCEEDED",
        "startDate": 1767225600,
        "stopDate": 1767225601,
        "input": text,
        "output": text,
    }
    with answering("stepfunctions", "DescribeExecution", lambda _: stored):
        assert page(as_admin, arn).status_code == 200
