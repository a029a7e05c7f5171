"""Java regular expressions on Python's ``re``.

What both write alike passes; what they write differently is translated; what only
Java has is refused, so that nothing quietly means something else.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

from infra.velocity.errors import JavaError
from infra.velocity.values import MAX_ITEMS, MAX_TEXT

_LINE_END = r"\n\r\u0085\u2028\u2029"
_ESCAPES: Final = {
    "z": r"\Z",
    "Z": rf"(?=(?:\r\n|[{_LINE_END}])?\Z)",
    "R": rf"(?:\r\n|[\x0b\x0c{_LINE_END}])",
    "h": "[ \\t\\xa0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000]",
    "e": r"\x1b",
}
_CLASSES: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "Blank": r" \t",
    "XDigit": "0-9a-fA-F",
    "ASCII": r"\x00-\x7f",
    "Cntrl": r"\x00-\x1f\x7f",
}
_TOKEN: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|\\(?P<property>[pP])\{(?P<name>\w+)\}"
    r"|\\k<(?P<backref>\w+)>"
    r"|\\(?P<escape>.)"
    r"|\(\?<(?P<group>[A-Za-z]\w*)>"
    r"|(?P<repeat>\{\d+(?:,\d*)?\})"
    r"|(?P<char>.)",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"(?:[^\\.\[\](){}^$*+?|]|\\[^A-Za-z0-9\s])+")
_KNOWN: Final = frozenset("dDwWsSbBAGtnrfavxu\\0123456789")
_WORK: Final = 10**10


@lru_cache(maxsize=256)
def compiled(pattern: str) -> tuple[re.Pattern[str], int]:
    """``pattern`` for Python, and how many endless repeats stand in it side by side.

    JavaError where Java would refuse it, where Python has no such thing, or where an
    endless repeat holds another: such a pattern can run for years.
    """
    translated = "".join(_translate(pattern))
    try:
        tree = _parser.parse(translated, re.ASCII)
        return re.compile(translated, re.ASCII), _repeats(tree, inside=False)
    except (re.error, OverflowError) as error:
        raise JavaError(f"“{pattern}” is no regular expression: {error}.") from error


def ready(pattern: str, text: str) -> re.Pattern[str]:
    """``pattern`` compiled, if running it on ``text`` ends in time (else JavaError)."""
    found, repeats = compiled(pattern)
    if len(text) ** repeats > _WORK:
        raise JavaError(f"“{pattern}” would take too long on a text of {len(text):,} characters.")
    return found


def _translate(pattern: str) -> Iterator[str]:
    flags = re.match(r"\(\?([a-z]+)\)", pattern)
    set_flags = flags[1] if flags else ""
    in_class = False
    for token in _TOKEN.finditer(pattern):
        char = token["char"]
        if char == "[" and in_class:
            raise JavaError("A class within a class, as in [a[b]], is not supported.")
        if in_class and char == "&" and pattern.startswith("&&", token.start()):
            raise JavaError("An intersection of classes (&&) is not supported.")
        if char in ("[", "]"):
            in_class = char == "["
        if char == "{" and not in_class:
            raise JavaError(f"“{pattern}” is no regular expression: {{ repeats nothing.")
        yield _one(token, in_class, set_flags)


def _one(token: re.Match[str], in_class: bool, flags: str) -> str:  # noqa: FBT001
    if token["quoted"] is not None:
        return re.escape(token["quoted"])
    if token["property"]:
        return _property(token["property"], token["name"], in_class)
    if token["backref"]:
        return f"(?P={token['backref']})"
    if token["group"]:
        return f"(?P<{token['group']}>"
    if token["escape"]:
        return _escape(token["escape"], in_class)
    if not in_class and token["char"] == "." and "s" not in flags:
        return f"[^{_LINE_END}]"
    if not in_class and token["char"] == "$" and "m" not in flags:
        return _ESCAPES["Z"]
    return token.group()


def _escape(char: str, in_class: bool) -> str:  # noqa: FBT001
    if char in _ESCAPES and not (in_class and char != "e"):
        return _ESCAPES[char]
    if char.isascii() and char.isalnum() and char not in _KNOWN:
        raise JavaError(f"\\{char} is not supported in a regular expression.")
    return f"\\{char}"


def _property(kind: str, name: str, in_class: bool) -> str:  # noqa: FBT001
    content = _CLASSES.get(name.removeprefix("Is"))
    if content is None or (in_class and kind == "P"):
        raise JavaError(f"\\{kind}{{{name}}} is not supported in a regular expression.")
    if in_class:
        return content
    return f"[{'^' if kind == 'P' else ''}{content}]"


def _repeats(tree: Any, *, inside: bool) -> int:
    """Endless repeats that can follow one another; JavaError for one within another."""
    total = 0
    for operator, argument in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            endless = argument[1] is _parser.MAXREPEAT or argument[1] > 100
            if endless and inside:
                raise JavaError("An endless repeat within another, as in (a+)*, is not supported.")
            total += endless + _repeats(argument[2], inside=inside or endless)
        elif name == "BRANCH":
            if inside:
                raise JavaError("A choice within an endless repeat is not supported.")
            total += max(_repeats(branch, inside=inside) for branch in argument[1])
        elif name in ("SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"):
            inner = argument if name == "ATOMIC_GROUP" else argument[-1]
            total += _repeats(inner, inside=inside)
    return total


def _replacement(pattern: re.Pattern[str], text: str) -> tuple[list[str | int], int]:
    """Java's replacement ``text`` in parts, groups as numbers; and how many groups."""
    parts: list[str | int] = []
    place = 0
    while place < len(text):
        if text[place] not in "\\$":
            end = place
            while end < len(text) and text[end] not in "\\$":
                end += 1
            parts.append(text[place:end])
            place = end
            continue
        if place + 1 == len(text):
            raise JavaError("The replacement ends in a lone \\ or $.")
        if text[place] == "\\":
            parts.append(text[place + 1])
            place += 2
        else:
            number, place = _group(pattern, text, place + 1)
            parts.append(number)
    return parts, sum(isinstance(part, int) for part in parts)


