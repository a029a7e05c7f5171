from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from dashboard.celery import app
from dashboard.models import Worker


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 once a deployment could run: each part with "ok" or what fails."""
    parts = {"database": _database()}
    parts["broker"] = _broker()
    parts |= _workers() if parts["database"] == "ok" else {}
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"does not answer: {type(error).__name__}"
    return "ok"


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OperationalError, OSError) as error:
        return f"does not answer: {type(error).__name__}"
    return "ok"


def _workers() -> dict[str, str]:
    silent = "no worker of the queue “{}” has reported for 30 s"
    missing = [q for q in ("plan", "steps") if not Worker.objects.reporting(q).exists()]
    synth = Worker.objects.reporting("plan").values_list("synth", flat=True)
    return {
        "worker": silent.format("”, “".join(missing)) if missing else "ok",
        "synth": "ok"
        if Worker.Synth.READY in synth
        else f"{(synth.first() or 'no worker').lower()}",
    }
