"""Signed webhooks by real HTTP, from the provider's request to the execution's input."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from dashboard import acts
from dashboard.models import Environment, RestApi
from infra import samples, webhooks
from infra.spec import TriggerSpec
from tests.local_aws import machine_arn, until
from tests.surface import (
    LISTED,
    UNLISTED,
    Api,
    client,
    echo,
    error,
    execution,
    machine,
    received,
    route,
    serve,
)

pytestmark = pytest.mark.django_db
SECRET = "whsec_what_only_tests_know_of_"
"""What each secret begins with; then comes the trigger's key."""


def _secrets(rest_api: RestApi) -> Environment:
    """Every trigger's secret, written as a person does it; the environment, for another one."""
    for trigger in rest_api.triggers.all():
        acts.write_secret(rest_api.environment, trigger.key, SECRET + trigger.key)
    return rest_api.environment


def hook(path: str, preset: str, **fields: Any) -> dict[str, Any]:
    return route(path, authorization="SIGNED", webhook_preset=preset, **fields)


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """One webhook of each provider, as its preset suggests it."""
    return serve(
        django_db_blocker,
        hook("/stripe", "STRIPE", response_status=200, response_mode="EMPTY"),
        hook("/github", "GITHUB"),
        hook("/slack", "SLACK", response_status=200),
        also=_secrets,
    )


@pytest.fixture(scope="module")
def more(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Webhooks with choices of their own."""
    return serve(
        django_db_blocker,
        hook(
            "/hmac",
            "HMAC",
            webhook_header="X-Acme-Signature",
            webhook_algorithm="sha512",
            webhook_encoding="base64",
            webhook_prefix="v1=",
            webhook_timestamp_header="X-Acme-Time",
            webhook_tolerance=60,
            idempotency_source="HEADER",
            idempotency_key="X-Acme-Id",
            on_repeat="CONFLICT",
            input_mode="REQUEST",
            input_headers=["X-Acme-Tenant", "X-Acme-Other"],
        ),
        hook(
            "/events",
            "GITHUB",
            webhook_filter_source="HEADER",
            webhook_filter="X-GitHub-Event",
            webhook_events=["push", "release"],
        ),
        hook(
            "/paid",
            "STRIPE",
            webhook_filter_source="BODY",
            webhook_filter="$.type",
            webhook_events=["checkout.session.completed"],
            response_mode="FIXED",
            response_status=201,
            response_body='{"thanks": "it\'s $1 #2"}',
            response_headers=[["X-Handled-By", "stepgate"]],
        ),
        hook("/command", "SLACK", content_types=["JSON", "FORM"]),
        also=_secrets,
    )


def send(
    api: Api,
    path: str,
    body: str | None = None,
    *,
    secret: str | None = None,
    at: float | None = None,
    headers: Mapping[str, str] | None = None,
    sent: str | None = None,
) -> httpx.Response:
    """The answer to ``body`` (the provider's sample), signed; ``sent`` goes in its place."""
    spec: TriggerSpec = api.specs[path]
    sample = samples.sample(spec)
    text = sample.body if body is None else body
    at = time.time() if at is None else at
    secret = SECRET + spec.key if secret is None else secret
    given = {"Content-Type": sample.content_type, **dict(sample.headers), **(headers or {})}
    given |= webhooks.sign(webhooks.signature_of(spec), secret, text, at)
    given = {name: value for name, value in given.items() if value}
    return api.call(path, content=(text if sent is None else sent).encode(), headers=given)


def name_of(api: Api, path: str, key: str) -> str:
    return f"{api.key(path)}-{key}"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/github", "5e39a1c0-c78b-11f0-8de9-0242ac120002"),
        ("/slack", "Ev0STEPGATE1"),
    ],
)
def test_a_providers_sample_starts_an_execution_under_the_providers_id(
    api: Api, path: str, key: str
) -> None:
    answer = send(api, path)
    found = execution(answer, api.specs[path].response_status)
    assert found["name"] == name_of(api, path, key)
    assert found["input"] == samples.sample(api.specs[path]).body
    repeat = send(api, path)
    assert repeat.status_code == answer.status_code
    assert repeat.json()["executionArn"] == answer.json()["executionArn"]
    assert repeat.json()["requestId"] != answer.json()["requestId"]
    assert api.started(path).count(found["name"]) == 1


def test_an_empty_answer_stays_empty_for_a_repeated_event(api: Api) -> None:
    first, second = send(api, "/stripe"), send(api, "/stripe")
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, "")
    assert api.started("/stripe") == [name_of(api, "/stripe", "evt_1StepgateSample0001")]


