"""The trigger's form: each rule on what a person may type, in the words they are told."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import Deployment, Environment, RestApi, Trigger
from tests.conftest import ended, make_trigger, typed, words
from tests.faults import failing, unreachable
from tests.local_aws import LocalAws, machine_arn

pytestmark = pytest.mark.django_db
NEW = "/triggers/new"


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The form asks AWS for its machine."""


def rows() -> tuple[int, int, int]:
    return Trigger.objects.count(), RestApi.objects.count(), Deployment.objects.count()


def errors_of(client: Client, form: dict[str, Any], path: str = NEW) -> dict[str, str]:
    """Field → what is said about it; nothing may have been saved."""
    before = rows()
    answer = client.post(path, form | {"deploy": "1"})
    assert answer.status_code == 422
    assert rows() == before
    found = {name: " ".join(map(str, e)) for name, e in answer.context["form"].errors.items()}
    told = words(answer)
    for text in found.values():
        assert " ".join(text.split()) in told
    return found


def saved(client: Client, form: dict[str, Any]) -> Trigger:
    answer = client.post(NEW, form | {"save": "1"})
    assert answer.status_code == 302, answer.context["form"].errors
    return Trigger.objects.get(key=form["key"])


# -- the state machine ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arn",
    [
        "order-fulfilment",
        "arn:aws:lambda:us-east-1:000000000000:function:x",
        machine_arn("order-fulfilment") + ":1:2",
        machine_arn("order-fulfilment").replace(":stateMachine:", ":execution:") + ":x",
        machine_arn("a b"),
    ],
)
def test_what_is_no_arn_of_a_state_machine_is_refused_with_an_example(
    arn: str, as_admin: Client, environment: Environment
) -> None:
    found = errors_of(as_admin, typed(environment, state_machine_arn=arn))
    assert list(found) == ["state_machine_arn"]
    assert "arn:aws:states:REGION:ACCOUNT:stateMachine:NAME" in found["state_machine_arn"]


@pytest.mark.parametrize(
    ("arn", "where"),
    [
        ("arn:aws:states:us-east-1:111122223333:stateMachine:x", "111122223333"),
        ("arn:aws:states:eu-west-1:000000000000:stateMachine:x", "eu-west-1"),
    ],
)
def test_a_machine_of_another_account_or_region_is_refused_naming_both(
    arn: str, where: str, as_admin: Client, environment: Environment
) -> None:
    said = errors_of(as_admin, typed(environment, state_machine_arn=arn))["state_machine_arn"]
    assert where in said
    assert "000000000000, us-east-1" in said


def test_a_machine_that_does_not_exist_is_refused_by_its_name(
    as_admin: Client, environment: Environment
) -> None:
    arn = machine_arn("no-such-machine")
    said = errors_of(as_admin, typed(environment, state_machine_arn=arn))["state_machine_arn"]
    assert "There is no state machine no-such-machine in 000000000000" in said


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        ("AccessDeniedException", "Allow states:DescribeStateMachine in the IAM policy"),
        ("ThrottlingException", "Wait a minute and try again"),
        ("ExpiredTokenException", "credentials"),
    ],
)
def test_what_aws_refuses_is_said_in_its_words_with_the_call_and_the_next_step(
    code: str, next_step: str, as_admin: Client, environment: Environment
) -> None:
    with failing("stepfunctions", "DescribeStateMachine", code, "No, says AWS."):
        said = errors_of(as_admin, typed(environment))["state_machine_arn"]
    assert f"states:DescribeStateMachine: {code}: No, says AWS." in said
    assert next_step in said


