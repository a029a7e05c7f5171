"""Whatever a caller sends: the input is legal JSON of exactly the keys and values it should have.

10,000 generated requests over the kinds of input, with what breaks templates: quotes, ``@@``,
VTL, control characters. Neither the machine nor the execution's name is ever the caller's.
"""

import json
import re
from typing import Any
from urllib.parse import quote_plus

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import mapping
from infra.checks import check_json
from infra.spec import TriggerSpec
from infra.velocity import Request, render
from tests.local_aws import machine_arn, trigger

ID = "JKJaXmPLvHcESHA="
NASTY = (
    "'", '"', "\\", "\\'", '\\"', "@@", "$", "#", "$context.requestId", "$!{input.body}", "#end",
    '#set($id = "x")', '","stateMachineArn":"arn:evil', '"}', "\x00", "\x1f\x7f\u2028", "</script>",
    "é", "\U0001f600", "${jndi:x}", "{{x}}", "%27", "\r\n", "\\u0022", "{}", "null", "",
)  # fmt: skip
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=4)), max_size=5).map("".join),
)
values = st.recursive(
    st.one_of(
        texts,
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
maps = st.dictionaries(texts, texts, max_size=4)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
CONTEXTS = st.fixed_dictionaries(
    {
        "extendedRequestId": st.just(ID),
        "httpMethod": st.just("POST"),
        "path": texts,
        "identity": st.fixed_dictionaries({"sourceIp": texts, "userAgent": texts}),
        "authorizer": st.fixed_dictionaries(
            {"principalId": texts, "claims": st.fixed_dictionaries({"cognito:groups": texts})}
        ),
    }
)


def many(examples: int) -> settings:
    """The same requests in every run: a gate does not fail by chance."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def started(spec: TriggerSpec, request: Request, kind: Any = "JSON") -> tuple[str, Any]:
    """Name and input of the call, after the checks that hold for every call."""
    call = json.loads(render(mapping.request_template(spec, kind), request).text)
    assert set(call) == {"stateMachineArn", "name", "input"}
    assert call["stateMachineArn"] == machine_arn("order-fulfilment")
    return call["name"], call["input"]


def input_of(spec: TriggerSpec, request: Request, kind: Any = "JSON") -> Any:
    name, text = started(spec, request, kind)
    assert name == "order123-JKJaXmPLvHcESHA"
    return json.loads(text)


@many(2_500)
@given(
    body=values, query=maps, path=maps, sent=maps, allowed=st.lists(header_names, max_size=3),
    context=CONTEXTS, data=st.data(),
)  # fmt: skip
def test_a_whole_request_goes_in_as_it_was_sent(
    body: Any, query: Any, path: Any, sent: Any, allowed: list[str], context: Any, data: Any
) -> None:
    allowed = list(dict.fromkeys(allowed))
    headers = sent | {name: data.draw(texts) for name in allowed if data.draw(st.booleans())}
    spec = trigger(
        input_mode="REQUEST",
        input_headers=allowed,
        input_claims=("principalId", "claims.cognito:groups"),
    )
    request = Request(
        body=json.dumps(body, ensure_ascii=data.draw(st.booleans())),
        query=query,
        path=path,
        headers=headers,
        context=context,
    )
    wanted = {name: headers.get(name) or headers.get(name.lower()) for name in allowed}
    assert input_of(spec, request) == {
        "body": body,
        "query": query,
        "path": path,
        "headers": {name: value for name, value in wanted.items() if value},
        "context": {
            "requestId": "JKJaXmPLvHcESHA",
            "sourceIp": context["identity"]["sourceIp"],
            "userAgent": context["identity"]["userAgent"],
            "method": "POST",
            "path": context["path"],
        },
        "authorizer": {
            "principalId": context["authorizer"]["principalId"],
            "claims": context["authorizer"]["claims"],
        },
    }


@many(1_500)
@given(text=texts, context=CONTEXTS)
def test_a_body_that_is_no_json_is_refused_and_never_ends_its_own_place(
    text: str, context: Any
) -> None:
    spec = trigger(input_mode="REQUEST")
    name, found = started(spec, Request(body=text, context=context))
    try:
        check_json(text or "{}")  # stricter than Python, which reads Infinity
        wanted = json.loads(text or "{}")
    except ValueError:
        # What begins as a string (for Java, behind any control character) is taken for one.
        stripped = text.lstrip("".join(map(chr, range(33))))
        assert (name, found) == ("*json*", "{}") or stripped.startswith('"')
        return
    assert name == "order123-JKJaXmPLvHcESHA"
    whole = json.loads(found)
    assert set(whole) == {"body", "query", "path", "headers", "context"}
    assert whole["body"] == wanted


@many(1_500)
@given(text=texts)
def test_a_text_goes_in_as_one_string(text: str) -> None:
    spec = trigger(content_types=("TEXT",))
    request = Request(body=text, context={"extendedRequestId": ID})
    assert input_of(spec, request, "TEXT") == (text or "{}")


@many(1_500)
@given(pairs=st.lists(st.tuples(texts, texts), max_size=6))
def test_a_form_goes_in_as_an_object_of_its_pairs(pairs: list[tuple[str, str]]) -> None:
    spec = trigger(content_types=("FORM",))
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    wanted: dict[str, str] = {}
    for name, value in pairs:
        if name:
            wanted.setdefault(name, value)
    request = Request(body=body, context={"extendedRequestId": ID})
    assert input_of(spec, request, "FORM") == wanted


@many(1_500)
@given(name=texts.filter(bool), body=values, text=texts, query=texts, number=values, flag=values)
def test_a_field_mapping_gives_its_fields_and_no_other(
    name: str, body: Any, text: str, query: str, number: Any, flag: Any
) -> None:
    name = name[:100]
    rows = [
        {"name": name, "source": "BODY", "value": "$.text"},
        {"name": f"{name}1", "source": "QUERY", "value": "q"},
        {"name": f"{name}2", "source": "BODY", "value": "$.any", "type": "JSON"},
        {"name": f"{name}3", "source": "BODY", "value": "$.number", "type": "NUMBER"},
        {"name": f"{name}4", "source": "BODY", "value": "$.flag", "type": "BOOLEAN"},
        {"name": f"{name}5", "source": "CONSTANT", "value": json.dumps([name])},
    ]
    spec = trigger(input_mode="FIELDS", input_fields=rows)
    sent = {"text": text, "any": body, "number": number, "flag": flag}
    request = Request(json.dumps(sent), query={"q": query}, context={"extendedRequestId": ID})
    called, found = started(spec, request)

    def kind(value: Any, *types: type) -> bool:
        return value in (None, "") or type(value) in types

    if not kind(number, int, float) or not kind(flag, bool):
        assert called in ("*f3*", "*f4*") and found == "{}"
        return
    assert called == "order123-JKJaXmPLvHcESHA"
    assert json.loads(found) == {
        name: text or None,
        f"{name}1": query or None,
        f"{name}2": None if body == "" else body,
        f"{name}3": None if number == "" else number,
        f"{name}4": None if flag == "" else flag,
        f"{name}5": [name],
    }


@many(1_500)
@given(key=st.one_of(texts, st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True)))
def test_an_idempotency_key_names_the_execution_as_it_is_or_not_at_all(key: str) -> None:
    context = {"extendedRequestId": ID}
    for spec, request in (
        (
            trigger(idempotency_source="HEADER", idempotency_key="Idempotency-Key"),
            Request("{}", headers={"Idempotency-Key": key}, context=context),
        ),
        (
            trigger(idempotency_source="BODY", idempotency_key="$.key"),
            Request(json.dumps({"key": key}), context=context),
        ),
    ):
        name, text = started(spec, request)
        if re.fullmatch(r"[A-Za-z0-9_-]{1,71}", key):
            assert name == f"order123-{key}" and json.loads(text) == json.loads(request.body)
        else:
            assert (name, text) == ("*key*", "{}")
