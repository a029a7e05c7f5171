"""Which execution a request starts: its name, as the deployed parts would find it."""

import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from infra import velocity, webhooks
from infra.mapping import vtl
from infra.spec import TriggerSpec


class Outcome(NamedTuple):
    """What a signed webhook's function makes of a request that is signed well.

    ``kind`` is Handshake, Ignored, Refused or Started. ``answer`` is the body of the first
    two, and the reason of a refusal. ``key`` names the execution: "" is after the request's id.
    """

    kind: str
    answer: str = ""
    key: str = ""
    input: str = ""


def execution_name(
    trigger: TriggerSpec, request_id: str, headers: Mapping[str, str], body: str
) -> str:
    """The name of the execution that a successful request started; "" where none is known.

    A raw mapping template may name executions as it likes, so it has none.
    """
    key = request_id
    if trigger.authorization == "SIGNED":
        outcome = webhook(trigger, headers, body)
        if outcome.kind != "Started":
            return ""
        key = outcome.key or request_id
    elif trigger.input_mode == "VTL":
        return ""
    elif trigger.idempotency_source:
        key = _text(trigger.idempotency_source, trigger.idempotency_key, headers, body)
    return f"{trigger.key}-{key}" if key else ""


def webhook(trigger: TriggerSpec, headers: Mapping[str, str], body: str) -> Outcome:
    """What ``infra/webhook_function.py`` does once the signature is found right."""
    scheme = webhooks.signature_of(trigger).scheme
    sent = {name.lower(): value for name, value in headers.items()}
    if scheme == "GITHUB" and sent.get("x-github-event") == "ping":
        return Outcome("Handshake", '{"ok": true}')
    text = body or "{}"
    if sent.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        try:
            pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            return Outcome("Refused", _NO_BODY)
        text = json.dumps(dict(reversed(pairs)), ensure_ascii=False)
    try:
        json.loads(text, parse_int=str, parse_constant=int)
    except (ValueError, RecursionError):
        return Outcome("Refused", _NO_BODY)
    if scheme == "SLACK" and _text("BODY", "$.type", sent, text) == "url_verification":
        challenge = _text("BODY", "$.challenge", sent, text)
        return Outcome("Handshake", json.dumps({"challenge": challenge}))
    if trigger.webhook_filter_source and trigger.webhook_events:
        event = _text(trigger.webhook_filter_source, trigger.webhook_filter, sent, text)
        if event not in trigger.webhook_events:
            return Outcome("Ignored", '{"ignored": true}')
    source, name = webhooks.idempotency_of(trigger)
    key = ""
    if source:
        key = _text(source, name, sent, text)
        if not is_key(key):
            return Outcome(
                "Refused",
                f"{name} names the execution: send 1 to 71 characters of A-Z, a-z, 0-9, _ and -.",
            )
    if trigger.input_mode == "REQUEST":
        allowed = {n: sent[n.lower()] for n in trigger.input_headers if n.lower() in sent}
        text = f'{{"body":{text},"headers":{json.dumps(allowed)}}}'
    return Outcome("Started", key=key, input=text)


_NO_BODY = "Send JSON, or a form of at most 1,000 fields, in UTF-8."


def is_key(key: str) -> bool:
    """Whether ``key`` may name an execution, after the trigger's own key and a dash."""
    return 1 <= len(key) <= 71 and all(c.isascii() and (c.isalnum() or c in "_-") for c in key)


def _text(source: str, name: str, headers: Mapping[str, str], body: str) -> str:
    """A header, or the text at a JSON path of the body; "" where there is none."""
    if source == "HEADER":
        sent = {given.lower(): value for given, value in headers.items()}
        return sent.get(name.lower(), "")
    try:
        template = f"{vtl.body_text('found', name)}$found"
        return velocity.render(template, velocity.Request(body=body)).text
    except velocity.VelocityError:
        return ""
