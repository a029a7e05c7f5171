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
_NESTED_CHARACTERS: Final = 20
"""Two choices at each of these are a million ways: about a second."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> tuple[re.Pattern[str], int, int, bool]:
    """``pattern`` for Python, and how long it may run.

    That is: how many endless repeats stand in it side by side; how many ways there are
    through the rest; and whether an endless repeat holds another, or a choice.
    JavaError where Java would refuse it, or where Python has no such thing.
    """
    translated = "".join(_translate(pattern))
    try:
        tree = _parser.parse(translated, re.ASCII)
        found = re.compile(translated, re.ASCII)
        return found, _repeats(tree), _ways(tree), _is_nested(tree, inside=False)
    except (re.error, OverflowError) as error:
        raise JavaError(f"“{pattern}” is no regular expression: {error}.") from error


def ready(pattern: str, text: str) -> re.Pattern[str]:
    """``pattern`` compiled, if running it on ``text`` ends in time (else JavaError)."""
    found, repeats, ways, nested = compiled(pattern)
    if nested and len(text) > _NESTED_CHARACTERS:
        raise JavaError(
            f"“{pattern}” repeats a repeat or a choice without end, as in (a+)*, which could "
            f"run for years on more than {_NESTED_CHARACTERS} characters; it is not run."
        )
    if max(1, len(text)) ** (repeats if ways == 1 else max(repeats, 1)) * ways > _WORK:
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


_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_ONE_CHARACTER: Final = ("LITERAL", "NOT_LITERAL", "IN", "ANY")


def _is_endless(argument: Any) -> bool:
    return argument[1] is _parser.MAXREPEAT or argument[1] > 100


def _inner(name: str, argument: Any) -> Any:
    """The tree in a group or an assertion, None for anything else."""
    if name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
        return argument[-1]
    return argument if name == "ATOMIC_GROUP" else None


def _repeats(tree: Any) -> int:
    """Endless repeats that can follow one another."""
    total = 0
    for operator, argument in tree:
        name = str(operator)
        if name in _REPEATS:
            total += _is_endless(argument) + _repeats(argument[2])
        elif name == "BRANCH":
            total += max(_repeats(branch) for branch in argument[1])
        elif (inner := _inner(name, argument)) is not None:
            total += _repeats(inner)
    return total


def _ways(tree: Any) -> int:
    """Ways through the choices and the repeats that have an end, at most ``_WORK + 1``."""
    total = 1
    for operator, argument in tree:
        name = str(operator)
        if name in _REPEATS and not _is_endless(argument):
            least, most = argument[:2]
            total *= (most - least + 1) * min(_ways(argument[2]), _WORK) ** most
        elif name in _REPEATS:
            total *= _ways(argument[2])
        elif name == "BRANCH":
            total *= sum(_ways(branch) for branch in argument[1])
        elif (inner := _inner(name, argument)) is not None:
            total *= _ways(inner)
        total = min(total, _WORK + 1)
    return total


def _is_nested(tree: Any, *, inside: bool) -> bool:
    """Whether an endless repeat holds another repeat or a choice with more than one way."""
    for operator, argument in tree:
        name = str(operator)
        if name in _REPEATS:
            if inside and argument[0] != argument[1]:
                return True
            if _is_nested(argument[2], inside=inside or _is_endless(argument)):
                return True
        elif name == "BRANCH":
            if inside and not _is_decided(argument[1]):
                return True
            if any(_is_nested(branch, inside=inside) for branch in argument[1]):
                return True
        elif (inner := _inner(name, argument)) is not None and _is_nested(inner, inside=inside):
            return True
    return False


def _is_decided(branches: Any) -> bool:
    """Whether the first character tells which branch it is, and each has one way to go."""
    firsts = [branch[0] for branch in branches if len(branch)]
    plain = all(str(step[0]) in _ONE_CHARACTER for branch in branches for step in branch)
    letters = [step[1] for step in firsts if str(step[0]) == "LITERAL"]
    return plain and len(set(letters)) == len(branches)


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
