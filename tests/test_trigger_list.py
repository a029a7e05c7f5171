"""The start page: triggers under their base URL, with what callers meet and what is pending."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.models import Deployment, Environment, Trigger
from tests.conftest import ended, make_trigger, words
from tests.local_aws import machine_arn

pytestmark = pytest.mark.django_db
S = Deployment.Status
EXPRESS: dict[str, Any] = {"machine_type": "EXPRESS", "state_machine_arn": machine_arn("quote")}


def row_of(answer: Any, trigger: Trigger) -> str:
    """The text of one trigger's row."""
    html = answer.content.decode()
    begin = html.index(">", html.index(f'id="trigger-{trigger.key}"')) + 1
    part = type("Part", (), {"content": html[begin : html.index("</tr>", begin)].encode()})
    return words(part)


def test_routes_stand_under_the_url_they_share(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, trigger.rest_api, method="GET", path="/orders/{id}")
    alone = make_trigger(environment, path="/alone", name="alone")
    ended(trigger, other)
    answer = as_admin.get("/")
    groups = {rest_api.pk: (url, rows) for rest_api, url, rows in answer.context["groups"]}
    url, rows = groups[trigger.rest_api_id]
    assert rows == [trigger, other]
    assert trigger.rest_api.api_id in url and url in words(answer)
    assert groups[alone.rest_api_id] == ("", [alone])
    assert words(answer).count(url) == 1


@pytest.mark.parametrize(
    ("status", "said"), [(None, "Not deployed"), (S.SUCCEEDED, "Live"), (S.FAILED, "Not deployed")]
)
def test_the_status_is_what_a_caller_meets(
    status: S | None, said: str, as_admin: Client, trigger: Trigger
) -> None:
    if status:
        ended(trigger, status=status)
    assert said in row_of(as_admin.get("/"), trigger)


def test_a_live_trigger_keeps_its_status_while_it_is_deployed_again(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger)
    Deployment.deploy(trigger.rest_api, [trigger], by="otto")
    row = row_of(as_admin.get("/"), trigger)
    assert "Live" in row and "Deploying" in row
    assert "1 deploying" in words(as_admin.get("/"))


