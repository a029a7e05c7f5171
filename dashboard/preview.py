"""What a sample request becomes: the call of Step Functions, or why there is none, and the answer.

The real mapping templates run here, on what is typed so far. Nothing typed raises.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from dashboard.models import Environment, RestApi
from dashboard.sample_context import SAMPLE_ID, header_of, sample_context
from dashboard.typed import KINDS, Problem, readable, sample_request
from infra import mapping, samples, schemas, started
from infra.arns import parse_machine_arn
from infra.checks import INPUT_BYTES
from infra.samples import Sample
from infra.spec import TriggerSpec
from infra.velocity import Rendered, Request, VelocityError, render

SHOWN = 20_000
"""Characters of a long text that are shown."""
_KEPT_ID = "JKJaXmPLvHcESHA"
_STARTED = 1767225600.123


@dataclass(frozen=True)
class Answer:
    """One answer that a caller gets, and to what."""

    to: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True)
class Preview:
    """``call`` is empty where no execution starts; ``refused`` says why."""

    spec: TriggerSpec
    sample: Sample
    action: str
    machine_arn: str
    name: str = ""
    call: str = ""
    input: str = ""
    size: int = 0
    refused: str = ""
    answers: tuple[Answer, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    route: str = ""
    """Method, path and query of the sample, as they were tried."""
    headers: tuple[tuple[str, str], ...] = ()
    """The sample's headers, as the templates saw them."""

    @property
    def size_text(self) -> str:
        """The input's size in bytes, as a person says it."""
        return f"{self.size} B" if self.size < 1024 else f"{self.size / 1024:.1f} KiB"

    @property
    def shown_input(self) -> str:
        return self.input[:SHOWN]


def preview(
    typed: TriggerSpec,
    environment: Environment | None,
    sample: Mapping[str, str],
    rest_api: object = None,
) -> Preview:
    """What the request in ``sample`` (the form's ``sample_…`` fields) becomes.

    Where a field is absent or blank, it is what fits the trigger. ``rest_api`` is the primary
    key that the form has; anything else is a REST API that is still to be made.
    """
    spec, problems = readable(typed)
    try:
        fitting, more = sample_request(spec, sample)
        run = _Run(spec, environment, fitting, stage=_stage(rest_api))
        found = run.preview()
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        problem = Problem("Preview", f"This cannot be tried yet: {error}")
        empty = Sample(samples.called_method(spec.method), {})
        return Preview(spec, empty, spec.action, "", problems=(*problems, problem))
    return replace(found, problems=(*problems, *more, *found.problems, *run.problems))


def _stage(rest_api: object) -> str:
    pk = str(rest_api or "")
    known = pk.isascii() and pk.isdecimal() and len(pk) < 10
    chosen = RestApi.objects.filter(pk=pk).first() if known else None
    return (chosen or RestApi()).stage_name


