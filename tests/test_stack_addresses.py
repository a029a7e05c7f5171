"""In the template: the list of addresses that may call, and what its policy lets in besides."""

from typing import Any

import pytest

from infra.spec import TriggerSpec
from tests.stacks import only, route, spec, template

HERE = ("203.0.113.0/24", "2001:db8::/32")

EVERYTHING = {"execute-api:/*"}


def statements(*triggers: TriggerSpec, stage: str = "prod") -> tuple[Any, Any]:
    """The Deny and the Allow (None where there is none) of the REST API's policy."""
    made = template(spec(*triggers, allowed_addresses=HERE, stage_name=stage))
    _, api = only(made, "ApiGateway::RestApi")
    assert api["Policy"]["Version"] == "2012-10-17"
    deny, *allow = api["Policy"]["Statement"]
    assert len(allow) <= 1
    return deny, allow[0] if allow else None


def resources(statement: Any) -> set[str]:
    """What a statement is about; the CDK writes a single one without a list."""
    found = statement["Resource"]
    return {found} if isinstance(found, str) else set(found)


def test_without_a_list_there_is_no_policy() -> None:
    assert "Policy" not in only(template(spec(route())), "ApiGateway::RestApi")[1]


def test_every_route_is_denied_to_other_addresses_however_it_is_written() -> None:
    """``/orders/`` reaches ``/orders``: a Deny that names routes would let it through."""
    deny, _ = statements(
        route(1), route(2, "NONE", method="GET"), route(3, "SIGNED"), route(4, status_route=True)
    )
    assert deny["Effect"] == "Deny"
    assert (deny["Principal"], deny["Action"]) == ("*", "execute-api:Invoke")
    assert deny["Condition"] == {"NotIpAddress": {"aws:SourceIp": list(HERE)}}
    assert resources(deny) == EVERYTHING


def test_only_routes_without_iam_and_lambda_authorizers_are_allowed_by_the_policy() -> None:
    """An Allow would let in whom neither IAM nor the authorizer's answer names."""
    kinds = ["AWS_IAM", "API_KEY", "COGNITO_USER_POOLS", "CUSTOM", "SIGNED", "NONE"]
    deny, allow = statements(*(route(number, kind) for number, kind in enumerate(kinds, 1)))
    assert resources(deny) == EVERYTHING
    assert (allow["Effect"], allow["Principal"]) == ("Allow", "*")
    assert "Condition" not in allow
    assert resources(allow) == {f"execute-api:/prod/POST/orders/{n:03}" for n in (2, 3, 5, 6)}


def test_routes_with_iam_alone_have_no_allow_at_all() -> None:
    _, allow = statements(route(1), route(2, status_route=True))
    assert allow is None


def test_variables_and_any_are_stars_and_the_stage_is_the_one_that_is_served() -> None:
    deny, allow = statements(
        route(1, "AWS_IAM", method="ANY", path="/"),
        route(2, "NONE", method="DELETE", path="/a/{id}/b"),
        route(3, "NONE", method="GET", path="/files/{rest+}"),
        stage="live-1",
    )
    assert resources(deny) == EVERYTHING
    assert resources(allow) == {
        "execute-api:/live-1/DELETE/a/*/b",
        "execute-api:/live-1/GET/files/*",
    }


def test_an_allow_names_each_method_of_any_but_those_that_have_a_route_with_iam() -> None:
    """``*/orders`` would cover POST /items/orders too, whatever that route wants."""
    _, allow = statements(
        route(1, "NONE", method="ANY", path="/orders"),
        route(2, "AWS_IAM", method="DELETE", path="/orders"),
        route(3, "AWS_IAM", method="POST", path="/items/{id}"),
    )
    assert resources(allow) == {
        f"execute-api:/prod/{verb}/orders"
        for verb in ("GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
    }


def test_a_preflight_is_let_in_without_iam_and_from_the_list_only() -> None:
    deny, allow = statements(
        route(1, cors_origins=("https://a.example",), status_route=True), route(2)
    )
    assert resources(deny) == EVERYTHING
    assert resources(allow) == {
        "execute-api:/prod/OPTIONS/orders/001",
        "execute-api:/prod/OPTIONS/orders/001/executions/*",
    }


@pytest.mark.parametrize(
    ("public", "guarded"),
    [
        (("GET", "/orders/{id}"), ("GET", "/orders/export")),
        (("GET", "/orders/{id}"), ("GET", "/orders/{id}/items")),
        (("GET", "/orders/{id}"), ("ANY", "/orders/export")),
        (("ANY", "/orders/{id}"), ("POST", "/orders/export")),
        (("GET", "/{proxy+}"), ("GET", "/admin/users")),
        (("GET", "/a/{id}"), ("GET", "/{rest+}")),
        (("GET", "/{x}/b"), ("GET", "/a/{id}")),
    ],
    ids=str,
)
def test_a_list_is_refused_where_its_allow_would_open_a_route_with_iam(
    public: tuple[str, str], guarded: tuple[str, str]
) -> None:
    """The ``*`` of a policy takes slashes too, and would let any principal of the account in."""
    routes = (
        route(1, "NONE", method=public[0], path=public[1]),
        route(2, "AWS_IAM", method=guarded[0], path=guarded[1]),
    )
    spec(*routes)
    with pytest.raises(ValueError, match=f"{guarded[0]} .* would lose its authorization"):
        spec(*routes, allowed_addresses=HERE)


@pytest.mark.parametrize(
    ("public", "guarded"),
    [
        (("GET", "/orders/latest"), ("GET", "/orders/{id}")),
        (("GET", "/orders"), ("ANY", "/orders")),
        (("GET", "/a/{id}"), ("GET", "/{x}/b")),
        (("GET", "/orders/{id}"), ("POST", "/orders/{id}")),
        (("GET", "/orders/{id}"), ("GET", "/orders")),
        (("GET", "/a/{id}"), ("GET", "/b/{id}")),
    ],
    ids=str,
)
def test_routes_that_the_policy_tells_apart_may_stand_side_by_side(
    public: tuple[str, str], guarded: tuple[str, str]
) -> None:
    _, allow = statements(
        route(1, "NONE", method=public[0], path=public[1]),
        route(2, "AWS_IAM", method=guarded[0], path=guarded[1]),
    )
    assert len(resources(allow)) == 1


def test_a_policy_that_api_gateway_would_not_take_is_refused_with_its_size() -> None:
    blocks = tuple(f"10.{number // 256}.{number % 256}.0/24" for number in range(500))
    spec(route(), allowed_addresses=blocks[:300])
    with pytest.raises(
        ValueError, match=r"for 500 address blocks and 1 routes has \d,\d{3} characters.* 8,192"
    ):
        spec(route(), allowed_addresses=blocks)


@pytest.mark.parametrize("block", ["10.0.0.1/8", "256.0.0.0/8", "office", ""])
def test_what_is_no_block_of_addresses_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match="is not an address or a CIDR block"):
        spec(route(), allowed_addresses=(block,))
