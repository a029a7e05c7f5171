"""What a rendering holds - variables, output, bounds - and how it reads expressions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from infra.velocity import arithmetic
from infra.velocity.calling import UNKNOWN, call
from infra.velocity.errors import JavaError, VelocityError, error_at
from infra.velocity.gateway import INPUT, UTIL, Input, Request, Util, globals_of
from infra.velocity.methods import get_property, put, table_of
from infra.velocity.nodes import (
    Binary,
    Block,
    Expression,
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
    Template,
)
from infra.velocity.values import MAX_ITEMS, MAX_TEXT, Loop, bounded, is_number, java_text

STEPS: Final = 500_000
"""Statements and values one rendering may take."""

PRODUCED: Final = 10 * MAX_TEXT
"""Characters one rendering may make, thrown away ones among them."""

CALLS: Final = 20
"""How deep macros may call one another (Velocity's velocimacro.max.depth)."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A block of ``#define``; rendered wherever it is read, with the variables of then."""

    body: Block


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a macro: evaluated each time it is read, where the call stands."""

    value: Expression
    frames: "Frames"


Frames = tuple[dict[str, Any], ...]


class Machine:
    """One rendering; what its statements do is in ``evaluator``."""

    def __init__(self, template: Template, request: Request) -> None:
        self.source = template.source
        self.macros = template.macros
        self.variables = globals_of(request)
        self.frames: Frames = ()
        self.loop: Loop | None = None
        self.out: list[str] = []
        self.length = 0
        self.produced = 0
        self.steps = 0
        self.calls = 0
        self.places: list[tuple[int, ...]] = []

    def fail(self, offset: int, message: str) -> VelocityError:
        for places in reversed(self.places):
            offset = places[min(offset, len(places) - 1)]
        return error_at(self.source, offset, message)

    # Output

    def block(self, body: Block) -> None:
        """Runs the statements of ``body``."""
        raise NotImplementedError

    def emit(self, text: str) -> None:
        self.length += len(text)
        if self.length > MAX_TEXT:
            raise self.fail(0, f"The result is longer than {MAX_TEXT:,} characters.")
        self.out.append(text)

    def capture(self, body: Block, offset: int) -> str:
        """The text of ``body``, kept out of the output."""
        out, length = self.out, self.length
        self.out, self.length = [], 0
        try:
            self.block(body)
            text = "".join(self.out)
            self.made(text, offset)
            return text
        finally:
            self.out, self.length = out, length

    def made(self, value: Any, offset: int) -> Any:
        """``value``, newly made, if it and all that was made so far stay within bounds."""
        if isinstance(value, str):
            self.produced += len(value)
            if self.produced > PRODUCED:
                raise self.fail(offset, f"This makes more than {PRODUCED:,} characters in all.")
        try:
            return bounded(value)
        except JavaError as error:
            raise self.fail(offset, str(error)) from error

    def step(self, offset: int) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise self.fail(offset, f"This template takes more than {STEPS:,} steps.")

    def text_of(self, value: Any, offset: int) -> str:
        try:
            return java_text(value)
        except (JavaError, RecursionError) as error:
            message = str(error) if isinstance(error, JavaError) else "This value holds itself."
            raise self.fail(offset, message) from error

    def enter(self, offset: int) -> None:
        self.calls += 1
        if self.calls > CALLS:
            raise self.fail(offset, f"Macros and blocks may call one another {CALLS} deep at most.")

    # Expressions

    def evaluate(self, node: Expression) -> Any:
        """The value of ``node``; None is null."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Reference):
            return self.value_of(node)
        return _EXPRESSIONS[type(node)](self, node)

    def holds(self, node: Expression) -> bool:
        """Whether ``node`` counts as true: neither false nor null. "" and 0 are true."""
        value = self.evaluate(node)
        return value is not None and value is not False

    def value_of(self, node: Reference) -> Any:
        """The value of a reference; "" where it leads nowhere or to null.

        In Velocity such a reference is null, prints its own text and counts as false. In
        API Gateway it is the empty text, which counts as true: ``#if($input.path('$.no'))``
        always holds there, and ``#if($input.path('$.no') != "")`` is how to ask. Source:
        results recorded on AWS in the tests of LocalStack's airspeed-ext 0.6.9, which
        Velocity 1.7 gives with an InvalidReferenceEventHandler that answers "".
        """
        self.step(node.offset)
        value = self.walk(self.read(node.root, node.offset), node.steps)
        if node.root == "context" and len(node.steps) == 2 and _is_claims(node):
            return ""
        return "" if value is None or isinstance(value, (Input, Util)) else value

    def read(self, name: str, offset: int) -> Any:
        """The variable ``name``, None if there is none."""
        value = next((frame[name] for frame in reversed(self.frames) if name in frame), _NOTHING)
        if value is _NOTHING:
            value = self.variables.get(name)
        if isinstance(value, Argument):
            return self._elsewhere(value, offset)
        if isinstance(value, Defined):
            self.enter(offset)
            try:
                return self.capture(value.body, offset)
            finally:
                self.calls -= 1
        return value

    def _elsewhere(self, argument: Argument, offset: int) -> Any:
        self.step(offset)
        frames, self.frames = self.frames, argument.frames
        try:
            return self.evaluate(argument.value)
        finally:
            self.frames = frames

    def walk(self, value: Any, steps: tuple[Step, ...]) -> Any:
        """``value`` followed along ``steps``; None as soon as one leads nowhere."""
        for step in steps:
            if value is None:
                return None
            try:
                if isinstance(step, Property):
                    value = value.body if _is_body(value, step) else get_property(value, step.name)
                elif isinstance(step, Method):
                    value = self._method(value, step)
                else:
                    value = self._index(value, self.evaluate(step.key))
            except JavaError as error:
                raise self.fail(step.offset, str(error)) from error
        return value

    def _method(self, target: Any, step: Method) -> Any:
        arguments = [self.evaluate(argument) for argument in step.arguments]
        table = table_of(target)
        if isinstance(target, Input):
            table = INPUT
        elif isinstance(target, Util):
            table = UTIL
        if isinstance(target, (str, list, dict)) and step.name not in _QUICK:
            # A call that looks at all of a large value takes as long as many on small ones.
            self.steps += len(target) // (1_000 if isinstance(target, str) else 10)
            self.step(step.offset)
        value = call(table, target, step.name, arguments)
        if value is UNKNOWN:
            return None
        return self.made(value, step.offset)

    def _index(self, value: Any, key: Any) -> Any:
        if isinstance(value, list):
            value = call(table_of(value), value, "get", [from_end(value, key)])
        else:
            value = call(table_of(value), value, "get", [key])
        return None if value is UNKNOWN else value

    def binary(self, node: Binary) -> Any:
        operator = node.operator
        if operator == "&&":
            return self.holds(node.left) and self.holds(node.right)
        if operator == "||":
            return self.holds(node.left) or self.holds(node.right)
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if operator in ("==", "!="):
            # The word null, which Velocity 1.7 lacks, is what a missing reference is.
            left, right = _or_empty(left), _or_empty(right)
        try:
            if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
                first = node.left.source if left is None else java_text(left)
                last = node.right.source if right is None else java_text(right)
                return self.made(first + last, node.offset)
            for side in (left, right):
                if isinstance(side, (list, dict)):
                    # Refuses a value too large, or endless, before it is compared.
                    self.made(java_text(side), node.offset)
            return self.made(arithmetic.apply(operator, left, right), node.offset)
        except JavaError as error:
            raise self.fail(node.offset, str(error)) from error

    def negate(self, node: Not) -> bool:
        return not self.holds(node.operand)

    def string(self, node: Interpolated) -> str:
        self.step(node.offset)
        if node.places:
            self.places.append(node.places)
        try:
            text = self.capture(node.body, node.offset)
        finally:
            if node.places:
                self.places.pop()
        return text

    def list(self, node: ListOf) -> list[Any]:
        return [self.evaluate(item) for item in node.items]

    def map(self, node: MapOf) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        try:
            for key, value in node.pairs:
                put(made, self.evaluate(key), self.evaluate(value))
        except JavaError as error:
            raise self.fail(node.offset, str(error)) from error
        return made

    def range(self, node: RangeOf) -> Any:
        """Both ends belong to a range; it may run downwards; null if an end is no integer."""
        first, last = self.evaluate(node.first), self.evaluate(node.last)
        if not (_is_integer(first) and _is_integer(last)):
            return None
        if abs(last - first) >= MAX_ITEMS:
            raise self.fail(node.offset, f"This range has more than {MAX_ITEMS:,} items.")
        self.steps += abs(last - first) // 100
        self.step(node.offset)
        way = 1 if last >= first else -1
        return list(range(first, last + way, way))


_NOTHING: Final = object()

_QUICK: Final = frozenset({"add", "containsKey", "get", "isEmpty", "put", "set", "size"})
"""Methods that take as long on a large list or map as on a small one."""

_EXPRESSIONS: Final[dict[type, Callable[[Machine, Any], Any]]] = {
    Binary: Machine.binary,
    Not: Machine.negate,
    Interpolated: Machine.string,
    ListOf: Machine.list,
    MapOf: Machine.map,
    RangeOf: Machine.range,
}


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def _is_integer(value: Any) -> bool:
    return is_number(value) and isinstance(value, int)


def _is_body(value: Any, step: Property) -> bool:
    return isinstance(value, Input) and step.name == "body"


def _is_claims(node: Reference) -> bool:
    """``$context.authorizer.claims`` is null as a whole; only named claims exist."""
    names = [step.name for step in node.steps if isinstance(step, Property)]
    return names == ["authorizer", "claims"]


def from_end(items: list[Any], index: Any) -> Any:
    """A negative index of ``[…]`` counts from the end (Velocity 1.7)."""
    return index + len(items) if _is_integer(index) and index < 0 else index