def test_aws_that_cannot_be_reached_is_named_with_its_address(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    with unreachable("stepfunctions", "DescribeStateMachine"):
        said = errors_of(as_admin, typed(environment))["state_machine_arn"]
    assert "states:DescribeStateMachine: Unreachable" in said
    assert f"Check that {local_aws.endpoint_url} can be reached" in said


def test_an_express_machine_is_saved_with_its_type(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, state_machine_arn=machine_arn("quote"))
    assert saved(as_admin, form).machine_type == "EXPRESS"


# -- the route --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("orders", "begins with a slash"),
        ("/orders/", "no slash at its end"),
        ("/a//b", "two slashes"),
        ("/a b", "“a b”"),
        ("/preis€", "“preis€”"),
        ("/a?b=1", "“a?b=1”"),
        ("/x{id}", "“x{id}”"),
        ("/{a}{b}", "“{a}{b}”"),
        ("/{}", "“{}”"),
        ("/{id}/{id}", "{id} stands in this path twice"),
        ("/{proxy+}/x", "{proxy+} takes the whole rest of the path, so it must come last"),
        ("", "required"),
    ],
)
def test_a_path_that_api_gateway_would_refuse_is_refused_here(
    path: str, said: str, as_admin: Client, environment: Environment
) -> None:
    found = errors_of(as_admin, typed(environment, path=path))
    assert list(found) == ["path"]
    assert said in found["path"]


@pytest.mark.parametrize("path", ["/", "/orders", "/orders/{id}", "/a.b/c-d/e_f:g", "/{proxy+}"])
def test_a_path_that_api_gateway_takes_is_taken(
    path: str, as_admin: Client, environment: Environment
) -> None:
    assert saved(as_admin, typed(environment, path=f" {path} ")).path == path


@pytest.mark.parametrize(
    ("method", "path", "other"),
    [
        ("GET", "/orders/{orderId}/items", "POST /orders/{id}"),
        ("POST", "/orders/{key}", "POST /orders/{id}"),
        ("POST", "/orders/{id}", "POST /orders/{id}"),
        ("GET", "/orders/{rest+}", "POST /orders/{id}"),
    ],
)
def test_a_route_that_cannot_stand_beside_another_is_refused_naming_it(
    method: str, path: str, other: str, as_admin: Client, environment: Environment
) -> None:
    there = make_trigger(environment, path="/orders/{id}")
    form = typed(environment, method=method, path=path, rest_api=there.rest_api_id)
    assert other in errors_of(as_admin, form)["path"]


def test_a_route_that_is_live_but_changed_since_is_still_in_the_way(
    as_admin: Client, environment: Environment
) -> None:
    there = make_trigger(environment, path="/orders/{id}")
    ended(there)
    there.save_version({"path": "/moved"}, by="ada")
    for path in ("/orders/{id}", "/orders/{other}", "/moved"):
        form = typed(environment, path=path, rest_api=there.rest_api_id)
        assert "POST" in errors_of(as_admin, form)["path"]


def test_the_route_of_a_deleted_trigger_is_free_again(
    as_admin: Client, environment: Environment
) -> None:
    there = make_trigger(environment)
    make_trigger(environment, there.rest_api, path="/kept")
    there.mark_gone(by="ada")
    assert saved(as_admin, typed(environment, rest_api=there.rest_api_id)).path == "/orders"


def test_the_same_route_in_another_rest_api_is_no_conflict(
    as_admin: Client, environment: Environment
) -> None:
    make_trigger(environment)
    assert saved(as_admin, typed(environment)).rest_api.triggers.count() == 1


# -- input and response -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "mode"), [("input_template", "input_mode"), ("response_body", "response_mode")]
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b": }', "Line 2, column 7"),
        ("{'a': 1}", "Line 1, column 2"),
        ('{"a": 1} x', "Line 1, column 10"),
        ("NaN", "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("", "Type a JSON document, for example {}."),
        (" \n ", "Type a JSON document, for example {}."),
        (json.dumps("x" * 262_143), "262,145 bytes; AWS takes 262,144"),
    ],
)
def test_fixed_json_that_is_none_is_refused_where_it_is_wrong(
    field: str, mode: str, text: str, said: str, as_admin: Client, environment: Environment
) -> None:
    found = errors_of(as_admin, typed(environment, **{mode: "FIXED", field: text}))
    assert list(found) == [field]
    assert said in found[field]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000])
