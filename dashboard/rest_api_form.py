"""What a person may type as a REST API's own settings, and as the name of an API key.

The rules on settings are the specification's.
"""

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from pydantic import ValidationError as SpecError

from dashboard.fields import LinesField, PairsField, style
from dashboard.models import ApiKey, RestApi
from dashboard.models.api_key import NAME_LENGTH
from infra.spec import TriggerSpec, reasons

if TYPE_CHECKING:
    RestApiModelForm = forms.ModelForm[RestApi]
else:
    RestApiModelForm = forms.ModelForm

_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")


class TagsField(PairsField):
    """``Name: value`` lines, where a name may hold colons: ``cost:center: 42``."""

    def read(self, number: int, line: str) -> list[str]:
        name, separator, value = line.partition(": ")
        if separator or not line.endswith(":"):
            return [name.strip(), value.strip()] if separator else super().read(number, line)
        return [line[:-1].strip(), ""]


class RestApiForm(RestApiModelForm):
    """The settings of a REST API that is there already.

    The stage is fixed once it is, or is being, served: another one would be another URL.
    """

    tags = TagsField(rows=3, placeholder="team: payments")
    allowed_addresses = LinesField(label="Allowed addresses", rows=3, placeholder="203.0.113.0/24")
    usage_rate = forms.FloatField(label="Requests a second", min_value=0.1, max_value=10_000)
    usage_burst = forms.IntegerField(label="Burst", min_value=1, max_value=5_000)
    usage_quota = forms.IntegerField(label="Quota", min_value=0, max_value=2_147_483_647)

    class Meta:
        model = RestApi
        fields: ClassVar = [
            "name",
            "stage_name",
            "domain",
            "base_path",
            "allowed_addresses",
            "usage_rate",
            "usage_burst",
            "usage_quota",
            "usage_period",
            "cors_origin",
            "tracing",
            "tags",
        ]
        widgets: ClassVar = {
            "cors_origin": forms.TextInput(attrs={"placeholder": "https://shop.example.com"}),
            "base_path": forms.TextInput(attrs={"placeholder": "shop", "spellcheck": "false"}),
            "stage_name": forms.TextInput(attrs={"spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rest_api = self.instance
        self.domains = rest_api.environment.domains.filter(gone_at=None)
        domain: Any = self.fields["domain"]
        domain.queryset = self.domains
        domain.empty_label = "None"
        if rest_api.live_id or rest_api.deployments.active().exists():
            self.fields["stage_name"].disabled = True
        style(self)

    def clean_stage_name(self) -> str:
        name = str(self.cleaned_data["stage_name"])
        if not _STAGE.fullmatch(name):
            # CreateStage, "stageName".
            raise ValidationError("A stage is named by letters, digits, dashes and underscores.")
        return name

    def clean_base_path(self) -> str:
        return str(self.cleaned_data["base_path"]).strip("/")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        domain, base_path = data.get("domain"), data.get("base_path")
        if domain is not None and base_path is not None:
            taken = RestApi.objects.filter(domain=domain, base_path=base_path, gone_at=None)
            if other := taken.exclude(pk=self.instance.pk).first():
                place = f"/{base_path}" if base_path else "The root"
                self.add_error(
                    "base_path",
                    f"{place} of {domain} is the REST API {other}'s. Type another base path.",
                )
        return data

    def _post_clean(self) -> None:
        """The model's checks, then those of the whole API with these settings."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        triggers = self.instance.triggers.present().select_related("endpoint")
        saved = [trigger.spec() for trigger in triggers]
        live = list(self.instance.live_specs().values())
        if self._check_spec(saved) and live:
            self._check_spec(live)

    def _check_spec(self, triggers: list[TriggerSpec]) -> bool:
        """Whether the API could be deployed like this; what it lacks becomes errors."""
        try:
            self.instance.spec(triggers)
        except SpecError as error:
            for name, reason in reasons(error):
                if name == "triggers" and not triggers:
                    continue  # nothing is routed yet
                if not name:
                    name = self._blamed(triggers)
                self.add_error(name if name in self.fields else None, ValidationError(reason))
        return not self.errors

    def _blamed(self, triggers: list[TriggerSpec]) -> str:
        """The field that makes the API as a whole impossible, or ""."""
        typed = self.instance.allowed_addresses
        self.instance.allowed_addresses = []
        try:
            self.instance.spec(triggers)
        except SpecError:
            return ""
        finally:
            self.instance.allowed_addresses = typed
        return "allowed_addresses"

    def shown(self, name: str, value: str) -> str:
        """A posted value as the form shows it."""
        if name == "tracing":
            return "on" if value else "off"
        choices = getattr(self.fields[name], "choices", ())
        return next((str(label) for key, label in choices if str(key) == value), value)


def typed(rest_api: RestApi) -> dict[str, str]:
    """The settings as their form would post them."""
    form = RestApiForm(instance=rest_api)
    return {
        name: _text(form[name].value()) for name, field in form.fields.items() if not field.disabled
    }


def posted(data: QueryDict) -> dict[str, str]:
    return {name: _text(data.get(name, "")) for name in RestApiForm.base_fields}


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "on" if value else ""
    return "\n".join(str(value).strip().splitlines())


def base(data: QueryDict) -> dict[str, str] | None:
    """What the form held when it was opened; None where it does not tell."""
    try:
        held = json.loads(data.get("base", ""))
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


class ApiKeyForm(forms.Form):
    """The name of a new API key, which tells it from the REST API's other valid ones."""

    name = forms.CharField(
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, rest_api: RestApi, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._valid_keys = ApiKey.objects.valid().filter(rest_api=rest_api)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not name.isprintable():
            raise ValidationError("A name is one line of letters, digits and signs.")
        if self._valid_keys.filter(name=name).exists():
            raise ValidationError(f"There is a valid key “{name}” already: type another name.")
        return name
