"""Custom domains: addresses that outlive the stacks behind them."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from dashboard.models import (
    Deployment,
    DeploymentInProgress,
    Domain,
    Environment,
    RestApi,
    Trigger,
)
from dashboard.views.triggers import base_url
from tests.conftest import deploy, ended, make_trigger, run_steps, words
from tests.domains import (
    OTHER_CERTIFICATE,
    call,
    deploy_domain,
    make_domain,
    trigger_on,
)
from tests.faults import failing
from tests.local_aws import LocalAws

pytestmark = [pytest.mark.django_db, pytest.mark.database]
S = Deployment.Status


@pytest.fixture
def domain(local_aws: LocalAws, environment: Environment) -> Domain:
    """A domain that callers meet."""
    domain = make_domain(environment)
    assert deploy_domain(domain).status == S.SUCCEEDED
    return domain


def in_aws(aws: LocalAws, domain: Domain) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("apigateway").get_domain_name(domainName=domain.name)
    return found


def rest_api_of(trigger: Trigger) -> RestApi:
    return RestApi.objects.get(pk=trigger.rest_api_id)


def test_a_first_deployment_leaves_the_dns_target_and_a_protected_stack(
    domain: Domain, local_aws: LocalAws
) -> None:
    made = in_aws(local_aws, domain)
    assert domain.target == made["regionalDomainName"]
    assert domain.hosted_zone_id == made["regionalHostedZoneId"]
    assert made["regionalCertificateArn"] == domain.certificate_arn
    assert (domain.status, domain.live) == (Domain.Status.LIVE, domain.latest)
    stacks = local_aws.client("cloudformation").describe_stacks(StackName=domain.stack_id)
    stack = stacks["Stacks"][0]
    assert stack["EnableTerminationProtection"] is True
    tags = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
    assert tags == {"stepgate:instance": "test", "stepgate:domain": domain.key}


def test_its_deployments_take_the_same_steps_and_have_numbers_of_their_own(
    domain: Domain, live: Trigger
) -> None:
    first = domain.deployments.get()
    steps = [event.status for event in first.events.filter(kind="STEP")]
    assert steps == [S.QUEUED, S.PLANNING, S.PLANNED, S.APPLYING, S.SUCCEEDED]
    assert first.events.filter(resource_type="AWS::ApiGateway::DomainName").exists()
    assert (first.number, live.deployments.get().number) == (1, 1)
    again = deploy_domain(domain)
    assert (again.number, again.status) == (2, S.SUCCEEDED)
    assert not again.events.filter(kind="STACK").exists()


def test_another_certificate_goes_live_in_place_and_the_target_stays(
    domain: Domain, local_aws: LocalAws
) -> None:
    target = domain.target
    trigger = trigger_on(domain, "shop")
    deploy(trigger)
    Domain.objects.filter(pk=domain.pk).update(certificate_arn=OTHER_CERTIFICATE)
    domain.refresh_from_db()
    assert [change.saved for change in domain.changes()] == [OTHER_CERTIFICATE]
    assert deploy_domain(domain).status == S.SUCCEEDED
    assert in_aws(local_aws, domain)["regionalCertificateArn"] == OTHER_CERTIFICATE
    assert (domain.target, domain.changes()) == (target, [])
    assert call(local_aws, domain, "/shop/orders").status_code == 202


def test_removing_it_removes_the_stack_and_ends_the_row(
    domain: Domain, local_aws: LocalAws
) -> None:
    stack_id = domain.stack_id
    removal = Deployment.remove_domain(domain, by="otto")
    assert Domain.objects.get(pk=domain.pk).status == Domain.Status.DELETING
    assert run_steps(removal).result == "Removed"
    domain.refresh_from_db()
    assert (domain.gone_by, domain.status) == ("otto", Domain.Status.GONE)
    assert (domain.stack_id, domain.target, domain.live) == ("", "", None)
    stack = local_aws.client("cloudformation").describe_stacks(StackName=stack_id)
    assert stack["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    again = make_domain(domain.environment, name=domain.name)
    assert deploy_domain(again).status == S.SUCCEEDED


def test_a_failed_one_is_tried_again_with_the_same_snapshot(
    environment: Environment, local_aws: LocalAws
) -> None:
    domain = make_domain(environment)
    with failing("cloudformation", "CreateChangeSet", "AccessDenied", "not allowed"):
        failed = deploy_domain(domain)
    assert (failed.status, domain.status) == (S.FAILED, Domain.Status.NOT_DEPLOYED)
    assert domain.last_failed and failed.can_be_tried_again
    Domain.objects.filter(pk=domain.pk).update(certificate_arn=OTHER_CERTIFICATE)
    again = run_steps(Deployment.again(failed, by="otto"))
    assert (again.status, again.spec, again.number) == (S.SUCCEEDED, failed.spec, 2)


def test_a_domain_that_was_deleted_meanwhile_is_not_brought_back(environment: Environment) -> None:
    domain = make_domain(environment)
    failed = Deployment.deploy_domain(domain, by="ada")
    failed.take_lease(S.QUEUED)
    failed.move(S.FAILED, reason="for the test")
    for name in ("ada", "otto"):
        Deployment.drop(domain, by=name)
    assert not Deployment.objects.get(pk=failed.pk).can_be_tried_again
    with pytest.raises(ValueError, match="was deleted by ada: make it anew"):
        Deployment.again(failed, by="ada")
    with pytest.raises(ValueError, match="was deleted by ada: make it anew"):
        Deployment.deploy_domain(domain, by="ada")


def test_a_stack_of_its_name_that_is_not_ours_is_never_touched(
    environment: Environment, local_aws: LocalAws
) -> None:
    domain = make_domain(environment)
    template = '{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}'
    local_aws.client("cloudformation").create_stack(
        StackName=domain.stack_name, TemplateBody=template
    )
    failed = deploy_domain(domain)
    assert failed.status == S.FAILED
    assert "is not Stepgate's" in failed.reason


def test_a_deployment_is_of_one_owner_and_a_domain_has_one_at_a_time(
    environment: Environment, trigger: Trigger
) -> None:
    domain = make_domain(environment)
    values = {"action": "DEPLOY", "requested_by": "ada", "number": 1}
    for owners in ({}, {"rest_api": trigger.rest_api, "domain": domain}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Deployment.objects.create(**values, **owners)
    deployment = Deployment.deploy_domain(domain, by="ada")
    with pytest.raises(DeploymentInProgress) as raised:
        Deployment.deploy_domain(domain, by="otto")
    assert raised.value.deployment == deployment
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(**(values | {"number": 2}), domain=domain)


class TestMapped:
    def test_rest_apis_answer_at_their_base_paths_by_the_domain_s_name(
        self, domain: Domain, local_aws: LocalAws
    ) -> None:
        for base_path, machine in (("shop", "order-fulfilment"), ("", "always-fails")):
            trigger = trigger_on(domain, base_path, machine=machine)
            assert deploy(trigger).status == S.SUCCEEDED
        shop = call(local_aws, domain, "/shop/orders")
        root = call(local_aws, domain, "/orders")
        assert (shop.status_code, root.status_code) == (202, 202)
        assert ":order-fulfilment:" in shop.json()["executionArn"]
        assert ":always-fails:" in root.json()["executionArn"]
        names = list(domain.mapped().values_list("live_address", flat=True))
        assert names == [domain.name, f"{domain.name}/shop"]

    def test_the_address_survives_a_recreated_stack(
        self, domain: Domain, local_aws: LocalAws
    ) -> None:
        """The webhook URL that somebody was given goes on answering, from another API."""
        trigger = trigger_on(domain, "hooks")
        deploy(trigger)
        before = rest_api_of(trigger)
        assert call(local_aws, domain, "/hooks/orders").status_code == 202
        cloudformation = local_aws.client("cloudformation")
        cloudformation.update_termination_protection(
            StackName=before.stack_id, EnableTerminationProtection=False
        )
        cloudformation.delete_stack(StackName=before.stack_id)
        assert deploy(trigger).status == S.SUCCEEDED
        after = rest_api_of(trigger)
        assert (after.stack_id, after.api_id) != (before.stack_id, before.api_id)
        assert after.api_id != before.api_id
        assert call(local_aws, domain, "/hooks/orders").status_code == 202

    def test_another_rest_api_takes_over_the_address_of_a_deleted_one(
        self, domain: Domain, local_aws: LocalAws
    ) -> None:
        first = trigger_on(domain, "hooks")
        deploy(first)
        run_steps(Deployment.remove(first.rest_api, [first], by="ada"))
        assert call(local_aws, domain, "/hooks/orders").status_code == 403
        second = trigger_on(domain, "hooks", machine="always-fails")
        assert deploy(second).status == S.SUCCEEDED
        assert ":always-fails:" in call(local_aws, domain, "/hooks/orders").json()["executionArn"]

    def test_a_rest_api_moves_from_one_base_path_to_another(
        self, domain: Domain, local_aws: LocalAws
    ) -> None:
        trigger = trigger_on(domain, "old")
        deploy(trigger)
        RestApi.objects.filter(pk=trigger.rest_api_id).update(base_path="new")
        assert call(local_aws, domain, "/old/orders").status_code == 202
        assert deploy(trigger).status == S.SUCCEEDED
        assert call(local_aws, domain, "/new/orders").status_code == 202
        assert call(local_aws, domain, "/old/orders").status_code == 403

    def test_an_address_that_another_rest_api_still_answers_is_refused(
        self, domain: Domain
    ) -> None:
        first = trigger_on(domain, "shop")
        deploy(first)
        RestApi.objects.filter(pk=first.rest_api_id).update(base_path="moved")
        second = trigger_on(domain, "shop")
        with pytest.raises(ValueError, match="still answered by the REST API at-shop"):
            Deployment.deploy(second.rest_api, [second], by="ada")
        deploy(first)
        assert deploy(second).status == S.SUCCEEDED

    def test_removing_a_route_leaves_settings_that_are_only_saved_where_they_are(
        self, domain: Domain, environment: Environment, local_aws: LocalAws
    ) -> None:
        trigger = trigger_on(domain, "shop")
        other = make_trigger(environment, trigger.rest_api, path="/refunds")
        deploy(trigger, other)
        RestApi.objects.filter(pk=trigger.rest_api_id).update(base_path="moved")
        removal = run_steps(Deployment.remove(trigger.rest_api, [other], by="ada"))
        assert (removal.status, removal.action) == (S.SUCCEEDED, "DEPLOY")
        assert call(local_aws, domain, "/shop/orders").status_code == 202
        assert [change.label for change in rest_api_of(trigger).changes()] == ["Base path"]


class TestNotLive:
    def test_deploying_before_the_domain_is_live_is_refused(self, environment: Environment) -> None:
        domain = make_domain(environment)
        trigger = trigger_on(domain, "shop")
        with pytest.raises(ValueError, match=f"The domain {domain} is not deployed yet"):
            Deployment.deploy(trigger.rest_api, [trigger], by="ada")
        assert not Deployment.objects.exists()

    def test_the_page_says_so(self, environment: Environment, as_admin: Client) -> None:
        domain = make_domain(environment)
        trigger = trigger_on(domain, "shop")
        answer = as_admin.post(reverse("trigger_deploy", args=[trigger.key]), follow=True)
        said = f"The domain {domain} is not deployed yet: deploy it first (Domains)."
        assert f"Nothing was deployed: {said}" in words(answer)

    def test_one_that_is_being_removed_is_not_mapped_on(self, domain: Domain) -> None:
        Deployment.remove_domain(domain, by="ada")
        trigger = trigger_on(domain, "shop")
        with pytest.raises(ValueError, match="is not deployed yet"):
            Deployment.deploy(trigger.rest_api, [trigger], by="ada")

    def test_a_failed_mapping_is_not_tried_again_once_the_domain_is_gone(
        self, domain: Domain, as_admin: Client
    ) -> None:
        trigger = trigger_on(domain, "shop")
        with failing("cloudformation", "CreateChangeSet", "AccessDenied", "not allowed"):
            failed = deploy(trigger)
        RestApi.objects.filter(pk=trigger.rest_api_id).update(domain=None)
        run_steps(Deployment.remove_domain(domain, by="ada"))
        answer = as_admin.post(reverse("deployment_again", args=[failed.pk]), follow=True)
        assert answer.redirect_chain == [(failed.get_absolute_url(), 302)]
        assert "is not deployed yet" in words(answer)
        assert not trigger.deployments.active().exists()


class TestInUse:
    """A domain that callers of a REST API need stays."""

    @pytest.fixture
    def on_it(self, domain: Domain) -> RestApi:
        trigger = trigger_on(domain, "shop")
        deploy(trigger)
        return rest_api_of(trigger)

    def test_as_saved(self, domain: Domain, environment: Environment) -> None:
        rest_api = trigger_on(domain, "shop").rest_api
        assert list(domain.mapped()) == [rest_api]
        with pytest.raises(ValueError, match=r"REST APIs are mapped on it \(at-shop\)"):
            Deployment.remove_domain(domain, by="ada")

    def test_as_live(self, domain: Domain, on_it: RestApi) -> None:
        RestApi.objects.filter(pk=on_it.pk).update(domain=None, base_path="")
        assert list(domain.mapped()) == [on_it]
        with pytest.raises(ValueError, match="at-shop"):
            Deployment.remove_domain(domain, by="ada")

    def test_as_a_deployment_under_way_makes_it(self, domain: Domain) -> None:
        trigger = trigger_on(domain, "shop")
        deployment = Deployment.deploy(trigger.rest_api, [trigger], by="ada")
        RestApi.objects.filter(pk=trigger.rest_api_id).update(domain=None)
        with pytest.raises(ValueError, match="at-shop"):
            Deployment.remove_domain(domain, by="ada")
        assert run_steps(deployment).status == S.SUCCEEDED

    def test_never_deployed_and_mapped_it_stays_as_well(self, environment: Environment) -> None:
        domain = make_domain(environment)
        trigger_on(domain, "shop")
        with pytest.raises(ValueError, match="at-shop"):
            Deployment.drop(domain, by="ada")
        domain.refresh_from_db()
        assert domain.gone_at is None

    def test_taken_out_of_the_settings_and_deployed_it_can_go(
        self, domain: Domain, on_it: RestApi, local_aws: LocalAws
    ) -> None:
        RestApi.objects.filter(pk=on_it.pk).update(domain=None, base_path="")
        assert deploy(on_it.triggers.get()).status == S.SUCCEEDED
        assert call(local_aws, domain, "/shop/orders").status_code == 403
        assert run_steps(Deployment.remove_domain(domain, by="ada")).status == S.SUCCEEDED

    def test_a_domain_whose_name_begins_alike_is_another(
        self, domain: Domain, on_it: RestApi, environment: Environment
    ) -> None:
        other = make_domain(environment, name=domain.name.removesuffix("m"))
        assert not other.mapped().exists()


class TestShown:
    """With real AWS the domain's address is the one that people are shown."""

    def test_the_base_url_is_the_domain_s(self, trigger: Trigger, settings: Settings) -> None:
        ended(trigger)
        rest_api = rest_api_of(trigger)
        rest_api.live_address = "api.example.com/shop"
        assert base_url(rest_api).startswith(settings.AWS_ENDPOINT_URL)
        settings.AWS_ENDPOINT_URL = None
        assert base_url(rest_api) == "https://api.example.com/shop"
        rest_api.live_address = ""
        assert base_url(rest_api).startswith(f"https://{rest_api.api_id}.execute-api.")

    def test_a_saved_stage_is_in_the_url_only_once_it_is_live(
        self, live: Trigger, local_aws: LocalAws
    ) -> None:
        RestApi.objects.filter(pk=live.rest_api_id).update(stage_name="v2")
        rest_api = rest_api_of(live)
        assert base_url(rest_api).endswith("/prod/_user_request_")
        deploy(live)
        rest_api.refresh_from_db()
        assert base_url(rest_api).endswith("/v2/_user_request_")
        assert Trigger.objects.get(pk=live.pk).endpoint.stage_name == "v2"

    def test_in_the_embedded_aws_the_page_of_a_rest_api_shows_how_to_call_the_domain(
        self, domain: Domain, as_admin: Client, local_aws: LocalAws
    ) -> None:
        trigger = trigger_on(domain, "shop")
        deploy(trigger)
        page = words(as_admin.get(rest_api_of(trigger).get_absolute_url()))
        assert f"Mapped on {domain.name}/shop" in page
        assert f"curl -i -H 'Host: {domain.name}' {local_aws.endpoint_url}/shop" in page
        assert base_url(rest_api_of(trigger)) in page
