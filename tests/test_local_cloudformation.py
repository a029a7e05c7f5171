"""What a deployment through change sets meets on AWS, held by the embedded AWS."""

import json
import uuid
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws, shared, unique, until
from tests.local_template import Template, template

NO_CHANGES = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
SIBLING = (
    "A sibling ({id}) of this resource already has a variable path part -- only one is allowed"
)


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def stacks(aws: LocalAws) -> Any:
    return aws.client("cloudformation")


def change_set(stacks: Any, stack: str, body: Template, **more: Any) -> Any:
    """The answer of CreateChangeSet; of type CREATE with OnStackFailure=DELETE by default."""
    request = {
        "StackName": stack,
        "ChangeSetName": unique("change"),
        "ChangeSetType": "CREATE",
        "TemplateBody": json.dumps(body),
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": "stepgate:instance", "Value": "test"}],
    }
    if more.get("ChangeSetType", "CREATE") == "CREATE":
        request["OnStackFailure"] = "DELETE"
    return stacks.create_change_set(**(request | more))


def status(stacks: Any, stack: str) -> str:
    return str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def execute(stacks: Any, made: Any, expected: str) -> str:
    """Execute a change set and wait for the stack's status ``expected``; the StackId."""
    stacks.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken=str(uuid.uuid4()))
    stack_id: str = made["StackId"]
    until(lambda: status(stacks, stack_id) == expected)
    return stack_id


def deployed(stacks: Any, body: Template | None = None, name: str | None = None) -> str:
    """The id of a new stack, CREATE_COMPLETE."""
    made = change_set(stacks, name or unique("stack"), body or template())
    return execute(stacks, made, "CREATE_COMPLETE")


