"""Send request: a real HTTP call to the live endpoint, and what its answer says."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.models import Endpoint, Environment, Request, Trigger
from tests.conftest import deploy, ended, make_trigger, words
from tests.local_aws import LocalAws, free_port, machine_arn, unique, until

pytestmark = pytest.mark.django_db


def send(client: Client, trigger: Trigger, **form: str) -> Any:
    """The page that shows the answer."""
    answer = client.post(reverse("trigger_send", args=[trigger.key]), form)
    assert answer.status_code == 302
    page = client.get(answer["Location"])
    assert page.status_code == 200
    return page


def described(aws: LocalAws, request: Request) -> Any:
    client = aws.client("stepfunctions")
    return until(lambda: client.describe_execution(executionArn=request.execution_arn))


@pytest.fixture
def any_route(environment: Environment, local_aws: LocalAws) -> Trigger:
    """ANY /orders/{id}/{rest+}, live."""
    trigger = make_trigger(environment, method="ANY", path="/orders/{id}/{rest+}")
    deploy(trigger)
    return Trigger.objects.get(pk=trigger.pk)


def test_the_answer_and_its_execution_are_shown(
    as_admin: Client, live: Trigger, local_aws: LocalAws
) -> None:
    page = send(as_admin, live, body='{"orderId": "A-1", "it\'s": "ü😀"}')
    sent = page.context["sent"]
    assert (sent.status, sent.sent_by, sent.method) == (202, "ada", "POST")
    assert described(local_aws, sent)["input"] == '{"orderId": "A-1", "it\'s": "ü😀"}'
    href = reverse("execution_detail", args=["local", sent.execution_arn])
    assert f'href="{href}"' in page.content.decode()
    assert sent.request_id and sent.execution_name == f"{live.key}-{sent.request_id}"
    assert sent.latency_ms is not None and sent.latency_ms < 30_000
    text = words(page)
    assert "executionArn" in text and sent.request_id in text and f"{sent.latency_ms} ms" in text
    assert as_admin.get(href).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_any_is_called_with_the_chosen_method(
    method: str, as_admin: Client, any_route: Trigger
) -> None:
    page = send(as_admin, any_route, method=method, path_id="7", path_rest="a", body="")
    assert (page.context["sent"].method, page.context["sent"].status) == (method, 202)


@pytest.mark.parametrize("method", ["", "ANY", "TRACE", "CONNECT", "../x"])
def test_a_method_that_is_none_becomes_post(
    method: str, as_admin: Client, any_route: Trigger
) -> None:
    page = send(as_admin, any_route, method=method, path_id="7", path_rest="a")
    assert page.context["sent"].method == "POST"


def test_path_variables_are_quoted_and_a_query_is_sent(
    as_admin: Client, any_route: Trigger
) -> None:
    page = send(
        as_admin, any_route, method="POST", path_id="a/b c?#", path_rest="x/y z", query="?q=1&r=ü"
    )
    sent = page.context["sent"]
    assert sent.url.endswith("/orders/a%2Fb%20c%3F%23/x/y%20z?q=1&r=ü")
    assert sent.status == 202


def test_a_variable_cannot_lead_to_another_host_or_route(
    as_admin: Client, any_route: Trigger, local_aws: LocalAws
) -> None:
    page = send(as_admin, any_route, path_id="../../..", path_rest="@example.org/")
    sent = page.context["sent"]
    assert sent.url.startswith(f"{local_aws.endpoint_url}/restapis/")
    assert urlsplit(sent.url).hostname == "127.0.0.1"


def test_headers_are_sent_but_secret_ones_are_not_kept(as_admin: Client, live: Trigger) -> None:
    lines = "X-Name: value: with colon\n\nauthorization: Bearer s3cret\nX-API-Key: k3y\nCookie: c=1"
    page = send(as_admin, live, headers=lines, body="{}")
    sent = Request.objects.get()
    assert sent.status == 202
    assert sent.headers == {"X-Name": "value: with colon", "Content-Type": "application/json"}
    assert sent.header_lines == "X-Name: value: with colon"
    assert "s3cret" not in page.content.decode()


@pytest.mark.parametrize("line", ["no colon", ": no name", "a b: c", "ü: x"])
def test_a_line_that_is_no_header_is_named_and_nothing_is_sent(
    line: str, as_admin: Client, live: Trigger
) -> None:
    path = reverse("trigger_send", args=[live.key])
    answer = as_admin.post(path, {"headers": f"X-Good: 1\n{line}", "body": "{}"}, follow=True)
    assert f"Header line 2 is not “Name: value”: {line}" in words(answer)
    assert not Request.objects.exists()


def test_a_body_that_is_not_json_is_answered_by_step_functions(
    as_admin: Client, live: Trigger
) -> None:
    page = send(as_admin, live, body="{half")
    sent = page.context["sent"]
    assert (sent.status, sent.execution_arn) == (400, "")
    who, cause, _ = page.context["diagnosis"]
    assert who == "Step Functions answered" and "not JSON" in cause
    assert f"{who}:" in words(page) and cause in words(page)


def test_too_many_requests_are_answered_by_api_gateway(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, throttle_rate=0.1, throttle_burst=1)
    deploy(trigger)
    pages = [send(as_admin, trigger, body="{}") for _ in range(3)]
    assert [page.context["sent"].status for page in pages] == [202, 429, 429]
    who, cause, _ = pages[1].context["diagnosis"]
    assert who == "API Gateway answered" and "throttle" in cause


def test_a_machine_that_was_deleted_since_is_named_and_never_answers_2xx(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    name, client = unique("short-lived"), local_aws.client("stepfunctions")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    client.create_state_machine(
        name=name,
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/x",
    )
    trigger = make_trigger(environment, machine=name, response_mode="FIXED", response_body="{}")
    deploy(trigger)
    assert send(as_admin, trigger, body="{}").context["sent"].status == 202
    client.delete_state_machine(stateMachineArn=machine_arn(name))
    page = send(as_admin, trigger, body="{}")
    sent = page.context["sent"]
    assert sent.status >= 400 and sent.execution_arn == ""
    assert page.context["diagnosis"][0] == "Step Functions answered"
    assert "was deleted after the deployment" in words(page)


def test_an_endpoint_that_nobody_answers_at_says_so(
    as_admin: Client, live: Trigger, settings: Any
) -> None:
    settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    page = as_admin.post(reverse("trigger_send", args=[live.key]), {"body": "{}"})
    sent = Request.objects.get()
    assert (sent.status, sent.execution_arn) == (None, "")
    assert page.status_code == 302
    text = words(as_admin.get(live.get_absolute_url(), {"sent": sent.pk}))
    assert "Nobody answered" in text and "ConnectError" in text


@pytest.mark.parametrize("body", ['"\\ud800"', "[" * 3_000, "not json"])
def test_an_answer_of_any_kind_can_be_shown(body: str, as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    sent = Request.objects.create(
        trigger=trigger, sent_by="ada", method="POST", url="x", status=200, answer_body=body
    )
    assert as_admin.get(trigger.get_absolute_url(), {"sent": sent.pk}).status_code == 200


def test_only_the_newest_fifty_are_kept(as_admin: Client, live: Trigger) -> None:
    Request.objects.bulk_create(
        Request(trigger=live, sent_by="ada", method="POST", url=f"u{n}", status=202)
        for n in range(50)
    )
    send(as_admin, live, body="{}")
    kept = Request.objects.filter(trigger=live)
    assert kept.count() == Request.KEPT == 50
    assert not kept.filter(url="u0").exists()
    assert kept.filter(url="u49").exists()


def test_the_body_is_kept_for_the_next_time(as_admin: Client, live: Trigger) -> None:
    assert "A-1001" in as_admin.get(live.get_absolute_url()).content.decode()
    send(as_admin, live, body='{"kept": 1}')
    page = as_admin.get(live.get_absolute_url())
    assert page.context["filled"]["body"] == '{"kept": 1}'
    assert "{&quot;kept&quot;: 1}" in page.content.decode()


def test_a_trigger_without_an_endpoint_cannot_be_called(as_admin: Client, trigger: Trigger) -> None:
    path = reverse("trigger_send", args=[trigger.key])
    answer = as_admin.post(path, {"body": "{}"}, follow=True)
    assert "is not deployed, so there is nothing to call" in words(answer)
    assert not Request.objects.exists()


def test_the_request_of_another_trigger_is_not_shown(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, path="/refunds")
    sent = Request.objects.create(trigger=other, sent_by="ada", method="POST", url="secret-url")
    page = as_admin.get(trigger.get_absolute_url(), {"sent": sent.pk})
    assert page.context["sent"] is None
    assert "secret-url" not in page.content.decode()


def test_a_call_goes_to_what_is_live_not_to_what_is_saved(as_admin: Client, live: Trigger) -> None:
    live.save_version({"path": "/changed", "method": "PUT"}, by="ada")
    sent = send(as_admin, live, body="{}").context["sent"]
    assert (sent.method, sent.status) == ("POST", 202)
    assert urlsplit(sent.url).path.endswith("/orders")
    assert Endpoint.objects.get().path == "/orders"
    assert sent.sent_at <= timezone.now()


@pytest.mark.parametrize("value", ["../../../../../..", "..", "a/../../b", "%2e%2e/../x"])
def test_a_path_variable_never_leads_out_of_the_rest_api(
    value: str, as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, path="/files/{proxy+}")
    deploy(trigger)
    as_admin.post(
        reverse("trigger_send", args=[trigger.key]),
        {"path_proxy": f"../../../../../{value}", "query": "Action=DescribeStacks"},
    )
    sent = Request.objects.get()
    assert sent.status is None
    assert "leads out of this REST API" in sent.error


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_a_header_that_decides_where_the_request_goes_cannot_be_set(
    name: str, as_admin: Client, live: Trigger
) -> None:
    page = as_admin.post(
        reverse("trigger_send", args=[live.key]), {"headers": f"{name}: evil"}, follow=True
    )
    assert not Request.objects.exists()
    assert f"{name} is set by Stepgate itself" in words(page)


def test_what_was_typed_stays_when_a_header_line_is_wrong(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, path="/orders/{id}")
    deploy(trigger)
    typed = {"path_id": "7", "query": "a=1", "headers": "X-Odd: é", "body": '{"mine": 1}'}
    page = as_admin.post(reverse("trigger_send", args=[trigger.key]), typed)
    assert page.status_code == 422
    assert "ASCII" in words(page)
    assert page.context["filled"] | {"method": ""} == {
        "method": "",
        "query": "a=1",
        "headers": "X-Odd: é",
        "body": '{"mine": 1}',
        "content_type": "",
        "api_key": "",
    }
    assert page.context["variables"] == [("id", "7")]
