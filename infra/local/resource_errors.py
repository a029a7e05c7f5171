"""Why an API Gateway resource of a stack failed, in the words of CloudFormation's handlers.

Source: CloudFormation CLI user guide, "Handler error codes"; DescribeStackEvents,
"ResourceStatusReason": the SDK's message, with a request token and the handler's error code.
"""

import ast
import functools
import json
import re
from collections.abc import Callable
from typing import Any

from infra.local.call import Call
from infra.local.seams import original

_CODES = {
    "BadRequestException": (400, "InvalidRequest"),
    "ConflictException": (409, "AlreadyExists"),
    "NotFoundException": (404, "NotFound"),
}
_FAILED = re.compile(r"AWS::ApiGateway::\w+ (?:create|update) failed: (b['\"].*['\"])", re.DOTALL)


def reason(answer: bytes) -> str:
    """``answer``, the body of an API Gateway error, as the reason of a resource's failure."""
    from ministack.services.cloudformation.helpers import _sdk_error

    error = json.loads(answer)
    status, code = _CODES.get(error.get("__type", ""), (400, "InvalidRequest"))
    said = _sdk_error(error.get("message", ""), "ApiGateway", status)
    return (
        f'Resource handler returned message: "{said}" '
        f"(RequestToken: {Call.begin({}).request_id}, HandlerErrorCode: {code})"
    )


def _worded(handler: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """A handler whose failure quotes API Gateway's answer, with AWS's reason in its place."""
    try:
        return handler(*given, **more)
    except ValueError as error:
        if found := _FAILED.fullmatch(str(error)):
            raise ValueError(reason(ast.literal_eval(found.group(1)))) from error
        raise


def install() -> None:
    """Word the failures of every API Gateway resource. After all other rules on them."""
    from ministack.services.cloudformation import provisioners

    for kind, handlers in original(provisioners, "_RESOURCE_HANDLERS").items():
        if kind.startswith("AWS::ApiGateway::"):
            for action in {"create", "update"} & set(handlers):
                handlers[action] = functools.partial(_worded, handlers[action])
