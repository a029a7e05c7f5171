"""The template of a stack as Stepgate makes it, for tests of the embedded AWS."""

from typing import Any

from infra import mapping
from tests.local_aws import trigger

Template = dict[str, Any]


def template(*parts: str, description: str = "") -> Template:
    """A stack as Stepgate makes it: role, API, POST /orders/<part> for each part, stage."""
    route = trigger()
    resources: Template = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "sts:AssumeRole",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "start",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": "states:StartExecution",
                                    "Resource": route.state_machine_arn,
                                }
                            ],
                        },
                    }
                ],
            },
        },
        "Api": {
            "Type": "AWS::ApiGateway::RestApi",
            "Properties": {"Name": "orders", "Description": description},
        },
        "Orders": _resource({"Fn::GetAtt": ["Api", "RootResourceId"]}, "orders"),
    }
    methods = []
    for number, part in enumerate(parts or ["{id}"]):
        resources[f"Part{number}"] = _resource({"Ref": "Orders"}, part)
        methods.append(f"Method{number}")
        resources[methods[-1]] = _method(f"Part{number}", route)
    resources["Deployment"] = {
        "Type": "AWS::ApiGateway::Deployment",
        "Properties": {"RestApiId": {"Ref": "Api"}},
        "DependsOn": methods,
    }
    resources["Stage"] = {
        "Type": "AWS::ApiGateway::Stage",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "DeploymentId": {"Ref": "Deployment"},
            "StageName": "prod",
            "MethodSettings": [
                {
                    "HttpMethod": "POST",
                    "ResourcePath": "/~1orders~1{id}",
                    "ThrottlingRateLimit": 0.01,
                    "ThrottlingBurstLimit": 2,
                }
            ],
        },
    }
    outputs = {"Api": {"Value": {"Ref": "Api"}}, "Role": {"Value": {"Ref": "Role"}}}
    return {"Resources": resources, "Outputs": outputs}


def _resource(parent: Template, part: str) -> Template:
    return {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {"RestApiId": {"Ref": "Api"}, "ParentId": parent, "PathPart": part},
    }


def _method(resource: str, route: Any) -> Template:
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Ref": resource},
            "HttpMethod": "POST",
            "AuthorizationType": "NONE",
            "Integration": {
                "Type": "AWS",
                "IntegrationHttpMethod": "POST",
                "Uri": "arn:aws:apigateway:us-east-1:states:action/StartExecution",
                "Credentials": {"Fn::GetAtt": ["Role", "Arn"]},
                "PassthroughBehavior": "NEVER",
                "RequestTemplates": {mapping.CONTENT_TYPE: mapping.request_template(route)},
                "IntegrationResponses": [
                    {
                        "StatusCode": "202",
                        "SelectionPattern": "2\\d\\d",
                        "ResponseTemplates": {
                            mapping.CONTENT_TYPE: mapping.response_template(route)
                        },
                    },
                    {
                        "StatusCode": "400",
                        "ResponseTemplates": {mapping.CONTENT_TYPE: mapping.error_template(route)},
                    },
                ],
            },
            "MethodResponses": [{"StatusCode": "202"}, {"StatusCode": "400"}],
        },
    }
