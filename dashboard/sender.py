"""Sends one HTTP request to a trigger's own endpoint, and to nowhere else.

It is signed, or given its key, at that moment: what authorizes it passes through memory only.
"""

import json
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

import httpx

from dashboard import acts, aws
from dashboard.models import ApiKey, Request, Trigger
from infra import samples, webhooks
from infra.arns import parse_machine_arn
from infra.mapping import CONTENT_TYPE
from infra.routes import path_variables
from infra.spec import TriggerSpec
from infra.started import execution_name

SECONDS = 35
"""API Gateway answers within 29 s, itself if need be."""
ANSWER_BYTES = 65_536
_SECRET_HEADERS = {"authorization", "x-api-key", "cookie", "x-amz-security-token"}


class NotSentError(Exception):
    """Nothing was sent; ``str()`` says why and what to do."""


def send(
    trigger: Trigger,
    *,
    by: str,
    method: str,
    values: Mapping[str, str],
    query: str,
    headers: Mapping[str, str],
    body: str,
    api_key: ApiKey | None = None,
) -> Request:
    """Call the live endpoint and keep what came back. Never raises for a failed call.

    Raises NotSentError where what authorizes the call is not there or cannot be read.
    """
    endpoint, served = trigger.endpoint, TriggerSpec.model_validate(trigger.endpoint.spec)
    base = aws.invoke_url(trigger.rest_api.environment, endpoint.api_id, endpoint.stage_name)
    url = base + samples.filled_path(served.path, values)
    sent = dict(headers)
    if body and "content-type" not in {name.lower() for name in sent}:
        sent["Content-Type"] = CONTENT_TYPE
    query = query.lstrip("?")
    request = _kept(trigger, served, method, url, values, query, sent, body)
    request.sent_by = by
    try:
        whole = f"{url}?{query}" if query else url
        target = _target(base, whole, canonical=served.authorization == "AWS_IAM")
        authorized = _authorized(trigger, served, method, str(target), sent, body, api_key)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        request.error, request.latency_ms = f"{type(error).__name__}: {error}", 0
    else:
        _call(request, target, authorized, body)
        request.execution_arn = _execution_arn(served, request, sent)
    request.save()
    kept = trigger.requests.values_list("pk", flat=True)[: Request.KEPT]
    trigger.requests.exclude(pk__in=list(kept)).delete()
    return request


def _kept(
    trigger: Trigger,
    served: TriggerSpec,
    method: str,
    url: str,
    values: Mapping[str, str],
    query: str,
    headers: Mapping[str, str],
    body: str,
) -> Request:
    """What is kept of a request: all but what authorizes it."""
    query = _storable(_without_secrets(served, query))
    return Request(
        trigger=trigger,
        method=method,
        url=f"{_storable(url)}?{query}" if query else _storable(url),
        values={name: _storable(value) for name, value in values.items()},
        query=query,
        headers={n: v for n, v in headers.items() if n.lower() not in _secret_headers(served)},
        body=_storable(body),
    )


def _call(request: Request, target: httpx.URL, headers: Mapping[str, str], body: str) -> None:
    """Send it, and note on ``request`` what came back and how long it took."""
    content = body.encode("utf-8", "replace") or None
    began = time.monotonic()
    try:
        with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            answer = client.request(request.method, target, headers=headers, content=content)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
        request.error = f"{type(error).__name__}: {error}"
    else:
        request.status = answer.status_code
        request.answer_headers = dict(answer.headers)
        request.answer_body = _storable(answer.text[:ANSWER_BYTES])
        request.request_id = _plain(answer.headers.get("x-amz-apigw-id", ""))
    request.latency_ms = round((time.monotonic() - began) * 1000)


def repeat(earlier: Request, *, by: str) -> Request:
    """Send the same again, signed anew. Raises NotSentError where it cannot be the same."""
    trigger = earlier.trigger
    served = TriggerSpec.model_validate(trigger.endpoint.spec)
    if typed := typed_credentials(served):
        raise NotSentError(
            "What shows who you are is not kept: fill in "
            f"{' and '.join(name for _, name in typed)} again, then send."
        )
    same = served.method in ("ANY", earlier.method)
    if not same or set(path_variables(served.path)) != set(earlier.values):
        raise NotSentError(
            f"The route is {served.method} {served.path} since a deployment: check the request, "
            "then send it."
        )
    return send(
        trigger,
        by=by,
        method=earlier.method,
        values=earlier.values,
        query=earlier.query,
        headers=earlier.headers,
        body=earlier.body,
    )


