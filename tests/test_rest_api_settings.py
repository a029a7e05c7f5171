"""The REST API's own settings: what can be typed, saved and deployed."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from dashboard import rest_api_form
from dashboard.models import Deployment, Domain, RestApi, Trigger
from tests.conftest import ended, make_trigger, run_steps, words
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db

WIDE = "\n".join(f"10.{n // 250}.{n % 250}.0/24" for n in range(600))


def url(rest_api: RestApi) -> str:
    return reverse("rest_api_settings", args=[rest_api.key])


def form_of(rest_api: RestApi, **fields: Any) -> dict[str, Any]:
    """What the settings form sends, opened just now, but for ``fields``."""
    rest_api = RestApi.objects.get(pk=rest_api.pk)
    held = rest_api_form.typed(rest_api)
    posted: Mapping[str, Any] = held | fields
    return {"base": json.dumps(held)} | {name: value for name, value in posted.items() if value}


def save(client: Client, rest_api: RestApi, **fields: Any) -> Any:
    return client.post(url(rest_api), form_of(rest_api, save="1", **fields))


@pytest.fixture
def rest_api(trigger: Trigger) -> RestApi:
    return trigger.rest_api


def make_domain(rest_api: RestApi, name: str = "api.example.com") -> Domain:
    return Domain.objects.create(
        environment=rest_api.environment,
        name=name,
        certificate_arn="arn:aws:acm:us-east-1:000000000000:certificate/0123",
        created_by="ada",
    )


def test_every_setting_can_be_typed_and_saved(as_admin: Client, rest_api: RestApi) -> None:
    domain = make_domain(rest_api)
    assert as_admin.get(url(rest_api)).status_code == 200
    answer = save(
        as_admin,
        rest_api,
        name="shop",
        stage_name="v1",
        tracing="on",
        tags="team: payments\r\ncost:center: 42\r\nempty:",
        cors_origin="https://shop.example.com",
        allowed_addresses=" 203.0.113.0/24 \r\n\r\n2001:db8::/32\r\n198.51.100.7",
        usage_rate="2.5",
        usage_burst="7",
        usage_quota="1000",
        usage_period="WEEK",
        domain=str(domain.pk),
        base_path="/shop/",
    )
    assert answer.status_code == 302, words(answer)
    rest_api.refresh_from_db()
    assert rest_api.name == "shop"
    assert rest_api.settings() == {
        "stage_name": "v1",
        "tracing": True,
        "tags": [["team", "payments"], ["cost:center", "42"], ["empty", ""]],
        "cors_origin": "https://shop.example.com",
        "allowed_addresses": ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"],
        "usage_rate": 2.5,
        "usage_burst": 7,
        "usage_quota": 1000,
        "usage_period": "WEEK",
        "domain_name": "api.example.com",
        "base_path": "shop",
    }
    shown = words(as_admin.get(rest_api.get_absolute_url()))
    assert "cost:center: 42" in shown and "1000 requests a week" in shown
    again = save(as_admin, rest_api)
    assert again.status_code == 302, "what is shown is what was typed"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", "", "required"),
        ("stage_name", "a b", "letters, digits, dashes and underscores"),
        ("tags", "team", "Line 1 is not “Name: value”"),
        ("tags", "aws:team: x", "set by AWS and Stepgate alone"),
        ("tags", "Stepgate:team: x", "set by AWS and Stepgate alone"),
        ("tags", "team: a;b", "“;” in “a;b”"),
        ("tags", "team: a\nteam: b", "team stands here twice"),
        ("tags", "n" * 129 + ": x", "longer than 128"),
        ("tags", "team: " + "v" * 257, "longer than 256"),
        ("tags", "\n".join(f"n{i}: v" for i in range(49)), "48 at most"),
        ("cors_origin", "shop.example.com", "is not an origin"),
        ("cors_origin", "https://a.example.com https://b.example.com", "is not an origin"),
        ("cors_origin", "https://a.example.com'", "is not an origin"),
        ("allowed_addresses", "203.0.113.0/33", "is not an address or a CIDR block"),
        ("allowed_addresses", "203.0.113.7/24", "has host bits set"),
        ("allowed_addresses", "203.0.113.7\n203.0.113.7", "stands here twice"),
        ("usage_rate", "0", "greater than or equal to"),
        ("usage_burst", "5001", "less than or equal to 5000"),
        ("usage_quota", "-1", "greater than or equal to 0"),
        ("usage_period", "YEAR", "not one of the available choices"),
        ("domain", "999", "not one of the available choices"),
    ],
)
def test_what_aws_would_refuse_is_told_at_its_field_and_nothing_is_lost(
    name: str, value: str, said: str, as_admin: Client, rest_api: RestApi
) -> None:
    answer = save(as_admin, rest_api, **({"usage_burst": "9"} | {name: value}))
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors.get(name, [])), words(answer)
    assert (answer.context["form"][name].value() or "") == value
    assert "Nothing is saved yet" in words(answer)
    rest_api.refresh_from_db()
    assert rest_api.usage_burst == 20


@pytest.mark.parametrize("path", ["a/b", "a b", "..", "(none)", "ä", "x" * 301])
def test_a_base_path_is_one_part_of_a_path(path: str, as_admin: Client, rest_api: RestApi) -> None:
    domain = make_domain(rest_api)
    answer = save(as_admin, rest_api, domain=str(domain.pk), base_path=path)
    assert answer.status_code == 422
    assert answer.context["form"].errors["base_path"]


@pytest.mark.parametrize("path", ["", "shop", "$-_.+!*'()"])
def test_a_base_path_belongs_to_one_rest_api(
    path: str, as_admin: Client, rest_api: RestApi
) -> None:
    domain = make_domain(rest_api)
    other = make_trigger(rest_api.environment).rest_api
    RestApi.objects.filter(pk=other.pk).update(domain=domain, base_path=path, name="theirs")
    answer = save(as_admin, rest_api, domain=str(domain.pk), base_path=path)
    assert answer.status_code == 422
    assert "is the REST API theirs's" in " ".join(answer.context["form"].errors["base_path"])
    elsewhere = make_domain(rest_api, "other.example.com")
    assert save(as_admin, rest_api, domain=str(elsewhere.pk), base_path=path).status_code == 302


def test_only_domains_of_the_same_environment_are_offered(
    as_admin: Client, rest_api: RestApi
) -> None:
    mine, gone = make_domain(rest_api), make_domain(rest_api, "gone.example.com")
    Domain.objects.filter(pk=gone.pk).update(gone_at="2026-01-01T00:00Z")
    html = as_admin.get(url(rest_api)).content.decode()
    assert mine.name in html and gone.name not in html


def test_more_addresses_than_a_policy_holds_are_refused_at_their_field(
    as_admin: Client, rest_api: RestApi
) -> None:
    answer = save(as_admin, rest_api, allowed_addresses=WIDE)
    assert answer.status_code == 422
    assert "API Gateway takes 8,192" in " ".join(answer.context["form"].errors["allowed_addresses"])


def test_a_rest_api_without_triggers_can_be_set_too(as_admin: Client, trigger: Trigger) -> None:
    empty = RestApi.objects.create(
        environment=trigger.rest_api.environment, name="empty", created_by="ada"
    )
    assert save(as_admin, empty, tags="a: b").status_code == 302
    assert save(as_admin, empty, cors_origin="nonsense").status_code == 422


def test_the_stage_is_fixed_once_it_is_served_or_about_to_be(
    as_admin: Client, trigger: Trigger
) -> None:
    rest_api = trigger.rest_api
    assert "Fixed from the first deployment on" in words(as_admin.get(url(rest_api)))
    stale = form_of(rest_api, stage_name="v2", save="1")
    Deployment.deploy(rest_api, [trigger], by="otto")
    text = words(as_admin.get(url(rest_api)))
    assert "another stage would be another URL" in text
    assert as_admin.post(url(rest_api), stale).status_code == 409
    save(as_admin, rest_api, stage_name="v2", tags="a: b")
    rest_api.refresh_from_db()
    assert (rest_api.stage_name, rest_api.tags) == ("prod", [["a", "b"]])


def test_saving_changes_nothing_that_the_deployer_wrote_meanwhile(
    as_admin: Client, trigger: Trigger
) -> None:
    form = form_of(trigger.rest_api, tags="a: b")
    RestApi.objects.filter(pk=trigger.rest_api_id).update(usage_plan_id="plan1", stack_id="stack1")
    assert as_admin.post(url(trigger.rest_api), form).status_code == 302
    rest_api = RestApi.objects.get(pk=trigger.rest_api_id)
    assert (rest_api.usage_plan_id, rest_api.stack_id) == ("plan1", "stack1")


def test_what_two_people_typed_stands_side_by_side_and_neither_is_lost(
    as_admin: Client, rest_api: RestApi
) -> None:
    mine = form_of(rest_api, usage_burst="9", cors_origin="*", save="1")
    theirs = {"usage_burst": "8", "tracing": "on", "tags": "a: b"}
    assert save(as_admin, rest_api, **theirs).status_code == 302
    answer = as_admin.post(url(rest_api), mine)
    assert answer.status_code == 409
    assert "Somebody saved these settings while you were editing them" in words(answer)
    assert answer.context["theirs"] == [
        ("Usage plan: burst", "8", "9"),
        ("CORS origin of errors", "", "*"),
    ]
    form = answer.context["form"]
    assert {name: form[name].value() for name in ("usage_burst", "tags", "cors_origin")} == {
        "usage_burst": "9",
        "tags": "a: b",
        "cors_origin": "*",
    }
    assert form["tracing"].value()
    rest_api.refresh_from_db()
    assert (rest_api.usage_burst, rest_api.cors_origin) == (8, "")
    again = mine | {"base": answer.context["base"], "tags": "a: b", "tracing": "on"}
    assert as_admin.post(url(rest_api), again).status_code == 302
    rest_api.refresh_from_db()
    assert (rest_api.usage_burst, rest_api.cors_origin, rest_api.tracing) == (9, "*", True)


@pytest.mark.parametrize("base", ["", "nonsense", "[]", "[" * 100_000])
def test_a_form_that_does_not_tell_what_it_held_overwrites_nothing(
    base: str, as_admin: Client, rest_api: RestApi
) -> None:
    answer = as_admin.post(url(rest_api), form_of(rest_api, usage_burst="9") | {"base": base})
    assert answer.status_code == 409
    rest_api.refresh_from_db()
    assert rest_api.usage_burst == 20


def test_a_gone_rest_api_has_no_settings(as_admin: Client, rest_api: RestApi) -> None:
    form = form_of(rest_api, usage_burst="9")
    RestApi.objects.filter(pk=rest_api.pk).update(gone_at="2026-01-01T00:00Z", gone_by="otto")
    for answer in (as_admin.get(url(rest_api)), as_admin.post(url(rest_api), form)):
        assert answer["Location"] == rest_api.get_absolute_url()


def test_settings_that_are_not_live_are_told_on_the_page(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    page = trigger.rest_api.get_absolute_url()
    assert "not live" not in words(as_admin.get(page))
    save(as_admin, trigger.rest_api, tracing="on", tags="a: b")
    text = words(as_admin.get(page))
    assert "2 settings not live: X-Ray tracing, Tags" in text
    assert "Every deployment of this REST API takes them along" in text
    assert "X-Ray tracing false true" in text and "Deploy all" in text


def test_a_name_is_live_at_once(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    save(as_admin, trigger.rest_api, name="another")
    text = words(as_admin.get(trigger.rest_api.get_absolute_url()))
    assert "another" in text and "not live" not in text


def test_save_and_deploy_leaves_every_route_as_it_is_live(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    trigger.save_version({"response_status": 201}, by="otto")
    make_trigger(trigger.rest_api.environment, trigger.rest_api, path="/not-yet")
    answer = save(as_admin, trigger.rest_api, usage_burst="9", deploy="1", note="smaller")
    deployment = Deployment.objects.get(number=2)
    assert answer["Location"] == deployment.get_absolute_url()
    assert deployment.note == "smaller" and not deployment.triggers.exists()
    assert deployment.spec is not None and deployment.spec["usage_burst"] == 9
    assert [(t["path"], t["response_status"]) for t in deployment.spec["triggers"]] == [
        ("/orders", 202)
    ]
    assert as_admin.get(deployment.get_absolute_url()).status_code == 200


def test_save_and_deploy_of_what_was_never_deployed_takes_all_that_is_saved(
    as_admin: Client, trigger: Trigger
) -> None:
    save(as_admin, trigger.rest_api, stage_name="v1", deploy="1")
    deployment = Deployment.objects.get()
    assert list(deployment.triggers.all()) == [trigger]
    assert deployment.spec is not None and deployment.spec["stage_name"] == "v1"


def test_pressed_twice_it_is_one_deployment(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    form = form_of(trigger.rest_api, usage_burst="9", deploy="1")
    as_admin.post(url(trigger.rest_api), form)
    as_admin.post(url(trigger.rest_api), form)
    assert Deployment.objects.count() == 2


def test_who_may_not_deploy_saves_and_is_told(client: Client, trigger: Trigger) -> None:
    ended(trigger)
    user = User.objects.create_user("saver")
    user.user_permissions.add(Permission.objects.get(codename="change_restapi"))
    client.force_login(user)
    answer = client.post(
        url(trigger.rest_api), form_of(trigger.rest_api, tags="a: b", deploy="1"), follow=True
    )
    assert "lacks the permission to deploy" in words(answer)
    assert RestApi.objects.get(pk=trigger.rest_api_id).tags == [["a", "b"]]
    assert Deployment.objects.count() == 1


def test_the_settings_want_a_permission_and_a_signed_in_person(
    client: Client, viewer: User, operator: User, rest_api: RestApi
) -> None:
    assert "/accounts/login" in client.get(url(rest_api))["Location"]
    for user in (viewer, operator):
        client.force_login(user)
        assert client.get(url(rest_api)).status_code == 403
        assert save(client, rest_api).status_code == 403
        assert url(rest_api) not in client.get(rest_api.get_absolute_url()).content.decode()


def test_settings_are_live_after_their_deployment(
    local_aws: LocalAws, as_admin: Client, live: Trigger
) -> None:
    rest_api = live.rest_api
    base = local_aws.url(rest_api.api_id, "/orders")
    assert httpx.post(base, json={}).status_code == 202
    save(
        as_admin,
        rest_api,
        allowed_addresses="198.51.100.0/24",
        cors_origin="https://shop.example.com",
        tags="team: payments",
        deploy="1",
    )
    deployment = run_steps(Deployment.objects.latest("number"))
    assert deployment.status == "SUCCEEDED", deployment.reason
    refused = httpx.post(base, json={})
    assert refused.status_code == 403
    assert refused.headers["Access-Control-Allow-Origin"] == "https://shop.example.com"
    tags = local_aws.client("apigateway").get_rest_api(restApiId=rest_api.api_id)["tags"]
    assert tags["team"] == "payments"
    save(as_admin, rest_api, allowed_addresses="127.0.0.0/8", deploy="1")
    assert run_steps(Deployment.objects.latest("number")).status == "SUCCEEDED"
    assert httpx.post(base, json={}).status_code == 202
    assert "Everything saved is live" in words(as_admin.get(rest_api.get_absolute_url()))
