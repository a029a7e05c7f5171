"""Secrets of webhooks: straight to Secrets Manager, and nowhere else."""

import pytest
from django.utils import timezone

from dashboard import acts
from dashboard.aws import AwsError
from dashboard.models import Environment, Trigger
from tests.faults import failing
from tests.local_aws import LocalAws

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed(local_aws: LocalAws, trigger: Trigger) -> Trigger:
    """A trigger whose secret was set."""
    acts.write_secret(trigger.rest_api.environment, trigger.key, "the first")
    trigger.secret_set_by, trigger.secret_set_at = "ada", timezone.now()
    trigger.save()
    return trigger


def test_a_secret_lies_under_the_instance_and_the_trigger_marked_as_ours(
    local_aws: LocalAws, signed: Trigger
) -> None:
    found = local_aws.client("secretsmanager").describe_secret(
        SecretId=acts.secret_name(signed.key)
    )
    assert found["Name"] == f"stepgate/test/{signed.key}"
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {
        "stepgate:instance": "test",
        "stepgate:trigger": signed.key,
    }
    assert acts.read_secret(signed) == "the first"


def test_writing_again_replaces_it(environment: Environment, signed: Trigger) -> None:
    acts.write_secret(environment, signed.key, "the second")
    assert acts.read_secret(signed) == "the second"


def test_one_that_waits_to_be_deleted_comes_back_by_writing(
    environment: Environment, signed: Trigger
) -> None:
    assert acts.delete_secrets([signed]) == []
    with pytest.raises(AwsError):
        acts.read_secret(signed)
    acts.write_secret(environment, signed.key, "another")
    assert acts.read_secret(signed) == "another"


def test_what_aws_refuses_names_the_call_and_not_the_secret(
    environment: Environment, local_aws: LocalAws
) -> None:
    refusal = failing("secretsmanager", "PutSecretValue", "AccessDeniedException", "Not for you.")
    with refusal, pytest.raises(AwsError) as caught:
        acts.write_secret(environment, "abcd1234", "hush-hush")
    assert "secretsmanager:PutSecretValue" in str(caught.value)
    assert "hush-hush" not in str(caught.value)
