"""JSONPath as Jayway reads it, as far as mapping templates use it."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from infra.velocity.errors import JavaError
from infra.velocity.values import MAX_ITEMS, JsonArray, Number, as_number, is_number

MISSING: Final = object()
"""What a path answers that leads nowhere."""

_INTEGER_DIGITS: Final = 1_000
_DOUBLE_CHARACTERS: Final = 18

_STEP = re.compile(
    r"(?P<deep>\.\.)?(?:\.?(?P<star>\*)|\.?(?P<call>length|size)\(\)"
    r"|\.?(?P<name>[^\s.\[\]()*'\"?@,:]+)|\.?\[(?P<open>))"
)
_BRACKET = re.compile(
    r"\s*(?:(?P<star>\*)\s*\]"
    r"|\?\s*\((?P<filter>(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"\]])*)\)\s*\]"
    r"|(?P<names>'(?:[^'\\]|\\.)*'(?:\s*,\s*'(?:[^'\\]|\\.)*')*"
    r"|\"(?:[^\"\\]|\\.)*\"(?:\s*,\s*\"(?:[^\"\\]|\\.)*\")*)\s*\]"
    r"|(?P<slice>-?\d*\s*:\s*-?\d*)\s*\]"
    r"|(?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)\s*\])"
)
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_TERM = re.compile(
    r"\s*(?P<not>!)?\s*@(?P<path>(?:\.[A-Za-z0-9_-]+|\[(?:'[^']*'|\"[^\"]*\"|-?\d+)\])*)"
    r"\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+(?:\.\d+)?|true|false|null))?\s*"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``one`` says that it leads to one value at most."""

    walk: Callable[[Any], Iterator[Any]]
    deep: bool
    one: bool


def _integer(text: str) -> int | Number:
    # What Python would refuse to print keeps its digits as text.
    return Number(text) if len(text) > _INTEGER_DIGITS else int(text)


def _fraction(text: str) -> float | Number:
    """A Double, or what json-smart keeps as a BigDecimal: more than 18 characters."""
    return Number(text) if len(text) > _DOUBLE_CHARACTERS else float(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _arrays(value: Any) -> Any:
    """``value`` with its lists made ``JsonArray``, in place where it can."""
    waiting: list[Any] = [value] if isinstance(value, dict) else []
    root = value
    if isinstance(value, list):
        root = JsonArray(value)
        waiting.append(root)
    while waiting:
        holder = waiting.pop()
        pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, item in list(pairs) if isinstance(holder, dict) else pairs:
            if isinstance(item, list):
                holder[key] = JsonArray(item)
                waiting.append(holder[key])
            elif isinstance(item, dict):
                waiting.append(item)
    return root


def loads(text: str) -> Any:
    """The value of the JSON ``text``; ValueError if it is no JSON."""
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
        )
    except RecursionError as error:
        raise JavaError("This JSON is nested too deep.") from error
    return _arrays(value)


def find(path: str, document: Any) -> Any:
    """What ``path`` leads to in ``document``, or MISSING.

    A path that may lead to several values (``*``, ``..``, a filter, a slice) answers
    a list of them, maybe an empty one. JavaError for an illegal path.
    """
    steps = compiled(path)
    values = [document]
    for step in steps:
        found: list[Any] = []
        for value in values:
            for place in _descend(value) if step.deep else (value,):
                found.extend(step.walk(place))
            if len(found) > MAX_ITEMS:
                raise JavaError(f"{path} leads to more than {MAX_ITEMS:,} values.")
        values = found
    if all(step.one and not step.deep for step in steps):
        return values[0] if values else MISSING
    return JsonArray(values)


@lru_cache(maxsize=256)
def compiled(path: str) -> tuple[Step, ...]:
    """The steps of ``path``; JavaError if it cannot be read. ``$.`` may be left out."""
    path = path.strip()
    if not path:
        raise JavaError("A JSON path cannot be empty.")
    text = path if path.startswith("$") else f"$.{path}"
    steps: list[Step] = []
    place = 1
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            raise JavaError(f"The JSON path {path} cannot be read from “{text[place:]}” on.")
        deep = found["deep"] is not None
        place = found.end()
        if found["star"]:
            steps.append(Step(_everything, deep, one=False))
        elif found["call"]:
            steps.append(Step(_length, deep, one=True))
        elif found["name"] is not None:
            steps.append(Step(_names((found["name"],)), deep, one=True))
        else:
            step, place = _bracket(text, place, deep=deep)
            steps.append(step)
    return tuple(steps)