@pytest.mark.parametrize("path", ["/stripe", "/github", "/slack"])
def test_a_wrong_signature_starts_nothing(api: Api, path: str) -> None:
    before = api.started(path)
    signature = webhooks.signature_of(api.specs[path])
    assert error(send(api, path, secret="another")) == (401, "InvalidSignature")
    others = [SECRET + api.key(other) for other in api.specs if other != path]
    for secret in others:
        assert error(send(api, path, secret=secret)) == (401, "InvalidSignature")
    assert error(send(api, path, sent='{"id": "evt_2"}')) == (401, "InvalidSignature")
    assert error(api.call(path, json={})) == (401, "MissingSignature")
    garbled = api.call(path, json={}, headers={signature.header: "nonsense"})
    assert error(garbled)[0] == 401
    assert api.started(path) == before


@pytest.mark.parametrize("path", ["/stripe", "/slack"])
@pytest.mark.parametrize("seconds", [-310, 310])
def test_a_timestamp_too_far_from_now_starts_nothing(api: Api, path: str, seconds: int) -> None:
    before = api.started(path)
    answer = send(api, path, at=time.time() + seconds)
    assert error(answer) == (401, "InvalidTimestamp")
    assert api.started(path) == before


def test_githubs_ping_is_answered_without_an_execution(api: Api) -> None:
    before = api.started("/github")
    answer = send(api, "/github", '{"zen": "Keep it."}', headers={"X-GitHub-Event": "ping"})
    assert answer.status_code == 200
    unsigned = api.call("/github", json={}, headers={"X-GitHub-Event": "ping"})
    assert error(unsigned) == (401, "MissingSignature")
    assert api.started("/github") == before


def test_slacks_url_verification_is_answered_with_its_challenge(api: Api) -> None:
    before = api.started("/slack")
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a'B\""})
    answer = send(api, "/slack", body)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1a'B\""})
    assert error(send(api, "/slack", body, secret="another")) == (401, "InvalidSignature")
    assert api.started("/slack") == before


def test_an_event_without_the_providers_id_is_refused(api: Api) -> None:
    before = api.started("/stripe")
    for body in ("{}", '{"id": ""}', '{"id": "a b"}', json.dumps({"id": "a" * 72}), "[1]"):
        assert error(send(api, "/stripe", body)) == (400, "BadRequest")
    assert error(send(api, "/stripe", "no JSON")) == (400, "BadRequest")
    assert api.started("/stripe") == before


