"""The one door to boto3. AWS's errors become ``AwsError`` here, with what to do next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.session import get_session
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from dashboard.models import Environment

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=10,
    # ``adaptive`` is not for many tenants in one process.
    retries={"mode": "standard", "total_max_attempts": 3},
    # The embedded AWS answers StartSyncExecution without the "sync-" host.
    inject_host_prefix=not settings.LOCAL_AWS,
    user_agent_extra="stepgate",
)
_making_a_client = threading.Lock()

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
}
_WITHOUT_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
)


class AwsError(Exception):
    """AWS refused, or could not be reached. ``str()`` is AWS's own words with the call."""

    def __init__(self, operation: str, code: str, message: str, status: int = 0) -> None:
        super().__init__(operation, code, message, status)
        self.operation = operation
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.operation}: {self.code}: {self.message}"

    @property
    def throttled(self) -> bool:
        return self.code in _THROTTLED

    @property
    def transient(self) -> bool:
        """Whether the same call may go through later, as it stands."""
        return self.throttled or self.status >= 500 or self.code == "Unreachable"

    @property
    def advice(self) -> str:
        """What a person can do about it, in one sentence."""
        if self.throttled:
            return "AWS limits how often this may be called. Wait a minute and try again."
        if self.code in _DENIED:
            return (
                f"Allow {self.operation} in the IAM policy of the role that Stepgate uses "
                "(see “With a real AWS account” in the README), then try again."
            )
        if self.code == "NoCredentials" or self.code in _BAD_CREDENTIALS:
            return (
                "Give Stepgate AWS credentials that are valid now: set AWS_PROFILE, the "
                "AWS_ACCESS_KEY_ID variables or an instance role, then restart it."
            )
        if self.code == "NoRegion":
            return "Set AWS_DEFAULT_REGION, or a region in the AWS profile, then restart Stepgate."
        if self.transient:
            where = settings.AWS_ENDPOINT_URL or "AWS"
            return f"Check that {where} can be reached from this machine, then try again."
        if self.code == "StateMachineDoesNotExist":
            return (
                "The state machine was deleted. Make it again, or choose another one in the form."
            )
        return "Mend what AWS's message names, then try again."


class Identity(NamedTuple):
    """Who the credential chain says we are."""

    account_id: str
    region: str


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        meta = error.response.get("ResponseMetadata", {})
        raise AwsError(
            operation,
            details.get("Code", "Unknown"),
            details.get("Message", str(error)),
            status=meta.get("HTTPStatusCode", 0),
        ) from error
    except _WITHOUT_CREDENTIALS as error:
        raise AwsError(operation, "NoCredentials", str(error)) from error
    except NoRegionError as error:
        raise AwsError(operation, "NoRegion", str(error)) from error
    except (ConnectionError, HTTPClientError) as error:
        raise AwsError(operation, "Unreachable", str(error)) from error
    except BotoCoreError as error:
        raise AwsError(operation, type(error).__name__, str(error)) from error


@lru_cache(maxsize=64)
def _session(region: str | None, role_arn: str) -> boto3.Session:
    if settings.LOCAL_AWS:
        # The embedded AWS takes any key: real ones are never sent to it.
        return boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - no secret
            region_name=region,
        )
    if not role_arn:
        return boto3.Session(region_name=region)
    assumed = get_session()
    resolver = CredentialResolver([_AssumedRole(role_arn, region)])
    assumed.register_component("credential_provider", resolver)
    return boto3.Session(botocore_session=assumed, region_name=region)


class _AssumedRole(CredentialProvider):
    """Credentials of a role, fetched when first needed and again before they expire."""

    METHOD = "assume-role"

    def __init__(self, role_arn: str, region: str | None) -> None:
        super().__init__()
        self._role_arn = role_arn
        self._region = region

    def load(self) -> DeferredRefreshableCredentials | None:
        base = get_session()
        source = base.get_credentials()
        if source is None:
            return None
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(base.create_client, region_name=self._region, config=_CONFIG),
            source_credentials=source,
            role_arn=self._role_arn,
            extra_args={"RoleSessionName": f"stepgate-{settings.STEPGATE_INSTANCE}"},
        )
        return DeferredRefreshableCredentials(
            method=self.METHOD, refresh_using=fetcher.fetch_credentials
        )


@lru_cache(maxsize=256)
def _client(service: str, region: str | None, role_arn: str) -> Any:
    # Clients are safe to share between threads; making one is not.
    with _making_a_client:
        return _session(region, role_arn).client(
            service,  # type: ignore[call-overload]
            config=_CONFIG,
            endpoint_url=settings.AWS_ENDPOINT_URL,
        )


@sensitive_variables("parameters")
def call(environment: Environment, service: str, operation: str, **parameters: Any) -> Any:
    """One call to AWS: ``call(env, "stepfunctions", "describe_execution", executionArn=…)``.

    Answers boto3's dictionary. Raises AwsError, whatever went wrong.
    """
    name = f"{_PREFIX.get(service, service)}:{_camel(operation)}"
    with _translated(name):
        client = _client(service, environment.region, environment.role_arn)
        return getattr(client, operation)(**parameters)


def signed(
    environment: Environment, method: str, url: str, headers: dict[str, str], body: bytes
) -> dict[str, str]:
    """``headers`` with those that sign a request to an AWS_IAM route. Raises AwsError.

    Source: IAM user guide, "Signature Version 4 signing process"; the service is execute-api.
    """
    with _translated("signing the request"):
        credentials = _session(environment.region, environment.role_arn).get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest(method, url, headers=headers, data=body)
        frozen = credentials.get_frozen_credentials()
        SigV4Auth(frozen, "execute-api", environment.region).add_auth(request)
    return dict(request.headers.items())


def who_am_i() -> Identity:
    """The account and Region of the credential chain. Raises AwsError naming the step."""
    with _translated("the AWS credential chain"):
        region = _session(None, "").region_name
    if not region:
        raise AwsError(
            "reading the Region",
            "NoRegion",
            "the AWS credential chain has none",
        )
    return Identity(account_of(region), region)


@lru_cache(maxsize=64)
def account_of(region: str, role_arn: str = "") -> str:
    """The account that the credential chain, or ``role_arn``, belongs to. Raises AwsError."""
    with _translated("sts:GetCallerIdentity"):
        return str(_client("sts", region, role_arn).get_caller_identity()["Account"])


def invoke_url(environment: Environment, api_id: str, stage_name: str) -> str:
    """The base URL of a deployed stage, without a slash at its end.

    Source: API Gateway developer guide, "Invoke REST APIs".
    """
    if settings.AWS_ENDPOINT_URL:
        return f"{settings.AWS_ENDPOINT_URL}/restapis/{api_id}/{stage_name}/_user_request_"
    suffix = "amazonaws.com.cn" if environment.region.startswith("cn-") else "amazonaws.com"
    return f"https://{api_id}.execute-api.{environment.region}.{suffix}/{stage_name}"


_PREFIX = {"stepfunctions": "states"}


def _camel(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))
