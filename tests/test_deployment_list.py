"""The audit of deployments: who, when, what, result, for all triggers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.models import Deployment, Environment, RestApi, Trigger
from tests.conftest import ended, make_trigger, words
from tests.domains import make_domain

pytestmark = pytest.mark.django_db
S = Deployment.Status
LIST = "/deployments/"


def found(client: Client, **query: str) -> list[Deployment]:
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return list(answer.context["page"].object_list)


@pytest.fixture
def several(trigger: Trigger) -> dict[str, Deployment]:
    """#1 live and superseded, #2 failed, #3 live, #4 queued; one in another REST API."""
    production = Environment.objects.create(
        name="production", account_id="111122223333", region="eu-west-1"
    )
    now = timezone.now()
    ages = {"first": 40, "failed": 30, "third": 20}
    made = {
        name: ended(
            trigger,
            status=S.FAILED if name == "failed" else S.SUCCEEDED,
            requested_at=now - timedelta(days=age),
            finished_at=now - timedelta(days=age) + timedelta(seconds=75),
        )
        for name, age in ages.items()
    }
    made["queued"] = Deployment.deploy(
        RestApi.objects.get(pk=trigger.rest_api_id), [trigger], by="otto", note="for the launch"
    )
    made["elsewhere"] = ended(make_trigger(production), requested_by="otto")
    return made


def test_everything_is_listed_newest_first(
    as_admin: Client, several: dict[str, Deployment]
) -> None:
    order = ["elsewhere", "queued", "third", "failed", "first"]
    assert found(as_admin) == [several[name] for name in order]
    text = words(as_admin.get(LIST))
    for part in ("Deploy POST /orders", "ada", "otto", "1 min 15 s", "“for the launch”", "Queued"):
        assert part in text


def test_live_is_said_only_while_it_is(as_admin: Client, several: dict[str, Deployment]) -> None:
    results = {d.pk: d.result for d in found(as_admin)}
    assert results[several["first"].pk] == "Superseded by #3"
    assert results[several["third"].pk] == "Live"
    assert results[several["failed"].pk] == "Failed"
    assert "Superseded by #3" in words(as_admin.get(LIST))


def test_a_removal_ends_removed_and_what_it_removed_is_no_longer_live(
    as_admin: Client, trigger: Trigger
) -> None:
    first = ended(trigger)
    trigger.endpoint.delete()
    removal = ended(Trigger.objects.get(pk=trigger.pk), serve=False)
    assert removal.action == "DESTROY"
    results = {d.pk: d.result for d in found(as_admin)}
    assert results == {removal.pk: "Removed", first.pk: "Superseded by #2"}
    assert "Remove POST /orders" in words(as_admin.get(LIST))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "active"}, ["queued"]),
        ({"status": "FAILED"}, ["failed"]),
        ({"status": "SUCCEEDED"}, ["elsewhere", "third", "first"]),
        ({"status": "QUEUED"}, ["queued"]),
        ({"by": "otto"}, ["elsewhere", "queued"]),
        ({"by": "nobody"}, []),
        ({"environment": "production"}, ["elsewhere"]),
        ({"by": "ada", "status": "SUCCEEDED"}, ["third", "first"]),
    ],
)
def test_a_filter_in_the_url_narrows_the_list(
    query: dict[str, str], names: list[str], as_admin: Client, several: dict[str, Deployment]
) -> None:
    assert found(as_admin, **query) == [several[name] for name in names]
    text = words(as_admin.get(LIST, query))
    for name, value in query.items():
        if name != "environment":
            assert f"{name}: {value}" in text
    if not names:
        assert "No deployment matches" in text


def test_one_rest_api_can_be_looked_at_alone(
    as_admin: Client, several: dict[str, Deployment]
) -> None:
    key = several["elsewhere"].owner.key
    assert found(as_admin, rest_api=key) == [several["elsewhere"]]


