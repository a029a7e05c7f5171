"""Change sets, stack states and stack events of one stack: a RestApi's or a Domain's.

All reads and the delete go by StackId: after ``OnStackFailure=DELETE`` a stack can be
read by its id only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard import aws
from dashboard.models import Deployment, Domain, RestApi

_SKEW = timedelta(minutes=5)
"""How far CloudFormation's clock may be from ours."""
TEMPLATE_BYTES = 51_200
"""What CreateChangeSet takes as TemplateBody at most (CloudFormation quotas)."""


@dataclass(frozen=True)
class Stack:
    """DescribeStacks' answer, as far as it matters here."""

    id: str
    status: str
    reason: str
    tags: dict[str, str]
    outputs: dict[str, str]
    protected: bool

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and not self.is_empty

    @property
    def is_empty(self) -> bool:
        """A stack that only ever had a change set; AWS shows no tags on it."""
        return self.status == "REVIEW_IN_PROGRESS"


@dataclass(frozen=True)
class ChangeSet:
    """DescribeChangeSet's answer, as far as it matters here."""

    id: str
    stack_id: str
    status: str
    execution_status: str
    reason: str
    tags: dict[str, str]

    @property
    def in_progress(self) -> bool:
        return self.status in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}

    @property
    def without_changes(self) -> bool:
        """CloudFormation has no status for it, only these two sentences."""
        return self.status == "FAILED" and (
            "didn't contain changes" in self.reason
            or "No updates are to be performed" in self.reason
        )


@dataclass(frozen=True)
class StackEvent:
    id: str
    at: datetime
    resource: str
    resource_type: str
    status: str
    reason: str


def find_stack(owner: RestApi | Domain, name_or_id: str) -> Stack | None:
    """The stack, or None where CloudFormation has none. Raises AwsError."""
    try:
        answer = aws.call(
            owner.environment, "cloudformation", "describe_stacks", StackName=name_or_id
        )
    except aws.AwsError as error:
        if error.code == "ValidationError" and "does not exist" in error.message:
            return None
        raise
    found = answer["Stacks"][0]
    return Stack(
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        tags=_tags(found),
        outputs={o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])},
        protected=bool(found.get("EnableTerminationProtection")),
    )


def create_change_set(deployment: Deployment, template: str, *, new: bool) -> str:
    """Ask for the change set; answers the StackId. Idempotent by name and token.

    Source: CloudFormation API reference, "CreateChangeSet".
    """
    owner = deployment.owner
    answer = aws.call(
        owner.environment,
        "cloudformation",
        "create_change_set",
        StackName=owner.stack_name if new else owner.stack_id,
        ChangeSetName=deployment.change_set_name,
        ChangeSetType="CREATE" if new else "UPDATE",
        ClientToken=str(deployment.pk),
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM"],
        OnStackFailure="DELETE" if new else "ROLLBACK",
        Tags=[{"Key": key, "Value": value} for key, value in owner.stack_tags.items()],
        Description=f"Stepgate deployment {deployment.number}",
    )
    return str(answer["StackId"])


def find_change_set(deployment: Deployment) -> ChangeSet | None:
    """The deployment's change set, or None. Raises AwsError."""
    owner = deployment.owner
    try:
        found = aws.call(
            owner.environment,
            "cloudformation",
            "describe_change_set",
            StackName=owner.stack_id or owner.stack_name,
            ChangeSetName=deployment.change_set_name,
        )
    except aws.AwsError as error:
        missing = error.code == "ValidationError" and "does not exist" in error.message
        if missing or error.code in {"ChangeSetNotFound", "ChangeSetNotFoundException"}:
            return None
        raise
    return ChangeSet(
        id=found["ChangeSetId"],
        stack_id=found["StackId"],
        status=found["Status"],
        execution_status=found.get("ExecutionStatus", ""),
        reason=found.get("StatusReason", ""),
        tags=_tags(found),
    )


def execute_change_set(deployment: Deployment) -> None:
    """Start it, once: a second call of the same deployment changes nothing."""
    try:
        aws.call(
            deployment.owner.environment,
            "cloudformation",
            "execute_change_set",
            StackName=deployment.owner.stack_id,
            ChangeSetName=deployment.change_set_name,
            ClientRequestToken=str(deployment.pk),
        )
    except aws.AwsError as error:
        # It runs or ran already: the stack says how that went.
        if error.code not in {"InvalidChangeSetStatus", "ChangeSetNotFound"}:
            raise


def delete_change_set(deployment: Deployment) -> None:
    aws.call(
        deployment.owner.environment,
        "cloudformation",
        "delete_change_set",
        StackName=deployment.owner.stack_id,
        ChangeSetName=deployment.change_set_name,
    )


def delete_stack(deployment: Deployment) -> None:
    """Ask CloudFormation to delete the stack, by its id."""
    aws.call(
        deployment.owner.environment,
        "cloudformation",
        "delete_stack",
        StackName=deployment.owner.stack_id,
        ClientRequestToken=str(deployment.pk),
    )


def protect(owner: RestApi | Domain, *, on: bool) -> None:
    """Set or lift termination protection."""
    aws.call(
        owner.environment,
        "cloudformation",
        "update_termination_protection",
        StackName=owner.stack_id,
        EnableTerminationProtection=on,
    )


def events_since(deployment: Deployment, known: set[str]) -> list[StackEvent]:
    """The stack's events of this deployment that are not ``known`` yet, oldest first.

    Each carries the ClientRequestToken of the call that began it: our deployment's id.
    Others' events between ours are passed over.
    """
    new: list[StackEvent] = []
    parameters: dict[str, Any] = {"StackName": deployment.owner.stack_id}
    while True:
        page = aws.call(
            deployment.owner.environment,
            "cloudformation",
            "describe_stack_events",
            **parameters,
        )
        for row in page["StackEvents"]:
            # AWS answers newest first: the first known or older one ends the walk.
            if row["EventId"] in known or row["Timestamp"] < deployment.requested_at - _SKEW:
                return new[::-1]
            if not _is_of(deployment, row):
                continue
            new.append(
                StackEvent(
                    id=row["EventId"],
                    at=row["Timestamp"],
                    resource=row.get("LogicalResourceId", ""),
                    resource_type=row.get("ResourceType", ""),
                    status=row.get("ResourceStatus", ""),
                    reason=row.get("ResourceStatusReason", ""),
                )
            )
        if "NextToken" not in page:
            return new[::-1]
        parameters["NextToken"] = page["NextToken"]


def _is_of(deployment: Deployment, row: dict[str, Any]) -> bool:
    if token := row.get("ClientRequestToken"):
        return bool(token == str(deployment.pk))
    return bool(row["Timestamp"] >= deployment.requested_at)


def _tags(answer: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
