"""Lambda and Cognito authorizers of the embedded AWS, in deployed stacks."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.local_aws import LocalAws, shared, unique
from tests.local_stack import (
    Part,
    answers,
    deploy,
    deploy_rest_api,
    function,
    get,
    method,
    resource,
    rest_api,
    url,
)

CODE = """
import time
def handler(event, context):
    token = event.get("authorizationToken") or event["headers"].get("X-Token")
    if token == "unknown":
        raise Exception("Unauthorized")
    if token == "crash":
        raise ValueError("secret detail")
    effect = "Deny" if token == "deny" else "Allow"
    action = "execute-api:Other" if token == "other-action" else "execute-api:Invoke"
    arn = event["methodArn"]
    if token == "other-route":
        arn = arn.replace("/POST/", "/GET/")
    given = {"tenant": token, "at": str(time.time_ns()), "yes": True, "count": 3, "none": None}
    if token == "nested":
        given["list"] = [1]
    if event["type"] == "REQUEST":
        request = event["requestContext"]
        given["ip"], given["id"] = request["identity"]["sourceIp"], request["extendedRequestId"]
        given["query"] = (event["queryStringParameters"] or {}).get("page")
    if token == "nothing":
        return {}
    return {
        "principalId": "user-" + token,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": action, "Effect": effect, "Resource": arn}],
        },
        "context": given,
    }
"""

SEEN = (
    '{"who": "$context.authorizer.principalId", "tenant": "$context.authorizer.tenant",'
    '"at": "$context.authorizer.at", "yes": "$context.authorizer.yes",'
    '"count": "$context.authorizer.count", "ip": "$!context.authorizer.ip",'
    '"id": "$!context.authorizer.id", "query": "$!context.authorizer.query"}'
)
DENY_UNLISTED = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "execute-api:Invoke",
    "Resource": "execute-api:/*",
    "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
}
ALLOW = DENY_UNLISTED | {"Effect": "Allow", "Condition": {}}


@pytest.fixture
def aws() -> LocalAws:
    return shared()


def role(*actions: str, service: str = "apigateway.amazonaws.com") -> Part:
    """A role that ``service`` may assume, with these actions on the function."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": get("Function")}
    return resource(
        "IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[
            {
                "PolicyName": "call",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]},
            }
        ],
    )


def by_function(
    given: Part | None = None, policy: Any = None, template: str = SEEN, **fields: Any
) -> str:
    """The id of an API whose POST /orders asks the function of CODE; ``given`` is its role."""
    named = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    authorizer = {
        "RestApiId": {"Ref": "Api"},
        "Name": "asks",
        "Type": "TOKEN",
        "IdentitySource": "method.request.header.X-Token",
        "AuthorizerUri": {"Fn::Sub": f"{named}${{Function.Arn}}/invocations"},
        "AuthorizerCredentials": get("Role"),
        "AuthorizerResultTtlInSeconds": 0,
    } | fields
    return deploy_rest_api(
        method(answers(template), AuthorizationType="CUSTOM", AuthorizerId={"Ref": "Authorizer"}),
        others={
            "Function": function(CODE),
            "Role": given or role("lambda:InvokeFunction"),
            "Authorizer": resource("ApiGateway::Authorizer", **authorizer),
        },
        policy=policy,
    )


def call(api_id: str, token: str | None, **headers: str) -> httpx.Response:
    given = {"X-Token": token} if token else {}
    return httpx.post(url(api_id), json={}, headers=given | headers, timeout=30)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.fixture(scope="module")
def by_token() -> str:
    return by_function()


def test_what_the_function_says_of_the_caller_reaches_the_template(by_token: str) -> None:
    answer = call(by_token, "ada")
    assert answer.status_code == 202, answer.text
    seen = answer.json()
    assert (seen["who"], seen["tenant"]) == ("user-ada", "ada")
    assert (seen["yes"], seen["count"]) == ("true", "3")


