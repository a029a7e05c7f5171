"""Send request, from a trigger's page, and the same again."""

import re
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from dashboard import sender
from dashboard.models import Request, Trigger
from dashboard.views.triggers import get_trigger, number, overview_page
from infra.routes import path_variables

_NOT_TO_BE_SET = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "proxy-authorization",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@require_POST
@permission_required("dashboard.add_request", raise_exception=True)
def send_request(request: HttpRequest, key: str) -> HttpResponse:
    trigger = get_trigger(key)
    if trigger.live is None:
        messages.error(request, f"{trigger} is not deployed, so there is nothing to call.")
        return redirect(trigger)
    method = trigger.live.method
    if method == "ANY":
        method = request.POST.get("method", "POST")
        if method not in Trigger.Method.values or method == "ANY":
            method = "POST"
    post = request.POST
    try:
        headers = _headers(post.get("headers", ""))
        if (media := post.get("content_type", "")) and "content-type" not in map(
            str.lower, headers
        ):
            headers = _headers(f"Content-Type: {media}") | headers
        query, headers = _with_credentials(trigger, post, headers)
        sent = sender.send(
            trigger,
            by=request.user.get_username(),
            method=method,
            values={n: post.get(f"path_{n}", "") for n in path_variables(trigger.live.path)},
            query=query,
            headers=headers,
            body=post.get("body", ""),
            api_key=trigger.rest_api.api_keys.valid()
            .filter(pk=number(post.get("api_key")))
            .first(),
        )
    except (ValueError, sender.NotSentError) as error:
        return overview_page(request, trigger, typed=post, problem=str(error))
    return _answer(sent)


@require_POST
@permission_required("dashboard.add_request", raise_exception=True)
def repeat_request(request: HttpRequest, key: str, pk: int) -> HttpResponse:
    trigger = get_trigger(key)
    earlier = get_object_or_404(trigger.requests, pk=pk)
    if trigger.live is None:
        messages.error(request, f"{trigger} is not deployed, so there is nothing to call.")
        return redirect(trigger)
    try:
        return _answer(sender.repeat(earlier, by=request.user.get_username()))
    except sender.NotSentError as error:
        messages.error(request, str(error))
        return redirect(f"{trigger.get_absolute_url()}?sent={earlier.pk}#send")


def _answer(sent: Request) -> HttpResponse:
    return redirect(f"{sent.trigger.get_absolute_url()}?sent={sent.pk}#answer")


def _with_credentials(
    trigger: Trigger, post: QueryDict, headers: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Query and headers with what the person typed to show who they are."""
    query = post.get("query", "")
    served = trigger.spec_live() or trigger.spec()
    for place, (kind, name) in enumerate(sender.typed_credentials(served)):
        value = post.get(f"credential_{place}", "").strip()
        if value and kind == "header":
            headers = headers | _headers(f"{name}: {value}")
        elif value:
            query = f"{query}&" if query else ""
            query += f"{quote(name, safe='')}={quote(value, safe='')}"
    return query, headers


def _headers(text: str) -> dict[str, str]:
    """``Name: value`` lines; ValueError names the line that is none."""
    headers = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()):
            raise ValueError(f"Nothing was sent. Header line {place} is not “Name: value”: {line}")
        if name.strip().lower() in _NOT_TO_BE_SET:
            raise ValueError(
                f"Nothing was sent. Header line {place}: {name.strip()} is set by Stepgate itself."
            )
        if not value.isprintable() or not value.isascii():
            raise ValueError(
                f"Nothing was sent. Header line {place}: a value holds ASCII characters only."
            )
        headers[name.strip()] = value.strip()
    return headers
