"""The first start: the empty page, the first environment, the first administrator, the ports."""

import os
import socket
import stat
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from dashboard import aws
from dashboard.models import Environment
from tests.conftest import words
from tests.faults import failing
from tests.local_aws import ROOT, LocalAws, free_port, machine_arn

ACCOUNT_PAGE = """
import django
django.setup()
from django.contrib.auth.models import User
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get(username="admin"))
answer = client.get("/")
print(answer.status_code, answer.content.decode())
"""


def run(directory: Path, *words_: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A program of the project with its state in ``directory``, as in a new checkout."""
    own = {
        "STEPGATE_LOCAL_DIR": str(directory),
        "DATABASE_URL": f"sqlite:///{directory}/stepgate.sqlite3",
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "PORT": str(free_port()),
        "LOCAL_AWS_PORT": str(free_port()),
        "LOCAL_BROKER_PORT": str(free_port()),
    }
    return subprocess.run(
        [sys.executable, *words_],
        cwd=ROOT,
        env=os.environ | own | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def first_run(directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    done = run(directory, "manage.py", "first_run", **environ)
    assert done.returncode == 0, done.stderr
    return done


# -- the empty page ---------------------------------------------------------------------


@pytest.mark.django_db
def test_the_empty_start_page_offers_a_new_trigger_and_a_trial(
    as_admin: Client, environment: Environment
) -> None:
    answer = as_admin.get("/")
    text, html = words(answer), answer.content.decode()
    assert "No triggers yet" in text
    assert "New trigger" in text and f'href="{reverse("trigger_new")}"' in html
    assert "Try it: POST /orders → order-fulfilment" in text
    assert answer.context["try_it"]["state_machine_arn"] == machine_arn("order-fulfilment")


@pytest.mark.django_db
def test_who_may_not_make_triggers_is_told_whom_to_ask(
    client: Client, viewer: User, environment: Environment
) -> None:
    client.force_login(viewer)
    text = words(client.get("/"))
    assert "ask an administrator" in text and "Try it" not in text


@pytest.mark.django_db
def test_against_a_real_account_there_is_no_trial(
    as_admin: Client, environment: Environment, settings: pytest.FixtureRequest
) -> None:
    settings.LOCAL_AWS = False  # type: ignore[attr-defined]
    text = words(as_admin.get("/"))
    assert "New trigger" in text and "Try it" not in text and "Embedded AWS" not in text


@pytest.mark.django_db
def test_without_an_environment_new_trigger_leads_to_the_page_that_says_why(
    as_admin: Client, local_aws: LocalAws
) -> None:
    assert as_admin.get(reverse("trigger_new"))["Location"] == reverse("trigger_list")
    assert "add_environment" in words(as_admin.get("/"))


@pytest.mark.parametrize(
    ("environ", "step", "fix"),
    [
        ({}, "Region", "AWS_DEFAULT_REGION"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "GetCallerIdentity", "AWS_PROFILE"),
    ],
)
def test_without_an_account_the_start_page_says_which_step_failed_and_what_to_do(
    environ: dict[str, str], step: str, fix: str, tmp_path: Path
) -> None:
    made = first_run(tmp_path, LOCAL_AWS="0", **environ)
    assert step in made.stderr and fix in made.stderr
    assert "Traceback" not in made.stderr
    page = run(tmp_path, "-c", ACCOUNT_PAGE, LOCAL_AWS="0", **environ)
    assert page.stdout.startswith("200"), page.stderr
    assert "No AWS account yet" in page.stdout
    assert step in page.stdout and fix in page.stdout
    assert "add_environment" in page.stdout


# -- the first run ----------------------------------------------------------------------


def test_the_first_run_makes_an_administrator_with_a_password_that_only_its_owner_reads(
    tmp_path: Path,
) -> None:
    made = first_run(tmp_path)
    path = tmp_path / "admin-password"
    password = path.read_text().strip()
    assert len(password) >= 12
    assert made.stdout.count(password) == 1 and str(path) in made.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    again = first_run(tmp_path)
    assert password not in again.stdout
    assert path.read_text().strip() == password
    check = (
        "import django; django.setup()\n"
        "from django.contrib.auth import authenticate\n"
        "from dashboard.models import Environment\n"
        "from django.contrib.auth.models import User\n"
        f"assert authenticate(username='admin', password={password!r}).is_superuser\n"
        "print(User.objects.count(), [(e.name, e.place) for e in Environment.objects.all()])"
    )
    found = run(tmp_path, "-c", check)
    assert found.stdout.strip() == "1 [('local', '000000000000 · us-east-1')]", found.stderr


def test_a_password_that_is_given_is_taken_and_written_nowhere(tmp_path: Path) -> None:
    made = first_run(tmp_path, STEPGATE_ADMIN_PASSWORD="given-by-me-1")
    assert "given-by-me-1" not in made.stdout + made.stderr
    assert not (tmp_path / "admin-password").exists()
    check = (
        "import django; django.setup()\n"
        "from django.contrib.auth import authenticate\n"
        "print(authenticate(username='admin', password='given-by-me-1'))"
    )
    assert run(tmp_path, "-c", check).stdout.strip() == "admin"


# -- more environments ------------------------------------------------------------------


def add(name: str, *options: str) -> str:
    output = StringIO()
    call_command("add_environment", name, *options, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
def test_an_environment_is_added_with_the_account_of_the_credentials(local_aws: LocalAws) -> None:
    assert "production" in add("production", "--region", "eu-west-1")
    made = Environment.objects.get(name="production")
    assert (made.account_id, made.region, made.role_arn) == ("000000000000", "eu-west-1", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Bad Name", "Use a-z, 0-9 and dashes."),
        ("-x", "Use a-z, 0-9 and dashes."),
        ("local", "already exists"),
        ("n" * 41, "40"),
    ],
)
def test_an_environment_with_a_wrong_name_is_refused(
    name: str, said: str, environment: Environment, local_aws: LocalAws
) -> None:
    # call_command would take "-x" for an option, as a shell's user may avoid by "--".
    with pytest.raises(CommandError, match=said):
        call_command("add_environment", "--region", "eu-west-1", "--", name)
    assert Environment.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "fix"), [("AccessDenied", "Allow sts:GetCallerIdentity"), ("ExpiredToken", "valid")]
)
def test_an_account_that_cannot_be_read_is_refused_in_aws_s_words(
    code: str, fix: str, local_aws: LocalAws
) -> None:
    aws.account_of.cache_clear()
    with (
        failing("sts", "GetCallerIdentity", code, "Not today."),
        pytest.raises(CommandError, match=f"sts:GetCallerIdentity: {code}: Not today.") as refused,
    ):
        add("production", "--region", "us-east-1")
    assert fix in str(refused.value)
    assert not Environment.objects.exists()


# -- ports ------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["PORT", "LOCAL_AWS_PORT", "LOCAL_BROKER_PORT"])
def test_a_port_that_is_taken_is_one_line_that_says_what_to_do(
    variable: str, tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run(tmp_path, "-m", "dashboard.up", **{variable: str(port)})
    assert done.returncode != 0
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(lines) == 1
    assert f"Port {port}" in lines[0] and variable in lines[0]
    assert f"make up {variable}=" in lines[0]


@pytest.mark.parametrize("value", ["", "Upper", "a" * 40])
def test_an_instance_that_aws_would_not_take_in_a_name_is_refused(
    value: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "manage.py", "check", STEPGATE_INSTANCE=value)
    if not value:
        assert done.returncode == 0  # as if it were not set
    else:
        assert done.returncode != 0
        assert f"STEPGATE_INSTANCE is “{value}”" in done.stderr


@pytest.mark.parametrize("value", ["nonsense", "99999"])
def test_a_port_that_is_none_is_told_in_words(value: str, tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "dashboard.up", PORT=value)
    assert done.returncode != 0
    assert "PORT" in done.stderr and "Traceback" not in done.stderr
