"""The methods of Java's String. Java counts UTF-16 units."""

from infra.velocity import regex
from infra.velocity.calling import Table
from infra.velocity.errors import JavaError
from infra.velocity.hashes import hash_of
from infra.velocity.values import MAX_TEXT, bounded, equal, java_text


def _units(text: str) -> str:
    """``text`` with each character beyond the basic plane as its two surrogates."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return "".join(
        char
        if char <= "\uffff"
        else chr(0xD7C0 + (ord(char) >> 10)) + chr(0xDC00 + (ord(char) & 0x3FF))
        for char in text
    )


def _joined(units: str) -> str:
    if units.isascii():
        return units
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _substring(text: str, start: int, end: int | None = None) -> str:
    units = _units(text)
    stop = len(units) if end is None else end
    if not 0 <= start <= stop <= len(units):
        raise JavaError(
            f"The text has no characters {start} to {stop}: its length is {len(units)}."
        )
    return _joined(units[start:stop])


def _char_at(text: str, index: int) -> str:
    units = _units(text)
    if not 0 <= index < len(units):
        raise JavaError(f"The text has no character {index}: its length is {len(units)}.")
    return units[index]


def _replace(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise JavaError(f"The result is longer than {MAX_TEXT:,} characters.")
    return text.replace(old, new)


def _last_index(text: str, other: str, start: int) -> int:
    sought = _units(other)
    return -1 if start < 0 else _units(text).rfind(sought, 0, start + len(sought))


def _repeat(text: str, times: int) -> str:
    if times < 0:
        raise JavaError("A text cannot be repeated fewer than 0 times.")
    if len(text) * times > MAX_TEXT:
        raise JavaError(f"The result is longer than {MAX_TEXT:,} characters.")
    return text * times if text else ""


def _code_point_at(text: str, index: int) -> int:
    _char_at(text, index)
    return ord(_joined(_units(text)[index:])[0])


def _compare(left: str, right: str) -> int:
    """The difference of the first units that differ, else of the lengths."""
    ours, theirs = _units(left), _units(right)
    pairs = zip(ours, theirs, strict=False)
    return next((ord(a) - ord(b) for a, b in pairs if a != b), len(ours) - len(theirs))


STRINGS: Table = {
    "length": (("", lambda s: len(_units(s))),),
    "isEmpty": (("", lambda s: not s),),
    "toString": (("", lambda s: s),),
    "trim": (("", lambda s: s.strip("".join(map(chr, range(33))))),),
    "toLowerCase": (("", lambda s: s.lower()),),
    "toUpperCase": (("", lambda s: s.upper()),),
    "concat": (("s", lambda s, other: bounded(s + other)),),
    "contains": (("s", lambda s, other: other in s),),
    "startsWith": (
        ("s", lambda s, other: s.startswith(other)),
        ("si", lambda s, other, start: start >= 0 and _units(s).startswith(_units(other), start)),
    ),
    "endsWith": (("s", lambda s, other: s.endswith(other)),),
    "indexOf": (
        ("s", lambda s, other: _units(s).find(_units(other))),
        ("si", lambda s, other, start: _units(s).find(_units(other), max(0, start))),
    ),
    "lastIndexOf": (
        ("s", lambda s, other: _units(s).rfind(_units(other))),
        ("si", _last_index),
    ),
    "charAt": (("i", _char_at),),
    "codePointAt": (("i", _code_point_at),),
    "hashCode": (("", hash_of),),
    "isBlank": (("", lambda s: not s.strip()),),
    "strip": (("", lambda s: s.strip()),),
    "repeat": (("i", _repeat),),
    "contentEquals": (("s", lambda s, other: s == other),),
    "intern": (("", lambda s: s),),
    "substring": (("i", _substring), ("ii", _substring)),
    "subSequence": (("ii", _substring),),
    "equals": (("a", equal),),
    "equalsIgnoreCase": (("a", lambda s, o: isinstance(o, str) and s.lower() == o.lower()),),
    "compareTo": (("s", lambda s, other: _compare(s, other)),),
    "compareToIgnoreCase": (("s", lambda s, other: _compare(s.lower(), other.lower())),),
    "matches": (("s", lambda s, pattern: regex.ready(pattern, s).fullmatch(s) is not None),),
    "replace": (("ss", _replace),),
    "replaceAll": (("ss", regex.replace),),
    "replaceFirst": (("ss", lambda s, pattern, new: regex.replace(s, pattern, new, 1)),),
    "split": (("s", regex.split), ("si", regex.split)),
    "toCharArray": (("", lambda s: bounded(list(_units(s)))),),
    "valueOf": (("a", lambda _s, value: java_text(value)),),
}
