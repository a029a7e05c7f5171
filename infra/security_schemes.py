"""Who may call an operation, as OpenAPI says it.

What OpenAPI has no word for is a scheme of type apiKey with the extension by which API
Gateway exports it (developer guide, "x-amazon-apigateway-authtype").
"""

import re
from typing import Any

from infra import webhooks
from infra.spec import TriggerSpec

Part = dict[str, Any]


def security(trigger: TriggerSpec, schemes: Part) -> list[Part]:
    """The security requirements of ``trigger``; adds what they name to ``schemes``."""
    kind = trigger.authorization
    if kind == "AWS_IAM":
        schemes["sigv4"] = {
            **_in_header("Authorization"),
            "x-amazon-apigateway-authtype": "awsSigv4",
        }
        return [{"sigv4": []}]
    if kind == "API_KEY":
        schemes["apiKey"] = _in_header("x-api-key")
        return [{"apiKey": []}]
    if kind == "COGNITO_USER_POOLS":
        return [
            {_user_pool(arn, schemes): list(trigger.scopes)}
            for arn in sorted(trigger.user_pool_arns)
        ]
    if kind == "SIGNED":
        signature = webhooks.signature_of(trigger)
        text = f"HMAC-{signature.algorithm.upper()} of the body, {signature.encoding}."
        scheme = {**_in_header(signature.header), "description": text}
        return [{_named("signature", signature.header, scheme, schemes): []}]
    if kind == "CUSTOM":
        wanted: Part = {}
        # One that reads the whole request has no place; API Gateway exports it so.
        for source in trigger.authorizer_sources or ("header.Unused",):
            place, _, name = source.partition(".")
            scheme = {
                "type": "apiKey",
                "name": name,
                "in": place,
                "x-amazon-apigateway-authtype": "custom",
            }
            wanted[_named(f"authorizer_{place}", name, scheme, schemes)] = []
        return [wanted]
    return []


def _in_header(name: str) -> Part:
    return {"type": "apiKey", "name": name, "in": "header"}


def _user_pool(arn: str, schemes: Part) -> str:
    partition, region = arn.split(":")[1], arn.split(":")[3]
    pool = arn.rpartition("/")[2]
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    url = f"https://cognito-idp.{region}.{suffix}/{pool}/.well-known/openid-configuration"
    scheme = {
        "type": "openIdConnect",
        "openIdConnectUrl": url,
        "x-amazon-apigateway-authtype": "cognito_user_pools",
    }
    return _named("cognito", pool, scheme, schemes)


def _named(kind: str, name: str, scheme: Part, schemes: Part) -> str:
    """Adds ``scheme`` under a name that is its own; the name."""
    base = f"{kind}_{re.sub('[^A-Za-z0-9._-]', '_', name)}"
    key, number = base, 2
    while key in schemes and schemes[key] != scheme:
        key, number = f"{base}_{number}", number + 1
    schemes[key] = scheme
    return key
