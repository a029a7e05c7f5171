"""What a deployment is asked to build: frozen, validated, JSON in and out.

``ApiSpec.model_validate_json`` reads one, ``model_dump_json`` writes it; both
sides of the synth process and every ``Deployment`` row speak this form.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"]
MachineType = Literal["STANDARD", "EXPRESS"]

INPUT_BYTES = 262_144
"""What StartExecution takes as input at most (Step Functions service quotas)."""

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{7}$")]

_ARN = re.compile(
    r"^arn:(aws[a-z-]*):states:([a-z0-9-]+):([0-9]{12}):stateMachine:([A-Za-z0-9_-]{1,80})$"
)
_VARIABLE = re.compile(r"^\{[A-Za-z0-9._-]+\+?\}$")
_LITERAL = re.compile(r"^[A-Za-z0-9._:-]+$")


class MachineArn(NamedTuple):
    """The parts of a state machine ARN."""

    partition: str
    region: str
    account: str
    name: str


def parse_machine_arn(arn: str) -> MachineArn:
    """The parts of an unqualified state machine ARN; ValueError says what is wrong."""
    match = _ARN.fullmatch(arn)
    if match is None:
        message = (
            "This is not the ARN of a state machine. It looks like "
            "arn:aws:states:REGION:ACCOUNT:stateMachine:NAME, without a version or alias."
        )
        raise ValueError(message)
    return MachineArn(*match.groups())


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


def check_json(text: str) -> None:
    """Raises ValueError where ``text`` is no JSON document, with line and column.

    Strict as Step Functions is: NaN and Infinity are no JSON.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON.")

    try:
        json.loads(text, parse_int=str, parse_constant=refuse)
    except RecursionError:
        raise ValueError("This is nested too deeply to be read.") from None


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TriggerSpec(_Frozen):
    """One route: method + path → state machine."""

    key: Key
    method: Method
    path: str
    state_machine_arn: str
    machine_type: MachineType = "STANDARD"
    input_mode: Literal["BODY", "FIXED"]
    input_template: str = ""
    """JSON text; what every execution gets where ``input_mode`` is FIXED."""
    response_mode: Literal["EXECUTION", "FIXED", "EMPTY"] = "EXECUTION"
    response_status: int = Field(default=202, ge=200, le=299)
    response_body: str = ""
    """JSON text; what a caller gets where ``response_mode`` is FIXED."""
    throttle_rate: float = Field(default=10, gt=0, le=10_000)
    """Requests a second."""
    throttle_burst: int = Field(default=20, ge=1, le=5_000)
    """Requests at once."""

    _path = field_validator("path")(check_path)

    @field_validator("state_machine_arn")
    @classmethod
    def _arn(cls, value: str) -> str:
        parse_machine_arn(value)
        return value

    @model_validator(mode="after")
    def _texts(self) -> Self:
        if self.input_mode == "FIXED":
            check_json(self.input_template)
        if self.response_mode == "FIXED":
            check_json(self.response_body)
        return self


class ApiSpec(_Frozen):
    """One REST API: one stack, one stage, at least one route."""

    instance: str
    key: Key
    account: str = Field(pattern=r"^\d{12}$")
    region: str
    stage_name: str = "prod"
    triggers: tuple[TriggerSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _routes(self) -> Self:
        routes: list[tuple[str, str]] = []
        for trigger in self.triggers:
            if reason := conflict(trigger.method, trigger.path, routes):
                raise ValueError(reason)
            routes.append((trigger.method, trigger.path))
        return self

    @property
    def stack_name(self) -> str:
        return f"stepgate-{self.instance}-{self.key}"

    def canonical_json(self) -> str:
        """The same text for the same spec, whatever the order it was made in."""
        data = self.model_dump(mode="json")
        data["triggers"].sort(key=lambda trigger: trigger["key"])
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    def sha256(self) -> str:
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()
