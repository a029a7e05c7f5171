"""What API Gateway gives a template: ``$input``, ``$util``, ``$context``, ``$stageVariables``.

Source: API Gateway developer guide, "Variables for data transformations".
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from infra.velocity import jsonpath
from infra.velocity.calling import Table
from infra.velocity.errors import JavaError
from infra.velocity.values import json_text


@dataclass(frozen=True)
class Request:
    """What a mapping template sees of one HTTP request (or of an integration's answer).

    ``body`` is the text as sent; an empty one is seen as ``{}``. ``context`` is
    ``$context`` as nested mappings: ``{"requestId": "…", "identity": {"sourceIp": "…"}}``.
    """

    body: str = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)


class Input:
    """``$input`` of one rendering."""

    def __init__(self, request: Request) -> None:
        self.body = request.body or "{}"
        self._maps = {
            "path": dict(request.path),
            "querystring": dict(request.query),
            "header": dict(request.headers),
        }

    @cached_property
    def document(self) -> Any:
        """The body as JSON; one that is no JSON is a single text.

        So a form's ``a=1&b=2`` can be split by ``$input.path('$').split('&')``, and
        ``$input.json('$')`` is a quoted string. White space around it is not part of it.
        """
        try:
            return jsonpath.loads(self.body)
        except ValueError:
            return self.body.strip("\t\n\r ")

    def params(self) -> dict[str, dict[str, str]]:
        return self._maps

    def param(self, name: str) -> str:
        """Path, then query string, then header, names case-sensitive; "" if none has it."""
        return next((values[name] for values in self._maps.values() if name in values), "")

    def find(self, path: str) -> Any:
        """What ``path`` leads to, or None."""
        value = jsonpath.find(path, self.document)
        return None if value is jsonpath.MISSING else value

    def json(self, path: str) -> str:
        """JSON of what ``path`` leads to; ``""``, an empty string in JSON, where nowhere.

        (The latter as LocalStack found it on AWS, pull request 12774.)
        """
        value = jsonpath.find(path, self.document)
        return json_text("" if value is jsonpath.MISSING else value)


INPUT: Table = {
    "json": (("s", Input.json),),
    "path": (("s", Input.find),),
    "params": (("", Input.params), ("s", Input.param)),
    "getBody": (("", lambda given: given.body),),
}


class Util:
    """``$util``; it holds nothing."""


_SHORT = (
    ("\\", "\\\\"),
    ('"', '\\"'),
    ("'", "\\'"),
    ("/", "\\/"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
    ("\b", "\\b"),
    ("\f", "\\f"),
)
_UNPRINTABLE = re.compile("[^\x20-\x7f]+")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _units_of(run: str) -> str:
    """``run`` as UTF-16 escapes."""
    digits = run.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{digits[place : place + 4]}" for place in range(0, len(digits), 4))


_units_of_short = lru_cache(maxsize=4096)(_units_of)


def _code_units(found: re.Match[str]) -> str:
    # A language repeats its few letters: remembering them halves the time of a large body.
    run = found.group()
    return _units_of_short(run) if len(run) <= 4 else _units_of(run)


def escape_javascript(text: str) -> str:
    """``text`` as commons-lang's ``escapeEcmaScript`` writes it (it writes ``'`` as ``\\'``)."""
    for char, escaped in _SHORT:
        text = text.replace(char, escaped)
    return _UNPRINTABLE.sub(_code_units, text)


def _parse_json(text: str) -> Any:
    try:
        return jsonpath.loads(text)
    except ValueError as error:
        raise JavaError(f"$util.parseJson was given what is no JSON: {error}.") from error


def _url_encode(text: str) -> str:
    # Java's URLEncoder leaves * alone and escapes ~; Python does the reverse.
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


def _url_decode(text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise JavaError("$util.urlDecode was given a % without two hexadecimal digits.")
    return unquote_plus(text)


def _base64_decode(text: str) -> str:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise JavaError(f"$util.base64Decode was given what is no base64: {error}.") from error
    return raw.decode("utf-8", "replace")


def _of_text(function: Callable[[str], Any]) -> Any:
    """``function`` as a method of ``$util``; null stays null, as in commons-lang."""
    return (
        ("s", lambda _util, text: function(text)),
        ("a", lambda _util, value: None),
    )


UTIL: Table = {
    "escapeJavaScript": _of_text(escape_javascript),
    "parseJson": _of_text(_parse_json),
    "urlEncode": _of_text(_url_encode),
    "urlDecode": _of_text(_url_decode),
    "base64Encode": _of_text(
        lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    ),
    "base64Decode": _of_text(_base64_decode),
}


def _plain(value: Any) -> Any:
    """A copy of ``value`` that a template may change."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def globals_of(request: Request) -> dict[str, Any]:
    """The variables a template begins with."""
    context = _plain(request.context)
    context["responseOverride"] = {"header": {}}
    context["requestOverride"] = {"header": {}, "path": {}, "querystring": {}}
    return {
        "input": Input(request),
        "util": Util(),
        "context": context,
        "stageVariables": dict(request.stage_variables),
    }
