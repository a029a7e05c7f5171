"""Send request: signed, or with its key, at that moment; and the same again."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboard import acts, aws
from dashboard.models import Environment, Request, RestApi, Trigger
from dashboard.models.rest_api import new_key
from tests.conftest import deploy, make_trigger, words
from tests.local_aws import LocalAws, unique
from tests.test_send_request import described, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("local_aws")]
SECRET = "whsec_never_stored"
TOKEN = "token-never-stored"


def served(environment: Environment, **fields: Any) -> Trigger:
    trigger = make_trigger(environment, **fields)
    deployment = deploy(trigger)
    assert deployment.status == "SUCCEEDED", deployment.reason
    return Trigger.objects.get(pk=trigger.pk)


def everything_kept() -> str:
    """All that is stored of requests."""
    return json.dumps(list(Request.objects.values()), default=str)


# -- IAM ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "query"),
    [
        ("42", ""),
        ("a b c?#%ü", "q=a b&r=ü&q=2&empty=&plus=a+b"),
        ("it's*", "x=~tilde&y=%2F/:@&novalue"),
    ],
)
def test_a_request_is_signed_with_the_environment_s_credentials(
    value: str, query: str, as_admin: Client, environment: Environment
) -> None:
    trigger = served(environment, authorization="AWS_IAM", path="/orders/{id}")
    sent = send(as_admin, trigger, path_id=value, query=query, body='{"ü": 1}').context["sent"]
    assert (sent.status, sent.error) == (202, ""), sent.answer_body
    assert "authorization" not in {name.lower() for name in sent.headers}
    assert "AWS4-HMAC" not in everything_kept()


def test_a_signature_that_the_person_typed_is_sent_as_it_is(
    as_admin: Client, environment: Environment
) -> None:
    trigger = served(environment, authorization="AWS_IAM")
    page = send(as_admin, trigger, headers="Authorization: nonsense", body="{}")
    assert page.context["sent"].status == 403
    assert page.context["diagnosis"].who == "API Gateway answered"


# -- API keys -----------------------------------------------------------------------------


@pytest.fixture
def keyed(environment: Environment) -> Trigger:
    trigger = served(environment, authorization="API_KEY")
    assert RestApi.objects.get(pk=trigger.rest_api_id).usage_plan_id
    return trigger


def test_without_a_key_nothing_is_sent_and_the_page_says_where_to_make_one(
    as_admin: Client, keyed: Trigger
) -> None:
    page = as_admin.post(reverse("trigger_send", args=[keyed.key]), {"body": '{"mine": 1}'})
    assert page.status_code == 422 and not Request.objects.exists()
    assert "Make one on the REST API's page" in words(page)
    assert page.context["filled"]["body"] == '{"mine": 1}'
    assert keyed.rest_api.get_absolute_url() in page.content.decode()


def test_a_key_is_read_as_the_request_is_sent_and_kept_nowhere(
    as_admin: Client, keyed: Trigger
) -> None:
    rest_api = RestApi.objects.get(pk=keyed.rest_api_id)
    _, first = acts.create_api_key(rest_api, "first", form_key=new_key(), by="ada")
    page = send(as_admin, keyed, body="{}")
    assert page.context["sent"].status == 202
    other, second = acts.create_api_key(rest_api, "second", form_key=new_key(), by="ada")
    page = as_admin.get(keyed.get_absolute_url())
    assert f'<option value="{other.pk}"' in page.content.decode()
    page = send(as_admin, keyed, body="{}", api_key=str(other.pk))
    assert page.context["sent"].status == 202
    for value in (first, second):
        assert value not in everything_kept() and value not in page.content.decode()


def test_a_key_that_aws_no_longer_has_is_told(as_admin: Client, keyed: Trigger) -> None:
    rest_api = RestApi.objects.get(pk=keyed.rest_api_id)
    key, _ = acts.create_api_key(rest_api, "first", form_key=new_key(), by="ada")
    aws.call(rest_api.environment, "apigateway", "delete_api_key", apiKey=key.key_id)
    page = as_admin.post(reverse("trigger_send", args=[keyed.key]), {"body": "{}"})
    assert page.status_code == 422
    assert "Nothing was sent: apigateway:GetApiKey: NotFoundException" in words(page)


# -- signed webhooks ----------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["STRIPE", "GITHUB", "SLACK", "HMAC"])
def test_a_webhook_is_signed_with_its_secret(
    preset: str, as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = served(
        environment, authorization="SIGNED", webhook_preset=preset, response_mode="EMPTY"
    )
    path = reverse("trigger_send", args=[trigger.key])
    page = as_admin.post(path, {"body": "{}"})
    assert page.status_code == 422 and "has no secret yet" in words(page)
    acts.write_secret(environment, trigger.key, SECRET)
    filled = as_admin.get(trigger.get_absolute_url()).context["filled"]
    names = ("headers", "body", "content_type")
    page = send(as_admin, trigger, **{name: filled[name] for name in names})
    sent = page.context["sent"]
    assert sent.status == 202, sent.answer_body
    assert json.loads(described(local_aws, sent)["input"]) == json.loads(filled["body"])
    assert SECRET not in everything_kept() and SECRET not in page.content.decode()


# -- a Lambda authorizer ------------------------------------------------------------------


AUTHORIZER = f"""
def handler(event, context):
    effect = "Allow" if event["authorizationToken"] == "{TOKEN}" else "Deny"
    statement = {{"Effect": effect, "Action": "execute-api:Invoke", "Resource": "*"}}
    policy = {{"Version": "2012-10-17", "Statement": [statement]}}
    return {{"principalId": "p", "policyDocument": policy}}
