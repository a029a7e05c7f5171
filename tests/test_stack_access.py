"""In the template: who may call a route, and what of a request is checked before it starts."""

from typing import Any

import pytest

from infra.spec import AUTHORIZERS
from tests.stacks import (
    ACCESS,
    FUNCTION,
    MACHINE,
    POOL,
    method,
    method_id,
    needs,
    of_type,
    only,
    role,
    route,
    spec,
    template,
)

FIRST, SECOND = "/orders/001", "/orders/002"
INVOKE = {
    "Effect": "Allow",
    "Action": "lambda:InvokeFunction",
    "Resource": FUNCTION,
}


def who(authorization: str, **fields: Any) -> Any:
    """Properties of the method of the one route."""
    return method(template(spec(route(1, authorization, **fields))), "POST", FIRST)


def test_a_route_with_iam_wants_a_signature_and_no_key() -> None:
    made = who("AWS_IAM")
    assert made["AuthorizationType"] == "AWS_IAM"
    assert "AuthorizerId" not in made and not made.get("ApiKeyRequired")


@pytest.mark.parametrize("authorization", ["NONE", "SIGNED"])
def test_a_route_without_authorization_has_no_authorizer_and_wants_no_key(
    authorization: str,
) -> None:
    made = who(authorization)
    assert made["AuthorizationType"] == "NONE"
    assert "AuthorizerId" not in made and not made.get("ApiKeyRequired")


