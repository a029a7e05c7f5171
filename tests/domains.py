"""Custom domains and the REST APIs on them, as tests make them."""

from typing import Any

import httpx

from dashboard.models import Deployment, Domain, Environment, RestApi, Trigger
from tests.conftest import make_trigger, run_steps
from tests.local_aws import LocalAws, unique

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/0a1b2c3d"
OTHER_CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/4e5f6a7b"


def make_domain(environment: Environment, **fields: Any) -> Domain:
    """A saved domain; its name is in no other test, for the embedded AWS is shared."""
    values = {
        "name": f"{unique('api')}.example.com",
        "certificate_arn": CERTIFICATE,
        "created_by": "ada",
    }
    return Domain.objects.create(environment=environment, **(values | fields))


def deploy_domain(domain: Domain) -> Deployment:
    deployment = run_steps(Deployment.deploy_domain(domain, by="ada"))
    domain.refresh_from_db()
    return deployment


def trigger_on(domain: Domain, base_path: str, **fields: Any) -> Trigger:
    """A trigger of a REST API of its own, that is mapped on ``domain``."""
    rest_api = RestApi.objects.create(
        environment=domain.environment,
        name=f"at-{base_path or 'root'}",
        domain=domain,
        base_path=base_path,
        created_by="ada",
    )
    return make_trigger(domain.environment, rest_api, **fields)


def call(aws: LocalAws, domain: Domain, path: str, body: str = "{}") -> httpx.Response:
    """POST to ``path`` of the domain: DNS would lead its name to the embedded AWS."""
    headers = {"Host": domain.name, "Content-Type": "application/json"}
    return httpx.post(aws.endpoint_url + path, content=body, headers=headers)
