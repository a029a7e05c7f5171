"""How requests are signed and checked: the providers' own vectors, clocks, secrets.

Sources of the vectors. GitHub: "Validating webhook deliveries", "Testing the webhook payload
validation". Slack: "Verifying requests from Slack", the example of a slash command. Stripe
publishes none in its documentation; this one is of its own library, stripe-dotnet
(EventUtilityTest.cs with event_test_signature.json). Generic: RFC 4231 and RFC 2202.
"""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.webhooks import (
    PRESETS,
    Preset,
    Signature,
    sign,
)
from tests.local_aws import shared, unique
from tests.webhook_container import BODY, CODE, HMAC, JSON, SECRET, Function, secret

STRIPE_BODY = """\
{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
"""
STRIPE_KEY, STRIPE_TIME = "webhook_secret", 1533204620
STRIPE_V1 = "v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7"
STRIPE_V0 = "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"

GITHUB_KEY, GITHUB_BODY = "It's a Secret to Everybody", "Hello, World!"
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

SLACK_KEY, SLACK_TIME = "8f742231b10e8888abcd99yyyzzz85a5", 1531420618
SLACK_BODY = (
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    "&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    "&command=%2Fwebhook-collect&text="
    "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

JEFE = b"what do ya want for nothing?"
KEY_4, DATA_4 = bytes(range(1, 26)).decode(), b"\xcd" * 50
RFC: list[tuple[str, bytes, Any, Any, str]] = [
    ("Jefe", JEFE, "sha1", "hex", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (
        "Jefe",
        JEFE,
        "sha256",
        "hex",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("Jefe", JEFE, "sha256", "base64", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
    (
        "Jefe",
        JEFE,
        "sha512",
        "hex",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        KEY_4,
        DATA_4,
        "sha256",
        "hex",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        KEY_4,
        DATA_4,
        "sha512",
        "hex",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
]


@pytest.fixture(params=CODE)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_stripes_own_vector_is_taken_for_five_minutes(code: str) -> None:
    function = Function(code, PRESETS["STRIPE"].signature, secret_name=secret(STRIPE_KEY))
    headers = {"Stripe-Signature": f"t={STRIPE_TIME},{STRIPE_V1},{STRIPE_V0}"}
    for seconds in (-300, 0, 100, 300):
        assert function.answer(STRIPE_BODY, headers, STRIPE_TIME + seconds).status == 202
    for seconds in (-301, 301):
        answer = function.answer(STRIPE_BODY, headers, STRIPE_TIME + seconds)
        assert (answer.status, answer.body["error"]) == (401, "InvalidTimestamp")
    changed = function.answer(STRIPE_BODY + " ", headers, STRIPE_TIME)
    assert (changed.status, changed.body["error"]) == (401, "InvalidSignature")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"t={STRIPE_TIME},v1={'0' * 64},{STRIPE_V1}", 202),
        (f"t={STRIPE_TIME}, {STRIPE_V1}, v1={'0' * 64}", 202),
        (f"{STRIPE_V1},t={STRIPE_TIME}", 202),
        (f"t={STRIPE_TIME},{STRIPE_V1.replace('v1', 'v0')}", 401),
        (f"t={STRIPE_TIME},{STRIPE_V1}0", 401),
        (f"t={STRIPE_TIME},v1=", 401),
        (f"t={STRIPE_TIME + 1},{STRIPE_V1}", 401),
        (f"t=,{STRIPE_V1}", 401),
        (f"t=-{STRIPE_TIME},{STRIPE_V1}", 401),
        (f"t={STRIPE_TIME}.0,{STRIPE_V1}", 401),
        (f"xt={STRIPE_TIME},{STRIPE_V1}", 401),
        (STRIPE_V1, 401),
        ("t,v1", 401),
        (",,", 401),
    ],
)
def test_any_of_stripes_v1_signatures_counts_and_no_other_scheme(
    code: str, header: str, status: int
) -> None:
    function = Function(code, PRESETS["STRIPE"].signature, secret_name=secret(STRIPE_KEY))
    answer = function.answer(STRIPE_BODY, {"stripe-signature": header}, STRIPE_TIME)
    assert answer.status == status


def test_githubs_published_vector_is_taken(code: str) -> None:
    function = Function(code, PRESETS["GITHUB"].signature, secret_name=secret(GITHUB_KEY))
    ping = {"X-GitHub-Event": "ping"}
    signed = ping | {"X-Hub-Signature-256": GITHUB_SIGNATURE}
    assert function.answer(GITHUB_BODY, signed).body == {"ok": True}
    assert function.answer(GITHUB_BODY + "!", signed).status == 401
    # SHA-1 is what GitHub sends beside it for old receivers.
    old = ping | {"X-Hub-Signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"}
    assert function.answer(GITHUB_BODY, old).body["error"] == "MissingSignature"


def test_slacks_published_vector_is_taken_and_its_form_is_the_input(code: str) -> None:
    function = Function(code, PRESETS["SLACK"].signature, secret_name=secret(SLACK_KEY))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(SLACK_TIME),
        "X-Slack-Signature": SLACK_SIGNATURE,
    }
    assert function.answer(SLACK_BODY, headers, SLACK_TIME + 60).status == 202
    assert function.answer(SLACK_BODY, headers, SLACK_TIME + 301).status == 401
    later = headers | {"X-Slack-Request-Timestamp": str(SLACK_TIME + 1)}
    assert function.answer(SLACK_BODY, later, SLACK_TIME).body["error"] == "InvalidSignature"
    del headers["X-Slack-Request-Timestamp"]
    assert function.answer(SLACK_BODY, headers).body["error"] == "InvalidTimestamp"


@pytest.mark.parametrize(
    ("key", "data", "algorithm", "encoding", "expected"),
    RFC,
    ids=[f"{algorithm}-{encoding}-{len(key)}" for key, _, algorithm, encoding, _ in RFC],
)
def test_the_vectors_of_the_rfcs_are_taken(
    code: str, key: str, data: bytes, algorithm: Any, encoding: Any, expected: str
) -> None:
    signature = Signature("HMAC", "X-Hash", algorithm, encoding, prefix="h.1=")
    function = Function(code, signature, secret_name=secret(key))
    # What is signed well is read next, and is no JSON.
    assert function.answer(data, {"X-HASH": f"h.1={expected}"}).body["error"] == "BadRequest"
    for wrong in (expected, f"h-1={expected}", f"h.1={expected[:-4]}", f"h.1={expected}=", "h.1="):
        answer = function.answer(data, {"X-Hash": wrong})
        assert (answer.status, answer.body["error"]) == (401, "InvalidSignature")
    if encoding == "hex":
        answer = function.answer(data, {"X-Hash": f"h.1={expected.upper()}"})
        assert answer.body["error"] == "BadRequest"


def test_a_generic_timestamp_is_signed_with_the_body_and_grows_old(code: str) -> None:
    signature = Signature("HMAC", "X-Signature", timestamp_header="X-Time", tolerance=10)
    function, now = Function(code, signature), time.time()
    headers = sign(signature, SECRET, BODY, now)
    assert function.answer(BODY, headers, now + 9).status == 202
    old = function.answer(BODY, headers, now + 12)
    assert (old.status, old.body["error"]) == (401, "InvalidTimestamp")
    assert old.body["message"] == "The time in X-Time is not within 10 s of now. Sign anew."
    later = function.answer(BODY, headers | {"X-Time": str(int(now) + 1)}, now)
    assert later.body["error"] == "InvalidSignature"
    assert function.answer(BODY, headers | {"X-Time": "today"}, now).status == 401
    assert function.answer(BODY, sign(HMAC, SECRET, BODY, now) | {"X-Time": "1"}, now).status == 401


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_signature_is_good_for_its_body_and_secret_alone(code: str, preset: Preset) -> None:
    function, now = Function(code, preset.signature), time.time()
    body = "é" * 10
    headers = sign(preset.signature, SECRET, body, now)
    assert function.answer(body, headers, now).body["error"] == "BadRequest"
    assert function.answer(body.encode(), headers, now).body["error"] == "BadRequest"
    others = sign(preset.signature, SECRET + "!", body, now)
    for sent, signed in ((body + "é", headers), (body, others), (body.encode("latin-1"), headers)):
        answer = function.answer(sent, signed, now)
        assert (answer.status, answer.headers) == (401, JSON)
        assert set(answer.body) == {"error", "message", "requestId"}
        said = json.dumps(answer.body)
        assert SECRET not in said
        assert headers[preset.signature.header].rpartition("=")[2] not in said


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_whatever_stands_in_the_headers_it_is_refused_and_nothing_breaks(preset: Preset) -> None:
    function = Function("inlined", preset.signature)
    text = st.text(max_size=99) | st.text("tv10=,. abcdef", max_size=99)

    @given(text, text, st.binary() | st.text(st.characters(codec="utf-8")))
    def refused(first: str, second: str, body: str | bytes) -> None:
        names = preset.signature.header, preset.signature.timestamp_header
        answer = function.answer(body, dict(zip(names, (first, second), strict=True)))
        assert answer.status == 401

    refused()


def test_a_secret_that_cannot_be_read_is_said_so(code: str) -> None:
    secrets = shared().client("secretsmanager")
    binary = unique("stepgate/webhook")
    secrets.create_secret(Name=binary, SecretBinary=b"abc")
    for name in ("stepgate/missing", secret(" \n"), binary):
        function = Function(code, secret_name=name)
        for key in (SECRET, ""):
            answer = function.signed(BODY, key=key)
            assert (answer.status, answer.body["error"]) == (502, "SecretUnreadable")
            assert "secret could not be read" in answer.body["message"]


def test_what_was_read_serves_on_where_a_bad_signature_meets_an_outage(code: str) -> None:
    name, now = unique("stepgate/webhook"), time.time()
    secrets = shared().client("secretsmanager")
    secrets.create_secret(Name=name, SecretString=SECRET)
    function = Function(code, secret_name=name)
    assert function.signed(BODY, now).status == 202
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert function.signed(BODY, now + 60, key="guess").status == 502
    assert function.signed(BODY, now + 61, key="guess").status == 401
    assert function.signed(BODY, now + 299).status == 202
    assert function.signed(BODY, now + 300).status == 502


def test_signing_answers_the_headers_of_the_published_vectors() -> None:
    stripe = sign(PRESETS["STRIPE"].signature, STRIPE_KEY, STRIPE_BODY, STRIPE_TIME + 0.9)
    assert stripe == {"Stripe-Signature": f"t={STRIPE_TIME},{STRIPE_V1}"}
    github = sign(PRESETS["GITHUB"].signature, f" {GITHUB_KEY}\n", GITHUB_BODY.encode(), 0)
    assert github == {"X-Hub-Signature-256": GITHUB_SIGNATURE}
    assert sign(PRESETS["SLACK"].signature, SLACK_KEY, SLACK_BODY, SLACK_TIME) == {
        "X-Slack-Signature": SLACK_SIGNATURE,
        "X-Slack-Request-Timestamp": str(SLACK_TIME),
    }
    for key, data, algorithm, encoding, expected in RFC:
        signature = Signature("HMAC", "X-Hash", algorithm, encoding)
        assert sign(signature, key, data, 0) == {"X-Hash": expected}
