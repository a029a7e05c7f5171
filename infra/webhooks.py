"""Signed webhooks: how providers sign, what they send, and what is deployed to check it.

Pure data and functions, for the form, the *Send request* button and the construct. The
function that runs in AWS is ``infra/webhook_function.py``; it is read here, never imported.

A signature is an HMAC of the body, for most with the time of sending in front of it. GitHub
signs no time, and no header of its own but the signature: its deliveries do not grow old.
"""

import ast
import base64
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from infra.arns import parse_machine_arn
from infra.spec import TriggerSpec

Scheme = Literal["STRIPE", "GITHUB", "SLACK", "HMAC"]
Algorithm = Literal["sha1", "sha256", "sha512"]
Encoding = Literal["hex", "base64"]

ENVIRONMENT_BYTES = 4_096
"""What all environment variables of a function may take, as JSON (Lambda quotas)."""

_BYTES = {"sha1": 20, "sha256": 32, "sha512": 64}


@dataclass(frozen=True)
class Signature:
    """How requests are signed: ``scheme`` HMAC as the fields say, others as the provider does."""

    scheme: Scheme
    header: str
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    """What stands before the signature in its header, such as ``sha256=``."""
    timestamp_header: str = ""
    """Where the time of sending stands, in Unix seconds; "" where none is signed."""
    tolerance: int = 300
    """Seconds that the time of sending may differ from now."""

    @property
    def lead(self) -> str:
        """What is signed in front of the body; ``{}`` stands for the time of sending."""
        if not self.timestamp_header:
            return ""
        return "v0:{}:" if self.scheme == "SLACK" else "{}."

    def patterns(self) -> dict[str, str]:
        """Regular expressions: the ``timestamp`` in its header, each ``signature`` in its own.

        What they find can be read as a number, and decoded to as many bytes as it must have.
        """
        length = _BYTES[self.algorithm]
        digits = f"([0-9A-Fa-f]{{{2 * length}}})"
        if self.encoding == "base64":
            padding = -length % 3
            digits = f"([A-Za-z0-9+/]{{{(length + padding) // 3 * 4 - padding}}}{'=' * padding})"
        if self.scheme == "STRIPE":
            start, end = "(?:^|,) *", "(?= *,| *$)"
        else:
            start, end = "^", "$"
        stamp = "t=" if self.scheme == "STRIPE" else ""
        return {
            "timestamp": f"{start}{stamp}([0-9]{{1,12}}){end}",
            "signature": f"{start}{re.escape(self.prefix)}{digits}{end}",
        }


@dataclass(frozen=True)
class Preset:
    """What is known of a provider. Texts are for people; names of fields are the provider's."""

    label: str
    signature: Signature
    idempotency: tuple[Literal["", "HEADER", "BODY"], str]
    """Where the id of an event stands that comes again with a repeated delivery."""
    filter: tuple[Literal["", "HEADER", "BODY"], str]
    """Where the kind of an event stands."""
    events: tuple[str, ...]
    """Kinds of events to choose from; a provider has more."""
    sample: str
    """A payload as the provider sends it."""
    sample_headers: tuple[tuple[str, str], ...]
    """What comes with ``sample`` but for the signature."""
    paste_at: str
    """Where the provider takes the trigger's URL."""
    find_at: str
    """Where the signing secret comes from."""
    handshake: str
    """What is answered without an execution; "" where there is no such thing."""
    failures: str
    """What becomes of a delivery that is not answered with 2xx."""


def _indented(text: str) -> str:
    return json.dumps(json.loads(text), indent=2)


_JSON = ("Content-Type", "application/json")
_STRIPE_SAMPLE = _indented("""
{"id": "evt_1StepgateSample0001", "object": "event", "api_version": "2025-09-30.clover",
 "created": 1763800000,
 "data": {"object": {"id": "cs_test_StepgateSample0001", "object": "checkout.session",
   "amount_total": 4998, "client_reference_id": "order-1042", "currency": "eur",
   "customer_details": {"email": "ada@example.com", "name": "Ada Lovelace"},
   "metadata": {"order": "1042"}, "mode": "payment", "payment_intent": "pi_StepgateSample0001",
   "payment_status": "paid", "status": "complete"}},
 "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null},
 "type": "checkout.session.completed"}""")
