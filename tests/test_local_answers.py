"""What an integration response of the embedded AWS makes of an answer: MOCK, headers, paths."""

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws, shared, unique
from tests.local_stack import Part, answers, deploy, deploy_rest_api, method, rest_api, starts, url

SHOP, ADMIN = "https://shop.example", "https://admin.example"

CDK_TEMPLATE = f"""#set($origin = $input.params().header.get("Origin"))
#if($origin == "")
  #set($origin = $input.params().header.get("origin"))
#end
#if($origin == "{ADMIN}")
  #set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end"""
"""What CDK's add_cors_preflight writes for two origins."""


@pytest.fixture
def aws() -> LocalAws:
    return shared()


def preflight(**fields: Any) -> Part:
    """OPTIONS as CDK's add_cors_preflight makes it."""
    headers = {
        "Access-Control-Allow-Headers": "'Content-Type,X-Amz-Date'",
        "Access-Control-Allow-Origin": f"'{SHOP}'",
        "Vary": "'Origin'",
        "Access-Control-Allow-Methods": "'POST,OPTIONS'",
    }
    mapped = {f"method.response.header.{name}": value for name, value in headers.items()}
    response = {
        "StatusCode": "204",
        "ResponseParameters": mapped,
        "ResponseTemplates": {"application/json": CDK_TEMPLATE},
    }
    integration = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": "{ statusCode: 200 }"},
        "IntegrationResponses": [response],
    } | fields
    made = method(integration, "OPTIONS")
    declared = {"StatusCode": "204", "ResponseParameters": dict.fromkeys(mapped, True)}
    made["MethodResponses"] = [declared]
    return made


def mock(request_template: str, *responses: Part, **fields: Any) -> Part:
    """POST /orders → MOCK with these integration responses, all of them declared."""
    integration = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": request_template},
        "IntegrationResponses": list(responses),
    } | fields
    declared = [{"StatusCode": response["StatusCode"]} for response in responses]
    return method(integration) | {"MethodResponses": declared}


def said(status: str, template: str, pattern: str = "") -> Part:
    chosen = {"SelectionPattern": pattern} if pattern else {}
    return {"StatusCode": status, "ResponseTemplates": {"application/json": template}} | chosen


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), (ADMIN, ADMIN), ("x", SHOP)])
def test_a_preflight_allows_the_origin_that_asks(origin: str, allowed: str) -> None:
    api_id = deploy_rest_api(method(starts()), preflight())
    answer = httpx.options(url(api_id), headers={"Origin": origin})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.get_list("access-control-allow-origin") == [allowed]
    assert answer.headers["access-control-allow-headers"] == "Content-Type,X-Amz-Date"
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-amz-apigw-id"]


def test_nothing_is_allowed_that_the_api_does_not_allow() -> None:
    api_id = deploy_rest_api(method(starts()))
    assert httpx.options(url(api_id)).status_code == 403
    for answer in (httpx.options(url(api_id)), httpx.post(url(api_id), json={})):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_mock_selects_its_answer_by_the_status_that_its_template_renders() -> None:
    template = '{"statusCode": $input.params("status")}'
    responses = [said("200", '{"ok": "$context.httpMethod"}'), said("404", "none", "4\\d\\d")]
    api_id = deploy_rest_api(mock(template, *responses))
    found = httpx.post(url(api_id, "/orders?status=200"))
    assert (found.status_code, found.json()) == (200, {"ok": "POST"})
    missing = httpx.post(url(api_id, "/orders?status=418"))
    assert (missing.status_code, missing.text) == (404, "none")


@pytest.mark.parametrize("template", ["", "{}", '{"statusCode": "soon"}', "#if($a"])
def test_a_mock_without_a_status_is_an_internal_error(template: str) -> None:
    answer = httpx.post(url(deploy_rest_api(mock(template, said("200", "{}")))))
    assert (answer.status_code, answer.json()["error"]) == (500, "API_CONFIGURATION_ERROR")


def test_a_mock_without_an_answer_for_its_status_is_an_internal_error() -> None:
    api_id = deploy_rest_api(mock('{"statusCode": 500}', said("200", "{}", "2\\d\\d")))
    assert httpx.post(url(api_id)).status_code == 500


def test_a_mock_passes_on_a_body_of_another_type() -> None:
    api_id = deploy_rest_api(mock('{"statusCode": 200}', said("200", "{}"), said("400", "", "4..")))
    plain = {"Content-Type": "text/plain"}
    assert httpx.post(url(api_id), content='{"statusCode":400}', headers=plain).status_code == 400
    assert httpx.post(url(api_id), content="nothing", headers=plain).status_code == 500