def _bracket(text: str, place: int, *, deep: bool) -> tuple[Step, int]:
    found = _BRACKET.match(text, place)
    if found is None:
        raise JavaError(f"The JSON path {text} cannot be read from “[{text[place:]}” on.")
    if found["star"]:
        step = Step(_everything, deep, one=False)
    elif found["filter"] is not None:
        step = Step(_filter(found["filter"], text), deep, one=False)
    elif found["names"]:
        names = tuple(_unquote(match) for match in _QUOTED.finditer(found["names"]))
        step = Step(_names(names), deep, one=True)
    elif found["slice"]:
        first, _, last = (part.strip() for part in found["slice"].partition(":"))
        bounds = slice(int(first) if first else None, int(last) if last else None)
        step = Step(_slice(bounds), deep, one=False)
    else:
        indexes = tuple(int(part) for part in found["indexes"].split(","))
        step = Step(_indexes(indexes), deep, one=len(indexes) == 1)
    return step, found.end()


def _unquote(found: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", found[1] if found[1] is not None else found[2])


def _descend(value: Any) -> Iterator[Any]:
    """``value`` and all maps and lists in it, in the order they stand in the text."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, (dict, list)):
            yield holder
            waiting.extend(reversed(list(_everything(holder))))


def _everything(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _length(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        yield len(value)


def _names(names: tuple[str, ...]) -> Callable[[Any], Iterator[Any]]:
    def walk(value: Any) -> Iterator[Any]:
        if not isinstance(value, dict):
            return
        if len(names) == 1:
            if names[0] in value:
                yield value[names[0]]
        else:
            yield {name: value[name] for name in names if name in value}

    return walk


def _slice(bounds: slice) -> Callable[[Any], Iterator[Any]]:
    def walk(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[bounds]

    return walk


def _indexes(indexes: tuple[int, ...]) -> Callable[[Any], Iterator[Any]]:
    def walk(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for index in indexes:
                if -len(value) <= index < len(value):
                    yield value[index]

    return walk


def _filter(text: str, path: str) -> Callable[[Any], Iterator[Any]]:
    """``@.a == 'x'``, also several with && and || between them; && binds closer."""
    choices: list[list[Callable[[Any], bool]]] = [[]]
    place = 0
    while True:
        found = _TERM.match(text, place)
        if found is None:
            raise JavaError(f"The filter ({text}) of the JSON path {path} cannot be read.")
        choices[-1].append(_test(found))
        place = found.end()
        if place == len(text):
            break
        joint = text[place : place + 2]
        if joint not in ("&&", "||"):
            raise JavaError(f"The filter ({text}) of the JSON path {path} cannot be read.")
        place += 2
        if joint == "||":
            choices.append([])

    def walk(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else (value,):
            if any(all(test(item) for test in tests) for tests in choices):
                yield item

    return walk


def _test(found: re.Match[str]) -> Callable[[Any], bool]:
    steps = compiled("$" + found["path"])
    operator, literal = found["operator"], found["value"]
    negated = found["not"] is not None
    wanted = None
    if operator:
        quoted = _QUOTED.fullmatch(literal)
        wanted = _unquote(quoted) if quoted else loads(literal)

    def test(item: Any) -> bool:
        values = [item]
        for step in steps:
            values = [inner for value in values for inner in step.walk(value)]
        if operator is None:
            return bool(values) != negated
        return bool(values) and _compare(operator, values[0], wanted) != negated

    return test


def _compare(operator: str, left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        left, right = as_number(left), as_number(right)
    elif type(left) is not type(right):
        return operator == "!="
    if operator in ("==", "!="):
        return bool(left == right) == (operator == "==")
    if isinstance(left, bool) or not isinstance(left, (int, float, str)):
        return False
    below, same = bool(left < right), bool(left == right)
    return {"<": below, "<=": below or same, ">": not below and not same, ">=": not below}[operator]
