"""What is known of the request that is being answered, and the ``$context`` made of it.

Source: API Gateway developer guide, "Variables for data transformations for API Gateway".
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_request_client_ip
from ministack.services import apigateway_v1

from infra.local.call import CALL, SENT

DOMAIN_SUFFIX = "amazonaws.com"

_IDENTITY = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)
"""What ``$context.identity`` says about a caller of an AWS_IAM method; "" for any other."""


def identity(
    headers: Mapping[str, str],
    source_ip: str,
    caller: Mapping[str, Any] | None,
    *,
    with_key: bool = False,
) -> dict[str, str]:
    """``$context.identity``; ``caller`` is who signed the call, where the method asks for it.

    The API key is named only where the method asks for one.
    """
    signed = {name: str((caller or {}).get(name) or "") for name in _IDENTITY}
    key = apigateway_v1._resolve_api_key(headers.get("x-api-key")) if with_key else None
    return signed | {
        "apiKey": (key or {}).get("value", ""),
        "apiKeyId": (key or {}).get("id", ""),
        "sourceIp": source_ip,
        "userAgent": headers.get("user-agent", ""),
    }


@dataclass
class Arrival:
    """A request on its way through the gateway; it fills as routing and authorizers add to it."""

    request: dict[str, Any]
    """ministack's own account of it: ids, headers, parameters, stage and resource path."""
    method: str
    body: bytes
    account: str
    region: str
    authorizer: Mapping[str, Any] = field(default_factory=dict)
    """What the authorizer says of the caller: its context, or ``claims``."""
    caller: Mapping[str, Any] = field(default_factory=dict)
    """Who signed the call, for a method with AWS_IAM authorization."""
    validation_error: str = ""
    """What a request validator found, in detail."""

    @property
    def stage(self) -> Mapping[str, Any]:
        return self.request["stage"] or {}

    def resource(self) -> Mapping[str, Any]:
        """The resource that serves the request; {} before one is found."""
        resources = apigateway_v1._resources.get(self.request["api_id"], {}).values()
        path = self.request["resource_path"]
        return next((one for one in resources if path and one.get("path") == path), {})

    def wants_key(self) -> bool:
        """Whether the method that serves the request asks for an API key."""
        methods = self.resource().get("resourceMethods") or {}
        return bool((methods.get(self.method) or methods.get("ANY") or {}).get("apiKeyRequired"))

    def query(self) -> dict[str, str]:
        """Query parameter → its last value: a template sees no other."""
        given = self.request["query_params"]
        return {name: values[-1] for name, values in given.items() if values}

    def context(self) -> dict[str, Any]:
        """``$context`` as a mapping template sees it.

        ``path`` is the path as it was called, so what a template makes of it can be followed:
        with the stage, with the base path of a custom domain, with all of the emulator's URL.
        """
        call, api_id, resource = CALL.get(), self.request["api_id"], self.resource()
        headers = self.request["headers"]
        return {
            "accountId": self.account,
            "apiId": api_id,
            "authorizer": dict(self.authorizer),
            "deploymentId": self.stage.get("deploymentId", ""),
            **domain(api_id, self.region),
            "extendedRequestId": call.extended_request_id,
            "httpMethod": self.method,
            "identity": identity(
                headers, get_request_client_ip(), self.caller, with_key=self.wants_key()
            ),
            "path": SENT.get().path,
            "protocol": "HTTP/1.1",
            "requestId": call.request_id,
            "requestTime": call.request_time,
            "requestTimeEpoch": call.request_time_epoch,
            "resourceId": resource.get("id", ""),
            "resourcePath": self.request["resource_path"],
            "stage": self.request["stage_name"],
        }


ARRIVAL: ContextVar[Arrival] = ContextVar("arrival")
"""The request that the current task answers, once it has come to an API."""


def found(context: Mapping[str, Any], path: str) -> str | None:
    """The text of ``context`` at a dotted ``path``; None where there is none."""
    value: Any = context
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return None if value is None or isinstance(value, Mapping) else str(value)


def domain(api_id: str, region: str) -> dict[str, str]:
    """``domainName`` and ``domainPrefix``: the host that was called.

    A call by the emulator's own URL has no such host; it counts as one to the API's own.
    """
    host = SENT.get().host
    if "." not in host or host.replace(".", "").isdigit():
        host = f"{api_id}.execute-api.{region}.{DOMAIN_SUFFIX}"
    return {"domainName": host, "domainPrefix": host.split(".")[0]}
