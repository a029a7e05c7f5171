"""Signed callers, and the addresses that a REST API is open to, by real HTTP."""

import httpx
import pytest
from botocore.credentials import Credentials
from pytest_django.plugin import DjangoDbBlocker

from dashboard import acts
from dashboard.models import RestApi
from dashboard.models.rest_api import new_key
from tests.surface import (
    LISTED,
    UNLISTED,
    Api,
    error,
    execution,
    invoke,
    make_user,
    received,
    route,
    serve,
)

pytestmark = pytest.mark.django_db
INVOKE = "execute-api:Invoke"


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    who = {"name": "who", "source": "CONTEXT", "value": "callerArn"}
    account = {"name": "account", "source": "CONTEXT", "value": "accountId"}
    return serve(
        django_db_blocker,
        route("/orders", authorization="AWS_IAM", status_route=True),
        route("/who", authorization="AWS_IAM", input_mode="FIELDS", input_fields=[who, account]),
    )


@pytest.fixture(scope="module")
def permitted(api: Api) -> tuple[str, Credentials]:
    return make_user(invoke(api, "prod/*"))


def test_a_call_without_a_signature_is_refused(api: Api) -> None:
    before = api.started("/orders")
    answer = api.call("/orders", json={})
    assert error(answer) == (403, "MISSING_AUTHENTICATION_TOKEN")
    assert api.started("/orders") == before


def test_a_wrong_secret_is_refused(api: Api, permitted: tuple[str, Credentials]) -> None:
    wrong = Credentials(permitted[1].access_key, "wrong")
    assert error(api.call("/orders", json={}, credentials=wrong)) == (403, "INVALID_SIGNATURE")


def test_a_body_that_was_not_signed_is_refused(
    api: Api, permitted: tuple[str, Credentials]
) -> None:
    request = httpx.Request("POST", f"{api.url}/orders", json={"total": 1})
    answer = api.call("/orders", json={"total": 1}, credentials=permitted[1])
    taken = {
        name: answer.request.headers[name]
        for name in ("authorization", "x-amz-date", "content-type")
    }
    assert answer.status_code == 202
    assert request.content == answer.request.content
    other = api.call("/orders", content=b'{"total":1000}', headers=taken)
    assert error(other) == (403, "INVALID_SIGNATURE")


def test_a_user_without_permission_is_refused_by_name(api: Api) -> None:
    arn, keys = make_user()
    answer = api.call("/orders", json={}, credentials=keys)
    assert error(answer) == (403, "ACCESS_DENIED")
    assert answer.json()["message"].startswith(f"User: {arn} is not authorized to perform")


def test_a_permission_opens_its_route_alone(api: Api) -> None:
    _, keys = make_user(invoke(api, "prod/POST/orders"))
    assert execution(api.call("/orders", json={"a": 1}, credentials=keys))["input"] == '{"a":1}'
    assert error(api.call("/who", json={}, credentials=keys)) == (403, "ACCESS_DENIED")


def test_the_callers_arn_can_be_a_field_and_no_header_makes_it_up(
    api: Api, permitted: tuple[str, Credentials]
) -> None:
    arn, keys = permitted
    answer = api.call("/who", json={"who": "mallory"}, credentials=keys)
    assert received(answer) == {"who": arn, "account": "000000000000"}


def test_the_status_route_wants_a_signature_too(
    api: Api, permitted: tuple[str, Credentials]
) -> None:
    started = api.call("/orders", json={}, credentials=permitted[1])
    name = started.headers["location"].rpartition("/")[2]
    path = f"/orders/executions/{name}"
    assert error(api.call(path, method="GET")) == (403, "MISSING_AUTHENTICATION_TOKEN")
    nobody = make_user()[1]
    assert error(api.call(path, method="GET", credentials=nobody)) == (403, "ACCESS_DENIED")
    seen = api.call(path, method="GET", credentials=permitted[1])
    assert (seen.status_code, seen.json()["name"]) == (200, name)


def _key(rest_api: RestApi) -> str:
    return acts.create_api_key(rest_api, "acme", form_key=new_key(), by="ada")[1]


@pytest.fixture(scope="module")
def fenced(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    """Routes for callers of all kinds, open to two blocks of addresses."""
    address = {"name": "from", "source": "CONTEXT", "value": "sourceIp"}
    return serve(
        django_db_blocker,
        route(
            "/public",
            input_mode="FIELDS",
            input_fields=[address],
            cors_origins=["https://shop.example.com"],
        ),
        route("/key", authorization="API_KEY"),
        route("/iam", authorization="AWS_IAM"),
        route("/orders/{id}", method="ANY", status_route=True),
        also=_key,
        allowed_addresses=["203.0.113.0/24", "2001:db8::/32"],
    )


def come(api: Api, path: str, address: str, **request: object) -> httpx.Response:
    """The answer to a call from ``address``."""
    headers = {"X-Forwarded-For": address, **(request.pop("headers", None) or {})}  # type: ignore[dict-item]
    return api.call(path, headers=headers, **({"json": {}} | request))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", [LISTED, "2001:db8::7"])
def test_a_listed_address_may_call(fenced: Api, address: str) -> None:
    assert received(come(fenced, "/public", address)) == {"from": address}
    assert come(fenced, "/key", address, headers={"x-api-key": fenced.made}).status_code == 202
    assert come(fenced, "/orders/7", address, method="PUT").status_code == 202


@pytest.mark.parametrize("address", [UNLISTED, "2001:db9::7", "127.0.0.1"])
def test_an_unlisted_address_may_not(fenced: Api, address: str) -> None:
    key = {"x-api-key": fenced.made}
    for answer in (
        come(fenced, "/public", address),
        come(fenced, "/key", address, headers=key),
        come(fenced, "/orders/7", address, method="PUT"),
        come(fenced, "/orders/7/executions/x", address, method="GET"),
    ):
        assert error(answer) == (403, "ACCESS_DENIED")
        assert "explicit deny in a resource-based policy" in answer.json()["message"]


def test_a_forged_forwarder_does_not_make_an_address_listed(fenced: Api) -> None:
    answer = come(fenced, "/public", f"{LISTED}, {UNLISTED}")
    assert error(answer) == (403, "ACCESS_DENIED")


def test_a_key_is_asked_for_at_a_listed_address_as_well(fenced: Api) -> None:
    assert come(fenced, "/key", LISTED).status_code == 403


def test_an_iam_caller_without_permission_is_refused_at_a_listed_address(fenced: Api) -> None:
    nobody, before = make_user()[1], fenced.started("/iam")
    answer = come(fenced, "/iam", LISTED, credentials=nobody)
    assert error(answer) == (403, "ACCESS_DENIED")
    assert "no identity-based policy allows" in answer.json()["message"]
    assert fenced.started("/iam") == before


def test_an_iam_caller_needs_a_permission_and_a_listed_address(fenced: Api) -> None:
    keys = make_user(invoke(fenced, "prod/POST/iam"))[1]
    refused = come(fenced, "/iam", UNLISTED, credentials=keys)
    assert error(refused) == (403, "ACCESS_DENIED")
    assert come(fenced, "/iam", LISTED, credentials=keys).status_code == 202
    assert error(come(fenced, "/iam", LISTED)) == (403, "MISSING_AUTHENTICATION_TOKEN")


def test_a_preflight_comes_from_a_listed_address_too(fenced: Api) -> None:
    asked = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
    assert come(fenced, "/public", LISTED, method="OPTIONS", headers=asked).status_code == 204
    refused = come(fenced, "/public", UNLISTED, method="OPTIONS", headers=asked)
    assert error(refused) == (403, "ACCESS_DENIED")
