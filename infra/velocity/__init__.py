"""API Gateway's mapping templates: Velocity 1.7 with ``$input``, ``$util`` and ``$context``.

``render(template, request)`` is all there is to call; no I/O, no third party.
"""

from infra.velocity.errors import VelocityError
from infra.velocity.evaluator import Rendered, render
from infra.velocity.gateway import Request

__all__ = ["Rendered", "Request", "VelocityError", "render"]
