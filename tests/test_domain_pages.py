"""The pages of custom domains: what they say, what they refuse, and what is kept."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.models import Deployment, Domain, Environment, RestApi
from dashboard.models.rest_api import new_key
from tests.conftest import run_steps, words
from tests.domains import CERTIFICATE, OTHER_CERTIFICATE, deploy_domain, make_domain, trigger_on
from tests.local_aws import LocalAws

pytestmark = [pytest.mark.django_db, pytest.mark.database]
S = Deployment.Status
LIST, NEW = "/domains/", "/domains/new"


def of(domain: Domain, act: str) -> str:
    return reverse(f"domain_{act}", args=[domain.key])


def form(environment: Environment, **fields: Any) -> dict[str, Any]:
    """What the form for a new domain sends, but for ``fields``."""
    values = {
        "key": new_key(),
        "environment": environment.pk,
        "name": "api.example.com",
        "certificate_arn": CERTIFICATE,
    }
    return values | fields


def changed(**fields: str) -> dict[str, str]:
    """What the form for another certificate sends, but for ``fields``."""
    return {"shown": CERTIFICATE, "certificate_arn": OTHER_CERTIFICATE} | fields


SHOWN = f'name="shown" value="{CERTIFICATE}"'


class TestList:
    def test_an_empty_one_says_what_to_do(self, as_admin: Client, environment: Environment) -> None:
        answer = as_admin.get(LIST)
        assert "No domains yet" in words(answer) and "certificate in ACM" in words(answer)
        assert f'href="{NEW}"' in answer.content.decode()

    def test_a_row_tells_status_target_and_the_rest_apis_on_it(
        self, as_admin: Client, environment: Environment, local_aws: LocalAws
    ) -> None:
        domain = make_domain(environment)
        deploy_domain(domain)
        trigger_on(domain, "shop")
        make_domain(environment, name="other.example.com")
        text = words(as_admin.get(LIST))
        assert f"Live {domain.name} local {domain.target} at-shop /shop" in text
        assert "Not deployed other.example.com local — none yet" in text

    def test_a_gone_one_is_not_in_it_and_its_page_stays(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        Deployment.drop(domain, by="otto")
        assert domain.name not in words(as_admin.get(LIST))
        page = as_admin.get(domain.get_absolute_url())
        assert "Deleted by otto" in words(page)
        assert of(domain, "edit") not in page.content.decode()

    def test_an_environment_can_be_looked_at_alone(
        self, as_admin: Client, environment: Environment
    ) -> None:
        elsewhere = Environment.objects.create(
            name="production", account_id="111122223333", region="eu-west-1"
        )
        make_domain(environment, name="orders.example.com")
        make_domain(elsewhere, name="there.example.com")
        text = words(as_admin.get(LIST, {"environment": "production"}))
        assert "there.example.com" in text and "orders.example.com" not in text

    def test_the_number_of_queries_does_not_grow_with_the_rows(
        self, as_admin: Client, environment: Environment
    ) -> None:
        counts = []
        for rows in (2, 20):
            for _ in range(Domain.objects.count(), rows):
                domain = make_domain(environment)
                trigger_on(domain, "shop")
                Deployment.deploy_domain(domain, by="ada")
            as_admin.get(LIST)
            with CaptureQueriesContext(connection) as queries:
                as_admin.get(LIST)
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestNew:
    def test_saved_and_deployed_it_leads_to_the_deployment_and_then_to_the_dns_record(
        self, as_admin: Client, environment: Environment, local_aws: LocalAws
    ) -> None:
        name = make_domain(environment).name
        Domain.objects.all().delete()
        answer = as_admin.post(NEW, form(environment, name=name, deploy="1", note="for callers"))
        deployment = Deployment.objects.get()
        assert answer["Location"] == deployment.get_absolute_url()
        assert (deployment.owner.created_by, deployment.note) == ("ada", "for callers")
        assert run_steps(deployment).status == S.SUCCEEDED
        domain = Domain.objects.get()
        for page in (deployment, domain):
            text = words(as_admin.get(page.get_absolute_url()))
            record = f"Make a CNAME record from {name} to {domain.target} , or a Route 53 alias"
            assert record in text
            assert f"hosted zone id {domain.hosted_zone_id}" in text

    def test_only_saved_it_changes_nothing_in_aws(
        self, as_admin: Client, environment: Environment
    ) -> None:
        answer = as_admin.post(NEW, form(environment, save="1"), follow=True)
        domain = Domain.objects.get()
        assert answer.redirect_chain == [(domain.get_absolute_url(), 302)]
        assert "Nothing changes in AWS until it is deployed" in words(answer)
        assert "API Gateway names the DNS target once the domain is deployed" in words(answer)
        assert not Deployment.objects.exists()

    @pytest.mark.parametrize("button", ["save", "deploy"])
    def test_pressed_twice_it_is_one_domain(
        self, button: str, as_admin: Client, environment: Environment
    ) -> None:
        data = form(environment, **{button: "1"})
        answers = [as_admin.post(NEW, data) for _ in range(2)]
        assert answers[0]["Location"] == answers[1]["Location"]
        assert Domain.objects.count() == 1
        assert Deployment.objects.count() == (1 if button == "deploy" else 0)

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "", "This field is required"),
            ("name", "https://api.example.com", "not a domain name"),
            ("name", "api", "not a domain name"),
            ("certificate_arn", "", "This field is required"),
            ("certificate_arn", "arn:aws:iam::000000000000:role/x", "not the ARN of a certificate"),
            (
                "certificate_arn",
                CERTIFICATE.replace("us-east-1", "eu-west-1"),
                "in 000000000000 · eu-west-1, but local is 000000000000 · us-east-1",
            ),
            (
                "certificate_arn",
                CERTIFICATE.replace("000000000000", "111122223333"),
                "a certificate of its own account and Region",
            ),
        ],
    )
    def test_what_aws_would_refuse_is_told_beside_its_field_and_kept(
        self, field: str, value: str, said: str, as_admin: Client, environment: Environment
    ) -> None:
        data = form(environment, **{field: value}, save="1", note="for <callers>")
        answer = as_admin.post(NEW, data)
        assert answer.status_code == 422
        assert said in words(answer)
        page = answer.content.decode()
        assert data["key"] in page and "for &lt;callers&gt;" in page
        assert all(f'value="{data[n]}"' in page for n in ("name", "certificate_arn") if data[n])
        assert not Domain.objects.exists()

    def test_a_name_is_taken_in_lower_case(
        self, as_admin: Client, environment: Environment
    ) -> None:
        as_admin.post(NEW, form(environment, name=" API.Example.com ", save="1"))
        assert Domain.objects.get().name == "api.example.com"

    def test_a_name_is_there_once_in_an_account_and_region(
        self, as_admin: Client, environment: Environment
    ) -> None:
        make_domain(environment, name="api.example.com")
        same = Environment.objects.create(
            name="same-place", account_id=environment.account_id, region=environment.region
        )
        for place in (environment, same):
            answer = as_admin.post(NEW, form(place, save="1"))
            assert answer.status_code == 422
            assert "api.example.com is already a domain of local" in words(answer)
        other = Environment.objects.create(
            name="eu", account_id=environment.account_id, region="eu-west-1"
        )
        arn = CERTIFICATE.replace("us-east-1", "eu-west-1")
        assert as_admin.post(NEW, form(other, certificate_arn=arn)).status_code == 302

    def test_who_may_not_deploy_saves_and_is_told(
        self, client: Client, viewer: User, environment: Environment
    ) -> None:
        viewer.user_permissions.set([Permission.objects.get(codename="add_domain")])
        client.force_login(viewer)
        assert "Save and deploy" not in words(client.get(NEW))
        answer = client.post(NEW, form(environment, deploy="1"), follow=True)
        assert "Saved, but not deployed" in words(answer)
        assert not Deployment.objects.exists()

    def test_without_an_environment_the_start_page_says_what_is_missing(
        self, as_admin: Client
    ) -> None:
        assert as_admin.get(NEW)["Location"] == reverse("trigger_list")


class TestCertificate:
    def test_another_one_is_saved_and_deployed_and_nothing_else_changes(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        data = changed(name="x.example.com", deploy="1")
        answer = as_admin.post(of(domain, "edit"), data)
        deployment = domain.deployments.get()
        assert answer["Location"] == deployment.get_absolute_url()
        assert deployment.spec is not None
        assert deployment.spec["certificate_arn"] == OTHER_CERTIFICATE
        name = domain.name
        domain.refresh_from_db()
        assert (domain.name, domain.certificate_arn) == (name, OTHER_CERTIFICATE)

    def test_saved_while_a_deployment_runs_it_keeps_what_the_deployer_writes(
        self, as_admin: Client, environment: Environment, local_aws: LocalAws
    ) -> None:
        domain = make_domain(environment)
        deployment = Deployment.deploy_domain(domain, by="otto")
        answer = as_admin.post(of(domain, "edit"), changed(deploy="1"), follow=True)
        assert answer.redirect_chain == [(deployment.get_absolute_url(), 302)]
        told = "#1 of this domain is under way, asked for by otto"
        assert told in words(answer).replace("Deployment ", "")
        run_steps(deployment)
        text = words(as_admin.get(domain.get_absolute_url()))
        assert "The certificate is saved but not live" in text
        assert f"Callers still meet {CERTIFICATE}" in text

    def test_a_wrong_one_is_refused_and_kept(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        data = changed(certificate_arn="nonsense", deploy="1")
        answer = as_admin.post(of(domain, "edit"), data)
        assert answer.status_code == 422
        assert "not the ARN of a certificate" in words(answer)
        assert 'value="nonsense"' in answer.content.decode()
        assert SHOWN in answer.content.decode()
        domain.refresh_from_db()
        assert domain.certificate_arn == CERTIFICATE

    def test_two_people_who_change_it_are_told_of_each_other(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        assert SHOWN in as_admin.get(of(domain, "edit")).content.decode()
        theirs = f"{CERTIFICATE[:-1]}7"
        Domain.objects.filter(pk=domain.pk).update(certificate_arn=theirs)
        answer = as_admin.post(of(domain, "edit"), changed(deploy="1"))
        assert answer.status_code == 409
        told = f"Theirs (saved) {theirs} Yours (in the form) {OTHER_CERTIFICATE}"
        assert told in words(answer)
        html = answer.content.decode()
        assert f'value="{OTHER_CERTIFICATE}"' in html
        assert f'name="shown" value="{theirs}"' in html
        domain.refresh_from_db()
        assert domain.certificate_arn == theirs and not domain.deployments.exists()
        assert as_admin.post(of(domain, "edit"), changed(shown=theirs)).status_code == 302
        domain.refresh_from_db()
        assert domain.certificate_arn == OTHER_CERTIFICATE

    def test_pressed_twice_it_is_no_conflict(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        for _ in range(2):
            assert as_admin.post(of(domain, "edit"), changed()).status_code == 302

    @pytest.mark.parametrize("act", ["edit", "deploy", "delete"])
    def test_a_gone_domain_is_left_as_it_is(
        self, act: str, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        Deployment.drop(domain, by="otto")
        data = {"certificate_arn": OTHER_CERTIFICATE, "deploy": "1", "name": domain.name}
        assert as_admin.post(of(domain, act), data)["Location"] == domain.get_absolute_url()
        domain.refresh_from_db()
        assert (domain.certificate_arn, domain.gone_by) == (CERTIFICATE, "otto")
        assert not Deployment.objects.exists()


class TestDeploy:
    def test_pressed_twice_it_is_one_deployment(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        answers = [as_admin.post(of(domain, "deploy")) for _ in range(2)]
        deployment = Deployment.objects.get()
        assert {a["Location"] for a in answers} == {deployment.get_absolute_url()}

    def test_a_failed_one_says_what_callers_meet_and_can_be_tried_again(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        failed = Deployment.deploy_domain(domain, by="ada")
        failed.take_lease(S.QUEUED)
        failed.move(S.FAILED, reason="In AWS's words.", advice="Do this now.")
        text = words(as_admin.get(failed.get_absolute_url()))
        assert "callers get no answer from this domain" in text
        assert "Do this now." in text and "Open domain" in text
        assert "Last deployment failed: see why" in words(as_admin.get(LIST))
        answer = as_admin.post(reverse("deployment_again", args=[failed.pk]))
        assert answer["Location"] == Deployment.objects.get(number=2).get_absolute_url()


class TestDelete:
    def test_it_asks_for_the_name(self, as_admin: Client, environment: Environment) -> None:
        domain = make_domain(environment)
        answer = as_admin.post(of(domain, "delete"), {"name": "another"})
        assert answer.status_code == 422
        assert "This is not the name. Nothing was deleted." in words(answer)
        assert 'value="another"' in answer.content.decode()

    def test_never_deployed_it_goes_at_once(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        assert "nothing in AWS changes" in words(as_admin.get(of(domain, "delete")))
        answer = as_admin.post(of(domain, "delete"), {"name": domain.name}, follow=True)
        assert "is deleted. It was never deployed." in words(answer)
        domain.refresh_from_db()
        assert domain.gone_by == "ada"

    def test_pressed_twice_a_live_one_is_removed_by_one_deployment(
        self, as_admin: Client, environment: Environment, local_aws: LocalAws
    ) -> None:
        domain = make_domain(environment)
        deploy_domain(domain)
        path = of(domain, "delete")
        answers = [as_admin.post(path, {"name": domain.name}) for _ in range(2)]
        removal = domain.deployments.get(number=2)
        assert {a["Location"] for a in answers} == {removal.get_absolute_url()}
        assert (removal.action, run_steps(removal).status) == ("DESTROY", S.SUCCEEDED)
        third = as_admin.post(path, {"name": domain.name})
        assert third["Location"] == domain.get_absolute_url()

    def test_while_rest_apis_are_mapped_it_is_refused_and_they_are_named(
        self, as_admin: Client, environment: Environment
    ) -> None:
        domain = make_domain(environment)
        rest_apis: list[RestApi] = [trigger_on(domain, path).rest_api for path in ("a", "b")]
        for ask in (as_admin.get, as_admin.post):
            answer = ask(of(domain, "delete"), {"name": domain.name})
            assert answer.status_code == (200 if ask == as_admin.get else 409)
            assert "It cannot be deleted: REST APIs are mapped on it" in words(answer)
            for rest_api in rest_apis:
                assert f'href="{rest_api.get_absolute_url()}"' in answer.content.decode()
            assert "Type" not in words(answer)
        domain.refresh_from_db()
        assert domain.gone_at is None
