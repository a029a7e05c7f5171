"""What tests share: real parts, started once, and a few rows and people."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from dashboard.models import Deployment, Environment, RestApi, Trigger
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


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The test database is where DATABASE_URL says, for the worker processes as well."""
    database = settings.DATABASES["default"]
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
