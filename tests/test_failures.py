"""What AWS, the network and the synth process do wrong, and how a deployment ends then."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dashboard import aws
from dashboard.models import Deployment, Environment, InvalidTransition, RestApi, Trigger
from deployer import tasks
from deployer.synth import synth
from tests.conftest import deploy, make_trigger, run_steps
from tests.faults import failing, unreachable
from tests.local_aws import LocalAws, until

pytestmark = pytest.mark.django_db
S = Deployment.Status


@contextmanager
def with_resources(extra: dict[str, Any]) -> Iterator[None]:
    """CreateChangeSet's template has ``extra`` resources beside ours."""
    client = aws._client("cloudformation", "us-east-1", "")
    event = "provide-client-params.cloudformation.CreateChangeSet"

    def add(params: dict[str, Any], **_: Any) -> None:
        template = json.loads(params["TemplateBody"])
        template["Resources"] |= extra
        params["TemplateBody"] = json.dumps(template)

    client.meta.events.register(event, add)
    try:
        yield
    finally:
        client.meta.events.unregister(event, add)


def sibling(name: str, **more: Any) -> dict[str, Any]:
    properties = {
        "RestApiId": {"Ref": "ApiF70053CD"},
        "ParentId": {"Fn::GetAtt": ["ApiF70053CD", "RootResourceId"]},
        "PathPart": f"{{{name}}}",
    }
    return {"Type": "AWS::ApiGateway::Resource", "Properties": properties, **more}


REFUSED = {"First": sibling("a"), "Second": sibling("b", DependsOn="First")}


def test_a_first_create_that_fails_leaves_no_stack_and_says_why(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    with with_resources(REFUSED):
        failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert failed.reason.startswith("Second (AWS::ApiGateway::Resource) CREATE_FAILED: ")
    assert "sibling" in failed.reason and failed.advice
    assert RestApi.objects.get(pk=trigger.rest_api_id).stack_id == ""
    assert trigger.live is None
    assert deploy(trigger).status == S.SUCCEEDED


def test_a_change_set_that_cloudformation_refuses_fails_in_its_words_and_leaves_nothing(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    with with_resources({"Odd": {"Type": "AWS::Nothing::Known"}}):
        failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "AWS::Nothing::Known" in failed.reason
    assert RestApi.objects.get(pk=trigger.rest_api_id).stack_id == ""
    assert deploy(trigger).status == S.SUCCEEDED


def test_a_stack_left_in_rollback_complete_is_removed_before_the_next_create(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    cloudformation = local_aws.client("cloudformation")
    name = trigger.rest_api.stack_name
    template = {
        "Resources": {
            "ApiF70053CD": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}},
            **REFUSED,
        }
    }
    stack_id = cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Tags=[{"Key": k, "Value": v} for k, v in trigger.rest_api.stack_tags.items()],
    )["StackId"]

    def status() -> str:
        stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        return str(stack["StackStatus"])

    until(lambda: status() == "ROLLBACK_COMPLETE")
    RestApi.objects.filter(pk=trigger.rest_api_id).update(stack_id=stack_id)
    trigger.rest_api.refresh_from_db()
    assert deploy(trigger).status == S.SUCCEEDED
    assert status() == "DELETE_COMPLETE"


