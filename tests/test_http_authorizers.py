"""Lambda authorizers and Cognito user pools in front of state machines, by real HTTP."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.local_aws import unique
from tests.surface import LISTED, UNLISTED, Api, client, error, received, route, serve

pytestmark = pytest.mark.django_db
CODE = """
import time
def handler(event, context):
    headers = event.get("headers") or {}
    token = event.get("authorizationToken") or headers.get("X-Token", "")
    if token == "unknown":
        raise Exception("Unauthorized")
    if token == "crash":
        raise ValueError("a secret detail")
    given = {"tenant": "acme '" + token + '"', "at": str(time.time_ns()), "limit": 7, "vip": True}
    if event["type"] == "REQUEST":
        given["page"] = (event["queryStringParameters"] or {}).get("page", "")
    effect = "Deny" if token == "deny" else "Allow"
    arn = event["methodArn"]
    if token == "reader":
        arn = arn.replace("/POST/", "/GET/")
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "user-" + token, "policyDocument": document, "context": given}
"""


def fields(*values: str) -> list[dict[str, str]]:
    """Rows of a field mapping: a key for each value of the context."""
    return [{"name": value, "source": "CONTEXT", "value": value} for value in values]


@pytest.fixture(scope="module")
def function() -> str:
    """The ARN of the authorizer's function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    made = client("lambda").create_function(
        FunctionName=unique("authorizer"),
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/functions",
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


@pytest.fixture(scope="module")
def api(django_db_setup: None, django_db_blocker: DjangoDbBlocker, function: str) -> Api:
    token = {
        "authorization": "CUSTOM",
        "authorizer_arn": function,
        "authorizer_sources": ["header.X-Token"],
        "authorizer_ttl": 0,
    }
    values = ("principalId", "tenant", "limit", "vip", "at")
    return serve(
        django_db_blocker,
        route(
            "/token",
            **token,
            input_mode="FIELDS",
            input_fields=fields(*(f"authorizer.{value}" for value in values)),
        ),
        route(
            "/whole",
            **token,
            input_mode="REQUEST",
            input_claims=["principalId", "tenant"],
            status_route=True,
        ),
        route(
            "/kept",
            **(token | {"authorizer_ttl": 300}),
            input_mode="FIELDS",
            input_fields=fields("authorizer.at"),
        ),
        route(
            "/request",
            **(token | {"authorizer_type": "REQUEST", "authorizer_ttl": 60}),
            input_mode="FIELDS",
            input_fields=fields("authorizer.principalId", "authorizer.page"),
        ),
        route(
            "/places",
            **token
            | {
                "authorizer_type": "REQUEST",
                "authorizer_ttl": 60,
                "authorizer_sources": ["header.X-Token", "query.page"],
            },
            input_mode="FIELDS",
            input_fields=fields("authorizer.page"),
        ),
    )


def call(api: Api, path: str, token: str | None) -> httpx.Response:
    return api.call(path, json={}, headers={"X-Token": token} if token else {})


def test_an_allowed_caller_starts_an_execution_with_what_the_function_says(api: Api) -> None:
    said = received(call(api, "/token", "ada"))
    assert said.pop("authorizer.at").isdigit()
    assert said == {
        "authorizer.principalId": "user-ada",
        "authorizer.tenant": "acme 'ada\"",
        "authorizer.limit": "7",
        "authorizer.vip": "true",
    }


def test_the_whole_request_has_the_authorizers_values_by_name(api: Api) -> None:
    said = received(call(api, "/whole", "ada"))
    assert said["authorizer"] == {"principalId": "user-ada", "tenant": "acme 'ada\""}
    assert said["headers"] == {}