def typed_credentials(served: TriggerSpec) -> list[tuple[str, str]]:
    """("header" or "query", name) of all that only the person can fill in."""
    if served.authorization not in ("CUSTOM", "COGNITO_USER_POOLS"):
        return []
    parts = (source.partition(".") for source in samples.credentials(served))
    return [(kind, name) for kind, _, name in parts]


def _secret_headers(served: TriggerSpec) -> set[str]:
    """Names, in lower case, of the headers that are not kept."""
    own = {c.partition(".")[2] for c in samples.credentials(served) if c.startswith("header.")}
    if served.authorization == "SIGNED":
        own.add(webhooks.signature_of(served).timestamp_header)
    return _SECRET_HEADERS | {name.lower() for name in own}


def _without_secrets(served: TriggerSpec, query: str) -> str:
    """``query`` without what an authorizer reads from it."""
    secret = {c.partition(".")[2] for c in samples.credentials(served) if c.startswith("query.")}
    if not secret:
        return query
    pairs = query.split("&")
    return "&".join(
        pair
        for pair in pairs
        if not {name for name, _ in parse_qsl(pair, keep_blank_values=True)} & secret
    )


def _target(base: str, url: str, *, canonical: bool) -> httpx.URL:
    """``url`` as it is sent; ValueError where it is not below the stage's own URL.

    A path variable of ".." would climb out of it: an HTTP client takes such parts away.
    ``canonical`` writes the query as it is signed (SigV4, "Create a canonical request").
    """
    root, target = httpx.URL(base), httpx.URL(url)
    same_host = (root.scheme, root.host, root.port) == (target.scheme, target.host, target.port)
    if not same_host or not target.path.startswith(f"{root.path}/"):
        raise ValueError("a path variable leads out of this REST API; use one without “..”")
    if canonical and target.query:
        pairs = parse_qsl(target.query.decode(), keep_blank_values=True)
        query = urlencode(pairs, quote_via=quote, safe="~", errors="replace")
        target = target.copy_with(query=query.encode())
    return target


def _authorized(
    trigger: Trigger,
    served: TriggerSpec,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: str,
    api_key: ApiKey | None,
) -> dict[str, str]:
    """``headers`` with what authorizes the call, unless the person typed that."""
    typed = {name.lower() for name in headers}
    wanted = {c.partition(".")[2].lower() for c in samples.credentials(served)}
    if typed & wanted or served.authorization in ("NONE", "CUSTOM", "COGNITO_USER_POOLS"):
        return dict(headers)
    content = body.encode("utf-8", "replace")
    try:
        if served.authorization == "AWS_IAM":
            environment = trigger.rest_api.environment
            return aws.signed(environment, method, url, dict(headers), content)
        if served.authorization == "API_KEY":
            return {**headers, "x-api-key": _api_key(trigger, api_key)}
        secret = acts.read_secret(trigger)
    except aws.AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise NotSentError(
                "Nothing was sent: the webhook has no secret yet. Set it in the trigger's form."
            ) from error
        raise NotSentError(f"Nothing was sent: {error}. {error.advice}") from error
    signature = webhooks.signature_of(served)
    return {**headers, **webhooks.sign(signature, secret, content, time.time())}


def _api_key(trigger: Trigger, chosen: ApiKey | None) -> str:
    """The value of the chosen key, or of the newest one."""
    key = chosen or trigger.rest_api.api_keys.valid().first()
    if key is None:
        raise NotSentError(
            "Nothing was sent: the REST API has no API key. Make one on the REST API's page."
        )
    return acts.read_api_key(key)


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "_-")


def _execution_arn(served: TriggerSpec, request: Request, headers: Mapping[str, str]) -> str:
    """The execution that a successful call started: by the answer, else by its name.

    An EXPRESS execution's ARN ends in an id that only the answer tells, and the answer of
    StartSyncExecution is the output alone.
    """
    if request.status is None or request.status >= 300:
        return ""
    try:
        answer = json.loads(request.answer_body)
        told = answer.get("executionArn") if isinstance(answer, dict) else None
    except (ValueError, RecursionError):
        told = None
    if served.response_mode == "EXECUTION":
        return told[:2048] if isinstance(told, str) else ""
    if served.machine_type == "EXPRESS":
        return ""
    name = execution_name(served, request.request_id, headers, request.body)
    return parse_machine_arn(served.state_machine_arn).execution(name) if name else ""
