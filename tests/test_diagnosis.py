"""What the page says about an answer of 400 or more: who gave it, why, and what to do."""

import json
from typing import Any

import pytest
from django.test import Client

from dashboard.diagnosis import diagnosis
from dashboard.models import Environment, Request, Trigger
from tests.conftest import ended, make_trigger, words

pytestmark = pytest.mark.django_db


def refused(trigger: Trigger, error: str, status: int = 403, **fields: Any) -> Request:
    ended(trigger)
    body = json.dumps({"error": error, "message": "No.", "requestId": "r"})
    values = {"method": "POST", "url": "http://example.org/orders", "answer_body": body}
    return Request.objects.create(
        trigger=trigger, sent_by="ada", status=status, **(values | fields)
    )


GATEWAY = "API Gateway answered"
STATES = "Step Functions answered"
WEBHOOK = "The webhook's function answered"


@pytest.mark.parametrize(
    ("status", "error", "headers", "who"),
    [
        (403, "MISSING_AUTHENTICATION_TOKEN", {}, GATEWAY),
        (403, "INVALID_SIGNATURE", {}, GATEWAY),
        (403, "EXPIRED_TOKEN", {}, GATEWAY),
        (403, "ACCESS_DENIED", {}, GATEWAY),
        (403, "INVALID_API_KEY", {}, GATEWAY),
        (429, "QUOTA_EXCEEDED", {}, GATEWAY),
        (401, "UNAUTHORIZED", {}, GATEWAY),
        (500, "AUTHORIZER_FAILURE", {}, GATEWAY),
        (500, "AUTHORIZER_CONFIGURATION_ERROR", {}, GATEWAY),
        (400, "BAD_REQUEST_BODY", {}, GATEWAY),
        (400, "BAD_REQUEST_PARAMETERS", {}, GATEWAY),
        (415, "UNSUPPORTED_MEDIA_TYPE", {}, GATEWAY),
        (403, "", {}, GATEWAY),
        (429, "THROTTLED", {}, GATEWAY),
        (413, "REQUEST_TOO_LARGE", {}, GATEWAY),
        (500, "API_CONFIGURATION_ERROR", {}, GATEWAY),
        (504, "INTEGRATION_TIMEOUT", {}, GATEWAY),
        (500, "", {"x-amzn-errortype": "InternalServerError"}, GATEWAY),
        (400, "BadRequest", {}, "The trigger's own check answered"),
        (502, "AccessDeniedException", {}, STATES),
        (502, "StateMachineDoesNotExist", {}, STATES),
        (429, "ExecutionLimitExceeded", {}, STATES),
        (429, "TooManyRequestsException", {}, STATES),
        (409, "ExecutionAlreadyExists", {}, STATES),
        (413, "ValidationException", {}, STATES),
        (502, "SomethingNew", {}, STATES),
        (401, "MissingSignature", {}, WEBHOOK),
        (401, "InvalidSignature", {}, WEBHOOK),
        (401, "InvalidTimestamp", {}, WEBHOOK),
        (502, "SecretUnreadable", {}, WEBHOOK),
    ],
)
def test_every_error_says_who_gave_it_and_what_to_do(
    status: int, error: str, headers: dict[str, str], who: str, trigger: Trigger
) -> None:
    found = diagnosis(refused(trigger, error, status, answer_headers=headers))
    assert found.who == who
    assert found.cause.endswith(".") and found.next_step.endswith(".")


@pytest.mark.parametrize(
    ("error", "authorization", "said"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", "AWS_IAM", "is not signed"),
        ("MISSING_AUTHENTICATION_TOKEN", "NONE", "has no such route"),
        ("ACCESS_DENIED", "AWS_IAM", "no policy allows execute-api:Invoke"),
        ("ACCESS_DENIED", "CUSTOM", "The Lambda authorizer denied the call"),
        ("ACCESS_DENIED", "API_KEY", "allowed addresses"),
        ("UNAUTHORIZED", "COGNITO_USER_POOLS", "no valid token of the user pool"),
        ("UNAUTHORIZED", "CUSTOM", "the Lambda authorizer answered"),
    ],
)
def test_the_cause_is_that_of_the_trigger_s_authorization(
    error: str, authorization: str, said: str, environment: Environment
) -> None:
    trigger = make_trigger(
        environment,
        authorization=authorization,
        user_pool_arns=["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A"],
        authorizer_arn="arn:aws:lambda:us-east-1:000000000000:function:who",
    )
    assert said in diagnosis(refused(trigger, error)).cause


def test_a_workflow_s_own_error_is_the_workflow_s(environment: Environment) -> None:
    trigger = make_trigger(
        environment,
        machine="quote",
        machine_type="EXPRESS",
        action="StartSyncExecution",
        response_mode="OUTPUT",
        response_status=200,
    )
    found = diagnosis(refused(trigger, "OrderNotFound", 404))
    assert found.who == "The workflow answered" and "OrderNotFound" in found.cause


@pytest.mark.parametrize("body", ["", "[]", "null", "[" * 5_000, '{"error": ["a"]}', "no json"])
def test_an_answer_of_any_kind_has_a_diagnosis(body: str, trigger: Trigger) -> None:
    assert diagnosis(refused(trigger, "", 500, answer_body=body)).next_step


def test_the_page_shows_all_three(as_admin: Client, trigger: Trigger, local_aws: object) -> None:
    sent = refused(trigger, "THROTTLED", 429)
    text = words(as_admin.get(trigger.get_absolute_url(), {"sent": sent.pk}))
    found = diagnosis(sent)
    assert f"{found.who}:" in text and found.cause in text and found.next_step in text
