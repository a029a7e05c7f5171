"""The State machine field: what can be chosen, and what is said of a choice."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard import step_functions
from dashboard.models import Environment
from tests.conftest import make_trigger, words
from tests.faults import answering, counting, failing
from tests.local_aws import LocalAws, machine_arn, unique
from tests.machines import make_machine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The field asks AWS."""


def options(client: Client, environment: Environment, q: str = "") -> Any:
    return client.get(reverse("machines"), {"environment": str(environment.pk), "q": q})


def check(client: Client, environment: Environment, arn: str) -> Any:
    path = reverse("machine_check")
    return client.get(path, {"environment": str(environment.pk), "state_machine_arn": arn})


def test_standard_machines_come_first(as_admin: Client, environment: Environment) -> None:
    rows = options(as_admin, environment).context["rows"]
    types = [row.machine.type for row in rows]
    assert types == sorted(types, key=lambda t: t != "STANDARD")
    assert {"STANDARD", "EXPRESS"} == set(types)
    names = [row.machine.name for row in rows if row.machine.type == "STANDARD"]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("q", "expected"),
    [("order", "order-fulfilment"), ("QUOTE", "quote"), (machine_arn("quote"), "quote")],
)
def test_typing_searches_names_and_arns(
    q: str, expected: str, as_admin: Client, environment: Environment
) -> None:
    rows = options(as_admin, environment, q).context["rows"]
    assert expected in [row.machine.name for row in rows]
    assert all(q.lower() in row.machine.arn.lower() for row in rows)


def test_a_search_without_a_hit_says_that_an_arn_can_be_pasted(
    as_admin: Client, environment: Environment
) -> None:
    text = words(options(as_admin, environment, "nothing-like-it"))
    assert "nothing-like-it" in text and "ARN can be pasted" in text


def test_an_account_without_machines_says_so(as_admin: Client, environment: Environment) -> None:
    with answering("stepfunctions", "ListStateMachines", lambda _: {"stateMachines": []}):
        text = words(options(as_admin, environment))
    assert "no state machines in this account and Region" in text


def test_more_machines_than_are_shown_are_counted(
    as_admin: Client, environment: Environment
) -> None:
    def page(asked: dict[str, Any]) -> dict[str, Any]:
        first = int(asked.get("nextToken", "0"))
        rows = [
            {
                "stateMachineArn": machine_arn(f"m{n:04}"),
                "name": f"m{n:04}",
                "type": "STANDARD",
                "creationDate": 1767225600,
            }
            for n in range(first, first + 40)
        ]
        return {"stateMachines": rows} | ({"nextToken": str(first + 40)} if first < 80 else {})

    with answering("stepfunctions", "ListStateMachines", page):
        answer = options(as_admin, environment)
    assert len(answer.context["rows"]) == 50
    assert "70 more" in words(answer)


def test_the_triggers_that_a_machine_has_already_stand_beside_it(
    as_admin: Client, environment: Environment
) -> None:
    make_trigger(environment, path="/here")
    make_trigger(environment, path="/gone").mark_gone(by="ada")
    text = words(options(as_admin, environment, "order-fulfilment"))
    assert "POST /here" in text and "/gone" not in text


def test_what_is_typed_quickly_costs_one_call(as_admin: Client, environment: Environment) -> None:
    with counting("stepfunctions", "ListStateMachines") as calls:
        for q in ("o", "or", "ord"):
            options(as_admin, environment, q)
    assert len(calls) == 1


def test_a_list_that_aws_refuses_names_the_call_and_the_fix(
    as_admin: Client, environment: Environment
) -> None:
    with failing("stepfunctions", "ListStateMachines", "AccessDeniedException", "Not for you."):
        answer = options(as_admin, environment)
    assert answer.status_code == 200
    text = words(answer)
    assert "states:ListStateMachines: AccessDeniedException: Not for you." in text
    assert "Allow states:ListStateMachines in the IAM policy" in text


def test_a_good_machine_is_confirmed_with_type_and_place(
    as_admin: Client, environment: Environment
) -> None:
    text = words(check(as_admin, environment, machine_arn("order-fulfilment")))
    assert "order-fulfilment: STANDARD" in text
    assert "000000000000 · us-east-1" in text


def test_an_express_machine_says_that_aws_keeps_no_list(
    as_admin: Client, environment: Environment
) -> None:
    text = words(check(as_admin, environment, f" {machine_arn('quote')} "))
    assert "EXPRESS" in text and "AWS keeps no list of the executions" in text


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (machine_arn("nothing-like-it"), "nothing-like-it"),
        (machine_arn("quote").replace("000000000000", "111122223333"), "111122223333"),
        (machine_arn("quote").replace("us-east-1", "eu-west-1"), "eu-west-1"),
        ("quote", "not the ARN of a state machine"),
    ],
)
def test_a_wrong_choice_is_told_at_once(
    arn: str, said: str, as_admin: Client, environment: Environment
) -> None:
    answer = check(as_admin, environment, arn)
    assert answer.status_code == 200
    assert said in words(answer)
    assert answer.context["problem"]


