"""The Java methods a template may call, one table for each kind of value.

A call finds its method by name and by the kinds of its arguments, as Velocity does;
what is in no table is unknown. No Python attribute can be reached.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from infra.velocity import regex
from infra.velocity.errors import JavaError
from infra.velocity.values import (
    MAX_ITEMS,
    MAX_TEXT,
    Entry,
    JsonArray,
    Loop,
    Number,
    as_number,
    bounded,
    equal,
    is_number,
    java_text,
)

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


# Strings. Java counts UTF-16 units; a text of the basic plane counts alike in both.


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


def _parse_int(_target: Any, text: str) -> int:
    if not text.removeprefix("-").removeprefix("+").isdecimal() or len(text) > 20:
        raise JavaError(f"“{text[:40]}” is no whole number.")
    return int(text)


def _compare(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


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
    "lastIndexOf": (("s", lambda s, other: _units(s).rfind(_units(other))),),
    "charAt": (("i", _char_at),),
    "substring": (("i", _substring), ("ii", _substring)),
    "subSequence": (("ii", _substring),),
    "equals": (("a", equal),),
    "equalsIgnoreCase": (("a", lambda s, o: isinstance(o, str) and s.lower() == o.lower()),),
    "compareTo": (("s", lambda s, other: _compare(_units(s), _units(other))),),
    "compareToIgnoreCase": (("s", lambda s, other: _compare(s.lower(), other.lower())),),
    "matches": (("s", lambda s, pattern: regex.ready(pattern, s).fullmatch(s) is not None),),
    "replace": (("ss", _replace),),
    "replaceAll": (("ss", regex.replace),),
    "replaceFirst": (("ss", lambda s, pattern, new: regex.replace(s, pattern, new, 1)),),
    "split": (("s", regex.split), ("si", regex.split)),
    "toCharArray": (("", lambda s: bounded(list(_units(s)))),),
    "valueOf": (("a", lambda _s, value: java_text(value)),),
}


# Lists


def _at(items: list[Any], index: int) -> Any:
    if not 0 <= index < len(items):
        raise JavaError(f"The list has no item {index}: its size is {len(items)}.")
    return items[index]


def _room(holder: list[Any] | dict[Any, Any], more: int) -> None:
    if len(holder) + more > MAX_ITEMS:
        raise JavaError(f"This has more than {MAX_ITEMS:,} items.")


def _add(items: list[Any], item: Any) -> bool:
    _room(items, 1)
    items.append(item)
    return True


def _insert(items: list[Any], index: int, item: Any) -> str:
    _room(items, 1)
    if not 0 <= index <= len(items):
        raise JavaError(f"The list has no place {index}: its size is {len(items)}.")
    items.insert(index, item)
    return VOID


def _add_all(items: list[Any], more: list[Any]) -> bool:
    _room(items, len(more))
    items.extend(list(more))
    return bool(more)


def _set(items: list[Any], index: int, item: Any) -> Any:
    before = _at(items, index)
    items[index] = item
    return before


def _place(items: list[Any], item: Any) -> int:
    return next((place for place, other in enumerate(items) if equal(other, item)), -1)


def _remove(items: list[Any], item: Any) -> bool:
    place = _place(items, item)
    if place >= 0:
        del items[place]
    return place >= 0


def _remove_at(items: list[Any], index: int) -> Any:
    _at(items, index)
    return items.pop(index)


def _clear(holder: list[Any] | dict[Any, Any]) -> str:
    holder.clear()
    return VOID


def _sub_list(items: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise JavaError(f"The list has no items {start} to {end}: its size is {len(items)}.")
    return JsonArray(items[start:end]) if isinstance(items, JsonArray) else items[start:end]


LISTS: Table = {
    "size": (("", len),),
    "length": (("", len),),
    "isEmpty": (("", lambda items: not items),),
    "get": (("i", _at),),
    "add": (("a", _add), ("ia", _insert)),
    "addAll": (("l", _add_all),),
    "set": (("ia", _set),),
    "contains": (("a", lambda items, item: _place(items, item) >= 0),),
    "indexOf": (("a", _place),),
    "remove": (("i", _remove_at), ("a", _remove)),
    "clear": (("", _clear),),
    "subList": (("ii", _sub_list),),
    "equals": (("a", equal),),
    "toString": (("", java_text),),
}


# Maps


def key_of(key: Any) -> Any:
    """``key`` if a map can hold it (JavaError for a list or a map, which may change)."""
    if isinstance(key, (list, dict)):
        raise JavaError("A list or a map cannot be the key of a map.")
    return key


def put(holder: dict[Any, Any], key: Any, value: Any) -> Any:
    """``holder.put(key, value)``: answers what was there before, or None."""
    before = holder.get(key_of(key))
    if before is None:
        _room(holder, 1)
    holder[key] = value
    return before


def _put_all(holder: dict[Any, Any], more: dict[Any, Any]) -> str:
    _room(holder, len(more))
    holder.update(more)
    return VOID


def _entries(holder: dict[Any, Any]) -> list[Entry]:
    return [Entry(key, value) for key, value in holder.items()]


def _contains_value(holder: dict[Any, Any], value: Any) -> bool:
    return any(equal(other, value) for other in holder.values())


MAPS: Table = {
    "size": (("", len),),
    "isEmpty": (("", lambda holder: not holder),),
    "get": (("a", lambda holder, key: holder.get(key_of(key))),),
    "getOrDefault": (("aa", lambda holder, key, other: holder.get(key_of(key), other)),),
    "put": (("aa", put),),
    "putAll": (("m", _put_all),),
    "keySet": (("", list),),
    "values": (("", lambda holder: list(holder.values())),),
    "entrySet": (("", _entries),),
    "containsKey": (("a", lambda holder, key: key_of(key) in holder),),
    "containsValue": (("a", _contains_value),),
    "remove": (("a", lambda holder, key: holder.pop(key_of(key), None)),),
    "clear": (("", _clear),),
    "equals": (("a", equal),),
    "toString": (("", java_text),),
}


# The rest


def _whole(number: Any) -> int:
    value = as_number(number)
    if value != value or value in (float("inf"), float("-inf")):
        raise JavaError(f"{java_text(number)} is no whole number.")
    return bounded(int(value))  # type: ignore[no-any-return]


NUMBERS: Table = {
    "intValue": (("", _whole),),
    "longValue": (("", _whole),),
    "doubleValue": (("", lambda number: float(as_number(number))),),
    "floatValue": (("", lambda number: float(as_number(number))),),
    "toString": (("", java_text), ("a", lambda _number, value: java_text(value))),
    "equals": (("a", equal),),
    "compareTo": (("n", lambda left, right: _compare(as_number(left), as_number(right))),),
    "parseInt": (("s", _parse_int),),
    "valueOf": (("s", _parse_int), ("i", lambda _number, value: value)),
}

BOOLEANS: Table = {
    "booleanValue": (("", lambda value: value),),
    "toString": (("", java_text),),
    "equals": (("a", equal),),
}

ENTRIES: Table = {
    "getKey": (("", lambda entry: entry.key),),
    "getValue": (("", lambda entry: entry.value),),
    "toString": (("", java_text),),
}

LOOP: Mapping[str, Callable[[Loop], Any]] = {
    "index": lambda loop: loop.index,
    "count": lambda loop: loop.index + 1,
    "hasNext": lambda loop: loop.index + 1 < loop.length,
    "first": lambda loop: loop.index == 0,
    "last": lambda loop: loop.index + 1 == loop.length,
    "parent": lambda loop: loop.parent,
}

LOOPS: Table = {
    "hasNext": (("", LOOP["hasNext"]),),
    "getIndex": (("", LOOP["index"]),),
    "getCount": (("", LOOP["count"]),),
    "getHasNext": (("", LOOP["hasNext"]),),
    "isFirst": (("", LOOP["first"]),),
    "isLast": (("", LOOP["last"]),),
}


def table_of(value: Any) -> Table:
    """The methods of ``value``; an empty table for what has none."""
    for kind, table in _TABLES:
        if isinstance(value, kind):
            return table
    return {}


_TABLES: tuple[tuple[type, Table], ...] = (
    (str, STRINGS),
    (bool, BOOLEANS),
    (int, NUMBERS),
    (float, NUMBERS),
    (Number, NUMBERS),
    (list, LISTS),
    (dict, MAPS),
    (Entry, ENTRIES),
    (Loop, LOOPS),
)


def get_property(value: Any, name: str) -> Any:
    """``value.name``: a key of a map, or one of the few properties others have; else None."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Entry):
        return {"key": value.key, "value": value.value}.get(name)
    if isinstance(value, Loop):
        return LOOP[name](value) if name in LOOP else None
    if isinstance(value, (str, list)) and name == "empty":
        return not value
    return None
