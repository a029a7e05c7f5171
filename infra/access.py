"""Who may call a method and with what: authorizers, API keys, models, the validator."""

import json
from hashlib import sha256
from typing import Any

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from infra import mapping
from infra.spec import Authorization, TriggerSpec, authorizer

_NO_USER_POOL = {
    "AWS_IAM": "IAM says who may call: the request is signed with Signature Version 4, which "
    "programs of AWS accounts can do without an account in a user pool.",
    "CUSTOM": "A Lambda authorizer, which was chosen for this route, says who may call.",
    "API_KEY": "An API key, which was chosen for this route, lets callers in; whoever chooses it "
    "is told that it opens every route with a key of this REST API.",
    "SIGNED": "The signature over the body authorizes the call. API Gateway cannot check it, so "
    "the function behind this method does, before anything is started.",
    "NONE": "A person opened this route to everybody on purpose: the default is IAM, opening it "
    "wants a stated reason, it is shown as public and it has a throttle of its own.",
}
"""Authorization → why cdk-nag's rule that wants a Cognito user pool does not hold."""
_NO_AUTHORIZER = ("API_KEY", "SIGNED", "NONE")


def explain(method: apigateway.Method, authorization: Authorization) -> None:
    """Tell cdk-nag why ``method`` is authorized as it is."""
    if reason := _NO_USER_POOL.get(authorization):
        rules = ["COG4", *(["APIG4"] if authorization in _NO_AUTHORIZER else [])]
        acknowledge(method, **dict.fromkeys(rules, reason))


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Tell cdk-nag why rules of its pack AwsSolutions do not hold for ``construct``."""
    Validations.of(construct).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason)
            for rule, reason in reasons.items()
        )
    )


class Access:
    """Makes the ``MethodOptions`` of each route of ``api``, as keyword arguments.

    Authorizers are shared, as a REST API has 10 of them at most, and so is the validator:
    it checks the models and parameters that a method declares, so one does for all.
    """

    def __init__(self, scope: Construct, api: apigateway.RestApi) -> None:
        self._scope = scope
        self._api = api
        self._authorizers: dict[tuple[object, ...], apigateway.Authorizer] = {}
        self._validator: apigateway.RequestValidator | None = None

    def status_route(self, trigger: TriggerSpec) -> dict[str, Any]:
        """The same authorization as the trigger's; a GET has nothing to be checked."""
        return self._authorization(trigger)

    def trigger(self, trigger: TriggerSpec) -> dict[str, Any]:
        """Authorization and validation of ``trigger``."""
        options = self._authorization(trigger)
        if trigger.body_schema or trigger.required_parameters:
            options["request_validator"] = self._shared_validator()
        if trigger.body_schema:
            options["request_models"] = {mapping.CONTENT_TYPE: self._model(trigger)}
        if trigger.required_parameters:
            options["request_parameters"] = {
                _location(parameter): True for parameter in trigger.required_parameters
            }
        return options

    def _authorization(self, trigger: TriggerSpec) -> dict[str, Any]:
        if trigger.authorization == "AWS_IAM":
            return {"authorization_type": apigateway.AuthorizationType.IAM}
        if key := authorizer(trigger):
            if key not in self._authorizers:
                self._authorizers[key] = self._authorizer(trigger, key)
            options: dict[str, Any] = {"authorizer": self._authorizers[key]}
            if trigger.authorization == "COGNITO_USER_POOLS" and trigger.scopes:
                options["authorization_scopes"] = list(trigger.scopes)
            return options
        return {
            "authorization_type": apigateway.AuthorizationType.NONE,
            "api_key_required": trigger.authorization == "API_KEY",
        }

    def _authorizer(self, trigger: TriggerSpec, key: tuple[object, ...]) -> apigateway.Authorizer:
        id = f"Authorizer{sha256(json.dumps(key).encode()).hexdigest()[:12]}"
        if trigger.authorization == "COGNITO_USER_POOLS":
            pools = [
                cognito.UserPool.from_user_pool_arn(self._scope, f"{id}Pool{number}", arn)
                for number, arn in enumerate(sorted(trigger.user_pool_arns))
            ]
            return apigateway.CognitoUserPoolsAuthorizer(self._scope, id, cognito_user_pools=pools)
        function = lambda_.Function.from_function_attributes(
            self._scope,
            f"{id}Function",
            function_arn=trigger.authorizer_arn,
            same_environment=False,
        )
        role = iam.Role(
            self._scope,
            f"{id}Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            description="Lets API Gateway ask the Lambda authorizer",
            inline_policies={
                "Invoke": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["lambda:InvokeFunction"], resources=[trigger.authorizer_arn]
                        )
                    ]
                )
            },
        )
        # Without mutability the CDK adds no policy of its own, which would end in a wildcard.
        invoker = role.without_policy_updates()
        sources = [_identity(source) for source in trigger.authorizer_sources]
        ttl = Duration.seconds(trigger.authorizer_ttl)
        if trigger.authorizer_type == "TOKEN":
            return apigateway.TokenAuthorizer(
                self._scope,
                id,
                handler=function,
                assume_role=invoker,
                identity_source=sources[0],
                results_cache_ttl=ttl,
            )
        return apigateway.RequestAuthorizer(
            self._scope,
            id,
            handler=function,
            assume_role=invoker,
            identity_sources=sources,
            results_cache_ttl=ttl,
        )

    def _shared_validator(self) -> apigateway.RequestValidator:
        if self._validator is None:
            self._validator = apigateway.RequestValidator(
                self._scope,
                "Validator",
                rest_api=self._api,
                validate_request_body=True,
                validate_request_parameters=True,
            )
        return self._validator

    def _model(self, trigger: TriggerSpec) -> apigateway.IModel:
        """The trigger's schema, as the text that was typed.

        ``Model`` knows only some of draft 4. As an object the CDK would drop each ``null`` of
        it, JavaScript would round long numbers, and CloudFormation would take a property named
        ``Ref`` or ``Fn::…`` for a function of its own. The resource takes text as well
        (CloudFormation registry, AWS::ApiGateway::Model: Schema is an object or a string);
        only the CDK's property does not.
        """
        model = apigateway.CfnModel(
            self._scope,
            f"Schema{trigger.key}",
            rest_api_id=self._api.rest_api_id,
            content_type=mapping.CONTENT_TYPE,
        )
        model.add_property_override("Schema", trigger.body_schema.strip())
        return apigateway.Model.from_model_name(self._scope, f"Model{trigger.key}", model.ref)


def _identity(source: str) -> str:
    kind, _, name = source.partition(".")
    make = apigateway.IdentitySource.header if kind == "header" else _query_string
    return make(name)


def _query_string(name: str) -> str:
    return apigateway.IdentitySource.query_string(name)


def _location(parameter: str) -> str:
    kind, _, name = parameter.partition(".")
    return f"method.request.{'header' if kind == 'header' else 'querystring'}.{name}"
