"""Parts of a page that are fetched again while they can change."""

import hashlib
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard.models import Deployment

NOT_CHANGED = 204  # htmx would blank the part on a 304
STOP_POLLING = 286


def part(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    final: bool = False,
    title: str = "",
    every: int = 2000,
) -> HttpResponse:
    """The partial ``template``, or 204 where it is as the page already has it.

    ``final`` ends the polling; ``every`` is milliseconds until the next look.
    """
    html = render_to_string(template, context, request)
    version = version_of(html)
    if not final and request.GET.get("v") == version:
        response = HttpResponse(status=NOT_CHANGED)
    else:
        response = HttpResponse(html, status=STOP_POLLING if final else 200)
    # The frame's "1 deploying" goes along, so that it is never older than the part.
    response["X-Deploying"] = str(Deployment.objects.active().count())
    response["X-Poll-Version"] = version
    response["X-Poll-Every"] = str(every)
    if title:
        response["X-Page-Title"] = quote(f"{title} · Stepgate")
    return response


def version_of(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:16]
