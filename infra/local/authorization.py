"""Who may call a method: AWS_IAM identities and the API's resource policy.

Source: API Gateway developer guide, "How API Gateway resource policies affect authorization
workflow", with its tables A (IAM and Lambda authorizers, one account), and "Create and attach
an API Gateway resource policy": a changed policy holds from the next deployment on.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import execute_api_arn
from ministack.core.iam_evaluator import EvalContext, EvalResult
from ministack.core.responses import get_account_id, get_region, get_request_client_ip
from ministack.services import apigateway_v1

from infra.local import signatures
from infra.local.arrival import ARRIVAL
from infra.local.seams import Response, original, replace

Query = Mapping[str, list[str]]

ACTION = "execute-api:Invoke"

_RESOURCE_DECISION: ContextVar[str] = ContextVar("resource decision", default="ImplicitDeny")
"""What the resource policy alone says about the current call."""


def _question(principal: Any, arn: str) -> EvalContext:
    """Whether ``principal`` may invoke ``arn``, as IAM's evaluator is asked."""
    return EvalContext(
        principal_arn=principal.arn if principal else "*",
        principal_type=principal.type if principal else "Anonymous",
        principal_account=principal.account if principal else "",
        action=ACTION,
        resource_arn=arn,
        region=arn.split(":")[3],
        source_ip=get_request_client_ip(),
        principal_keys=principal.keys if principal else {},
    )


def _policy(stage: Mapping[str, Any], api_id: str, arn: str) -> str:
    """The resource policy that the stage's deployment took, its ``execute-api:/`` expanded."""
    deployment = apigateway_v1._deployments_v1.get(api_id, {}).get(stage.get("deploymentId")) or {}
    if "_policy" in deployment:
        return str(deployment["_policy"] or "")
    # A deployment of an earlier embedded AWS has no policy of its own.
    return str((apigateway_v1.rest_api_policy_for_arn(arn) or ("",))[0] or "")


def denied(arn: str, who: str, reason: str) -> Any:
    """403 ACCESS_DENIED, in the words of API Gateway; the account in the ARN is masked."""
    account = arn.split(":")[4]
    shown = arn.replace(f":{account}:", f":********{account[-4:]}:", 1)
    message = f"User: {who} is not authorized to perform: {ACTION} on resource: {shown} {reason}"
    return apigateway_v1._gw_error("ACCESS_DENIED", message)


def _anonymous(decision: str, arn: str) -> Any:
    """The refusal of a caller whom only the resource policy knows; None if it allows."""
    if decision == "Allow":
        return None
    reason = (
        "with an explicit deny in a resource-based policy"
        if decision == "Deny"
        else f"because no resource-based policy allows the {ACTION} action"
    )
    return denied(arn, "anonymous", reason)


def _of_signer(principal: Any, policy: str, arn: str) -> Any:
    """The refusal of a caller that signed; None if table A lets it through.

    An Allow in either policy suffices and a Deny in either wins. The account's root has
    every permission, but no Deny of the resource policy spares it.
    """
    question = _question(principal, arn)
    if principal.policies is None:
        result = EvalResult("Allow", principal.arn)
    else:
        result = iam_evaluator.evaluate(question, principal.policies, *principal.limits)
    if policy:
        result = iam_evaluator.combine_resource_policy(
            result, question, policy, arn.split(":")[4], limits=tuple(principal.limits)
        )
    if result.decision == "Allow":
        return None
    kind = "resource" if result.resource_policy_arn else "identity"
    reason = (
        f"with an explicit deny in a{'n' if kind == 'identity' else ''} {kind}-based policy"
        if result.decision == "Deny"
        else f"because no identity-based policy allows the {ACTION} action"
    )
    return denied(arn, principal.arn, reason)


async def _authorize(
    authorize: Callable[..., Awaitable[tuple[Any, Any]]],
    api_id: str,
    stage_name: str,
    method: Mapping[str, Any],
    verb: str,
    path: str,
    resource: Any,
    headers: Any,
    body: bytes,
    query: Query,
    path_params: Any,
    stage: Mapping[str, Any],
    account: str,
    region: str,
) -> tuple[Any, Any]:
    """(refusal, authorizer context) of one call; no refusal lets it through.

    A Lambda authorizer is asked only if the resource policy denies nothing, and its answer
    counts together with it. A Cognito token needs the policy's Allow besides, and so does a
    caller of a method without authorization.
    """
    arn = execute_api_arn(region, account, api_id, stage_name, verb, path)
    policy = _policy(stage, api_id, arn)
    kind = (method.get("authorizationType") or "NONE").upper()
    if kind == "AWS_IAM":
        try:
            principal = signatures.signer(body, query or {}, account, region)
        except signatures.RefusedError as refused:
            return refused.gateway_error, None
        ARRIVAL.get().caller = apigateway_v1._iam_caller_identity(headers, query or {}) or {}
        return _of_signer(principal, policy, arn), None
    decision = "Allow"
    if policy:
        question = _question(None, arn)
        decision = iam_evaluator.evaluate_resource_policy(policy, question).decision
    if kind in ("", "NONE"):
        return _anonymous(decision, arn), None
    if kind == "CUSTOM" and decision == "Deny":
        return _anonymous(decision, arn), None
    token = _RESOURCE_DECISION.set(decision if policy else "ImplicitDeny")
    try:
        refusal, context = await authorize(
            api_id, stage_name, method, verb, path, resource, headers, body, query,
            path_params, stage, account, region,
        )  # fmt: skip
    finally:
        _RESOURCE_DECISION.reset(token)
    if refusal is None and kind == "COGNITO_USER_POOLS":
        refusal = _anonymous(decision, arn)
    ARRIVAL.get().authorizer = context or {}
    return refusal, context


def _of_authorizer(document: Any, arn: str) -> str:
    """Table A for the policy of a Lambda authorizer: Allow, Deny or NoMatch.

    ministack looks at effect and resource only; action and conditions count as well.
    """
    statements = iam_evaluator.parse_policy_document(document)
    decision: str = iam_evaluator.evaluate(_question(None, arn), [statements]).decision
    if decision == "ImplicitDeny":
        return "Allow" if _RESOURCE_DECISION.get() == "Allow" else "NoMatch"
    return decision


def _create_deployment(
    create: Callable[..., Response], api_id: str, data: dict[str, Any]
) -> Response:
    """CreateDeployment: the deployment takes the resource policy as it is now."""
    before = set(apigateway_v1._deployments_v1.get(api_id, {}))
    response = create(api_id, data)
    deployments = apigateway_v1._deployments_v1.get(api_id, {})
    arn = execute_api_arn(get_region(), get_account_id(), api_id, "", "", "")
    for made in set(deployments) - before:
        deployments[made]["_policy"] = (apigateway_v1.rest_api_policy_for_arn(arn) or ("",))[0]
    return response


def install() -> None:
    """Put the rules in front of ministack's authorization."""
    signatures.check_seams()
    for needed in ("_deployments_v1", "rest_api_policy_for_arn", "_iam_caller_identity"):
        original(apigateway_v1, needed)
    for needed in ("evaluate", "evaluate_resource_policy", "combine_resource_policy"):
        original(iam_evaluator, needed)
    replace(apigateway_v1, "_evaluate_policy", _of_authorizer)
    for name, rule in (
        ("_authorize_request_v1", _authorize),
        ("_create_deployment", _create_deployment),
    ):
        replace(apigateway_v1, name, functools.partial(rule, original(apigateway_v1, name)))
