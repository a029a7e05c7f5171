"""Custom domain names of the embedded AWS, and the APIs they lead to."""

import re
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local_aws import LocalAws, shared, unique
from tests.local_stack import (
    Part,
    answers,
    delete,
    deploy,
    failures,
    get,
    method,
    resource,
    rest_api,
)

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/11111111-2222-3333-4444-555555555555"
SEEN = '{"path": "$context.path", "domain": "$context.domainName", "api": "$context.apiId"}'


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def api(aws: LocalAws) -> Any:
    return aws.client("apigateway")


def domain_part(name: str, **fields: Any) -> Part:
    fields = {"RegionalCertificateArn": CERTIFICATE} | fields
    return resource(
        "ApiGateway::DomainName",
        DomainName=name,
        EndpointConfiguration={"Types": ["REGIONAL"]},
        **fields,
    )


def make_domain() -> dict[str, str]:
    """A domain in a stack of its own: Stack, Name, Target and Zone."""
    name = f"{unique('api')}.example.com"
    return deploy(
        {"Domain": domain_part(name)},
        Name={"Ref": "Domain"},
        Target=get("Domain", "RegionalDomainName"),
        Zone=get("Domain", "RegionalHostedZoneId"),
    )


def mapped(domain: str, path: str | None = None) -> dict[str, Part]:
    """An API whose POST /orders says how it was called, mapped to by ``domain``."""
    where = {"BasePath": path} if path else {}
    mapping = resource(
        "ApiGateway::BasePathMapping",
        DomainName=domain,
        RestApiId={"Ref": "Api"},
        Stage={"Ref": "Stage"},
        **where,
    )
    return rest_api(method(answers(SEEN))) | {"Mapping": mapping}


def call(domain: str, path: str) -> httpx.Response:
    url = shared().endpoint_url + path
    return httpx.post(url, json={}, headers={"Host": domain})


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    said = error.value.response["Error"]
    return str(said["Code"]), str(said["Message"])


def test_a_domain_of_one_stack_leads_to_the_api_of_another() -> None:
    domain = make_domain()
    made = deploy(mapped(domain["Name"], "shop"), Api={"Ref": "Api"})
    answer = call(domain["Name"], "/shop/orders")
    assert answer.status_code == 202, answer.text
    assert answer.json() == {
        "path": "/shop/orders",
        "domain": domain["Name"],
        "api": made["Api"],
    }


def test_a_domain_leads_by_its_name_in_any_case_and_with_a_port() -> None:
    domain = make_domain()["Name"]
    deploy(mapped(domain))
    assert call(f"{domain.upper()}:443", "/orders").status_code == 202


def test_the_longest_base_path_wins_and_none_takes_the_rest() -> None:
    domain = make_domain()["Name"]
    whole = deploy(mapped(domain), Api={"Ref": "Api"})["Api"]
    part = deploy(mapped(domain, "shop"), Api={"Ref": "Api"})["Api"]
    assert call(domain, "/orders").json()["api"] == whole
    assert call(domain, "/shop/orders").json()["api"] == part


def test_a_path_without_a_mapping_is_forbidden() -> None:
    domain = make_domain()["Name"]
    assert (call(domain, "/orders").status_code, call(domain, "/").status_code) == (403, 403)
    deploy(mapped(domain, "shop"))
    assert call(domain, "/shops/orders").json() == {"message": "Forbidden"}


def test_the_target_of_a_domain_is_what_dns_points_to(api: Any) -> None:
    domain = make_domain()
    assert re.fullmatch(r"d-[a-z0-9]{10}\.execute-api\.us-east-1\.amazonaws\.com", domain["Target"])
    assert domain["Zone"] == "Z1UJRXOUMOOFQ8"
    assert api.get_domain_name(domainName=domain["Name"])["regionalDomainName"] == domain["Target"]


def test_a_changed_domain_keeps_its_target_and_its_mappings(api: Any) -> None:
    domain = make_domain()
    deploy(mapped(domain["Name"]))
    other = CERTIFICATE.replace("1111", "9999")
    part = domain_part(domain["Name"], RegionalCertificateArn=other)
    changed = deploy({"Domain": part}, domain["Stack"], Target=get("Domain", "RegionalDomainName"))
    assert changed["Target"] == domain["Target"]
    assert api.get_domain_name(domainName=domain["Name"])["regionalCertificateArn"] == other
    assert call(domain["Name"], "/orders").status_code == 202


