"""Reads references and expressions: recursive descent over the tokens of Velocity 1.7.

Facts of the 1.7 grammar that surprise: ``-`` belongs to a name (``$a-b`` is one
reference) and to the digits after it (``$a -1`` is two values, not a difference);
arguments of a method and items of a list are values, not sums.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from infra.velocity.errors import error_at
from infra.velocity.nodes import (
    Binary,
    Block,
    Expression,
    Index,
    Interpolated,
    ListOf,
    Literal,
    MapOf,
    Method,
    Not,
    Property,
    RangeOf,
    Reference,
    Step,
    Text,
)
from infra.velocity.spelling import Spelling, respell

DEEPEST = 60
"""How deep brackets, strings and blocks may stand in one another."""

_SPACE = re.compile(r"[ \t\r\n]*")
_REFERENCE = re.compile(r"\$(!?)(\{?)([A-Za-z_][A-Za-z0-9_-]*)")
_DOT = re.compile(r"\.([A-Za-z][A-Za-z0-9_-]*)")
_NUMBER = re.compile(r"-?(?:\d+\.(?!\.)\d*(?:[eE][+-]?\d+)?|\.\d+|\d+[eE][+-]?\d+|\d+)")
_WORD = re.compile(r"[A-Za-z_@][A-Za-z0-9_@]*")
_NOT = re.compile(r"!(?!=)|not\b")
_LEVELS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\|\||or\b",
        r"&&|and\b",
        r"==|!=|eq\b|ne\b",
        r"<=|>=|<|>|le\b|ge\b|lt\b|gt\b",
        r"\+|-(?!\d)",
        r"[*/%]",
    )
)
_SIGNS = {
    "or": "||",
    "and": "&&",
    "eq": "==",
    "ne": "!=",
    "le": "<=",
    "ge": ">=",
    "lt": "<",
    "gt": ">",
}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class ExpressionParser:
    """Reads ``text[pos:end]``; what is between double quotes is read as a template again."""

    def __init__(self, text: str, start: int, end: int, depth: int) -> None:
        self.text = text
        self.pos = start
        self.end = end
        self.depth = depth
        self.outer: ExpressionParser | None = None
        self.places: tuple[int, ...] = ()

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        place = self.pos if offset is None else offset
        if self.outer is not None:
            self.outer.fail(message, self.places[min(place, len(self.places) - 1)])
        raise error_at(self.text, place, message)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """``pattern`` at this place; steps over it."""
        found = pattern.match(self.text, self.pos, self.end)
        if found is not None:
            self.pos = found.end()
        return found

    def sees(self, literal: str) -> bool:
        return self.text.startswith(literal, self.pos, self.end)

    def take(self, literal: str) -> bool:
        if not self.sees(literal):
            return False
        self.pos += len(literal)
        return True

    def space(self) -> None:
        self.match(_SPACE)

    def expect(self, literal: str, after: str) -> None:
        if not self.take(literal):
            self.fail(f"Expected {literal} after {after}, but found {self.found()}.")

    def found(self) -> str:
        """What stands here, as a person would say it."""
        if self.pos >= self.end:
            return "the end"
        word = _WORD.match(self.text, self.pos, self.end)
        return f"“{word.group() if word else self.text[self.pos]}”"

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"This stands more than {DEEPEST} levels deep.")
        yield
        self.depth -= 1

    def within(self, start: int, end: int) -> Block:
        """The template in ``text[start:end]``, the inside of a string."""
        raise NotImplementedError

    def respelled(self, spelling: Spelling) -> Block:
        """The template in the inside of a string that was respelled."""
        raise NotImplementedError

    # References

    def reference(self, escapes: int = 0) -> Reference | None:
        """The reference that begins here, or None where ``$`` is plain text."""
        start = self.pos
        head = self.match(_REFERENCE)
        if head is None:
            return None
        with self.deeper():
            steps = tuple(self._steps())
        if head[2]:
            self.expect("}", f"the reference {self.text[start : self.pos]}")
        source = self.text[start : self.pos]
        return Reference(head[3], steps, bool(head[1]), escapes, source, start)

    def need_reference(self, where: str) -> Reference:
        found = self.reference()
        if found is None:
            self.fail(f"Expected a reference such as $name {where}, but found {self.found()}.")
        return found

    def _steps(self) -> Iterator[Step]:
        while True:
            start = self.pos
            if self.take("["):
                self.space()
                key = self.value()
                self.space()
                self.expect("]", "an index")
                yield Index(key, start)
            elif dot := self.match(_DOT):
                if self.take("("):
                    yield Method(dot[1], self._until(")", "the arguments"), start)
                else:
                    yield Property(dot[1], start)
            else:
                return

    def _until(self, closing: str, what: str) -> tuple[Expression, ...]:
        """Values with commas between them, up to and with ``closing``."""
        values: list[Expression] = []
        self.space()
        if self.take(closing):
            return ()
        while True:
            values.append(self.value())
            self.space()
            if self.take(closing):
                return tuple(values)
            self.expect(",", f"a value, or {closing} after {what}")
            self.space()

    # Values

    def value(self) -> Expression:
        """One value without operators: what a method takes and a list holds."""
        if self.sees('"') or self.sees("'"):
            return self._string()
        if self.sees("$"):
            return self.need_reference("here")
        with self.deeper():
            if self.sees("["):
                return self._list()
            if self.sees("{"):
                return self._map()
        if number := self.match(_NUMBER):
            return self._number(number)
        word = _WORD.match(self.text, self.pos, self.end)
        if word is not None and word.group() in _WORDS:
            self.pos = word.end()
            return Literal(_WORDS[word.group()], word.group())
        self.fail(f"Expected a value, but found {self.found()}.")

    def _number(self, found: re.Match[str]) -> Literal:
        text = found.group()
        if len(text) > 300:
            self.fail("This number has more than 300 digits.", found.start())
        if re.fullmatch(r"-?\d+", text):
            return Literal(int(text), text)
        return Literal(float(text), text)

    def _string(self) -> Expression:
        start = self.pos
        end = self._string_end(self.text[start])
        self.pos = end + 1
        source = self.text[start : end + 1]
        try:
            spelling = respell(source, start)
        except ValueError as error:
            self.fail(str(error), start)
        if source[0] == "'" or ("$" not in source and "#" not in source):
            return Literal(spelling.text if spelling else source[1:-1], source)
        body = self.respelled(spelling) if spelling else self.within(start + 1, end)
        if all(isinstance(node, Text) for node in body):
            return Literal("".join(node.text for node in body if isinstance(node, Text)), source)
        return Interpolated(body, source, start, spelling.places if spelling else ())

    def _string_end(self, quote: str) -> int:
        """Where the string that begins here closes.

        A quote stands in its own string by being doubled; a backslash does not keep one
        from closing the string.
        """
        close = -1
        place = self.text.find(quote, self.pos + 1, self.end)
        while place >= 0:
            close = place
            if not self.text.startswith(quote, place + 1, self.end):
                break
            place = self.text.find(quote, place + 2, self.end)
        if close < 0:
            self.fail(f"This string is never closed: {quote} is missing.")
        return close

    def _list(self) -> Expression:
        start = self.pos
        self.take("[")
        self.space()
        if self.take("]"):
            return ListOf((), self.text[start : self.pos])
        first = self.value()
        self.space()
        if self.take(".."):
            self.space()
            last = self.value()
            self.space()
            self.expect("]", "a range")
            return RangeOf(first, last, self.text[start : self.pos], start)
        rest: tuple[Expression, ...] = ()
        if self.take(","):
            rest = self._until("]", "a list")
        else:
            self.expect("]", "a list")
        return ListOf((first, *rest), self.text[start : self.pos])

    def _map(self) -> MapOf:
        start = self.pos
        self.take("{")
        self.space()
        pairs: list[tuple[Expression, Expression]] = []
        while not self.take("}"):
            if pairs:
                self.expect(",", "a value of a map")
                self.space()
            key = self.value()
            self.space()
            self.expect(":", "a key of a map")
            self.space()
            pairs.append((key, self.value()))
            self.space()
        return MapOf(tuple(pairs), self.text[start : self.pos], start)

    # Operators

    def expression(self, level: int = 0) -> Expression:
        """An expression with operators from ``level`` (0 is ``||``) on, and the space around."""
        if level == len(_LEVELS):
            return self._unary()
        start = self.pos
        left = self.expression(level + 1)
        while True:
            self.space()
            found = self.match(_LEVELS[level])
            if found is None:
                return left
            right = self.expression(level + 1)
            sign = _SIGNS.get(found.group(), found.group())
            left = Binary(sign, left, right, self.text[start : self.pos], found.start())

    def _unary(self) -> Expression:
        self.space()
        start = self.pos
        with self.deeper():
            if self.match(_NOT):
                operand = self._unary()
                return Not(operand, self.text[start : self.pos])
            if self.take("("):
                inner = self.expression()
                self.space()
                self.expect(")", "an expression")
                return inner
        return self.value()
