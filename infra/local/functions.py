"""Lambda functions behind API Gateway: when it may call one, with what, and how soon.

Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway" (input and
output format; a malformed answer is a 502) and "Grant API Gateway permission to invoke your
Lambda function"; Lambda developer guide, "Lambda execution environment lifecycle".
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import (
    get_account_id,
    get_region,
    get_request_client_ip,
    request_scope,
)
from ministack.services import apigateway_v1, lambda_svc

from infra.local import roles
from infra.local.arrival import ARRIVAL, domain, identity
from infra.local.call import CALL, SENT, as_sent
from infra.local.seams import original, replace

TIMEOUT_MS = 29_000

_ANSWER_FIELDS = frozenset(
    {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
)

Event = dict[str, Any]


class _MalformedError(Exception):
    """A function failed or answered what no HTTP answer can be made of."""


def may_invoke(function: str, source_arn: str, credentials: str) -> bool:
    """Whether API Gateway may call ``function`` for ``source_arn``.

    By the role ``credentials``, or, without one, by the function's own policy.
    """
    action = "lambda:InvokeFunction"
    if credentials:
        return (
            roles.may_assume(credentials) and roles.refusal(credentials, action, function) is None
        )
    policy = (lambda_svc.function_policy_for_arn(function) or (None,))[0]
    question = EvalContext(
        principal_arn=roles.SERVICE,
        principal_type="Service",
        principal_account=source_arn.split(":")[4],
        action=action,
        resource_arn=function,
        region=source_arn.split(":")[3],
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": source_arn.split(":")[4],
        },
    )
    decision: str = iam_evaluator.evaluate_resource_policy(
        policy, question, service=roles.SERVICE
    ).decision
    return decision == "Allow"


def function_arn(uri: str) -> str:
    """The function that an integration's or authorizer's URI names."""
    named: str = apigateway_v1._extract_lambda_ref_from_integration_uri(uri)
    if named.startswith("arn:"):
        return named
    return f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{named}"


def _failed(kind: str, message: str, status: int | None = None) -> Any:
    error = apigateway_v1._gw_error(kind, message)
    if status is not None:
        error.status = status
    return error


async def _invoke_proxy(
    invoke: Callable[..., Awaitable[Any]],
    integration: Mapping[str, Any],
    api_id: str,
    stage_name: str,
    stage: Any,
    resource: Mapping[str, Any],
    path: str,
    verb: str,
    *rest: Any,
    **more: Any,
) -> Any:
    """AWS_PROXY: needs a permission, gives 29 s, and takes a well-formed answer only."""
    source = apigateway_v1.execute_api_arn(
        more["owner_region"], more["owner_account_id"], api_id, stage_name, verb, resource["path"]
    )
    function = function_arn(integration.get("uri", ""))
    if not may_invoke(function, source, integration.get("credentials") or ""):
        return _failed("API_CONFIGURATION_ERROR", "Internal server error")
    seconds = int(integration.get("timeoutInMillis") or TIMEOUT_MS) / 1000
    answer = invoke(integration, api_id, stage_name, stage, resource, path, verb, *rest, **more)
    try:
        return await asyncio.wait_for(answer, seconds)
    except _MalformedError:
        return _failed("DEFAULT_5XX", "Internal server error", 502)
    except TimeoutError:
        return _failed("INTEGRATION_TIMEOUT", "Endpoint request timed out")


def _proxy_answer(result: Mapping[str, Any]) -> tuple[Any, None]:
    """The function's answer; _MalformedError if it failed or has another format."""
    answer = result.get("body")
    well_formed = (
        not result.get("error")
        and not result.get("throttle")
        and isinstance(answer, Mapping)
        and set(answer) <= _ANSWER_FIELDS
        and isinstance(answer.get("body") or "", str)
        and str(answer.get("statusCode", 200)).isdigit()
    )
    if not well_formed:
        raise _MalformedError
    return answer, None