def test_fixed_json_beyond_what_can_be_read_is_an_error_of_the_field(
    text: str, as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, input_mode="FIXED", input_template=text)
    found = errors_of(as_admin, form)
    assert list(found) == ["input_template"]
    assert "sys.set_int_max_str_digits" not in found["input_template"]


def test_a_number_of_any_length_is_json(as_admin: Client, environment: Environment) -> None:
    form = typed(environment, input_mode="FIXED", input_template="1" * 5_000)
    assert saved(as_admin, form).input_template == "1" * 5_000


def test_fixed_json_that_is_not_used_is_not_checked(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, input_template="{half", response_body="{half")
    assert saved(as_admin, form).input_template == "{half"


@pytest.mark.parametrize("text", ['"text"', "1", "null", "[]", '{"$": "#set", "q": "\\u2028"}'])
def test_any_json_document_may_be_fixed(
    text: str, as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, input_mode="FIXED", input_template=text)
    assert saved(as_admin, form).input_template == text


@pytest.mark.parametrize(
    ("status", "mode"), [("199", "EXECUTION"), ("300", "EMPTY"), ("2x2", "FIXED"), ("", "EMPTY")]
)
def test_a_response_status_outside_of_200_to_299_is_refused(
    status: str, mode: str, as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, response_status=status, response_mode=mode)
    assert list(errors_of(as_admin, form)) == ["response_status"]


@pytest.mark.parametrize("status", ["204", "205"])
@pytest.mark.parametrize("mode", ["EXECUTION", "FIXED"])
def test_a_status_without_a_body_takes_no_body(
    status: str, mode: str, as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, response_status=status, response_mode=mode)
    assert "Empty" in errors_of(as_admin, form)["response_status"]
    form["response_mode"] = "EMPTY"
    assert saved(as_admin, form).response_status == int(status)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("throttle_rate", "0"),
        ("throttle_rate", "10001"),
        ("throttle_rate", "nan"),
        ("throttle_rate", "inf"),
        ("throttle_rate", ""),
        ("throttle_burst", "0"),
        ("throttle_burst", "5001"),
        ("throttle_burst", "1.5"),
        ("method", "TRACE"),
        ("input_mode", "OTHER"),
        ("response_mode", ""),
        ("name", "n" * 81),
        ("rest_api", "999999"),
    ],
)
def test_a_value_outside_of_its_limits_is_refused_at_its_field(
    field: str, value: str, as_admin: Client, environment: Environment
) -> None:
    assert list(errors_of(as_admin, typed(environment, **{field: value}))) == [field]


def test_several_mistakes_are_all_told_at_once(as_admin: Client, environment: Environment) -> None:
    form = typed(environment, path="x", state_machine_arn="y", throttle_rate="0")
    assert errors_of(as_admin, form).keys() == {"path", "state_machine_arn", "throttle_rate"}


def test_after_a_mistake_everything_typed_is_still_there(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(
        environment,
        path="/bad path",
        method="PATCH",
        input_mode="FIXED",
        input_template='{"kept": "<b>&amp;"}',
        response_mode="FIXED",
        response_body='{"also": "kept"}',
        response_status="299",
        throttle_rate="1.5",
        name="a name of mine",
        description="two\nlines",
    )
    answer = as_admin.post(NEW, form | {"save": "1", "note": "for the launch"})
    shown = answer.context["form"]
    for name in form.keys() - {"key"}:
        assert str(shown[name].value()) == str(form[name]), name
    html = answer.content.decode()
    assert "&lt;b&gt;&amp;amp;" in html
    assert f'name="key" value="{form["key"]}"' in html
    assert "for the launch" in html


def test_a_variable_of_the_live_path_cannot_be_renamed_in_place(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, path="/orders/{id}")
    ended(trigger)
    form = typed(environment, path="/orders/{other}", rest_api=str(trigger.rest_api_id))
    page = as_admin.post(
        reverse("trigger_edit", args=[trigger.key]), form | {"version": str(trigger.version)}
    )
    assert page.status_code == 422
    assert "cannot rename a variable in place" in page.context["form"].errors["path"][0]