@pytest.mark.parametrize("path", ["/token", "/request"])
@pytest.mark.parametrize(
    ("token", "refused"),
    [
        (None, (401, "UNAUTHORIZED")),
        ("unknown", (401, "UNAUTHORIZED")),
        ("deny", (403, "ACCESS_DENIED")),
        ("crash", (500, "AUTHORIZER_FAILURE")),
    ],
)
def test_a_caller_is_refused_as_the_function_says(
    api: Api, path: str, token: str | None, refused: tuple[int, str]
) -> None:
    before = api.started(path)
    answer = call(api, path, token)
    assert error(answer) == refused
    assert "secret detail" not in answer.text
    assert api.started(path) == before


def test_the_status_route_asks_the_same_authorizer(api: Api) -> None:
    started = call(api, "/whole", "ada")
    where = started.url.join(started.headers["location"])
    assert httpx.get(where, headers={"X-Token": "bob"}).status_code == 200
    assert error(httpx.get(where, headers={"X-Token": "deny"})) == (403, "ACCESS_DENIED")
    assert error(httpx.get(where)) == (401, "UNAUTHORIZED")


def test_with_no_time_to_keep_answers_every_call_asks_the_function(api: Api) -> None:
    first, second = (received(call(api, "/token", "ada"))["authorizer.at"] for _ in range(2))
    assert first != second


def test_an_answer_is_kept_for_its_token_alone(api: Api) -> None:
    first, second = (received(call(api, "/kept", "ada")) for _ in range(2))
    assert first == second
    assert received(call(api, "/kept", "bob")) != first


def test_a_request_authorizer_reads_several_places(api: Api) -> None:
    assert received(call(api, "/places?page=2", "ada")) == {"authorizer.page": "2"}
    assert error(call(api, "/places", "ada")) == (401, "UNAUTHORIZED")


def test_an_answer_is_kept_whatever_else_the_caller_sends(api: Api) -> None:
    first = received(call(api, "/request?page=1", "eve"))
    assert first == {"authorizer.principalId": "user-eve", "authorizer.page": "1"}
    assert received(call(api, "/request?page=2", "eve")) == first


@pytest.fixture(scope="module")
def fenced(django_db_setup: None, django_db_blocker: DjangoDbBlocker, function: str) -> Api:
    """Routes with authorizers, open to one block of addresses."""
    return serve(
        django_db_blocker,
        route(
            "/token",
            authorization="CUSTOM",
            authorizer_arn=function,
            authorizer_sources=["header.X-Token"],
            authorizer_ttl=0,
            cors_origins=["https://shop.example.com"],
        ),
        route("/open"),
        allowed_addresses=["203.0.113.0/24"],
    )


@pytest.mark.parametrize(
    ("token", "address", "status"),
    [
        ("ada", LISTED, 202),
        ("ada", UNLISTED, 403),
        ("crash", UNLISTED, 403),
        ("deny", LISTED, 403),
        (None, LISTED, 401),
    ],
)
def test_an_allowed_caller_has_to_come_from_a_listed_address(
    fenced: Api, token: str | None, address: str, status: int
) -> None:
    headers = {"X-Forwarded-For": address} | ({"X-Token": token} if token else {})
    assert fenced.call("/token", json={}, headers=headers).status_code == status


def test_a_listed_address_alone_gets_nobody_past_an_authorizer_that_allows_another_route(
    api: Api, fenced: Api
) -> None:
    before = fenced.started("/token")
    assert error(call(api, "/token", "reader")) == (403, "ACCESS_DENIED")
    headers = {"X-Forwarded-For": LISTED, "X-Token": "reader"}
    assert error(fenced.call("/token", json={}, headers=headers)) == (403, "ACCESS_DENIED")
    assert fenced.started("/token") == before


