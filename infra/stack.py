"""ApiStack: one REST API with its routes, its stage and nothing beside it.

DomainStack: one custom domain name, which REST APIs map themselves on.
"""

from hashlib import sha256

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, Stack, Tags
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam

from infra import mapping
from infra.access import Access, acknowledge
from infra.routes import status_path
from infra.signed_webhook import SignedWebhook
from infra.spec import ApiSpec, DomainSpec, TriggerSpec
from infra.state_machine_trigger import StateMachineTrigger, StatusRoute

DEFAULT_RATE = 10
DEFAULT_BURST = 20
PERIODS = {
    "DAY": apigateway.Period.DAY,
    "WEEK": apigateway.Period.WEEK,
    "MONTH": apigateway.Period.MONTH,
}


class ApiStack(Stack):
    """The stack of ``spec``: a REGIONAL REST API, a deployment, a stage, a route per trigger.

    No bootstrap and no account-wide resource: the template deploys through plain
    CloudFormation. The spec's SHA-256 stands in the REST API's description, because
    a change in Metadata alone is none to CloudFormation.
    """

    def __init__(self, scope: App, spec: ApiSpec) -> None:
        super().__init__(
            scope,
            spec.stack_name,
            stack_name=spec.stack_name,
            description=f"Stepgate {spec.instance}: REST API {spec.key}",
            synthesizer=BootstraplessSynthesizer(),
            analytics_reporting=False,
        )
        self.template_options.metadata = {
            "stepgate": spec.model_dump(mode="json", exclude_defaults=True)
        }
        policy = spec.resource_policy()
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=spec.stack_name,
            description=f"Deployed by Stepgate; spec {spec.sha256()}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            policy=iam.PolicyDocument.from_json(policy) if policy else None,
            deploy_options=apigateway.StageOptions(
                stage_name=spec.stage_name,
                tracing_enabled=spec.tracing,
                method_options=_throttles(spec.triggers),
            ),
        )
        for name, value in spec.tags:
            Tags.of(self.api).add(name, value)
        self._explain()
        self._gateway_responses(spec)
        access = Access(self, self.api)
        triggers = sorted(spec.triggers, key=lambda trigger: trigger.key)
        for trigger in triggers:
            self._route(spec, trigger, access)
        self._preflights(triggers)
        if any(trigger.authorization == "API_KEY" for trigger in triggers):
            self._usage_plan(spec)
        if spec.domain_name:
            apigateway.CfnBasePathMapping(
                self,
                "BasePathMapping",
                domain_name=spec.domain_name,
                base_path=spec.base_path or None,
                rest_api_id=self.api.rest_api_id,
                stage=self.api.deployment_stage.stage_name,
            )
        CfnOutput(self, "RestApiId", value=self.api.rest_api_id)

    def _route(self, spec: ApiSpec, trigger: TriggerSpec, access: Access) -> None:
        id, resource = _route_id(trigger.method, trigger.path), self._resource(trigger.path)
        if trigger.authorization == "SIGNED":
            SignedWebhook(
                self,
                id,
                resource=resource,
                trigger=trigger,
                secret_name=spec.secret_name(trigger),
            )
            return
        options = access.trigger(trigger)
        StateMachineTrigger(self, id, resource=resource, trigger=trigger, access=options)
        if trigger.status_route:
            path = status_path(trigger.path)
            StatusRoute(
                self,
                _route_id("GET", path),
                resource=self._resource(path),
                trigger=trigger,
                access=access.status_route(trigger),
            )

    def _explain(self) -> None:
        """Tell cdk-nag why the REST API and its stage are as they are."""
        acknowledge(
            self.api,
            APIG2="Each trigger says what of its requests is checked, by a schema and required "
            "parameters; as soon as one does, this REST API has a validator for both.",
        )
        account_wide = (
            "API Gateway writes logs by one role of the whole account and Region "
            "(AWS::ApiGateway::Account), which stacks overwrite each other's: a stack that is one "
            "of many must not set it. Step Functions records each execution of a STANDARD machine."
        )
        acknowledge(
            self.api.deployment_stage,
            APIG1=account_wide,
            APIG3="A web ACL has rules and a price of its own and is shared by what an account "
            "serves: whoever runs the account associates one. Here each route has a throttle, "
            "and the REST API may have a list of allowed addresses.",
            APIG6=account_wide,
        )

    def _gateway_responses(self, spec: ApiSpec) -> None:
        """The errors of API Gateway itself, in the same form as all others."""
        allowed = f"'{spec.cors_origin}'"
        origin = {"Access-Control-Allow-Origin": allowed} if spec.cors_origin else {}
        later = {"Retry-After": "'1'"}
        for name, response_type, headers in (
            ("Default4xx", apigateway.ResponseType.DEFAULT_4_XX, origin),
            ("Default5xx", apigateway.ResponseType.DEFAULT_5_XX, origin),
            ("Throttled", apigateway.ResponseType.THROTTLED, origin | later),
        ):
            self.api.add_gateway_response(
                name,
                type=response_type,
                response_headers=headers or None,
                templates={mapping.CONTENT_TYPE: mapping.gateway_response_template()},
            )
        if any(trigger.authorization == "CUSTOM" for trigger in spec.triggers):
            # API Gateway has no words for these two: their message would be null.
            body = mapping.gateway_response_template("The authorizer failed.")
            for name, response_type in (
                ("AuthorizerFailed", apigateway.ResponseType.AUTHORIZER_FAILURE),
                ("AuthorizerMisconfigured", apigateway.ResponseType.AUTHORIZER_CONFIGURATION_ERROR),
            ):
                self.api.add_gateway_response(
                    name,
                    type=response_type,
                    response_headers=origin or None,
                    templates={mapping.CONTENT_TYPE: body},
                )

    def _preflights(self, triggers: list[TriggerSpec]) -> None:
        """An answer to OPTIONS for each path that browsers of other origins may call."""
        methods: dict[str, set[str]] = {}
        headers: dict[str, set[str]] = {}
        origins: dict[str, tuple[str, ...]] = {}
        for trigger in triggers:
            if not trigger.cors_origins:
                continue
            asked = _asked_headers(trigger)
            for method, path in trigger.routes():
                methods.setdefault(path, set()).add(method)
                headers.setdefault(path, set()).update(asked)
                origins[path] = trigger.cors_origins
        for path, allowed in methods.items():
            self._resource(path).add_cors_preflight(
                allow_origins=list(origins[path]),
                allow_methods=apigateway.Cors.ALL_METHODS if "ANY" in allowed else sorted(allowed),
                allow_headers=sorted(headers[path]),
            )

    def _usage_plan(self, spec: ApiSpec) -> None:
        """The plan that API keys join. The keys themselves are made in the dashboard."""
        plan = self.api.add_usage_plan(
            "UsagePlan",
            name=spec.stack_name,
            throttle=apigateway.ThrottleSettings(
                rate_limit=spec.usage_rate, burst_limit=spec.usage_burst
            ),
            quota=apigateway.QuotaSettings(
                limit=spec.usage_quota, period=PERIODS[spec.usage_period]
            )
            if spec.usage_quota
            else None,
            api_stages=[
                apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)
            ],
        )
        CfnOutput(self, "UsagePlanId", value=plan.usage_plan_id)

    def _resource(self, path: str) -> apigateway.IResource:
        """The resource of ``path``, made with its parents where it is missing.

        The CDK's own ids are the parts of the path: "/Default" or "/orders/GET" would
        meet a construct of that name. These come from a digest.
        """
        if path == "/":
            return self.api.root
        parent, _, part = path.rpartition("/")
        id = f"Resource{_digest(path)}"
        found = self.node.try_find_child(id)
        if isinstance(found, apigateway.Resource):
            return found
        return apigateway.Resource(self, id, parent=self._resource(parent or "/"), path_part=part)


