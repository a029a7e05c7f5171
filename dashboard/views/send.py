"""Send request, from a trigger's page."""

import re

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard import sender
from dashboard.models import Trigger
from dashboard.views.triggers import get_trigger, overview_page
from infra.spec import path_variables

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
    try:
        headers = _headers(request.POST.get("headers", ""))
    except ValueError as error:
        return overview_page(request, trigger, typed=request.POST, problem=str(error))
    sent = sender.send(
        trigger,
        by=request.user.get_username(),
        method=method,
        values={n: request.POST.get(f"path_{n}", "") for n in path_variables(trigger.live.path)},
        query=request.POST.get("query", ""),
        headers=headers,
        body=request.POST.get("body", ""),
    )
    return redirect(f"{trigger.get_absolute_url()}?sent={sent.pk}#answer")


def _headers(text: str) -> dict[str, str]:
    """``Name: value`` lines; ValueError names the line that is none."""
    headers = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()):
            raise ValueError(f"Nothing was sent. Header line {number} is not “Name: value”: {line}")
        if name.strip().lower() in _NOT_TO_BE_SET:
            raise ValueError(
                f"Nothing was sent. Header line {number}: {name.strip()} is set by Stepgate itself."
            )
        if not value.isprintable() or not value.isascii():
            raise ValueError(
                f"Nothing was sent. Header line {number}: a value holds ASCII characters only."
            )
        headers[name.strip()] = value.strip()
    return headers
