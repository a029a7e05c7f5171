"""What a deployment is asked to build: frozen, validated, JSON in and out.

``ApiSpec.model_validate_json`` reads one, ``model_dump_json`` writes it; both
sides of the synth process and every ``Deployment`` row speak this form.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from infra import checks
from infra.arns import check_certificate_arn, check_user_pool_arn, parse_machine_arn
from infra.misfits import misfits
from infra.resource_policy import Route, named, opened, resource
from infra.routes import check_path, conflict, routes

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"]
MachineType = Literal["STANDARD", "EXPRESS"]
Authorization = Literal["AWS_IAM", "API_KEY", "COGNITO_USER_POOLS", "CUSTOM", "SIGNED", "NONE"]
ContentType = Literal["JSON", "FORM", "TEXT"]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{7}$")]

AUTHORIZERS = 10
"""Authorizers that a REST API has at most (API Gateway quotas)."""
GUARDED = frozenset({"AWS_IAM", "CUSTOM"})
"""Authorizations whose own silence an Allow of the resource policy would make a yes."""
POLICY_CHARACTERS = 8_192
"""Characters that a resource policy has at most (API Gateway quotas)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputField(_Frozen):
    """One row of a field mapping: a key of the input and where its value comes from."""

    name: str = Field(min_length=1, max_length=128)
    source: Literal["BODY", "QUERY", "HEADER", "PATH", "CONTEXT", "CONSTANT"]
    value: str
    """JSON path, parameter name, name in ``checks.CONTEXT``, or the constant as JSON."""
    type: Literal["STRING", "NUMBER", "BOOLEAN", "JSON"] = "STRING"
    required: bool = False
    default: str = ""
    """JSON text, for where nothing or an empty value was sent; "" is null."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        checks.check_source(self.source, self.value)
        if self.type == "JSON" and self.source not in ("BODY", "CONSTANT"):
            raise ValueError(f"{self.name}: only the body and a constant can hold any JSON.")
        if self.default:
            checks.check_default(self.type, self.default)
        return self


class TriggerSpec(_Frozen):
    """One route: method + path → state machine."""

    key: Key
    method: Method
    path: str
    state_machine_arn: str
    machine_type: MachineType = "STANDARD"

    authorization: Authorization = "AWS_IAM"
    user_pool_arns: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """OAuth scopes, of which an access token needs one; none: an ID token is enough."""
    authorizer_arn: str = ""
    """The Lambda function that authorizes calls, where ``authorization`` is CUSTOM."""
    authorizer_type: Literal["TOKEN", "REQUEST"] = "TOKEN"
    authorizer_sources: tuple[str, ...] = ("header.Authorization",)
    """Where a caller's identity stands: ``header.NAME`` or ``query.NAME``; TOKEN: one header."""
    authorizer_ttl: int = Field(default=300, ge=0, le=3_600)
    """Seconds that an authorizer's answer is kept."""
    webhook_preset: Literal["STRIPE", "GITHUB", "SLACK", "HMAC"] = "HMAC"
    webhook_header: str = "X-Signature"
    webhook_algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    webhook_encoding: Literal["hex", "base64"] = "hex"
    webhook_prefix: str = ""
    """What stands before the signature in its header, such as ``sha256=``."""
    webhook_timestamp_header: str = ""
    webhook_tolerance: int = Field(default=300, ge=1, le=86_400)
    """Seconds that a signed timestamp may differ from now."""
    webhook_filter_source: Literal["", "HEADER", "BODY"] = ""
    webhook_filter: str = ""
    webhook_events: tuple[str, ...] = ()
    """The values of the filter that start an execution."""
    throttle_rate: float = Field(default=10, gt=0, le=10_000)
    """Requests a second."""
    throttle_burst: int = Field(default=20, ge=1, le=5_000)
    """Requests at once."""
    cors_origins: tuple[str, ...] = ()

    input_mode: Literal["BODY", "FIXED", "REQUEST", "FIELDS", "VTL"]
    input_template: str = ""
    """FIXED: the JSON that every execution gets. VTL: the whole mapping template."""
    input_headers: tuple[str, ...] = ()
    """The headers that go into the input where ``input_mode`` is REQUEST."""
    input_claims: tuple[str, ...] = ()
    """Names of authorizer values, and of claims as ``claims.NAME``, for REQUEST."""
    input_fields: tuple[InputField, ...] = ()
    content_types: tuple[ContentType, ...] = ("JSON",)
    body_schema: str = ""
    """JSON Schema, draft 4; "" checks nothing."""
    required_parameters: tuple[str, ...] = ()
    """``header.NAME`` and ``query.NAME``."""
    idempotency_source: Literal["", "HEADER", "BODY"] = ""
    idempotency_key: str = ""
    """The header, or the JSON path into the body, that names the execution."""
    on_repeat: Literal["FIRST", "CONFLICT"] = "FIRST"

    action: Literal["StartExecution", "StartSyncExecution"] = "StartExecution"
    response_mode: Literal["EXECUTION", "OUTPUT", "FIXED", "EMPTY", "TEMPLATE"] = "EXECUTION"
    response_status: int = Field(default=202, ge=200, le=299)
    response_body: str = ""
    """FIXED: the JSON that a caller gets. TEMPLATE: the response mapping template."""
    response_path: str = ""
    """JSON path of the one value of the output that is answered; "" answers all of it."""
    response_type: Literal["STRING", "NUMBER", "BOOLEAN"] = "STRING"
    response_headers: tuple[tuple[str, str], ...] = ()
    error_statuses: tuple[tuple[str, int], ...] = ()
    """Error name of a failed workflow → HTTP status, for StartSyncExecution."""
    error_default: int = Field(default=502, ge=400, le=599)
    status_route: bool = False
    """Whether ``GET <path>/executions/{name}`` tells how an execution stands."""

    _path = field_validator("path")(check_path)
    _pools = field_validator("user_pool_arns")(checks.each(check_user_pool_arn))
    _scopes = field_validator("scopes")(checks.each(checks.check_scope))
    _sources = field_validator("authorizer_sources", "required_parameters")(
        checks.each(checks.check_parameter)
    )
    _headers = field_validator("input_headers")(checks.each(checks.check_header))
    _claims = field_validator("input_claims")(checks.each(checks.check_claim))
    _origins = field_validator("cors_origins")(checks.check_origins)
    _pairs = field_validator("response_headers")(checks.check_response_headers)
    _statuses = field_validator("error_statuses")(checks.check_error_statuses)

    @field_validator("state_machine_arn")
    @classmethod
    def _arn(cls, value: str) -> str:
        parse_machine_arn(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for _, reason in misfits(self):
            raise ValueError(reason)
        return self

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of all that it serves, but for preflights."""
        return routes(self.method, self.path, status_route=self.status_route)


def reasons(error: ValidationError) -> list[tuple[str, str]]:
    """Field ("" for the whole) and words of each thing that a specification is refused for."""
    found = []
    for each in error.errors():
        field, *place = each["loc"] or ("",)
        words = each["msg"].removeprefix("Value error, ")
        if place and isinstance(place[0], int):
            where = f"Row {place[0] + 1}" + (f", {place[1]}" if len(place) > 1 else "")
            words = f"{where}: {words}"
        found.append((str(field), words))
    return found


class ApiSpec(_Frozen):
    """One REST API: one stack, one stage, at least one route."""

    instance: str
    key: Key
    account: str = Field(pattern=r"^\d{12}$")
    region: str
    stage_name: str = Field(default="prod", pattern=r"^[A-Za-z0-9_-]{1,128}$")
    tracing: bool = False
    """X-Ray."""
    tags: tuple[tuple[str, str], ...] = ()
    cors_origin: str = ""
    """The one origin that the gateway's own errors let read them."""
    allowed_addresses: tuple[str, ...] = ()
    """CIDR blocks; none: everybody."""
    usage_rate: float = Field(default=10, gt=0, le=10_000)
    usage_burst: int = Field(default=20, ge=1, le=5_000)
    usage_quota: int = Field(default=0, ge=0)
    """Requests of one API key in a ``usage_period``; 0: as many as it likes."""
    usage_period: Literal["DAY", "WEEK", "MONTH"] = "DAY"
    domain_name: str = ""
    base_path: str = ""
    """Where on ``domain_name`` it answers; "" is the domain's root."""
    triggers: tuple[TriggerSpec, ...] = Field(min_length=1)

    _tags = field_validator("tags")(checks.check_tags)
    _origin = field_validator("cors_origin")(checks.unless_empty(checks.check_origin))
    _base = field_validator("base_path")(checks.unless_empty(checks.check_base_path))
    _blocks = field_validator("allowed_addresses")(checks.each(checks.check_address_block))

    @model_validator(mode="after")
    def _routes(self) -> Self:
        taken: list[tuple[str, str]] = []
        for trigger in self.triggers:
            for method, path in trigger.routes():
                if reason := conflict(method, path, taken):
                    raise ValueError(reason)
                taken.append((method, path))
        return self

    @model_validator(mode="after")
    def _limits(self) -> Self:
        used = {authorizer(trigger) for trigger in self.triggers} - {()}
        if len(used) > AUTHORIZERS:
            raise ValueError(
                f"A REST API has {AUTHORIZERS} authorizers at most; its routes need {len(used)}."
            )
        origins: dict[str, tuple[str, ...]] = {}
        answered = [(t, path) for t in self.triggers if t.cors_origins for _, path in t.routes()]
        for trigger, path in answered:
            if origins.setdefault(path, trigger.cors_origins) != trigger.cors_origins:
                raise ValueError(
                    f"The triggers of {path} share one preflight answer: give them the "
                    "same CORS origins."
                )
        if (size := self._policy_size()) > POLICY_CHARACTERS:
            raise ValueError(
                f"The resource policy for {len(self.allowed_addresses)} address blocks and "
                f"{len(self.triggers)} routes has {size:,} characters; API Gateway takes "
                f"{POLICY_CHARACTERS:,}. Join blocks, or move routes to another REST API."
            )
        if self.allowed_addresses and (found := opened(*self._public_and_guarded())):
            (method, path), (other_method, other_path) = found
            raise ValueError(
                f"{other_method} {other_path} would lose its authorization: the resource "
                f"policy lets everybody at {method} {path} in, and its * covers that route too. "
                "Give both the same one, or move one of them to another REST API."
            )
        return self

    def _policy_size(self) -> int:
        """Characters of the policy as API Gateway keeps it: with every resource's whole ARN."""
        text = json.dumps(self.resource_policy())
        whole = f"arn:aws:execute-api:{self.region}:{self.account}:abcdefghij/"
        return len(text.replace("execute-api:/", whole))

    def _public_and_guarded(self) -> tuple[list[Route], list[Route]]:
        """The routes that an Allow has to open, preflights too, and those it must not."""
        served = [(t.authorization, route) for t in self.triggers for route in t.routes()]
        asked = {p for t in self.triggers if t.cors_origins for _, p in t.routes()}
        return (
            [
                *(route for who, route in served if who not in GUARDED),
                *(("OPTIONS", path) for path in sorted(asked)),
            ],
            [route for who, route in served if who in GUARDED],
        )

    def resource_policy(self) -> dict[str, object] | None:
        """Who may not call, by address; None where everybody may.

        A Deny with NotIpAddress over every route, whatever way it is written (``/orders/``
        reaches ``/orders``), and an Allow only for those without IAM and without a Lambda
        authorizer: at these two an Allow alone would let in whom neither the identity's policy
        nor the authorizer's names (API Gateway developer guide, "How API Gateway resource
        policies affect authorization workflow", table A).
        """
        if not self.allowed_addresses:
            return None
        public, guarded = self._public_and_guarded()
        addresses = {"aws:SourceIp": list(self.allowed_addresses)}
        statements: list[dict[str, object]] = [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/*",
                "Condition": {"NotIpAddress": addresses},
            }
        ]
        if let_in := named(public, guarded):
            statements.append(
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "execute-api:Invoke",
                    "Resource": self._resources(let_in),
                }
            )
        return {"Version": "2012-10-17", "Statement": statements}

    def _resources(self, routes: list[Route]) -> list[str]:
        return sorted(f"execute-api:/{self.stage_name}/{resource(*route)}" for route in routes)

    @property
    def stack_name(self) -> str:
        return f"stepgate-{self.instance}-{self.key}"

    def secret_name(self, trigger: TriggerSpec) -> str:
        """Where in Secrets Manager the secret of a signed webhook lies."""
        return f"stepgate/{self.instance}/{trigger.key}"

    def canonical_json(self) -> str:
        """The same text for the same spec, whatever the order it was made in."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        data["triggers"].sort(key=lambda trigger: trigger["key"])
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    def sha256(self) -> str:
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def authorizer(trigger: TriggerSpec) -> tuple[object, ...]:
    """What tells the authorizer of ``trigger`` from another one; () where it needs none."""
    if trigger.authorization == "COGNITO_USER_POOLS":
        return ("COGNITO_USER_POOLS", *sorted(trigger.user_pool_arns))
    if trigger.authorization == "CUSTOM":
        return (
            trigger.authorizer_type,
            trigger.authorizer_arn,
            trigger.authorizer_ttl,
            *trigger.authorizer_sources,
        )
    return ()


class DomainSpec(_Frozen):
    """One custom domain name: one stack. REST APIs map base paths on it."""

    instance: str
    key: Key
    account: str = Field(pattern=r"^\d{12}$")
    region: str
    domain_name: str
    certificate_arn: str

    _certificate = field_validator("certificate_arn")(check_certificate_arn)
    _name = field_validator("domain_name")(checks.check_domain_name)

    @property
    def stack_name(self) -> str:
        return f"stepgate-{self.instance}-{self.key}"
