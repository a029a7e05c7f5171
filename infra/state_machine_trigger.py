"""StateMachineTrigger: a role, a method and its direct ``states:StartExecution`` integration."""

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import mapping
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
        self, scope: Construct, id: str, *, resource: apigateway.IResource, trigger: TriggerSpec
    ) -> None:
        super().__init__(scope, id)
        # The policy is inline, so the role never exists without it.
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            description=f"Lets API Gateway start the state machine of {trigger.key}",
            inline_policies={
                "StartExecution": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["states:StartExecution"],
                            resources=[trigger.state_machine_arn],
                        )
                    ]
                )
            },
        )
        self.method = apigateway.Method(
            self,
            "Method",
            http_method=trigger.method,
            resource=resource,
            integration=_integration(self, trigger, self.role),
            options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.NONE,
                method_responses=[
                    apigateway.MethodResponse(status_code=status)
                    for status in (str(trigger.response_status), "400", "500")
                ],
            ),
        )


def _integration(
    scope: Construct, trigger: TriggerSpec, role: iam.IRole
) -> apigateway.AwsIntegration:
    json_type = mapping.CONTENT_TYPE
    return apigateway.AwsIntegration(
        service="states",
        action="StartExecution",
        integration_http_method="POST",
        region=Stack.of(scope).region,
        options=apigateway.IntegrationOptions(
            credentials_role=role,
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates={json_type: mapping.request_template(trigger)},
            integration_responses=[
                apigateway.IntegrationResponse(
                    status_code=str(trigger.response_status),
                    selection_pattern=_SUCCESS,
                    response_templates={json_type: mapping.response_template(trigger)},
                ),
                apigateway.IntegrationResponse(
                    status_code="400",
                    selection_pattern=_CLIENT_ERROR,
                    response_templates={json_type: mapping.error_template()},
                ),
                apigateway.IntegrationResponse(
                    status_code="500",
                    response_templates={json_type: mapping.error_template()},
                ),
            ],
        ),
    )
