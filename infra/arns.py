"""The ARNs that a person types, taken apart; ValueError says how they look."""

import re
from typing import NamedTuple

_PARTITION_REGION_ACCOUNT = r"arn:(aws[a-z-]*):{}:([a-z0-9-]+):([0-9]{{12}}):"
_MACHINE = re.compile(
    _PARTITION_REGION_ACCOUNT.format("states")
    + r"stateMachine:([A-Za-z0-9_-]{1,80})(?::([A-Za-z0-9_.-]{1,80}))?"
)
_FUNCTION = re.compile(
    _PARTITION_REGION_ACCOUNT.format("lambda")
    + r"function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?"
)
_USER_POOL = re.compile(_PARTITION_REGION_ACCOUNT.format("cognito-idp") + r"userpool/[\w-]+")
_CERTIFICATE = re.compile(_PARTITION_REGION_ACCOUNT.format("acm") + r"certificate/[\w-]+")


class MachineArn(NamedTuple):
    """The parts of a state machine ARN; ``qualifier`` is a version's number or an alias."""

    partition: str
    region: str
    account: str
    name: str
    qualifier: str = ""

    @property
    def unqualified(self) -> str:
        """The ARN of the machine itself.

        Step Functions checks a role against this one, and names executions by it
        (developer guide, "State machine versions and aliases").
        """
        return f"arn:{self.partition}:states:{self.region}:{self.account}:stateMachine:{self.name}"

    def execution(self, name: str) -> str:
        """The ARN of the STANDARD execution ``name``."""
        start = self.unqualified.replace(":stateMachine:", ":execution:")
        return f"{start}:{name}"


def parse_machine_arn(arn: str) -> MachineArn:
    """The parts of the ARN of a state machine, or of one of its versions or aliases."""
    match = _MACHINE.fullmatch(arn)
    if match is None:
        message = (
            "This is not the ARN of a state machine. It looks like "
            "arn:aws:states:REGION:ACCOUNT:stateMachine:NAME, with :VERSION or :ALIAS at its end "
            "if one is wanted."
        )
        raise ValueError(message)
    return MachineArn(*(part or "" for part in match.groups()))


def check_function_arn(arn: str) -> str:
    """``arn`` if it is a Lambda function's."""
    if not _FUNCTION.fullmatch(arn):
        raise ValueError(
            "This is not the ARN of a Lambda function. It looks like "
            "arn:aws:lambda:REGION:ACCOUNT:function:NAME."
        )
    return arn


def check_user_pool_arn(arn: str) -> str:
    """``arn`` if it is a Cognito user pool's."""
    if not _USER_POOL.fullmatch(arn):
        raise ValueError(
            f"“{arn}” is not the ARN of a Cognito user pool. It looks like "
            "arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL_ID."
        )
    return arn


def check_certificate_arn(arn: str) -> str:
    """``arn`` if it is an ACM certificate's."""
    if not _CERTIFICATE.fullmatch(arn):
        raise ValueError(
            "This is not the ARN of a certificate. It looks like "
            "arn:aws:acm:REGION:ACCOUNT:certificate/ID."
        )
    return arn
