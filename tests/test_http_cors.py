"""Browsers of other origins: preflights, answers and errors, by real HTTP."""

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.surface import Api, error, express, route, serve

pytestmark = pytest.mark.django_db
SHOP, ADMIN, OTHER = "https://shop.example.com", "http://localhost:3000", "https://evil.example"
ALLOWED, EXPOSED = "access-control-allow-origin", "access-control-expose-headers"


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Api:
    return serve(
        django_db_blocker,
        route(
            "/one",
            cors_origins=[SHOP],
            status_route=True,
            idempotency_source="HEADER",
            idempotency_key="Idempotency-Key",
        ),
        route("/one", method="GET", cors_origins=[SHOP], authorization="API_KEY"),
        route("/several", cors_origins=[SHOP, ADMIN], status_route=True),
        route("/every", method="ANY", cors_origins=["*"]),
        route("/none"),
        cors_origin=SHOP,
    )


def preflight(api: Api, path: str, origin: str, method: str = "POST") -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return api.call(path, method="OPTIONS", headers=headers)


def names(answer: httpx.Response, header: str) -> set[str]:
    return {name.strip().lower() for name in answer.headers.get(header, "").split(",")} - {""}


def call(api: Api, path: str, origin: str, body: str = "{}", **headers: str) -> httpx.Response:
    """``_`` in the names of headers stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.call(path, content=body.encode(), headers={"Origin": origin, **named})


@pytest.mark.parametrize("path", ["/one", "/several", "/every"])
def test_a_preflight_allows_the_origin(api: Api, path: str) -> None:
    answer = preflight(api, path, SHOP)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[ALLOWED] == ("*" if path == "/every" else SHOP)
    assert "post" in names(answer, "access-control-allow-methods")
    assert "content-type" in names(answer, "access-control-allow-headers")


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), (ADMIN, ADMIN)])
def test_of_several_origins_the_one_that_asks_is_named(api: Api, origin: str, allowed: str) -> None:
    answers = [preflight(api, "/several", origin), call(api, "/several", origin)]
    answers.append(call(api, "/several", origin, "no JSON"))
    for answer in answers:
        assert answer.headers[ALLOWED] == allowed
        assert "origin" in names(answer, "vary")


def test_an_origin_that_is_not_named_is_not_allowed(api: Api) -> None:
    for answer in (
        preflight(api, "/several", OTHER),
        call(api, "/several", OTHER),
        call(api, "/several", OTHER, "no JSON"),
        preflight(api, "/one", OTHER),
        call(api, "/one", OTHER, Idempotency_Key="other"),
        call(api, "/none", SHOP),
    ):
        assert answer.headers.get(ALLOWED) not in (OTHER, "*")


def test_a_preflight_names_the_methods_and_headers_of_all_triggers_of_its_path(api: Api) -> None:
    answer = preflight(api, "/one", SHOP)
    assert names(answer, "access-control-allow-methods") >= {"get", "post"}
    assert "delete" not in names(answer, "access-control-allow-methods")
    assert names(answer, "access-control-allow-headers") >= {"idempotency-key", "x-api-key"}
    every = preflight(api, "/every", SHOP)
    assert names(every, "access-control-allow-methods") >= {"get", "put", "patch", "delete"}


def test_a_preflight_needs_no_key_and_starts_nothing(api: Api) -> None:
    before = api.started("/every")
    assert preflight(api, "/one", SHOP, "GET").status_code == 204
    assert preflight(api, "/every", SHOP).status_code == 204
    assert api.started("/every") == before


def test_a_path_without_origins_has_no_preflight(api: Api) -> None:
    assert error(preflight(api, "/none", SHOP))[0] == 403


def test_answers_and_errors_of_a_trigger_are_readable(api: Api) -> None:
    key = {"Idempotency_Key": "readable"}
    started = call(api, "/one", SHOP, **key)
    assert (started.status_code, started.headers[ALLOWED]) == (202, SHOP)
    assert call(api, "/every", OTHER).headers[ALLOWED] == "*"
    for answer in (call(api, "/one", SHOP), call(api, "/one", SHOP, "no JSON", **key)):
        assert error(answer)[0] == 400
        assert answer.headers[ALLOWED] == SHOP


def test_the_location_is_exposed_and_can_be_read(api: Api) -> None:
    for path, headers in (("/one", {"Idempotency_Key": "exposed"}), ("/several", {})):
        started = call(api, path, ADMIN if path == "/several" else SHOP, **headers)
        assert names(started, EXPOSED) == {"location"}
        where = started.url.join(started.headers["location"])
        origin = started.headers[ALLOWED]
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        assert httpx.request("OPTIONS", where, headers=asked).headers[ALLOWED] == origin
        assert httpx.get(where, headers={"Origin": origin}).headers[ALLOWED] == origin
        missing = httpx.get(f"{where}x", headers={"Origin": origin})
        assert (error(missing)[0], missing.headers[ALLOWED]) == (404, origin)


def test_a_repeat_exposes_its_location_as_the_first_does(api: Api) -> None:
    first, again = (call(api, "/one", SHOP, body, Idempotency_Key="again") for body in ("1", "2"))
    assert again.headers["location"] == first.headers["location"]
    assert names(again, EXPOSED) == names(first, EXPOSED) == {"location"}


def test_errors_of_the_gateway_itself_have_the_rest_apis_origin(api: Api) -> None:
    for answer in (
        call(api, "/one", SHOP, Content_Type="application/xml"),
        api.call("/one", method="GET", headers={"Origin": SHOP}),
        call(api, "/nowhere", SHOP),
        call(api, "/none", ADMIN, Content_Type="application/xml"),
    ):
        assert error(answer)[0] in (403, 415)
        assert answer.headers[ALLOWED] == SHOP


def test_a_failed_workflow_can_be_read_by_its_origins(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    api = serve(django_db_blocker, express("/quote", cors_origins=[SHOP, ADMIN]))
    for body, status in (("{}", 200), ("no JSON", 400)):
        answer = call(api, "/quote", ADMIN, body)
        assert (answer.status_code, answer.headers[ALLOWED]) == (status, ADMIN)
    gateway = call(api, "/quote", ADMIN, Content_Type="application/xml")
    assert error(gateway)[0] == 415
    assert ALLOWED not in gateway.headers
