"""Runs a parsed template over one request."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from infra.velocity.calling import call
from infra.velocity.errors import JavaError, VelocityError
from infra.velocity.gateway import Request
from infra.velocity.machine import Argument, Defined, Machine, from_end
from infra.velocity.methods import put, table_of
from infra.velocity.nodes import (
    Block,
    Break,
    Call,
    Define,
    Foreach,
    If,
    Index,
    Property,
    Reference,
    Set,
    Stop,
    Template,
    Text,
)
from infra.velocity.parser import parse
from infra.velocity.values import Loop, encodable, java_text

LOOPS: Final = 1_000
"""Iterations after which API Gateway ends a loop (developer guide, "Quotas", #foreach)."""


@dataclass(frozen=True)
class Rendered:
    """What a template made: its text, and what it set in ``$context.responseOverride``."""

    text: str
    status: int | None
    headers: dict[str, str]


class _Leave(Exception):
    """``#break`` on its way to ``loop``; None is the innermost."""

    def __init__(self, loop: Loop | None) -> None:
        super().__init__()
        self.loop = loop


class _Stop(Exception):
    """``#stop`` on its way out."""


def render(template: str, request: Request) -> Rendered:
    """The text ``template`` becomes for ``request``, and the status and headers it sets.

    VelocityError where the template cannot be read, where Java would throw, or where
    it grows beyond the bounds of this module.
    """
    tree = parse(template)
    try:
        return _Renderer(tree, request).whole()
    except RecursionError as error:
        raise VelocityError("This template calls itself too deep.", 1, 1) from error


class _Renderer(Machine):
    """The statements of one rendering."""

    def __init__(self, template: Template, request: Request) -> None:
        super().__init__(template, request)
        self.body = template.body
        self.overrides = self.variables["context"]["responseOverride"]

    def whole(self) -> Rendered:
        # A #break outside of a loop ends the template, as #stop does.
        with suppress(_Stop, _Leave):
            self.block(self.body)
        headers = self.overrides.get("header")
        return Rendered(
            encodable("".join(self.out)),
            self._status(),
            {
                encodable(java_text(name)): encodable(java_text(value))
                for name, value in headers.items()
            }
            if isinstance(headers, dict)
            else {},
        )

    def _status(self) -> int | None:
        value = self.overrides.get("status")
        if value is None:
            return None
        text = java_text(value)
        if not (text.isascii() and text.isdigit() and len(text) == 3):
            message = f"$context.responseOverride.status must be a status code, not “{text[:40]}”."
            raise VelocityError(message, 1, 1)
        return int(text)

    # Statements

    def block(self, body: Block) -> None:
        for node in body:
            if isinstance(node, Text):
                self.emit(node.text)
            else:
                _STATEMENTS[type(node)](self, node)

    def reference(self, node: Reference) -> None:
        """Prints a reference, or its own text without one ``\\`` if it is escaped.

        A reference always has a value (see ``value_of``), so ``$!x`` and ``$x`` print alike.
        """
        prefix = "\\" * (node.escapes // 2)
        value = self.value_of(node)
        text = node.source if node.escapes % 2 else self.text_of(value, node.offset)
        self.emit(prefix + text)

    def set(self, node: Set) -> None:
        """``#set``; a null right side, as of ``1 / 0``, changes nothing.

        (1.7: directive.set.null.allowed=false.) A reference that leads nowhere is not
        null but "" (see ``value_of``): that one is set.
        """
        self.step(node.offset)
        value = self.evaluate(node.value)
        if value is None:
            return
        if not node.target.steps:
            self.assign(node.target.root, value)
            return
        *before, last = node.target.steps
        holder = self.walk(self.read(node.target.root, node.offset), tuple(before))
        try:
            if isinstance(last, Property) and isinstance(holder, dict):
                put(holder, last.name, value)
            elif isinstance(last, Index):
                key = self.evaluate(last.key)
                if isinstance(holder, dict):
                    put(holder, key, value)
                elif isinstance(holder, list):
                    call(table_of(holder), holder, "set", [from_end(holder, key), value])
        except JavaError as error:
            raise self.fail(last.offset, str(error)) from error

    def assign(self, name: str, value: Any) -> None:
        """A parameter of a macro is its own; every other variable belongs to the template."""
        for frame in reversed(self.frames):
            if name in frame:
                frame[name] = value
                return
        self.variables[name] = value

    def choose(self, node: If) -> None:
        for condition, body in node.branches:
            if self.holds(condition):
                self.block(body)
                return
        self.block(node.otherwise)

    def foreach(self, node: Foreach) -> None:
        """At most 1,000 rounds; what is neither list nor map gives none."""
        items = self.evaluate(node.items)
        if isinstance(items, dict):
            items = list(items.values())
        if not isinstance(items, list):
            return
        names = (node.name, "velocityCount", "velocityHasNext", "foreach")
        saved = {name: self.variables[name] for name in names if name in self.variables}
        self.loop = loop = Loop(len(items), self.loop)
        try:
            for index, item in enumerate(items[:LOOPS]):
                self.step(node.offset)
                loop.index = index
                self.variables["foreach"] = loop
                self.variables["velocityCount"] = index + 1
                self.variables["velocityHasNext"] = index + 1 < loop.length
                self.assign(node.name, item)
                self.block(node.body)
        except _Leave as leave:
            if leave.loop not in (None, loop):
                raise
        finally:
            self.loop = loop.parent
            for name in names:
                self.variables.pop(name, None)
            self.variables.update(saved)

    def leave(self, node: Break) -> None:
        loop = None
        if node.scope is not None:
            loop = self.value_of(node.scope)
            if not isinstance(loop, Loop):
                raise self.fail(node.offset, f"{node.scope.source} is no loop to leave.")
        raise _Leave(loop)

    def stop(self, _node: Stop) -> None:
        raise _Stop

    def define(self, node: Define) -> None:
        self.variables[node.name] = Defined(node.body)

    def call(self, node: Call) -> None:
        """A macro; its arguments are read anew each time. An unknown name is text."""
        self.step(node.offset)
        macro = self.macros.get(node.name.removeprefix("@"))
        if macro is None:
            self.emit(node.source)
            if node.body is not None:
                self.block(node.body)
                self.emit("#end")
            return
        frame: dict[str, Any] = {
            name: Argument(value, self.frames)
            for name, value in zip(macro.parameters, node.arguments, strict=False)
        }
        if node.body is not None:
            frame["bodyContent"] = Defined(node.body)
        frames = self.frames
        self.enter(node.offset)
        self.frames = (*frames, frame)
        try:
            self.block(macro.body)
        finally:
            self.frames = frames
            self.calls -= 1


_STATEMENTS: Final[dict[type, Callable[[_Renderer, Any], None]]] = {
    Reference: _Renderer.reference,
    Set: _Renderer.set,
    If: _Renderer.choose,
    Foreach: _Renderer.foreach,
    Break: _Renderer.leave,
    Stop: _Renderer.stop,
    Define: _Renderer.define,
    Call: _Renderer.call,
}