def _group(pattern: re.Pattern[str], text: str, place: int) -> tuple[int, int]:
    named = re.compile(r"\{(\w+)\}").match(text, place)
    if named:
        if named[1] not in pattern.groupindex:
            raise JavaError(f"The pattern has no group named {named[1]}.")
        return pattern.groupindex[named[1]], named.end()
    digits = re.compile(r"[0-9]+").match(text, place)
    if digits is None:
        raise JavaError("A $ in the replacement must be followed by a group; write \\$ for itself.")
    # Java takes as many digits as still name a group, and at least one.
    end = place + 1
    while end < digits.end() and int(text[place : end + 1]) <= pattern.groups:
        end += 1
    if int(text[place:end]) > pattern.groups:
        raise JavaError(f"The pattern has no group {text[place:end]}.")
    return int(text[place:end]), end


def replace(text: str, pattern: str, replacement: str, count: int = 0) -> str:
    """``text.replaceAll(pattern, replacement)``, or the first ``count``; JavaError if illegal."""
    plain = _PLAIN.fullmatch(pattern)
    found = ready(pattern, text)
    parts, groups = _replacement(found, replacement)
    if not groups:
        literal = "".join(str(part) for part in parts)
        if plain and pattern:
            # Most patterns in templates are; str.replace is ten times as fast.
            return _replace_plain(text, re.sub(r"\\(.)", r"\1", pattern), literal, count)
        most = MAX_TEXT // max(1, len(literal)) + 1
        result, times = found.subn(literal.replace("\\", "\\\\"), text, count or most)
        if not count and times == most:
            raise JavaError(f"The result is longer than {MAX_TEXT:,} characters.")
        return result
    length = 0

    def expand(match: re.Match[str]) -> str:
        nonlocal length
        made = "".join(part if isinstance(part, str) else match[part] or "" for part in parts)
        length += len(made)
        if length > MAX_TEXT:
            raise JavaError(f"The result is longer than {MAX_TEXT:,} characters.")
        return made

    return found.sub(expand, text, count)


def _replace_plain(text: str, old: str, new: str, count: int) -> str:
    if len(new) > len(old) and len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise JavaError(f"The result is longer than {MAX_TEXT:,} characters.")
    return text.replace(old, new, count or -1)


def split(text: str, pattern: str, limit: int = 0) -> list[str]:
    """``text.split(pattern, limit)`` as Java 8: no empty texts at the end for limit 0."""
    parts: list[str] = []
    start = 0
    for match in ready(pattern, text).finditer(text):
        if 0 < limit == len(parts) + 1:
            break
        if match.end() == 0 or (match.end() == match.start() == len(text)):
            continue
        parts.append(text[start : match.start()])
        start = match.end()
        if len(parts) > MAX_ITEMS:
            raise JavaError(f"This has more than {MAX_ITEMS:,} items.")
    parts.append(text[start:])
    if limit == 0:
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
    return parts
