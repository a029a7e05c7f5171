"""API keys are in no stack: a deployment has them join a new usage plan, or go with the last."""

from typing import Any

import pytest
from django.test import Client

from dashboard import acts
from dashboard.models import ApiKey, Deployment, RestApi, Trigger
from dashboard.models.rest_api import new_key
from tests.conftest import deploy, make_trigger, run_steps, words
from tests.faults import counting, failing
from tests.local_aws import LocalAws

pytestmark = [pytest.mark.django_db, pytest.mark.database]
S = Deployment.Status


@pytest.fixture
def protected(local_aws: LocalAws, environment: Any) -> Trigger:
    """A live trigger that asks for an API key."""
    trigger = make_trigger(environment, authorization="API_KEY")
    assert deploy(trigger).status == S.SUCCEEDED
    return trigger


def rest_api_of(trigger: Trigger) -> RestApi:
    return RestApi.objects.get(pk=trigger.rest_api_id)


def make_key(trigger: Trigger) -> ApiKey:
    return acts.create_api_key(rest_api_of(trigger), "partner", by="ada", form_key=new_key())[0]


def keys_of(aws: LocalAws, plan: str) -> list[str]:
    found = aws.client("apigateway").get_usage_plan_keys(usagePlanId=plan)
    return [key["id"] for key in found["items"]]


def remove_stack(aws: LocalAws, rest_api: RestApi) -> None:
    """As somebody does in the CloudFormation console."""
    cloudformation = aws.client("cloudformation")
    cloudformation.update_termination_protection(
        StackName=rest_api.stack_id, EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName=rest_api.stack_id)


def test_the_usage_plan_of_the_stack_is_kept_while_there_is_one(
    protected: Trigger, local_aws: LocalAws
) -> None:
    rest_api = rest_api_of(protected)
    plan = local_aws.client("apigateway").get_usage_plan(usagePlanId=rest_api.usage_plan_id)
    assert [stage["apiId"] for stage in plan["apiStages"]] == [rest_api.api_id]
    protected.save_version({"authorization": "NONE"}, by="ada")
    deploy(protected)
    assert rest_api_of(protected).usage_plan_id == ""


def test_keys_join_the_plan_of_a_stack_that_was_made_anew(
    protected: Trigger, local_aws: LocalAws
) -> None:
    key, revoked = make_key(protected), make_key(protected)
    acts.revoke_api_key(revoked, by="ada")
    before = rest_api_of(protected)
    remove_stack(local_aws, before)
    assert deploy(protected).status == S.SUCCEEDED
    after = rest_api_of(protected)
    assert after.usage_plan_id not in ("", before.usage_plan_id)
    assert keys_of(local_aws, after.usage_plan_id) == [key.key_id]


def test_a_deployment_that_leaves_the_plan_asks_nothing_of_the_keys(protected: Trigger) -> None:
    make_key(protected)
    protected.save_version({"response_status": 201}, by="ada")
    with counting("apigateway", "CreateUsagePlanKey") as sent:
        assert deploy(protected).status == S.SUCCEEDED
    assert sent == []


def test_a_key_that_is_in_the_plan_already_is_fine(protected: Trigger, local_aws: LocalAws) -> None:
    make_key(protected)
    remove_stack(local_aws, rest_api_of(protected))
    with failing("apigateway", "CreateUsagePlanKey", "ConflictException", "is there", status=409):
        done = deploy(protected)
    assert done.status == S.SUCCEEDED
    assert not done.events.filter(status="KEY_LEFT").exists()


def test_a_key_that_cannot_join_ends_nothing_and_the_page_names_it(
    protected: Trigger, local_aws: LocalAws, as_admin: Client
) -> None:
    make_key(protected)
    remove_stack(local_aws, rest_api_of(protected))
    with failing("apigateway", "CreateUsagePlanKey", "AccessDenied", "not allowed", status=403):
        done = deploy(protected)
    assert (done.status, done.reason) == (S.SUCCEEDED, "")
    text = words(as_admin.get(done.get_absolute_url()))
    assert "The API key “partner” opens nothing: no usage plan has it." in text
    assert "AccessDenied: not allowed" in text


def test_with_the_stack_its_keys_go(protected: Trigger, local_aws: LocalAws) -> None:
    key = make_key(protected)
    run_steps(Deployment.remove(protected.rest_api, [protected], by="ada"))
    key.refresh_from_db()
    assert (key.revoked_by, key.revoked_at is None) == ("stack removed", False)
    found = local_aws.client("apigateway").get_api_keys()["items"]
    assert key.key_id not in [each["id"] for each in found]


def test_a_key_that_somebody_deleted_in_aws_is_revoked_as_well(
    protected: Trigger, local_aws: LocalAws
) -> None:
    key = make_key(protected)
    local_aws.client("apigateway").delete_api_key(apiKey=key.key_id)
    removal = run_steps(Deployment.remove(protected.rest_api, [protected], by="ada"))
    key.refresh_from_db()
    assert (removal.status, key.revoked_by) == (S.SUCCEEDED, "stack removed")


def test_a_key_that_cannot_be_deleted_is_written_down_and_stays_valid_in_the_row(
    protected: Trigger, local_aws: LocalAws
) -> None:
    key = make_key(protected)
    removal = Deployment.remove(protected.rest_api, [protected], by="ada")
    with failing("apigateway", "DeleteApiKey", "AccessDenied", "not allowed", status=403):
        assert run_steps(removal).status == S.SUCCEEDED
    event = removal.events.get(status="KEY_LEFT")
    assert event.reason.startswith("The API key “partner” still stands in AWS.")
    key.refresh_from_db()
    assert key.revoked_at is None
