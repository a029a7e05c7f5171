"""The methods of lists, maps, numbers and the rest, one table for each kind of value."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.velocity.calling import VOID, Table
from infra.velocity.errors import JavaError
from infra.velocity.hashes import hash_of
from infra.velocity.strings import STRINGS
from infra.velocity.values import (
    MAX_ITEMS,
    Entry,
    JsonArray,
    Loop,
    Number,
    as_number,
    bounded,
    equal,
    java_text,
)

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


def _last_place(items: list[Any], item: Any) -> int:
    places = (place for place in reversed(range(len(items))) if equal(items[place], item))
    return next(places, -1)


def _keep(items: list[Any], more: list[Any], *, wanted: bool) -> bool:
    if len(items) * len(more) > MAX_ITEMS:
        raise JavaError("These lists are too long to be compared item by item.")
    kept = [item for item in items if (_place(more, item) >= 0) == wanted]
    changed = len(kept) != len(items)
    items[:] = kept
    return changed


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
    "containsAll": (("l", lambda items, more: all(_place(items, item) >= 0 for item in more)),),
    "indexOf": (("a", _place),),
    "lastIndexOf": (("a", _last_place),),
    "removeAll": (("l", lambda items, more: _keep(items, more, wanted=False)),),
    "retainAll": (("l", lambda items, more: _keep(items, more, wanted=True)),),
    "toArray": (("", lambda items: list(items)),),
    "remove": (("i", _remove_at), ("a", _remove)),
    "clear": (("", _clear),),
    "subList": (("ii", _sub_list),),
    "equals": (("a", equal),),
    "hashCode": (("", hash_of),),
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


def _put_if_absent(holder: dict[Any, Any], key: Any, value: Any) -> Any:
    before = holder.get(key_of(key))
    return put(holder, key, value) if before is None else before


def _replace_value(holder: dict[Any, Any], key: Any, value: Any) -> Any:
    return put(holder, key, value) if key_of(key) in holder else None


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
    "putIfAbsent": (("aa", _put_if_absent),),
    "replace": (("aa", _replace_value),),
    "hashCode": (("", hash_of),),
    "remove": (("a", lambda holder, key: holder.pop(key_of(key), None)),),
    "clear": (("", _clear),),
    "equals": (("a", equal),),
    "toString": (("", java_text),),
}


# The rest


def _parse_int(_target: Any, text: str) -> int:
    if not text.removeprefix("-").removeprefix("+").isdecimal() or len(text) > 20:
        raise JavaError(f"“{text[:40]}” is no whole number.")
    return int(text)


def _compare(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


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
    "isNaN": (("", lambda number: as_number(number) != as_number(number)),),
    "hashCode": (("", hash_of),),
}

BOOLEANS: Table = {
    "booleanValue": (("", lambda value: value),),
    "parseBoolean": (("s", lambda _value, text: text.lower() == "true"),),
    "compareTo": (("a", lambda value, o: _compare(value, o) if isinstance(o, bool) else None),),
    "hashCode": (("", hash_of),),
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