_GITHUB_SAMPLE = _indented("""
{"ref": "refs/heads/main", "before": "5b0d2a4f7d7c1f6b0f3f0a9d8e1c2b3a4d5e6f70",
 "after": "9c1f0e7a2b3d4c5e6f708192a3b4c5d6e7f80910", "forced": false,
 "commits": [{"id": "9c1f0e7a2b3d4c5e6f708192a3b4c5d6e7f80910",
   "message": "Send the invoice once the order is paid",
   "timestamp": "2026-11-22T09:30:00+01:00",
   "author": {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"},
   "added": [], "removed": [], "modified": ["orders/invoice.py"]}],
 "pusher": {"name": "ada", "email": "ada@example.com"},
 "repository": {"id": 100200300, "full_name": "example/orders", "default_branch": "main"},
 "sender": {"login": "ada", "id": 1815, "type": "User"}}""")
_SLACK_SAMPLE = _indented("""
{"team_id": "T0STEPGATE", "api_app_id": "A0STEPGATE",
 "event": {"type": "app_mention", "user": "U0ADA1815", "text": "<@U0STEPGATE> ship order 1042",
   "ts": "1763800000.000100", "channel": "C0ORDERS", "event_ts": "1763800000.000100"},
 "type": "event_callback", "event_id": "Ev0STEPGATE1", "event_time": 1763800000,
 "authorizations": [{"team_id": "T0STEPGATE", "user_id": "U0STEPGATE", "is_bot": true}]}""")
_HMAC_SAMPLE = _indented('{"id": "1042", "type": "order.created", "order": {"total": "49.98"}}')

PRESETS: Mapping[Scheme, Preset] = MappingProxyType(
    {
        "STRIPE": Preset(
            label="Stripe",
            signature=Signature(
                "STRIPE", "Stripe-Signature", prefix="v1=", timestamp_header="Stripe-Signature"
            ),
            idempotency=("BODY", "$.id"),
            filter=("BODY", "$.type"),
            events=(
                "checkout.session.completed",
                "payment_intent.succeeded",
                "payment_intent.payment_failed",
                "charge.refunded",
                "invoice.paid",
                "invoice.payment_failed",
                "customer.subscription.updated",
                "customer.subscription.deleted",
            ),
            sample=_STRIPE_SAMPLE,
            sample_headers=(("Content-Type", "application/json; charset=utf-8"),),
            paste_at=(
                "Stripe Dashboard → Developers → Webhooks → Add destination: choose the events, "
                "then “Webhook endpoint”, and paste the URL as Endpoint URL."
            ),
            find_at=(
                "Stripe Dashboard → Developers → Webhooks → the destination → Signing secret. It "
                "begins with whsec_; each destination has its own, in test mode another one."
            ),
            handshake="",
            failures=(
                "Stripe sends the event again for up to 3 days, less and less often; in test "
                "mode three times over a few hours."
            ),
        ),
        "GITHUB": Preset(
            label="GitHub",
            signature=Signature("GITHUB", "X-Hub-Signature-256", prefix="sha256="),
            idempotency=("HEADER", "X-GitHub-Delivery"),
            filter=("HEADER", "X-GitHub-Event"),
            events=(
                "push",
                "pull_request",
                "issues",
                "issue_comment",
                "release",
                "workflow_run",
            ),
            sample=_GITHUB_SAMPLE,
            sample_headers=(
                _JSON,
                ("X-GitHub-Event", "push"),
                ("X-GitHub-Delivery", "5e39a1c0-c78b-11f0-8de9-0242ac120002"),
            ),
            paste_at=(
                "The repository's or organization's Settings → Webhooks → Add webhook: paste the "
                "URL as Payload URL and choose the content type application/json."
            ),
            find_at=(
                "You make it up: type the same long random text into Secret on GitHub's page "
                "and here."
            ),
            handshake="GitHub's ping is answered with 200 and starts no execution.",
            failures=(
                "GitHub waits 10 s and sends nothing again by itself. Redeliver by hand, within "
                "3 days: Settings → Webhooks → Edit → Recent Deliveries → Redeliver."
            ),
        ),
        "SLACK": Preset(
            label="Slack",
            signature=Signature(
                "SLACK",
                "X-Slack-Signature",
                prefix="v0=",
                timestamp_header="X-Slack-Request-Timestamp",
            ),
            idempotency=("BODY", "$.event_id"),
            filter=("BODY", "$.event.type"),
            events=(
                "app_mention",
                "message",
                "reaction_added",
                "member_joined_channel",
                "team_join",
                "app_home_opened",
            ),
            sample=_SLACK_SAMPLE,
            sample_headers=(_JSON,),
            paste_at=(
                "api.slack.com/apps → your app → Event Subscriptions → Enable Events: paste the "
                "URL as Request URL. Slack calls it at once, so deploy and save the secret first."
            ),
            find_at=(
                "api.slack.com/apps → your app → Basic Information → App Credentials → "
                "Signing Secret."
            ),
            handshake=(
                "Slack's url_verification is answered with its challenge and starts no execution."
            ),
            failures=(
                "Slack waits 3 s and sends the event again three times: nearly at once, after 1 "
                "and after 5 minutes. It turns the events off where most deliveries fail."
            ),
        ),
        "HMAC": Preset(
            label="Other (HMAC)",
            signature=Signature("HMAC", "X-Signature"),
            idempotency=("", ""),
            filter=("", ""),
            events=(),
            sample=_HMAC_SAMPLE,
            sample_headers=(_JSON,),
            paste_at="Wherever the sender asks for the address of a webhook.",
            find_at="The sender shows it, or you agree on a long random text.",
            handshake="",
            failures="See the sender's documentation.",
        ),
    }
)