def _event(build: Callable[..., Event], *given: Any, **more: Any) -> Event:
    """The event of a proxy integration, with the ids, the path and the names of this call."""
    api_id, headers, query = given[0], given[6], given[8]
    event, call = build(*given, **more), CALL.get()
    event.pop("version", None)  # of HTTP APIs only
    event["headers"] = as_sent(event["headers"])
    event["multiValueHeaders"] = SENT.get().repeated()
    event["queryStringParameters"] = {name: values[-1] for name, values in query.items()} or None
    request = event["requestContext"]
    caller = more.get("caller_identity")
    found = identity(headers, get_request_client_ip(), caller, with_key=ARRIVAL.get().wants_key())
    request |= {
        **domain(api_id, get_region()),
        "extendedRequestId": call.extended_request_id,
        "identity": {name: value or None for name, value in found.items()},
        "path": SENT.get().path,
        "requestId": call.request_id,
        "requestTime": call.request_time,
        "requestTimeEpoch": call.request_time_epoch,
    }
    return event


def _prepare(name: str) -> None:
    """Start the function's environment now, so that its first call need not wait for it."""
    account, region = get_account_id(), get_region()

    def start() -> None:
        with request_scope(account, region):
            function = lambda_svc._functions.get(name)
            config = (function or {}).get("config", {})
            if function is None or not str(config.get("Runtime", "")).startswith("python"):
                return
            # Not leased: a call that comes meanwhile waits for this one, and starts none itself.
            worker = lambda_runtime.get_or_create_worker(
                name, config, function["code_zip"], qualifier=config["Version"]
            )
            # What keeps it from starting, the first call meets again and reports.
            with contextlib.suppress(RuntimeError, OSError):
                lambda_runtime.ensure_spawned(worker)

    threading.Thread(target=start, name=f"prepare-{name}", daemon=True).start()


def _then_prepare(handler: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """AWS::Lambda::Function: a created or updated function is ready for its first call."""
    made = handler(*given, **more)
    _prepare(made[0])
    return made


def _then_start_again(
    execute: Callable[..., Any], function: Mapping[str, Any], event: Any, request_id: str
) -> Any:
    """A handler's error leaves its environment as it is; ministack ends it and starts another.

    Source: Lambda developer guide, "Failures during the invoke phase" (only what ends the
    runtime resets the environment). The other one starts at once, not at the next call.
    """
    result = execute(function, event, request_id)
    if result.get("error"):
        _prepare((function.get("config") or function).get("FunctionName", ""))
    return result


def _printed(drain: Callable[..., str]) -> Callable[[Any], str]:
    """What a function printed. ministack would wait 50 ms each time it printed nothing."""
    return lambda worker: drain(worker, first_line_wait=0.003)


def end() -> None:
    """End the environments of all functions, and remove their directories."""
    lambda_runtime.reset()


def install() -> None:
    """Put the rules in front of ministack's proxy integration, and start functions early."""
    from ministack.services.cloudformation import provisioners

    roles.check_seams()
    for module, needed in (
        (apigateway_v1, "_extract_lambda_ref_from_integration_uri"),
        (apigateway_v1, "execute_api_arn"),
        (lambda_svc, "_functions"),
        (lambda_svc, "function_policy_for_arn"),
        (lambda_runtime, "get_or_create_worker"),
        (lambda_runtime, "ensure_spawned"),
        (lambda_runtime, "reset"),
    ):
        original(module, needed)
    replace(apigateway_v1, "_lambda_proxy_response", _proxy_answer)
    wrapped: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (apigateway_v1, "_invoke_lambda_proxy_v1", _invoke_proxy),
        (apigateway_v1, "_build_lambda_event_v1", _event),
        (lambda_svc, "_execute_function_warm", _then_start_again),
    )
    for module, name, rule in wrapped:
        replace(module, name, functools.partial(rule, original(module, name)))
    worker = original(lambda_runtime, "Worker")
    drain = original(worker, "_drain_stderr_bounded")
    replace(worker, "_drain_stderr_bounded", _printed(drain))
    handlers = original(provisioners, "_RESOURCE_HANDLERS")["AWS::Lambda::Function"]
    for action in ("create", "update"):
        handlers[action] = functools.partial(_then_prepare, handlers[action])
