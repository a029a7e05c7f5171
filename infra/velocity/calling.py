"""How a template's call finds its method: by name and by the kinds of its arguments.

So does Velocity; what is in no table is unknown. No Python attribute can be reached.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from infra.velocity.values import is_number

Overloads: TypeAlias = tuple[tuple[str, Callable[..., Any]], ...]
"""Kinds of the arguments, a letter each (see ``_KINDS``), and what to call."""

Table: TypeAlias = Mapping[str, Overloads]

UNKNOWN = object()
"""What a call answers for which there is no method."""

VOID = ""
"""What Velocity 1.7 prints for a method that returns nothing."""

_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "s": lambda value: isinstance(value, str),
    "i": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "n": is_number,
    "l": lambda value: isinstance(value, list),
    "m": lambda value: isinstance(value, dict),
    "a": lambda _value: True,
}


def call(table: Table, target: Any, name: str, arguments: list[Any]) -> Any:
    """``target.name(arguments)``, or UNKNOWN; JavaError where Java would throw."""
    for kinds, function in table.get(name, ()):
        if len(kinds) == len(arguments) and all(
            _KINDS[kind](argument) for kind, argument in zip(kinds, arguments, strict=True)
        ):
            return function(target, *arguments)
    return UNKNOWN
