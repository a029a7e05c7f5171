import argparse
import io
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from infra.velocity import Request, VelocityError, render

SECONDS = 20
"""How long a preview may take; only a regular expression could take longer."""
STAGE = "prod"
SAMPLE_CONTEXT: dict[str, str] = {
    "accountId": "123456789012",
    "apiId": "a1b2c3d4e5",
    "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    "domainPrefix": "a1b2c3d4e5",
    "extendedRequestId": "JKJaXmPLvHcESHA=",
    "httpMethod": "POST",
    "identity.sourceIp": "192.0.2.1",
    "identity.userAgent": "curl/8.5.0",
    "protocol": "HTTP/1.1",
    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "requestTime": "09/Apr/2026:12:34:56 +0000",
    "requestTimeEpoch": "1775738096000",
    "resourceId": "abc123",
    "stage": STAGE,
}
"""``$context`` of a sample call: the same at each run, so that previews can be compared."""


class Command(BaseCommand):
    """Renders a mapping template. Reads files only: no database, no broker, no network."""

    help = (
        "Print what a mapping template becomes for a request, as API Gateway renders it: "
        "the rendered text, and only that. The request is made of the options."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("template", metavar="TEMPLATE_FILE", help="the template, in UTF-8")
        parser.add_argument(
            "--body",
            metavar="FILE",
            help="the request's body, sent as it is; without one the body is empty",
        )
        parser.add_argument("--content-type", metavar="T", help="the request's Content-Type header")
        for option, what in (
            ("--query", "a parameter of the query string"),
            ("--header", "a header of the request"),
            ("--path", "a parameter of the path"),
            ("--stage-variable", "a stage variable"),
            ("--context", "a value of $context, such as authorizer.claims.sub=u1"),
        ):
            parser.add_argument(
                option,
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help=f"{what}; may be repeated",
            )

    def run_from_argv(self, argv: list[str]) -> None:
        """As Django's, but every error is one line, and output is UTF-8 in any locale."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        parser = self.create_parser(argv[0], argv[1])
        parser.called_from_command_line = False  # Errors are raised, not printed with the usage.
        try:
            options = vars(parser.parse_args(argv[2:]))
            with _limited():
                self.execute(*options.pop("args", ()), **options)
        except (CommandError, argparse.ArgumentError) as error:
            sys.stderr.write(f"{' '.join(str(error).split())}\n")
            sys.exit(1)

    def handle(self, *args: Any, **options: Any) -> None:
        # A byte order mark says how the file is written; it is no part of the template.
        template = _text_of(options["template"]).removeprefix("\ufeff")
        try:
            rendered = render(template, request_of(options))
        except VelocityError as error:
            raise CommandError(f"{options['template']}: {error}") from error
        self.stdout.write(rendered.text, ending="")


@contextmanager
def _limited() -> Iterator[None]:
    """CommandError once ``SECONDS`` have passed, where the system has an alarm clock."""

    def too_long(_signal: int, _frame: object) -> None:
        raise CommandError(f"The template takes more than {SECONDS} seconds.")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def request_of(options: dict[str, Any]) -> Request:
    """The request that the options describe; CommandError for one that cannot be read."""
    path = _pairs("--path", options["path"])
    headers = _pairs("--header", options["header"])
    content_type = options["content_type"]
    if content_type is not None and not any(name.lower() == "content-type" for name in headers):
        headers = {"Content-Type": content_type, **headers}
    return Request(
        body=_text_of(options["body"]) if options["body"] is not None else "",
        path=path,
        query=_pairs("--query", options["query"]),
        headers=headers,
        context=_context(path, headers, _pairs("--context", options["context"])),
        stage_variables=_pairs("--stage-variable", options["stage_variable"]),
    )


def _text_of(name: str) -> str:
    """The text of a file, every line end as it stands there."""
    try:
        return Path(name).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 text: byte {error.start} is wrong.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise CommandError(f"{name} cannot be read: {reason or error}.") from error


def _pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` texts; of one name given twice the last counts, as in API Gateway."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise CommandError(f"{option} {text}: write it as NAME=VALUE.")
        pairs[name] = value
    return pairs


def _context(
    path: dict[str, str], headers: dict[str, str], given: dict[str, str]
) -> dict[str, Any]:
    """``$context``: sample values, what the request says, and what is given, in that order."""
    values = SAMPLE_CONTEXT | {
        "path": "/".join(["", STAGE, *path.values()]),
        "resourcePath": "/" + "/".join(f"{{{name}}}" for name in path),
    }
    for name, value in headers.items():
        if name.lower() == "user-agent":
            values["identity.userAgent"] = value
    context: dict[str, Any] = {}
    for name, value in (values | given).items():
        *parents, last = name.split(".")
        holder = context
        for parent in parents:
            holder = holder.setdefault(parent, {})
            if not isinstance(holder, dict):
                raise CommandError(f"--context {name}: {parent} is a text and holds no values.")
        if isinstance(holder.get(last), dict):
            raise CommandError(f"--context {name}: {last} holds values and cannot be a text.")
        holder[last] = value
    return context
