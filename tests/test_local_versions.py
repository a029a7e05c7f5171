"""Executions through a REST API of the embedded AWS: versions, aliases, roles, other actions."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.local_aws import LocalAws, machine_arn, shared, unique, until
from tests.local_stack import Part, deploy, deploy_rest_api, get, method, resource, rest_api, url

ERROR = '{"type": "$input.path(\'$.__type\')", "said": "$!input.path(\'$.Message\')"}'


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def states(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


def definition(result: str) -> str:
    state = {"Type": "Pass", "Result": result, "End": True}
    return json.dumps({"StartAt": "P", "States": {"P": state}})


def make_machine(states: Any, kind: str = "STANDARD") -> str:
    """A machine whose version 1 gives "one", and which now gives "two"."""
    role = "arn:aws:iam::000000000000:role/any"
    arn: str = states.create_state_machine(
        name=unique("machine"), type=kind, definition=definition("one"), roleArn=role
    )["stateMachineArn"]
    states.publish_state_machine_version(stateMachineArn=arn)
    states.update_state_machine(stateMachineArn=arn, definition=definition("two"))
    return arn


def make_alias(states: Any, arn: str) -> str:
    routing = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    made = states.create_state_machine_alias(name="live", routingConfiguration=routing)
    return str(made["stateMachineAliasArn"])


def calls(
    template: str, action: str = "StartExecution", role: Any = None, answer: str | None = None
) -> Part:
    """An integration that sends ``template`` to Step Functions and answers what it says."""
    success = {"application/json": answer} if answer else {}
    return {
        "Type": "AWS",
        "IntegrationHttpMethod": "POST",
        "Uri": f"arn:aws:apigateway:us-east-1:states:action/{action}",
        "Credentials": role or "arn:aws:iam::000000000000:role/any",
        "RequestTemplates": {"application/json": template},
        "IntegrationResponses": [
            {"StatusCode": "202", "SelectionPattern": "2\\d\\d", "ResponseTemplates": success},
            {"StatusCode": "400", "ResponseTemplates": {"application/json": ERROR}},
        ],
    }


def starts(arn: str, **more: Any) -> Part:
    return calls(f'{{"stateMachineArn": "{arn}", "input": "{{}}"}}', **more)


def post(integration: Part, body: Any = None) -> httpx.Response:
    return httpx.post(url(deploy_rest_api(method(integration))), json=body or {})


def output(states: Any, execution: str) -> Any:
    """What an execution gives, once it has ended."""
    until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING")
    return json.loads(states.describe_execution(executionArn=execution)["output"])


def test_a_version_runs_as_it_was_published(states: Any) -> None:
    arn = make_machine(states)
    execution = post(starts(f"{arn}:1")).json()["executionArn"]
    assert execution.startswith(arn.replace(":stateMachine:", ":execution:") + ":")
    assert execution.count(":") == 7
    assert output(states, execution) == "one"
    described = states.describe_execution(executionArn=execution)
    assert described["stateMachineArn"] == arn
    assert described["stateMachineVersionArn"] == f"{arn}:1"
    assert "stateMachineAliasArn" not in described


def test_the_machine_itself_runs_as_it_is_now(states: Any) -> None:
    execution = post(starts(make_machine(states))).json()["executionArn"]
    assert output(states, execution) == "two"
    assert "stateMachineVersionArn" not in states.describe_execution(executionArn=execution)


def test_an_alias_runs_the_version_that_it_routes_to(states: Any) -> None:
    arn = make_machine(states)
    alias = make_alias(states, arn)
    execution = post(starts(alias)).json()["executionArn"]
    assert output(states, execution) == "one"
    described = states.describe_execution(executionArn=execution)
    assert described["stateMachineVersionArn"] == f"{arn}:1"
    assert described["stateMachineAliasArn"] == alias == f"{arn}:live"
    listed = states.list_executions(stateMachineArn=arn)["executions"]
    assert [one["executionArn"] for one in listed] == [execution]


def test_an_express_version_runs_as_it_was_published(states: Any) -> None:
    arn = make_machine(states, "EXPRESS")
    answer = post(starts(f"{arn}:1", action="StartSyncExecution", answer="$input.path('$.output')"))
    assert answer.json() == "one"


@pytest.mark.parametrize("gone", ["version", "alias", "machine"])
def test_what_is_deleted_does_not_exist(states: Any, gone: str) -> None:
    arn = make_machine(states)
    alias = make_alias(states, arn)
    named = alias if gone != "version" else f"{arn}:1"
    if gone == "machine":
        states.delete_state_machine(stateMachineArn=arn)
    else:
        states.delete_state_machine_alias(stateMachineAliasArn=alias)
        if gone == "version":
            states.delete_state_machine_version(stateMachineVersionArn=named)
    answer = post(starts(named))
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("#StateMachineDoesNotExist")


def test_an_execution_is_described_through_the_gateway(states: Any) -> None:
    execution = states.start_execution(stateMachineArn=machine_arn("long-wait"))["executionArn"]
    template = '{"executionArn": "$input.path(\'$.arn\')"}'
    answer = '{"status": "$input.path(\'$.status\')"}'
    integration = calls(template, "DescribeExecution", answer=answer)
    assert post(integration, {"arn": execution}).json() == {"status": "RUNNING"}
    missing = post(integration, {"arn": f"{execution}0"})
    assert missing.status_code == 400
    assert missing.json()["type"].endswith("#ExecutionDoesNotExist")


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ("ThrottlingException", "com.amazon.coral.availability#ThrottlingException", 400),
        ("ServiceUnavailable", "com.amazonaws.swf.service.v2.model#ServiceUnavailable", 400),
    ],
)
def test_an_error_can_be_provoked_by_a_tag(states: Any, error: str, kind: str, status: int) -> None:
    arn = make_machine(states)
    hook = url(deploy_rest_api(method(starts(arn))))
    key = "local-aws:StartExecution"
    states.tag_resource(resourceArn=arn, tags=[{"key": key, "value": error}])
    answer = httpx.post(hook, json={})
    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    states.untag_resource(resourceArn=arn, tagKeys=[key])
    assert httpx.post(hook, json={}).status_code == 202


def role(*statements: Mapping[str, Any], service: str = "apigateway.amazonaws.com") -> Part:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    policies = [
        {
            "PolicyName": "start",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
        }
    ]
    return resource(
        "IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        **({"Policies": policies} if statements else {}),
    )


def allow(arn: str, action: str = "states:StartExecution", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": arn} | more


def with_role(integration: Part, given: Part) -> httpx.Response:
    parts = rest_api(method(integration | {"Credentials": get("Role")}), others={"Role": given})
    made = deploy(parts, Api={"Ref": "Api"}, Role={"Ref": "Role"})
    answer = httpx.post(url(made["Api"]), json={})
    answer.extensions["role"] = made["Role"]
    return answer


def test_a_role_may_start_what_its_policy_names(states: Any) -> None:
    arn = make_machine(states)
    assert with_role(starts(arn), role(allow(arn))).status_code == 202


@pytest.mark.parametrize("given", ["nothing", "another machine", "another action"])
def test_a_role_without_the_permission_is_denied(states: Any, given: str) -> None:
    arn = make_machine(states)
    policies = {
        "nothing": [],
        "another machine": [allow(f"{arn}-2")],
        "another action": [allow(arn, "states:StartSyncExecution")],
    }
    answer = with_role(starts(arn), role(*policies[given]))
    assert answer.status_code == 400
    assert answer.json()["type"] == "com.amazon.coral.service#AccessDeniedException"
    assert answer.json()["said"] == (
        f"User: arn:aws:sts::000000000000:assumed-role/{answer.extensions['role']}"
        "/BackplaneAssumeRoleSession is not authorized to perform: states:StartExecution on "
        f"resource: {arn} because no identity-based policy allows the states:StartExecution action"
    )


def test_a_role_that_the_gateway_may_not_assume_is_an_internal_error(states: Any) -> None:
    arn = make_machine(states)
    answer = with_role(starts(arn), role(allow(arn), service="lambda.amazonaws.com"))
    assert (answer.status_code, answer.json()["error"]) == (500, "API_CONFIGURATION_ERROR")


def test_a_permission_for_a_version_is_a_condition_on_the_machine(states: Any) -> None:
    arn = make_machine(states)
    condition = {"StringEquals": {"states:StateMachineQualifier": "1"}}
    only = role(allow(arn, Condition=condition))
    assert with_role(starts(f"{arn}:1"), only).status_code == 202
    assert with_role(starts(make_alias(states, arn)), only).status_code == 400
    assert with_role(starts(arn), only).status_code == 400
    qualified = role(allow(f"{arn}:1"))
    assert with_role(starts(f"{arn}:1"), qualified).status_code == 400