@dataclass(frozen=True)
class Pool:
    """A user pool with an app client."""

    id: str
    arn: str
    app: str

    def tokens(self, *groups: str) -> dict[str, str]:
        """The tokens of a new user who is in ``groups``."""
        cognito, password = client("cognito-idp"), "Tests-only-1"
        user = {"UserPoolId": self.id, "Username": unique("ada")}
        email = {"Name": "email", "Value": "ada@shop.example"}
        cognito.admin_create_user(**user, UserAttributes=[email])
        cognito.admin_set_user_password(**user, Password=password, Permanent=True)
        for group in groups:
            cognito.create_group(GroupName=group, UserPoolId=self.id)
            cognito.admin_add_user_to_group(**user, GroupName=group)
        answer = cognito.initiate_auth(
            ClientId=self.app,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user["Username"], "PASSWORD": password},
        )
        tokens: dict[str, str] = answer["AuthenticationResult"]
        return tokens


def make_pool() -> Pool:
    cognito = client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=unique("pool"))["UserPool"]
    app = cognito.create_user_pool_client(
        UserPoolId=pool["Id"],
        ClientName="shop",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return Pool(pool["Id"], pool["Arn"], app["UserPoolClient"]["ClientId"])


@pytest.fixture(scope="module")
def pool() -> Pool:
    return make_pool()


@pytest.fixture(scope="module")
def second() -> Pool:
    return make_pool()


@pytest.fixture(scope="module")
def members(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, pool: Pool, second: Pool
) -> Api:
    by_pool: dict[str, Any] = {"authorization": "COGNITO_USER_POOLS", "user_pool_arns": [pool.arn]}
    return serve(
        django_db_blocker,
        route(
            "/fields",
            **by_pool,
            input_mode="FIELDS",
            input_fields=fields(
                "authorizer.claims.email",
                "authorizer.claims.cognito:groups",
                "authorizer.claims.nickname",
            ),
        ),
        route(
            "/whole",
            **by_pool,
            input_mode="REQUEST",
            input_claims=["claims.email", "claims.cognito:groups"],
        ),
        route("/scoped", **by_pool, scopes=["orders/write", "aws.cognito.signin.user.admin"]),
        route("/other", **by_pool, scopes=["orders/write"]),
        route("/either", **by_pool | {"user_pool_arns": [pool.arn, second.arn]}),
    )


def come(api: Api, path: str, token: str | None) -> httpx.Response:
    return api.call(path, json={}, headers={"Authorization": token} if token else {})


def test_the_claims_of_an_id_token_come_in_by_name(members: Api, pool: Pool) -> None:
    group = unique("staff")
    token = pool.tokens(group)["IdToken"]
    assert received(come(members, "/fields", token)) == {
        "authorizer.claims.email": "ada@shop.example",
        "authorizer.claims.cognito:groups": f"[{group}]",
        "authorizer.claims.nickname": None,
    }
    claims = received(come(members, "/whole", token))["authorizer"]["claims"]
    assert claims == {"email": "ada@shop.example", "cognito:groups": f"[{group}]"}


def test_a_token_that_is_none_or_of_another_pool_is_refused(members: Api, pool: Pool) -> None:
    tokens = pool.tokens()
    head, claims, signature = tokens["IdToken"].split(".")
    forged = f"{head}.{claims[:-4]}AAAA.{signature}"
    foreign = make_pool().tokens()["IdToken"]
    for token in (None, "x", forged, foreign, tokens["AccessToken"]):
        assert error(come(members, "/whole", token)) == (401, "UNAUTHORIZED")


def test_with_scopes_an_access_token_that_has_one_of_them_is_taken(
    members: Api, pool: Pool
) -> None:
    tokens = pool.tokens()
    assert come(members, "/scoped", tokens["AccessToken"]).status_code == 202
    assert error(come(members, "/scoped", tokens["IdToken"])) == (401, "UNAUTHORIZED")
    assert error(come(members, "/other", tokens["AccessToken"]))[0] in (401, 403)


def test_a_token_of_either_pool_is_taken_where_two_are_named(
    members: Api, pool: Pool, second: Pool
) -> None:
    for each in (pool, second):
        assert come(members, "/either", each.tokens()["IdToken"]).status_code == 202
    foreign = make_pool().tokens()["IdToken"]
    assert error(come(members, "/either", foreign)) == (401, "UNAUTHORIZED")
