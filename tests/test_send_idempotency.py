"""Send request with an idempotency key: fresh on the plain page, kept with a request."""

import json
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Environment, Request
from tests.conftest import ended, make_trigger
from tests.test_send_authorized import repeat, served
from tests.test_send_request import send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("local_aws")]


def test_an_idempotent_repeat_leads_to_the_first_one_s_execution(
    as_admin: Client, environment: Environment
) -> None:
    trigger = served(
        environment,
        idempotency_source="HEADER",
        idempotency_key="X-Key",
        response_mode="EMPTY",
        response_status=202,
    )
    first = send(as_admin, trigger, headers="x-key: k-1", body="{}").context["sent"]
    again = repeat(as_admin, first).context["sent"]
    assert again.status == 202
    assert first.execution_name == again.execution_name == f"{trigger.key}-k-1"


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"idempotency_source": "HEADER", "idempotency_key": "X-Key"}, "X-Key"),
        ({"authorization": "SIGNED", "webhook_preset": "GITHUB"}, "X-GitHub-Delivery"),
    ],
)
def test_the_plain_page_has_a_fresh_idempotency_key_and_that_of_a_request_keeps_its_own(
    fields: dict[str, Any], header: str, as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, response_mode="EMPTY", **fields)
    ended(trigger)
    page = trigger.get_absolute_url()
    sample, another = (header_of(as_admin.get(page), header) for _ in range(2))
    assert len(sample) == len(another) == 32 and sample != another
    request = Request.objects.create(
        trigger=trigger,
        sent_by="ada",
        method="POST",
        url="u",
        headers={header.lower(): "used-1", "X-Other": "b"},
        body='{"mine": 1}',
        latency_ms=1,
    )
    again = as_admin.get(page)
    fresh = header_of(again, header)
    assert len(fresh) == 32 and fresh not in (sample, another)
    assert header_of(again, "X-Other") == "b"
    assert again.context["filled"]["body"] == '{"mine": 1}'
    assert header_of(as_admin.get(page, {"sent": request.pk}), header) == "used-1"


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"idempotency_source": "BODY", "idempotency_key": "$.order.id"}, ("order", "id")),
        ({"authorization": "SIGNED", "webhook_preset": "STRIPE"}, ("id",)),
        ({"authorization": "SIGNED", "webhook_preset": "SLACK"}, ("event_id",)),
    ],
)
def test_a_sample_body_has_a_fresh_idempotency_key_and_what_was_sent_keeps_its_own(
    fields: dict[str, Any], key: tuple[str, ...], as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, response_mode="EMPTY", **fields)
    ended(trigger)
    found = set()
    for _ in range(2):
        value = json.loads(as_admin.get(trigger.get_absolute_url()).context["filled"]["body"])
        for part in key:
            value = value[part]
        found.add(value)
    assert len(found) == 2 and {len(value) for value in found} == {32}


def test_a_sample_body_keeps_a_key_that_no_text_may_replace(
    as_admin: Client, environment: Environment
) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string", "enum": ["A"]}}}
    trigger = make_trigger(
        environment,
        idempotency_source="BODY",
        idempotency_key="$.id",
        body_schema=json.dumps(schema),
    )
    ended(trigger)
    filled = as_admin.get(trigger.get_absolute_url()).context["filled"]
    assert json.loads(filled["body"]) == {"id": "A"}


def header_of(page: Any, name: str) -> str:
    """The value of the one line with this header in the form."""
    lines = page.context["filled"]["headers"].splitlines()
    (line,) = (line for line in lines if line.lower().startswith(f"{name.lower()}:"))
    return str(line.partition(":")[2].strip())
