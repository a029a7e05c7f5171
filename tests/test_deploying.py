"""A deployment's life against the embedded AWS, step by step."""

import httpx
import pytest

from dashboard import aws
from dashboard.models import Deployment, Endpoint, Environment, RestApi, Trigger
from dashboard.sender import send
from deployer import tasks
from tests.conftest import deploy, make_trigger, run_steps
from tests.local_aws import LocalAws, machine_arn, until

pytestmark = pytest.mark.django_db

S = Deployment.Status


def call(trigger: Trigger, body: str = "{}") -> httpx.Response:
    trigger = Trigger.objects.get(pk=trigger.pk)
    endpoint = trigger.endpoint
    url = aws.invoke_url(trigger.rest_api.environment, endpoint.api_id, endpoint.stage_name)
    return httpx.request(
        endpoint.method if endpoint.method != "ANY" else "POST",
        url + endpoint.path,
        content=body,
        headers={"Content-Type": "application/json"},
    )


def test_a_first_deployment_ends_live_and_its_url_starts_an_execution(
    live: Trigger, local_aws: LocalAws
) -> None:
    rest_api = RestApi.objects.get(pk=live.rest_api_id)
    answer = call(live, '{"orderId":"A-1"}')
    assert answer.status_code == 202
    arn = answer.json()["executionArn"]
    assert arn.split(":")[-1].startswith(f"{live.key}-")
    described = local_aws.client("stepfunctions").describe_execution(executionArn=arn)
    assert described["input"] == '{"orderId":"A-1"}'
    assert rest_api.live is not None and rest_api.live.number == 1
    assert rest_api.stack_id.startswith("arn:aws:cloudformation:")


def test_every_step_and_every_stack_event_is_written_down(live: Trigger) -> None:
    deployment = live.deployments.get()
    steps = [e.status for e in deployment.events.filter(kind="STEP")]
    assert steps == [S.QUEUED, S.PLANNING, S.PLANNED, S.APPLYING, S.SUCCEEDED]
    stack = deployment.events.filter(kind="STACK")
    assert stack.filter(resource_type="AWS::ApiGateway::Stage", status="CREATE_COMPLETE").exists()
    assert stack.values("event_id").distinct().count() == stack.count()


def test_the_stack_is_protected_once_it_is_made(live: Trigger, local_aws: LocalAws) -> None:
    stack = local_aws.client("cloudformation").describe_stacks(StackName=live.rest_api.stack_name)
    assert stack["Stacks"][0]["EnableTerminationProtection"] is True


def test_deploying_what_is_live_already_succeeds_without_touching_the_stack(live: Trigger) -> None:
    again = deploy(live)
    assert again.status == S.SUCCEEDED
    assert not again.events.filter(kind="STACK").exists()
    assert [e.status for e in again.events.all()] == [S.QUEUED, S.PLANNING, S.SUCCEEDED]
    assert RestApi.objects.get(pk=live.rest_api_id).live == again


def test_a_changed_trigger_goes_live_with_the_next_deployment(live: Trigger) -> None:
    live.save_version({"response_mode": "FIXED", "response_body": '{"n":1}'}, by="ada")
    assert [change.label for change in live.changes()] == ["Response", "Response body"]
    assert deploy(live).status == S.SUCCEEDED
    assert call(live).json() == {"n": 1}
    assert Trigger.objects.get(pk=live.pk).changes() == []


def test_deploying_one_trigger_leaves_the_saved_changes_of_the_others_where_they_are(
    live: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, live.rest_api, path="/refunds")
    live.save_version({"response_status": 201}, by="ada")
    assert deploy(other).status == S.SUCCEEDED
    assert call(live).status_code == 202
    assert call(other).status_code == 202
    assert deploy(live).status == S.SUCCEEDED
    assert call(live).status_code == 201


def test_removing_one_of_two_routes_keeps_the_other(
    live: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, live.rest_api, path="/refunds")
    deploy(other)
    removal = run_steps(Deployment.remove(live.rest_api, [live], by="ada"))
    assert (removal.action, removal.what, removal.status) == ("DEPLOY", "Remove", S.SUCCEEDED)
    live.refresh_from_db()
    assert live.gone_by == "ada" and live.gone_at is not None
    assert not Endpoint.objects.filter(trigger=live).exists()
    assert call(other).status_code == 202


