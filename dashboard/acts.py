"""What a person does to AWS at once, with no deployment: secrets of webhooks, API keys.

The one module beside the deployer that changes anything in AWS. Secrets and key values pass
through memory only: they are in no row, no log and no page but the one that shows a new key.
"""

from collections.abc import Iterable
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from dashboard import aws
from dashboard.models import ApiKey, Environment, RestApi, Trigger


def secret_name(key: str) -> str:
    """Where in Secrets Manager the webhook secret of the trigger ``key`` lies."""
    return f"stepgate/{settings.STEPGATE_INSTANCE}/{key}"


@sensitive_variables("value")
def write_secret(environment: Environment, key: str, value: str) -> None:
    """Put the webhook secret of the trigger ``key`` into Secrets Manager. Raises AwsError.

    Source: Secrets Manager API reference, "PutSecretValue", "CreateSecret", "RestoreSecret".
    """
    try:
        _put(environment, key, value)
    except aws.AwsError as error:
        if error.code == "ResourceNotFoundException":
            aws.call(
                environment,
                "secretsmanager",
                "create_secret",
                Name=secret_name(key),
                SecretString=value,
                Description=f"Stepgate: signs the webhook {key}",
                Tags=[
                    {"Key": "stepgate:instance", "Value": settings.STEPGATE_INSTANCE},
                    {"Key": "stepgate:trigger", "Value": key},
                ],
            )
        elif error.code == "InvalidRequestException":  # it waits to be deleted
            aws.call(environment, "secretsmanager", "restore_secret", SecretId=secret_name(key))
            _put(environment, key, value)
        else:
            raise


@sensitive_variables("value")
def _put(environment: Environment, key: str, value: str) -> None:
    aws.call(
        environment,
        "secretsmanager",
        "put_secret_value",
        SecretId=secret_name(key),
        SecretString=value,
    )


def read_secret(trigger: Trigger) -> str:
    """The webhook's secret, to sign a request with. Raises AwsError."""
    answer = aws.call(
        trigger.rest_api.environment,
        "secretsmanager",
        "get_secret_value",
        SecretId=secret_name(trigger.key),
    )
    return str(answer["SecretString"])


def delete_secrets(triggers: Iterable[Trigger]) -> list[str]:
    """Have the secrets of webhooks that are gone deleted.

    Answers in words what AWS refused: a trigger is gone all the same.
    """
    left = []
    for trigger in triggers:
        if trigger.secret_set_at is None:
            continue
        try:
            delete_secret(trigger.rest_api.environment, trigger.key)
        except aws.AwsError as error:
            left.append(f"The secret {secret_name(trigger.key)} is still in AWS. {error}")
    return left


def delete_secret(environment: Environment, key: str) -> None:
    """Delete it in 7 days, the soonest that can be taken back. Raises AwsError."""
    try:
        aws.call(
            environment,
            "secretsmanager",
            "delete_secret",
            SecretId=secret_name(key),
            RecoveryWindowInDays=7,
        )
    except aws.AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


class AlreadyMade(Exception):
    """The same form was sent twice: ``key`` is the one that the first made."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__(f"{key} was made already")
        self.key = key


@sensitive_variables("made", "value")
def create_api_key(
    rest_api: RestApi, name: str, *, form_key: str, by: str, replaces: ApiKey | None = None
) -> tuple[ApiKey, str]:
    """A new key of the REST API's usage plan, and its value, which is kept nowhere.

    ``form_key`` stands in the form: of two presses one makes a key, the other raises
    AlreadyMade. Raises AwsError. Source: API Gateway API reference, "CreateApiKey",
    "CreateUsagePlanKey".
    """
    if earlier := ApiKey.objects.filter(key=form_key).first():
        raise AlreadyMade(earlier)
    environment = rest_api.environment
    made = aws.call(
        environment,
        "apigateway",
        "create_api_key",
        name=f"{rest_api.stack_name}-{name}",
        enabled=True,
        generateDistinctId=True,
        tags=rest_api.stack_tags,
    )
    try:
        aws.call(
            environment,
            "apigateway",
            "create_usage_plan_key",
            usagePlanId=rest_api.usage_plan_id,
            keyId=made["id"],
            keyType="API_KEY",
        )
        with transaction.atomic():
            key = ApiKey.objects.create(
                rest_api=rest_api,
                key=form_key,
                name=name,
                key_id=made["id"],
                replaces=replaces,
                created_by=by,
            )
    except (aws.AwsError, DatabaseError):
        # A key that opens nothing, or that no row tells of, is left to nobody; what goes wrong
        # with that does not hide what went wrong before.
        with suppress(aws.AwsError):
            aws.call(environment, "apigateway", "delete_api_key", apiKey=made["id"])
        if earlier := ApiKey.objects.filter(key=form_key).first():
            raise AlreadyMade(earlier) from None
        raise
    return key, str(made["value"])


@sensitive_variables("answer")
def read_api_key(key: ApiKey) -> str:
    """The key's value, to send a request with. Raises AwsError."""
    answer = aws.call(
        key.rest_api.environment,
        "apigateway",
        "get_api_key",
        apiKey=key.key_id,
        includeValue=True,
    )
    return str(answer["value"])


def revoke_api_key(key: ApiKey, *, by: str) -> None:
    """Delete the key in AWS; whoever sends it is refused from now on. Raises AwsError."""
    try:
        aws.call(key.rest_api.environment, "apigateway", "delete_api_key", apiKey=key.key_id)
    except aws.AwsError as error:
        if error.code != "NotFoundException":
            raise
    # Whoever was first stays in the row.
    ApiKey.objects.valid().filter(pk=key.pk).update(revoked_at=timezone.now(), revoked_by=by)
