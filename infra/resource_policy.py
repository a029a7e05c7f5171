"""What an Allow of a resource policy opens, and what it opens besides.

A ``*`` in a policy takes slashes too (IAM user guide, "IAM JSON policy elements: Resource"):
the Allow for GET /orders/{id} covers GET /orders/export and GET /orders/1/items. Where one of
these wants IAM, it would let any principal of the account in.
"""

from collections.abc import Iterable

Route = tuple[str, str]
"""Method and path."""
_PART = "?"
"""One part of a path, whatever it is; no method or path holds a question mark."""
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""What ANY stands for (API Gateway developer guide, "Set up REST API methods")."""


def resource(method: str, path: str) -> str:
    """A route as a policy names it, from its method on; variables and ANY are ``*``."""
    parts = "/".join("*" if part.startswith("{") else part for part in path.split("/"))
    return f"{'*' if method == 'ANY' else method}{parts}"


def named(public: Iterable[Route], guarded: Iterable[Route]) -> list[Route]:
    """``public`` with ANY written out, but for the methods that ``guarded`` has at that path.

    A ``*`` in the method's place would cover every path with the same end.
    """
    own = set(guarded)
    return sorted(
        {
            (verb, path)
            for method, path in public
            for verb in (METHODS if method == "ANY" else (method,))
            if (verb, path) not in own
        }
    )


def opened(public: Iterable[Route], guarded: Iterable[Route]) -> tuple[Route, Route] | None:
    """The first route of ``public``, as ``named``, whose Allow opens one of ``guarded``."""
    guarded = list(guarded)
    for one in named(public, guarded):
        for other in guarded:
            if _opens(one, other):
                return one, other
    return None


def _opens(public: Route, guarded: Route) -> bool:
    pattern = resource(*public)
    if "*" not in pattern or not _meet(pattern, _calls(*guarded)):
        return False
    mine, theirs = public[1].split("/"), guarded[1].split("/")
    if len(mine) != len(theirs) or theirs[-1].endswith("+}"):
        return True
    # A call that both could take goes to the path with the earlier literal part, and within one
    # path to the named method before ANY.
    for here, there in zip(mine, theirs, strict=True):
        if here != there:
            return here.startswith("{")
    return False


def _calls(method: str, path: str) -> str:
    """What a route can be called by: a variable is one part of a path, a greedy one is all."""
    parts = "/".join(
        ("*" if part.endswith("+}") else _PART) if part.startswith("{") else part
        for part in path.split("/")
    )
    return f"{_PART if method == 'ANY' else method}{parts}"


def _meet(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        at, there = waiting.pop()
        left, right = one[at : at + 1], other[there : there + 1]
        if not left and not right:
            return True
        steps = set()
        if left and (left in ("*", _PART) or _takes(right, left)):
            steps.add((at + 1, there))
        if right and (right in ("*", _PART) or _takes(left, right)):
            steps.add((at, there + 1))
        if left == right:
            steps.add((at + 1, there + 1))
        waiting += steps - reached
        reached |= steps
    return False


def _takes(wild: str, letter: str) -> bool:
    return wild == "*" or (wild == _PART and letter != "/")
