"""API keys are no part of a stack: they follow the usage plan that is."""

from dashboard import acts, aws
from dashboard.models import Deployment, RestApi
from deployer.cloudformation import Stack


def follow(deployment: Deployment, rest_api: RestApi, stack: Stack | None) -> None:
    """Have the keys join the usage plan of the stack; with the stack gone, delete them.

    Each time: one that could not join, or was made meanwhile, is caught up with.

    How the deployment ends does not hang on it: what AWS refuses is written down.
    """
    plan = stack.outputs.get("UsagePlanId", "") if stack else ""
    if stack is not None and not plan:
        return
    keys = list(rest_api.api_keys.valid())
    try:
        joined = _joined(rest_api, plan) if keys and plan else set()
    except aws.AwsError as error:
        deployment.record("KEY_LEFT", reason=f"The keys of the usage plan are unknown. {error}")
        return
    for key in keys:
        if key.key_id in joined:
            continue
        deployment.renew_lease()
        try:
            if stack is None:
                acts.revoke_api_key(key, by="stack removed")
            else:
                _join(rest_api, plan, key.key_id)
        except aws.AwsError as error:
            left = "still stands in AWS" if stack is None else "opens nothing: no usage plan has it"
            deployment.record("KEY_LEFT", reason=f"The API key “{key}” {left}. {error}")


def _joined(rest_api: RestApi, plan: str) -> set[str]:
    """Ids of the keys that are in the plan. Source: "GetUsagePlanKeys", 500 a page."""
    found: set[str] = set()
    page: dict[str, str] = {}
    while True:
        answer = aws.call(
            rest_api.environment,
            "apigateway",
            "get_usage_plan_keys",
            usagePlanId=plan,
            limit=500,
            **page,
        )
        found |= {item["id"] for item in answer["items"]}
        if not answer.get("position"):
            return found
        page = {"position": answer["position"]}


def _join(rest_api: RestApi, plan: str, key_id: str) -> None:
    """Source: API Gateway API reference, "CreateUsagePlanKey"."""
    try:
        aws.call(
            rest_api.environment,
            "apigateway",
            "create_usage_plan_key",
            usagePlanId=plan,
            keyId=key_id,
            keyType="API_KEY",
        )
    except aws.AwsError as error:
        if error.code != "ConflictException":  # it is in it already
            raise