"""


@pytest.fixture
def guarded(environment: Environment, local_aws: LocalAws) -> Trigger:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", AUTHORIZER)
    made = local_aws.client("lambda").create_function(
        FunctionName=unique("who"),
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/functions",
        Code={"ZipFile": packed.getvalue()},
    )
    return served(
        environment,
        authorization="CUSTOM",
        authorizer_arn=made["FunctionArn"],
        authorizer_sources=["header.X-Who"],
        authorizer_ttl=0,
    )


def test_what_a_person_types_to_show_who_they_are_is_sent_and_not_kept(
    as_admin: Client, guarded: Trigger
) -> None:
    assert 'name="credential_0"' in as_admin.get(guarded.get_absolute_url()).content.decode()
    page = send(as_admin, guarded, body="{}", credential_0=TOKEN)
    assert page.context["sent"].status == 202
    assert TOKEN not in everything_kept() and TOKEN not in page.content.decode()
    page = send(as_admin, guarded, body="{}", headers=f"x-who: {TOKEN}")
    assert page.context["sent"].status == 202 and TOKEN not in everything_kept()
    page = send(as_admin, guarded, body="{}", credential_0="another")
    assert page.context["sent"].status == 403
    assert "The Lambda authorizer denied the call" in words(page)


def test_a_query_parameter_that_shows_who_calls_is_not_kept(
    as_admin: Client, environment: Environment
) -> None:
    trigger = served(
        environment,
        authorization="CUSTOM",
        authorizer_arn="arn:aws:lambda:us-east-1:000000000000:function:gone",
        authorizer_type="REQUEST",
        authorizer_sources=["query.who"],
    )
    sent = send(as_admin, trigger, query="a=1&who=typed-here", credential_0=TOKEN).context["sent"]
    assert sent.query == "a=1" and sent.url.endswith("/orders?a=1")
    assert TOKEN not in everything_kept() and "typed-here" not in everything_kept()


def test_repeating_asks_for_what_is_not_kept(as_admin: Client, guarded: Trigger) -> None:
    sent = send(as_admin, guarded, body='{"a": 1}', credential_0=TOKEN).context["sent"]
    path = reverse("trigger_repeat", args=[guarded.key, sent.pk])
    page = as_admin.post(path, follow=True)
    assert "fill in X-Who again, then send" in words(page)
    assert page.context["filled"]["body"] == '{"a": 1}'
    assert Request.objects.count() == 1


# -- the same again -----------------------------------------------------------------------


def repeat(client: Client, request: Request) -> Any:
    path = reverse("trigger_repeat", args=[request.trigger.key, request.pk])
    return client.post(path, follow=True)


def test_a_request_is_repeated_and_signed_anew(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = served(environment, authorization="AWS_IAM", method="ANY", path="/orders/{id}")
    first = send(
        as_admin, trigger, method="PUT", path_id="7", query="a=1", headers="X-A: b", body="[1]"
    ).context["sent"]
    page = repeat(as_admin, first)
    again = page.context["sent"]
    assert again.pk != first.pk and (again.status, again.sent_by) == (202, "ada")
    for name in ("method", "url", "values", "query", "headers", "body"):
        assert getattr(again, name) == getattr(first, name)
    assert described(local_aws, again)["input"] == "[1]"
    assert again.execution_arn != first.execution_arn


def test_the_last_requests_are_listed_with_a_button_to_repeat_each(
    as_admin: Client, live: Trigger
) -> None:
    first = send(as_admin, live, body="{}").context["sent"]
    send(as_admin, live, body="{half")
    page = as_admin.get(live.get_absolute_url())
    text = words(page)
    assert "Requests sent from here" in text and "ada" in text and f"{first.latency_ms} ms" in text
    path = reverse("trigger_repeat", args=[live.key, first.pk])
    assert f'form="repeat-request" formaction="{path}"' in page.content.decode()
    assert 'id="repeat-request"' in page.content.decode()


def test_a_viewer_sees_the_requests_and_cannot_repeat_one(
    client: Client, as_admin: Client, viewer: User, live: Trigger
) -> None:
    sent = send(as_admin, live, body="{}").context["sent"]
    client.force_login(viewer)
    page = client.get(live.get_absolute_url())
    assert "Requests sent from here" in words(page)
    assert "repeat-request" not in page.content.decode()
    assert repeat(client, sent).status_code == 403
    assert Request.objects.count() == 1


def test_a_request_is_repeated_by_post_only_and_by_its_own_trigger(
    as_admin: Client, live: Trigger, environment: Environment
) -> None:
    sent = send(as_admin, live, body="{}").context["sent"]
    path = reverse("trigger_repeat", args=[live.key, sent.pk])
    assert as_admin.get(path).status_code == 405
    other = make_trigger(environment, path="/other")
    assert as_admin.post(reverse("trigger_repeat", args=[other.key, sent.pk])).status_code == 404
    live.endpoint.delete()
    assert "is not deployed" in words(repeat(as_admin, sent))


def test_a_request_whose_route_has_changed_is_not_repeated(as_admin: Client, live: Trigger) -> None:
    sent = send(as_admin, live, body="{}").context["sent"]
    live.endpoint.spec |= {"path": "/orders/{id}"}
    live.endpoint.save()
    assert "The route is POST /orders/{id} since a deployment" in words(repeat(as_admin, sent))
    assert Request.objects.count() == 1


# -- content types, names -----------------------------------------------------------------


def test_the_content_type_is_one_of_those_that_the_trigger_takes(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    trigger = served(environment, content_types=["FORM", "TEXT"])
    page = as_admin.get(trigger.get_absolute_url())
    assert page.context["content_types"] == ["application/x-www-form-urlencoded", "text/plain"]
    filled = page.context["filled"]
    names = ("body", "content_type")
    sent = send(as_admin, trigger, **{n: filled[n] for n in names}).context["sent"]
    assert json.loads(described(local_aws, sent)["input"]) == {"orderId": "A-1001", "quantity": "2"}
    sent = send(as_admin, trigger, body="a b", content_type="text/plain").context["sent"]
    assert described(local_aws, sent)["input"] == '"a b"'
    page = send(as_admin, trigger, body="{}", headers="content-type: application/json")
    assert page.context["sent"].status == 415
    assert "does not take this Content-Type" in words(page)


def test_an_execution_that_was_waited_for_has_a_name_and_no_arn(
    as_admin: Client, environment: Environment
) -> None:
    trigger = served(
        environment,
        machine="quote",
        machine_type="EXPRESS",
        action="StartSyncExecution",
        response_mode="OUTPUT",
        response_status=200,
    )
    page = send(as_admin, trigger, body='{"quantity": 2}')
    sent = page.context["sent"]
    assert (sent.status, sent.execution_arn) == (200, ""), sent.answer_body
    assert f"Execution name {trigger.key}-{sent.request_id}" in words(page)
    assert f'formaction="{reverse("trigger_repeat", args=[trigger.key, sent.pk])}"' in (
        page.content.decode()
    )
