"""The first example of the project, resource by resource, then by real HTTP."""

import json
from typing import Any

import httpx
import pytest

from dashboard import aws
from dashboard.models import Environment, RestApi, Trigger
from deployer.synth import synth
from infra import mapping
from infra.spec import ApiSpec
from infra.velocity import Request, render
from tests.conftest import deploy, make_trigger
from tests.local_aws import LocalAws, machine_arn, unique, until

pytestmark = pytest.mark.django_db
FIXED = '{"prefix":"prod"}'
ANSWER = '{"done": true}'


@pytest.fixture
def seed(environment: Environment) -> Trigger:
    return make_trigger(
        environment,
        method="GET",
        path="/",
        input_mode="FIXED",
        input_template=FIXED,
        response_mode="FIXED",
        response_status=200,
        response_body=ANSWER,
    )


@pytest.fixture
def template(seed: Trigger) -> dict[str, Any]:
    return synth.template(seed.rest_api.spec([seed.spec()]), waiting=lambda: None)


def only(template: dict[str, Any], kind: str) -> dict[str, Any]:
    found = [r for r in template["Resources"].values() if r["Type"] == f"AWS::ApiGateway::{kind}"]
    assert len(found) == 1, kind
    properties: dict[str, Any] = found[0]["Properties"]
    return properties


def test_the_stack_holds_these_resources_and_no_other(template: dict[str, Any]) -> None:
    kinds = sorted(r["Type"].removeprefix("AWS::") for r in template["Resources"].values())
    assert kinds == [
        "ApiGateway::Deployment",
        "ApiGateway::GatewayResponse",
        "ApiGateway::GatewayResponse",
        "ApiGateway::GatewayResponse",
        "ApiGateway::Method",
        "ApiGateway::RestApi",
        "ApiGateway::Stage",
        "IAM::Role",
    ]
    assert "Parameters" not in template and "Rules" not in template


def test_the_role_is_assumed_by_api_gateway_and_may_start_the_one_machine(
    template: dict[str, Any],
) -> None:
    roles = [r["Properties"] for r in template["Resources"].values() if r["Type"].endswith("Role")]
    assert roles[0]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
        }
    ]
    assert [p["PolicyDocument"]["Statement"] for p in roles[0]["Policies"]] == [
        [
            {
                "Action": "states:StartExecution",
                "Effect": "Allow",
                "Resource": machine_arn("order-fulfilment"),
            }
        ]
    ]
    assert "ManagedPolicyArns" not in roles[0]


def test_the_rest_api_is_regional_and_says_which_spec_it_is(
    template: dict[str, Any], seed: Trigger
) -> None:
    rest_api = only(template, "RestApi")
    assert rest_api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    spec = seed.rest_api.spec([seed.spec()])
    assert spec.sha256() in rest_api["Description"]
    assert ApiSpec.model_validate(template["Metadata"]["stepgate"]) == spec


def test_the_method_starts_an_execution_with_the_fixed_input(
    template: dict[str, Any], seed: Trigger
) -> None:
    method = only(template, "Method")
    assert (method["HttpMethod"], method["AuthorizationType"]) == ("GET", "NONE")
    integration = method["Integration"]
    assert integration["Type"] == "AWS"
    assert integration["IntegrationHttpMethod"] == "POST"
    assert integration["PassthroughBehavior"] == "NEVER"
    assert integration["Uri"]["Fn::Join"][1][-1] == ":states:action/StartExecution"
    assert list(integration["RequestTemplates"]) == ["application/json"]
    text = integration["RequestTemplates"]["application/json"]
    assert r"{\"prefix\":\"prod\"}" in text
    call = json.loads(render(text, Request(context={"extendedRequestId": "Ab_c-9="})).text)
    assert call == {
        "stateMachineArn": machine_arn("order-fulfilment"),
        "name": f"{seed.key}-Ab_c-9",
        "input": FIXED,
    }


