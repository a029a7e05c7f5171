"""SignedWebhook: a route whose body is signed, with a small Lambda function in front."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import webhooks
from infra.access import explain
from infra.arns import parse_machine_arn
from infra.spec import TriggerSpec


class SignedWebhook(Construct):
    """One route that checks the signature of its body and starts one state machine.

    API Gateway cannot check a signature over a body, so this is the one kind of route with a
    function in between. Its role has that secret, that machine and its own log group;
    API Gateway has a role that may invoke that function.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        resource: apigateway.IResource,
        trigger: TriggerSpec,
        secret_name: str,
    ) -> None:
        super().__init__(scope, id)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = self._role(trigger, secret_name)
        self.function = lambda_.CfnFunction(
            self,
            "Function",
            description=f"Checks the signature of the webhook {trigger.key}",
            runtime=lambda_.Runtime.PYTHON_3_14.name,
            architectures=["arm64"],
            handler="index.handler",
            code=lambda_.CfnFunction.CodeProperty(zip_file=webhooks.source()),
            environment=lambda_.CfnFunction.EnvironmentProperty(
                variables={"CONFIG": webhooks.config_of(trigger, secret_name)}
            ),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=self.log_group.log_group_name
            ),
            role=self.role.role_arn,
            # More memory is more CPU: the first call of a container signs and connects.
            memory_size=256,
            timeout=Duration.seconds(15).to_seconds(),
        )
        invoker = iam.Role(
            self,
            "Invoker",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            description=f"Lets API Gateway invoke the function of {trigger.key}",
            inline_policies={"Invoke": _policy("lambda:InvokeFunction", self.function.attr_arn)},
        )
        region = Stack.of(self).region
        partition = parse_machine_arn(trigger.state_machine_arn).partition
        self.method = apigateway.Method(
            self,
            "Method",
            http_method=trigger.method,
            resource=resource,
            integration=apigateway.Integration(
                type=apigateway.IntegrationType.AWS_PROXY,
                integration_http_method="POST",
                uri=(
                    f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/"
                    f"{self.function.attr_arn}/invocations"
                ),
                options=apigateway.IntegrationOptions(credentials_role=invoker),
            ),
            options=apigateway.MethodOptions(
                # The signature is what authorizes a call.
                authorization_type=apigateway.AuthorizationType.NONE
            ),
        )
        explain(self.method, trigger.authorization)

    def _role(self, trigger: TriggerSpec, secret_name: str) -> iam.Role:
        machine = parse_machine_arn(trigger.state_machine_arn)
        # Secrets Manager puts a dash and six characters of its own behind the name.
        secret = (
            f"arn:{machine.partition}:secretsmanager:{machine.region}:{machine.account}:"
            f"secret:{secret_name}-??????"
        )
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Lets the webhook {trigger.key} start its state machine",
            inline_policies={
                "Secret": _policy("secretsmanager:GetSecretValue", secret),
                "States": _policy(
                    "states:StartExecution",
                    machine.unqualified,
                    {"StringEquals": {"states:StateMachineQualifier": machine.qualifier}}
                    if machine.qualifier
                    else None,
                ),
                "Log": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                            resources=[self.log_group.log_group_arn],
                        )
                    ]
                ),
            },
        )


def _policy(
    action: str, resource: str, conditions: dict[str, dict[str, str]] | None = None
) -> iam.PolicyDocument:
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(actions=[action], resources=[resource], conditions=conditions)
        ]
    )