@pytest.mark.parametrize(
    ("token", "refused"),
    [
        (None, (401, "UNAUTHORIZED")),
        ("unknown", (401, "UNAUTHORIZED")),
        ("deny", (403, "ACCESS_DENIED")),
        ("other-route", (403, "ACCESS_DENIED")),
        ("other-action", (403, "ACCESS_DENIED")),
        ("crash", (500, "AUTHORIZER_FAILURE")),
        ("nothing", (500, "API_CONFIGURATION_ERROR")),
        ("nested", (500, "API_CONFIGURATION_ERROR")),
    ],
)
def test_a_caller_is_refused_as_the_function_says(
    by_token: str, token: str | None, refused: tuple[int, str]
) -> None:
    answer = call(by_token, token)
    assert error(answer) == refused
    assert "secret detail" not in answer.text


def test_a_token_of_another_form_is_refused_unasked() -> None:
    api_id = by_function(IdentityValidationExpression="tok-[a-z]+")
    assert error(call(api_id, "ada")) == (401, "UNAUTHORIZED")
    assert call(api_id, "tok-ada").status_code == 202


def test_an_answer_is_kept_for_its_time_and_its_token_only() -> None:
    api_id = by_function(AuthorizerResultTtlInSeconds=300)
    first, second = call(api_id, "ada").json()["at"], call(api_id, "ada").json()["at"]
    assert first == second
    assert call(api_id, "bob").json()["at"] != first


def test_without_a_time_every_call_asks_the_function(by_token: str) -> None:
    assert call(by_token, "ada").json()["at"] != call(by_token, "ada").json()["at"]


def test_a_request_authorizer_sees_the_request() -> None:
    api_id = by_function(
        Type="REQUEST",
        IdentitySource="method.request.header.X-Token,method.request.querystring.page",
        AuthorizerResultTtlInSeconds=60,
    )
    headers = {"X-Token": "ada", "X-Forwarded-For": "203.0.113.7"}
    answer = httpx.post(url(api_id, "/orders?page=2"), json={}, headers=headers, timeout=30)
    seen = answer.json()
    assert (seen["tenant"], seen["ip"], seen["query"]) == ("ada", "203.0.113.7", "2")
    assert seen["id"] == answer.headers["x-amz-apigw-id"]
    assert error(httpx.post(url(api_id), json={}, headers=headers)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "given",
    [
        role("lambda:GetFunction"),
        role("lambda:InvokeFunction", service="lambda.amazonaws.com"),
    ],
)
def test_the_gateway_needs_a_role_that_may_call_the_function(given: Part) -> None:
    assert error(call(by_function(given), "ada")) == (500, "API_CONFIGURATION_ERROR")


def test_without_a_role_the_function_must_let_the_gateway_in() -> None:
    api_id = by_function(AuthorizerCredentials={"Ref": "AWS::NoValue"})
    assert error(call(api_id, "ada")) == (500, "API_CONFIGURATION_ERROR")


def test_an_explicit_deny_of_the_resource_policy_comes_before_the_function() -> None:
    api_id = by_function(policy=[DENY_UNLISTED])
    assert error(call(api_id, "crash")) == (403, "ACCESS_DENIED")
    listed = {"X-Forwarded-For": "203.0.113.7"}
    assert call(api_id, "ada", **listed).status_code == 202
    assert error(call(api_id, "deny", **listed)) == (403, "ACCESS_DENIED")


def test_an_allow_of_the_resource_policy_stands_in_for_a_silent_function() -> None:
    api_id = by_function(policy=[ALLOW])
    assert call(api_id, "other-route").status_code == 202
    assert error(call(api_id, "deny")) == (403, "ACCESS_DENIED")


CLAIMS = (
    '{"email": "$context.authorizer.claims.email", "sub": "$context.authorizer.claims.sub",'
    '"groups": "$!context.authorizer.claims[\'cognito:groups\']"}'
)


