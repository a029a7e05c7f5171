"""API keys are no part of a stack: they follow the usage plan that is."""

from dashboard import acts, aws
from dashboard.models import Deployment, RestApi
from deployer.cloudformation import Stack


def follow(deployment: Deployment, rest_api: RestApi, stack: Stack | None) -> None:
    """Have the keys join a usage plan that was made anew; with the stack gone, delete them.

    How the deployment ends does not hang on it: what AWS refuses is written down.
    """
    plan = stack.outputs.get("UsagePlanId", "") if stack else ""
    if stack is not None and plan in ("", rest_api.usage_plan_id):
        return
    for key in rest_api.api_keys.valid():
        deployment.renew_lease()
        try:
            if stack is None:
                acts.revoke_api_key(key, by="stack removed")
            else:
                _join(rest_api, plan, key.key_id)
        except aws.AwsError as error:
            left = "still stands in AWS" if stack is None else "opens nothing: no usage plan has it"
            deployment.record("KEY_LEFT", reason=f"The API key “{key}” {left}. {error}")


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
