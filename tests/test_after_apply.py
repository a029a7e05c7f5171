"""Once CloudFormation has the change, only the stack's rest ends the deployment."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dashboard import aws
from dashboard.models import Deployment, Environment, InvalidTransition, RestApi, Trigger
from deployer import outcome, tasks
from tests.conftest import deploy, make_trigger, run_steps
from tests.faults import failing, unreachable
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db
S = Deployment.Status


def planned(trigger: Trigger) -> Deployment:
    deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
    tasks.plan(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.PLANNED
    return deployment


@pytest.mark.parametrize("operation", ["DescribeStacks", "DescribeStackEvents"])
@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "Throttling"])
def test_a_look_that_is_refused_does_not_end_it(
    trigger: Trigger, local_aws: LocalAws, operation: str, code: str
) -> None:
    deployment = planned(trigger)
    with failing("cloudformation", operation, code, "not now"):
        tasks.apply(str(deployment.pk))
        # However long it goes on.
        long_ago = timezone.now() - tasks.PATIENCE - timedelta(seconds=1)
        Deployment.objects.update(failing_since=long_ago, next_step_at=long_ago)
        tasks.watch(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.APPLYING
    assert f"{code}: not now" in deployment.trouble
    assert run_steps(deployment).status == S.SUCCEEDED
    assert Trigger.objects.get(pk=trigger.pk).live is not None
    assert deployment.trouble == ""


def test_a_refused_execute_fails_in_aws_words(trigger: Trigger, local_aws: LocalAws) -> None:
    deployment = planned(trigger)
    words = "not authorized to perform: cloudformation:ExecuteChangeSet"
    with failing("cloudformation", "ExecuteChangeSet", "AccessDenied", words, status=403):
        tasks.apply(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.FAILED
    assert words in deployment.reason


def test_an_execute_whose_answer_was_lost_goes_on(trigger: Trigger, local_aws: LocalAws) -> None:
    deployment = planned(trigger)
    with unreachable("cloudformation", "ExecuteChangeSet"):
        tasks.apply(str(deployment.pk))
    deployment.refresh_from_db()
    assert (deployment.status, deployment.applied_at is None) == (S.APPLYING, False)
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_status_of_before_the_call_is_not_taken_for_the_end(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    """CloudFormation may still say REVIEW_IN_PROGRESS right after ExecuteChangeSet."""
    deployment = planned(trigger)
    client = aws._client("cloudformation", "us-east-1", "")
    event = "after-call.cloudformation.DescribeStacks"

    def stale(parsed: dict[str, Any], **_: Any) -> None:
        for stack in parsed.get("Stacks", []):
            stack["StackStatus"] = "REVIEW_IN_PROGRESS"

    client.meta.events.register(event, stale)
    try:
        tasks.apply(str(deployment.pk))
    finally:
        client.meta.events.unregister(event, stale)
    deployment.refresh_from_db()
    assert deployment.status == S.APPLYING
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_stack_that_somebody_else_deletes_ends_a_removal(
    live: Trigger, local_aws: LocalAws
) -> None:
    removal = Deployment.remove(live.rest_api, [live], by="ada")
    tasks.plan(str(removal.pk))
    cloudformation = local_aws.client("cloudformation")
    stack_id = RestApi.objects.get(pk=live.rest_api_id).stack_id
    cloudformation.update_termination_protection(
        StackName=stack_id, EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName=stack_id)
    assert run_steps(removal).status == S.SUCCEEDED


def test_a_bug_while_succeeding_is_told_and_tried_again(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = planned(trigger)
    client = aws._client("cloudformation", "us-east-1", "")
    event = "after-call.cloudformation.DescribeStacks"

    def without_outputs(parsed: dict[str, Any], **_: Any) -> None:
        for stack in parsed.get("Stacks", []):
            stack["Outputs"] = []

    client.meta.events.register(event, without_outputs)
    try:
        with pytest.raises(KeyError):
            tasks.apply(str(deployment.pk))
    finally:
        client.meta.events.unregister(event, without_outputs)
    deployment.refresh_from_db()
    assert deployment.status == S.APPLYING
    assert "Stepgate itself failed" in deployment.trouble
    assert run_steps(deployment).status == S.SUCCEEDED


def test_a_first_change_set_whose_answer_was_lost_does_not_block_the_next_deployment(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    lost = planned(trigger)
    # The worker died before it wrote down what CreateChangeSet answered, and then gave up.
    RestApi.objects.filter(pk=trigger.rest_api_id).update(stack_id="")
    lost.take_lease(S.PLANNED)
    lost.move(S.FAILED, reason="for the test")
    trigger.rest_api.refresh_from_db()
    assert deploy(trigger).status == S.SUCCEEDED


def test_a_step_that_comes_before_its_time_does_nothing(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    deployment = planned(trigger)
    Deployment.objects.update(next_step_at=timezone.now() + timedelta(seconds=5))
    tasks.apply(str(deployment.pk))
    deployment.refresh_from_db()
    assert deployment.status == S.PLANNED


@pytest.mark.parametrize(
    "paths",
    [
        ["/Default"],
        ["/a/Default", "/a/Resource"],
        ["/Default4xx"],
        ["/DeploymentStage.prod"],
        ["/GET", "/"],
        ["/orders/POST", "/orders"],
        ["/{proxy+}"],
        ["/a/{id}/b", "/a/{id}", "/a"],
    ],
)
def test_a_path_may_be_called_like_anything_in_the_cdk(
    environment: Environment, local_aws: LocalAws, paths: list[str]
) -> None:
    rest_api = RestApi.objects.create(environment=environment, name="names", created_by="ada")
    triggers = [
        make_trigger(environment, rest_api, path=path, method=method)
        for path in paths
        for method in ("GET", "POST")
    ]
    done = deploy(*triggers)
    assert (done.status, done.reason) == (S.SUCCEEDED, "")


def test_a_step_that_lost_its_lease_cleans_nothing_up(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    """Its successor may be executing what it would remove."""
    mine = planned(trigger)
    mine.take_lease(S.PLANNED)
    Deployment.objects.filter(pk=mine.pk).update(lease_token=uuid.uuid4())
    with pytest.raises(InvalidTransition):
        outcome.fail(mine, "too late", "")
    change_set = local_aws.client("cloudformation").describe_change_set(
        StackName=trigger.rest_api.stack_name, ChangeSetName=mine.change_set_name
    )
    assert change_set["Status"] == "CREATE_COMPLETE"
