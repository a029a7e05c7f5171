"""AWS's rules in front of ministack's laxer CloudFormation: change sets, events, stack ids.

Sources: the CloudFormation API reference under the name of the action, and the user guide,
"Stack creation" and "Update stacks using change sets".
"""

import functools
from collections.abc import Callable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, stacks
from ministack.services.cloudformation.helpers import _error, _p, _xml

from infra.local.seams import Response, original, replace

Params = dict[str, Any]
Handler = Callable[[Params], Response]

_UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "CREATE_FAILED",
        "UPDATE_FAILED",
    }
)


def _refused(code: str, message: str) -> Response:
    response: Response = _error(code, message)
    return response


def _by_name(params: Params) -> Params:
    """``params`` with a stack's id replaced by its name; every action takes both."""
    given = _p(params, "StackName")
    for stack in cloudformation._stacks.values():
        if stack["StackId"] == given and stack["StackStatus"] != "DELETE_COMPLETE":
            return {**params, "StackName": [stack["StackName"]]}
    return params


def _create_change_set(create: Handler, params: Params) -> Response:
    """CreateChangeSet, where AWS is stricter or keeps more than ministack does.

    A repeated name with the same ClientToken answers the first change set again. A stack in
    REVIEW_IN_PROGRESS keeps its StackId when it gets another change set, and shows no tags
    before a change set is executed. A deleted stack stays readable by its id when its name
    is used again.
    """
    params = _by_name(params)
    if repeated := _repeated(params):
        return repeated
    name = _p(params, "StackName")
    earlier = cloudformation._stacks.get(name)
    if refusal := _wrong_state(params, earlier):
        return refusal
    response = create(params)
    if earlier is not None:
        response = _keep_earlier(name, earlier, response)
    stack = cloudformation._stacks.get(name)
    if response[0] == 200 and stack is not None:
        _, change_set = changesets._find_change_set(_p(params, "ChangeSetName"), name)
        change_set["_client_token"] = _p(params, "ClientToken")
        if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            stack["Tags"] = []
    return response


def _repeated(params: Params) -> Response | None:
    """The answer again, if this is the request of an earlier CreateChangeSet ("ClientToken")."""
    token = _p(params, "ClientToken")
    found = changesets._find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))[1]
    if not token or found is None or found.get("_client_token") != token:
        return None
    response: Response = _xml(
        200,
        "CreateChangeSetResponse",
        f"<CreateChangeSetResult><Id>{found['ChangeSetId']}</Id>"
        f"<StackId>{found['StackId']}</StackId></CreateChangeSetResult>",
    )
    return response


def _wrong_state(params: Params, stack: dict[str, Any] | None) -> Response | None:
    """A change set of type CREATE needs a new stack, one of type UPDATE a stable one."""
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        return None
    status, kind = stack["StackStatus"], _p(params, "ChangeSetType", "UPDATE")
    if kind == "CREATE" and status != "REVIEW_IN_PROGRESS":
        message = (
            f"Stack [{stack['StackName']}] already exists and cannot be created again with "
            f"the changeSet [{_p(params, 'ChangeSetName')}]."
        )
        return _refused("ValidationError", message)
    if kind == "UPDATE" and status not in _UPDATABLE:
        message = f"Stack:{stack['StackId']} is in {status} state and can not be updated."
        return _refused("ValidationError", message)
    return None


def _keep_earlier(name: str, earlier: dict[str, Any], response: Response) -> Response:
    """Undo what ministack's placeholder for a new stack did to the stack before it."""
    current = cloudformation._stacks.get(name)
    if current is earlier:
        return response
    if current is None:
        cloudformation._stacks[name] = earlier
        return response
    if earlier["StackStatus"] == "DELETE_COMPLETE":
        cloudformation._stacks[earlier["StackId"]] = earlier
        return response
    old, new = earlier["StackId"], current["StackId"]
    cloudformation._stacks[name] = earlier
    cloudformation._stack_events.pop(new, None)
    for change_set in cloudformation._change_sets.values():
        if change_set["StackId"] == new:
            change_set["StackId"] = old
    status, headers, body = response
    return status, headers, body.replace(new.encode(), old.encode())


