"""The Celery app. The broker holds hints only: every task is a primary key or nothing."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

HARD_TIME_LIMIT = 120

app = Celery("stepgate")
app.conf.update(
    broker_url=settings.REDIS_URL,
    imports=("deployer.tasks", "deployer.workers"),
    # Synthesis is CPU and memory, the other steps are waiting: a queue for each.
    task_default_queue="steps",
    task_routes={"deployer.tasks.plan": {"queue": "plan"}},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_time_limit=HARD_TIME_LIMIT,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": 5 * HARD_TIME_LIMIT,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        # A web request must not hang on a broker that is gone: the row is the intent.
        "retry_policy": {"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
        "max_retries": 1,
    },
    beat_schedule={
        "reconcile": {
            "task": "deployer.tasks.reconcile",
            "schedule": 5.0,
            # Without a worker they would pile up.
            "options": {"expires": 5},
        },
        "look_at_machines": {
            "task": "deployer.tasks.look_at_machines",
            "schedule": 60.0,
            "options": {"expires": 60},
        },
    },
)
