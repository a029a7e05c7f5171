"""The right column of the form: curl line, StartExecution call and answer, as one types."""

import json
import shlex
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import snippets
from dashboard.models import Environment, Trigger
from infra.spec import TriggerSpec
from tests.conftest import ended, typed, words
from tests.local_aws import LocalAws, machine_arn
from tests.local_aws import trigger as spec

pytestmark = pytest.mark.django_db
PREVIEW = "/triggers/preview"
BASE = "https://abc.execute-api.us-east-1.amazonaws.com/prod"


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The form asks AWS for its machine."""


def shown(client: Client, environment: Environment, **fields: Any) -> Any:
    answer = client.post(PREVIEW, typed(environment, key="order123", **fields))
    assert answer.status_code == 200
    return answer.context["preview"]


# -- the curl line ----------------------------------------------------------------------


def arguments(trigger: TriggerSpec, **more: str) -> list[str]:
    """What a shell makes of the curl line."""
    return shlex.split(snippets.curl(trigger, BASE, **more))


def test_the_curl_line_has_method_header_and_body() -> None:
    assert arguments(spec()) == [
        "curl",
        "-i",
        "-X",
        "POST",
        f"{BASE}/orders",
        "-H",
        "Content-Type: application/json",
        "-d",
        snippets.SAMPLE_BODY,
    ]


@pytest.mark.parametrize("body", ["it's", '"', "$HOME `id` \\ \n", "&lt; ü 😀"])
def test_a_shell_passes_the_body_on_as_it_is(body: str) -> None:
    assert arguments(spec(), body=body)[-1] == body


def test_any_is_called_with_post_and_variables_are_filled() -> None:
    words_ = arguments(spec(method="ANY", path="/orders/{id}/items/{rest+}"))
    assert words_[3:5] == ["POST", f"{BASE}/orders/42/items/42"]


def test_fixed_input_needs_no_body() -> None:
    line = arguments(spec(method="GET", input_mode="FIXED", input_template="{}"))
    assert line == ["curl", "-i", "-X", "GET", f"{BASE}/orders"]


@pytest.mark.parametrize(
    ("path", "value", "url"),
    [
        ("/a/{id}", "x/y z?#%", "/a/x%2Fy%20z%3F%23%25"),
        ("/a/{id}", "it's ü", "/a/it%27s%20%C3%BC"),
        ("/a/{rest+}", "x/y z", "/a/x/y%20z"),
    ],
)
def test_path_variables_are_quoted(path: str, value: str, url: str) -> None:
    name = path.split("{")[1].strip("+}")
    assert snippets.filled_path(path, {name: value}) == url


def test_a_live_trigger_is_shown_with_its_own_url(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    environment = trigger.rest_api.environment
    answer = as_admin.post(PREVIEW, typed(environment, key=trigger.key, path="/changed"))
    assert f"{trigger.rest_api.api_id}/prod/_user_request_/changed" in answer.context["curl"]
    assert "The URL is known after" not in words(answer)


# -- the call and the answer ------------------------------------------------------------


def test_the_call_is_the_start_execution_that_a_sample_becomes(
    as_admin: Client, environment: Environment
) -> None:
    call = json.loads(shown(as_admin, environment).call)
    assert call["stateMachineArn"] == machine_arn("order-fulfilment")
    assert call["name"].startswith("order123-")
    assert call["input"] == snippets.SAMPLE_BODY


def test_fixed_json_is_the_input_whatever_stands_in_it(
    as_admin: Client, environment: Environment
) -> None:
    text = '{"q": "it\'s \\"$context.requestId\\" #set($x=1) \\\\", "n": 12345678901234567890}'
    call = json.loads(shown(as_admin, environment, input_mode="FIXED", input_template=text).call)
    assert call["input"] == text


def test_the_answer_is_the_execution(as_admin: Client, environment: Environment) -> None:
    preview = shown(as_admin, environment)
    answer = json.loads(preview.answer)
    assert answer.keys() == {"executionArn", "startDate", "requestId"}
    assert ":000000000000:execution:order-fulfilment:order123-" in answer["executionArn"]
    assert preview.status == 202


def test_the_answer_is_the_fixed_json(as_admin: Client, environment: Environment) -> None:
    fields = {"response_mode": "FIXED", "response_body": '{"done": true}', "response_status": 200}
    preview = shown(as_admin, environment, **fields)
    assert (preview.answer, preview.status) == ('{"done": true}', 200)


def test_the_empty_answer_has_no_body(as_admin: Client, environment: Environment) -> None:
    fields = {"response_mode": "EMPTY", "response_status": 204}
    answer = as_admin.post(PREVIEW, typed(environment, **fields))
    assert answer.context["preview"].answer == ""
    assert "HTTP 204" in words(answer) and "No body" in words(answer)


@pytest.mark.parametrize("text", ["{half", "", "NaN", '"\\ud800"', "[" * 5_000, "1" * 5_000])
@pytest.mark.parametrize(
    ("mode", "field"), [("input_mode", "input_template"), ("response_mode", "response_body")]
)
def test_json_that_is_none_yet_is_no_server_error(
    text: str, mode: str, field: str, as_admin: Client, environment: Environment
) -> None:
    answer = as_admin.post(PREVIEW, typed(environment, **{mode: "FIXED", field: text}))
    assert answer.status_code == 200
    assert "Traceback" not in answer.content.decode()


def test_input_that_is_too_long_for_step_functions_says_so(
    as_admin: Client, environment: Environment
) -> None:
    text = json.dumps("x" * 262_143)
    preview = shown(as_admin, environment, input_mode="FIXED", input_template=text)
    assert "262,145 bytes; StartExecution takes 262,144" in preview.error


def test_an_empty_form_is_previewed(as_admin: Client, db: None) -> None:
    assert as_admin.post(PREVIEW, {}).status_code == 200


_WORDS = ["BODY", "FIXED", "EXECUTION", "EMPTY", "ANY", "GET", "/a/{b}", "{", '{"a":1}', "204"]
_ARNS = [machine_arn("quote"), machine_arn("gone"), "arn:aws:states:::"]
_NUMBERS = ["-1", "1e400", "²", "0" * 30]
_VALUES = st.text(max_size=40) | st.sampled_from([*_WORDS, *_ARNS, *_NUMBERS])


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_form_that_is_half_typed_is_never_a_server_error(
    data: st.DataObject, as_admin: Client, environment: Environment
) -> None:
    form = typed(environment)
    fields = data.draw(st.dictionaries(st.sampled_from(sorted(form)), _VALUES, max_size=6))
    left_out = data.draw(st.sets(st.sampled_from(sorted(form)), max_size=3))
    form = {name: value for name, value in (form | fields).items() if name not in left_out}
    for path in (PREVIEW, reverse("trigger_new")):
        if path == PREVIEW or "state_machine_arn" in fields:
            assert as_admin.post(path, form).status_code in {200, 302, 422}


def test_another_environment_changes_the_button_and_the_warning(
    as_admin: Client, environment: Environment
) -> None:
    other = Environment.objects.create(
        name="production", account_id="111111111111", region="eu-west-1"
    )
    page = as_admin.post(
        reverse("trigger_preview"), typed(other), headers={"HX-Request": "true"}
    ).content.decode()
    assert '<span id="target-account" hx-swap-oob="true">111111111111</span>' in page
    assert '<span id="target-name" hx-swap-oob="true"> to production</span>' in page


def test_the_chosen_environment_is_carried_on_to_the_other_pages(
    as_admin: Client, environment: Environment
) -> None:
    Environment.objects.create(name="production", account_id="111111111111", region="eu-west-1")
    page = as_admin.get(reverse("trigger_list"), {"environment": "production"}).content.decode()
    for name in ("trigger_list", "rest_api_list", "deployment_list"):
        assert f'href="{reverse(name)}?environment=production"' in page
