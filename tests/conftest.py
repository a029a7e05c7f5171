"""What tests share: real parts, started once, and a few rows and people."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.models import Deployment, Endpoint, Environment, RestApi, Trigger
from dashboard.models.rest_api import new_key
from deployer import tasks
from deployer.synth import synth
from tests import parts
from tests.local_aws import LocalAws, machine_arn

STEPS = {
    Deployment.Status.QUEUED: tasks.plan,
    Deployment.Status.PLANNING: tasks.plan,
    Deployment.Status.PLANNED: tasks.apply,
    Deployment.Status.APPLYING: tasks.watch,
}


DATABASE_FILES = {
    "test_admin",
    "test_after_apply",
    "test_api_keys",
    "test_delete",
    "test_deploying",
    "test_deployment_list",
    "test_edit_conflict",
    "test_failures",
    "test_health",
    "test_machine_pages",
    "test_machine_watch",
    "test_pressed_twice",
    "test_rest_api_settings",
    "test_send_authorized",
    "test_send_idempotency",
    "test_send_request",
    "test_trigger_form_surface",
    "test_trigger_list",
    "test_webhook_secrets",
}
"""Files whose tests are about rows: what they say has to hold on every database."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in DATABASE_FILES:
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite's test database is the file of DATABASE_URL: worker processes read it too."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database.setdefault("TEST", {})["NAME"] = database["NAME"]


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()


@pytest.fixture(scope="session")
def local_aws() -> LocalAws:
    """The embedded AWS at the port that the settings name."""
    return parts.local_aws()


@pytest.fixture(scope="session")
def broker() -> str:
    """A real Valkey at the port that the settings name."""
    return parts.broker()


@pytest.fixture(scope="session", autouse=True)
def _no_synth_left() -> Iterator[None]:
    yield
    synth.stop()


@pytest.fixture
def environment(db: None) -> Environment:
    return Environment.objects.create(name="local", account_id="000000000000", region="us-east-1")


def make_trigger(
    environment: Environment, rest_api: RestApi | None = None, **fields: Any
) -> Trigger:
    """A saved trigger, POST /orders → order-fulfilment unless ``fields`` differ."""
    machine = fields.pop("machine", "order-fulfilment")
    values = {
        "name": "orders",
        "method": "POST",
        "path": "/orders",
        "state_machine_arn": machine_arn(machine),
        "authorization": "NONE",
        "public_reason": "a test calls it",
        "created_by": "ada",
        "saved_by": "ada",
    }
    rest_api = rest_api or RestApi.objects.create(
        environment=environment, name="orders", created_by="ada"
    )
    return Trigger.objects.create(rest_api=rest_api, **(values | fields))


@pytest.fixture
def trigger(environment: Environment) -> Trigger:
    return make_trigger(environment)


def run_steps(deployment: Deployment, at_most: int = 60) -> Deployment:
    """Take a deployment to its end by calling its steps in this process, as Celery would."""
    for _ in range(at_most):
        deployment.refresh_from_db()
        if not deployment.is_active:
            return deployment
        Deployment.objects.filter(pk=deployment.pk).update(next_step_at=timezone.now())
        STEPS[Deployment.Status(deployment.status)](str(deployment.pk))
    raise AssertionError(f"still {deployment.status}: {deployment.stack_status}")


def deploy(*triggers: Trigger, by: str = "ada") -> Deployment:
    """The triggers of one REST API, deployed."""
    deployment = run_steps(Deployment.deploy(triggers[0].rest_api, triggers, by=by))
    for trigger in triggers:
        trigger.refresh_from_db()
    return deployment


@pytest.fixture
def live(local_aws: LocalAws, trigger: Trigger) -> Trigger:
    """A trigger that callers meet."""
    assert deploy(trigger).status == Deployment.Status.SUCCEEDED
    return Trigger.objects.get(pk=trigger.pk)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("ada", password="tests-only-1")


@pytest.fixture
def viewer(db: None) -> User:
    """May look, and nothing more."""
    return User.objects.create_user("vera", password="tests-only-1")


@pytest.fixture
def operator(db: None) -> User:
    """May make, change, delete, deploy and call triggers, without being an administrator."""
    user = User.objects.create_user("otto", password="tests-only-1")
    names = ["add_trigger", "change_trigger", "delete_trigger", "add_deployment", "add_request"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def words(response: Any) -> str:
    """What a person reads on a page or a part of one: its text, with single spaces."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))
    return " ".join(text.split())


def typed(environment: Environment, **fields: Any) -> dict[str, Any]:
    """What the trigger form sends for POST /orders → order-fulfilment, but for ``fields``."""
    values = {
        "key": new_key(),
        "environment": environment.pk,
        "state_machine_arn": machine_arn("order-fulfilment"),
        "method": "POST",
        "path": "/orders",
        "authorization": "NONE",
        "public_reason": "a test calls it",
        "throttle_rate": "10",
        "throttle_burst": "20",
        "input_mode": "BODY",
        "input_template": "{}",
        "response_mode": "EXECUTION",
        "response_status": "202",
        "response_body": "{}",
        "name": "",
        "rest_api": "",
        "description": "",
    }
    return values | fields


def ended(
    *triggers: Trigger,
    status: Deployment.Status = Deployment.Status.SUCCEEDED,
    serve: bool = True,
    **fields: Any,
) -> Deployment:
    """The row of a deployment of ``triggers``, and what it would have left; AWS is not asked."""
    rest_api = triggers[0].rest_api
    specs = rest_api.live_specs() | {t.key: t.spec() for t in triggers if serve}
    terminal = status in Deployment.TERMINAL
    values = {
        "number": rest_api.deployments.count() + 1,
        "action": "DEPLOY" if specs else "DESTROY",
        "spec": rest_api.spec(specs.values()).model_dump(mode="json") if specs else None,
        "requested_by": "ada",
        "removes": not serve,
        "routes": [str(trigger) for trigger in triggers],
        "requested_at": (now := timezone.now()),
        "finished_at": now if terminal else None,
    }
    deployment = Deployment.objects.create(rest_api=rest_api, status=status, **(values | fields))
    deployment.triggers.set(triggers)
    Trigger.objects.filter(pk__in=[t.pk for t in triggers]).update(latest=deployment)
    deployment.record(status)
    if status == Deployment.Status.SUCCEEDED and serve:
        rest_api.live, rest_api.api_id = deployment, f"api{rest_api.key}"
        rest_api.save()
        for trigger in triggers:
            trigger.endpoint = Endpoint.objects.update_or_create(
                trigger=trigger,
                defaults={
                    "deployment": deployment,
                    "api_id": rest_api.api_id,
                    "stage_name": rest_api.stage_name,
                    "spec": trigger.spec().model_dump(mode="json"),
                },
            )[0]
    return deployment


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Signing in costs half a second of hashing by design, which no test needs."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
