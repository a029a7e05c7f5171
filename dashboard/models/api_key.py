import re
from typing import ClassVar, Self

from django.db import models

from dashboard.models.rest_api import new_key

NAME_LENGTH = 80
_NUMBERED = re.compile(r"(.*\S) (\d+)")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def valid(self) -> Self:
        """Those that open the routes they are for."""
        return self.filter(revoked_at=None)


class ApiKey(models.Model):
    """An API key of a RestApi's usage plan. Its value is in AWS only.

    ``dashboard.acts`` makes and revokes it; a revoked one keeps its row for the audit.
    """

    rest_api = models.ForeignKey(
        "dashboard.RestApi", on_delete=models.PROTECT, related_name="api_keys"
    )
    key = models.CharField(max_length=8, unique=True, default=new_key, editable=False)
    """Comes with the form that made it, so that a second press makes no second one."""
    name = models.CharField(max_length=NAME_LENGTH)
    key_id = models.CharField(max_length=64, unique=True)
    """API Gateway's id of the key, not its value."""
    replaces = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    """The key that it was made to take over from."""
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def next_name(self) -> str:
        """A name for the key that takes over: ``acme`` → ``acme 2`` → ``acme 3``."""
        numbered = _NUMBERED.fullmatch(self.name)
        stem, last = (numbered[1], int(numbered[2])) if numbered else (self.name, 1)
        number = f" {last + 1}"
        return stem[: NAME_LENGTH - len(number)] + number
