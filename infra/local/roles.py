"""What a role that API Gateway assumes may do: the credentials of integrations and authorizers.

Source: API Gateway developer guide, "API Gateway permissions model for invoking an API" and
"Grant permissions using a resource policy / an IAM role". A role that was never created is
not checked: hand-made APIs in tests name one without making it.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.services import iam

from infra.local.seams import original

SERVICE = "apigateway.amazonaws.com"
SESSION = "BackplaneAssumeRoleSession"


def _role(arn: str) -> Mapping[str, Any] | None:
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    role: Mapping[str, Any] | None = iam._roles.get_scoped(account, None, name)
    return role


def _trusts_gateway(role: Mapping[str, Any]) -> bool:
    """Whether API Gateway may assume ``role``."""
    trusted: bool = iam_evaluator.evaluate_trust_policy(
        _with_service_as_aws(role.get("AssumeRolePolicyDocument")), SERVICE
    )
    return trusted


def _with_service_as_aws(document: Any) -> Any:
    """``document`` with its Service principals where ministack's evaluator looks for callers."""
    parsed = iam_evaluator.json.loads(document) if isinstance(document, str) else document
    statements = (parsed or {}).get("Statement", [])
    changed = []
    for given in statements if isinstance(statements, list) else [statements]:
        principal = given.get("Principal")
        if isinstance(principal, Mapping) and "Service" in principal:
            given = {**given, "Principal": {"AWS": principal["Service"]}}
        changed.append(given)
    return {"Statement": changed}


def may_assume(arn: str) -> bool:
    """Whether API Gateway gets credentials of the role ``arn``."""
    role = _role(arn) if arn.startswith("arn:") else None
    return role is None or _trusts_gateway(role)


def refusal(
    arn: str, action: str, resource: str, keys: Mapping[str, str] | None = None
) -> str | None:
    """AWS's words if the role may not do ``action`` on ``resource``, else None.

    ``keys`` are the service's condition keys of the request.
    """
    if not arn.startswith("arn:") or _role(arn) is None:
        return None
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    session = f"arn:aws:sts::{account}:assumed-role/{name}/{SESSION}"
    question = EvalContext(
        principal_arn=session,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3] if resource.startswith("arn:") else "",
        service_context={key.lower(): value for key, value in (keys or {}).items()},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    decision = iam_evaluator.evaluate(question, policies).decision
    if decision == "Allow":
        return None
    reason = (
        "with an explicit deny in an identity-based policy"
        if decision == "Deny"
        else f"because no identity-based policy allows the {action} action"
    )
    return (
        f"User: {session} is not authorized to perform: {action} on resource: {resource} {reason}"
    )


def check_seams() -> None:
    """IncompatibleMinistackError if ministack lacks what this module calls."""
    original(iam, "_roles")
    for name in ("evaluate", "evaluate_trust_policy", "_gather_role_policies"):
        original(iam_evaluator, name)
