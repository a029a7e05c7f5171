"""The trigger's form: what fills itself, what is fixed, what is shown to whom."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.forms import default_name
from dashboard.models import Deployment, Environment, RestApi, Trigger
from tests.conftest import ended, make_trigger, typed, words
from tests.local_aws import LocalAws, machine_arn

pytestmark = pytest.mark.django_db
NEW = "/triggers/new"


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The form asks AWS for its machine."""


@pytest.fixture
def production(environment: Environment) -> Environment:
    return Environment.objects.create(
        name="production", account_id="111122223333", region="eu-west-1"
    )


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/", "post-root"),
        ("GET", "/orders", "get-orders"),
        ("ANY", "/orders/{id}", "any-orders-id"),
        ("POST", "/{proxy+}", "post-proxy"),
        ("PUT", "/A.b/C_d", "put-a-b-c-d"),
    ],
)
def test_the_name_comes_from_method_and_path_until_one_is_typed(
    method: str, path: str, name: str, as_admin: Client, environment: Environment
) -> None:
    assert default_name(method, path) == name
    for given, expected in (("", name), ("mine", "mine")):
        form = typed(environment, method=method, path=path, name=given, save="1")
        assert as_admin.post(NEW, form).status_code == 302
        trigger = Trigger.objects.get(key=form["key"])
        assert (trigger.name, trigger.rest_api.name) == (expected, expected)


def test_a_long_path_fills_the_name_with_as_much_as_it_holds(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, path="/" + "x" * 200, save="1")
    answer = as_admin.post(NEW, form)
    assert answer.status_code == 302, answer.context["form"].errors
    assert len(Trigger.objects.get().name) <= 80


def test_the_questions_stand_in_the_order_a_person_thinks(
    as_admin: Client, environment: Environment
) -> None:
    text = words(as_admin.get(NEW, {"path": "/orders"}))
    labels = [
        "Which machine?",
        "State machine",
        "Which method and path?",
        "HTTP method",
        "Path",
        "Name",
        "REST API",
        "Description",
        "Who may call?",
        "Authorization",
        "None (public)",
        "Anyone who knows this URL can start executions in 000000000000",
        "Why public?",
        "Requests a second",
        "Burst",
        "What goes in?",
        "Input",
        "Input template",
        "What comes back?",
        "Response",
        "Response status",
        "Response body",
        "Save and deploy",
        "Cancel",
    ]
    at = -1
    for label in labels:
        at = text.find(label, at + 1)
        assert at >= 0, label


def test_the_empty_form_opens_with_the_defaults(as_admin: Client, environment: Environment) -> None:
    answer = as_admin.get(NEW)
    assert answer.status_code == 200
    form = answer.context["form"]
    expected = {
        "method": "POST",
        "input_mode": "BODY",
        "response_mode": "EXECUTION",
        "response_status": 202,
        "throttle_rate": 10,
        "throttle_burst": 20,
    }
    assert {name: form[name].value() for name in expected} == expected


def test_try_it_fills_the_form(as_admin: Client, environment: Environment) -> None:
    start = as_admin.get("/")
    assert start.context["try_it"]["path"] == "/orders"
    answer = as_admin.get(NEW, start.context["try_it"])
    form = answer.context["form"]
    assert form["state_machine_arn"].value() == machine_arn("order-fulfilment")
    assert (form["method"].value(), form["path"].value()) == ("POST", "/orders")
    assert "/orders" in answer.context["curl"]


def test_with_one_environment_nobody_is_asked_for_it(
    as_admin: Client, environment: Environment
) -> None:
    answer = as_admin.get(NEW, {"path": "/orders"})
    html = answer.content.decode()
    assert f'<input type="hidden" name="environment" value="{environment.pk}">' in html
    assert "Save and deploy to" not in words(answer)


def test_with_several_environments_the_button_says_where_to(
    as_admin: Client, production: Environment
) -> None:
    answer = as_admin.get(NEW, {"path": "/orders", "environment": "production"})
    assert "Save and deploy to production" in words(answer)
    assert "can start executions in 111122223333" in words(answer)
    html = answer.content.decode()
    assert f'<option value="{production.pk}" selected>production</option>' in html


