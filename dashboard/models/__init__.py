"""One file per aggregate; transitions are methods."""

from dashboard.models.api_key import ApiKey
from dashboard.models.deployment import (
    Deployment,
    DeploymentInProgress,
    InvalidTransition,
)
from dashboard.models.deployment_event import DeploymentEvent
from dashboard.models.domain import Domain
from dashboard.models.environment import Environment
from dashboard.models.request import Request
from dashboard.models.rest_api import RestApi
from dashboard.models.trigger import Endpoint, StaleVersion, Trigger
from dashboard.models.worker import Worker

__all__ = [
    "ApiKey",
    "Deployment",
    "DeploymentEvent",
    "DeploymentInProgress",
    "Domain",
    "Endpoint",
    "Environment",
    "InvalidTransition",
    "Request",
    "RestApi",
    "StaleVersion",
    "Trigger",
    "Worker",
]
