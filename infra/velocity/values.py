"""The values a template handles, and how Java would print and compare them.

Strings, booleans, integers and floats are Python's; a Java map is a ``dict``, a Java
list a ``list``. What comes out of a JSON body has two kinds of its own: ``Number``
keeps its digits, ``JsonArray`` prints as JSON.

API Gateway reads JSON with Jayway's JsonPath on json-smart, as what it prints shows: a map
as ``{a=1}``, a list as JSON, a body that is no JSON as one text. So that is followed also
where AWS documents nothing: 1.10 prints as 1.1 and 1234567890.5 as 1.2345678905E9; U+007F
to U+009F and U+2000 to U+20FF are escaped in JSON; and a list that prints itself, unlike
``$input.json``, escapes ``/``.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from infra.velocity.errors import JavaError

MAX_TEXT: Final = 10_000_000
"""Characters in any one text, and in the output."""

MAX_ITEMS: Final = 100_000
"""Items in any one list or map."""

MAX_BITS: Final = 8_192
"""Bits of an integer; Java's BigInteger has no such bound, a server needs one."""

MAX_VISITS: Final = 1_000_000
"""Values visited to print one value; lists may hold one another many times over."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a JSON body with too many digits for Java's Double; prints as sent."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text)


class JsonArray(list[Any]):
    """A list of a JSON body.

    It prints as JSON, also inside a map, while a map of a JSON body prints as
    ``{a=1}``: so does API Gateway (seen on AWS by LocalStack, pull request 12379).
    """


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a map."""

    key: Any
    value: Any


@dataclass(slots=True, eq=False)
class Loop:
    """``$foreach``: ``index`` from 0, ``length`` of the whole list."""

    length: int
    parent: "Loop | None"
    index: int = 0


_IN_JSON: Final = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2000-\u20ff]')
_IN_LIST: Final = re.compile('["\\\\/\x00-\x1f\x7f-\x9f\u2000-\u20ff]')
_JSON_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _json_escape(found: re.Match[str]) -> str:
    char = found.group()
    return _JSON_ESCAPES.get(char) or f"\\u{ord(char):04X}"


def encodable(text: str) -> str:
    """``text`` with each pair of surrogates as its character, and ``?`` for a lone one.

    So Java encodes them: JSON and ``\\u`` can spell half a character, a request cannot.
    """
    if not _SURROGATE.search(text):
        return text
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return _SURROGATE.sub("?", joined)


def is_number(value: object) -> bool:
    return isinstance(value, (int, float, Number)) and not isinstance(value, bool)


def as_number(value: Any) -> int | float:
    """``value``, for which ``is_number`` holds, as a number to calculate with."""
    return value.value if isinstance(value, Number) else value


def bounded(value: Any) -> Any:
    """``value`` unless it has grown beyond what a template may hold (JavaError)."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise JavaError(f"This text is longer than {MAX_TEXT:,} characters.")
    elif isinstance(value, (list, dict)):
        if len(value) > MAX_ITEMS:
            raise JavaError(f"This has more than {MAX_ITEMS:,} items.")
    elif isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise JavaError("This number is too large.")
    return value


def float_text(value: float) -> str:
    """``value`` as Java's ``Double.toString``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{value:f}" if "e" in repr(value) else repr(value)
        return text if "." in text else f"{text}.0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        sign = "-" if value < 0 else ""
        whole, _, fraction = mantissa.lstrip("-").partition(".")
        digits = (whole + fraction).rstrip("0")
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{len(whole) - 1}"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def scalar_text(value: Any) -> str | None:
    """Text of a value that holds no others, or None for one that does."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, Number):
        return value.text
    return None


class _Writer:
    """Gathers the text of one value; refuses one that is endless or too long."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.visits = 0
        self.length = 0

    def put(self, text: str) -> None:
        self.length += len(text)
        if self.length > MAX_TEXT:
            raise JavaError(f"This text is longer than {MAX_TEXT:,} characters.")
        self.parts.append(text)

    def visit(self) -> None:
        self.visits += 1
        if self.visits > MAX_VISITS:
            raise JavaError("This value is too large to print.")

    def java(self, value: Any) -> None:
        self.visit()
        scalar = scalar_text(value)
        if scalar is not None:
            self.put(scalar)
        elif isinstance(value, JsonArray):
            self.json(value, _IN_LIST)
        elif isinstance(value, list):
            self.put("[")
            for position, item in enumerate(value):
                if position:
                    self.put(", ")
                self.java(item)
            self.put("]")
        elif isinstance(value, (dict, Entry)):
            self._pairs(value)
        else:
            self.put(type(value).__name__)

    def _pairs(self, value: dict[Any, Any] | Entry) -> None:
        pairs = [(value.key, value.value)] if isinstance(value, Entry) else list(value.items())
        if isinstance(value, dict):
            self.put("{")
        for position, (key, item) in enumerate(pairs):
            if position:
                self.put(", ")
            self.java(key)
            self.put("=")
            self.java(item)
        if isinstance(value, dict):
            self.put("}")

    def json(self, value: Any, escaped: re.Pattern[str] = _IN_JSON) -> None:
        self.visit()
        if isinstance(value, str):
            self.put(f'"{escaped.sub(_json_escape, value)}"')
        elif isinstance(value, list):
            self.put("[")
            for position, item in enumerate(value):
                if position:
                    self.put(",")
                self.json(item, escaped)
            self.put("]")
        elif isinstance(value, dict):
            self.put("{")
            for position, (key, item) in enumerate(value.items()):
                if position:
                    self.put(",")
                self.put(f'"{escaped.sub(_json_escape, java_text(key))}"')
                self.put(":")
                self.json(item, escaped)
            self.put("}")
        elif isinstance(value, float) and not math.isfinite(value):
            self.put("null")
        else:
            self.put(java_text(value))


def java_text(value: Any) -> str:
    """``value`` as Java's ``toString`` would print it in API Gateway; JavaError if too long."""
    if isinstance(value, str):
        return value
    writer = _Writer()
    writer.java(value)
    return "".join(writer.parts)


def json_text(value: Any) -> str:
    """``value`` as compact JSON; JavaError if too long."""
    writer = _Writer()
    writer.json(value)
    return "".join(writer.parts)


def equal(left: Any, right: Any) -> bool:
    """``left.equals(right)`` as Java has it: a number never equals a text."""
    if is_number(left) and is_number(right):
        return as_number(left) == as_number(right)
    if left is right:
        return True
    kinds = (str, bool, list, dict)
    if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
        # Lists that hold one another many times over would be compared for years.
        java_text(left)
        java_text(right)
    return (
        any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds) and left == right
    )
