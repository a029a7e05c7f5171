"""Template tags that every page has (a builtin, see settings)."""

import json
import re
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.machine_watch import stops_callers

register = template.Library()


@cache
def _sprite() -> str:
    return static("dashboard/icons.svg")


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>',
        _sprite(),
        name,
    )


@register.simple_tag
def ago(at: datetime | None) -> SafeString | str:
    """A relative time that ticks; the absolute one stands in its title."""
    if at is None:
        return "—"
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S %Z"),
        at.strftime("%Y-%m-%d %H:%M"),
    )


@register.filter
def duration(value: float | timedelta | None) -> str:
    """Seconds as a person says them: 84 ms, 1.2 s, 2 min 5 s."""
    if value is None:
        return "—"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@register.filter
def pretty(text: str) -> str:
    """A JSON document with line breaks, each value as it was written; other text as it is."""
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return text
    lines: list[str] = []
    depth, before = 0, ""
    for part in _TOKEN.findall(text):
        if part in "}]":
            depth -= 1
            lines.append(part if before in "{[" else f"\n{'  ' * depth}{part}")
        else:
            if before and before in "{[":
                lines.append(f"\n{'  ' * depth}")
            if part == ",":
                part = f",\n{'  ' * depth}"
            lines.append(": " if part == ":" else part)
            depth += part in "{["
        before = part[0]
    return "".join(lines)


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: Any) -> str:
    """The page's own query string with ``changes``; None or "" takes one away."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    query.pop("page", None)
    query.pop("v", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def without_query(context: dict[str, Any], name: str) -> str:
    """The page's own query string without ``name``."""
    return with_query(context, **{name: None})


@register.simple_tag
def described(field: BoundField, hint: str) -> SafeString:
    """The field's widget, with its hint and its error as what describes it."""
    ids = [f"{field.auto_id}_hint"] if hint else []
    ids += [f"{field.auto_id}_error"] if field.errors else []
    widget: SafeString = field.as_widget(attrs={"aria-describedby": " ".join(ids)} if ids else {})
    return widget


register.filter(stops_callers)
