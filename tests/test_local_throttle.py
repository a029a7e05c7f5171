"""The throttles of a REST API of the embedded AWS."""

import httpx
import pytest

from tests.local_aws import (
    LocalAws,
    deploy_api,
    shared,
    trigger,
)


@pytest.fixture
def aws() -> LocalAws:
    return shared()


def throttle(aws: LocalAws, api_id: str, method: str, burst: int = 1) -> None:
    """Let ``method`` (as UpdateStage names it) through ``burst`` times, then once in 100 s."""
    operations = [
        {"op": "replace", "path": f"/{method}/throttling/{limit}", "value": value}
        for limit, value in (("rateLimit", "0.01"), ("burstLimit", str(burst)))
    ]
    aws.client("apigateway").update_stage(
        restApiId=api_id, stageName="prod", patchOperations=operations
    )


@pytest.mark.parametrize("setting", ["*/*", "~1orders~1{id}/POST"])
def test_a_throttled_method_answers_through_the_gateway_response(
    aws: LocalAws, setting: str
) -> None:
    api_id = deploy_api(aws, trigger(path="/orders/{id}"))
    throttle(aws, api_id, setting)
    url = aws.url(api_id, "/orders/1")
    assert httpx.post(url).status_code == 202
    answer = httpx.post(url)
    assert answer.status_code == 429
    assert answer.json() == {
        "error": "THROTTLED",
        "message": "Too Many Requests",
        "requestId": answer.headers["x-amz-apigw-id"],
    }


def test_a_raised_throttle_lets_calls_through_at_once(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger())
    url = aws.url(api_id, "/orders")
    throttle(aws, api_id, "*/*")
    assert [httpx.post(url).status_code for _ in range(2)] == [202, 429]
    throttle(aws, api_id, "*/*", burst=5)
    assert [httpx.post(url).status_code for _ in range(5)] == [202] * 5


def test_the_throttle_of_any_holds_for_every_verb_together(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(method="ANY"))
    throttle(aws, api_id, "~1orders/ANY")
    assert httpx.put(aws.url(api_id, "/orders")).status_code == 202
    assert httpx.post(aws.url(api_id, "/orders")).status_code == 429


def test_the_throttle_of_any_leaves_a_verb_of_its_own_alone(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(method="ANY"), trigger(key="order124"))
    throttle(aws, api_id, "~1orders/ANY")
    assert [httpx.post(aws.url(api_id, "/orders")).status_code for _ in range(3)] == [202] * 3
