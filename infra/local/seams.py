"""The places where ministack is extended, and the check that they still exist."""

from importlib.metadata import version
from types import ModuleType
from typing import Any

Response = tuple[int, dict[str, str], bytes]
"""What every handler of ministack answers: status, headers, body."""


class IncompatibleMinistackError(RuntimeError):
    """The installed ministack lacks something that this package extends."""


def original(module: ModuleType | type, name: str) -> Any:
    """What ``module`` (or a class) holds under ``name``; IncompatibleMinistackError if nothing."""
    try:
        return getattr(module, name)
    except AttributeError as error:
        message = (
            f"ministack {version('ministack')} has no {module.__name__}.{name}, which the "
            "embedded AWS extends. Install the version that uv.lock names."
        )
        raise IncompatibleMinistackError(message) from error


def replace(module: ModuleType | type, name: str, extension: Any) -> None:
    """Put ``extension`` where ``module`` holds ``name``."""
    original(module, name)
    setattr(module, name, extension)
