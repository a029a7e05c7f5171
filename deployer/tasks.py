"""The steps of a deployment's life: short, idempotent, each under a lease on its row.

Every task may be delivered twice, late or never. A step that finds the row moved on, or
leased by another, does nothing; ``reconcile`` restarts what nobody works on.
"""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from dashboard import machine_watch
from dashboard.aws import AwsError, account_of
from dashboard.celery import app
from dashboard.models import (
    Deployment,
    DeploymentEvent,
    Domain,
    InvalidTransition,
    RestApi,
    Worker,
)
from deployer import cloudformation, outcome
from deployer.cloudformation import ChangeSet, Stack
from deployer.synth import SynthDied, SynthError, synth
from infra.spec import ApiSpec, DomainSpec

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=5)
"""How long a step is tried again while AWS throttles or cannot be reached."""
FORGOTTEN = timedelta(days=1)
"""How long the row of a worker that was killed stays."""
OVERDUE = timedelta(seconds=10)
"""How late a step may be before ``reconcile`` hints again."""

_ONLY_TO_DELETE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
"""What a failed first create can leave: such a stack can only be deleted."""

Status = Deployment.Status


class Refused(Exception):
    """The deployment cannot go on: ``reason`` in words, ``advice`` says what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


@app.task
def plan(pk: str) -> None:
    """QUEUED → PLANNING → PLANNED: synthesize, and have a change set made."""
    _step(pk, (Status.QUEUED, Status.PLANNING), _plan)


@app.task
def apply(pk: str) -> None:
    """PLANNED → APPLYING: execute the change set, or delete the stack."""
    _step(pk, (Status.PLANNED, Status.APPLYING), _apply)


@app.task
def watch(pk: str) -> None:
    """APPLYING → SUCCEEDED or FAILED: look once, write what is new, come back later."""
    _step(pk, (Status.APPLYING,), _watch)


@app.task
def reconcile() -> None:
    """Hint again at every deployment whose next step is overdue and unleased."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    for deployment in Deployment.objects.active().filter(free, next_step_at__lt=now - OVERDUE):
        overdue = Deployment.objects.filter(pk=deployment.pk, next_step_at=deployment.next_step_at)
        if overdue.update(next_step_at=now):
            deployment.hint()
    Worker.objects.filter(reported_at__lt=now - FORGOTTEN).delete()


def _step(pk: str, statuses: tuple[Status, ...], step: Callable[[Deployment], None]) -> None:
    deployment = Deployment.objects.filter(pk=pk).first()
    if deployment is None:
        return
    try:
        deployment.take_lease(*statuses)
    except InvalidTransition:
        return
    try:
        _run(deployment, step)
    except InvalidTransition:
        logger.warning("deployment %s: another step took over", pk)


def _run(deployment: Deployment, step: Callable[[Deployment], None]) -> None:
    """Do ``step``; whatever goes wrong in it ends the deployment or has it tried again."""
    token = deployment.lease_token
    try:
        step(deployment)
    except (AwsError, SynthDied) as error:
        transient = not isinstance(error, AwsError) or error.transient
        advice = getattr(error, "advice", "Start the worker again and try again.")
        if deployment.applied_at:
            # AWS has the change: that we cannot look ends nothing. The stack's rest will.
            deployment.release(delay=10, trouble=f"{error} {advice}")
        elif transient and not _out_of_patience(deployment):
            deployment.release(delay=3, trouble=str(error))
        else:
            outcome.fail(deployment, str(error), advice)
    except SynthError as error:
        outcome.fail(deployment, str(error), "Change what it names, then deploy.")
    except Refused as error:
        outcome.fail(deployment, error.reason, error.advice)
    except (InvalidTransition, OperationalError):
        # Not ours any more, or the database is gone: the lease runs out by itself.
        raise
    except Exception as error:
        logger.exception("deployment %s", deployment.pk)
        # What the step had set in memory may have been rolled back.
        deployment.refresh_from_db()
        if deployment.lease_token != token:
            raise
        said = f"Stepgate itself failed: {type(error).__name__}: {error}"
        advice = "This is a bug in Stepgate: the worker's log has the traceback. Try again."
        if deployment.applied_at:
            deployment.release(delay=10, trouble=said)
        else:
            outcome.fail(deployment, said, advice)
        raise


def _out_of_patience(deployment: Deployment) -> bool:
    since = deployment.failing_since
    return since is not None and timezone.now() - since > PATIENCE