class DomainStack(Stack):
    """The stack of a custom domain name. It outlives every REST API that is mapped on it."""

    def __init__(self, scope: App, spec: DomainSpec) -> None:
        super().__init__(
            scope,
            spec.stack_name,
            stack_name=spec.stack_name,
            description=f"Stepgate {spec.instance}: domain {spec.domain_name}",
            synthesizer=BootstraplessSynthesizer(),
            analytics_reporting=False,
        )
        self.template_options.metadata = {"stepgate": spec.model_dump(mode="json")}
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=spec.domain_name,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", spec.certificate_arn
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        CfnOutput(self, "RegionalDomainName", value=domain.domain_name_alias_domain_name)
        CfnOutput(self, "RegionalHostedZoneId", value=domain.domain_name_alias_hosted_zone_id)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _route_id(method: str, path: str) -> str:
    """The id of a route's construct: of the route and not of its trigger.

    CloudFormation makes what is new before it deletes what is old. A method that moved with
    its trigger would meet the one that still stands there ("Method already exists for this
    resource"). And a deployment is taken while routes that are to go still exist, so they are
    served until the next one: their roles go with them, so such a route starts nothing.
    """
    return f"Route{_digest(f'{method} {path}')}"


def _asked_headers(trigger: TriggerSpec) -> set[str]:
    """The request headers that a browser has to ask for."""
    headers = {"Content-Type"}
    if trigger.authorization == "API_KEY":
        headers.add("X-Api-Key")
    elif trigger.authorization != "NONE":
        headers.add("Authorization")
    if trigger.authorization == "AWS_IAM":
        headers |= {"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}
    if trigger.idempotency_source == "HEADER":
        headers.add(trigger.idempotency_key)
    named = [*trigger.required_parameters]
    if trigger.authorization == "CUSTOM":
        named += trigger.authorizer_sources
    headers |= {name.partition(".")[2] for name in named if name.startswith("header.")}
    headers |= set(trigger.input_headers)
    return headers | {f.value for f in trigger.input_fields if f.source == "HEADER"}


def _throttles(triggers: tuple[TriggerSpec, ...]) -> dict[str, apigateway.MethodDeploymentOptions]:
    """A limit for every route, and one for the whole stage.

    The stage-wide entry is a net under preflights and the routes of method ANY: the API
    reference does not say whether a setting for ANY holds for each method that is called
    through it.
    """
    any_routes = [trigger for trigger in triggers if trigger.method == "ANY"]
    options = {
        "/*/*": _limit(
            max((t.throttle_rate for t in any_routes), default=DEFAULT_RATE),
            max((t.throttle_burst for t in any_routes), default=DEFAULT_BURST),
        )
    }
    for trigger in sorted(triggers, key=lambda trigger: trigger.key):
        for method, path in trigger.routes():
            options[f"{path}/{method}"] = _limit(trigger.throttle_rate, trigger.throttle_burst)
    return options


def _limit(rate: float, burst: int) -> apigateway.MethodDeploymentOptions:
    return apigateway.MethodDeploymentOptions(
        throttling_rate_limit=rate, throttling_burst_limit=burst
    )
