"""Who may call, what they may send, what they get: every choice of the form and its rules."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from dashboard.models import Deployment, Environment, Trigger
from infra.spec import TriggerSpec
from tests.conftest import deploy, ended, make_trigger, typed, words
from tests.local_aws import machine_arn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("local_aws")]
NEW = "/triggers/new"
POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abc"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:auth"
EXPRESS = machine_arn("quote")


def saved(client: Client, environment: Environment, **fields: Any) -> Trigger:
    form = typed(environment, **fields)
    answer = client.post(NEW, form)
    errors = answer.context and answer.context["form"].errors
    assert answer.status_code == 302, errors
    return Trigger.objects.get(key=form["key"])


def refused(client: Client, environment: Environment, **fields: Any) -> dict[str, str]:
    """Field → what is said about it. Nothing is saved, and what is said stands on the page."""
    before = Trigger.objects.count()
    answer = client.post(NEW, typed(environment, **fields))
    assert answer.status_code == 422
    assert Trigger.objects.count() == before
    errors = answer.context["form"].errors
    found = {name: " ".join(map(str, said)) for name, said in errors.items()}
    for text in found.values():
        assert " ".join(text.split()) in words(answer)
    return found


CHOICES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"authorization": "AWS_IAM"}, {"authorization": "AWS_IAM"}),
    ({"authorization": "API_KEY"}, {"authorization": "API_KEY"}),
    (
        {"authorization": "COGNITO_USER_POOLS", "user_pool_arns": f"{POOL}\n", "scopes": "a/b\nc"},
        {"user_pool_arns": (POOL,), "scopes": ("a/b", "c")},
    ),
    (
        {
            "authorization": "CUSTOM",
            "authorizer_arn": FUNCTION,
            "authorizer_type": "REQUEST",
            "authorizer_sources": "header.X-Token\nquery.t",
            "authorizer_ttl": "60",
        },
        {"authorizer_sources": ("header.X-Token", "query.t"), "authorizer_ttl": 60},
    ),
    (
        {"input_mode": "REQUEST", "input_headers": "X-A\n\n X-B ", "input_claims": "claims.sub"},
        {"input_headers": ("X-A", "X-B"), "input_claims": ("claims.sub",)},
    ),
    ({"content_types": ["FORM", "TEXT"]}, {"content_types": ("FORM", "TEXT")}),
    ({"content_types": []}, {"content_types": ("JSON",)}),
    (
        {"body_schema": '{"type": "object"}', "required_parameters": "query.q"},
        {"body_schema": '{"type": "object"}', "required_parameters": ("query.q",)},
    ),
    (
        {"idempotency_source": "HEADER", "idempotency_key": "Idempotency-Key"},
        {"idempotency_key": "Idempotency-Key", "on_repeat": "FIRST"},
    ),
    (
        {
            "idempotency_source": "BODY",
            "idempotency_key": "$.order['id']",
            "on_repeat": "CONFLICT",
        },
        {"idempotency_key": "$.order['id']", "on_repeat": "CONFLICT"},
    ),
    (
        {"response_headers": "Cache-Control: no-store", "status_route": "on"},
        {"response_headers": (("Cache-Control", "no-store"),), "status_route": True},
    ),
    (
        {
            "state_machine_arn": EXPRESS,
            "action": "StartSyncExecution",
            "response_mode": "OUTPUT",
            "response_status": "200",
            "error_statuses": "OrderNotFound 404\nStates.Timeout 503",
            "error_default": "500",
        },
        {
            "machine_type": "EXPRESS",
            "error_statuses": (("OrderNotFound", 404), ("States.Timeout", 503)),
            "error_default": 500,
        },
    ),
    ({"cors_origins": "https://a.example"}, {"cors_origins": ("https://a.example",)}),
]


@pytest.mark.parametrize(("fields", "wanted"), CHOICES)
def test_a_choice_reaches_the_specification_and_comes_back_in_the_form(
    as_admin: Client, environment: Environment, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    trigger = saved(as_admin, environment, **fields)
    spec = trigger.spec()
    assert {name: getattr(spec, name) for name in wanted} == wanted
    assert TriggerSpec.model_validate_json(spec.model_dump_json()) == spec
    page = as_admin.get(f"/triggers/{trigger.key}/edit")
    form = page.context["form"]
    for name, value in fields.items():
        shown = form[name].value()
        if isinstance(value, str) and value != "on":
            assert str(shown).split() == value.split()


def test_a_reason_makes_a_trigger_public_and_it_is_marked_wherever_it_is_listed(
    as_admin: Client, environment: Environment
) -> None:
    trigger = saved(as_admin, environment, public_reason="A form on our web site")
    assert trigger.is_public
    for page in ("/", f"/triggers/{trigger.key}/definition", trigger.rest_api.get_absolute_url()):
        assert "public" in words(as_admin.get(page))
    assert "A form on our web site" in words(as_admin.get(f"/triggers/{trigger.key}/definition"))


@pytest.mark.parametrize(("local", "first"), [("1", "NONE"), ("", "AWS_IAM")])
def test_iam_is_the_default_outside_the_embedded_aws(
    as_admin: Client, environment: Environment, settings: Any, local: str, first: str
) -> None:
    settings.LOCAL_AWS = bool(local)
    form = as_admin.get(NEW).context["form"]
    assert form["authorization"].value() == first
    assert bool(form["public_reason"].value()) is bool(local)


def test_the_sample_request_has_to_pass_the_schema(
    as_admin: Client, environment: Environment
) -> None:
    schema = '{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}'
    fields = {"body_schema": schema, "sample_body": '{"id": 7}'}
    found = refused(as_admin, environment, **fields)
    assert "does not pass the schema at $.id" in found["body_schema"]
    saved(as_admin, environment, **fields | {"sample_body": '{"id": "7"}'})


def test_raw_vtl_needs_a_permission_of_its_own(
    client: Client, operator: User, environment: Environment
) -> None:
    client.force_login(operator)
    template = '{"stateMachineArn": "x", "name": "y", "input": "{}"}'
    fields = {"input_mode": "VTL", "input_template": template}
    assert "need the permission" in refused(client, environment, **fields)["input_mode"]
    answers = {"response_mode": "TEMPLATE", "response_body": "{}"}
    assert "need the permission" in refused(client, environment, **answers)["response_mode"]
    operator.user_permissions.add(Permission.objects.get(codename="write_vtl"))
    trigger = saved(client, environment, **fields)

    operator.user_permissions.remove(Permission.objects.get(codename="write_vtl"))
    same = typed(environment, **fields, version=trigger.version, throttle_rate="5")
    assert client.post(f"/triggers/{trigger.key}/edit", same).status_code == 302
    changed = same | {"input_template": "{}", "version": trigger.version + 1}
    assert client.post(f"/triggers/{trigger.key}/edit", changed).status_code == 422


def test_a_status_route_takes_part_in_the_uniqueness_check(
    as_admin: Client, environment: Environment
) -> None:
    other = make_trigger(environment, method="GET", path="/orders/executions/{name}")
    fields = {"rest_api": other.rest_api.pk, "status_route": "on"}
    found = refused(as_admin, environment, **fields)
    assert "GET /orders/executions/{name} is already a route" in found["status_route"]


def test_a_duplicate_says_that_the_route_is_taken(
    as_admin: Client, environment: Environment
) -> None:
    other = make_trigger(environment, status_route=True)
    fields = {"rest_api": other.rest_api.pk, "status_route": "on"}
    found = refused(as_admin, environment, **fields)
    assert "POST /orders is already a route" in found["path"]


def test_a_trigger_that_never_went_live_can_move_to_another_rest_api(
    as_admin: Client, environment: Environment
) -> None:
    """Where the deployment was refused because the REST API is full, for one."""
    trigger = make_trigger(environment)
    other = make_trigger(environment, path="/other").rest_api
    failed = ended(trigger, status=Deployment.Status.FAILED, serve=False)
    form = typed(environment, rest_api=other.pk, version=trigger.version, name="orders")
    assert as_admin.post(f"/triggers/{trigger.key}/edit", form).status_code == 302
    assert Trigger.objects.get(pk=trigger.pk).rest_api == other
    assert not Deployment.objects.get(pk=failed.pk).can_be_tried_again


def test_what_only_shows_beside_the_other_routes_is_said_before_the_deployment(
    as_admin: Client, environment: Environment
) -> None:
    other = make_trigger(environment, method="GET", cors_origins=["https://a.example"])
    fields = {"rest_api": other.rest_api.pk, "cors_origins": "https://b.example"}
    found = refused(as_admin, environment, **fields)
    assert "share one preflight answer" in found["__all__"]


def test_a_trigger_can_be_duplicated(as_admin: Client, environment: Environment) -> None:
    original = make_trigger(environment, authorization="API_KEY", input_headers=["X-A"])
    original.input_mode = "REQUEST"
    original.save()
    form = as_admin.get(NEW, {"duplicate": original.key}).context["form"]
    assert form["authorization"].value() == "API_KEY"
    assert form["input_headers"].value() == "X-A"
    assert form["path"].value() == "/orders"


def test_what_a_choice_does_not_use_is_kept_in_the_row_but_not_deployed(
    as_admin: Client, environment: Environment
) -> None:
    trigger = saved(as_admin, environment, input_headers="X-A", input_mode="BODY")
    assert trigger.input_headers == ["X-A"]
    assert trigger.spec().input_headers == ()


def test_discarding_goes_back_to_every_list_and_choice_that_is_live(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(
        environment, input_mode="REQUEST", input_headers=["X-A"], status_route=True
    )
    deploy(trigger)
    trigger.save_version({"input_headers": ["X-B"], "status_route": False}, by="ada")
    assert {change.label for change in Trigger.objects.get(pk=trigger.pk).changes()} == {
        "Headers in the input",
        "Status route",
    }
    as_admin.post(f"/triggers/{trigger.key}/discard", {"version": trigger.version})
    back = Trigger.objects.get(pk=trigger.pk)
    assert (back.input_headers, back.status_route, back.changes()) == (["X-A"], True, [])


def test_somebody_elses_change_of_a_list_is_shown_beside_yours(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(
        environment, input_mode="REQUEST", input_headers=["X-A"], input_claims=["a", "b"]
    )
    page = as_admin.get(f"/triggers/{trigger.key}/edit")
    theirs = {"input_headers": ["X-Theirs"], "content_types": ["TEXT"], "input_claims": ["c"]}
    trigger.save_version(theirs, by="bob")
    mine = typed(
        environment, rest_api=trigger.rest_api.pk, input_mode="REQUEST", name="orders",
        input_headers="X-Mine", input_claims="a\r\nb", version=1,
        base=page.context["base"], content_types=["JSON"],
    )  # fmt: skip
    answer = as_admin.post(f"/triggers/{trigger.key}/edit", mine)
    assert answer.status_code == 409
    assert ("Headers in the input", "X-Theirs", "X-Mine") in answer.context["theirs"]
    assert answer.context["form"]["content_types"].value() == ["TEXT"]
    assert answer.context["form"]["input_claims"].value() == "c"


def test_the_rest_api_of_an_old_specification_is_read_with_the_new_fields_defaults(
    environment: Environment,
) -> None:
    trigger = make_trigger(environment)
    deploy(trigger)
    old = {
        "key",
        "method",
        "path",
        "state_machine_arn",
        "machine_type",
        "input_mode",
        "authorization",
    }
    endpoint = trigger.endpoint
    endpoint.spec = {name: value for name, value in endpoint.spec.items() if name in old}
    endpoint.save()
    assert Trigger.objects.get(pk=trigger.pk).changes() == []
    assert trigger.rest_api.live_specs()[trigger.key].action
