"""How a specification becomes a template in tests, and how its resources are found."""

import json
from functools import cache
from typing import Any

from deployer.synth import synth
from infra.spec import ApiSpec, DomainSpec, TriggerSpec
from tests.local_aws import machine_arn, trigger

Template = dict[str, Any]
Resource = dict[str, Any]

MACHINE = machine_arn("order-fulfilment")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:authorize"
POOL = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Ab12Cd34E"
ACCESS: dict[str, dict[str, Any]] = {
    "NONE": {},
    "AWS_IAM": {},
    "API_KEY": {},
    "COGNITO_USER_POOLS": {"user_pool_arns": (POOL,)},
    "CUSTOM": {"authorizer_arn": FUNCTION},
    "SIGNED": {},
}
"""Authorization → the fields that it wants besides."""


def route(number: int = 1, authorization: str = "AWS_IAM", **fields: Any) -> TriggerSpec:
    """The trigger ``orderNNN``, POST /orders/NNN → order-fulfilment but for ``fields``."""
    own = {"key": f"order{number:03}", "path": f"/orders/{number:03}"}
    return trigger(**(own | {"authorization": authorization} | ACCESS[authorization] | fields))


def spec(*triggers: TriggerSpec, **fields: Any) -> ApiSpec:
    """A REST API of ``triggers``, or of one that starts order-fulfilment."""
    own = {"instance": "test", "key": "abcdefg1", "account": "000000000000"}
    return ApiSpec(**(own | {"region": "us-east-1", "triggers": triggers or (route(),)} | fields))


def domain() -> DomainSpec:
    return DomainSpec(
        instance="test",
        key="domain01",
        account="000000000000",
        region="us-east-1",
        domain_name="api.example.com",
        certificate_arn="arn:aws:acm:us-east-1:000000000000:certificate/11112222",
    )


@cache
def template(wanted: ApiSpec | DomainSpec) -> Template:
    """What the warm synth process makes of ``wanted``; the CDK itself is never imported here."""
    return synth.template(wanted, waiting=lambda: None)


def of_type(made: Template, kind: str) -> dict[str, Resource]:
    """Logical id → resource, for all of a type, as in ``ApiGateway::Method``."""
    return {id: one for id, one in made["Resources"].items() if one["Type"] == f"AWS::{kind}"}


def only(made: Template, kind: str) -> tuple[str, Any]:
    """Logical id and properties of the one resource of a type."""
    ((id, one),) = of_type(made, kind).items()
    return id, one["Properties"]


def method_id(made: Template, verb: str, path: str) -> str:
    """Logical id of the method at a path, which its resources spell."""
    (id,) = [
        id
        for id, one in of_type(made, "ApiGateway::Method").items()
        if one["Properties"]["HttpMethod"] == verb
        and _path(made, one["Properties"]["ResourceId"]) == path
    ]
    return id


def method(made: Template, verb: str, path: str) -> Any:
    """Properties of the method at a path."""
    return made["Resources"][method_id(made, verb, path)]["Properties"]


def _path(made: Template, place: Any) -> str:
    parts: list[str] = []
    while "Ref" in place:
        properties = made["Resources"][place["Ref"]]["Properties"]
        parts.insert(0, properties["PathPart"])
        place = properties["ParentId"]
    assert place["Fn::GetAtt"][1] == "RootResourceId"
    return "/" + "/".join(parts)


def role(made: Template, reference: Any) -> tuple[str, list[Resource]]:
    """Who may take a role, and its statements; ``reference`` is a GetAtt of its ARN."""
    id, attribute = reference["Fn::GetAtt"]
    assert attribute == "Arn"
    properties = made["Resources"][id]["Properties"]
    assert "ManagedPolicyArns" not in properties
    (taken,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert taken["Action"] == "sts:AssumeRole" and taken["Effect"] == "Allow"
    statements = [
        statement
        for policy in properties["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    return taken["Principal"]["Service"], statements


def needs(made: Template, id: str) -> set[str]:
    """All that has to stand before ``id``, at any distance."""
    found: set[str] = set()
    waiting = [id]
    while waiting:
        one = made["Resources"][waiting.pop()]
        text = json.dumps(one.get("Properties", {}))
        after = {other for other in made["Resources"] if _refers(text, other)}
        after |= set(one.get("DependsOn", []))
        waiting += after - found
        found |= after
    return found


def _refers(text: str, id: str) -> bool:
    return f'{{"Ref": "{id}"}}' in text or f'{{"Fn::GetAtt": ["{id}",' in text
