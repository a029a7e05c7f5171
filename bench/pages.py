"""Server time and queries of the two lists, in the database that the settings name.

Run by ``lists`` in a process of its own; import it once Django is set up.
"""

import json
import sys
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import table
from bench.rows import PEOPLE, Year
from dashboard.models import Deployment, RestApi, Trigger

REQUESTS = 100
_ENOUGH_SECONDS = 6
"""A page that is this slow all told is asked for less often."""
_WARM_UPS = 5


def _pages() -> list[tuple[str, str, dict[str, Any]]]:
    """Label, URL, query of every page that is measured."""
    key = RestApi.objects.order_by("-name").values_list("key", flat=True)[0]
    triggers, deployments = reverse("trigger_list"), reverse("deployment_list")
    month = {"since": "2026-03-01", "until": "2026-03-31"}
    filters: dict[str, dict[str, Any]] = {
        "first page": {},
        "deep page (900)": {"page": 900},
        "last page (1,000)": {"page": 1000},
        "status: in progress": {"status": "active"},
        "status: succeeded": {"status": "SUCCEEDED"},
        "status: failed": {"status": "FAILED"},
        "status: canceled": {"status": "CANCELED"},
        "person": {"by": PEOPLE[3]},
        "REST API": {"rest_api": key},
        "environment": {"environment": "production"},
        "since": {"since": "2026-06-01"},
        "until": {"until": "2025-08-01"},
        "since and until": month,
        "all of them": month
        | {"status": "FAILED", "by": PEOPLE[3], "environment": "production", "rest_api": key},
        "nothing found": {"by": "nobody"},
    }
    return [
        ("triggers: first page", triggers, {}),
        ("triggers: deep page (20)", triggers, {"page": 20}),
        ("triggers: q=refunds", triggers, {"q": "refunds"}),
        ("triggers: q=post orders service-07", triggers, {"q": "post orders service-07"}),
        ("triggers: environment", triggers, {"environment": "production"}),
        ("triggers: nothing found", triggers, {"q": "nothing-like-it"}),
        *((f"deployments: {name}", deployments, query) for name, query in filters.items()),
    ]


def _measure(client: Client, url: str, query: dict[str, Any]) -> dict[str, Any]:
    """p50 and p95 in milliseconds, queries, bytes of one page."""
    for _ in range(_WARM_UPS):
        answer = client.get(url, query)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} {query}: {answer.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get(url, query)
    # The next request empties the log that they are read from.
    asked = list(queries.captured_queries)
    milliseconds: list[float] = []
    while len(milliseconds) < REQUESTS and sum(milliseconds) < _ENOUGH_SECONDS * 1000:
        began = time.perf_counter()
        client.get(url, query)
        milliseconds.append((time.perf_counter() - began) * 1000)
    slowest = max(asked, key=lambda query: float(query["time"]))
    return {
        "requests": len(milliseconds),
        "p50": table.percentile(milliseconds, 0.5),
        "p95": table.percentile(milliseconds, 0.95),
        "queries": len(asked),
        "in_database": sum(float(query["time"]) for query in asked) * 1000,
        "slowest": f"{float(slowest['time']) * 1000:.0f} ms: {slowest['sql']}",
        "bytes": len(answer.content),
    }


def main() -> None:
    """Make the rows, measure, and write one JSON document to stdout."""
    call_command("first_run", stdout=sys.stderr)
    began = time.perf_counter()
    Year().make()
    made = time.perf_counter() - began
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(get_user_model().objects.get(username="admin"))
    report = {
        "database": f"{connection.display_name} {_version()}",
        "triggers": Trigger.objects.count(),
        "deployments": Deployment.objects.count(),
        "spec_bytes": len(json.dumps(Deployment.objects.values_list("spec", flat=True)[0])),
        "made_in": made,
        "pages": [(label, _measure(client, url, query)) for label, url, query in _pages()],
    }
    json.dump(report, sys.stdout)


def _version() -> str:
    return ".".join(str(part) for part in connection.get_database_version())
