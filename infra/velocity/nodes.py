"""The syntax tree of a template: frozen, so that a parsed template can be cached.

``offset`` is where a node begins in the template, in characters from 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a boolean, null, or a string in which nothing is evaluated."""

    value: str | int | float | bool | None
    source: str


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string in double quotes; ``body`` is rendered each time it is read.

    Where the string spells characters otherwise (``""`` for ``"``), ``body`` was read from
    its respelled text, and ``places`` says where each character of that stands.
    """

    body: "Block"
    source: str
    offset: int
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOf:
    items: "tuple[Expression, ...]"
    source: str


@dataclass(frozen=True, slots=True)
class RangeOf:
    first: "Expression"
    last: "Expression"
    source: str
    offset: int


@dataclass(frozen=True, slots=True)
class MapOf:
    pairs: "tuple[tuple[Expression, Expression], ...]"
    source: str
    offset: int


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator`` is in its sign form: ``eq`` has become ``==``."""

    operator: str
    left: "Expression"
    right: "Expression"
    source: str
    offset: int


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Expression"
    source: str


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    arguments: "tuple[Expression, ...]"
    offset: int


@dataclass(frozen=True, slots=True)
class Index:
    key: "Expression"
    offset: int


Step: TypeAlias = Property | Method | Index


@dataclass(frozen=True, slots=True)
class Reference:
    """``$root.step…``; ``source`` is its own text, ``escapes`` the backslashes before it."""

    root: str
    steps: tuple[Step, ...]
    quiet: bool
    escapes: int
    source: str
    offset: int


Expression: TypeAlias = Literal | Interpolated | ListOf | RangeOf | MapOf | Binary | Not | Reference


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Set:
    target: Reference
    value: Expression
    offset: int


@dataclass(frozen=True, slots=True)
class If:
    branches: "tuple[tuple[Expression, Block], ...]"
    otherwise: "Block"


@dataclass(frozen=True, slots=True)
class Foreach:
    name: str
    items: Expression
    body: "Block"
    offset: int


@dataclass(frozen=True, slots=True)
class Break:
    """``scope`` is the loop to leave, as in ``#break($foreach.parent)``; None is the innermost."""

    scope: Reference | None
    offset: int


@dataclass(frozen=True, slots=True)
class Stop:
    pass


@dataclass(frozen=True, slots=True)
class Define:
    name: str
    body: "Block"


@dataclass(frozen=True, slots=True)
class Call:
    """A macro call, or text that only looks like one: then ``source`` is printed."""

    name: str
    arguments: tuple[Expression, ...]
    body: "Block | None"
    source: str
    offset: int


Statement: TypeAlias = Text | Reference | Set | If | Foreach | Break | Stop | Define | Call
Block: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    parameters: tuple[str, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Template:
    source: str
    body: Block
    macros: Mapping[str, Macro]