def test_domains_are_listed_beside_rest_apis(
    as_admin: Client, several: dict[str, Deployment]
) -> None:
    production = Environment.objects.get(name="production")
    domain = make_domain(production, name="api.example.com")
    deployment = Deployment.deploy_domain(domain, by="otto")
    assert found(as_admin)[0] == deployment
    assert f'href="{domain.get_absolute_url()}"' in as_admin.get(LIST).content.decode()
    assert "Deploy domain" in words(as_admin.get(LIST))
    assert found(as_admin, environment="production") == [deployment, several["elsewhere"]]
    assert deployment not in found(as_admin, environment="local")
    assert found(as_admin, rest_api=several["elsewhere"].owner.key) == [several["elsewhere"]]


def test_a_domain_s_deployments_supersede_each_other_and_nobody_else_s(
    as_admin: Client, trigger: Trigger
) -> None:
    domain = make_domain(trigger.rest_api.environment)
    done = {"status": S.SUCCEEDED, "action": "DEPLOY", "finished_at": timezone.now()}
    for number in (1, 2):
        Deployment.objects.create(domain=domain, number=number, requested_by="ada", **done)
    ended(trigger)
    assert sorted(d.result for d in found(as_admin)) == ["Live", "Live", "Superseded by #2"]


def test_dates_hold_the_days_that_they_name(as_admin: Client, trigger: Trigger) -> None:
    at = [datetime(2026, 1, day, hour, tzinfo=UTC) for day, hour in ((30, 23), (31, 0), (31, 23))]
    rows = [ended(trigger, requested_at=moment, finished_at=moment) for moment in at]
    assert found(as_admin, since="2026-01-31", until="2026-01-31") == [rows[2], rows[1]]
    assert found(as_admin, until="2026-01-30") == [rows[0]]
    assert found(as_admin, since="2026-02-01") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"status": "NONSENSE"}, "There is no status “NONSENSE”"),
        ({"since": "yesterday"}, "“yesterday” is no date"),
        ({"until": "2026-13-01"}, "“2026-13-01” is no date"),
        ({"until": "9999-12-31"}, ""),
        ({"since": "0001-01-01"}, ""),
    ],
)
def test_a_value_that_cannot_be_read_says_so_and_hides_nothing(
    query: dict[str, str], said: str, as_admin: Client, several: dict[str, Deployment]
) -> None:
    answer = as_admin.get(LIST, query)
    assert answer.status_code == 200
    assert said in words(answer)
    assert len(answer.context["page"].object_list) == len(several)


def test_an_empty_list_says_what_to_do(as_admin: Client, environment: Environment) -> None:
    assert "No deployments yet" in words(as_admin.get(LIST))


def test_many_deployments_are_paged(as_admin: Client, trigger: Trigger) -> None:
    for _ in range(60):
        ended(trigger, status=S.FAILED)
    first = as_admin.get(LIST, {"status": "FAILED"})
    assert "1–50 of 60" in words(first)
    assert "?status=FAILED&amp;page=2" in first.content.decode()
    assert [d.number for d in found(as_admin, page="2")] == list(range(10, 0, -1))


def test_the_number_of_queries_does_not_grow_with_the_rows(
    as_admin: Client, environment: Environment
) -> None:
    counts = []
    for rows in (5, 60):
        for n in range(Deployment.objects.count(), rows):
            trigger = make_trigger(environment, path=f"/p{n}")
            if n % 2:
                Deployment.deploy_domain(make_domain(environment), by="ada")
            else:
                ended(trigger, make_trigger(environment, trigger.rest_api, path="/other"))
        as_admin.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            found(as_admin)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 12


def test_a_trigger_s_own_deployments_are_its_own(
    as_admin: Client, trigger: Trigger, environment: Environment
) -> None:
    other = make_trigger(environment, trigger.rest_api, path="/refunds")
    mine, theirs = ended(trigger), ended(other)
    answer = as_admin.get(f"{trigger.get_absolute_url()}deployments")
    assert list(answer.context["deployments"]) == [mine]
    answer = as_admin.get(f"{other.get_absolute_url()}deployments")
    assert list(answer.context["deployments"]) == [theirs]


def test_a_trigger_that_was_never_deployed_says_so(as_admin: Client, trigger: Trigger) -> None:
    assert "Never deployed" in words(as_admin.get(f"{trigger.get_absolute_url()}deployments"))
