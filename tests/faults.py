"""AWS's own failures, in front of the real client: botocore sends nothing, and answers them."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError
from urllib3.response import HTTPResponse

from dashboard import aws

REGION = "us-east-1"
_JSON = "application/x-amz-json-1.0"


@contextlib.contextmanager
def failing(
    service: str,
    operation: str,
    code: str,
    message: str,
    status: int = 400,
    times: int | None = None,
) -> Iterator[list[str]]:
    """Every ``operation`` (``ListExecutions``), or the first ``times`` tries, ends in ``code``.

    ``service`` is boto3's name. Yields the bodies of the requests that were refused, as
    they come. botocore's own retries count as tries: a throttled call is tried three times.
    """
    body, content_type = _error(service, code, message)
    refused: list[str] = []

    def refuse(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if times is not None and len(refused) >= times:
            return None
        refused.append(_text(request))
        return _response(request, status, body, content_type)

    with _before_send(service, operation, refuse):
        yield refused


@contextlib.contextmanager
def unreachable(service: str, operation: str) -> Iterator[None]:
    """``operation`` finds nobody at AWS's address."""

    def refuse(request: AWSPreparedRequest, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=request.url)

    with _before_send(service, operation, refuse):
        yield


@contextlib.contextmanager
def answering(
    service: str, operation: str, answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[None]:
    """A JSON service answers ``answer(parameters)`` in place of the embedded AWS."""

    def respond(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = json.dumps(answer(json.loads(_text(request)))).encode()
        return _response(request, 200, body, _JSON)

    with _before_send(service, operation, respond):
        yield


@contextlib.contextmanager
def counting(service: str, operation: str) -> Iterator[list[str]]:
    """The bodies of the requests that really go to AWS, retries among them."""
    sent: list[str] = []

    def note(request: AWSPreparedRequest, **_: Any) -> None:
        sent.append(_text(request))

    with _before_send(service, operation, note):
        yield sent


@contextlib.contextmanager
def slow(
    service: str, operation: str, wait: Callable[[], object], times: int = 1
) -> Iterator[None]:
    """The first ``times`` requests call ``wait`` (an Event's, a Barrier's) before they go."""
    turns = itertools.count()

    def hold(**_: Any) -> None:
        if next(turns) < times:
            wait()

    with _before_send(service, operation, hold):
        yield


@contextlib.contextmanager
def _before_send(service: str, operation: str, handler: Callable[..., Any]) -> Iterator[None]:
    meta = aws._client(service, REGION, "").meta
    event = f"before-send.{meta.service_model.service_id.hyphenize()}.{operation}"
    meta.events.register_first(event, handler)
    try:
        yield
    finally:
        meta.events.unregister(event, handler)


def _response(
    request: AWSPreparedRequest, status: int, body: bytes, content_type: str
) -> AWSResponse:
    headers = HTTPHeaders.from_dict({"Content-Type": content_type})
    raw = HTTPResponse(BytesIO(body), dict(headers), status, preload_content=False)
    return AWSResponse(request.url, status, headers, raw)


def _text(request: AWSPreparedRequest) -> str:
    body = request.body or b""
    return body.decode() if isinstance(body, bytes) else str(body)


def _error(service: str, code: str, message: str) -> tuple[bytes, str]:
    """The body and the content type of an error in the service's own protocol."""
    protocol = aws._client(service, REGION, "").meta.service_model.metadata["protocol"]
    if protocol in {"json", "rest-json"}:
        body = {"__type": code, "code": code, "message": message}
        return json.dumps(body).encode(), _JSON
    xml = (
        "<ErrorResponse><Error><Type>Sender</Type>"
        f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        "</Error><RequestId>a-request</RequestId></ErrorResponse>"
    )
    return xml.encode(), "text/xml"