def _plan(deployment: Deployment) -> None:
    if deployment.status == Status.QUEUED:
        deployment.move(Status.PLANNING)
    if not deployment.change_set_id:
        _check_account(deployment)
        stack = _own_stack(deployment)
        if stack is not None and _busy(deployment, stack):
            deployment.release(delay=2, trouble=f"The stack is {stack.status}.")
            return
        if deployment.action == Deployment.Action.DESTROY:
            _go_on_to_apply(deployment)
            return
        _create_change_set(deployment, new=stack is None or stack.is_empty)
    change_set = cloudformation.find_change_set(deployment)
    if change_set is None:
        raise Refused("CloudFormation no longer has the change set.", "Deploy again.")
    if change_set.in_progress:
        deployment.release(delay=1)
    elif change_set.without_changes:
        stack = cloudformation.find_stack(deployment.owner, deployment.owner.stack_id)
        if stack is None:
            raise Refused("The stack was removed meanwhile.", "Deploy again.")
        outcome.succeed(deployment, stack)
        outcome.drop_change_set(deployment)
    elif change_set.status == "CREATE_COMPLETE":
        _go_on_to_apply(deployment)
    else:
        raise Refused(
            f"The change set ended {change_set.status}: {change_set.reason}",
            "Mend what CloudFormation names, then try again.",
        )


def _go_on_to_apply(deployment: Deployment) -> None:
    deployment.move(Status.PLANNED)
    deployment.release(delay=0)


def _check_account(deployment: Deployment) -> None:
    """The credentials must be those of the environment's account."""
    environment = deployment.owner.environment
    account = account_of(environment.region, environment.role_arn)
    if account != environment.account_id:
        raise Refused(
            f"The worker's credentials belong to account {account}, but the environment "
            f"“{environment}” is account {environment.account_id}. Nothing was changed.",
            "Give the worker credentials of that account, or the environment a role to assume.",
        )


def _own_stack(deployment: Deployment) -> Stack | None:
    """The owner's stack, or None where there is none yet. Raises Refused if not ours."""
    owner = deployment.owner
    if owner.stack_id:
        stack = cloudformation.find_stack(owner, owner.stack_id)
        if stack is not None and stack.status != "DELETE_COMPLETE":
            if not stack.is_empty and not owner.stack_tags.items() <= stack.tags.items():
                raise _not_ours(deployment, f"its tags are not this {owner.noun}'s")
            return stack
        outcome.forget_stack(owner)
    stack = cloudformation.find_stack(owner, owner.stack_name)
    if stack is None or stack.status == "DELETE_IN_PROGRESS":
        return stack
    # A worker may have died between CloudFormation's answer and our writing it down.
    change_set = _own_change_set(owner) if stack.is_empty else None
    if change_set is None or not owner.stack_tags.items() <= change_set.tags.items():
        raise _not_ours(deployment, "it was there before the first deployment")
    outcome.remember_stack(owner, change_set.stack_id)
    return stack


def _own_change_set(owner: RestApi | Domain) -> ChangeSet | None:
    """A change set that one of the owner's newest deployments made in its empty stack."""
    newest = Deployment.objects.of(owner).order_by("-number")[:10]
    found = (cloudformation.find_change_set(deployment) for deployment in newest)
    return next((change_set for change_set in found if change_set is not None), None)


def _not_ours(deployment: Deployment, why: str) -> Refused:
    name = deployment.owner.stack_name
    return Refused(
        f"The stack {name} is not Stepgate's: {why}. Nothing was changed.",
        f"Delete or rename the stack {name}, or give this Stepgate another STEPGATE_INSTANCE.",
    )


def _busy(deployment: Deployment, stack: Stack) -> bool:
    """Whether the stack has to come to rest first."""
    deployment.store(stack_status=stack.status)
    if stack.in_progress:
        if _out_of_patience(deployment):
            raise Refused(
                f"The stack is still {stack.status}.",
                "Wait until CloudFormation is done with it, then try again.",
            )
        return True
    first_create_failed = deployment.owner.live_id is None and stack.status in _ONLY_TO_DELETE
    if first_create_failed and deployment.action != Deployment.Action.DESTROY:
        cloudformation.delete_stack(deployment)
        return True
    return False


