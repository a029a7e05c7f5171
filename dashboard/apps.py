from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Every thread of the web process sends its hints through this app.
        from dashboard.celery import app

        app.set_default()
