"""*Save and deploy*, pressed as the browser does. Import it once Django is set up."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import boto3
from botocore.config import Config
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from dashboard.models import Deployment, DeploymentEvent, Environment, Worker
from dashboard.models.rest_api import new_key
from infra.spec import ApiSpec

LOOK_EVERY = 0.01
"""Seconds between two looks at a row or a stack."""
_DONE_WITHIN = 60
_WARM_WITHIN = 120
_MACHINE = "order-fulfilment"


@dataclass(frozen=True)
class Pressed:
    """One press: the deployment it made, and how long the answer to the form took."""

    deployment: Deployment
    answered: float

    @property
    def seconds(self) -> float:
        """From asked for to finished, by the row's own times."""
        return self.deployment.duration.total_seconds()

    def phases(self) -> list[tuple[str, float]]:
        """Seconds between one STEP event and the next, by what happens in between."""
        events = self.deployment.events.filter(kind=DeploymentEvent.Kind.STEP)
        rows = [("asked for", self.deployment.requested_at), *events.values_list("status", "at")]
        return [
            (f"{before} → {after}", (end - begin).total_seconds())
            for (before, begin), (after, end) in pairwise(rows)
        ]

    def fresh_spec(self) -> ApiSpec:
        """The same REST API under another key: the same stack by another name."""
        return ApiSpec.model_validate({**(self.deployment.spec or {}), "key": new_key()})


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for ``condition``. Raises TimeoutError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(LOOK_EVERY)


def await_workers(check: Callable[[], None]) -> None:
    """Wait until both queues have a worker and the synth process is warm."""

    def ready() -> bool:
        check()
        plan = Worker.objects.reporting("plan").filter(synth=Worker.Synth.READY)
        return plan.exists() and Worker.objects.reporting("steps").exists()

    until(ready, _WARM_WITHIN, "the workers are warm")


class Person:
    """A signed-in browser."""

    def __init__(self) -> None:
        self._client = Client(headers={"host": "127.0.0.1"})
        self._client.force_login(get_user_model().objects.get(username="admin"))
        self._environment = Environment.objects.get()

    def press(self) -> Pressed:
        """Fill the form for a new trigger, press the button, wait for the terminal row."""
        key, place = new_key(), self._environment
        arn = f"arn:aws:states:{place.region}:{place.account_id}:stateMachine:{_MACHINE}"
        began = time.perf_counter()
        response = self._client.post(reverse("trigger_new"), self._form(key, arn))
        answered = time.perf_counter() - began
        if response.status_code != 302:
            raise RuntimeError(f"The form was not taken:\n{response.content.decode()[:2000]}")
        found = Deployment.objects.filter(triggers__key=key)
        pk = found.get().pk
        ended = Deployment.objects.filter(pk=pk, status__in=Deployment.TERMINAL)
        until(ended.exists, _DONE_WITHIN, "the deployment ends")
        deployment = found.select_related("rest_api").get()
        if deployment.status != Deployment.Status.SUCCEEDED:
            raise RuntimeError(f"The deployment ended {deployment.status}: {deployment.reason}")
        return Pressed(deployment, answered)

    def _form(self, key: str, arn: str) -> dict[str, Any]:
        return {
            "key": key,
            "environment": self._environment.pk,
            "state_machine_arn": arn,
            "method": "POST",
            "path": "/orders",
            "authorization": "NONE",
            "public_reason": "the benchmark calls it",
            "throttle_rate": "10",
            "throttle_burst": "20",
            "input_mode": "BODY",
            "input_template": "{}",
            "response_mode": "EXECUTION",
            "response_status": "202",
            "response_body": "{}",
            "name": f"orders-{key}",
            "rest_api": "",
            "description": "",
            "deploy": "1",
        }


class RawCloudFormation:
    """The least that can deploy a template: three calls of bare boto3."""

    def __init__(self) -> None:
        client: Any = boto3.client(
            "cloudformation",
            endpoint_url=settings.AWS_ENDPOINT_URL,
            region_name=Environment.objects.get().region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._client = client

    def template(self, pressed: Pressed) -> str:
        """The text that the deployment sent to CloudFormation."""
        answer = self._client.get_template(
            StackName=pressed.deployment.owner.stack_id, TemplateStage="Original"
        )
        # boto3 has parsed it; it went there without spaces.
        return json.dumps(answer["TemplateBody"], separators=(",", ":"), ensure_ascii=False)

    def deploy(self, name: str, template: str) -> float:
        """Seconds from CreateChangeSet to CREATE_COMPLETE."""
        began = time.perf_counter()
        self._client.create_change_set(
            StackName=name,
            ChangeSetName=name,
            ChangeSetType="CREATE",
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
        )
        until(lambda: self._change_set(name) == "CREATE_COMPLETE", _DONE_WITHIN, "the change set")
        self._client.execute_change_set(StackName=name, ChangeSetName=name)
        until(lambda: self._stack(name) == "CREATE_COMPLETE", _DONE_WITHIN, "the stack")
        return time.perf_counter() - began

    def _change_set(self, name: str) -> str:
        found = self._client.describe_change_set(StackName=name, ChangeSetName=name)
        return str(found["Status"])

    def _stack(self, name: str) -> str:
        return str(self._client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