def by_pool(policy: Any = None, **fields: Any) -> dict[str, str]:
    """An API whose POST /orders wants a token of its user pool: ids of Api, Pool and Client."""
    parts = rest_api(
        method(
            answers(CLAIMS),
            AuthorizationType="COGNITO_USER_POOLS",
            AuthorizerId={"Ref": "Authorizer"},
            **fields,
        ),
        others={
            "Pool": resource("Cognito::UserPool", UserPoolName=unique("pool")),
            "Client": resource(
                "Cognito::UserPoolClient",
                UserPoolId={"Ref": "Pool"},
                ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            ),
            "Authorizer": resource(
                "ApiGateway::Authorizer",
                RestApiId={"Ref": "Api"},
                Name="pool",
                Type="COGNITO_USER_POOLS",
                IdentitySource="method.request.header.Authorization",
                ProviderARNs=[get("Pool")],
            ),
        },
        policy=policy,
    )
    return deploy(parts, Api={"Ref": "Api"}, Pool={"Ref": "Pool"}, Client={"Ref": "Client"})


def sign_in(made: Mapping[str, str]) -> dict[str, str]:
    """The tokens of a new user of the pool, who is of one group."""
    cognito, password = shared().client("cognito-idp"), "Tests-only-1"
    user = {"UserPoolId": made["Pool"], "Username": unique("ada")}
    email = {"Name": "email", "Value": "ada@shop.example"}
    cognito.admin_create_user(**user, UserAttributes=[email])
    cognito.admin_set_user_password(**user, Password=password, Permanent=True)
    group = unique("staff")
    cognito.create_group(GroupName=group, UserPoolId=made["Pool"])
    cognito.admin_add_user_to_group(**user, GroupName=group)
    answer = cognito.initiate_auth(
        ClientId=made["Client"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user["Username"], "PASSWORD": password},
    )
    tokens: dict[str, str] = answer["AuthenticationResult"]
    return tokens


@pytest.fixture(scope="module")
def pool() -> dict[str, str]:
    return by_pool()


def with_token(api_id: str, token: str | None, **headers: str) -> httpx.Response:
    given = {"Authorization": token} if token else {}
    return httpx.post(url(api_id), json={}, headers=given | headers)


def test_the_claims_of_a_user_reach_the_template(pool: dict[str, str]) -> None:
    answer = with_token(pool["Api"], sign_in(pool)["IdToken"])
    assert answer.status_code == 202, answer.text
    assert answer.json()["email"] == "ada@shop.example"
    assert len(answer.json()["sub"]) == 36
    assert answer.json()["groups"].startswith("[staff-")


def test_a_token_that_is_none_is_refused(pool: dict[str, str]) -> None:
    tokens = sign_in(pool)
    head, claims, signature = tokens["IdToken"].split(".")
    other = sign_in(by_pool())["IdToken"]
    forged = f"{head}.{claims[:-4]}AAAA.{signature}"
    for token in (None, "x", forged, other, tokens["AccessToken"]):
        assert error(with_token(pool["Api"], token)) == (401, "UNAUTHORIZED"), token


def test_a_method_with_scopes_wants_an_access_token() -> None:
    made = by_pool(AuthorizationScopes=["aws.cognito.signin.user.admin"])
    tokens = sign_in(made)
    assert with_token(made["Api"], tokens["AccessToken"]).status_code == 202
    assert error(with_token(made["Api"], tokens["IdToken"])) == (401, "UNAUTHORIZED")


def test_a_user_needs_the_allow_of_a_resource_policy_besides() -> None:
    denied, allowed = by_pool([DENY_UNLISTED]), by_pool([ALLOW, DENY_UNLISTED])
    listed = {"X-Forwarded-For": "203.0.113.7"}
    token = sign_in(denied)["IdToken"]
    assert error(with_token(denied["Api"], token, **listed)) == (403, "ACCESS_DENIED")
    token = sign_in(allowed)["IdToken"]
    assert with_token(allowed["Api"], token, **listed).status_code == 202
    assert error(with_token(allowed["Api"], token)) == (403, "ACCESS_DENIED")
    assert error(with_token(allowed["Api"], None, **listed)) == (401, "UNAUTHORIZED")