def _create_change_set(deployment: Deployment, *, new: bool) -> None:
    kind = ApiSpec if deployment.rest_api else DomainSpec
    spec = kind.model_validate(deployment.spec)
    template = synth.template(spec, waiting=deployment.renew_lease)
    text = json.dumps(template, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode())
    if size > cloudformation.TEMPLATE_BYTES:
        raise Refused(
            f"The template has {size:,} bytes; CloudFormation takes "
            f"{cloudformation.TEMPLATE_BYTES:,} without an S3 bucket.",
            "Move some of its triggers to another REST API, or shorten their fixed JSON.",
        )
    deployment.renew_lease()
    try:
        stack_id = cloudformation.create_change_set(deployment, text, new=new)
    except AwsError as error:
        if not error.code.startswith("AlreadyExists"):
            raise
        found = cloudformation.find_change_set(deployment)
        if found is None:
            raise
        stack_id = found.stack_id
    outcome.remember_stack(deployment.owner, stack_id)
    deployment.store(change_set_id=deployment.change_set_name)


def _apply(deployment: Deployment) -> None:
    if deployment.status == Status.PLANNED:
        deployment.move(Status.APPLYING)
    if deployment.applied_at is None:
        # Before the call: one that timed out may have been taken all the same.
        deployment.store(applied_at=timezone.now())
    _change(deployment)
    _watch(deployment)


def _change(deployment: Deployment) -> None:
    """Ask CloudFormation for the change; asking again changes nothing. Raises Refused."""
    try:
        if deployment.action == Deployment.Action.DEPLOY:
            cloudformation.execute_change_set(deployment)
        elif deployment.owner.stack_id:
            _delete(deployment)
    except AwsError as error:
        if error.transient:
            raise
        raise Refused(str(error), error.advice) from error


def _delete(deployment: Deployment) -> None:
    owner = deployment.owner
    stack = cloudformation.find_stack(owner, owner.stack_id)
    if stack is None or stack.status in {"DELETE_COMPLETE", "DELETE_IN_PROGRESS"}:
        return
    if stack.protected:
        cloudformation.protect(owner, on=False)
    cloudformation.delete_stack(deployment)


def _watch(deployment: Deployment) -> None:
    owner = deployment.owner
    if deployment.action == Deployment.Action.DESTROY and not owner.stack_id:
        outcome.succeed(deployment, None)
        return
    stack = cloudformation.find_stack(owner, owner.stack_id)
    if stack is not None:
        _write_events(deployment)
        deployment.store(stack_status=stack.status)
    if stack is not None and (stack.in_progress or _is_still_to_start(deployment, stack)):
        deployment.release(delay=_pause(deployment))
    else:
        outcome.conclude(deployment, stack)


def _is_still_to_start(deployment: Deployment, stack: Stack) -> bool:
    """Whether the stack's status is still the one of before our call.

    CloudFormation may show the old one for a moment after it has taken the call.
    """
    if stack.status == "DELETE_COMPLETE":
        return False
    ours = deployment.events.filter(
        kind=DeploymentEvent.Kind.STACK,
        resource_type="AWS::CloudFormation::Stack",
        status=stack.status,
    ).exists()
    if deployment.action == Deployment.Action.DESTROY:
        if not ours:
            _change(deployment)
        return not ours
    change_set = cloudformation.find_change_set(deployment)
    if change_set is None and ours and not stack.is_empty:
        return False
    if change_set is None or change_set.execution_status in {"UNAVAILABLE", "OBSOLETE"}:
        raise Refused(
            "Another operation on the stack made the change set void, so it was not executed.",
            "Look in CloudFormation who changes this stack, then deploy again.",
        )
    if change_set.execution_status == "AVAILABLE":
        _change(deployment)
    return stack.is_empty or change_set.execution_status in {"AVAILABLE", "EXECUTE_IN_PROGRESS"}


def _pause(deployment: Deployment) -> float:
    """Seconds until the next look: short at first, 2 s at most; AWS counts the calls."""
    since = (timezone.now() - (deployment.applied_at or timezone.now())).total_seconds()
    shortest = 0.1 if settings.LOCAL_AWS else 1.0
    return min(2.0, max(shortest, since / 4))


def _write_events(deployment: Deployment) -> None:
    stack_events = deployment.events.filter(kind=DeploymentEvent.Kind.STACK)
    known = set(stack_events.values_list("event_id", flat=True))
    DeploymentEvent.objects.bulk_create(
        [
            DeploymentEvent(
                deployment=deployment,
                kind=DeploymentEvent.Kind.STACK,
                at=event.at,
                status=event.status,
                resource=event.resource,
                resource_type=event.resource_type,
                reason=event.reason,
                event_id=event.id,
            )
            for event in cloudformation.events_since(deployment, {k for k in known if k})
        ],
        ignore_conflicts=True,
    )


@app.task
def look_at_machines() -> None:
    """Say on triggers what became of the machines that callers reach."""
    machine_watch.look_at_all()
