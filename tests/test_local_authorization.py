"""Who may call a method of the embedded AWS: signatures, IAM and the API's resource policy."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.local_aws import LocalAws, shared, unique
from tests.local_stack import answers, deploy_rest_api, method, starts

ROOT = Credentials("test", "test")
LISTED, UNLISTED = "203.0.113.7", "198.51.100.1"
INVOKE = "execute-api:Invoke"


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture(scope="module")
def signed_api() -> str:
    """The id of an API with POST /orders for signed callers only."""
    return make_api(AuthorizationType="AWS_IAM")


def make_api(policy: Mapping[str, Any] | None = None, **fields: str) -> str:
    """The id of an API with POST /orders → long-wait and this resource policy."""
    return deploy_rest_api(method(starts(), **fields), policy=(policy or {}).get("Statement"))


def statement(effect: str, **more: Any) -> dict[str, Any]:
    """One statement of a resource policy, about everybody and every route."""
    fields = {"Principal": "*", "Action": INVOKE, "Resource": "execute-api:/*"}
    return {"Effect": effect} | fields | more


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ONLY_LISTED = statement("Deny", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})


def make_user(*identity_statements: Mapping[str, Any]) -> tuple[str, Credentials]:
    """The ARN and the keys of a new IAM user with these permissions."""
    iam, name = shared().client("iam"), unique("caller")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if identity_statements:
        document = json.dumps(policy(*identity_statements))
        iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def may_call(api_id: str, route: str = "prod/POST/orders") -> dict[str, Any]:
    arn = f"arn:aws:execute-api:us-east-1:000000000000:{api_id}/{route}"
    return {"Effect": "Allow", "Action": INVOKE, "Resource": arn}


def call(
    api_id: str,
    credentials: Credentials | None = None,
    *,
    sent: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    source: str | None = None,
    scope: tuple[str, str] = ("execute-api", "us-east-1"),
) -> httpx.Response:
    """POST /orders, signed for the body ``{}``; ``source`` is the caller's address."""
    url = shared().url(api_id, "/orders")
    request = AWSRequest("POST", url, data=b"{}", headers=dict(headers or {}))
    if credentials:
        SigV4Auth(credentials, *scope).add_auth(request)
    forwarded = {"X-Forwarded-For": source} if source else {}
    return httpx.post(url, content=sent, headers=dict(request.headers) | forwarded)


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, gateway response type and message of a refused call."""
    said = answer.json()
    return answer.status_code, said["error"], said["message"]


def test_the_root_of_the_account_may_call(signed_api: str) -> None:
    assert call(signed_api, ROOT).status_code == 202


def test_a_user_with_permission_may_call(signed_api: str) -> None:
    assert call(signed_api, make_user(may_call(signed_api))[1]).status_code == 202


@pytest.mark.parametrize(
    ("route", "status"),
    [("*", 202), ("prod/*/orders", 202), ("prod/GET/orders", 403), ("other/POST/orders", 403)],
)
def test_a_permission_is_for_a_route(signed_api: str, route: str, status: int) -> None:
    assert call(signed_api, make_user(may_call(signed_api, route))[1]).status_code == status


def test_a_user_without_permission_is_refused(signed_api: str) -> None:
    arn, keys = make_user()
    answer = call(signed_api, keys)
    assert error(answer) == (
        403,
        "ACCESS_DENIED",
        f"User: {arn} is not authorized to perform: {INVOKE} on resource: arn:aws:execute-api:"
        f"us-east-1:********0000:{signed_api}/prod/POST/orders because no identity-based policy "
        f"allows the {INVOKE} action",
    )
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_a_user_with_an_explicit_deny_is_refused(signed_api: str) -> None:
    _, keys = make_user(may_call(signed_api), may_call(signed_api) | {"Effect": "Deny"})
    status, kind, message = error(call(signed_api, keys))
    assert (status, kind) == (403, "ACCESS_DENIED")
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_call_without_a_signature_is_refused(signed_api: str) -> None:
    answer = call(signed_api)
    assert error(answer) == (
        403,
        "MISSING_AUTHENTICATION_TOKEN",
        "Missing Authentication Token",
    )
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


def test_a_token_in_place_of_a_signature_is_refused(signed_api: str) -> None:
    answer = call(signed_api, headers={"Authorization": "Bearer abc"})
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"


@pytest.mark.parametrize("key", ["test", "a user"])
def test_a_wrong_secret_is_refused(signed_api: str, key: str) -> None:
    known = "test" if key == "test" else make_user(may_call(signed_api))[1].access_key
    answer = call(signed_api, Credentials(known, "wrong"))
    status, kind, message = error(answer)
    assert (status, kind) == (403, "INVALID_SIGNATURE")
    assert message.startswith("The request signature we calculated does not match")
    assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"


def test_a_changed_body_breaks_the_signature(signed_api: str) -> None:
    assert error(call(signed_api, ROOT, sent=b'{"a":1}'))[:2] == (403, "INVALID_SIGNATURE")


def test_an_unknown_key_is_refused(signed_api: str) -> None:
    answer = call(signed_api, Credentials("AKIAUNKNOWNUNKNOWN00", "secret"))
    assert answer.status_code == 403
    assert answer.json()["message"] == "The security token included in the request is invalid."
    assert answer.headers["x-amzn-errortype"] == "UnrecognizedClientException"


def test_an_inactive_key_is_refused(signed_api: str) -> None:
    arn, keys = make_user(may_call(signed_api))
    shared().client("iam").update_access_key(
        UserName=arn.rpartition("/")[2], AccessKeyId=keys.access_key, Status="Inactive"
    )
    assert call(signed_api, keys).status_code == 403


def test_an_expired_signature_is_refused(signed_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = datetime.now(UTC) - timedelta(minutes=6)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: old)
    status, kind, message = error(call(signed_api, ROOT))
    assert (status, kind) == (403, "INVALID_SIGNATURE")
    assert message.startswith("Signature expired: ")


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (("states", "us-east-1"), "correct service: 'execute-api'"),
        (("execute-api", "eu-west-1"), "a valid region, not 'eu-west-1'"),
    ],
)
def test_a_signature_for_something_else_is_refused(
    signed_api: str, scope: tuple[str, str], said: str
) -> None:
    status, kind, message = error(call(signed_api, ROOT, scope=scope))
    assert (status, kind) == (403, "INVALID_SIGNATURE")
    assert message.startswith(f"Credential should be scoped to {said}")


def test_a_temporary_key_needs_its_token(signed_api: str, aws: LocalAws) -> None:
    iam, name = aws.client("iam"), unique("role")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(
        RoleName=name, PolicyName="call", PolicyDocument=json.dumps(policy(may_call(signed_api)))
    )
    given = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    keys = given["AccessKeyId"], given["SecretAccessKey"]
    assert call(signed_api, Credentials(*keys, given["SessionToken"])).status_code == 202
    assert call(signed_api, Credentials(*keys)).status_code == 403


def test_the_control_plane_takes_any_key_still(aws: LocalAws) -> None:
    assert httpx.get(f"{aws.endpoint_url}/restapis").status_code == 200


def test_an_unlisted_address_is_refused() -> None:
    api_id = make_api(policy(statement("Allow"), ONLY_LISTED))
    assert call(api_id, source=LISTED).status_code == 202
    assert error(call(api_id, source=UNLISTED)) == (
        403,
        "ACCESS_DENIED",
        f"User: anonymous is not authorized to perform: {INVOKE} on resource: arn:aws:execute-api:"
        f"us-east-1:********0000:{api_id}/prod/POST/orders with an explicit deny in a "
        "resource-based policy",
    )


def test_the_nearest_forwarder_tells_the_address() -> None:
    api_id = make_api(policy(statement("Allow"), ONLY_LISTED))
    assert call(api_id, source=f"{UNLISTED}, {LISTED}").status_code == 202
    assert call(api_id, source=f"{LISTED}, {UNLISTED}").status_code == 403
    assert call(api_id, source="not an address").status_code == 403
    assert call(api_id).status_code == 403


def test_an_anonymous_call_needs_an_allow_where_there_is_a_policy() -> None:
    api_id = make_api(policy(ONLY_LISTED))
    status, kind, message = error(call(api_id, source=LISTED))
    assert (status, kind) == (403, "ACCESS_DENIED")
    assert message.endswith(f"because no resource-based policy allows the {INVOKE} action")


def test_an_allow_is_for_its_route() -> None:
    other = statement("Allow", Resource="execute-api:/prod/GET/orders")
    mine = statement("Allow", Resource="execute-api:/prod/POST/orders")
    assert call(make_api(policy(other))).status_code == 403
    assert call(make_api(policy(mine))).status_code == 202


def test_a_signature_makes_nobody_known_where_none_is_asked_for() -> None:
    root = statement("Allow", Principal={"AWS": "arn:aws:iam::000000000000:root"})
    assert call(make_api(policy(root)), ROOT).status_code == 403


def test_an_iam_caller_without_permission_from_a_listed_address_is_refused() -> None:
    api_id = make_api(policy(ONLY_LISTED), AuthorizationType="AWS_IAM")
    allowed, nobody = make_user(may_call(api_id))[1], make_user()[1]
    assert call(api_id, allowed, source=LISTED).status_code == 202
    assert error(call(api_id, nobody, source=LISTED))[:2] == (403, "ACCESS_DENIED")


@pytest.mark.parametrize("who", ["a user with permission", "the root"])
def test_no_iam_caller_gets_in_from_an_unlisted_address(who: str) -> None:
    api_id = make_api(policy(ONLY_LISTED), AuthorizationType="AWS_IAM")
    keys = ROOT if who == "the root" else make_user(may_call(api_id))[1]
    status, kind, message = error(call(api_id, keys, source=UNLISTED))
    assert (status, kind) == (403, "ACCESS_DENIED")
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_an_allow_in_the_resource_policy_lets_any_principal_of_the_account_in() -> None:
    api_id = make_api(policy(statement("Allow")), AuthorizationType="AWS_IAM")
    assert call(api_id, make_user()[1]).status_code == 202
    assert call(api_id).status_code == 403


def test_a_changed_policy_holds_from_the_next_deployment_on(aws: LocalAws) -> None:
    api_id = make_api()
    value = json.dumps(policy(statement("Deny")))
    operation = {"op": "replace", "path": "/policy", "value": value}
    aws.client("apigateway").update_rest_api(restApiId=api_id, patchOperations=[operation])
    assert call(api_id).status_code == 202
    aws.client("apigateway").create_deployment(restApiId=api_id, stageName="prod")
    assert call(api_id).status_code == 403


def test_a_caller_that_signed_is_named_in_the_template() -> None:
    template = json.dumps(
        {
            name: f"$context.identity.{name}"
            for name in ("userArn", "accountId", "caller", "user", "accessKey", "sourceIp")
        }
    )
    api_id = deploy_rest_api(method(answers(template), AuthorizationType="AWS_IAM"))
    arn, keys = make_user(may_call(api_id))
    seen = call(api_id, keys).json()
    assert seen["userArn"] == arn
    assert seen["accountId"] == "000000000000"
    assert seen["caller"] == seen["user"] != ""
    assert seen["accessKey"] == keys.access_key
    assert call(api_id, ROOT).json()["userArn"] == "arn:aws:iam::000000000000:root"
