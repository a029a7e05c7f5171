"""API keys and usage plans of the embedded AWS: who gets in, and how often."""

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws, shared, unique
from tests.local_stack import Part, answers, deploy, get, method, resource, rest_api, url

SEEN = '{"key": "$context.identity.apiKey", "id": "$context.identity.apiKeyId"}'
SECRET = "a-value-of-twenty-characters-and-more"


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def api(aws: LocalAws) -> Any:
    return aws.client("apigateway")


def plan(**fields: Any) -> Part:
    stage = {"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}} | fields.pop("stage", {})
    return resource("ApiGateway::UsagePlan", ApiStages=[stage], **fields)


def make(**fields: Any) -> dict[str, str]:
    """An API whose POST /orders wants a key, its plan and one key: the ids of each."""
    parts = rest_api(method(answers(SEEN), ApiKeyRequired=True), method(answers(SEEN), path="open"))
    parts |= {
        "Plan": plan(**fields),
        "Key": resource("ApiGateway::ApiKey", Enabled=True),
        "PlanKey": resource(
            "ApiGateway::UsagePlanKey",
            KeyId={"Ref": "Key"},
            KeyType="API_KEY",
            UsagePlanId={"Ref": "Plan"},
        ),
    }
    return deploy(parts, Api={"Ref": "Api"}, Plan={"Ref": "Plan"}, Key=get("Key", "APIKeyId"))


def value(api: Any, key_id: str) -> str:
    return str(api.get_api_key(apiKey=key_id, includeValue=True)["value"])


def call(api_id: str, key: str | None = None, path: str = "/orders") -> httpx.Response:
    return httpx.post(url(api_id, path), json={}, headers={"x-api-key": key} if key else {})


def statuses(api_id: str, key: str, times: int) -> list[int]:
    return [call(api_id, key).status_code for _ in range(times)]


def code(refused: Any) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_key_of_a_stack_lets_in_and_is_named(api: Any) -> None:
    made = make()
    key = value(api, made["Key"])
    answer = call(made["Api"], key)
    assert (answer.status_code, answer.json()) == (202, {"key": key, "id": made["Key"]})


def test_a_key_is_not_named_where_none_is_asked_for(api: Any) -> None:
    made = make()
    assert call(made["Api"], value(api, made["Key"]), "/open").json() == {"key": "", "id": ""}


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_missing_or_wrong_key_is_forbidden(key: str | None) -> None:
    answer = call(make()["Api"], key)
    assert answer.status_code == 403
    assert (answer.json()["error"], answer.json()["message"]) == ("INVALID_API_KEY", "Forbidden")
    assert answer.headers["x-amzn-errortype"] == "ForbiddenException"


def test_a_key_made_by_a_call_lets_in_until_it_is_deleted(api: Any) -> None:
    made, mine = make(), SECRET + unique("")
    key = api.create_api_key(name=unique("key"), enabled=True, value=mine)
    assert call(made["Api"], mine).status_code == 403
    api.create_usage_plan_key(usagePlanId=made["Plan"], keyId=key["id"], keyType="API_KEY")
    assert call(made["Api"], mine).status_code == 202
    api.delete_api_key(apiKey=key["id"])
    assert call(made["Api"], mine).status_code == 403
    listed = [one["id"] for one in api.get_usage_plan_keys(usagePlanId=made["Plan"])["items"]]
    assert listed == [made["Key"]]


def test_a_key_leaves_a_plan_and_is_forbidden_at_once(api: Any) -> None:
    made = make()
    key = value(api, made["Key"])
    api.delete_usage_plan_key(usagePlanId=made["Plan"], keyId=made["Key"])
    assert call(made["Api"], key).status_code == 403


def test_a_disabled_key_is_forbidden_until_it_is_enabled_again(api: Any) -> None:
    made = make()
    key = value(api, made["Key"])
    for enabled, status in (("false", 403), ("true", 202)):
        operation = {"op": "replace", "path": "/enabled", "value": enabled}
        api.update_api_key(apiKey=made["Key"], patchOperations=[operation])
        assert call(made["Api"], key).status_code == status


def test_a_key_is_disabled_unless_it_is_made_enabled(api: Any) -> None:
    assert api.create_api_key(name=unique("key"))["enabled"] is False
    made = deploy({"Key": resource("ApiGateway::ApiKey")}, Key={"Ref": "Key"})
    assert api.get_api_key(apiKey=made["Key"])["enabled"] is False


def test_a_value_is_shown_only_to_who_asks_for_it(api: Any) -> None:
    made = api.create_api_key(name=unique("key"), enabled=True, value=SECRET + unique(""))
    assert made["value"].startswith(SECRET)
    assert "value" not in api.get_api_key(apiKey=made["id"])
    assert value(api, made["id"]) == made["value"]
    named = {"nameQuery": made["name"]}
    assert "value" not in api.get_api_keys(**named)["items"][0]
    assert api.get_api_keys(**named, includeValues=True)["items"][0]["value"] == made["value"]


def test_two_keys_cannot_have_one_value(api: Any) -> None:
    same = SECRET + unique("")
    api.create_api_key(name=unique("key"), value=same)
    with pytest.raises(ClientError) as refused:
        api.create_api_key(name=unique("key"), value=same)
    assert code(refused) == "ConflictException"


def test_a_plan_takes_existing_keys_once(api: Any) -> None:
    made = make()
    for key_id, expected in (("nokey123", "NotFoundException"), (made["Key"], "ConflictException")):
        with pytest.raises(ClientError) as refused:
            api.create_usage_plan_key(usagePlanId=made["Plan"], keyId=key_id, keyType="API_KEY")
        assert code(refused) == expected


def test_a_plan_is_for_a_stage_that_exists(api: Any) -> None:
    stage = {"apiId": make()["Api"], "stage": "other"}
    with pytest.raises(ClientError) as refused:
        api.create_usage_plan(name=unique("plan"), apiStages=[stage])
    assert code(refused) == "NotFoundException"


def test_the_burst_of_a_plan_is_for_each_key(api: Any) -> None:
    made = make(Throttle={"RateLimit": 0.01, "BurstLimit": 2})
    key = value(api, made["Key"])
    assert statuses(made["Api"], key, 3) == [202, 202, 429]
    answer = call(made["Api"], key)
    assert (answer.json()["error"], answer.json()["message"]) == ("THROTTLED", "Too Many Requests")
    other = api.create_api_key(name=unique("key"), enabled=True)
    api.create_usage_plan_key(usagePlanId=made["Plan"], keyId=other["id"], keyType="API_KEY")
    assert call(made["Api"], other["value"]).status_code == 202


def test_the_rate_of_a_plan_refills_its_burst(api: Any) -> None:
    made = make(Throttle={"RateLimit": 1000, "BurstLimit": 1})
    assert statuses(made["Api"], value(api, made["Key"]), 5) == [202] * 5


def test_a_plan_can_limit_one_route(api: Any) -> None:
    limits = {"/orders/POST": {"RateLimit": 0.01, "BurstLimit": 1}}
    made = make(stage={"Throttle": limits}, Throttle={"RateLimit": 100, "BurstLimit": 100})
    key = value(api, made["Key"])
    assert statuses(made["Api"], key, 2) == [202, 429]
    assert call(made["Api"], key, "/open").status_code == 202


def test_a_quota_ends(api: Any) -> None:
    made = make(Quota={"Limit": 2, "Period": "DAY"})
    key = value(api, made["Key"])
    assert statuses(made["Api"], key, 3) == [202, 202, 429]
    answer = call(made["Api"], key)
    assert answer.json()["error"] == "QUOTA_EXCEEDED"
    assert answer.json()["message"] == "Limit Exceeded"
