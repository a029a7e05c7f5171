"""The list of state machines, and the page of one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.models import Environment, Trigger
from tests.conftest import ended, make_trigger, words
from tests.faults import answering, counting, failing, unreachable
from tests.local_aws import LocalAws, machine_arn, unique
from tests.machines import delete_machine, make_machine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _with_aws(local_aws: LocalAws) -> None:
    """The pages ask AWS."""


def listed(client: Client, **query: str) -> Any:
    return client.get(reverse("machine_list"), query)


def page(client: Client, environment: Environment, arn: str) -> Any:
    return client.get(reverse("machine_detail", args=[environment.name, arn]))


def test_every_machine_stands_in_the_list_with_type_and_triggers(
    client: Client, viewer: Any, environment: Environment
) -> None:
    client.force_login(viewer)
    make_trigger(environment, path="/here")
    make_trigger(environment, path="/pinned", state_machine_arn=f"{machine_arn('quote')}:1")
    make_trigger(environment, path="/gone").mark_gone(by="ada")
    answer = listed(client)
    rows = {row.machine.name: row for row in answer.context["page"]}
    assert {"order-fulfilment", "quote"} <= set(rows)
    assert [str(t) for t in rows["order-fulfilment"].triggers] == ["POST /here"]
    assert [str(t) for t in rows["quote"].triggers] == ["POST /pinned"]
    assert "quote EXPRESS POST /pinned" in words(answer)


def test_a_trigger_stands_at_the_machine_that_is_live_and_at_the_one_to_come(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    trigger.save_version({"state_machine_arn": machine_arn("long-wait")}, by="ada")
    rows = {row.machine.name: row for row in listed(as_admin).context["page"]}
    for name in ("order-fulfilment", "long-wait"):
        assert [str(t) for t in rows[name].triggers] == ["POST /orders"]


@pytest.mark.parametrize("q", ["ORDER-ful", "fulfilment order", "stateMachine:order-f"])
def test_the_list_is_searched(q: str, as_admin: Client, environment: Environment) -> None:
    found = listed(as_admin, q=q).context["page"]
    assert "order-fulfilment" in [row.machine.name for row in found]
    assert "quote" not in [row.machine.name for row in found]


def test_a_search_without_a_hit_offers_all(as_admin: Client, environment: Environment) -> None:
    answer = listed(as_admin, q="nothing-like-it")
    assert "No state machine matches" in words(answer) and "Show all" in words(answer)


def test_one_environment_can_be_looked_at(as_admin: Client, environment: Environment) -> None:
    Environment.objects.create(name="other", account_id="000000000000", region="eu-west-1")
    assert {row.target.name for row in listed(as_admin).context["page"]} == {"local"}
    assert "No state machines here" in words(listed(as_admin, environment="other"))
    assert listed(as_admin, environment="local").context["page"].paginator.count
    assert "There is no environment “nobody”" in words(listed(as_admin, environment="nobody"))


def test_an_environment_that_cannot_be_read_does_not_hide_the_others(
    as_admin: Client, environment: Environment
) -> None:
    Environment.objects.create(name="other", account_id="000000000000", region="eu-west-1")
    with failing("stepfunctions", "ListStateMachines", "AccessDeniedException", "Not for you."):
        answer = listed(as_admin)
    text = words(answer)
    assert answer.status_code == 200
    assert "The state machines of local cannot be listed." in text
    assert "Allow states:ListStateMachines in the IAM policy" in text
    assert "No state machines here" not in text


def test_logging_is_asked_for_only_where_there_are_triggers(
    as_admin: Client, environment: Environment
) -> None:
    make_trigger(environment)
    with counting("stepfunctions", "DescribeStateMachine") as calls:
        html = listed(as_admin).content.decode()
        assert calls == []
    url = reverse("machine_logging", args=["local", machine_arn("order-fulfilment")])
    assert html.count("hx-get=") == 1 and url in html
    with counting("stepfunctions", "DescribeStateMachine") as calls:
        assert words(as_admin.get(url)) == "OFF"
        assert words(as_admin.get(url)) == "OFF"
    assert len(calls) == 1


def test_logging_that_cannot_be_read_says_so_in_its_cell(
    as_admin: Client, environment: Environment
) -> None:
    url = reverse("machine_logging", args=["local", machine_arn("order-fulfilment")])
    with unreachable("stepfunctions", "DescribeStateMachine"):
        assert "not readable" in words(as_admin.get(url))


def test_the_page_of_a_machine_shows_all_that_aws_tells(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    answer = page(as_admin, environment, machine_arn("order-fulfilment"))
    text = words(answer)
    assert machine_arn("order-fulfilment") in text
    assert "Status ACTIVE" in text and "Type STANDARD" in text
    assert "Role arn:aws:iam::000000000000:role/demo-state-machines" in text
    assert "POST /orders" in text and "None is published" in text
    assert '"StartAt": "' in text
    assert "state_machine_arn=arn%3Aaws%3Astates" in answer.content.decode()


def test_logging_that_is_off_comes_with_the_line_that_switches_it_on(
    as_admin: Client, environment: Environment
) -> None:
    text = words(page(as_admin, environment, machine_arn("quote")))
    assert "Logging OFF" in text
    assert "Without logging nothing of an EXPRESS execution is kept." in text
    assert (
        f"aws stepfunctions update-state-machine --region us-east-1 --state-machine-arn "
        f"{machine_arn('quote')} --logging-configuration 'level=ALL,includeExecutionData=true,"
        "destinations=[{cloudWatchLogsLogGroup={logGroupArn=arn:aws:logs:us-east-1:000000000000"
        ":log-group:/aws/vendedlogs/states/quote:*}}]'"
    ) in text


def test_logging_and_tracing_that_are_on_are_shown(
    as_admin: Client, environment: Environment
) -> None:
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/x:*"
    described = {
        "stateMachineArn": machine_arn("logged"),
        "name": "logged",
        "type": "EXPRESS",
        "status": "ACTIVE",
        "definition": "{}",
        "roleArn": "arn:aws:iam::000000000000:role/any",
        "creationDate": 1767225600,
        "tracingConfiguration": {"enabled": True},
        "loggingConfiguration": {
            "level": "ERROR",
            "includeExecutionData": False,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    }
    with answering("stepfunctions", "DescribeStateMachine", lambda _: described):
        text = words(page(as_admin, environment, machine_arn("logged")))
    assert f"Logging ERROR to {group} , without input and output" in text
    assert "X-Ray tracing on" in text and "update-state-machine" not in text


def test_versions_and_aliases_have_pages_of_their_own(
    local_aws: LocalAws, as_admin: Client, environment: Environment
) -> None:
    arn = make_machine(local_aws, unique("published"))
    states = local_aws.client("stepfunctions")
    version = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    text = words(page(as_admin, environment, arn))
    name = arn.rpartition(":")[2]
    assert f"{name}:1 version" in text
    answer = page(as_admin, environment, version)
    assert answer.status_code == 200 and f"{name} :1".replace(" :", ":") in words(answer)
    assert "update-state-machine" not in words(answer)


def test_versions_that_cannot_be_read_do_not_hide_the_machine(
    as_admin: Client, environment: Environment
) -> None:
    with failing("stepfunctions", "ListStateMachineVersions", "AccessDeniedException", "No."):
        text = words(page(as_admin, environment, machine_arn("quote")))
    assert "Allow states:ListStateMachineVersions" in text and "Status ACTIVE" in text


def test_a_machine_that_is_gone_tells_what_its_callers_get(
    local_aws: LocalAws, as_admin: Client, environment: Environment
) -> None:
    name = unique("short-lived")
    arn = make_machine(local_aws, name)
    make_trigger(environment, state_machine_arn=arn, path="/left-behind")
    delete_machine(local_aws, name)
    answer = page(as_admin, environment, arn)
    text = words(answer)
    assert answer.status_code == 404
    assert "AWS knows no such state machine" in text and "get 502 until" in text
    assert "POST /left-behind" in text and "New trigger for it" not in text


def test_a_machine_that_cannot_be_read_says_why(as_admin: Client, environment: Environment) -> None:
    with failing("stepfunctions", "DescribeStateMachine", "AccessDeniedException", "No."):
        answer = page(as_admin, environment, machine_arn("quote"))
    assert answer.status_code == 200
    assert "Allow states:DescribeStateMachine" in words(answer)


@pytest.mark.parametrize(
    "arn", ["nonsense", machine_arn("quote").replace("us-east-1", "eu-west-1")]
)
def test_what_is_no_machine_of_the_environment_is_no_page(
    arn: str, as_admin: Client, environment: Environment
) -> None:
    for name in ("machine_detail", "machine_logging"):
        assert as_admin.get(reverse(name, args=["local", arn])).status_code == 404
        assert as_admin.get(reverse(name, args=["nobody", arn])).status_code == 404


def test_the_pages_want_a_signed_in_person_and_only_show(
    client: Client, as_admin: Client, environment: Environment
) -> None:
    arn = machine_arn("quote")
    for url in (
        reverse("machine_list"),
        reverse("machine_detail", args=["local", arn]),
        reverse("machine_logging", args=["local", arn]),
    ):
        assert as_admin.post(url).status_code == 405
        signed_out = Client().get(url)
        assert "/accounts/login" in signed_out["Location"]
