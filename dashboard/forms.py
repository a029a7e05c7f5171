"""Every rule on what a person may type."""

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from dashboard import step_functions
from dashboard.aws import AwsError
from dashboard.models import Environment, RestApi, Trigger
from infra.spec import INPUT_BYTES, TriggerSpec, check_json, check_path, conflict

BODYLESS = {204, 205}
BODYLESS_METHODS = ("GET", "DELETE")
"""Methods whose requests carry no body as a rule: their input is fixed unless chosen."""
NAME_LENGTH = 80
_WORDS = re.compile(r"[^a-z0-9]+")


def default_name(method: str, path: str) -> str:
    """``POST /orders/{id}`` → ``post-orders-id``; the root is called root."""
    words = f"{method} {path if path != '/' else 'root'}".lower()
    return _WORDS.sub("-", words)[:NAME_LENGTH].strip("-")


def check_machine(environment: Environment, arn: str) -> step_functions.StateMachine:
    """What DescribeStateMachine says; ValidationError in words for whoever chose ``arn``."""
    try:
        return step_functions.describe(environment, arn)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    except AwsError as error:
        if error.code == "StateMachineDoesNotExist":
            raise ValidationError(
                f"There is no state machine {arn.rpartition(':')[2]} in {environment.place}. "
                "Choose one from the list, or make it first."
            ) from error
        raise ValidationError(f"{error} {error.advice}") from error


class JsonEditor(forms.Textarea):
    """A text area that the page turns into an editor which marks errors where they are."""

    def __init__(self) -> None:
        super().__init__(attrs={"data-editor": "json", "rows": 6, "spellcheck": "false"})


if TYPE_CHECKING:
    TriggerModelForm = forms.ModelForm[Trigger]
else:
    TriggerModelForm = forms.ModelForm


