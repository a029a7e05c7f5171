"""StateMachineTrigger: a role, a method and its direct integration with Step Functions."""

import json
from hashlib import sha256
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import mapping
from infra.access import acknowledge, explain
from infra.arns import parse_machine_arn
from infra.spec import TriggerSpec

_CLIENT_ERROR = r"4\d{2}"
_SUCCESS = r"2\d{2}"


class StateMachineTrigger(Construct):
    """One route of ``api`` that starts one state machine, with no Lambda in between.

    ``role`` and ``method`` are its parts. Success has a selection pattern of its own and
    the 5xx answer has none: an integration response without a pattern is API Gateway's
    default for every status, so a failed StartExecution never takes the success answer.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        resource: apigateway.IResource,
        trigger: TriggerSpec,
        access: dict[str, Any],
    ) -> None:
        super().__init__(scope, id)
        machine = parse_machine_arn(trigger.state_machine_arn)
        # Step Functions checks the unqualified ARN; version or alias are a condition.
        conditions = (
            {"StringEquals": {"states:StateMachineQualifier": machine.qualifier}}
            if machine.qualifier
            else None
        )
        self.role = _role(
            self,
            "Role",
            f"Lets API Gateway start the state machine of {trigger.key}",
            iam.PolicyStatement(
                actions=[f"states:{trigger.action}"],
                resources=[machine.unqualified],
                conditions=conditions,
            ),
        )
        self.method = add_method(
            self,
            "Method",
            http_method=trigger.method,
            resource=resource,
            access=access,
            status=trigger.response_status,
            headers=_headers(trigger, own=True),
            integration=_integration(
                self,
                trigger,
                trigger.action,
                self.role,
                requests=mapping.request_templates(trigger),
                status=trigger.response_status,
                response=mapping.response_template(trigger),
                error=mapping.error_template(trigger),
                headers=_headers(trigger, own=True),
                error_headers=_headers(trigger, own=False),
            ),
        )
        explain(self.method, trigger.authorization)


class StatusRoute(Construct):
    """``GET <path>/executions/{name}``: how one execution of a trigger stands.

    Its role may describe the trigger's own executions only, whatever the path says.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        resource: apigateway.IResource,
        trigger: TriggerSpec,
        access: dict[str, Any],
    ) -> None:
        super().__init__(scope, id)
        machine = parse_machine_arn(trigger.state_machine_arn)
        own_executions = machine.execution(f"{trigger.key}-*")
        self.role = _role(
            self,
            "Role",
            f"Lets API Gateway describe the executions of {trigger.key}",
            iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[own_executions]),
        )
        reason = (
            "An execution's ARN is known only once it has started. All that begin with the key "
            "of this trigger are its own, and the only ones that this role may describe."
        )
        acknowledge(self.role, **{f"IAM5[Resource::{own_executions}]": reason})
        headers = _headers(trigger, own=False)
        self.method = add_method(
            self,
            "Method",
            http_method="GET",
            resource=resource,
            access=access,
            status=200,
            headers=headers,
            integration=_integration(
                self,
                trigger,
                "DescribeExecution",
                self.role,
                requests={mapping.CONTENT_TYPE: mapping.status_request_template(trigger)},
                status=200,
                response=mapping.status_response_template(trigger),
                error=mapping.status_error_template(trigger),
                headers=headers,
                error_headers=headers,
            ),
        )
        explain(self.method, trigger.authorization)


def add_method(
    scope: Construct,
    id: str,
    *,
    http_method: str,
    resource: apigateway.IResource,
    access: dict[str, Any],
    integration: apigateway.Integration,
    status: int,
    headers: dict[str, str],
) -> apigateway.Method:
    """A method that answers ``status`` with ``headers``, or an error: its template sets which."""
    declared = {f"method.response.header.{name}": True for name in headers} or None
    return apigateway.Method(
        scope,
        id,
        http_method=http_method,
        resource=resource,
        integration=integration,
        options=apigateway.MethodOptions(
            **access,
            method_responses=[
                apigateway.MethodResponse(status_code=code, response_parameters=declared)
                for code in (str(status), "400", "500")
            ],
        ),
    )


def _headers(trigger: TriggerSpec, *, own: bool) -> dict[str, str]:
    """The headers of an answer; with its ``own`` ones where it is a success."""
    headers = dict(trigger.response_headers) if own else {}
    if trigger.cors_origins:
        if len(trigger.cors_origins) == 1:
            headers["Access-Control-Allow-Origin"] = trigger.cors_origins[0]
        else:
            headers["Vary"] = "Origin"
        if trigger.status_route and own:
            headers["Access-Control-Expose-Headers"] = "Location"
    return headers


def _role(scope: Construct, id: str, description: str, statement: iam.PolicyStatement) -> iam.Role:
    """A role of API Gateway with one statement, inline: it never exists without it.

    Another statement is another role: the new one is there before the stage moves to it, the
    old one goes afterwards, so the calls meanwhile find the rights they need.
    """
    digest = sha256(json.dumps(statement.to_json(), sort_keys=True).encode()).hexdigest()[:8]
    return iam.Role(
        scope,
        f"{id}{digest}",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        description=description,
        inline_policies={"States": iam.PolicyDocument(statements=[statement])},
    )


def _integration(
    scope: Construct,
    trigger: TriggerSpec,
    action: str,
    role: iam.IRole,
    *,
    requests: dict[str, str],
    status: int,
    response: str,
    error: str,
    headers: dict[str, str],
    error_headers: dict[str, str],
) -> apigateway.AwsIntegration:
    def answer(
        code: str, template: str, values: dict[str, str], pattern: str | None = None
    ) -> apigateway.IntegrationResponse:
        return apigateway.IntegrationResponse(
            status_code=code,
            selection_pattern=pattern,
            response_templates={mapping.CONTENT_TYPE: template},
            response_parameters={
                f"method.response.header.{name}": f"'{value}'" for name, value in values.items()
            }
            or None,
        )

    return apigateway.AwsIntegration(
        service="states",
        action=action,
        integration_http_method="POST",
        region=Stack.of(scope).region,
        options=apigateway.IntegrationOptions(
            credentials_role=role,
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates=requests,
            integration_responses=[
                answer(str(status), response, headers, _SUCCESS),
                answer("400", error, error_headers, _CLIENT_ERROR),
                answer("500", mapping.fault_template(trigger), error_headers),
            ],
        ),
    )