def test_success_alone_takes_the_success_answer(seed: Trigger, template: dict[str, Any]) -> None:
    method = only(template, "Method")
    responses = method["Integration"]["IntegrationResponses"]
    assert responses[0] == {
        "StatusCode": "200",
        "SelectionPattern": r"2\d{2}",
        "ResponseTemplates": {"application/json": ANSWER},
    }
    errors = [(r["StatusCode"], r.get("SelectionPattern")) for r in responses[1:]]
    assert errors == [("400", r"4\d{2}"), ("500", None)]
    assert [r["ResponseTemplates"]["application/json"] for r in responses[1:]] == [
        mapping.error_template(seed.spec()),
        mapping.fault_template(seed.spec()),
    ]
    assert [r["StatusCode"] for r in method["MethodResponses"]] == ["200", "400", "500"]


def test_the_stage_is_prod_and_every_route_is_throttled(template: dict[str, Any]) -> None:
    stage = only(template, "Stage")
    assert stage["StageName"] == "prod"
    limits = {
        (s["ResourcePath"], s["HttpMethod"]): (s["ThrottlingRateLimit"], s["ThrottlingBurstLimit"])
        for s in stage["MethodSettings"]
    }
    assert limits == {("/*", "*"): (10, 20), ("/", "GET"): (10, 20)}
    assert only(template, "Deployment")["RestApiId"]


def test_errors_of_the_gateway_itself_are_json_with_the_request_id(
    template: dict[str, Any],
) -> None:
    answers = {
        r["Properties"]["ResponseType"]: r["Properties"]["ResponseTemplates"]
        for r in template["Resources"].values()
        if r["Type"].endswith("GatewayResponse")
    }
    body = {"application/json": mapping.gateway_response_template()}
    assert answers == {"DEFAULT_4XX": body, "DEFAULT_5XX": body, "THROTTLED": body}
    assert "$context.extendedRequestId" in body["application/json"]


def _url(trigger: Trigger) -> str:
    rest_api = RestApi.objects.select_related("environment").get(pk=trigger.rest_api_id)
    return aws.invoke_url(rest_api.environment, rest_api.api_id, rest_api.stage_name) + "/"


def test_a_get_without_body_or_content_type_answers_done_and_starts_the_execution(
    seed: Trigger, local_aws: LocalAws
) -> None:
    assert deploy(seed).status == "SUCCEEDED"
    answer = httpx.get(_url(seed))
    assert (answer.status_code, answer.json()) == (200, {"done": True})
    states = local_aws.client("stepfunctions")
    arn = machine_arn("order-fulfilment")

    def mine() -> list[str]:
        found = states.list_executions(stateMachineArn=arn)["executions"]
        return [e["executionArn"] for e in found if e["name"].startswith(seed.key)]

    (execution,) = until(mine)
    assert states.describe_execution(executionArn=execution)["input"] == FIXED


def test_a_machine_deleted_after_the_deployment_never_answers_200(
    environment: Environment, local_aws: LocalAws
) -> None:
    states = local_aws.client("stepfunctions")
    name = unique("short-lived")
    arn = states.create_state_machine(
        name=name,
        definition='{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}',
        roleArn="arn:aws:iam::000000000000:role/x",
    )["stateMachineArn"]
    trigger = make_trigger(
        environment,
        method="GET",
        path="/",
        machine=name,
        input_mode="FIXED",
        input_template=FIXED,
        response_mode="FIXED",
        response_status=200,
        response_body=ANSWER,
    )
    assert deploy(trigger).status == "SUCCEEDED"
    assert httpx.get(_url(trigger)).status_code == 200
    states.delete_state_machine(stateMachineArn=arn)

    def refused() -> httpx.Response | None:
        answer = httpx.get(_url(trigger))
        return answer if answer.status_code != 200 else None

    answer = until(refused)
    assert answer is not None and answer.status_code == 502
    body = answer.json()
    assert body["error"] == "StateMachineDoesNotExist"
    assert name in body["message"]
    assert body["requestId"] == answer.headers["x-amz-apigw-id"].replace("=", "")