class TriggerForm(TriggerModelForm):
    """A new trigger, or the next version of one.

    ``environment`` and ``rest_api`` are fixed once the trigger has been deployed.
    """

    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label=None)
    rest_api = forms.ModelChoiceField(
        RestApi.objects.none(), required=False, empty_label="New REST API", label="REST API"
    )
    response_status = forms.IntegerField(min_value=200, max_value=299, initial=202)
    throttle_rate = forms.FloatField(
        label="Requests a second", min_value=0.1, max_value=10_000, initial=10
    )
    throttle_burst = forms.IntegerField(label="Burst", min_value=1, max_value=5_000, initial=20)
    name = forms.CharField(max_length=NAME_LENGTH, required=False)
    description = forms.CharField(
        max_length=2_000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Trigger
        fields: ClassVar = [
            "environment",
            "state_machine_arn",
            "method",
            "path",
            "throttle_rate",
            "throttle_burst",
            "input_mode",
            "input_template",
            "response_mode",
            "response_status",
            "response_body",
            "name",
            "rest_api",
            "description",
        ]
        widgets: ClassVar = {
            "input_template": JsonEditor,
            "response_body": JsonEditor,
            "path": forms.TextInput(attrs={"placeholder": "/orders/{id}", "spellcheck": "false"}),
            "state_machine_arn": forms.TextInput(attrs={"spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = RestApi.objects.filter(gone_at=None).select_related("environment")
        self.fields["rest_api"].queryset = present  # type: ignore[attr-defined]
        self.trigger = self.instance if self.instance.pk else None
        if self.trigger is None:
            environment = self.initial.get("environment") or Environment.objects.first()
            self.initial["environment"] = getattr(environment, "pk", environment)
            self.initial.setdefault("input_template", "{}")
            if self.initial.get("method") in BODYLESS_METHODS:
                self.initial.setdefault("input_mode", Trigger.InputMode.FIXED)
            self.initial.setdefault("response_body", "{}")
        else:
            self.initial["environment"] = self.trigger.rest_api.environment_id
            self.initial.setdefault("version", self.trigger.version)
            if self.trigger.deployments.exists():
                self.fields["environment"].disabled = True
                self.fields["rest_api"].disabled = True
        self.fields["name"].widget.attrs["data-fill-from"] = "method path"
        self.fields["input_mode"].widget.attrs |= {
            "data-default-by": "method",
            "data-defaults": json.dumps(dict.fromkeys(BODYLESS_METHODS, "FIXED") | {"*": "BODY"}),
        }
        for name, field in self.fields.items():
            select = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if select else "form-control"
            if self.errors and name in self.errors:
                field.widget.attrs["aria-invalid"] = "true"
                field.widget.attrs["aria-describedby"] = f"id_{name}_error"

    def clean_path(self) -> str:
        try:
            return check_path(self.cleaned_data["path"].strip())
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean_state_machine_arn(self) -> str:
        arn: str = self.cleaned_data["state_machine_arn"].strip()
        environment = self.cleaned_data.get("environment")
        if environment is None:
            return arn
        self.instance.machine_type = check_machine(environment, arn).type
        return arn

    def clean_input_template(self) -> str:
        text: str = self.cleaned_data["input_template"]
        if self.cleaned_data.get("input_mode") == Trigger.InputMode.FIXED:
            self._check_json("input_template", text)
        return text

    def clean_response_body(self) -> str:
        text: str = self.cleaned_data["response_body"]
        if self.cleaned_data.get("response_mode") == Trigger.ResponseMode.FIXED:
            self._check_json("response_body", text)
        return text

    def _check_json(self, name: str, text: str) -> None:
        if not text.strip():
            raise ValidationError("Type a JSON document, for example {}.")
        try:
            check_json(text)
        except json.JSONDecodeError as error:
            self.fields[name].widget.attrs["data-error-line"] = str(error.lineno)
            raise ValidationError(
                f"Line {error.lineno}, column {error.colno}: {error.msg}."
            ) from error
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if (size := len(text.encode())) > INPUT_BYTES:
            raise ValidationError(f"This has {size:,} bytes; AWS takes {INPUT_BYTES:,}.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("name") and data.get("path"):
            data["name"] = default_name(data.get("method", ""), data["path"])
        with_body = data.get("response_mode") != Trigger.ResponseMode.EMPTY
        if with_body and data.get("response_status") in BODYLESS:
            self.add_error("response_status", "This status has no body: choose Response “Empty”.")
        rest_api, environment = data.get("rest_api"), data.get("environment")
        if rest_api and environment and rest_api.environment_id != environment.pk:
            self.add_error(
                "rest_api",
                f"“{rest_api}” is in {rest_api.environment}. Choose one of {environment}, "
                "or New REST API.",
            )
        elif rest_api and data.get("path") and data.get("method"):
            reason = conflict(data["method"], data["path"], self._other_routes(rest_api))
            if reason or (reason := self._renamed_in_place(data["path"])):
                self.add_error("path", reason)
        return data

    def _renamed_in_place(self, path: str) -> str:
        """Why the live route cannot become ``path``, or "".

        CloudFormation makes the new resource before it deletes the old one, and API
        Gateway takes one variable name at each place.
        """
        live = self.trigger.live if self.trigger else None
        if live is None or not conflict("", path, [(live.method, live.path)]):
            return ""
        return (
            f"{live.path} is live, and API Gateway cannot rename a variable in place: keep the "
            "name, or delete this trigger and make it anew."
        )

    def _other_routes(self, rest_api: RestApi) -> list[tuple[str, str]]:
        """The routes of the REST API's other triggers, as saved and as live."""
        others = rest_api.triggers.present().select_related("endpoint").exclude(pk=self.instance.pk)
        routes = []
        for other in others:
            routes.append((other.method, other.path))
            if other.live:
                routes.append((other.live.method, other.live.path))
        return routes

    def spec_as_typed(self, key: str) -> TriggerSpec:
        """What is typed so far as a spec that nobody checked, for the preview."""
        self.is_valid()
        clean = getattr(self, "cleaned_data", {})
        blank = Trigger()
        values = {}
        for name in Trigger.DEPLOYED_FIELDS:
            value = clean.get(name)
            if value is None and name in self.fields:
                value = self[name].value()
            values[name] = getattr(blank, name) if value is None else value
        return TriggerSpec.model_construct(key=key, **values)