def test_a_domain_name_is_unique_in_a_region(api: Any) -> None:
    name = make_domain()["Name"]
    said = "The domain name you provided already exists."
    with pytest.raises(AssertionError, match=re.escape(said)):
        deploy({"Domain": domain_part(name)})
    assert refused(
        api.create_domain_name,
        domainName=name,
        regionalCertificateArn=CERTIFICATE,
        endpointConfiguration={"types": ["REGIONAL"]},
    ) == ("BadRequestException", said)


def test_a_domain_needs_a_certificate() -> None:
    with pytest.raises(AssertionError, match="regionalCertificateArn"):
        deploy({"Domain": domain_part(unique("a"), RegionalCertificateArn="")})


@pytest.mark.parametrize("path", [None, "shop"])
def test_a_base_path_is_taken_once(api: Any, path: str | None) -> None:
    domain = make_domain()["Name"]
    made = deploy(mapped(domain, path), Api={"Ref": "Api"})
    said = "Base path already exists for this domain name"
    with pytest.raises(AssertionError) as failed:
        deploy(mapped(domain, path))
    assert f"{said} (Service: ApiGateway, Status Code: 409" in str(failed.value)
    assert "HandlerErrorCode: AlreadyExists" in str(failed.value)
    again = {"basePath": path} if path else {}
    assert refused(
        api.create_base_path_mapping, domainName=domain, restApiId=made["Api"], **again
    ) == ("ConflictException", said)


def test_a_mapping_is_to_an_api_and_a_stage_that_exist(api: Any) -> None:
    domain = make_domain()["Name"]
    made = deploy(rest_api(method(answers(SEEN))), Api={"Ref": "Api"})
    create = api.create_base_path_mapping
    assert refused(create, domainName=domain, restApiId="nosuchapi0") == (
        "BadRequestException",
        "Invalid REST API identifier specified",
    )
    assert refused(create, domainName=domain, restApiId=made["Api"], stage="other") == (
        "BadRequestException",
        "Invalid stage identifier specified",
    )
    assert refused(create, domainName="none.example.com", restApiId=made["Api"])[0] == (
        "NotFoundException"
    )


def test_a_mapping_moves_to_another_path_and_another_domain() -> None:
    first, second = make_domain()["Name"], make_domain()["Name"]
    stack = deploy(mapped(first, "old"))["Stack"]
    deploy(mapped(first, "new"), stack)
    assert call(first, "/old/orders").status_code == 403
    assert call(first, "/new/orders").status_code == 202
    deploy(mapped(second, "new"), stack)
    assert call(first, "/new/orders").status_code == 403
    assert call(second, "/new/orders").status_code == 202


def test_a_mapping_ends_with_its_stack_and_the_path_is_free_again() -> None:
    domain = make_domain()["Name"]
    delete(deploy(mapped(domain, "shop"))["Stack"])
    assert call(domain, "/shop/orders").status_code == 403
    deploy(mapped(domain, "shop"))
    assert call(domain, "/shop/orders").status_code == 202


def test_a_deleted_domain_takes_its_mappings_along(api: Any) -> None:
    domain = make_domain()
    stack = deploy(mapped(domain["Name"]))["Stack"]
    delete(domain["Stack"])
    assert refused(api.get_base_path_mappings, domainName=domain["Name"])[0] == "NotFoundException"
    delete(stack)


def test_a_mapped_api_cannot_be_deleted(aws: LocalAws, api: Any) -> None:
    domain = make_domain()["Name"]
    made = deploy(rest_api(method(answers(SEEN))), Api={"Ref": "Api"})
    mapping = {"domainName": domain, "restApiId": made["Api"], "stage": "prod"}
    api.create_base_path_mapping(**mapping)
    said = f"Please remove all base path mappings related to the RestApi in your domains: {domain}"
    code, message = refused(api.delete_rest_api, restApiId=made["Api"])
    assert code == "BadRequestException"
    assert message.endswith(said)
    code, message = refused(api.delete_stage, restApiId=made["Api"], stageName="prod")
    assert message.startswith("Deleting stage prod failed.")
    stacks = aws.client("cloudformation")
    stacks.delete_stack(StackName=made["Stack"])
    with pytest.raises(Exception, match="DELETE_FAILED"):
        stacks.get_waiter("stack_delete_complete").wait(
            StackName=made["Stack"], WaiterConfig={"Delay": 0.1}
        )
    assert any("base path mappings" in reason for reason in failures(made["Stack"]))
    api.delete_base_path_mapping(domainName=domain, basePath="(none)")
    delete(made["Stack"])
