"""Stacks of the embedded AWS, for tests of AWS's own rules.

The templates are written by hand here, not by ``infra``: what is tested is the embedded AWS.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.local_aws import LocalAws, machine_arn, shared, unique

Part = dict[str, Any]

GATEWAY_TEMPLATE = (
    '{"error":"$context.error.responseType","message":$context.error.messageString,'
    '"validation":"$context.error.validationErrorString"}'
)


def deploy(resources: Mapping[str, Any], name: str | None = None, **outputs: Any) -> dict[str, str]:
    """The outputs of a new stack, or of the existing one ``name`` brought to this template.

    Stack is its name. AssertionError with the reasons of a stack that fails.
    """
    stacks, stack = shared().client("cloudformation"), name or unique("stack")
    body = {
        "Resources": resources,
        "Outputs": {key: {"Value": value} for key, value in outputs.items()} or None,
    }
    template = json.dumps({key: part for key, part in body.items() if part})
    act, done = (
        (stacks.update_stack, "stack_update_complete")
        if name
        else (stacks.create_stack, "stack_create_complete")
    )
    act(StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    try:
        stacks.get_waiter(done).wait(StackName=stack, WaiterConfig={"Delay": 0.1})
    except Exception as error:
        raise AssertionError(f"{error}: {failures(stack)}") from error
    described = stacks.describe_stacks(StackName=stack)["Stacks"][0]
    return {"Stack": stack} | {
        output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
    }


def failures(stack: str) -> list[str]:
    """Why resources of a stack failed."""
    events = shared().client("cloudformation").describe_stack_events(StackName=stack)
    return [
        event.get("ResourceStatusReason", "")
        for event in events["StackEvents"]
        if event["ResourceStatus"].endswith("_FAILED")
    ]


def delete(stack: str) -> None:
    stacks = shared().client("cloudformation")
    stacks.delete_stack(StackName=stack)
    stacks.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.1})


def resource(kind: str, **properties: Any) -> Part:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def get(name: str, attribute: str = "Arn") -> Part:
    return {"Fn::GetAtt": [name, attribute]}


def starts(machine: str = "long-wait", action: str = "StartExecution", **fields: Any) -> Part:
    """An integration that starts ``machine`` with the body and answers 202 with the ARN."""
    body = "$util.escapeJavaScript($input.json('$')).replaceAll(\"\\\\'\",\"'\")"
    call = f'{{"stateMachineArn":"{machine_arn(machine)}","input":"{body}"}}'
    return {
        "Type": "AWS",
        "IntegrationHttpMethod": "POST",
        "Uri": f"arn:aws:apigateway:us-east-1:states:action/{action}",
        "Credentials": "arn:aws:iam::000000000000:role/any",
        "PassthroughBehavior": "NEVER",
        "RequestTemplates": {"application/json": call},
        "IntegrationResponses": [
            {"StatusCode": "202", "SelectionPattern": "2\\d\\d"},
            {"StatusCode": "400"},
        ],
    } | fields


def answers(template: str, **fields: Any) -> Part:
    """An integration that starts long-wait and answers 202 with what ``template`` renders."""
    response = {
        "StatusCode": "202",
        "SelectionPattern": "2\\d\\d",
        "ResponseTemplates": {"application/json": template},
    }
    return starts(IntegrationResponses=[response | fields, {"StatusCode": "400"}])


def method(integration: Part, verb: str = "POST", path: str = "orders", **fields: Any) -> Part:
    """One method of ``rest_api``; ``path`` is one path part."""
    return (
        {"path": path, "HttpMethod": verb, "AuthorizationType": "NONE"}
        | fields
        | {
            "Integration": integration,
            "MethodResponses": [{"StatusCode": "202"}, {"StatusCode": "400"}],
        }
    )


def rest_api(
    *methods: Part,
    others: Mapping[str, Part] | None = None,
    policy: Any = None,
    **properties: Any,
) -> dict[str, Part]:
    """The resources of a REST API ``Api`` with these methods, served by its stage ``prod``.

    ``others`` are resources that the deployment comes after, ``policy`` the statements of a
    resource policy, ``properties`` other ones of the API.
    """
    api = {"Ref": "Api"}
    if policy:
        properties["Policy"] = {"Version": "2012-10-17", "Statement": policy}
    parts: dict[str, Part] = {"Api": resource("ApiGateway::RestApi", **properties)}
    for number, given in enumerate(methods):
        fields = {key: value for key, value in given.items() if key != "path"}
        at = f"{re.sub('[^a-z]', '', given['path']).capitalize()}"
        parts[at] = resource(
            "ApiGateway::Resource",
            RestApiId=api,
            ParentId=get("Api", "RootResourceId"),
            PathPart=given["path"],
        )
        parts[f"Method{number}"] = resource(
            "ApiGateway::Method",
            RestApiId=api,
            ResourceId={"Ref": at},
            **fields,
        )
    for family in ("DEFAULT_4XX", "DEFAULT_5XX"):
        parts[f"On{family[-3:]}"] = resource(
            "ApiGateway::GatewayResponse",
            RestApiId=api,
            ResponseType=family,
            ResponseTemplates={"application/json": GATEWAY_TEMPLATE},
        )
    parts |= others or {}
    # Another logical id each time: what a deployment took, it keeps.
    deployment = f"Deployment{unique('')[1:]}"
    parts[deployment] = resource("ApiGateway::Deployment", RestApiId=api)
    parts[deployment]["DependsOn"] = [part for part in parts if part != deployment]
    parts["Stage"] = resource(
        "ApiGateway::Stage", RestApiId=api, StageName="prod", DeploymentId={"Ref": deployment}
    )
    return parts


def deploy_rest_api(*methods: Part, name: str | None = None, **more: Any) -> str:
    """The id of a REST API with these methods in a stack of its own."""
    return deploy(rest_api(*methods, **more), name, Api={"Ref": "Api"})["Api"]


def function(code: str, timeout: int = 10, **properties: Any) -> Part:
    """A Python function of this code, its handler ``index.handler``."""
    return resource(
        "Lambda::Function",
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Timeout=timeout,
        Code={"ZipFile": code},
        **properties,
    )


def url(api_id: str, path: str = "/orders", aws: LocalAws | None = None) -> str:
    return (aws or shared()).url(api_id, path)