def test_a_throttled_call_is_tried_again_until_it_goes_through(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    with failing("cloudformation", "CreateChangeSet", "Throttling", "Rate exceeded", times=5) as no:
        done = deploy(trigger)
    assert len(no) == 5
    assert done.status == S.SUCCEEDED


def test_throttling_that_does_not_end_fails_the_deployment_with_the_call_and_what_to_do(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    with failing("cloudformation", "DescribeStacks", "Throttling", "Rate exceeded"):
        tasks.plan(str(deployment.pk))
        long_ago = timezone.now() - tasks.PATIENCE - timedelta(seconds=1)
        assert Deployment.objects.filter(failing_since__isnull=False).update(
            failing_since=long_ago, next_step_at=long_ago
        )
        tasks.plan(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.FAILED
    assert deployment.reason == "cloudformation:DescribeStacks: Throttling: Rate exceeded"
    assert "again" in deployment.advice


def test_access_denied_fails_at_once_and_names_the_permission(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    words = "User: x is not authorized to perform: cloudformation:CreateChangeSet"
    with failing("cloudformation", "CreateChangeSet", "AccessDenied", words, status=403):
        failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert words in failed.reason
    assert "Allow cloudformation:CreateChangeSet" in failed.advice


def test_expired_credentials_fail_with_what_to_set(trigger: Trigger, local_aws: LocalAws) -> None:
    with failing("cloudformation", "DescribeStacks", "ExpiredToken", "The token has expired"):
        failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "ExpiredToken" in failed.reason
    assert "AWS_PROFILE" in failed.advice


def test_a_network_that_is_gone_is_waited_for(trigger: Trigger, local_aws: LocalAws) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    with unreachable("cloudformation", "DescribeStacks"):
        tasks.plan(str(deployment.pk))
    deployment.refresh_from_db()
    assert (deployment.status, deployment.lease_token) == (S.PLANNING, None)
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_step_that_dies_after_execute_change_set_goes_on_to_live(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    tasks.plan(str(deployment.pk))
    with failing("cloudformation", "DescribeStacks", "InternalFailure", "x", status=500):
        tasks.apply(str(deployment.pk))
    # The worker died before it could write that CloudFormation took the call.
    Deployment.objects.filter(pk=deployment.pk).update(applied_at=None)
    deployment.refresh_from_db()
    tasks.apply(str(deployment.pk))
    assert run_steps(deployment).status == S.SUCCEEDED
    stack = local_aws.client("cloudformation").describe_stack_events(
        StackName=RestApi.objects.get(pk=trigger.rest_api_id).stack_id
    )
    began = [e for e in stack["StackEvents"] if e["ResourceStatus"] == "CREATE_IN_PROGRESS"]
    stacks = [e for e in began if e["ResourceType"] == "AWS::CloudFormation::Stack"]
    assert len(stacks) == 1


def test_a_worker_that_died_between_create_change_set_and_its_answer_finds_its_own_stack(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    tasks.plan(str(deployment.pk))
    Deployment.objects.filter(pk=deployment.pk).update(status=S.PLANNING, change_set_id="")
    RestApi.objects.filter(pk=trigger.rest_api_id).update(stack_id="")
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_lease_keeps_a_second_worker_away_and_ends_by_itself(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    deployment.take_lease(S.QUEUED)
    tasks.plan(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.QUEUED
    Deployment.objects.filter(pk=deployment.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_synth_process_that_is_killed_is_replaced_and_the_deployment_goes_on(
    environment: Environment, local_aws: LocalAws
) -> None:
    synth.warm()
    assert synth.pid is not None
    os.kill(synth.pid, signal.SIGKILL)
    assert deploy(make_trigger(environment)).status == S.SUCCEEDED


def test_a_stack_that_cannot_be_deleted_fails_and_what_is_live_stays(
    live: Trigger, local_aws: LocalAws
) -> None:
    removal = Deployment.remove(live.rest_api, [live], by="ada")
    with failing(
        "cloudformation", "DeleteStack", "AccessDenied", "not allowed to delete", status=403
    ):
        failed = run_steps(removal)
    assert failed.status == S.FAILED
    assert "not allowed to delete" in failed.reason
    assert Trigger.objects.get(pk=live.pk).live is not None
    assert RestApi.objects.get(pk=live.rest_api_id).live is not None


def test_a_change_set_that_somebody_removed_is_never_taken_for_a_success(
    live: Trigger, local_aws: LocalAws
) -> None:
    live.save_version({"response_status": 201}, by="ada")
    deployment = Deployment.deploy(live.rest_api, [live], by="ada")
    tasks.plan(str(deployment.pk))
    local_aws.client("cloudformation").delete_change_set(
        StackName=live.rest_api.stack_name, ChangeSetName=deployment.change_set_name
    )
    failed = run_steps(deployment)
    assert failed.status == S.FAILED
    assert "void" in failed.reason
    endpoint = Trigger.objects.get(pk=live.pk).endpoint
    assert endpoint.spec["response_status"] == 202


def test_credentials_of_another_account_change_nothing(
    environment: Environment, local_aws: LocalAws
) -> None:
    environment.account_id = "111111111111"
    environment.save()
    trigger = make_trigger(environment)
    failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "000000000000" in failed.reason and "111111111111" in failed.reason
    stacks = local_aws.client("cloudformation").describe_stacks()["Stacks"]
    assert trigger.rest_api.stack_name not in [s["StackName"] for s in stacks]


def test_a_change_set_that_cannot_be_removed_does_not_undo_a_success(
    live: Trigger, local_aws: LocalAws
) -> None:
    for code in ("AccessDenied", "Throttling"):
        with failing("cloudformation", "DeleteChangeSet", code, "not now"):
            again = deploy(live)
        assert (again.status, again.reason) == (S.SUCCEEDED, "")
        assert again.events.filter(status="NOT_CLEANED_UP", reason__contains=code).exists()


def test_a_terminal_row_never_changes(live: Trigger) -> None:
    done = live.deployments.get()
    with pytest.raises(InvalidTransition):
        done.move(S.FAILED, reason="no")
    with pytest.raises(InvalidTransition):
        done.release(delay=0)
    with pytest.raises(InvalidTransition):
        done.store(stack_status="X")
    done.refresh_from_db()
    assert done.status == S.SUCCEEDED
