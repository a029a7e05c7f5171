"""The preview as the form asks for it: whatever is typed, it answers."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import preview as previews
from dashboard.models import Environment, Trigger
from infra.spec import TriggerSpec
from tests.conftest import ended, typed, words
from tests.local_aws import LocalAws, machine_arn
from tests.local_aws import trigger as spec

PREVIEW = "/triggers/preview"


# -- anything that may be typed -----------------------------------------------------------


_TEXTS = st.text(max_size=30) | st.sampled_from(
    ["$", "$.a", "{", '{"a":1}', "#if(", "a: b", "header.X", "%zz", "\ud800", "\0", "[" * 3000]
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_CHOICES: dict[str, list[Any]] = {
    "authorization": ["AWS_IAM", "API_KEY", "COGNITO_USER_POOLS", "CUSTOM", "SIGNED", "NONE"],
    "input_mode": ["BODY", "FIXED", "REQUEST", "FIELDS", "VTL"],
    "response_mode": ["EXECUTION", "OUTPUT", "FIXED", "EMPTY", "TEMPLATE"],
    "action": ["StartExecution", "StartSyncExecution"],
    "webhook_preset": ["STRIPE", "GITHUB", "SLACK", "HMAC"],
    "idempotency_source": ["", "HEADER", "BODY"],
    "webhook_filter_source": ["", "HEADER", "BODY"],
    "method": ["GET", "POST", "ANY"],
    "content_types": [["JSON"], ["FORM", "TEXT"], []],
}
_FIELD = st.fixed_dictionaries(
    {
        "name": _TEXTS,
        "source": st.sampled_from(["BODY", "QUERY", "HEADER", "PATH", "CONTEXT", "CONSTANT"]),
        "value": _TEXTS,
    },
    optional={"type": st.sampled_from(["STRING", "NUMBER", "JSON"]), "default": _TEXTS},
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_nothing_that_is_typed_raises(data: st.DataObject) -> None:
    values = spec().model_dump()
    names = st.sampled_from(sorted(values))
    values |= data.draw(st.dictionaries(names, _ANYTHING | st.lists(_FIELD, max_size=2)))
    for name, options in _CHOICES.items():
        if data.draw(st.booleans()):
            values[name] = data.draw(st.sampled_from(options))
    fields = ["body", "content_type", "query", "headers", "path_id"]
    sample = data.draw(
        st.dictionaries(st.sampled_from([f"sample_{n}" for n in fields]), _TEXTS, max_size=5)
    )
    found = previews.preview(TriggerSpec.model_construct(**values), None, sample)
    assert found.answers or found.problems
    for problem in found.problems:
        assert str(problem)


def test_what_is_wrong_with_the_definition_is_told_with_line_and_column() -> None:
    values = spec().model_dump() | {"input_mode": "FIXED", "input_template": '{\n "a" 1}'}
    found = previews.preview(TriggerSpec.model_construct(**values), None, {})
    assert "Input template, line 2, column 6: Expecting ':' delimiter." in map(str, found.problems)


# -- on the page --------------------------------------------------------------------------


def shown(client: Client, environment: Environment, **fields: Any) -> Any:
    page = client.post(PREVIEW, typed(environment, key="order123", **fields))
    assert page.status_code == 200
    return page


@pytest.mark.django_db
@pytest.mark.usefixtures("local_aws")
class TestPage:
    def test_the_page_shows_call_size_and_answer(
        self, as_admin: Client, environment: Environment
    ) -> None:
        text = words(shown(as_admin, environment))
        assert "StartExecution" in text and "order123-JKJaXmPLvHcESHA" in text
        assert "63 B of 256 KiB" in text and "HTTP 202" in text

    def test_the_sample_is_posted_with_the_form(
        self, as_admin: Client, environment: Environment
    ) -> None:
        page = shown(as_admin, environment, sample_body="{half")
        assert page.context["preview"].input == "{half"
        assert "No execution:" in words(page) and "HTTP 400" in words(page)

    def test_the_empty_answer_has_no_body(self, as_admin: Client, environment: Environment) -> None:
        page = shown(as_admin, environment, response_mode="EMPTY", response_status="204")
        assert "HTTP 204" in words(page) and "No body" in words(page)

    def test_a_live_trigger_is_shown_with_its_own_url(
        self, as_admin: Client, trigger: Trigger
    ) -> None:
        ended(trigger)
        environment = trigger.rest_api.environment
        page = as_admin.post(PREVIEW, typed(environment, key=trigger.key, path="/changed"))
        assert f"{trigger.rest_api.api_id}/prod/_user_request_/changed" in page.context["curl"]
        assert "The URL is known after" not in words(page)

    def test_the_stage_is_that_of_the_chosen_rest_api(
        self, as_admin: Client, trigger: Trigger
    ) -> None:
        rest_api, environment = trigger.rest_api, trigger.rest_api.environment
        rest_api.stage_name = "v1"
        rest_api.save()
        fields = {"input_mode": "VTL", "input_template": '{"input": "$context.stage"}'}
        for chosen, stage in ((rest_api.pk, "v1"), ("", "prod"), ("x", "prod"), ("9" * 9, "prod")):
            page = shown(as_admin, environment, rest_api=chosen, **fields)
            assert page.context["preview"].input == stage

    @pytest.mark.parametrize("text", ["{half", "", "NaN", '"\\ud800"', "[" * 5_000, "1" * 5_000])
    @pytest.mark.parametrize(
        ("mode", "field"), [("input_mode", "input_template"), ("response_mode", "response_body")]
    )
    def test_json_that_is_none_yet_is_no_server_error(
        self, text: str, mode: str, field: str, as_admin: Client, environment: Environment
    ) -> None:
        page = shown(as_admin, environment, **{mode: "FIXED", field: text})
        assert "Traceback" not in page.content.decode()

    def test_an_empty_form_is_previewed(self, as_admin: Client) -> None:
        assert as_admin.post(PREVIEW, {}).status_code == 200

    def test_another_environment_changes_the_button_and_the_warning(
        self, as_admin: Client, environment: Environment
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
        self, as_admin: Client, environment: Environment
    ) -> None:
        Environment.objects.create(name="production", account_id="111111111111", region="eu-west-1")
        page = as_admin.get(reverse("trigger_list"), {"environment": "production"})
        for name in ("trigger_list", "rest_api_list", "deployment_list"):
            assert f'href="{reverse(name)}?environment=production"' in page.content.decode()


_WORDS = ["BODY", "FIXED", "EXECUTION", "EMPTY", "ANY", "GET", "/a/{b}", "{", '{"a":1}', "204"]
_ARNS = [machine_arn("quote"), machine_arn("gone"), "arn:aws:states:::"]
_NUMBERS = ["-1", "1e400", "²", "0" * 30]
_VALUES = st.text(max_size=40) | st.sampled_from([*_WORDS, *_ARNS, *_NUMBERS])


@pytest.mark.django_db
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_form_that_is_half_typed_is_never_a_server_error(
    data: st.DataObject, as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    form = typed(environment)
    fields = data.draw(st.dictionaries(st.sampled_from(sorted(form)), _VALUES, max_size=6))
    left_out = data.draw(st.sets(st.sampled_from(sorted(form)), max_size=3))
    form = {name: value for name, value in (form | fields).items() if name not in left_out}
    for path in (PREVIEW, reverse("trigger_new")):
        if path == PREVIEW or "state_machine_arn" in fields:
            assert as_admin.post(path, form).status_code in {200, 302, 422}


@pytest.mark.django_db
def test_rows_that_are_wrong_are_said_to_be_left_out(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    fields = {"input_mode": "FIELDS", "input_fields": '[{"name": "a", "value": "a"}]'}
    told = words(as_admin.post(PREVIEW, typed(environment, **fields)))
    assert "left out here until they are mended: Row 1: “a” is not a path" in told
