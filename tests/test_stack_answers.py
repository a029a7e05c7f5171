"""In the template: what a request becomes and what comes back, CORS and the gateway's errors."""

import json
from typing import Any

import pytest

from infra import mapping
from infra.local.answers import media_type
from infra.spec import TriggerSpec
from tests.stacks import ACCESS, method, of_type, only, route, spec, template

FIRST = "/orders/001"
STATUS = f"{FIRST}/executions/{{name}}"
ORIGIN = "https://shop.example.com"
ALLOW_ORIGIN = "method.response.header.Access-Control-Allow-Origin"
EXPRESS: dict[str, Any] = {
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
    "response_status": 200,
}


def on(verb: str, path: str, *triggers: TriggerSpec, **fields: Any) -> Any:
    return method(template(spec(*triggers, **fields)), verb, path)


def answers(made: Any) -> dict[str, Any]:
    """Status → integration response."""
    return {one["StatusCode"]: one for one in made["Integration"]["IntegrationResponses"]}


@pytest.mark.parametrize(
    ("types", "media"),
    [
        (("JSON",), {"application/json"}),
        (("FORM",), {"application/x-www-form-urlencoded"}),
        (("TEXT",), {"text/plain"}),
        (
            ("JSON", "FORM", "TEXT"),
            {"application/json", "application/x-www-form-urlencoded", "text/plain"},
        ),
    ],
)
def test_each_content_type_has_its_template_and_no_other_passes(
    types: tuple[str, ...], media: set[str]
) -> None:
    trigger = route(1, content_types=types)
    calls = on("POST", FIRST, trigger)["Integration"]
    assert calls["PassthroughBehavior"] == "NEVER"
    assert set(calls["RequestTemplates"]) == media
    assert calls["RequestTemplates"] == mapping.request_templates(trigger)


INPUTS: dict[str, dict[str, Any]] = {
    "BODY": {},
    "FIXED": {"input_template": '{"price": "$5 #1 ${x}"}'},
    "REQUEST": {"input_headers": ("X-Tenant",), "input_claims": ("claims.sub",)},
    "FIELDS": {"input_fields": ({"name": "id", "source": "BODY", "value": "$.id"},)},
    "VTL": {"input_template": '#set($x = $input.path(\'$\'))\n{"input": "$x ${y} #{z}"}\n'},
}


@pytest.mark.parametrize("mode", INPUTS)
def test_templates_stand_in_the_template_as_they_were_compiled(mode: str) -> None:
    trigger = route(1, input_mode=mode, **INPUTS[mode])
    made = on("POST", FIRST, trigger)
    assert made["Integration"]["RequestTemplates"] == mapping.request_templates(trigger)
    by_status = answers(made)
    written = {code: one["ResponseTemplates"] for code, one in by_status.items()}
    assert written == {
        "202": {"application/json": mapping.response_template(trigger)},
        "400": {"application/json": mapping.error_template(trigger)},
        "500": {"application/json": mapping.fault_template(trigger)},
    }


@pytest.mark.parametrize("fields", [{"response_status": 201}, EXPRESS], ids=["async", "sync"])
def test_success_has_a_pattern_of_its_own_and_the_server_error_is_the_default(
    fields: dict[str, Any],
) -> None:
    status = str(fields["response_status"])
    made = on("POST", FIRST, route(1, **fields))
    patterns = {code: one.get("SelectionPattern") for code, one in answers(made).items()}
    assert patterns == {status: r"2\d{2}", "400": r"4\d{2}", "500": None}
    assert [one["StatusCode"] for one in made["MethodResponses"]] == [status, "400", "500"]


def test_a_status_route_asks_for_one_execution_and_answers_in_the_same_form() -> None:
    trigger = route(1, status_route=True)
    made = on("GET", STATUS, trigger)
    assert made["Integration"]["PassthroughBehavior"] == "NEVER"
    assert made["Integration"]["RequestTemplates"] == {
        "application/json": mapping.status_request_template(trigger)
    }
    by_status = answers(made)
    assert set(by_status) == {"200", "400", "500"}
    assert by_status["200"]["ResponseTemplates"] == {
        "application/json": mapping.status_response_template(trigger)
    }
    for code, written in (
        ("400", mapping.status_error_template(trigger)),
        ("500", mapping.fault_template(trigger)),
    ):
        assert by_status[code]["ResponseTemplates"] == {"application/json": written}


