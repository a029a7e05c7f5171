"""What a person may type for a custom domain."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.fields import style
from dashboard.models import Domain, Environment
from infra.arns import check_certificate_arn
from infra.checks import check_domain_name

if TYPE_CHECKING:
    DomainModelForm = forms.ModelForm[Domain]
else:
    DomainModelForm = forms.ModelForm


class DomainForm(DomainModelForm):
    """A new domain, or another certificate for one: its name and environment are fixed."""

    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label=None)

    class Meta:
        model = Domain
        fields = ("environment", "name", "certificate_arn")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("environment", "name"):
            self.fields[name].disabled = self.instance.pk is not None
        for name in ("name", "certificate_arn"):
            self.fields[name].widget.attrs["class"] = "mono"
        style(self)
        self.fields["name"].widget.attrs["placeholder"] = "api.example.com"
        self.fields["certificate_arn"].widget.attrs["placeholder"] = "arn:aws:acm:…"

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].lower()
        try:
            return check_domain_name(name)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean_certificate_arn(self) -> str:
        try:
            return check_certificate_arn(self.cleaned_data["certificate_arn"])
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        environment, name = data.get("environment"), data.get("name")
        if environment and (arn := data.get("certificate_arn")):
            _, _, _, region, account, _ = arn.split(":")
            if (account, region) != (environment.account_id, environment.region):
                self.add_error(
                    "certificate_arn",
                    f"This certificate is in {account} · {region}, but {environment} is "
                    f"{environment.place}. A regional domain takes a certificate of its own "
                    "account and Region: request or import one there, in ACM.",
                )
        if environment and name and (other := self._namesake(environment, name)):
            self.add_error(
                "name",
                f"{name} is already a domain of {other.environment}, and a name is unique in a "
                "Region: map REST APIs on that one.",
            )
        return data

    def _namesake(self, environment: Environment, name: str) -> Domain | None:
        """The domain of this name in the same account and Region, whatever its environment."""
        there = {
            "environment__account_id": environment.account_id,
            "environment__region": environment.region,
        }
        found = Domain.objects.filter(name=name, gone_at=None, **there)
        return found.exclude(key=self.instance.key).select_related("environment").first()