def test_removing_the_last_route_removes_the_stack_and_ends_the_rest_api(
    live: Trigger, local_aws: LocalAws
) -> None:
    stack_id = RestApi.objects.get(pk=live.rest_api_id).stack_id
    removal = run_steps(Deployment.remove(live.rest_api, [live], by="ada"))
    assert (removal.action, removal.status) == ("DESTROY", S.SUCCEEDED)
    rest_api = RestApi.objects.get(pk=live.rest_api_id)
    assert (rest_api.stack_id, rest_api.api_id, rest_api.live) == ("", "", None)
    assert rest_api.gone_by == "ada"
    stack = local_aws.client("cloudformation").describe_stacks(StackName=stack_id)
    assert stack["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_rest_api_whose_stack_is_gone_gets_a_new_one(live: Trigger, local_aws: LocalAws) -> None:
    cloudformation = local_aws.client("cloudformation")
    rest_api = RestApi.objects.get(pk=live.rest_api_id)
    cloudformation.update_termination_protection(
        StackName=rest_api.stack_id, EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName=rest_api.stack_id)
    assert deploy(live).status == S.SUCCEEDED
    assert RestApi.objects.get(pk=rest_api.pk).stack_id != rest_api.stack_id
    assert call(live).status_code == 202


def test_a_stack_of_the_same_name_that_is_not_ours_is_never_touched(
    trigger: Trigger, local_aws: LocalAws
) -> None:
    cloudformation = local_aws.client("cloudformation")
    template = '{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}'
    cloudformation.create_stack(StackName=trigger.rest_api.stack_name, TemplateBody=template)
    failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "is not Stepgate's" in failed.reason
    assert trigger.rest_api.stack_name in failed.advice
    assert cloudformation.get_template(StackName=trigger.rest_api.stack_name)


def test_a_stack_whose_tags_were_changed_is_no_longer_ours(
    live: Trigger, local_aws: LocalAws
) -> None:
    rest_api = RestApi.objects.get(pk=live.rest_api_id)
    local_aws.client("cloudformation").update_stack(
        StackName=rest_api.stack_id,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": "stepgate:instance", "Value": "another"}],
    )
    live.save_version({"response_status": 201}, by="ada")
    failed = deploy(live)
    assert failed.status == S.FAILED
    assert "tags" in failed.reason


def test_an_update_that_cloudformation_rolls_back_fails_in_its_words_and_the_old_route_stays(
    environment: Environment, local_aws: LocalAws
) -> None:
    trigger = make_trigger(environment, path="/orders/{id}")
    deploy(trigger)
    # API Gateway makes the new variable beside the old one, which it does not take.
    trigger.save_version({"path": "/orders/{other}"}, by="ada")
    failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "sibling" in failed.reason
    assert failed.stack_status == "UPDATE_ROLLBACK_COMPLETE"
    rest_api = RestApi.objects.get(pk=trigger.rest_api_id)
    assert rest_api.live is not None and rest_api.live.number == 1
    endpoint = Trigger.objects.get(pk=trigger.pk).endpoint
    assert endpoint.path == "/orders/{id}"


def test_routes_that_api_gateway_refuses_together_are_refused_before_a_row_is_written(
    environment: Environment,
) -> None:
    first = make_trigger(environment, path="/a/{x}")
    second = make_trigger(environment, first.rest_api, path="/a/{y}/b")
    with pytest.raises(ValueError, match="one variable name at each place"):
        Deployment.deploy(first.rest_api, [first, second], by="ada")
    assert not Deployment.objects.exists()


def test_the_embedded_aws_is_asked_for_nothing_when_a_template_is_too_large(
    environment: Environment, local_aws: LocalAws
) -> None:
    text = '{"text":"' + "x" * 60_000 + '"}'
    trigger = make_trigger(environment, input_mode="FIXED", input_template=text)
    failed = deploy(trigger)
    assert failed.status == S.FAILED
    assert "51,200" in failed.reason
    assert RestApi.objects.get(pk=trigger.rest_api_id).stack_id == ""


def test_a_step_that_is_delivered_again_changes_nothing(live: Trigger) -> None:
    deployment = live.deployments.get()
    before = deployment.events.count()
    for task in (tasks.plan, tasks.apply, tasks.watch):
        task(str(deployment.pk))
    deployment.refresh_from_db()
    assert (deployment.status, deployment.events.count()) == (S.SUCCEEDED, before)


def test_a_failed_deployment_is_tried_again_with_the_same_snapshot(live: Trigger) -> None:
    live.save_version({"response_status": 201}, by="ada")
    failed = Deployment.deploy(live.rest_api, [live], by="ada")
    failed.take_lease(S.QUEUED)
    failed.move(S.FAILED, reason="for the test")
    live.save_version({"response_status": 203}, by="ada")
    again = run_steps(Deployment.again(failed, by="otto"))
    assert again.status == S.SUCCEEDED
    assert again.spec == failed.spec
    assert call(live).status_code == 201


def test_send_keeps_the_request_with_its_execution(live: Trigger, local_aws: LocalAws) -> None:
    sent = send(live, by="ada", method="POST", values={}, query="", headers={}, body='{"a":1}')
    assert sent.status == 202
    described = until(
        lambda: local_aws.client("stepfunctions").describe_execution(
            executionArn=sent.execution_arn
        )
    )
    assert described["input"] == '{"a":1}'
    assert described["stateMachineArn"] == machine_arn("order-fulfilment")