def test_response_headers_are_declared_and_stand_on_success_only() -> None:
    trigger = route(1, response_headers=(("X-Build", "a b; c=1"), ("Cache-Control", "no-store")))
    made = on("POST", FIRST, trigger)
    names = {"method.response.header.X-Build", "method.response.header.Cache-Control"}
    assert all(set(one["ResponseParameters"]) == names for one in made["MethodResponses"])
    by_status = answers(made)
    assert by_status["202"]["ResponseParameters"] == {
        "method.response.header.X-Build": "'a b; c=1'",
        "method.response.header.Cache-Control": "'no-store'",
    }
    assert not any("ResponseParameters" in by_status[code] for code in ("400", "500"))


def test_without_cors_there_is_no_preflight_and_no_header() -> None:
    made = template(spec(route(1, status_route=True)))
    verbs = {
        one["Properties"]["HttpMethod"] for one in of_type(made, "ApiGateway::Method").values()
    }
    assert verbs == {"POST", "GET"}
    assert "Access-Control" not in json.dumps(made["Resources"])


@pytest.mark.parametrize("origin", [ORIGIN, "*"])
def test_one_origin_stands_on_the_preflight_and_on_every_answer_of_every_route(
    origin: str,
) -> None:
    trigger = route(1, cors_origins=(origin,), status_route=True)
    for verb, path in (("POST", FIRST), ("GET", STATUS)):
        for one in answers(on(verb, path, trigger)).values():
            assert one["ResponseParameters"][ALLOW_ORIGIN] == f"'{origin}'"
        (preflight,) = on("OPTIONS", path, trigger)["Integration"]["IntegrationResponses"]
        assert preflight["ResponseParameters"][ALLOW_ORIGIN] == f"'{origin}'"


def test_of_several_origins_the_one_that_asks_is_named_and_answers_vary() -> None:
    origins = (ORIGIN, "https://admin.example.com:8443")
    trigger = route(1, cors_origins=origins)
    made = on("POST", FIRST, trigger)
    for one in answers(made).values():
        assert one["ResponseParameters"] == {"method.response.header.Vary": "'Origin'"}
        text = one["ResponseTemplates"]["application/json"]
        assert all(f'$origin == "{origin}"' in text for origin in origins)
    (preflight,) = on("OPTIONS", FIRST, trigger)["Integration"]["IntegrationResponses"]
    assert preflight["ResponseParameters"]["method.response.header.Vary"] == "'Origin'"
    assert origins[1] in preflight["ResponseTemplates"]["application/json"]


def test_browsers_may_read_the_location_of_an_execution() -> None:
    trigger = route(1, cors_origins=(ORIGIN,), status_route=True)
    expose = "method.response.header.Access-Control-Expose-Headers"
    by_status = answers(on("POST", FIRST, trigger))
    assert by_status["202"]["ResponseParameters"][expose] == "'Location'"
    assert expose not in by_status["400"]["ResponseParameters"]


ASKED: dict[str, set[str]] = {
    "NONE": set(),
    "API_KEY": {"X-Api-Key"},
    "COGNITO_USER_POOLS": {"Authorization"},
    "CUSTOM": {"Authorization"},
    "AWS_IAM": {"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"},
}


@pytest.mark.parametrize("authorization", ASKED)
def test_a_preflight_is_open_and_allows_the_headers_that_a_call_needs(authorization: str) -> None:
    made = on("OPTIONS", FIRST, route(1, authorization, cors_origins=(ORIGIN,)))
    assert made["AuthorizationType"] == "NONE" and not made["ApiKeyRequired"]
    assert made["Integration"]["Type"] == "MOCK"
    assert allowed(made, "Headers") == {"Content-Type"} | ASKED[authorization]
    assert allowed(made, "Methods") == {"POST"}


