"""How a deployment ends, and what that leaves in the database."""

from django.db import transaction

from dashboard import acts
from dashboard.aws import AwsError
from dashboard.models import Deployment, DeploymentEvent, Domain, Endpoint, RestApi
from deployer import api_keys, cloudformation
from deployer.cloudformation import Stack

_LIVE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def remember_stack(owner: RestApi | Domain, stack_id: str) -> None:
    """Store what CreateChangeSet answered: from now on that stack is ours."""
    if owner.stack_id != stack_id:
        owner.keep(stack_id=stack_id)


def forget_stack(owner: RestApi | Domain) -> None:
    """The stack is gone, and with it all that callers met."""
    if isinstance(owner, RestApi):
        Endpoint.objects.filter(trigger__rest_api=owner).delete()
    owner.forget_stack()


def conclude(deployment: Deployment, stack: Stack | None) -> None:
    """The stack has come to rest: succeed or fail by its status."""
    if deployment.action == Deployment.Action.DESTROY:
        if stack is None or stack.status == "DELETE_COMPLETE":
            succeed(deployment, stack)
        else:
            fail(deployment, _why(deployment, stack), "Mend what CloudFormation names, try again.")
        return
    if stack is not None and stack.status in _LIVE:
        if not stack.protected:
            _protect(deployment)
        succeed(deployment, stack)
        return
    reason = _why(deployment, stack)
    if stack is None or stack.status == "DELETE_COMPLETE":
        forget_stack(deployment.owner)
    fail(deployment, reason, "Mend what CloudFormation names, then try again.")


def succeed(deployment: Deployment, stack: Stack | None) -> None:
    """Write what callers meet from now on, and end the deployment."""
    owner = deployment.owner
    if deployment.action == Deployment.Action.DESTROY:
        stack = None
    if isinstance(owner, RestApi):
        api_keys.follow(deployment, owner, stack)
    if deployment.removes:
        # Before the end: nobody comes back to a deployment that has succeeded.
        for trigger in deployment.triggers.select_related("rest_api__environment"):
            deployment.renew_lease()
            for words in acts.delete_secrets([trigger]):
                deployment.record("SECRET_LEFT", reason=words)
    with transaction.atomic():
        deployment.move(Deployment.Status.SUCCEEDED)
        if stack is None:
            forget_stack(owner)
        else:
            owner.went_live(deployment, stack.outputs)
            if isinstance(owner, RestApi):
                _write_endpoints(deployment, owner)
        if deployment.removes:
            for trigger in deployment.triggers.all():
                trigger.mark_gone(by=deployment.requested_by)
        owner.end_if_empty(by=deployment.requested_by)


def fail(deployment: Deployment, reason: str, advice: str) -> None:
    """End FAILED, leaving nothing half-made behind. Raises InvalidTransition."""
    deployment.renew_lease()  # whoever has it now may be using what would be cleaned up
    _clean_up(deployment)
    deployment.move(Deployment.Status.FAILED, reason=reason, advice=advice)


def drop_change_set(deployment: Deployment) -> None:
    """Remove the change set that changed nothing; how the deployment ended does not hang on it."""
    try:
        cloudformation.delete_change_set(deployment)
    except AwsError as error:
        deployment.record("NOT_CLEANED_UP", reason=str(error))


def _write_endpoints(deployment: Deployment, rest_api: RestApi) -> None:
    specs = {t["key"]: t for t in (deployment.spec or {})["triggers"]}
    served = rest_api.triggers.present().filter(key__in=specs)
    # Whether their machines answer, the next look tells.
    served.update(machine_problem="")
    for trigger in served:
        Endpoint.objects.update_or_create(
            trigger=trigger,
            defaults={
                "deployment": deployment,
                "api_id": rest_api.api_id,
                "stage_name": rest_api.live_stage,
                "spec": specs[trigger.key],
            },
        )


def _protect(deployment: Deployment) -> None:
    """Termination protection; what callers meet does not hang on it."""
    try:
        cloudformation.protect(deployment.owner, on=True)
    except AwsError as error:
        deployment.record("NOT_PROTECTED", reason=str(error))


def _why(deployment: Deployment, stack: Stack | None) -> str:
    """CloudFormation's own first failure, verbatim, behind the stack's status."""
    status = stack.status if stack else "the stack is gone"
    first = deployment.events.filter(
        kind=DeploymentEvent.Kind.STACK, status__endswith="_FAILED"
    ).first()
    if first is not None:
        return f"{first.resource} ({first.resource_type}) {first.status}: {first.reason}"
    return f"{status}: {stack.reason}" if stack and stack.reason else status


def _clean_up(deployment: Deployment) -> None:
    """Remove a change set that will not be executed, and the empty stack it made."""
    owner = deployment.owner
    if not deployment.change_set_id or deployment.applied_at or not owner.stack_id:
        return
    try:
        stack = cloudformation.find_stack(owner, owner.stack_id)
        if stack is not None and stack.is_empty:
            cloudformation.delete_stack(deployment)
            forget_stack(owner)
        elif stack is not None:
            cloudformation.delete_change_set(deployment)
    except AwsError as error:
        deployment.record("NOT_CLEANED_UP", reason=str(error))
