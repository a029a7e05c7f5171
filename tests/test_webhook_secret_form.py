"""The secret of a webhook, typed into the form: it counts only where the save counts."""

import json
from typing import Any

import pytest
from django.test import Client

from dashboard import acts
from dashboard.aws import AwsError
from dashboard.models import Deployment, Environment, Trigger
from tests.conftest import deploy, make_trigger, run_steps, typed, words
from tests.faults import failing
from tests.local_aws import LocalAws, unique
from tests.test_trigger_form_surface import NEW, saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("local_aws")]
SIGNED = {"authorization": "SIGNED", "webhook_preset": "GITHUB"}


def edit(client: Client, trigger: Trigger, environment: Environment, **fields: Any) -> Any:
    form = typed(environment, version=trigger.version, rest_api=trigger.rest_api_id, **fields)
    return client.post(f"/triggers/{trigger.key}/edit", form)


def test_a_webhook_secret_goes_to_secrets_manager_and_nowhere_else(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    secret = unique("whsec")
    fields = {"authorization": "SIGNED", "webhook_preset": "STRIPE", "webhook_secret": secret}
    trigger = saved(as_admin, environment, **fields)
    assert trigger.secret_set_by == "ada" and trigger.secret_set_at
    assert acts.read_secret(trigger) == secret
    row = json.dumps(list(Trigger.objects.filter(pk=trigger.pk).values()), default=str)
    assert secret not in row and secret not in trigger.spec().model_dump_json()
    page = as_admin.get(f"/triggers/{trigger.key}/edit")
    assert secret not in page.content.decode()

    kept = as_admin.post(
        f"/triggers/{trigger.key}/edit",
        typed(environment, **fields | {"webhook_secret": ""}, version=trigger.version),
    )
    assert kept.status_code == 302
    assert acts.read_secret(trigger) == secret
    another = unique("whsec")
    as_admin.post(
        f"/triggers/{trigger.key}/edit",
        typed(environment, **fields | {"webhook_secret": another}, version=trigger.version + 1),
    )
    assert acts.read_secret(trigger) == another


def test_a_secret_that_was_typed_is_not_sent_back_with_an_error(
    as_admin: Client, environment: Environment
) -> None:
    secret = unique("whsec")
    answer = as_admin.post(
        NEW, typed(environment, authorization="SIGNED", webhook_secret=secret, path="no-slash")
    )
    assert answer.status_code == 422
    assert secret not in answer.content.decode()


def test_the_secret_of_a_trigger_that_is_gone_is_deleted_too(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    fields = {"authorization": "SIGNED", "webhook_preset": "GITHUB", "webhook_secret": "s"}
    never = saved(as_admin, environment, **fields)
    as_admin.post(f"/triggers/{never.key}/delete", {"name": never.name})
    served = saved(as_admin, environment, **fields)
    deploy(served)
    run_steps(Deployment.remove(served.rest_api, [served], by="ada"))
    for trigger in (never, served):
        assert Trigger.objects.get(pk=trigger.pk).gone_at
        found = local_aws.client("secretsmanager").describe_secret(
            SecretId=acts.secret_name(trigger.key)
        )
        assert found["DeletedDate"]


def test_a_webhook_can_be_deployed_before_its_secret_is_known_and_says_what_is_missing(
    as_admin: Client, environment: Environment
) -> None:
    """Stripe shows the secret once it has the URL."""
    trigger = saved(as_admin, environment, **SIGNED | {"webhook_preset": "STRIPE"})
    assert trigger.lacks_secret
    deploy(trigger)
    assert "has no secret yet" in words(as_admin.get(f"/triggers/{trigger.key}/"))
    edit(as_admin, trigger, environment, **SIGNED, webhook_secret="whsec_1")
    assert acts.read_secret(trigger) == "whsec_1"
    assert "has no secret yet" not in words(as_admin.get(f"/triggers/{trigger.key}/"))


def test_a_save_that_loses_leaves_the_secret_as_it_was(
    as_admin: Client, environment: Environment
) -> None:
    trigger = saved(as_admin, environment, **SIGNED, webhook_secret="first")
    trigger.save_version({"description": "theirs"}, by="bob")
    trigger.version -= 1
    answer = edit(as_admin, trigger, environment, **SIGNED, webhook_secret="second")
    assert answer.status_code == 409
    assert acts.read_secret(trigger) == "first"


def test_a_secret_typed_for_another_authorization_is_not_one_that_was_set(
    as_admin: Client, environment: Environment
) -> None:
    trigger = saved(as_admin, environment, authorization="API_KEY", webhook_secret="s")
    assert trigger.secret_set_at is None
    with pytest.raises(AwsError, match="ResourceNotFound"):
        acts.read_secret(trigger)


def test_a_secret_that_aws_refuses_deploys_nothing_and_says_so(
    as_admin: Client, environment: Environment
) -> None:
    form = typed(environment, **SIGNED, webhook_secret="s", deploy="1")
    with failing("secretsmanager", "PutSecretValue", "AccessDeniedException", "no"):
        answer = as_admin.post(NEW, form, follow=True)
    told = words(answer)
    assert "AWS did not take the webhook's secret, so nothing was deployed" in told
    trigger = Trigger.objects.get(key=form["key"])
    assert trigger.lacks_secret and not trigger.deployments.exists()


def test_a_webhook_that_moves_to_another_region_leaves_no_secret_behind(
    as_admin: Client, environment: Environment, local_aws: LocalAws
) -> None:
    other = Environment.objects.create(name="x", account_id="000000000000", region="us-east-1")
    trigger = saved(as_admin, environment, **SIGNED, webhook_secret="first")
    form = typed(other, version=trigger.version, **SIGNED)
    assert as_admin.post(f"/triggers/{trigger.key}/edit", form).status_code == 302
    moved = Trigger.objects.get(pk=trigger.pk)
    assert moved.rest_api.environment == other and moved.lacks_secret
    found = local_aws.client("secretsmanager").describe_secret(
        SecretId=acts.secret_name(trigger.key)
    )
    assert found["DeletedDate"]


def test_discarding_goes_back_to_public_with_the_reason_it_had(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, public_reason="a form on our site")
    deploy(trigger)
    edit(as_admin, trigger, environment, authorization="AWS_IAM", public_reason="")
    changed = Trigger.objects.get(pk=trigger.pk)
    assert changed.authorization == "AWS_IAM"
    as_admin.post(f"/triggers/{trigger.key}/discard", {"version": changed.version})
    back = Trigger.objects.get(pk=trigger.pk)
    assert (back.authorization, back.public_reason) == ("NONE", "a form on our site")
