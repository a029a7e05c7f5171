"""Lambda and Cognito user pool authorizers, where AWS is stricter than ministack.

Sources: API Gateway developer guide, "Use API Gateway Lambda authorizers" (input, output,
"You cannot set a JSON object or array as a valid value of any key in the context map"),
"Configure a Lambda authorizer" (credentials or permission) and "Integrate a REST API with an
Amazon Cognito user pool" (an identity token without scopes, an access token with them).
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import get_request_client_ip
from ministack.services import apigateway_v1

from infra.local.arrival import ARRIVAL, domain, identity
from infra.local.call import CALL, SENT, as_sent
from infra.local.functions import function_arn, may_invoke
from infra.local.seams import original, replace


async def _ask_function(
    ask: Callable[..., Awaitable[Any]],
    authorizer: Mapping[str, Any],
    event: dict[str, Any],
    account: str,
    region: str,
) -> Any:
    """What an authorizer's function answers; None (a configuration error) if it may not be asked.

    A context with objects or lists in it is no answer either.
    """
    api_id = ARRIVAL.get().request["api_id"]
    source = f"arn:aws:execute-api:{region}:{account}:{api_id}/authorizers/{authorizer['id']}"
    function = function_arn(authorizer.get("authorizerUri", ""))
    if not may_invoke(function, source, authorizer.get("authorizerCredentials") or ""):
        return None
    if event["type"] == "REQUEST":
        event = _as_called(event)
    result = await ask(authorizer, event, account, region)
    answer = (result or {}).get("body")
    given = answer.get("context") if isinstance(answer, Mapping) else None
    if isinstance(given, Mapping) and any(isinstance(one, dict | list) for one in given.values()):
        return {**result, "body": None}
    return result


def _as_called(event: dict[str, Any]) -> dict[str, Any]:
    """The event of a REQUEST authorizer, with the names, the ids and the source of this call."""
    arrival, call = ARRIVAL.get(), CALL.get()
    headers = arrival.request["headers"]
    caller = identity(headers, get_request_client_ip(), None)
    request = event["requestContext"] | {
        **domain(arrival.request["api_id"], arrival.region),
        "extendedRequestId": call.extended_request_id,
        "identity": {name: value or None for name, value in caller.items()},
        "path": SENT.get().path,
        "requestId": call.request_id,
        "requestTimeEpoch": call.request_time_epoch,
    }
    return event | {
        "headers": as_sent(event["headers"]),
        "multiValueHeaders": SENT.get().repeated(),
        "queryStringParameters": arrival.query() or None,
        "requestContext": request,
    }


async def _validate_token(
    validate: Callable[..., Awaitable[tuple[Any, Any]]],
    authorizer: Any,
    method: Mapping[str, Any],
    *given: Any,
) -> tuple[Any, Any]:
    """(claims, refusal) of a user pool's token: an access token where the method has scopes."""
    claims, refusal = await validate(authorizer, method, *given)
    wanted = "access" if method.get("authorizationScopes") else "id"
    if refusal is None and claims.get("token_use") != wanted:
        return None, apigateway_v1._gw_error("UNAUTHORIZED", "Unauthorized")
    return claims, refusal


def install() -> None:
    """Put the rules in front of ministack's authorizers."""
    for name, rule in (
        ("_invoke_authorizer_lambda", _ask_function),
        ("_validate_cognito_authorizer", _validate_token),
    ):
        replace(apigateway_v1, name, functools.partial(rule, original(apigateway_v1, name)))
