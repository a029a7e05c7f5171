"""One request to a deployed REST API: its ids and its ``$context``.

Source: API Gateway developer guide, "Variables for data transformations for API Gateway".
"""

import base64
import os
import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

DOMAIN_SUFFIX = "amazonaws.com"


@dataclass(frozen=True)
class Call:
    """The ids and the time that API Gateway gives a request."""

    request_id: str
    """``$context.requestId``: a caller may choose it, in the form of a UUID."""
    extended_request_id: str
    """``$context.extendedRequestId``: nobody can choose it."""
    received: datetime

    @classmethod
    def begin(cls, headers: Mapping[str, Any]) -> "Call":
        """A new call with the request id of the caller, if it sent a UUID."""
        asked = str(headers.get("x-amzn-requestid", ""))
        return cls(
            request_id=asked if _UUID.fullmatch(asked) else str(uuid.uuid4()),
            extended_request_id=base64.urlsafe_b64encode(os.urandom(11)).decode(),
            received=datetime.now(UTC),
        )

    def answer_headers(self) -> dict[str, str]:
        """The two ids as every answer of a REST API carries them."""
        return {
            "x-amzn-requestid": self.request_id,
            "x-amz-apigw-id": self.extended_request_id,
        }


CALL: ContextVar[Call] = ContextVar("call")
"""The call that the current task answers."""

HEADER_NAMES: ContextVar[Mapping[str, str]] = ContextVar("header names")
"""Lower-case header name → the name as the caller wrote it, of the current request."""


def as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` under the names that the caller wrote.

    A template finds them by these names only (``$input.params().header.get('X-Custom')``);
    ministack knows them in lower case.
    """
    names = HEADER_NAMES.get({})
    return {names.get(name, name): value for name, value in headers.items()}


@dataclass(frozen=True)
class Route:
    """Where a call arrived: the deployed method that answers it."""

    api_id: str
    account: str
    region: str
    stage_name: str
    stage: Mapping[str, Any]
    resource: Mapping[str, Any]
    method: str
    path: str


def context(
    call: Call,
    route: Route,
    headers: Mapping[str, str],
    source_ip: str,
    authorizer: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """``$context`` as a mapping template of ``route`` sees it."""
    prefix = route.api_id
    return {
        "accountId": route.account,
        "apiId": route.api_id,
        "authorizer": dict(authorizer or {}),
        "deploymentId": route.stage.get("deploymentId", ""),
        "domainName": f"{prefix}.execute-api.{route.region}.{DOMAIN_SUFFIX}",
        "domainPrefix": prefix,
        "extendedRequestId": call.extended_request_id,
        "httpMethod": route.method,
        "identity": {
            "accountId": "",
            "apiKey": headers.get("x-api-key", ""),
            "caller": "",
            "sourceIp": source_ip,
            "user": "",
            "userAgent": headers.get("user-agent", ""),
            "userArn": "",
        },
        "path": f"/{route.stage_name}{route.path}",
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": call.received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(call.received.timestamp() * 1000),
        "resourceId": route.resource.get("id", ""),
        "resourcePath": route.resource.get("path", ""),
        "stage": route.stage_name,
    }