def test_a_trigger_that_is_being_removed_says_deleting(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    removal = Deployment.remove(trigger.rest_api, [trigger], by="otto")
    answer = as_admin.get("/")
    assert "Deleting" in row_of(answer, trigger)
    assert removal.get_absolute_url() in answer.content.decode()


def test_saved_changes_are_counted(as_admin: Client, trigger: Trigger) -> None:
    ended(trigger)
    assert "not live" not in row_of(as_admin.get("/"), trigger)
    trigger.save_version({"response_status": 201, "throttle_burst": 3}, by="otto")
    assert "2 changes not live" in row_of(as_admin.get("/"), trigger)


def test_a_failure_marks_only_the_triggers_that_were_chosen(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, trigger.rest_api, path="/refunds")
    ended(trigger, other)
    trigger.save_version({"response_status": 201}, by="otto")
    failed = ended(trigger, status=S.FAILED, reason="No.")
    answer = as_admin.get("/")
    assert "Last deployment failed" in row_of(answer, trigger)
    assert "failed" not in row_of(answer, other)
    assert failed.get_absolute_url() in answer.content.decode()


def test_a_failure_is_forgotten_once_a_deployment_succeeds(
    as_admin: Client, trigger: Trigger
) -> None:
    ended(trigger, status=S.FAILED, reason="No.")
    assert "Last deployment failed" in row_of(as_admin.get("/"), trigger)
    ended(trigger)
    assert "failed" not in row_of(as_admin.get("/"), trigger)


def test_the_list_says_public_and_names_an_express_machine(
    as_admin: Client, environment: Environment
) -> None:
    trigger = make_trigger(environment, machine="quote", machine_type="EXPRESS")
    row = row_of(as_admin.get("/"), trigger)
    assert "public" in row and "quote" in row and "EXPRESS" in row


def test_a_deleted_trigger_is_not_listed(as_admin: Client, environment: Environment) -> None:
    gone, kept = make_trigger(environment, path="/gone"), make_trigger(environment, path="/kept")
    gone.mark_gone(by="ada")
    text = words(as_admin.get("/"))
    assert kept.path in text and gone.path not in text


@pytest.mark.parametrize(
    ("q", "hits"),
    [
        ("refunds", 1),
        ("REFUNDS", 1),
        ("get", 1),
        ("always-fails", 1),
        ("get refunds", 1),
        ("post refunds", 0),
        ("second-name", 1),
        ("nothing", 0),
    ],
)
def test_the_filter_looks_where_it_says(
    q: str, hits: int, as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(
        environment, name="second-name", method="GET", path="/refunds", machine="always-fails"
    )
    answer = as_admin.get("/", {"q": q})
    found = [t for _, _, rows in answer.context["groups"] for t in rows]
    assert found == ([other] * hits)
    assert f'value="{q}"' in answer.content.decode()
    if not hits:
        assert "No trigger matches" in words(answer)


def test_one_environment_can_be_looked_at_alone(as_admin: Client, trigger: Trigger) -> None:
    production = Environment.objects.create(
        name="production", account_id="111122223333", region="eu-west-1"
    )
    there = make_trigger(production, path="/there")
    answer = as_admin.get("/", {"environment": "production"})
    assert [t for _, _, rows in answer.context["groups"] for t in rows] == [there]
    text = words(as_admin.get("/"))
    assert "/there" in text and "/orders" in text and "All environments" in text


def test_many_triggers_are_paged_and_the_filter_goes_along(
    as_admin: Client, environment: Environment
) -> None:
    rest_api = make_trigger(environment, path="/p000").rest_api
    for n in range(1, 60):
        make_trigger(environment, rest_api, path=f"/p{n:03}")
    first = as_admin.get("/", {"q": "/p"})
    assert "1–50 of 60" in words(first)
    assert "?q=%2Fp&amp;page=2" in first.content.decode()
    second = as_admin.get("/", {"q": "/p", "page": "2"})
    assert "/p059" in words(second) and "/p049" not in words(second)


def test_the_part_answers_204_until_something_changes(as_admin: Client, trigger: Trigger) -> None:
    headers = {"HX-Request": "true"}
    first = as_admin.get("/", headers=headers)
    assert "<html" not in first.content.decode()
    version = first["X-Poll-Version"]
    assert as_admin.get("/", {"v": version}, headers=headers).status_code == 204
    trigger.save_version({"path": "/changed"}, by="otto")
    assert as_admin.get("/", {"v": version}, headers=headers).status_code == 200


def test_who_may_only_look_gets_no_buttons(client: Client, viewer: User, trigger: Trigger) -> None:
    client.force_login(viewer)
    html = client.get("/").content.decode()
    assert trigger.path in html
    for name in ("trigger_edit", "trigger_delete"):
        assert reverse(name, args=[trigger.key]) not in html
    assert reverse("trigger_new") not in html


@pytest.mark.parametrize("page", ["list", "rest_api", "rest_api_list", "trigger"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    page: str, as_admin: Client, environment: Environment
) -> None:
    rest_api = make_trigger(environment, path="/p000", machine="quote", **EXPRESS).rest_api
    counts = []
    for until in (5, 60):
        for n in range(rest_api.triggers.count(), until):
            trigger = make_trigger(environment, rest_api, path=f"/p{n:03}", **EXPRESS)
            ended(make_trigger(environment, path=f"/own{n:03}"))
            if n % 3 == 0:
                ended(trigger)
                trigger.save_version({"response_status": 201}, by="otto")
            elif n % 3 == 1:
                ended(trigger, status=S.FAILED)
        path = {
            "list": "/",
            "rest_api": rest_api.get_absolute_url(),
            "rest_api_list": reverse("rest_api_list"),
            "trigger": rest_api.triggers.earliest("pk").get_absolute_url(),
        }[page]
        as_admin.get(path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert as_admin.get(path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 12
