"""API Gateway's rules on the paths of a REST API's routes."""

import re
from collections.abc import Iterable

_VARIABLE = re.compile(r"^\{[A-Za-z0-9._-]+\+?\}$")
_LITERAL = re.compile(r"^[A-Za-z0-9._:-]+$")


def check_path(path: str) -> str:
    """``path`` as given if API Gateway takes it as a resource path, else ValueError.

    Source: API Gateway, "CreateResource": a path part holds only a-z A-Z 0-9 . _ - :,
    or is a variable in braces; ``{name+}`` is greedy and must come last.
    """
    if not path.startswith("/"):
        raise ValueError("A path begins with a slash, as in /orders.")
    if path == "/":
        return path
    if path.endswith("/"):
        raise ValueError("A path has no slash at its end.")
    parts = path[1:].split("/")
    names: set[str] = set()
    for position, part in enumerate(parts, start=1):
        if not part:
            raise ValueError("A path has no empty part: two slashes stand side by side.")
        if _VARIABLE.fullmatch(part):
            name = part.strip("{}+")
            if name in names:
                raise ValueError(f"The variable {{{name}}} stands in this path twice.")
            names.add(name)
            if part.endswith("+}") and position != len(parts):
                raise ValueError(f"{part} takes the whole rest of the path, so it must come last.")
        elif part in {".", ".."}:
            raise ValueError(
                f"HTTP clients take a part “{part}” out of a path, so it cannot be called."
            )
        elif not _LITERAL.fullmatch(part):
            message = (
                f"API Gateway does not take “{part}”: a part of a path holds letters, "
                "digits and . _ - : only, or is one variable in braces, as in {id}."
            )
            raise ValueError(message)
    return path


def conflict(method: str, path: str, others: Iterable[tuple[str, str]]) -> str | None:
    """Why ``method path`` cannot stand beside the routes ``others``, or None.

    API Gateway takes one variable name per parent path ("A sibling of this resource
    already has a variable path part") and each method of a path once.
    """
    mine = path.split("/")[1:]
    for other_method, other_path in others:
        if (other_method, other_path) == (method, path):
            return f"{method} {path} is already a route of this REST API."
        for here, there in zip(mine, other_path.split("/")[1:], strict=False):
            if here == there:
                continue
            if here.startswith("{") and there.startswith("{"):
                return (
                    f"{other_method} {other_path} has {there} where this path has {here}: "
                    "API Gateway takes one variable name at each place."
                )
            break
    return None


def path_variables(path: str) -> list[str]:
    """The names of the variables in ``path``, in order; a greedy one without its plus."""
    return [part.strip("{}+") for part in path.split("/") if part.startswith("{")]


def routes(method: str, path: str, *, status_route: bool) -> list[tuple[str, str]]:
    """Method and path of all that a trigger serves, but for preflights."""
    return [(method, path), *([("GET", status_path(path))] if status_route else [])]


def status_path(path: str) -> str:
    """Where the executions of a trigger at ``path`` are read, one by one."""
    return f"{path.rstrip('/')}/executions/{{name}}"