def _execute_change_set(execute: Handler, params: Params) -> Response:
    """ExecuteChangeSet: InvalidChangeSetStatus, in AWS's words, for one that cannot run."""
    params = _by_name(params)
    found = changesets._find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))[1]
    if found is None or found["ExecutionStatus"] == "AVAILABLE":
        return execute(params)
    status = (
        f"status of [{found['Status']}]"
        if found["ExecutionStatus"] == "UNAVAILABLE"
        else f"execution status of [{found['ExecutionStatus']}]"
    )
    message = f"ChangeSet [{found['ChangeSetId']}] cannot be executed in its current {status}"
    return _refused("InvalidChangeSetStatus", message)


def _on_stack_id(handler: Handler, params: Params) -> Response:
    """DescribeChangeSet, ListChangeSets: "StackName" is a name or an id."""
    return handler(_by_name(params))


def _describe_events(describe: Handler, params: Params) -> Response:
    """DescribeStackEvents: a deleted stack has no name any more, only its id."""
    name = _p(params, "StackName")
    stack = cloudformation._stacks.get(name)
    if stack is not None and stack["StackStatus"] == "DELETE_COMPLETE" and name != stack["StackId"]:
        return _refused("ValidationError", f"Stack [{name}] does not exist")
    return describe(params)


def _is_new(stack_id: str, logical_id: str) -> bool:
    """Whether a resource that an update works on was not part of the stack before."""
    for event in reversed(cloudformation._stack_events.get(stack_id, [])):
        if event["LogicalResourceId"] == logical_id:
            status: str = event["ResourceStatus"]
            return status in ("CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_COMPLETE")
    return True


def _add_event(
    add: Callable[..., None],
    stack_id: str,
    stack_name: str,
    logical_id: str,
    resource_type: str,
    status: str,
    reason: str = "",
    *rest: Any,
    **more: Any,
) -> None:
    """Events say what AWS's say (DescribeStackEvents, "ResourceStatus" and its reason).

    A resource that an update adds is created, not updated; the rollback of a failed
    creation names what failed.
    """
    if resource_type != "AWS::CloudFormation::Stack" and status.startswith("UPDATE_"):
        if _is_new(stack_id, logical_id):
            status = status.replace("UPDATE_", "CREATE_", 1)
    elif (status, reason) == ("ROLLBACK_IN_PROGRESS", "Rollback requested"):
        failed = [
            event["LogicalResourceId"]
            for event in cloudformation._stack_events.get(stack_id, [])
            if event["ResourceStatus"] == "CREATE_FAILED"
        ]
        reason = (
            f"The following resource(s) failed to create: [{', '.join(failed)}]. "
            "Rollback requested by user."
        )
    add(stack_id, stack_name, logical_id, resource_type, status, reason, *rest, **more)


def install() -> None:
    """Put the rules in front of ministack's actions."""
    for module, needed in (
        (cloudformation, "_stacks"),
        (cloudformation, "_stack_events"),
        (cloudformation, "_change_sets"),
        (changesets, "_find_change_set"),
    ):
        original(module, needed)
    replace(stacks, "_add_event", functools.partial(_add_event, original(stacks, "_add_event")))
    actions = original(handlers, "_ACTION_HANDLERS")
    for action, rule in {
        "CreateChangeSet": _create_change_set,
        "ExecuteChangeSet": _execute_change_set,
        "DescribeChangeSet": _on_stack_id,
        "ListChangeSets": _on_stack_id,
        "DescribeStackEvents": _describe_events,
    }.items():
        actions[action] = functools.partial(rule, actions[action])
