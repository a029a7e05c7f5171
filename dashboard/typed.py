"""What a person has typed so far, as the preview can try it: a specification and a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError

from infra import mapping, samples
from infra.misfits import misfits
from infra.samples import Sample
from infra.spec import TriggerSpec

_FALLBACKS: dict[str, Any] = {
    "key": "trigger0",
    "method": "POST",
    "path": "/",
    "state_machine_arn": "",
    "input_mode": "BODY",
}
KINDS = {media: kind for kind, media in mapping.MEDIA_TYPES.items()}
"""Media type → content type as specifications call it."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, and where: ``line`` and ``column`` count from 1, 0 is unknown."""

    place: str
    text: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        at = f", line {self.line}, column {self.column}" if self.line else ""
        return f"{self.place}{at}: {self.text}"


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    kind: Any = TriggerSpec.model_fields[name].annotation
    return TypeAdapter(kind)


def readable(typed: TriggerSpec) -> tuple[TriggerSpec, tuple[Problem, ...]]:
    """``typed`` with every value of the type that the templates read, and what was wrong."""
    values: dict[str, Any] = {}
    problems = []
    for name, info in TriggerSpec.model_fields.items():
        value = getattr(typed, name, None)
        try:
            values[name] = _adapter(name).validate_python(value)
        except ValidationError as error:
            values[name] = _FALLBACKS[name] if info.is_required() else info.get_default()
            if value not in (None, "", [], ()):
                first = error.errors()[0]
                problems.append(Problem(_word(name), first["msg"].removeprefix("Value error, ")))
        except UnicodeEncodeError:
            values[name] = _FALLBACKS[name] if info.is_required() else info.get_default()
            problems.append(Problem(_word(name), "This holds half of a character."))
    spec = TriggerSpec.model_construct(**values)
    for name, reason in misfits(spec):
        if value := getattr(spec, name):
            problems.append(_problem(name, str(value), reason))
    return spec, tuple(problems)


def _word(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _problem(name: str, value: str, reason: str) -> Problem:
    """With line and column, where it is about a JSON document."""
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        if str(error) == reason:
            return Problem(_word(name), f"{error.msg}.", error.lineno, error.colno)
    except (ValueError, RecursionError):
        pass
    return Problem(_word(name), reason)


def given(posted: Mapping[str, str]) -> dict[str, str]:
    """The fields of the sample request that a person has typed something into."""
    return {n: v for n, v in posted.items() if n.startswith("sample_") and v.strip()}


def sample_request(
    spec: TriggerSpec, posted: Mapping[str, str]
) -> tuple[Sample, tuple[Problem, ...]]:
    """The request that fits ``spec``, with what a person typed of it."""
    typed, problems = given(posted), []
    media = typed.get("sample_content_type", "").partition(";")[0].strip().lower()
    kind = KINDS.get(media)
    fitting = samples.sample(spec)
    if kind and kind in spec.content_types and spec.authorization != "SIGNED":
        fitting = samples.sample(spec.model_copy(update={"content_types": (kind,)}))
    headers = fitting.headers
    if "sample_headers" in typed:
        headers = ()
        for number, line in enumerate(typed["sample_headers"].splitlines(), start=1):
            name, colon, value = line.partition(":")
            if colon and name.strip():
                headers += ((name.strip(), value.strip()),)
            elif line.strip():
                problems.append(Problem("Sample headers", "This is not “Name: value”.", number, 1))
    query = fitting.query
    if "sample_query" in typed:
        query = tuple(parse_qsl(typed["sample_query"].lstrip("?"), keep_blank_values=True))
    return (
        Sample(
            fitting.method,
            {n: typed.get(f"sample_path_{n}", v) for n, v in fitting.path.items()},
            query,
            headers,
            media or fitting.content_type,
            typed.get("sample_body", fitting.body),
        ),
        tuple(problems),
    )