def test_a_machine_that_does_not_exist_is_told_in_the_form_s_words(
    as_admin: Client, environment: Environment
) -> None:
    text = words(check(as_admin, environment, machine_arn("nothing-like-it")))
    assert "There is no state machine nothing-like-it in" in text


def test_no_choice_yet_is_no_mistake(as_admin: Client, environment: Environment) -> None:
    assert "problem" not in check(as_admin, environment, "").context


@pytest.fixture
def published(local_aws: LocalAws) -> str:
    """The name of a machine with two versions and the alias ``live``."""
    name = unique("published")
    made = make_machine(local_aws, name)
    states = local_aws.client("stepfunctions")
    versions = [
        states.publish_state_machine_version(stateMachineArn=made)["stateMachineVersionArn"]
        for _ in range(2)
    ]
    states.create_state_machine_alias(
        name="live",
        routingConfiguration=[{"stateMachineVersionArn": versions[0], "weight": 100}],
    )
    return name


def values(response: Any) -> list[str]:
    return re.findall(r'data-value="([^"]+)"', response.content.decode())


def test_versions_and_aliases_of_the_one_machine_that_matches_can_be_chosen(
    published: str, as_admin: Client, environment: Environment
) -> None:
    arn = machine_arn(published)
    answer = options(as_admin, environment, published[:-1])
    assert values(answer)[:2] == [arn, f"{arn}:live"]
    assert set(values(answer)) == {arn, f"{arn}:live", f"{arn}:1", f"{arn}:2"}
    assert ":live alias" in words(answer) and ":2 version" in words(answer)


@pytest.mark.parametrize(
    ("typed_on", "offered"), [(":", {"live", "1", "2"}), (":LI", {"live"}), (":2", {"2"})]
)
def test_what_is_typed_behind_the_colon_narrows_down(
    typed_on: str, offered: set[str], published: str, as_admin: Client, environment: Environment
) -> None:
    arn = machine_arn(published)
    for start in (published, arn):
        found = values(options(as_admin, environment, start + typed_on))
        assert set(found) == {arn} | {f"{arn}:{each}" for each in offered}


def test_versions_are_read_only_of_what_is_looked_at(
    published: str, as_admin: Client, environment: Environment
) -> None:
    with counting("stepfunctions", "ListStateMachineVersions") as calls:
        options(as_admin, environment)
        options(as_admin, environment, "o")
        assert calls == []
        options(as_admin, environment, published)
        options(as_admin, environment, f"{published}:")
    assert len(calls) == 1


def test_versions_that_aws_refuses_leave_the_machine_to_be_chosen(
    published: str, as_admin: Client, environment: Environment
) -> None:
    with failing("stepfunctions", "ListStateMachineAliases", "AccessDeniedException", "No."):
        answer = options(as_admin, environment, published)
    assert values(answer) == [machine_arn(published)]
    assert "Allow states:ListStateMachineAliases" in words(answer)


@pytest.mark.parametrize(("qualifier", "kind"), [("1", "version"), ("live", "alias")])
def test_a_version_or_alias_is_confirmed_as_a_machine_is(
    qualifier: str, kind: str, published: str, as_admin: Client, environment: Environment
) -> None:
    text = words(check(as_admin, environment, f"{machine_arn(published)}:{qualifier}"))
    assert f"{published}, {kind} {qualifier}: STANDARD" in text


def test_a_version_that_does_not_exist_is_told_at_once(
    published: str, as_admin: Client, environment: Environment
) -> None:
    answer = check(as_admin, environment, f"{machine_arn(published)}:9")
    assert answer.context["problem"]


def test_triggers_of_a_version_stand_beside_their_machine(
    published: str, as_admin: Client, environment: Environment
) -> None:
    make_trigger(environment, state_machine_arn=f"{machine_arn(published)}:1", path="/pinned")
    assert "POST /pinned" in words(options(as_admin, environment, published))


def test_executions_are_listed_by_the_machine_whatever_version_ran(
    local_aws: LocalAws, published: str, environment: Environment
) -> None:
    arn = machine_arn(published)
    states = local_aws.client("stepfunctions")
    states.start_execution(stateMachineArn=f"{arn}:1", name="by-version")
    with counting("stepfunctions", "ListExecutions") as calls:
        found = step_functions.executions(environment, f"{arn}:live")
    assert [row.name for row in found] == ["by-version"]
    assert json.loads(calls[0])["stateMachineArn"] == arn