def sign(signature: Signature, secret: str, body: str | bytes, now: float) -> dict[str, str]:
    """The headers that sign ``body`` as sent at ``now`` (Unix seconds).

    White space around ``secret`` does not count, here or in the function.
    """
    stamp = str(int(now))
    text = signature.lead.replace("{}", stamp).encode()
    text += body.encode() if isinstance(body, str) else body
    digest = hmac.digest(secret.strip().encode(), text, signature.algorithm)
    encoded = digest.hex()
    if signature.encoding == "base64":
        encoded = base64.b64encode(digest).decode()
    value = signature.prefix + encoded
    if signature.scheme == "STRIPE":
        return {signature.header: f"t={stamp},{value}"}
    headers = {signature.header: value}
    if signature.timestamp_header:
        headers[signature.timestamp_header] = stamp
    return headers


def config(
    *,
    secret_name: str,
    machine_arn: str,
    trigger_key: str,
    signature: Signature,
    filter_source: Literal["", "HEADER", "BODY"] = "",
    filter_name: str = "",
    events: tuple[str, ...] = (),
    with_headers: bool = False,
    input_headers: tuple[str, ...] = (),
    idempotency_source: Literal["", "HEADER", "BODY"] = "",
    idempotency_key: str = "",
    on_repeat: Literal["FIRST", "CONFLICT"] = "FIRST",
    response_mode: Literal["EXECUTION", "FIXED", "EMPTY"] = "EXECUTION",
    response_status: int = 202,
    response_headers: tuple[tuple[str, str], ...] = (),
    response_body: str = "",
) -> str:
    """``CONFIG``, the function's one environment variable: JSON.

    ``filter_name`` and ``idempotency_key`` are a header's name or a JSON path, after their
    source; "" as source is no filter, or names after the request's id. Raises ValueError
    where it is more than Lambda takes.
    """
    keyed = bool(idempotency_source)
    values: dict[str, Any] = {
        "secret": secret_name,
        "machine": machine_arn,
        "executions": parse_machine_arn(machine_arn).execution(""),
        "key": trigger_key,
        "scheme": signature.scheme,
        "header": signature.header,
        "algorithm": signature.algorithm,
        "encoding": signature.encoding,
        "timestamp_header": signature.timestamp_header,
        "tolerance": signature.tolerance,
        "signed": signature.lead,
        **signature.patterns(),
        "filter": [filter_source, filter_name],
        "events": list(events) if filter_source else [],
        "with_headers": with_headers,
        "input_headers": list(input_headers),
        "idempotency": [idempotency_source, idempotency_key] if keyed else [],
        # A request's own id can exist only where botocore sent the same call twice.
        "on_repeat": on_repeat if keyed else "FIRST",
        "status": response_status,
        "headers": dict(response_headers),
        "body": {"EXECUTION": None, "FIXED": response_body, "EMPTY": ""}[response_mode],
    }
    text = json.dumps(values, separators=(",", ":"))
    if (size := len(json.dumps({"CONFIG": text}))) > ENVIRONMENT_BYTES:
        raise ValueError(
            f"The settings of this webhook take {size:,} bytes; Lambda takes "
            f"{ENVIRONMENT_BYTES:,}. Shorten the fixed answer, or the lists of events and headers."
        )
    return text


