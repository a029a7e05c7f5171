"""The pages of a REST API's OpenAPI document: what they show, and the file."""

import pytest
from django.test import Client
from django.urls import reverse
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from dashboard.models import Environment, Trigger
from tests.conftest import ended, make_trigger, words
from tests.test_openapi import MATRIX

pytestmark = pytest.mark.django_db


def test_the_page_shows_every_operation_of_what_is_live(
    as_admin: Client, environment: Environment
) -> None:
    first = make_trigger(
        environment, path="/orders/{id}", status_route=True, description="secret plan"
    )
    second = make_trigger(environment, first.rest_api, path="/refunds", authorization="AWS_IAM")
    ended(first, second)
    first.save_version({"path": "/changed"}, by="ada")
    page = as_admin.get(reverse("rest_api_openapi", args=[first.rest_api.key]))
    text = words(page)
    assert "POST /orders/{id}" in text and "GET /orders/{id}/executions/{name}" in text
    assert "POST /refunds" in text and "SigV4" in text and "Anybody" in text
    assert "/changed" not in text and "secret plan" not in text
    assert reverse("rest_api_openapi_json", args=[first.rest_api.key]) in page.content.decode()


@pytest.mark.parametrize("name", MATRIX)
def test_the_page_shows_each_kind_of_trigger(
    name: str, as_admin: Client, environment: Environment
) -> None:
    fields = {"response_body": "{}", "input_template": "{}"} | MATRIX[name]
    fields = {n: list(v) if isinstance(v, tuple) else v for n, v in fields.items()}
    shown = make_trigger(environment, **fields)
    ended(shown)
    assert as_admin.get(reverse("rest_api_openapi", args=[shown.rest_api.key])).status_code == 200


def test_the_file_is_valid_and_named_after_the_rest_api(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    key = trigger.rest_api.key
    answer = as_admin.get(reverse("rest_api_openapi_json", args=[key]))
    assert answer["Content-Type"] == "application/json"
    assert f'filename="{key}.openapi.json"' in answer["Content-Disposition"]
    made = answer.json()
    validate(made, cls=OpenAPIV31SpecValidator)
    assert made["info"]["title"] == "orders"


def test_what_was_never_deployed_has_no_document_and_says_so(
    as_admin: Client, trigger: Trigger
) -> None:
    key = trigger.rest_api.key
    page = as_admin.get(reverse("rest_api_openapi", args=[key]))
    assert "Nothing is live" in words(page)
    page = as_admin.get(reverse("rest_api_openapi_json", args=[key]), follow=True)
    assert "so there is no document yet" in words(page)


@pytest.mark.parametrize("name", ["rest_api_openapi", "rest_api_openapi_json"])
def test_the_document_can_only_be_read(
    name: str, as_admin: Client, client: Client, trigger: Trigger
) -> None:
    path = reverse(name, args=[trigger.rest_api.key])
    assert as_admin.post(path).status_code == 405
    assert as_admin.get(reverse(name, args=["nothere1"])).status_code == 404
    assert Client().get(path).status_code == 302
