"""One file per aggregate; transitions are methods."""

from dashboard.models.deployment import (
    Deployment,
    DeploymentEvent,
    DeploymentInProgress,
    InvalidTransition,
)
from dashboard.models.environment import Environment
from dashboard.models.request import Request
from dashboard.models.rest_api import RestApi
from dashboard.models.trigger import Endpoint, StaleVersion, Trigger
from dashboard.models.worker import Worker

__all__ = [
    "Deployment",
    "DeploymentEvent",
    "DeploymentInProgress",
    "Endpoint",
    "Environment",
    "InvalidTransition",
    "Request",
    "RestApi",
    "StaleVersion",
    "Trigger",
    "Worker",
]
