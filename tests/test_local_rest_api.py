"""What the control plane of the embedded AWS says of a deployed REST API."""

import json
from typing import Any

import httpx
import pytest

from tests.local_aws import LocalAws, shared
from tests.local_stack import deploy, get, method, resource, rest_api, starts, url

TAGS = [{"Key": "team", "Value": "shop"}]


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def api(aws: LocalAws) -> Any:
    return aws.client("apigateway")


def make(**stage: Any) -> dict[str, str]:
    parts = rest_api(method(starts()), Tags=TAGS)
    parts["Stage"]["Properties"] |= {"Tags": TAGS} | stage
    parts["Key"] = resource("ApiGateway::ApiKey", Enabled=True, Tags=TAGS)
    return deploy(parts, Api={"Ref": "Api"}, Key=get("Key", "APIKeyId"))


def test_a_stage_is_traced_as_its_template_says(api: Any) -> None:
    made = make(TracingEnabled=True)
    assert api.get_stage(restApiId=made["Api"], stageName="prod")["tracingEnabled"] is True


def test_tags_of_a_stack_are_read_and_added_to(api: Any) -> None:
    made = make()
    for part in (
        f"restapis/{made['Api']}",
        f"restapis/{made['Api']}/stages/prod",
        f"apikeys/{made['Key']}",
    ):
        arn = f"arn:aws:apigateway:us-east-1::/{part}"
        assert api.get_tags(resourceArn=arn)["tags"]["team"] == "shop", part
        api.tag_resource(resourceArn=arn, tags={"more": "yes"})
        tags = api.get_tags(resourceArn=arn)["tags"]
        assert (tags["team"], tags["more"]) == ("shop", "yes")
    assert api.get_api_key(apiKey=made["Key"])["tags"]["more"] == "yes"


def test_a_deployed_api_is_exported_with_its_routes(api: Any) -> None:
    made = make()
    exported = api.get_export(restApiId=made["Api"], stageName="prod", exportType="oas30")
    document = json.loads(exported["body"].read())
    assert document["openapi"].startswith("3.0")
    assert list(document["paths"]["/orders"]) == ["post"]


def test_a_disabled_endpoint_is_forbidden(aws: LocalAws) -> None:
    made = deploy(rest_api(method(starts()), DisableExecuteApiEndpoint=True), Api={"Ref": "Api"})
    answer = httpx.post(url(made["Api"]), json={})
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
