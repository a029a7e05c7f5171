"""What an execution receives is what was sent, through real HTTP, for any body."""

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.local_aws import LocalAws, deploy_api, trigger

KEY = "bodykey1"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
nasty = st.sampled_from(
    [
        "'", '"', "\\", "\\'", "\n", "\r\n", "\t", "\u2028", "\u2029", "😀", "é", "\x00", "\x7f",
        "$context.requestId", "$input.body", "#set($x = 1)", "#if(true)", "##", "#*", "*#", "#[[",
        "${x}", "$!x", "@@", "</script>", "{{", "%", "\\u0041", "\\\\", "/",
    ]
)  # fmt: skip
strings = st.lists(st.one_of(texts, nasty), max_size=5).map("".join)
scalars = st.one_of(
    strings,
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def url(local_aws: LocalAws) -> str:
    api_id = deploy_api(local_aws, trigger(key=KEY, throttle_rate=10_000, throttle_burst=5_000))
    return local_aws.url(api_id, "/orders")


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Content-Type": "application/json"}) as client:
        yield client


def received(local_aws: LocalAws, answer: httpx.Response) -> str:
    states = local_aws.client("stepfunctions")
    text = states.describe_execution(executionArn=answer.json()["executionArn"])["input"]
    return str(text)


@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(document=documents, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
@example(document={"id": 12345678901234567890123456789}, ascii_only=False, indent=None)
@example(document={"a": 'it\'s "quoted" \\ \n \u2028 😀'}, ascii_only=False, indent=None)
@example(document={"$context.requestId": "#set($x = 1)$x"}, ascii_only=False, indent=2)
def test_the_execution_receives_the_body_as_it_was_sent(
    url: str,
    http: httpx.Client,
    local_aws: LocalAws,
    *,
    document: object,
    ascii_only: bool,
    indent: int | None,
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    answer = http.post(url, content=body.encode())
    assert answer.status_code == 202, answer.text
    assert received(local_aws, answer) == body


def test_an_empty_body_becomes_an_empty_object(
    url: str, http: httpx.Client, local_aws: LocalAws
) -> None:
    answer = http.post(url, content=b"")
    assert answer.status_code == 202
    assert received(local_aws, answer) == "{}"


@pytest.mark.parametrize("body", ["{", "{'a':1}", '{"a":1,}', "hello", '"open', "[1,]", "NaN"])
def test_a_body_that_is_not_json_answers_400_and_starts_nothing(
    url: str, http: httpx.Client, local_aws: LocalAws, body: str
) -> None:
    answer = http.post(url, content=body.encode())
    assert answer.status_code == 400
    said = answer.json()
    assert said["error"] == "InvalidExecutionInput"
    assert said["message"]
    name = f"{KEY}-{said['requestId']}"
    states = local_aws.client("stepfunctions")
    arn = f"arn:aws:states:us-east-1:000000000000:execution:order-fulfilment:{name}"
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        states.describe_execution(executionArn=arn)


def test_another_content_type_answers_415_as_json(url: str) -> None:
    answer = httpx.post(url, content=b"a=1", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert answer.json()["error"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_caller_cannot_choose_the_name_of_the_execution(url: str, http: httpx.Client) -> None:
    chosen = "11111111-2222-3333-4444-555555555555"
    answer = http.post(url, content=b"{}", headers={"x-amzn-RequestId": chosen})
    assert answer.status_code == 202
    assert "1111" not in answer.json()["executionArn"].rpartition(":")[2]