def test_a_route_with_an_api_key_wants_one_and_the_stage_has_a_usage_plan() -> None:
    made = template(
        spec(
            route(1, "API_KEY"),
            usage_rate=7.5,
            usage_burst=9,
            usage_quota=1_000,
            usage_period="WEEK",
        )
    )
    assert method(made, "POST", FIRST)["ApiKeyRequired"] is True
    id, plan = only(made, "ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 7.5, "BurstLimit": 9}
    assert plan["Quota"] == {"Limit": 1_000, "Period": "WEEK"}
    (stage,) = plan["ApiStages"]
    assert stage["Stage"] == {"Ref": only(made, "ApiGateway::Stage")[0]}
    assert stage["ApiId"] == {"Ref": only(made, "ApiGateway::RestApi")[0]}
    assert made["Outputs"]["UsagePlanId"]["Value"] == {"Ref": id}


def test_a_usage_plan_without_a_quota_has_none() -> None:
    assert "Quota" not in only(template(spec(route(1, "API_KEY"))), "ApiGateway::UsagePlan")[1]


def test_no_key_is_in_a_template_and_no_plan_where_no_route_wants_a_key() -> None:
    with_keys, without = template(spec(route(1, "API_KEY"))), template(spec(route()))
    assert not of_type(with_keys, "ApiGateway::ApiKey")
    assert not of_type(with_keys, "ApiGateway::UsagePlanKey")
    assert not of_type(without, "ApiGateway::UsagePlan")
    assert "UsagePlanId" not in without["Outputs"]


def test_a_cognito_route_names_its_pools_and_scopes() -> None:
    other = POOL.replace("Ab12", "Zz98")
    made = template(
        spec(
            route(1, "COGNITO_USER_POOLS", user_pool_arns=(POOL, other), scopes=("shop/write",)),
            route(2, "COGNITO_USER_POOLS", user_pool_arns=(other, POOL)),
        )
    )
    id, authorizer = only(made, "ApiGateway::Authorizer")
    assert authorizer["Type"] == "COGNITO_USER_POOLS"
    assert authorizer["ProviderARNs"] == sorted([POOL, other])
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    for path, scopes in ((FIRST, ["shop/write"]), (SECOND, None)):
        on = method(made, "POST", path)
        assert on["AuthorizationType"] == "COGNITO_USER_POOLS"
        assert on["AuthorizerId"] == {"Ref": id}
        assert on.get("AuthorizationScopes") == scopes


def test_a_token_authorizer_reads_one_header_and_keeps_its_answers() -> None:
    made = template(
        spec(route(1, "CUSTOM", authorizer_sources=("header.X-Token",), authorizer_ttl=42))
    )
    id, authorizer = only(made, "ApiGateway::Authorizer")
    assert (authorizer["Type"], authorizer["IdentitySource"]) == (
        "TOKEN",
        "method.request.header.X-Token",
    )
    assert authorizer["AuthorizerResultTtlInSeconds"] == 42
    assert authorizer["AuthorizerUri"].endswith(f"/functions/{FUNCTION}/invocations")
    on = method(made, "POST", FIRST)
    assert (on["AuthorizationType"], on["AuthorizerId"]) == ("CUSTOM", {"Ref": id})


@pytest.mark.parametrize(
    ("sources", "ttl", "written"),
    [
        (
            ("header.X-Tenant", "query.token"),
            60,
            "method.request.header.X-Tenant,method.request.querystring.token",
        ),
        ((), 0, ""),
    ],
)
def test_a_request_authorizer_reads_headers_and_query(
    sources: tuple[str, ...], ttl: int, written: str
) -> None:
    made = template(
        spec(
            route(
                1,
                "CUSTOM",
                authorizer_type="REQUEST",
                authorizer_sources=sources,
                authorizer_ttl=ttl,
            )
        )
    )
    _, authorizer = only(made, "ApiGateway::Authorizer")
    assert (authorizer["Type"], authorizer["IdentitySource"]) == ("REQUEST", written)
    assert authorizer["AuthorizerResultTtlInSeconds"] == ttl


@pytest.mark.parametrize("kind", ["TOKEN", "REQUEST"])
@pytest.mark.parametrize("function", [FUNCTION, f"{FUNCTION}:live"])
def test_an_authorizer_s_role_may_invoke_that_function_only(kind: str, function: str) -> None:
    made = template(spec(route(1, "CUSTOM", authorizer_arn=function, authorizer_type=kind)))
    _, authorizer = only(made, "ApiGateway::Authorizer")
    assert role(made, authorizer["AuthorizerCredentials"]) == (
        "apigateway.amazonaws.com",
        [INVOKE | {"Resource": function}],
    )
    assert not of_type(made, "IAM::Policy") and not of_type(made, "Lambda::Permission")


def test_routes_share_an_authorizer_as_long_as_it_is_the_same() -> None:
    routes = [route(number, "CUSTOM") for number in range(1, 15)]
    assert len(of_type(template(spec(*routes)), "ApiGateway::Authorizer")) == 1
    different = [
        route(number, "CUSTOM", authorizer_ttl=number) for number in range(1, AUTHORIZERS + 1)
    ]
    made = template(spec(*different))
    assert len(of_type(made, "ApiGateway::Authorizer")) == AUTHORIZERS
    with pytest.raises(ValueError, match="10 authorizers at most; its routes need 11"):
        spec(*different, route(99, "CUSTOM", authorizer_ttl=99))


@pytest.mark.parametrize("authorization", [one for one in ACCESS if one != "SIGNED"])
def test_a_status_route_is_authorized_like_its_trigger(authorization: str) -> None:
    fields: dict[str, Any] = {"status_route": True}
    if authorization == "COGNITO_USER_POOLS":
        fields["scopes"] = ("shop/write",)
    made = template(spec(route(1, authorization, **fields)))
    start, status = (
        {
            name: method(made, verb, path).get(name)
            for name in (
                "AuthorizationType",
                "AuthorizerId",
                "AuthorizationScopes",
                "ApiKeyRequired",
            )
        }
        for verb, path in (("POST", FIRST), ("GET", f"{FIRST}/executions/{{name}}"))
    )
    assert start == status


def test_a_schema_and_required_parameters_are_checked_before_anything_starts() -> None:
    made = template(
        spec(
            route(
                1,
                body_schema='{"type": "object"}',
                required_parameters=("header.X-Tenant", "query.dry"),
            )
        )
    )
    model_id, model = only(made, "ApiGateway::Model")
    validator_id, validator = only(made, "ApiGateway::RequestValidator")
    assert validator["ValidateRequestBody"] is True
    assert validator["ValidateRequestParameters"] is True
    assert (model["ContentType"], model["Schema"]) == ("application/json", '{"type": "object"}')
    on = method(made, "POST", FIRST)
    assert on["RequestValidatorId"] == {"Ref": validator_id}
    assert on["RequestModels"] == {"application/json": {"Ref": model_id}}
    assert on["RequestParameters"] == {
        "method.request.header.X-Tenant": True,
        "method.request.querystring.dry": True,
    }
    assert {model_id, validator_id} <= needs(made, method_id(made, "POST", FIRST))


@pytest.mark.parametrize(
    ("fields", "has"),
    [
        ({"body_schema": "{}"}, {"RequestValidatorId", "RequestModels"}),
        ({"required_parameters": ("query.q",)}, {"RequestValidatorId", "RequestParameters"}),
        ({}, set()),
    ],
)
def test_a_method_declares_only_what_its_trigger_wants_checked(
    fields: dict[str, Any], has: set[str]
) -> None:
    checks = {"RequestValidatorId", "RequestModels", "RequestParameters"}
    assert checks & set(who("AWS_IAM", **fields)) == has


def test_all_routes_share_one_validator() -> None:
    """A REST API has 20 of them at most (API Gateway quotas)."""
    schemas = [route(number, body_schema="{}") for number in range(1, 13)]
    parameters = [route(number, required_parameters=("query.q",)) for number in range(13, 25)]
    made = template(spec(*schemas, *parameters, route(99)))
    only(made, "ApiGateway::RequestValidator")
    assert len(of_type(made, "ApiGateway::Model")) == len(schemas)


def test_a_status_route_checks_nothing_of_its_request() -> None:
    made = template(
        spec(route(1, status_route=True, body_schema="{}", required_parameters=("query.q",)))
    )
    status = method(made, "GET", f"{FIRST}/executions/{{name}}")
    assert not {"RequestValidatorId", "RequestModels", "RequestParameters"} & set(status)


def test_the_machine_is_no_business_of_who_may_call() -> None:
    """A route with an authorizer has two roles, and neither may do what the other may."""
    made = template(spec(route(1, "CUSTOM")))
    _, start = role(made, method(made, "POST", FIRST)["Integration"]["Credentials"])
    assert start == [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": MACHINE}]
    assert len(of_type(made, "IAM::Role")) == 2