def allowed(preflight: Any, what: str) -> set[str]:
    (answer,) = preflight["Integration"]["IntegrationResponses"]
    text = answer["ResponseParameters"][f"method.response.header.Access-Control-Allow-{what}"]
    return set(text.strip("'").split(","))


def test_a_preflight_allows_every_header_that_its_trigger_reads() -> None:
    trigger = route(
        1,
        "CUSTOM",
        authorizer_type="REQUEST",
        authorizer_sources=("header.X-Who", "query.who"),
        cors_origins=(ORIGIN,),
        required_parameters=("header.X-Must", "query.must"),
        idempotency_source="HEADER",
        idempotency_key="Idempotency-Key",
        input_mode="FIELDS",
        input_fields=({"name": "t", "source": "HEADER", "value": "X-Tenant"},),
    )
    headers = allowed(on("OPTIONS", FIRST, trigger), "Headers")
    assert {"X-Who", "X-Must", "Idempotency-Key", "X-Tenant"} <= headers
    assert not {"who", "must", "q"} & headers


def test_triggers_of_one_path_share_a_preflight_that_allows_both() -> None:
    routes = (
        route(1, "API_KEY", path="/orders", cors_origins=(ORIGIN,)),
        route(2, "NONE", method="GET", path="/orders", cors_origins=(ORIGIN,)),
    )
    made = on("OPTIONS", "/orders", *routes)
    assert allowed(made, "Methods") == {"GET", "POST"}
    assert allowed(made, "Headers") == {"Content-Type", "X-Api-Key"}


def test_the_preflight_of_any_method_allows_all_of_them() -> None:
    made = on("OPTIONS", FIRST, route(1, "NONE", method="ANY", cors_origins=(ORIGIN,)))
    assert allowed(made, "Methods") >= {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("path", ["/orders/001", "/orders/001/executions/{name}"])
def test_different_origins_for_one_preflight_are_refused(path: str) -> None:
    first = route(1, cors_origins=(ORIGIN,), status_route=True)
    other = route(2, path=path, method="PUT", cors_origins=("https://b.example",))
    with pytest.raises(ValueError, match="share one preflight answer"):
        spec(first, other)


@pytest.mark.parametrize("origin", ["", ORIGIN])
def test_the_gateway_s_own_errors_have_the_form_of_all_others(origin: str) -> None:
    made = template(spec(route(), cors_origin=origin))
    by_type = {
        one["Properties"]["ResponseType"]: one["Properties"]
        for one in of_type(made, "ApiGateway::GatewayResponse").values()
    }
    assert set(by_type) == {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"}
    cors = {"gatewayresponse.header.Access-Control-Allow-Origin": f"'{origin}'"} if origin else {}
    for kind, one in by_type.items():
        later = {"gatewayresponse.header.Retry-After": "'1'"} if kind == "THROTTLED" else {}
        assert one.get("ResponseParameters", {}) == cors | later
        assert one["ResponseTemplates"] == {"application/json": mapping.gateway_response_template()}
        assert "StatusCode" not in one
    text = mapping.gateway_response_template()
    filled = text.replace("$context.error.messageString", '"m"').replace("$context.", "")
    assert set(json.loads(filled)) == {"error", "message", "requestId"}


def test_every_answer_is_json_in_words_that_the_local_gateway_reads_too() -> None:
    assert media_type({"content-type": "application/json; charset=utf-8"}, "content-type") == (
        mapping.CONTENT_TYPE
    )
    kinds = [kind for kind in ACCESS if kind != "SIGNED"]
    made = template(spec(*(route(n, kind) for n, kind in enumerate(kinds, 1))))
    for one in of_type(made, "ApiGateway::Method").values():
        for answer in one["Properties"]["Integration"]["IntegrationResponses"]:
            assert set(answer["ResponseTemplates"]) == {mapping.CONTENT_TYPE}


def test_a_signed_webhook_answers_from_its_function() -> None:
    made = template(spec(route(1, "SIGNED")))
    _, only_method = only(made, "ApiGateway::Method")
    assert "IntegrationResponses" not in only_method["Integration"]
    assert "RequestTemplates" not in only_method["Integration"]