class _Run:
    """One sample request on its way through API Gateway."""

    def __init__(
        self, spec: TriggerSpec, environment: Environment | None, sample: Sample, *, stage: str
    ) -> None:
        self.spec = spec
        self.sample = sample
        self.account = environment.account_id if environment else "000000000000"
        self.region = environment.region if environment else "us-east-1"
        self.problems: list[Problem] = []
        self.headers = dict(sample.headers)
        if not header_of(self.headers, "content-type"):
            self.headers = {"Content-Type": sample.content_type} | self.headers
        self.request = Request(
            body=sample.body,
            path=sample.path,
            query=dict(sample.query),
            headers=self.headers,
            context=sample_context(
                spec, sample, account=self.account, stage=stage, headers=self.headers
            ),
        )

    def preview(self) -> Preview:
        made = Preview(
            self.spec,
            self.sample,
            self.spec.action,
            self.spec.state_machine_arn,
            route=self._route(),
            headers=tuple(self.headers.items()),
        )
        if self.spec.authorization == "SIGNED":
            return self._webhook(made)
        for refuse in (self._parameters, self._schema, self._media_type):
            if refusal := refuse():
                answer, reason = refusal
                return replace(made, refused=reason, answers=(answer,))
        return self._called(made)

    def _route(self) -> str:
        path = samples.filled_path(self.spec.path, self.sample.path)
        query = urlencode(self.sample.query, quote_via=quote, errors="replace")
        return f"{self.sample.method} {path}{'?' if query else ''}{query}"

    # -- what API Gateway refuses by itself --

    def _parameters(self) -> tuple[Answer, str] | None:
        names = {name.lower() for name in self.headers}
        missing = [
            parameter.partition(".")[2]
            for parameter in self.spec.required_parameters
            if not (
                parameter.partition(".")[2].lower() in names
                if parameter.startswith("header.")
                else parameter.partition(".")[2] in self.request.query
            )
        ]
        if not missing:
            return None
        message = f"Missing required request parameters: [{', '.join(missing)}]"
        return self._gateway(400, "BAD_REQUEST_PARAMETERS", message), f"{message}."

    def _schema(self) -> tuple[Answer, str] | None:
        if not self.spec.body_schema:
            return None
        wrong = schemas.problem(self.spec.body_schema, self.sample.body)
        if not wrong:
            return None
        return self._gateway(400, "BAD_REQUEST_BODY", "Invalid request body"), wrong

    def _media_type(self) -> tuple[Answer, str] | None:
        media = header_of(self.headers, "content-type").partition(";")[0].strip().lower()
        taken = mapping.request_templates(self.spec)
        if (media or mapping.CONTENT_TYPE) in taken:
            return None
        reason = f"The trigger does not take {media}; it takes {', '.join(taken) or 'nothing'}."
        return self._gateway(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type"), reason

    def _gateway(self, status: int, kind: str, message: str) -> Answer:
        body = {"error": kind, "message": message, "requestId": SAMPLE_ID}
        headers = (("Content-Type", mapping.CONTENT_TYPE),)
        return Answer("This request", status, headers, json.dumps(body))

    # -- the call --

    def _called(self, made: Preview) -> Preview:
        try:
            text = self._rendered()
        except VelocityError as error:
            return self._template_fails(made, error)
        try:
            call = json.loads(text)
        except (ValueError, RecursionError) as error:
            return replace(
                made,
                call=text[:SHOWN],
                refused=f"What the template makes is not JSON, so Step Functions refuses it: "
                f"{error}.",
                answers=(self._refused("SerializationException", ""),),
            )
        return self._started(made, call if isinstance(call, dict) else {"": call})

    def _template_fails(self, made: Preview, error: VelocityError) -> Preview:
        raw = self.spec.input_mode == "VTL"
        place = "Input template" if raw else "Sample request"
        problem = Problem(place, error.message, *((error.line, error.column) if raw else ()))
        answer = self._gateway(500, "API_CONFIGURATION_ERROR", "Internal server error")
        return replace(
            made,
            refused="The mapping template fails on this request.",
            problems=(problem,),
            answers=(answer,),
        )

    def _rendered(self) -> str:
        """What the request template makes. Raises VelocityError."""
        media = header_of(self.headers, "content-type").partition(";")[0].strip().lower()
        kind = KINDS.get(media, "JSON")
        return render(mapping.request_template(self.spec, kind), self.request).text  # type: ignore[arg-type]

    def _started(self, made: Preview, call: dict[str, Any]) -> Preview:
        """What Step Functions makes of the call."""
        document = call.get("input", "{}")
        raw = self.spec.input_mode == "VTL"
        made = replace(
            made,
            machine_arn=str(call.get("stateMachineArn", "")),
            name=str(call.get("name", "")),
            call=json.dumps({k: v for k, v in call.items() if k != "input"}, indent=2),
            input=document if isinstance(document, str) else json.dumps(document),
            warnings=tuple(_warnings(self.spec, call)) if raw else (),
        )
        made = replace(made, size=len(made.input.encode("utf-8", "replace")))
        if refusal := self._refusal(made, call):
            name, message, reason = refusal
            # Under a name with asterisks the template passes on what it refuses.
            shown = "" if name == "InvalidName" and "*" in made.name else made.call
            return replace(
                made, call=shown, refused=reason, answers=(self._refused(name, message),)
            )
        return replace(made, answers=tuple(self._answers(made)))

    def _refusal(self, made: Preview, call: dict[str, Any]) -> tuple[str, str, str] | None:
        """Error, message and reason in words, where Step Functions refuses the call."""
        if made.name and not _is_name(made.name):
            told = mapping.refusals(self.spec).get(made.name.strip("*"))
            reason = told or f"“{made.name[:100]}” is not the name of an execution."
            return "InvalidName", f"Invalid Name: '{made.name}'", reason
        if not isinstance(call.get("input", ""), str):
            return "SerializationException", "", "The call's input has to be a string of JSON."
        if made.size > INPUT_BYTES:
            constraint = (
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {INPUT_BYTES}"
            )
            reason = f"The input has {made.size:,} bytes; {made.action} takes {INPUT_BYTES:,}."
            return "ValidationException", constraint, reason
        try:
            json.loads(made.input, parse_int=str, parse_constant=int)
        except json.JSONDecodeError as error:
            at = f"line {error.lineno}, column {error.colno}"
            return (
                "InvalidExecutionInput",
                _no_json(str(error)),
                (f"The input is not JSON: {error.msg} at {at}."),
            )
        except (ValueError, RecursionError) as error:
            return "InvalidExecutionInput", _no_json(str(error)), f"The input is not JSON: {error}."
        return None

    def _refused(self, error: str, message: str) -> Answer:
        """What the caller gets for an error of Step Functions, by the real template."""
        body = {"__type": f"com.amazonaws.swf.service.v2.model#{error}", "message": message}
        return self._answer("This request", body, mapping.error_template(self.spec), 502)

    # -- the answers --

    def _answers(self, made: Preview) -> Iterator[Answer]:
        template = mapping.response_template(self.spec)
        status = self.spec.response_status
        if self.spec.action != "StartSyncExecution":
            body: dict[str, Any] = {"executionArn": self._execution(made), "startDate": _STARTED}
            yield self._answer("This request", body, template, status, success=True)
            return
        arn = self._execution(made).replace(":execution:", ":express:")
        body = {"executionArn": arn, "name": made.name, "status": "SUCCEEDED"}
        body["output"] = json.dumps(self._output())
        yield self._answer("A workflow that succeeds", body, template, status, success=True)
        error = self.spec.error_statuses[0][0] if self.spec.error_statuses else "OrderNotFound"
        failed = {"status": "FAILED", "error": error, "cause": "There is no order A-1001."}
        to = f"A workflow that fails with {error}"
        yield self._answer(to, body | failed, template, status, success=True)

    def _output(self) -> Any:
        values = {"STRING": "shipped", "NUMBER": 42, "BOOLEAN": True}
        value = values.get(self.spec.response_type, "shipped")
        return samples.placed({"status": "shipped"}, self.spec.response_path or "$.total", value)

    def _execution(self, made: Preview) -> str:
        try:
            return parse_machine_arn(made.machine_arn).execution(made.name)
        except ValueError:
            return (
                f"arn:aws:states:{self.region}:{self.account}:execution:STATE-MACHINE:{made.name}"
            )

    def _answer(
        self, to: str, body: Any, template: str, status: int, *, success: bool = False
    ) -> Answer:
        """``body``, as Step Functions gives it, through a response template."""
        request = replace(self.request, body=json.dumps(body))
        headers = samples.answer_headers(self.spec, success=success)
        try:
            made: Rendered = render(template, request)
        except VelocityError as error:
            self._response_fails(template, error)
            return replace(self._gateway(500, "DEFAULT_5XX", "Internal server error"), to=to)
        headers |= made.headers
        return Answer(to, made.status or status, tuple(headers.items()), made.text.strip())

    def _response_fails(self, template: str, error: VelocityError) -> None:
        """Remember it, with the place in what the person wrote where it is there."""
        before = template.find(self.spec.response_body)
        line, column = error.line, error.column
        if self.spec.response_mode == "TEMPLATE" and before >= 0:
            line -= template.count("\n", 0, before)
            if line == 1:
                column -= before - (template.rfind("\n", 0, before) + 1)
        problem = Problem("Response body", error.message, line, column)
        if problem not in self.problems:
            self.problems.append(problem)

    # -- signed webhooks --

    def _webhook(self, made: Preview) -> Preview:
        """What the function behind a signed webhook does with the sample, well signed."""
        outcome = started.webhook(self.spec, self.headers, self.sample.body)
        headers = (("Content-Type", mapping.CONTENT_TYPE),)
        if outcome.kind in ("Handshake", "Ignored"):
            word = "is a handshake" if outcome.kind == "Handshake" else "is filtered out"
            answer = Answer("This request", 200, headers, outcome.answer)
            return replace(made, refused=f"The event {word}: no execution.", answers=(answer,))
        if outcome.kind == "Refused":
            error = {"error": "BadRequest", "message": outcome.answer, "requestId": _KEPT_ID}
            answer = Answer("This request", 400, headers, json.dumps(error))
            return replace(made, refused=outcome.answer, answers=(answer,))
        name = f"{self.spec.key}-{outcome.key or _KEPT_ID}"
        size = len(outcome.input.encode("utf-8", "replace"))
        call = {"stateMachineArn": made.machine_arn, "name": name}
        made = replace(
            made, name=name, call=json.dumps(call, indent=2), input=outcome.input, size=size
        )
        if size > INPUT_BYTES:
            reason = f"The input has {size:,} bytes; StartExecution takes {INPUT_BYTES:,}."
            error = {"error": "ValidationException", "message": reason, "requestId": _KEPT_ID}
            answer = Answer("This request", 413, headers, json.dumps(error))
            return replace(made, refused=reason, answers=(answer,))
        body = {"requestId": _KEPT_ID, "executionArn": self._execution(made)}
        text = {
            "FIXED": self.spec.response_body,
            "EMPTY": "",
        }.get(self.spec.response_mode, json.dumps(body | {"startDate": _STARTED}))
        own = samples.answer_headers(self.spec, success=True)
        answer = Answer("This request", self.spec.response_status, tuple(own.items()), text)
        return replace(made, answers=(answer,))


def _no_json(reason: str) -> str:
    return f"Invalid State Machine Execution Input: '{reason}'"


def _is_name(name: str) -> bool:
    """Whether Step Functions takes it (StartExecution, "name")."""
    return len(name) <= 80 and not any(
        ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or c in ' <>{}[]?*"#%\\^|~`$&,;:/' for c in name
    )


def _warnings(spec: TriggerSpec, call: dict[str, Any]) -> Iterator[str]:
    """What of a raw template's call is not as the other templates make it."""
    if call.get("stateMachineArn") != spec.state_machine_arn:
        yield (
            "The call's stateMachineArn is not the trigger's state machine: its role may start "
            "no other one, so Step Functions answers AccessDeniedException."
        )
    if not str(call.get("name", "")).startswith(f"{spec.key}-"):
        yield (
            f"The call's name does not begin with “{spec.key}-”: its executions are not shown "
            "with this trigger."
        )
    if more := sorted(call.keys() - {"stateMachineArn", "name", "input", "traceHeader"}):
        yield f"Step Functions does not know “{more[0]}” in this call."
