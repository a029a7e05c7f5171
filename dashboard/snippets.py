"""The lines a caller copies: curl, Python and JavaScript, each with the right authorization.

No snippet holds a secret: each reads it from the environment. What is not from Stepgate is
quoted for the language that it stands in.
"""

import json
import re
import shlex
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from infra import samples, webhooks
from infra.arns import parse_machine_arn
from infra.mapping import CONTENT_TYPE
from infra.samples import Sample
from infra.spec import TriggerSpec

NOT_YET = "https://API-ID.execute-api.REGION.amazonaws.com/prod"
_SHELL_PLAIN = re.compile(r"[A-Za-z0-9 :=,._/?&%~@+-]*")


class Snippet(NamedTuple):
    """``note`` says what has to be there before ``code`` runs."""

    name: str
    label: str
    code: str
    note: str = ""


class Env(NamedTuple):
    """The value of an environment variable."""

    name: str


class Fresh(NamedTuple):
    """A value that no other request has."""


class Signed(NamedTuple):
    """The signature header of a webhook: ``before``, then the time where it is told, then it."""

    before: str
    with_time: bool


class Time(NamedTuple):
    """The time of sending, in Unix seconds."""


Value = str | Env | Fresh | Signed | Time


@dataclass(frozen=True)
class _Call:
    """One request, with what each language has to fill in."""

    trigger: TriggerSpec
    method: str
    url: str
    secret_query: tuple[tuple[str, Env], ...]
    headers: tuple[tuple[str, Value], ...]
    body: str

    @property
    def iam(self) -> bool:
        return self.trigger.authorization == "AWS_IAM"

    @property
    def signed(self) -> bool:
        return self.trigger.authorization == "SIGNED"

    @property
    def region(self) -> str:
        try:
            return parse_machine_arn(self.trigger.state_machine_arn).region
        except ValueError:
            return "us-east-1"

    @property
    def lead(self) -> str:
        return webhooks.signature_of(self.trigger).lead

    @property
    def note(self) -> str:
        names = [v.name for _, v in (*self.headers, *self.secret_query) if isinstance(v, Env)]
        if self.iam:
            return (
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; with temporary credentials "
                "AWS_SESSION_TOKEN, too."
            )
        if self.signed:
            names = ["WEBHOOK_SECRET"]
        return f"Set {' and '.join(names)}." if names else ""


def snippets(trigger: TriggerSpec, base_url: str, sample: Sample | None = None) -> list[Snippet]:
    """The same call of ``trigger`` in each language."""
    call = _call(trigger, base_url, sample)
    javascript = f"{call.note} npm install aws4fetch." if call.iam else call.note
    python = f"{call.note} pip install botocore." if call.iam else call.note
    return [
        Snippet("curl", "curl", _curl(call), call.note),
        Snippet("python", "Python", _python(call), python),
        Snippet("javascript", "JavaScript", _javascript(call), javascript),
    ]


def curl(trigger: TriggerSpec, base_url: str, sample: Sample | None = None) -> str:
    """Lines for a POSIX shell that call ``trigger``; one line but for signed webhooks."""
    return _curl(_call(trigger, base_url, sample))


def _call(trigger: TriggerSpec, base_url: str, sample: Sample | None) -> _Call:
    sample = sample or samples.sample(trigger)
    url = base_url + samples.filled_path(trigger.path, sample.path)
    if sample.query:
        # In order and fully quoted, as it is signed: not every curl does it by itself.
        url += "?" + urlencode(sorted(sample.query), quote_via=quote, safe="", errors="replace")
    headers: list[tuple[str, Value]] = []
    if sample.body or sample.content_type != CONTENT_TYPE:
        headers.append(("Content-Type", sample.content_type))
    key = (trigger.idempotency_source, trigger.idempotency_key)
    if trigger.authorization == "SIGNED":
        key = webhooks.idempotency_of(trigger)
    for name, value in sample.headers:
        headers.append((name, Fresh() if ("HEADER", name) == key else value))
    secret_query = []
    for source in samples.credentials(trigger):
        kind, _, name = source.partition(".")
        if kind == "query":
            secret_query.append((name, Env(_variable(name))))
        elif trigger.authorization == "SIGNED":
            headers += _signature_headers(trigger)
        elif trigger.authorization != "AWS_IAM":
            headers.append((name, Env(_variable(name))))
    return _Call(trigger, sample.method, url, tuple(secret_query), tuple(headers), sample.body)


def _variable(name: str) -> str:
    """The environment variable that a credential is read from."""
    known = {"authorization": "TOKEN", "x-api-key": "API_KEY"}
    text = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return known.get(name.lower()) or (text if text[:1].isalpha() else f"TOKEN_{text}")


