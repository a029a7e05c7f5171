from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models


class Environment(models.Model):
    """An AWS account and Region that Stepgate deploys to (the CDK's sense).

    Made by the first run or ``manage.py add_environment``. Where its API endpoints are
    comes from settings only, never from a person.
    """

    name = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Use a-z, 0-9 and dashes.")],
    )
    account_id = models.CharField(
        max_length=12, validators=[RegexValidator(r"^\d{12}$", "An account id has 12 digits.")]
    )
    region = models.CharField(max_length=30)
    role_arn = models.CharField(max_length=2048, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """Account and Region in words, as the header shows them."""
        return f"{self.account_id} · {self.region}"