def test_a_rest_api_of_another_environment_is_refused_naming_both(
    as_admin: Client, environment: Environment, production: Environment
) -> None:
    there = RestApi.objects.create(environment=production, name="billing", created_by="ada")
    answer = as_admin.post(NEW, typed(environment, rest_api=there.pk, save="1"))
    assert answer.status_code == 422
    said = str(answer.context["form"].errors["rest_api"])
    assert "billing" in said and "production" in said and "local" in said
    assert not Trigger.objects.exists()


def test_a_rest_api_that_is_gone_is_not_offered(as_admin: Client, trigger: Trigger) -> None:
    trigger.mark_gone(by="ada")
    trigger.rest_api.end_if_empty(by="ada")
    answer = as_admin.get(NEW, {"path": "/orders"})
    offered = dict(answer.context["form"].fields["rest_api"].choices)
    assert list(offered.values()) == ["New REST API"]


def test_a_trigger_may_join_a_rest_api(as_admin: Client, trigger: Trigger) -> None:
    environment = trigger.rest_api.environment
    form = typed(environment, rest_api=trigger.rest_api_id, path="/refunds", save="1")
    assert as_admin.post(NEW, form).status_code == 302
    assert trigger.rest_api.triggers.count() == 2
    assert RestApi.objects.count() == 1


def test_environment_and_rest_api_stay_what_they_are_after_the_first_deployment(
    as_admin: Client, trigger: Trigger, production: Environment
) -> None:
    ended(trigger)
    other = RestApi.objects.create(environment=production, name="billing", created_by="ada")
    form = typed(
        production,
        rest_api=other.pk,
        name="orders",
        version=1,
        response_status="201",
        save="1",
    )
    path = reverse("trigger_edit", args=[trigger.key])
    assert "Fixed since the first deployment" in words(as_admin.get(path))
    assert as_admin.post(path, form).status_code == 302
    again = Trigger.objects.get(pk=trigger.pk)
    assert (again.response_status, again.rest_api_id) == (201, trigger.rest_api_id)
    assert again.rest_api.environment.name == "local"


def test_a_trigger_that_was_never_deployed_may_move_and_leaves_no_empty_rest_api(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, path="/refunds").rest_api
    form = typed(environment, rest_api=other.pk, name="orders", version=1, save="1")
    assert as_admin.post(reverse("trigger_edit", args=[trigger.key]), form).status_code == 302
    old = RestApi.objects.get(pk=trigger.rest_api_id)
    assert old.gone_by == "ada"
    assert other.triggers.count() == 2


def test_the_form_of_a_live_trigger_says_that_another_route_is_another_url(
    as_admin: Client, trigger: Trigger
) -> None:
    path = reverse("trigger_edit", args=[trigger.key])
    assert "changes the URL" not in words(as_admin.get(path))
    ended(trigger)
    assert "A changed method or path changes the URL" in words(as_admin.get(path))


def test_the_button_says_what_it_takes_of_the_other_routes(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    path = reverse("trigger_edit", args=[trigger.key])
    said = "every other route stays as it is live"
    assert said not in words(as_admin.get(path))
    make_trigger(environment, trigger.rest_api, path="/refunds")
    assert said in words(as_admin.get(path))


def test_save_deploys_nothing_and_save_and_deploy_goes_to_the_deployment(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, save="1")
    answer = as_admin.post(NEW, form, follow=True)
    assert "Callers do not meet it until it is deployed" in words(answer)
    assert not Deployment.objects.exists()
    form = typed(environment, deploy="1", note="for the launch")
    answer = as_admin.post(NEW, form)
    deployment = Deployment.objects.get()
    assert answer["Location"] == deployment.get_absolute_url()
    assert (deployment.note, deployment.requested_by) == ("for the launch", "ada")


def test_a_trigger_that_is_gone_can_no_longer_be_edited(as_admin: Client, trigger: Trigger) -> None:
    trigger.mark_gone(by="otto")
    for ask in (as_admin.get, as_admin.post):
        answer = ask(reverse("trigger_edit", args=[trigger.key]), follow=True)
        assert "can no longer be edited" in words(answer)