def _signature_headers(trigger: TriggerSpec) -> list[tuple[str, Value]]:
    signature = webhooks.signature_of(trigger)
    stripe = signature.scheme == "STRIPE"
    headers: list[tuple[str, Value]] = [(signature.header, Signed(signature.prefix, stripe))]
    if signature.timestamp_header and not stripe:
        headers.append((signature.timestamp_header, Time()))
    return headers


# -- curl ---------------------------------------------------------------------------------


def _curl(call: _Call) -> str:
    words = ["curl", "-i", "-X", call.method, _shell_url(call)]
    if call.iam:
        words += [
            "--aws-sigv4",
            shlex.quote(f"aws:amz:{call.region}:execute-api"),
            "--user",
            '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
            # curl leaves a header out that has no value.
            "-H",
            '"X-Amz-Security-Token: $AWS_SESSION_TOKEN"',
        ]
    for name, value in call.headers:
        words += ["-H", _shell_header(name, value)]
    if call.signed:
        return "\n".join([*_shell_signature(call), " ".join([*words, '--data-raw "$body"'])])
    if call.body:
        words += ["--data-raw", shlex.quote(call.body)]
    return " ".join(words)


class _Expands(str):
    """Text that the shell expands."""


def _shell(*parts: str) -> str:
    """One word of ``parts``; in double quotes where that is the same in every shell."""
    literal = [part for part in parts if not isinstance(part, _Expands)]
    if len(literal) == len(parts):
        return shlex.quote("".join(parts))
    if all(_SHELL_PLAIN.fullmatch(part) for part in literal):
        return f'"{"".join(parts)}"'
    return "".join(f'"{p}"' if isinstance(p, _Expands) else shlex.quote(p) for p in parts if p)


def _shell_url(call: _Call) -> str:
    parts: list[str] = [call.url]
    for number, (name, env) in enumerate(call.secret_query):
        mark = "&" if number or "?" in call.url else "?"
        parts += [f"{mark}{quote(name, safe='')}=", _Expands(f"${{{env.name}}}")]
    return _shell(*parts)


def _shell_header(name: str, value: Value) -> str:
    if isinstance(value, str):
        return _shell(f"{name}: {value}")
    if isinstance(value, Env):
        return _shell(f"{name}: ", _Expands(f"${value.name}"))
    if isinstance(value, Fresh):
        return _shell(f"{name}: ", _Expands("$(openssl rand -hex 16)"))
    if isinstance(value, Time):
        return _shell(f"{name}: ", _Expands("$now"))
    if value.with_time:
        signed = (f",{value.before}", _Expands("$signature"))
        return _shell(f"{name}: t=", _Expands("$now"), *signed)
    return _shell(f"{name}: {value.before}", _Expands("$signature"))


def _shell_signature(call: _Call) -> list[str]:
    signature = webhooks.signature_of(call.trigger)
    text = call.lead.replace("{}", "${now}") + "${body}"
    digest = f'openssl dgst -{signature.algorithm} -hmac "$WEBHOOK_SECRET"'
    encode = "sed 's/.* //'"
    if signature.encoding == "base64":
        digest, encode = f"{digest} -binary", "openssl base64 -A"
    lines = [f"body={shlex.quote(call.body)}"]
    if call.lead:
        lines.append("now=$(date +%s)")
    return [*lines, f"signature=$(printf '%s' \"{text}\" | {digest} | {encode})"]


# -- Python -------------------------------------------------------------------------------


def _python(call: _Call) -> str:
    parts = urlsplit(call.url)
    lines = [f"body = {call.body!r}.encode()"] if call.body else []
    if call.signed:
        lines += _python_signature(call)
    rows = [f"    {name!r}: {_python_value(value)}," for name, value in call.headers]
    lines += ["headers = {", *rows, "}"] if rows else ["headers = {}"]
    path = repr(target := parts.path + (f"?{parts.query}" if parts.query else ""))
    if call.secret_query:
        pairs = ", ".join(f"{name!r}: os.environ[{env.name!r}]" for name, env in call.secret_query)
        path = f"{target + ('&' if parts.query else '?')!r} + urllib.parse.urlencode({{{pairs}}})"
    body = "body" if call.body else "None"
    if call.iam:
        lines += [
            f"request = AWSRequest({call.method!r}, {call.url!r}, headers=headers, data={body})",
            f"SigV4Auth(Session().get_credentials(), 'execute-api', {call.region!r})"
            ".add_auth(request)",
            "headers = dict(request.headers)",
        ]
    kind = "HTTPSConnection" if parts.scheme == "https" else "HTTPConnection"
    lines += [
        f"connection = http.client.{kind}({parts.netloc!r})",
        f"connection.request({call.method!r}, {path}, {body}, headers)",
        "answer = connection.getresponse()",
        "print(answer.status, answer.read().decode())",
    ]
    return "\n".join([*_python_imports(call, "\n".join(lines)), "", *lines])


