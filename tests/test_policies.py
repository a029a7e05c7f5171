"""The IAM policies of the README allow exactly the calls that the code makes."""

import ast
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
from botocore.session import get_session

from tests.local_aws import ROOT

PREFIXES = {"stepfunctions": "states"}
INDIRECT = {"web": {"sts:AssumeRole", "execute-api:Invoke"}, "worker": {"sts:AssumeRole"}}
"""What botocore calls by itself: an environment's role; and what *Send request* signs."""
TAGGED = {
    "cloudformation:CreateChangeSet": {"cloudformation:TagResource"},
    "secretsmanager:CreateSecret": {"secretsmanager:TagResource"},
    "apigateway:POST": {"apigateway:PUT"},
}
"""What AWS checks beside the call itself, because of the tags that are sent along."""
THROUGH_CLOUDFORMATION = {"apigateway", "iam", "lambda", "logs"}
"""What a stack's resources are made of."""


def calls(package: str) -> set[str]:
    """IAM's names of the calls to AWS in ``package``."""
    found = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        found |= set(_door(tree)) | set(_clients(tree))
    return found


def _door(tree: ast.AST) -> Iterator[str]:
    """``aws.call(environment, "service", "operation", …)``."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _name(node.func) in {"aws.call", "call"}):
            continue
        assert len(node.args) >= 3, ast.unparse(node)
        service, operation = node.args[1:3]
        assert isinstance(service, ast.Constant) and isinstance(operation, ast.Constant), (
            f"the call is not written out: {ast.unparse(node)}"
        )
        yield _action(service.value, operation.value)


def _clients(tree: ast.AST) -> Iterator[str]:
    """``_client("service", …).operation(…)``."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        made = node.func.value
        if isinstance(made, ast.Call) and _name(made.func) == "_client":
            service = made.args[0]
            assert isinstance(service, ast.Constant), ast.unparse(node)
            yield _action(service.value, node.func.attr)


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _action(service: object, operation: object) -> str:
    camel = "".join(word.capitalize() for word in str(operation).split("_"))
    if service == "apigateway":
        # Its actions are HTTP methods (service authorization reference, "API Gateway Management").
        model = get_session().get_service_model("apigateway").operation_model(camel)
        return f"apigateway:{model.http['method']}"
    return f"{PREFIXES.get(str(service), service)}:{camel}"


def statements(name: str) -> list[dict[str, object]]:
    policy = json.loads((ROOT / "docs" / "policies" / f"{name}.json").read_text())
    assert policy["Version"] == "2012-10-17"
    return list(policy["Statement"])


def allowed(name: str) -> set[str]:
    found: set[str] = set()
    for statement in statements(name):
        assert statement["Effect"] == "Allow"
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else set(action)  # type: ignore[call-overload]
    return found


def borrowed() -> set[str]:
    """The calls of the dashboard's functions that the worker calls, such as ``acts.…``."""
    deployer = "".join(path.read_text() for path in (ROOT / "deployer").glob("*.py"))
    found = set()
    for name in ("acts", "machine_watch"):
        tree = ast.parse((ROOT / "dashboard" / f"{name}.py").read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and f"{name}.{function.name}(" in deployer:
                found |= set(_door(function))
    # machine_watch looks through step_functions.describe.
    return found | {"states:DescribeStateMachine"}


def needed(package: str) -> set[str]:
    found = calls(package) | (borrowed() if package == "deployer" else set())
    return found.union(*(TAGGED.get(action, set()) for action in found))


def test_the_calls_are_found() -> None:
    assert {"states:ListExecutions", "cloudformation:GetTemplate"} <= calls("dashboard")
    assert "sts:GetCallerIdentity" in calls("dashboard")
    assert {"cloudformation:CreateChangeSet", "cloudformation:DeleteStack"} <= calls("deployer")


@pytest.mark.parametrize(("policy", "package"), [("web", "dashboard"), ("worker", "deployer")])
def test_every_call_is_allowed(policy: str, package: str) -> None:
    patterns = allowed(policy)
    refused = {a for a in needed(package) if not any(fnmatchcase(a, p) for p in patterns)}
    assert refused == set()


def test_the_web_is_allowed_nothing_that_it_does_not_call() -> None:
    assert allowed("web") - needed("dashboard") - INDIRECT["web"] == set()


def test_the_worker_is_allowed_no_call_to_cloudformation_that_it_does_not_make() -> None:
    direct = {action for action in allowed("worker") if action.startswith("cloudformation:")}
    assert direct - needed("deployer") == set()


def test_the_worker_may_do_what_cloudformation_does_only_through_it() -> None:
    """Source: CloudFormation uses the caller's rights (user guide, "Control access with IAM").

    What it may do by itself as well is to look who is in a usage plan, to let keys in, and to
    take its own away.
    """
    by_itself = {"apigateway:GET", "apigateway:POST", "apigateway:DELETE"} & needed("deployer")
    for statement in statements("worker"):
        listed = statement["Action"]
        actions = [listed] if isinstance(listed, str) else list(listed)  # type: ignore[call-overload]
        if actions[0].partition(":")[0] in THROUGH_CLOUDFORMATION:
            own = "CalledVia" not in json.dumps(statement.get("Condition", {}))
            assert not own or set(actions) <= by_itself | {"iam:PassRole"}, statement["Sid"]


def test_roles_are_handed_to_api_gateway_and_lambda_alone() -> None:
    passing = [s for s in statements("worker") if "iam:PassRole" in s["Action"]]  # type: ignore[operator]
    assert [s["Condition"] for s in passing] == [
        {
            "StringEquals": {
                "iam:PassedToService": ["apigateway.amazonaws.com", "lambda.amazonaws.com"]
            }
        }
    ]


@pytest.mark.parametrize("policy", ["web", "worker"])
def test_secrets_and_keys_of_others_are_out_of_reach(policy: str) -> None:
    for statement in statements(policy):
        text = json.dumps(statement)
        if "secretsmanager:" in text:
            assert str(statement["Resource"]).endswith(":secret:stepgate/INSTANCE/*")
        if "/apikeys/*" in text:
            assert "aws:ResourceTag/stepgate:instance" in text


def test_the_web_touches_no_function() -> None:
    assert not [a for a in allowed("web") if a.startswith(("lambda:", "logs:", "iam:"))]


@pytest.mark.parametrize("policy", ["web", "worker"])
def test_nothing_is_allowed_by_a_star(policy: str) -> None:
    assert not [action for action in allowed(policy) if "*" in action]
    for statement in statements(policy):
        if statement["Resource"] == "*":
            assert statement["Action"] in {"states:ListStateMachines", "sts:GetCallerIdentity"}
