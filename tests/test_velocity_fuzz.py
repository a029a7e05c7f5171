"""Whatever stands in a body or a template, the evaluator keeps it whole or says what is wrong."""

import base64
import json
from pathlib import Path
from urllib.parse import unquote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from infra import mapping
from infra.spec import TriggerSpec
from infra.velocity import Request, VelocityError, render

BODY_TRIGGER = TriggerSpec(
    key="abcdefgh",
    method="POST",
    path="/orders",
    state_machine_arn="arn:aws:states:eu-central-1:123456789012:stateMachine:Orders",
    input_mode="BODY",
)
REQUEST = Request(body='{"a": {"b": [1, "x"]}}', query={"q": "v"})


def text(template: str, request: Request) -> str:
    return render(template, request).text


PIECES = st.sampled_from(
    [
        "'",
        '"',
        "\\",
        "\\'",
        "$context.requestId",
        "#set($x=1)",
        "😀",
        "\u2028",
        "\x00",
        "\x1f",
        "/",
        "\n",
        "$",
        "#",
        "${x}",
        "\\\\'",
        "\x7f",
        "\ufffe",
    ]
)
BODIES = st.lists(st.one_of(PIECES, st.text(max_size=5))).map("".join).filter(bool)


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_every_body_reaches_the_execution_as_it_was_sent(body: str) -> None:
    context = {"extendedRequestId": "Abc_d-e=", "requestId": "secret"}
    rendered = render(mapping.request_template(BODY_TRIGGER), Request(body=body, context=context))
    call = json.loads(rendered.text)
    assert call["input"] == body
    assert call["name"] == "abcdefgh-Abc_d-e"


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_what_is_encoded_decodes_again(body: str) -> None:
    request = Request(body="-" + body)
    assert unquote_plus(text("$util.urlEncode($input.body)", request)) == request.body
    encoded = text("$util.base64Encode($input.body)", request)
    assert base64.b64decode(encoded).decode() == request.body
    assert text("$util.urlDecode($util.urlEncode($input.body))", request) == request.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_json_of_the_whole_body_is_the_same_json(value: object) -> None:
    assert json.loads(text("$input.json('$')", Request(body=json.dumps(value)))) == value


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "#if",
                "#end",
                "#else",
                "(",
                ")",
                "$x",
                "$",
                "{",
                "}",
                "[",
                "]",
                ".a",
                '"',
                "'",
                "\\",
                "#set($x = ",
                "1",
                "..",
                ",",
                "#",
                "*",
                " ",
                "\n",
                "#foreach($x in ",
                "true",
                "!=",
                '""',
                "\\u",
                "$input.path('$..b')",
                "$input.json($x)",
                ".replaceAll($x, $x)",
                ".split($x)",
                ".substring(1)",
                ".put($x, $x)",
                ".add($x)",
                ".hashCode()",
                "$util.parseJson($x)",
                "$util.base64Decode($x)",
                "$util.urlDecode($x)",
                "$context.responseOverride.header",
                "#set($context.responseOverride = $x)",
                "#define($x)",
                "#macro(m $x)",
                "#m($x)",
                "#break",
            ]
        )
    ).map("".join)
)
def test_any_text_renders_or_is_an_error_with_a_place(template: str) -> None:
    try:
        render(template, REQUEST)
    except VelocityError as error:
        assert error.line >= 1
        assert error.column >= 1


def test_a_large_body_arrives_whole() -> None:
    body = json.dumps({"items": [{"id": n, "name": f"Bjørn's {n}"} for n in range(3000)]})
    request = Request(body=body, context={"extendedRequestId": "x="})
    assert len(body) > 100_000
    assert json.loads(render(mapping.request_template(BODY_TRIGGER), request).text)["input"] == body


def test_the_evaluator_never_reaches_for_python_attributes() -> None:
    folder = Path(__file__).parent.parent / "infra" / "velocity"
    for file in folder.glob("*.py"):
        assert "getattr(" not in file.read_text(encoding="utf-8"), file.name