def test_a_template_sets_status_and_headers_by_their_names() -> None:
    template = (
        "#set($context.responseOverride.status = 503)"
        "#set($context.responseOverride.header.Retry-After = '7')"
        "#set($context.responseOverride.header['Cache-Control'] = 'no-store'){}"
    )
    answer = httpx.post(url(deploy_rest_api(method(answers(template)))), json={})
    assert (answer.status_code, answer.text) == (503, "{}")
    assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("7", "no-store")


def with_header(source: str, *declared: str) -> Part:
    made = method(answers("{}", ResponseParameters={"method.response.header.X-Mapped": source}))
    made["MethodResponses"][0] = {
        "StatusCode": "202",
        "ResponseParameters": {f"method.response.header.{name}": False for name in declared},
    }
    return made


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'text'", "text"),
        ("integration.response.header.Content-Type", "application/x-amz-json-1.0"),
        ("integration.response.header.x-amzn-RequestId", None),
        ("integration.response.header.X-None", ""),
        ("integration.response.body.startDate", None),
        ("context.stage", "prod"),
        ("context.identity.sourceIp", "127.0.0.1"),
    ],
)
def test_a_header_is_mapped_from_the_backend_or_the_context(source: str, value: str | None) -> None:
    answer = httpx.post(url(deploy_rest_api(with_header(source, "X-Mapped"))), json={})
    mapped = answer.headers.get("x-mapped", "")
    assert mapped == value if value is not None else len(mapped) > 9


def test_an_undeclared_header_fails_the_method() -> None:
    with pytest.raises(AssertionError, match="Invalid mapping expression parameter specified"):
        deploy(rest_api(with_header("'text'", "X-Other")))


def test_an_undeclared_status_fails_the_method() -> None:
    given = method(starts())
    given["MethodResponses"] = [{"StatusCode": "202"}]
    with pytest.raises(AssertionError, match="Invalid Response status code specified"):
        deploy(rest_api(given))


def test_an_undeclared_header_cannot_be_mapped_by_a_call(aws: LocalAws) -> None:
    api = aws.client("apigateway")
    api_id = deploy_rest_api(method(starts()))
    resources = api.get_resources(restApiId=api_id)["items"]
    (resource,) = [item["id"] for item in resources if item["path"] == "/orders"]
    with pytest.raises(ClientError) as refused:
        api.put_integration_response(
            restApiId=api_id,
            resourceId=resource,
            httpMethod="POST",
            statusCode="202",
            responseParameters={"method.response.header.X-Other": "'text'"},
        )
    assert refused.value.response["Error"]["Code"] == "BadRequestException"


def test_the_path_can_be_followed_as_it_was_called(aws: LocalAws) -> None:
    template = '#set($context.responseOverride.header.Location = "$context.path/1?a=b"){}'
    api_id = deploy_rest_api(method(answers(template)))
    answer = httpx.post(url(api_id), json={})
    assert answer.headers["location"] == f"/restapis/{api_id}/prod/_user_request_/orders/1?a=b"
    followed = httpx.get(f"{aws.endpoint_url}{answer.headers['location']}")
    assert followed.json()["error"] == "MISSING_AUTHENTICATION_TOKEN"  # of this API
    host = {"Host": f"{api_id}.execute-api.us-east-1.amazonaws.com"}
    called = httpx.post(f"{aws.endpoint_url}/prod/orders", json={}, headers=host)
    assert called.headers["location"] == "/prod/orders/1?a=b"


def test_the_path_is_as_it_was_encoded(aws: LocalAws) -> None:
    part = unique("a")
    template = "#set($context.responseOverride.header.X-Path = $context.path){}"
    made = method(answers(template), path="{id}")
    answer = httpx.post(url(deploy_rest_api(made), f"/{part}%20b%C3%A9"), json={})
    assert answer.headers["x-path"].endswith(f"/{part}%20b%C3%A9")


def test_a_gateway_response_knows_the_context(aws: LocalAws) -> None:
    api = aws.client("apigateway")
    api_id = deploy_rest_api(method(starts()))
    api.put_gateway_response(
        restApiId=api_id,
        responseType="DEFAULT_4XX",
        responseTemplates={"application/json": "$context.identity.sourceIp $context.path"},
        responseParameters={
            "gatewayresponse.header.X-Id": "context.extendedRequestId",
            "gatewayresponse.header.X-Origin": "method.request.header.Origin",
        },
    )
    api.create_deployment(restApiId=api_id, stageName="prod")
    answer = httpx.put(url(api_id), headers={"Origin": SHOP})
    assert answer.text == f"127.0.0.1 /restapis/{api_id}/prod/_user_request_/orders"
    assert answer.headers["x-id"] == answer.headers["x-amz-apigw-id"]
    assert answer.headers["x-origin"] == SHOP