def test_a_replaced_secret_works_and_the_old_one_no_more(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    api = serve(django_db_blocker, hook("/rotated", "GITHUB"), also=_secrets)

    first = SECRET + api.key("/rotated")

    def deliver(secret: str, delivery: str) -> httpx.Response:
        return send(api, "/rotated", secret=secret, headers={"X-GitHub-Delivery": delivery})

    assert deliver(first, "one").status_code == 202
    acts.write_secret(api.made, api.key("/rotated"), "rotated")

    def taken() -> httpx.Response | None:
        again = deliver("rotated", "two")
        return again if again.status_code == 202 else None

    # The function reads the secret anew 5 s after the last reading at the soonest.
    answer = until(taken)
    assert answer is not None
    assert execution(answer)["name"] == name_of(api, "/rotated", "two")
    assert error(deliver(first, "three")) == (401, "InvalidSignature")


def test_a_webhook_whose_secret_nobody_set_says_so(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    api = serve(django_db_blocker, hook("/unset", "STRIPE"))
    answer = send(api, "/unset")
    assert error(answer) == (502, "SecretUnreadable")
    assert api.started("/unset") == []


def test_a_generic_signature_has_its_header_algorithm_encoding_and_time(more: Api) -> None:
    headers = {"X-Acme-Id": "order-1", "X-Acme-Tenant": "ac\"me'", "X-Secret": "no"}
    answer = send(more, "/hmac", '{"total": 1.10, "id": 12345678901234567890}', headers=headers)
    found = execution(answer)
    assert found["name"] == name_of(more, "/hmac", "order-1")
    assert '"total": 1.10, "id": 12345678901234567890' in found["input"]
    assert json.loads(found["input"])["headers"] == {
        "X-Acme-Tenant": "ac\"me'",
        "X-Acme-Other": "sample",
    }
    late = send(more, "/hmac", at=time.time() - 61, headers=headers)
    assert error(late) == (401, "InvalidTimestamp")


def test_a_repeated_delivery_is_a_conflict_where_that_is_chosen(more: Api) -> None:
    headers = {"X-Acme-Id": "order-2"}
    assert send(more, "/hmac", '{"a": 1}', headers=headers).status_code == 202
    answer = send(more, "/hmac", '{"a": 2}', headers=headers)
    assert error(answer) == (409, "ExecutionAlreadyExists")


@pytest.mark.parametrize("key", ["", "a b", "a" * 72])
def test_a_key_of_another_form_is_refused_and_not_mended(more: Api, key: str) -> None:
    before = more.started("/hmac")
    answer = send(more, "/hmac", headers={"X-Acme-Id": key})
    assert error(answer) == (400, "BadRequest")
    assert "X-Acme-Id" in answer.json()["message"]
    assert more.started("/hmac") == before


def test_events_that_are_not_wanted_are_ignored(more: Api) -> None:
    def event(name: str) -> httpx.Response:
        headers = {"X-GitHub-Event": name, "X-GitHub-Delivery": f"delivery-{name}"}
        return send(more, "/events", headers=headers)

    ignored = event("issues")
    assert (ignored.status_code, ignored.json()) == (200, {"ignored": True})
    assert execution(event("release"))["name"] == name_of(more, "/events", "delivery-release")
    assert name_of(more, "/events", "delivery-issues") not in more.started("/events")


def test_a_filter_on_the_body_and_a_fixed_answer_with_headers(more: Api) -> None:
    other = json.dumps({"id": "evt_other", "type": "charge.refunded"})
    assert send(more, "/paid", other).json() == {"ignored": True}
    answer = send(more, "/paid")
    assert (answer.status_code, answer.json()) == (201, {"thanks": "it's $1 #2"})
    assert answer.headers["x-handled-by"] == "stepgate"
    assert more.started("/paid") == [name_of(more, "/paid", "evt_1StepgateSample0001")]


def test_slacks_commands_come_as_forms_and_each_starts_one(more: Api) -> None:
    body = urlencode({"command": "/ship", "text": 'order 10% & "more" it\'s 😀', "user": "U1"})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    first, second = (send(more, "/command", body, headers=kind) for _ in range(2))
    assert received(first) == {
        "command": "/ship",
        "text": 'order 10% & "more" it\'s 😀',
        "user": "U1",
    }
    assert first.json()["executionArn"] != second.json()["executionArn"]
    assert execution(first)["name"] == name_of(more, "/command", first.json()["requestId"])


def test_an_input_that_is_too_large_is_refused(more: Api) -> None:
    body = json.dumps({"text": "a" * 262_144})
    assert error(send(more, "/command", body)) == (413, "ValidationException")


@pytest.fixture(scope="module")
def machines(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Webhooks of a version, of EXPRESS, and of machines that cannot be started."""
    states, gone, busy = client("stepfunctions"), machine(), machine()
    tag = {"key": "local-aws:StartExecution", "value": "ThrottlingException"}
    states.tag_resource(resourceArn=machine_arn(busy), tags=[tag])
    versioned = machine()
    states.publish_state_machine_version(stateMachineArn=machine_arn(versioned))
    api = serve(
        django_db_blocker,
        hook("/version", "GITHUB", machine=f"{versioned}:1"),
        hook("/express", "GITHUB", machine=echo("EXPRESS"), machine_type="EXPRESS"),
        hook("/gone", "GITHUB", machine=gone),
        hook("/busy", "GITHUB", machine=busy),
        also=_secrets,
        allowed_addresses=["203.0.113.0/24"],
    )
    states.delete_state_machine(stateMachineArn=machine_arn(gone))
    return api


def from_listed(api: Api, path: str, address: str = LISTED) -> httpx.Response:
    return send(api, path, headers={"X-Forwarded-For": address})


def test_a_version_is_started_and_named_by_the_machine(machines: Api) -> None:
    found = execution(from_listed(machines, "/version"))
    assert found["stateMachineVersionArn"] == machines.specs["/version"].state_machine_arn
    assert found["executionArn"].split(":")[6] == found["stateMachineArn"].rpartition(":")[2]


def test_a_repeated_delivery_starts_an_express_machine_again(machines: Api) -> None:
    first, second = (from_listed(machines, "/express") for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.json()["executionArn"] != second.json()["executionArn"]


def test_a_webhook_can_be_called_from_listed_addresses_only(machines: Api) -> None:
    assert from_listed(machines, "/version").status_code == 202
    refused = from_listed(machines, "/version", UNLISTED)
    assert error(refused) == (403, "ACCESS_DENIED")


def test_what_step_functions_refuses_has_the_status_it_has_on_every_route(machines: Api) -> None:
    def refused() -> httpx.Response | None:
        answer = from_listed(machines, "/gone")
        return answer if answer.status_code != 202 else None

    gone = until(refused)
    assert gone is not None
    assert error(gone) == (502, "StateMachineDoesNotExist")
    busy = from_listed(machines, "/busy")
    assert error(busy) == (429, "ThrottlingException")
    assert busy.headers["retry-after"] == "1"
