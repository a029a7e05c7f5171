"""Every address of the dashboard: who gets in, with which method, and what stands around it."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from dashboard.models import ApiKey, Request, Trigger
from tests.conftest import typed, words
from tests.domains import make_domain
from tests.local_aws import LocalAws, machine_arn

pytestmark = pytest.mark.django_db

EXECUTION = machine_arn("order-fulfilment").replace(":stateMachine:", ":execution:") + ":none"


@dataclass(frozen=True)
class Page:
    """How an address of the URLconf is asked, and what of it a test cannot guess."""

    args: tuple[str, ...] = ()
    post: bool = False
    get: bool = True
    permission: str = ""
    status: int = 200
    query: str = ""


PAGES = {
    "trigger_list": Page(),
    "trigger_new": Page(post=True, permission="add_trigger"),
    "trigger_preview": Page(post=True, get=False),
    "trigger_detail": Page(("trigger",)),
    "trigger_status": Page(("trigger",)),
    "trigger_recent": Page(("trigger",)),
    "trigger_executions": Page(("trigger",)),
    "trigger_deployments": Page(("trigger",)),
    "trigger_definition": Page(("trigger",)),
    "trigger_edit": Page(("trigger",), post=True, permission="change_trigger"),
    "trigger_deploy": Page(
        ("trigger",), post=True, get=False, permission="add_deployment", status=302
    ),
    "trigger_discard": Page(
        ("trigger",), post=True, get=False, permission="change_trigger", status=302
    ),
    "trigger_delete": Page(("trigger",), post=True, permission="delete_trigger"),
    "trigger_send": Page(("trigger",), post=True, get=False, permission="add_request", status=302),
    "trigger_repeat": Page(
        ("trigger", "request"), post=True, get=False, permission="add_request", status=302
    ),
    "machines": Page(query="environment"),
    "machine_check": Page(query="environment"),
    "rest_api_list": Page(),
    "rest_api_detail": Page(("rest_api",)),
    "rest_api_deploy": Page(
        ("rest_api",), post=True, get=False, permission="add_deployment", status=302
    ),
    "rest_api_openapi": Page(("rest_api",)),
    "rest_api_openapi_json": Page(("rest_api",)),
    "rest_api_delete": Page(("rest_api",), post=True, permission="delete_trigger"),
    "rest_api_settings": Page(("rest_api",), post=True, permission="change_restapi"),
    "api_key_new": Page(("rest_api",), post=True, permission="add_apikey"),
    "api_key_rotate": Page(("rest_api", "api_key"), post=True, permission="add_apikey"),
    "api_key_revoke": Page(("rest_api", "api_key"), post=True, permission="delete_apikey"),
    "machine_list": Page(),
    "machine_detail": Page(("environment", machine_arn("order-fulfilment"))),
    "machine_logging": Page(("environment", machine_arn("order-fulfilment"))),
    "domain_list": Page(),
    "domain_new": Page(post=True, permission="add_domain"),
    "domain_detail": Page(("domain",)),
    "domain_edit": Page(("domain",), post=True, permission="change_domain"),
    "domain_deploy": Page(
        ("domain",), post=True, get=False, permission="add_deployment", status=302
    ),
    "domain_delete": Page(("domain",), post=True, permission="delete_domain"),
    "deployment_list": Page(),
    "deployment_detail": Page(("deployment",)),
    "deployment_live": Page(("deployment",), status=286),
    "deployment_again": Page(
        ("deployment",), post=True, get=False, permission="add_deployment", status=302
    ),
    "execution_detail": Page(("environment", EXECUTION)),
    "execution_live": Page(("environment", EXECUTION)),
    "healthz": Page(),
    "login": Page(post=True),
    "logout": Page(post=True, get=False, status=302),
}
OPEN = {"healthz", "login", "logout"}
"""What needs no sign-in."""
BEHIND = sorted(PAGES.keys() - OPEN)


def path_of(name: str, trigger: Trigger) -> str:
    ids = {
        "trigger": trigger.key,
        "request": Request.objects.create(trigger=trigger, sent_by="ada", method="POST").pk,
        "rest_api": trigger.rest_api.key,
        "api_key": ApiKey.objects.get_or_create(
            key_id=trigger.key, defaults={"rest_api": trigger.rest_api, "created_by": "ada"}
        )[0].key,
        "environment": trigger.rest_api.environment.name,
        "domain": make_domain(trigger.rest_api.environment).key,
        "deployment": getattr(trigger.deployments.first(), "pk", None) or uuid4(),
    }
    path = reverse(name, args=[ids.get(arg, arg) for arg in PAGES[name].args])
    if PAGES[name].query == "environment":
        path += f"?environment={trigger.rest_api.environment_id}"
    return path


def wrong_method(page: Page) -> str:
    return "put" if page.post and page.get else "get" if page.post else "post"


def test_every_address_of_the_urlconf_is_tested_here() -> None:
    names = {p.name for p in get_resolver().url_patterns if isinstance(p, URLPattern)}
    assert names == PAGES.keys()


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"healthz", "login"}))
def test_an_administrator_gets_it(name: str, as_admin: Client, live: Trigger) -> None:
    page = PAGES[name]
    path = path_of(name, live)
    environment = live.rest_api.environment
    answer = as_admin.get(path) if page.get else as_admin.post(path, typed(environment))
    assert answer.status_code == page.status


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"login"}))
def test_the_wrong_method_is_refused(name: str, as_admin: Client, trigger: Trigger) -> None:
    answer = getattr(as_admin, wrong_method(PAGES[name]))(path_of(name, trigger))
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("name", BEHIND)
def test_who_is_signed_out_goes_to_sign_in_and_comes_back(
    name: str, client: Client, trigger: Trigger
) -> None:
    path = path_of(name, trigger)
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.FOUND
    target = urlsplit(answer["Location"])
    assert target.path == reverse("login")
    assert parse_qs(target.query) == {"next": [path]}


@pytest.mark.parametrize("name", BEHIND)
def test_a_part_never_gets_the_sign_in_page(name: str, client: Client, trigger: Trigger) -> None:
    ask = client.get if PAGES[name].get else client.post
    answer = ask(
        path_of(name, trigger),
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/deployments/?by=ada"},
    )
    assert answer.status_code == HTTPStatus.OK
    assert answer.content == b""
    target = urlsplit(answer["HX-Redirect"])
    assert target.path == reverse("login")
    assert parse_qs(target.query) == {"next": ["/deployments/?by=ada"]}


@pytest.mark.parametrize(
    ("name", "method"),
    [(n, "get") for n in BEHIND if PAGES[n].permission and PAGES[n].get]
    + [(n, "post") for n in BEHIND if PAGES[n].permission],
)
def test_who_may_only_look_is_refused(
    name: str, method: str, client: Client, viewer: User, trigger: Trigger
) -> None:
    client.force_login(viewer)
    answer = getattr(client, method)(path_of(name, trigger), {"name": trigger.name})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "permission" in words(answer)
    assert "administrator" in words(answer)
    trigger.refresh_from_db()
    assert (trigger.gone_at, trigger.deployments.count()) == (None, 0)


@pytest.mark.parametrize(
    "name", [n for n in BEHIND if PAGES[n].permission and n != "deployment_again"]
)
def test_the_one_permission_is_enough(
    name: str, client: Client, viewer: User, trigger: Trigger, local_aws: LocalAws
) -> None:
    viewer.user_permissions.set([Permission.objects.get(codename=PAGES[name].permission)])
    client.force_login(viewer)
    page = PAGES[name]
    ask = client.get if page.get else client.post
    assert ask(path_of(name, trigger)).status_code == page.status


@pytest.mark.parametrize("name", [n for n in BEHIND if not PAGES[n].permission and PAGES[n].get])
def test_who_may_only_look_sees_it(name: str, client: Client, viewer: User, live: Trigger) -> None:
    client.force_login(viewer)
    assert client.get(path_of(name, live)).status_code == PAGES[name].status


@pytest.mark.parametrize("name", [n for n in PAGES if PAGES[n].post])
def test_a_form_of_another_site_is_refused(name: str, admin: User, trigger: Trigger) -> None:
    client = Client(enforce_csrf_checks=True)
    if name != "login":
        client.force_login(admin)
    answer = client.post(path_of(name, trigger), {"name": trigger.name})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    trigger.refresh_from_db()
    assert (trigger.gone_at, trigger.deployments.count()) == (None, 0)


@pytest.mark.parametrize("name", ["trigger_list", "trigger_new", "trigger_detail", "login"])
def test_scripts_and_styles_come_from_here_only(
    name: str, client: Client, admin: User, trigger: Trigger, local_aws: LocalAws
) -> None:
    if name != "login":
        client.force_login(admin)
    answer = client.get(path_of(name, trigger))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert " onclick=" not in answer.content.decode()
    assert "<script>" not in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing-here",
        "/triggers/a0000000/",
        "/triggers/a0000000/edit",
        "/rest-apis/a0000000/",
        f"/deployments/{uuid4()}/",
        f"/executions/nowhere/{EXECUTION}",
    ],
)
def test_what_does_not_exist_says_so_and_leads_on(path: str, as_admin: Client) -> None:
    answer = as_admin.get(path)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "There is no such page" in words(answer)
    assert f'href="{reverse("trigger_list")}"' in answer.content.decode()


@pytest.mark.parametrize("value", ["nonsense", "-1", "²", "9" * 40, "1 or 1=1", ""])
@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("trigger_list", "page"),
        ("trigger_list", "environment"),
        ("trigger_detail", "sent"),
        ("trigger_new", "rest_api"),
        ("trigger_new", "method"),
        ("trigger_new", "response_status"),
        ("machines", "environment"),
        ("machine_check", "environment"),
        ("rest_api_list", "page"),
        ("deployment_list", "page"),
        ("deployment_list", "rest_api"),
        ("deployment_list", "since"),
        ("deployment_list", "until"),
    ],
)
def test_a_mistyped_parameter_is_never_a_server_error(
    name: str,
    parameter: str,
    value: str,
    as_admin: Client,
    trigger: Trigger,
    local_aws: LocalAws,
) -> None:
    path = path_of(name, trigger).partition("?")[0]
    assert as_admin.get(path, {parameter: value}).status_code in {200, 404}


def test_who_is_signed_out_while_pressing_a_button_comes_back_to_a_page_that_opens(
    client: Client, admin: User, trigger: Trigger, local_aws: LocalAws
) -> None:
    page = trigger.get_absolute_url()
    answer = client.post(
        reverse("trigger_deploy", args=[trigger.key]),
        headers={"Referer": f"http://testserver{page}"},
    )
    back = parse_qs(urlsplit(answer["Location"]).query)["next"][0]
    client.force_login(admin)
    assert client.get(back).status_code == HTTPStatus.OK


def test_signing_in_leads_back_to_the_page_that_was_asked_for(client: Client, admin: User) -> None:
    answer = client.post(
        reverse("login"),
        {"username": "ada", "password": "tests-only-1", "next": "/deployments/?by=ada"},
    )
    assert answer.status_code == HTTPStatus.FOUND
    assert answer["Location"] == "/deployments/?by=ada"


def test_signing_in_never_leads_to_another_site(client: Client, admin: User) -> None:
    answer = client.post(
        reverse("login"),
        {"username": "ada", "password": "tests-only-1", "next": "https://example.org/"},
    )
    assert answer["Location"] == reverse("trigger_list")


def test_a_wrong_password_keeps_the_name(client: Client, admin: User) -> None:
    answer = client.post(reverse("login"), {"username": "ada", "password": "wrong"})
    assert answer.status_code == HTTPStatus.OK
    assert answer.context["form"].non_field_errors()
    assert 'value="ada"' in answer.content.decode()


def test_account_and_region_stand_on_every_page(as_admin: Client, trigger: Trigger) -> None:
    for name in ("trigger_list", "trigger_detail", "rest_api_list", "deployment_list"):
        text = words(as_admin.get(path_of(name, trigger)))
        assert "000000000000" in text and "us-east-1" in text
        assert "Embedded AWS: nothing here costs money" in text