def _python_imports(call: _Call, code: str) -> list[str]:
    modules = ("base64", "hmac", "http.client", "os", "time", "urllib.parse", "uuid")
    # The body is data: what stands in it imports nothing.
    code = code.replace(repr(call.body), "")
    imports = [f"import {name}" for name in modules if re.search(rf"\b{name}\.\w+[(\[]", code)]
    if call.iam:
        imports += [
            "",
            "from botocore.auth import SigV4Auth",
            "from botocore.awsrequest import AWSRequest",
            "from botocore.session import Session",
        ]
    return imports


def _python_value(value: Value) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, Env):
        return f"os.environ[{value.name!r}]"
    if isinstance(value, Fresh):
        return "str(uuid.uuid4())"
    if isinstance(value, Time):
        return "now"
    lead = f"'t=' + now + {',' + value.before!r}" if value.with_time else repr(value.before)
    return f"{lead} + signature" if value.before or value.with_time else "signature"


def _python_signature(call: _Call) -> list[str]:
    signature = webhooks.signature_of(call.trigger)
    lines, text = [], "body"
    if call.lead:
        lines.append("now = str(int(time.time()))")
        before, _, after = call.lead.partition("{}")
        text = f"f{before + '{now}' + after!r}.encode() + body"
    digest = f"hmac.digest(os.environ['WEBHOOK_SECRET'].encode(), {text}, {signature.algorithm!r})"
    if signature.encoding == "base64":
        return [*lines, f"signature = base64.b64encode({digest}).decode()"]
    return [*lines, f"signature = {digest}.hex()"]


# -- JavaScript ---------------------------------------------------------------------------


def _javascript(call: _Call) -> str:
    imports, lines = [], []
    if call.iam:
        imports.append('import { AwsClient } from "aws4fetch";')
    if call.signed:
        imports.append('import { createHmac } from "node:crypto";')
    if any(isinstance(value, Fresh) for _, value in call.headers):
        imports.append('import { randomUUID } from "node:crypto";')
    if call.body:
        lines.append(f"const body = {_js(call.body)};")
    if call.signed:
        lines += _javascript_signature(call)
    if call.iam:
        lines += [
            "const aws = new AwsClient({",
            "  accessKeyId: process.env.AWS_ACCESS_KEY_ID,",
            "  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,",
            "  sessionToken: process.env.AWS_SESSION_TOKEN,",
            f'  service: "execute-api",\n  region: {_js(call.region)},',
            "});",
        ]
    url = _js(call.url)
    if call.secret_query:
        url = _js(call.url + ("&" if "?" in call.url else "?"))
        for number, (name, env) in enumerate(call.secret_query):
            pair = _js(("&" if number else "") + quote(name, safe="") + "=")
            url += f" + {pair} + encodeURIComponent(process.env.{env.name})"
    rows = [f"    {_js(name)}: {_javascript_value(value)}," for name, value in call.headers]
    lines += [
        f"const answer = await {'aws.fetch' if call.iam else 'fetch'}({url}, {{",
        f"  method: {_js(call.method)},",
        *(["  headers: {", *rows, "  },"] if rows else []),
        *(["  body,"] if call.body else []),
        "});",
        "console.log(answer.status, await answer.text());",
    ]
    return "\n".join([*imports, *([""] if imports else []), *lines])


def _js(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _javascript_value(value: Value) -> str:
    if isinstance(value, str):
        return _js(value)
    if isinstance(value, Env):
        return f"process.env.{value.name}"
    if isinstance(value, Fresh):
        return "randomUUID()"
    if isinstance(value, Time):
        return "now"
    if value.with_time:
        return f'"t=" + now + {_js("," + value.before)} + signature'
    return f"{_js(value.before)} + signature" if value.before else "signature"


def _javascript_signature(call: _Call) -> list[str]:
    signature = webhooks.signature_of(call.trigger)
    lines, text = [], "body"
    if call.lead:
        lines.append("const now = String(Math.floor(Date.now() / 1000));")
        before, _, after = call.lead.partition("{}")
        text = " + ".join([*([_js(before)] if before else []), "now", _js(after), "body"])
    return [
        *lines,
        f"const signature = createHmac({_js(signature.algorithm)}, process.env.WEBHOOK_SECRET)",
        f"  .update({text})",
        f"  .digest({_js(signature.encoding)});",
    ]
