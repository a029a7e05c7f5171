"""What goes wrong in a template, and where."""


class VelocityError(ValueError):
    """A template that cannot be read, or that fails while it runs.

    ``message`` is a sentence for the person who wrote the template; ``line`` and
    ``column`` count from 1. ``str()`` is ``line L, column C: message``.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class JavaError(Exception):
    """A call that Java would answer with an exception; it does not know its place yet."""


def error_at(source: str, offset: int, message: str) -> VelocityError:
    """The error that names the place of ``offset`` (characters from 0) in ``source``."""
    before = source[:offset].replace("\r\n", "\n").replace("\r", "\n")
    start = before.rfind("\n") + 1
    return VelocityError(message, before.count("\n") + 1, len(before) - start + 1)