def signature_of(trigger: TriggerSpec) -> Signature:
    """How the requests to ``trigger`` are signed."""
    if trigger.webhook_preset != "HMAC":
        preset = PRESETS[trigger.webhook_preset].signature
        return replace(preset, tolerance=trigger.webhook_tolerance)
    return Signature(
        "HMAC",
        trigger.webhook_header,
        algorithm=trigger.webhook_algorithm,
        encoding=trigger.webhook_encoding,
        prefix=trigger.webhook_prefix,
        timestamp_header=trigger.webhook_timestamp_header,
        tolerance=trigger.webhook_tolerance,
    )


def idempotency_of(trigger: TriggerSpec) -> tuple[Literal["", "HEADER", "BODY"], str]:
    """What names the execution: the trigger's own choice, or the id that the provider gives.

    Forms (Slack's slash commands and buttons) carry no such id. EXPRESS has no idempotency:
    the same name starts a second execution all the same.
    """
    own = trigger.idempotency_source, trigger.idempotency_key
    preset = PRESETS[trigger.webhook_preset].idempotency
    if own[0] and own != preset:
        return own
    if trigger.machine_type == "EXPRESS" or "FORM" in trigger.content_types:
        return "", ""
    return preset


def config_of(trigger: TriggerSpec, secret_name: str) -> str:
    """``CONFIG`` for the function in front of ``trigger``."""
    source, key = idempotency_of(trigger)
    return config(
        secret_name=secret_name,
        machine_arn=trigger.state_machine_arn,
        trigger_key=trigger.key,
        signature=signature_of(trigger),
        filter_source=trigger.webhook_filter_source,
        filter_name=trigger.webhook_filter,
        events=trigger.webhook_events,
        with_headers=trigger.input_mode == "REQUEST",
        input_headers=trigger.input_headers,
        idempotency_source=source,
        idempotency_key=key,
        on_repeat=trigger.on_repeat,
        response_mode=cast("Literal['EXECUTION', 'FIXED', 'EMPTY']", trigger.response_mode),
        response_status=trigger.response_status,
        response_headers=trigger.response_headers,
        response_body=trigger.response_body,
    )


class _Bare(ast.NodeTransformer):
    """Drops what Python does not run: docstrings, annotations and the imports for them."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        return None if node.module in ("typing", "collections.abc") else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.Assign | None:
        return ast.Assign(targets=[node.target], value=node.value) if node.value else None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


@cache
def source() -> str:
    """The function's source as it is inlined: without docstrings, comments and annotations.

    Indented by one space a level, since a template holds 51,200 bytes in all. CloudFormation
    puts it into ``index.py``: the handler is ``index.handler``.
    """
    text = Path(__file__).with_name("webhook_function.py").read_text(encoding="utf-8")
    bare = ast.unparse(ast.fix_missing_locations(_Bare().visit(ast.parse(text))))
    return re.sub("^ +", lambda spaces: " " * (len(spaces[0]) // 4), bare, flags=re.MULTILINE)
