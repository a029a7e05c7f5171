"""One request to a deployed REST API: how it was sent, and the ids that it gets.

Source: API Gateway developer guide, "Variables for data transformations for API Gateway".
"""

import base64
import ipaddress
import os
import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


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

    @property
    def request_time(self) -> str:
        """``$context.requestTime``, in Common Log Format."""
        return self.received.strftime("%d/%b/%Y:%H:%M:%S +0000")

    @property
    def request_time_epoch(self) -> int:
        """``$context.requestTimeEpoch``, in milliseconds."""
        return int(self.received.timestamp() * 1000)

    def answer_headers(self) -> dict[str, str]:
        """The two ids as every answer of a REST API carries them."""
        return {
            "x-amzn-requestid": self.request_id,
            "x-amz-apigw-id": self.extended_request_id,
        }


CALL: ContextVar[Call] = ContextVar("call")
"""The call that the current task answers."""


@dataclass(frozen=True)
class Sent:
    """A request as it came over the wire: what a signature signs and ``$context`` shows."""

    method: str = ""
    path: str = "/"
    """Still percent-encoded, without the query string."""
    query: str = ""
    """The query string, still encoded."""
    host: str = ""
    """The Host header without its port, in lower case."""
    headers: tuple[tuple[str, str], ...] = ()
    """Under the names that the caller wrote, repeated ones repeated."""

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Sent":
        """The request of an ASGI ``scope``."""
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        host = next((value for name, value in headers if name.lower() == "host"), "")
        path = scope.get("raw_path") or quote(scope["path"]).encode()
        return cls(
            method=scope["method"],
            path=path.decode("latin-1"),
            query=scope.get("query_string", b"").decode("latin-1"),
            host=host.split(":")[0].lower(),
            headers=headers,
        )

    def repeated(self) -> dict[str, list[str]]:
        """Header name, as the caller wrote it → every value."""
        headers: dict[str, list[str]] = {}
        for name, value in self.headers:
            headers.setdefault(name, []).append(value)
        return headers

    def source_address(self, client: str) -> str:
        """The caller's address: what the nearest X-Forwarded-For entry says, else ``client``.

        The embedded AWS listens on the loopback address, so whatever stands before it (a
        test, too) says whom it speaks for.
        """
        forwarded = [value for name, value in self.headers if name.lower() == "x-forwarded-for"]
        nearest = ",".join(forwarded).rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(nearest))
        except ValueError:
            return client


SENT: ContextVar[Sent] = ContextVar("sent", default=Sent())  # noqa: B039 (it is frozen)
"""The request that the current task answers."""


def as_sent(headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` under the names that the caller wrote.

    A template finds them by these names only (``$input.params().header.get('X-Custom')``);
    ministack knows them in lower case.
    """
    names = {name.lower(): name for name, _ in SENT.get().headers}
    return {names.get(name, name): value for name, value in headers.items()}
