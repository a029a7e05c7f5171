"""In the template: the REST API, its stage with a limit for every route, tags and domain."""

import json
from typing import Any

import pytest

from infra.spec import TriggerSpec
from tests.local_aws import trigger
from tests.stacks import (
    ACCESS,
    domain,
    method_id,
    needs,
    of_type,
    only,
    route,
    spec,
    template,
)

EVERYTHING = (
    route(1, "CUSTOM", body_schema='{"type": "object"}', required_parameters=("query.q",)),
    route(2, "AWS_IAM", cors_origins=("https://a.example",), status_route=True),
    route(3, "API_KEY"),
    route(4, "COGNITO_USER_POOLS"),
    route(5, "SIGNED"),
    route(6, "NONE", method="ANY", path="/{proxy+}"),
)


def limits(*triggers: TriggerSpec) -> dict[tuple[str, str], tuple[float, int]]:
    """Method and path, as the stage writes it → rate and burst."""
    _, stage = only(template(spec(*triggers)), "ApiGateway::Stage")
    return {
        (one["HttpMethod"], one["ResourcePath"]): (
            one["ThrottlingRateLimit"],
            one["ThrottlingBurstLimit"],
        )
        for one in stage["MethodSettings"]
    }


def test_a_rest_api_is_regional_and_named_after_its_stack() -> None:
    made = template(spec())
    _, api = only(made, "ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["Name"] == "stepgate-test-abcdefg1"
    assert api["Description"] == f"Deployed by Stepgate; spec {spec().sha256()}"


def test_nothing_of_the_account_and_nothing_of_a_bootstrap_is_in_a_template() -> None:
    made = template(spec(*EVERYTHING))
    assert set(made) == {"Description", "Metadata", "Resources", "Outputs"}
    assert not of_type(made, "ApiGateway::Account")
    assert set(made["Outputs"]) - {"UsagePlanId"} == set(template(spec())["Outputs"])
    assert "AssetParameters" not in json.dumps(made) and "cdk-bootstrap" not in json.dumps(made)


def test_the_stage_has_the_name_and_the_tracing_that_were_chosen() -> None:
    _, stage = only(template(spec(stage_name="v2_live", tracing=True)), "ApiGateway::Stage")
    assert (stage["StageName"], stage["TracingEnabled"]) == ("v2_live", True)
    _, plain = only(template(spec()), "ApiGateway::Stage")
    assert plain["StageName"] == "prod" and not plain.get("TracingEnabled")


def test_tags_stand_on_the_rest_api_its_stage_and_its_usage_plan() -> None:
    tags = (("team", "orders"), ("cost center", "42 = a/b"), ("empty", ""))
    made = template(spec(route(1, "API_KEY"), tags=tags))
    for kind in ("RestApi", "Stage", "UsagePlan"):
        _, properties = only(made, f"ApiGateway::{kind}")
        assert {one["Key"]: one["Value"] for one in properties["Tags"]} == dict(tags)


def test_every_route_has_its_own_limit_its_status_route_too() -> None:
    found = limits(
        route(1, throttle_rate=2.5, throttle_burst=3, status_route=True),
        route(2, "SIGNED", throttle_rate=4, throttle_burst=5),
        trigger(key="rootroot", path="/", method="GET", throttle_rate=6, throttle_burst=7),
        trigger(key="variable", path="/a/{id}/{rest+}", throttle_rate=8, throttle_burst=9),
    )
    assert found == {
        ("*", "/*"): (10, 20),
        ("POST", "/~1orders~1001"): (2.5, 3),
        ("GET", "/~1orders~1001~1executions~1{name}"): (2.5, 3),
        ("POST", "/~1orders~1002"): (4, 5),
        ("GET", "/"): (6, 7),
        ("POST", "/~1a~1{id}~1{rest+}"): (8, 9),
    }


def test_the_limit_of_the_whole_stage_holds_what_routes_of_any_method_allow() -> None:
    found = limits(
        route(1, method="ANY", throttle_rate=50, throttle_burst=60),
        route(2, method="ANY", throttle_rate=40, throttle_burst=80),
        route(3, throttle_rate=900, throttle_burst=1_000),
    )
    assert found["*", "/*"] == (50, 80)
    assert found["ANY", "/~1orders~1001"] == (50, 60)


def test_no_setting_of_a_stage_writes_bodies_to_a_log() -> None:
    _, stage = only(template(spec(*EVERYTHING)), "ApiGateway::Stage")
    for one in stage["MethodSettings"]:
        assert not one.get("DataTraceEnabled") and "LoggingLevel" not in one


@pytest.mark.parametrize(("base_path", "written"), [("shop", "shop"), ("", None)])
def test_a_rest_api_maps_its_stage_on_its_domain(base_path: str, written: str | None) -> None:
    made = template(spec(domain_name="api.example.com", base_path=base_path))
    id, mapping = only(made, "ApiGateway::BasePathMapping")
    assert mapping["DomainName"] == "api.example.com"
    assert mapping.get("BasePath") == written
    assert mapping["RestApiId"] == {"Ref": only(made, "ApiGateway::RestApi")[0]}
    stage, _ = only(made, "ApiGateway::Stage")
    assert mapping["Stage"] == {"Ref": stage}
    assert stage in needs(made, id)


def test_without_a_domain_nothing_is_mapped() -> None:
    assert not of_type(template(spec()), "ApiGateway::BasePathMapping")


def test_a_domain_has_a_stack_of_its_own_that_says_where_its_name_must_lead() -> None:
    made = template(domain())
    assert set(made) == {"Description", "Metadata", "Resources", "Outputs"}
    id, name = only(made, "ApiGateway::DomainName")
    assert list(made["Resources"]) == [id]
    assert name == {
        "DomainName": "api.example.com",
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "RegionalCertificateArn": domain().certificate_arn,
        "SecurityPolicy": "TLS_1_2",
    }
    values = {key: one["Value"] for key, one in made["Outputs"].items()}
    assert values == {
        "RegionalDomainName": {"Fn::GetAtt": [id, "RegionalDomainName"]},
        "RegionalHostedZoneId": {"Fn::GetAtt": [id, "RegionalHostedZoneId"]},
    }


def test_a_stage_comes_after_its_deployment_and_that_after_every_method() -> None:
    """A deployment takes the REST API as it is at that moment."""
    made = template(spec(*EVERYTHING))
    stage, _ = only(made, "ApiGateway::Stage")
    deployment, _ = only(made, "ApiGateway::Deployment")
    assert deployment in needs(made, stage)
    before = needs(made, deployment)
    for kind in (
        "Method",
        "Resource",
        "Authorizer",
        "Model",
        "RequestValidator",
        "GatewayResponse",
    ):
        parts = set(of_type(made, f"ApiGateway::{kind}"))
        assert parts and parts <= before
    assert {
        method_id(made, "OPTIONS", "/orders/002"),
        method_id(made, "OPTIONS", "/orders/002/executions/{name}"),
    } <= before


def test_what_a_method_refers_to_stands_before_it() -> None:
    made = template(spec(*EVERYTHING))
    checked = needs(made, method_id(made, "POST", "/orders/001"))
    for kind in ("Authorizer", "Model", "RequestValidator"):
        assert set(of_type(made, f"ApiGateway::{kind}")) & checked
    webhook = needs(made, method_id(made, "POST", "/orders/005"))
    assert set(of_type(made, "Lambda::Function")) <= webhook
    assert set(of_type(made, "Logs::LogGroup")) <= webhook


AWKWARD: dict[str, list[str]] = {
    "names of the CDK's own constructs": [
        "/",
        "/Default",
        "/Default/GET",
        "/orders/GET",
        "/orders/OPTIONS",
        "/orders",
        "/Api",
        "/Validator",
        "/RestApiId",
        "/BasePathMapping",
        "/UsagePlan",
        "/Resource",
    ],
    "names that are one without their punctuation": [
        "/ab",
        "/a.b",
        "/a-b",
        "/a_b",
        "/a:b",
        "/AB",
        "/a/b",
        "/a/{b}",
        "/a/{b}/c",
        "/a/{b}/{c}/d",
        "/a/{b}/{c}/executions",
        "/x/{rest+}",
        "/" + "/".join("very-long-part-of-a-path" for _ in range(12)),
    ],
}


@pytest.mark.parametrize("tree", AWKWARD)
def test_awkward_paths_each_become_their_own_tree_of_resources(tree: str) -> None:
    paths = AWKWARD[tree]
    triggers = [
        trigger(key=f"route{n:03}", path=path, cors_origins=("*",)) for n, path in enumerate(paths)
    ]
    made = template(spec(*triggers, allowed_addresses=("10.0.0.0/8",)))
    ids = [method_id(made, verb, path) for path in paths for verb in ("POST", "OPTIONS")]
    assert len(set(ids)) == 2 * len(paths)
    prefixes = {
        "/".join(path.split("/")[: end + 1])
        for path in paths
        if path != "/"
        for end in range(1, path.count("/") + 1)
    }
    assert len(of_type(made, "ApiGateway::Resource")) == len(prefixes)
    assert all(id.isalnum() and len(id) <= 255 for id in made["Resources"])


def test_every_way_to_authorize_fits_into_one_rest_api() -> None:
    triggers: list[Any] = [route(n, kind) for n, kind in enumerate(ACCESS, 1)]
    made = template(spec(*triggers))
    assert len(of_type(made, "ApiGateway::Method")) == len(ACCESS)
