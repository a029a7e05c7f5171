import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

from dashboard import aws
from dashboard.models import Environment

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Bring the database up to date, and make what is missing of: an administrator "
        "“admin”, an environment. Safe to run at every start."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True)
        self._admin()
        environments = Environment.objects.all()
        if not settings.LOCAL_AWS:
            environments = environments.exclude(account_id=LOCAL_ACCOUNT)
        if not environments.exists():
            self._environment()

    def _admin(self) -> None:
        users = get_user_model()
        if users.objects.filter(is_superuser=True).exists():
            return
        password = os.environ.get("STEPGATE_ADMIN_PASSWORD", "")
        if not password:
            password = secrets.token_urlsafe(12)
            path = settings.LOCAL_DIR / "admin-password"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(f"{password}\n")
            self.stdout.write(f"Made the administrator admin, password {password} (in {path}).")
        users.objects.create_superuser("admin", password=password)

    def _environment(self) -> None:
        if settings.LOCAL_AWS:
            Environment.objects.create(name="local", account_id=LOCAL_ACCOUNT, region=LOCAL_REGION)
            return
        try:
            identity = aws.who_am_i()
        except aws.AwsError as error:
            # The start page says so as well, for whoever comes by the browser.
            self.stderr.write(f"No environment yet. {error}\n{error.advice}")
            return
        Environment.objects.create(
            name="default", account_id=identity.account_id, region=identity.region
        )
        self.stdout.write(
            f"Made the environment default: {identity.account_id}, {identity.region}."
        )
