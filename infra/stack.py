"""ApiStack: one REST API with its routes, its stage and nothing beside it."""

from hashlib import sha256

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, Stack
from aws_cdk import aws_apigateway as apigateway

from infra import mapping
from infra.spec import ApiSpec, TriggerSpec
from infra.state_machine_trigger import StateMachineTrigger

DEFAULT_RATE = 10
DEFAULT_BURST = 20


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
        self.template_options.metadata = {"stepgate": spec.model_dump(mode="json")}
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=spec.stack_name,
            description=f"Deployed by Stepgate; spec {spec.sha256()}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=spec.stage_name, method_options=_throttles(spec.triggers)
            ),
        )
        for name, response_type in (
            ("Default4xx", apigateway.ResponseType.DEFAULT_4_XX),
            ("Default5xx", apigateway.ResponseType.DEFAULT_5_XX),
        ):
            self.api.add_gateway_response(
                name,
                type=response_type,
                templates={mapping.CONTENT_TYPE: mapping.gateway_response_template()},
            )
        for trigger in sorted(spec.triggers, key=lambda trigger: trigger.key):
            StateMachineTrigger(
                self,
                f"Trigger{trigger.key}",
                resource=self._resource(trigger.path),
                trigger=trigger,
            )
        CfnOutput(self, "RestApiId", value=self.api.rest_api_id)

    def _resource(self, path: str) -> apigateway.IResource:
        """The resource of ``path``, made with its parents where it is missing.

        The CDK's own ids are the parts of the path: "/Default" or "/orders/GET" would
        meet a construct of that name. These come from a digest.
        """
        if path == "/":
            return self.api.root
        parent, _, part = path.rpartition("/")
        id = f"Resource{sha256(path.encode()).hexdigest()[:12]}"
        found = self.node.try_find_child(id)
        if isinstance(found, apigateway.Resource):
            return found
        return apigateway.Resource(self, id, parent=self._resource(parent or "/"), path_part=part)


def _throttles(triggers: tuple[TriggerSpec, ...]) -> dict[str, apigateway.MethodDeploymentOptions]:
    """A limit for every route, and one for the whole stage.

    The stage-wide entry is a net under the routes of method ANY: the API reference does
    not say whether a setting for ANY holds for each method that is called through it.
    """
    any_routes = [trigger for trigger in triggers if trigger.method == "ANY"]
    options = {
        "/*/*": _limit(
            max((t.throttle_rate for t in any_routes), default=DEFAULT_RATE),
            max((t.throttle_burst for t in any_routes), default=DEFAULT_BURST),
        )
    }
    for trigger in sorted(triggers, key=lambda trigger: trigger.key):
        options[f"{trigger.path}/{trigger.method}"] = _limit(
            trigger.throttle_rate, trigger.throttle_burst
        )
    return options


def _limit(rate: float, burst: int) -> apigateway.MethodDeploymentOptions:
    return apigateway.MethodDeploymentOptions(
        throttling_rate_limit=rate, throttling_burst_limit=burst
    )
