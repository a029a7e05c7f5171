from typing import ClassVar

from django.db import models


class Request(models.Model):
    """One HTTP call that a person sent to a trigger from its page, with the answer.

    Headers that carry secrets are not kept. Only the newest few of a trigger stay.
    """

    KEPT = 50
    """How many requests of one trigger stay."""

    trigger = models.ForeignKey(
        "dashboard.Trigger", on_delete=models.CASCADE, related_name="requests"
    )
    sent_by = models.CharField(max_length=150)
    sent_at = models.DateTimeField(auto_now_add=True)
    method = models.CharField(max_length=6)
    url = models.TextField()
    values = models.JSONField(default=dict)
    """What the path's variables were filled with."""
    query = models.TextField(blank=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    answer_headers = models.JSONField(default=dict)
    answer_body = models.TextField(blank=True)
    error = models.TextField(blank=True)
    latency_ms = models.PositiveIntegerField(null=True)
    request_id = models.CharField(max_length=80, blank=True)
    execution_arn = models.CharField(max_length=2048, blank=True)

    class Meta:
        ordering: ClassVar = ["-sent_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def content_type(self) -> str:
        """What its body was sent as; "" where no such header was sent."""
        named = {name.lower(): str(value) for name, value in self.headers.items()}
        return named.get("content-type", "")

    @property
    def header_lines(self) -> str:
        """The other headers as a person types them."""
        return "\n".join(
            f"{name}: {value}"
            for name, value in self.headers.items()
            if name.lower() != "content-type"
        )

    @property
    def was_refused(self) -> bool:
        """Whether nobody answered, or an answer of 400 or more came."""
        return self.status is None or self.status >= 400

    @property
    def execution_name(self) -> str:
        return self.execution_arn.rpartition(":")[2]