def outputs(stacks: Any, stack: str) -> dict[str, str]:
    described = stacks.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """Code and message of the error that ``call`` raises."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    details = error.value.response["Error"]
    return details["Code"], details["Message"]


def test_a_stack_serves_what_its_template_says(aws: LocalAws, stacks: Any) -> None:
    made = outputs(stacks, deployed(stacks))
    url = aws.url(made["Api"], "/orders/7")
    assert httpx.post(url).status_code == 202
    role = aws.client("iam").get_role(RoleName=made["Role"])["Role"]
    assert "apigateway.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"])


def test_a_method_setting_of_a_template_throttles_its_route(aws: LocalAws, stacks: Any) -> None:
    url = aws.url(outputs(stacks, deployed(stacks))["Api"], "/orders/7")
    assert [httpx.post(url).status_code for _ in range(3)] == [202, 202, 429]


def test_a_deleted_stack_stops_serving(aws: LocalAws, stacks: Any) -> None:
    stack_id = deployed(stacks)
    made = outputs(stacks, stack_id)
    stacks.delete_stack(StackName=stack_id)
    until(lambda: status(stacks, stack_id) == "DELETE_COMPLETE")
    answer = httpx.post(aws.url(made["Api"], "/orders/7"))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    code, _ = refused(aws.client("iam").get_role, RoleName=made["Role"])
    assert code == "NoSuchEntity"


def test_a_stack_in_review_shows_no_tags_until_it_is_executed(stacks: Any) -> None:
    made = change_set(stacks, unique("stack"), template())
    stack = stacks.describe_stacks(StackName=made["StackId"])["Stacks"][0]
    assert (stack["StackStatus"], stack["Tags"]) == ("REVIEW_IN_PROGRESS", [])
    tags = [{"Key": "stepgate:instance", "Value": "test"}]
    assert stacks.describe_change_set(ChangeSetName=made["Id"])["Tags"] == tags
    execute(stacks, made, "CREATE_COMPLETE")
    assert stacks.describe_stacks(StackName=made["StackId"])["Stacks"][0]["Tags"] == tags


def test_a_stack_in_review_keeps_its_id_for_the_next_change_set(stacks: Any) -> None:
    name = unique("stack")
    first, second = (change_set(stacks, name, template()) for _ in range(2))
    assert first["StackId"] == second["StackId"]
    listed = stacks.list_change_sets(StackName=first["StackId"])["Summaries"]
    assert {one["ChangeSetId"] for one in listed} == {first["Id"], second["Id"]}
    assert execute(stacks, second, "CREATE_COMPLETE") == first["StackId"]
    code, _ = refused(stacks.describe_change_set, ChangeSetName=first["Id"])
    assert code in ("ChangeSetNotFound", "ChangeSetNotFoundException")


def test_a_refused_change_set_leaves_a_stack_in_review_as_it_was(stacks: Any) -> None:
    name = unique("stack")
    made = change_set(stacks, name, template())
    with pytest.raises(ClientError):
        change_set(stacks, name, {"Resources": {"A": {"Type": "AWS::No::Such"}}})
    assert status(stacks, name) == "REVIEW_IN_PROGRESS"
    execute(stacks, made, "CREATE_COMPLETE")


def test_a_stack_in_review_can_be_deleted_by_its_id(stacks: Any) -> None:
    made = change_set(stacks, unique("stack"), template())
    stacks.delete_stack(StackName=made["StackId"])
    until(lambda: status(stacks, made["StackId"]) == "DELETE_COMPLETE")


def test_the_same_request_with_its_token_answers_the_first_change_set(stacks: Any) -> None:
    name, body = unique("stack"), template()
    same = {"ChangeSetName": unique("change"), "ClientToken": str(uuid.uuid4())}
    first, second = (change_set(stacks, name, body, **same) for _ in range(2))
    assert (first["Id"], first["StackId"]) == (second["Id"], second["StackId"])


@pytest.mark.parametrize("token", [{}, {"ClientToken": "another"}])
def test_a_repeated_change_set_name_already_exists(stacks: Any, token: dict[str, str]) -> None:
    name, body, change = unique("stack"), template(), unique("change")
    change_set(stacks, name, body, ChangeSetName=change, ClientToken="first")
    with pytest.raises(ClientError) as error:
        change_set(stacks, name, body, ChangeSetName=change, **token)
    assert error.value.response["Error"]["Code"] == "AlreadyExistsException"


def test_a_change_set_without_changes_fails(stacks: Any) -> None:
    stack_id = deployed(stacks)
    made = change_set(stacks, stack_id, template(), ChangeSetType="UPDATE")
    described = stacks.describe_change_set(ChangeSetName=made["Id"])
    assert (described["Status"], described["StatusReason"]) == ("FAILED", NO_CHANGES)
    assert described["ExecutionStatus"] == "UNAVAILABLE"
    code, message = refused(stacks.execute_change_set, ChangeSetName=made["Id"])
    assert code == "InvalidChangeSetStatus"
    assert message.endswith("cannot be executed in its current status of [FAILED]")


def test_an_executed_change_set_cannot_be_executed_again(stacks: Any) -> None:
    made = change_set(stacks, unique("stack"), template())
    execute(stacks, made, "CREATE_COMPLETE")
    code, message = refused(stacks.execute_change_set, ChangeSetName=made["Id"])
    assert code == "InvalidChangeSetStatus"
    assert message.endswith("in its current execution status of [EXECUTE_COMPLETE]")


def test_a_change_set_by_stack_id_updates_the_stack(aws: LocalAws, stacks: Any) -> None:
    stack_id = deployed(stacks)
    body = template(description="changed")
    made = change_set(stacks, stack_id, body, ChangeSetType="UPDATE", ChangeSetName="second")
    stacks.describe_change_set(ChangeSetName="second", StackName=stack_id)
    execute(stacks, made, "UPDATE_COMPLETE")
    api = aws.client("apigateway").get_rest_api(restApiId=outputs(stacks, stack_id)["Api"])
    assert api["description"] == "changed"


def test_a_stack_that_exists_cannot_be_created_again(stacks: Any) -> None:
    name = unique("stack")
    deployed(stacks, name=name)
    with pytest.raises(ClientError) as error:
        change_set(stacks, name, template(), ChangeSetName="again")
    assert error.value.response["Error"]["Message"] == (
        f"Stack [{name}] already exists and cannot be created again with the changeSet [again]."
    )


def test_a_failed_creation_rolls_back_with_the_reason(stacks: Any) -> None:
    made = change_set(
        stacks, unique("stack"), template("{id}", "{other}"), OnStackFailure="ROLLBACK"
    )
    stack_id = execute(stacks, made, "ROLLBACK_COMPLETE")
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    (failed,) = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["ResourceType"] == "AWS::ApiGateway::Resource"
    assert failed["LogicalResourceId"] in ("Part0", "Part1")
    reason = failed["ResourceStatusReason"]
    assert reason.startswith('Resource handler returned message: "A sibling (')
    assert "already has a variable path part -- only one is allowed" in reason
    assert "HandlerErrorCode: InvalidRequest" in reason
    (rollback,) = [one for one in events if one["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"]
    assert rollback["ResourceStatusReason"] == (
        "The following resource(s) failed to create: "
        f"[{failed['LogicalResourceId']}]. Rollback requested by user."
    )


def test_a_stack_that_rolled_back_takes_no_change_set(stacks: Any) -> None:
    name = unique("stack")
    made = change_set(stacks, name, template("{id}", "{other}"), OnStackFailure="ROLLBACK")
    stack_id = execute(stacks, made, "ROLLBACK_COMPLETE")
    with pytest.raises(ClientError) as error:
        change_set(stacks, name, template(), ChangeSetType="UPDATE")
    assert error.value.response["Error"]["Message"] == (
        f"Stack:{stack_id} is in ROLLBACK_COMPLETE state and can not be updated."
    )
    with pytest.raises(ClientError):
        change_set(stacks, name, template())


def test_an_update_that_fails_keeps_what_was_there(aws: LocalAws, stacks: Any) -> None:
    stack_id = deployed(stacks)
    made = change_set(stacks, stack_id, template("{id}", "{other}"), ChangeSetType="UPDATE")
    execute(stacks, made, "UPDATE_ROLLBACK_COMPLETE")
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    (failed,) = [one for one in events if SIBLING in one.get("ResourceStatusReason", "")]
    assert (failed["LogicalResourceId"], failed["ResourceStatus"]) == ("Part1", "CREATE_FAILED")
    api_id = outputs(stacks, stack_id)["Api"]
    assert httpx.post(aws.url(api_id, "/orders/7")).status_code == 202


def test_a_failed_creation_is_deleted_and_stays_readable_by_its_id(stacks: Any) -> None:
    name = unique("stack")
    made = change_set(stacks, name, template("{id}", "{other}"))
    stack_id = execute(stacks, made, "DELETE_COMPLETE")
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    assert any("only one is allowed" in one.get("ResourceStatusReason", "") for one in events)
    assert events[0]["ResourceStatus"] == "DELETE_COMPLETE"
    code, message = refused(stacks.describe_stacks, StackName=name)
    assert (code, message) == ("ValidationError", f"Stack with id {name} does not exist")
    code, message = refused(stacks.describe_stack_events, StackName=name)
    assert (code, message) == ("ValidationError", f"Stack [{name}] does not exist")


def test_a_deleted_stack_stays_readable_when_its_name_is_used_again(stacks: Any) -> None:
    name = unique("stack")
    first = deployed(stacks, name=name)
    stacks.delete_stack(StackName=first)
    until(lambda: status(stacks, first) == "DELETE_COMPLETE")
    second = deployed(stacks, name=name)
    assert first != second
    assert status(stacks, first) == "DELETE_COMPLETE"
    assert stacks.describe_stack_events(StackName=first)["StackEvents"]
    assert status(stacks, name) == "CREATE_COMPLETE"


def test_an_update_creates_what_it_adds(aws: LocalAws, stacks: Any) -> None:
    stack_id = deployed(stacks)
    made = change_set(stacks, stack_id, template("{id}", "open"), ChangeSetType="UPDATE")
    execute(stacks, made, "UPDATE_COMPLETE")
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    own = [one["ResourceStatus"] for one in events if one["LogicalResourceId"] == "Part1"]
    assert own == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"]
    assert httpx.post(aws.url(outputs(stacks, stack_id)["Api"], "/orders/open")).status_code == 202


def test_events_come_newest_first_with_ids_of_their_own(stacks: Any) -> None:
    stack_id = deployed(stacks)
    events = stacks.describe_stack_events(StackName=stack_id)["StackEvents"]
    assert [one["Timestamp"] for one in events] == sorted(
        (one["Timestamp"] for one in events), reverse=True
    )
    assert len({one["EventId"] for one in events}) == len(events)
    own = [one["ResourceStatus"] for one in events if one["PhysicalResourceId"] == stack_id]
    assert own == ["CREATE_COMPLETE", "CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS"]


def test_termination_protection_blocks_the_deletion(stacks: Any) -> None:
    stack_id = deployed(stacks)
    protect = stacks.update_termination_protection
    protect(StackName=stack_id, EnableTerminationProtection=True)
    code, message = refused(stacks.delete_stack, StackName=stack_id)
    assert code == "ValidationError"
    assert message.endswith("cannot be deleted while TerminationProtection is enabled")
    protect(StackName=stack_id, EnableTerminationProtection=False)
    stacks.delete_stack(StackName=stack_id)
    until(lambda: status(stacks, stack_id) == "DELETE_COMPLETE")
