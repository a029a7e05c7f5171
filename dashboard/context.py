"""What the frame of every page shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import urlencode

from dashboard.models import Deployment, Environment


def frame(request: HttpRequest) -> dict[str, Any]:
    """environments, environment (chosen in the URL, or the only one), deploying_count.

    ``kept`` is the query string that carries a choice on to another page.
    """
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"local_aws": settings.LOCAL_AWS}
    environments = list(Environment.objects.all())
    name = request.GET.get("environment", "")
    chosen = [e for e in environments if e.name == name]
    if len(environments) == 1:
        chosen = environments
    kept = f"?{urlencode({'environment': name})}" if chosen and len(environments) > 1 else ""
    return {
        "kept": kept,
        "environments": environments,
        "environment": chosen[0] if chosen else None,
        "deploying_count": Deployment.objects.active().count(),
        "local_aws": settings.LOCAL_AWS,
    }
