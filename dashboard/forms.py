"""Every rule on what a person may type."""

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from pydantic import ValidationError as SpecError

from dashboard import acts, step_functions
from dashboard.aws import AwsError
from dashboard.fields import Editor, LinesField, PairsField, RowsField, StatusesField, style
from dashboard.models import Environment, RestApi, Trigger
from infra import webhooks
from infra.arns import parse_machine_arn
from infra.checks import INPUT_BYTES, check_json
from infra.misfits import misfits
from infra.routes import check_path, conflict, routes
from infra.schemas import problem
from infra.spec import InputField, TriggerSpec, reasons
from infra.velocity import VelocityError
from infra.velocity.parser import parse

BODYLESS = {204, 205}
BODYLESS_METHODS = ("GET", "DELETE")
"""Methods whose requests carry no body as a rule: their input is fixed unless chosen."""
NAME_LENGTH = 80
_FIRST = {"state_machine_arn", "method", "path", "machine_type"}
_NEEDED = {
    "environment",
    "state_machine_arn",
    "method",
    "path",
    "authorization",
    "input_mode",
    "response_mode",
    "response_status",
    "throttle_rate",
    "throttle_burst",
}
"""What has to be typed or chosen; the rest has a default, or its rule is the specification's."""
_LISTS = {field.name for field in Trigger._meta.get_fields() if isinstance(field, models.JSONField)}
KEY_OF_NONE = "key00000"
"""Stands for the key of a trigger that has none yet."""
_VTL = {"input_mode", "input_template", "response_mode", "response_body"}
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
            parts = parse_machine_arn(arn)
            of = f"version or alias {parts.qualifier} of the " if parts.qualifier else ""
            raise ValidationError(
                f"There is no {of}state machine {parts.name} in {environment.place}. "
                "Choose one from the list, or make it first."
            ) from error
        raise ValidationError(f"{error} {error.advice}") from error


if TYPE_CHECKING:
    TriggerModelForm = forms.ModelForm[Trigger]
else:
    TriggerModelForm = forms.ModelForm


class TriggerForm(TriggerModelForm):
    """A new trigger, or the next version of one.

    ``environment`` and ``rest_api`` are fixed once the trigger has been deployed. The rules
    on the definition are the specification's own (``infra.spec``, ``infra.misfits``); here
    they only find the field they belong to. ``may_write_vtl``: whether the person may save a
    mapping template of their own.
    """

    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label=None)
    rest_api = forms.ModelChoiceField(
        RestApi.objects.none(), required=False, empty_label="New REST API", label="REST API"
    )
    user_pool_arns = LinesField(
        label="User pools", placeholder="arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL_ID"
    )
    scopes = LinesField(label="OAuth scopes", placeholder="orders/write")
    authorizer_sources = LinesField(label="Identity from", initial=["header.Authorization"])
    authorizer_ttl = forms.IntegerField(
        label="Answers kept (s)", min_value=0, max_value=3_600, initial=300, required=False
    )
    webhook_secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=1024,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    webhook_tolerance = forms.IntegerField(
        label="Tolerance (s)", min_value=1, max_value=86_400, initial=300, required=False
    )
    webhook_events = LinesField(label="Events that start one", placeholder="invoice.paid")
    throttle_rate = forms.FloatField(
        label="Requests a second", min_value=0.1, max_value=10_000, initial=10
    )
    throttle_burst = forms.IntegerField(label="Burst", min_value=1, max_value=5_000, initial=20)
    cors_origins = LinesField(label="CORS origins", placeholder="https://shop.example.com")
    input_headers = LinesField(label="Headers", placeholder="X-Tenant")
    input_claims = LinesField(label="Authorizer values and claims", placeholder="claims.sub")
    input_fields = RowsField(
        label="Fields",
        columns={
            "name": "",
            "source": "BODY",
            "value": "",
            "type": "STRING",
            "required": False,
            "default": "",
        },
    )
    content_types = forms.MultipleChoiceField(
        label="Content types",
        choices=[("JSON", "JSON"), ("FORM", "Form (URL-encoded)"), ("TEXT", "Text")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        initial=["JSON"],
    )
    required_parameters = LinesField(label="Required parameters", placeholder="header.X-Tenant")
    response_status = forms.IntegerField(min_value=200, max_value=299, initial=202)
    response_headers = PairsField(label="Headers", placeholder="Cache-Control: no-store")
    error_statuses = StatusesField(label="Errors", placeholder="OrderNotFound 404")
    error_default = forms.IntegerField(
        label="Any other error", min_value=400, max_value=599, initial=502, required=False
    )
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
            *(name for name in Trigger.DEPLOYED_FIELDS if name not in _FIRST),
            "public_reason",
            "name",
            "rest_api",
            "description",
        ]
        widgets: ClassVar = {
            "input_template": Editor,
            "response_body": Editor,
            "body_schema": Editor,
            "path": forms.TextInput(attrs={"placeholder": "/orders/{id}", "spellcheck": "false"}),
            "state_machine_arn": forms.TextInput(attrs={"spellcheck": "false"}),
        }

    def __init__(self, *args: Any, may_write_vtl: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_write_vtl = may_write_vtl
        present = RestApi.objects.filter(gone_at=None).select_related("environment")
        self.fields["rest_api"].queryset = present  # type: ignore[attr-defined]
        self.trigger = self.instance if self.instance.pk else None
        self._before = {name: getattr(self.instance, name) for name in _VTL}
        if self.trigger is None:
            self._start_new()
        else:
            self.initial["environment"] = self.trigger.rest_api.environment_id
            self.initial.setdefault("version", self.trigger.version)
            self.initial["throttle_rate"] = f"{self.trigger.throttle_rate:g}"
            latest = self.trigger.latest
            if self.trigger.live or (latest and latest.is_active):
                self.fields["environment"].disabled = True
                self.fields["rest_api"].disabled = True
        self.fields["name"].widget.attrs["data-fill-from"] = "method path"
        self.fields["input_mode"].widget.attrs |= {
            "data-default-by": "method",
            "data-defaults": json.dumps(dict.fromkeys(BODYLESS_METHODS, "FIXED") | {"*": "BODY"}),
        }
        for name, field in self.fields.items():
            field.required = name in _NEEDED
        style(self)

    def _start_new(self) -> None:
        environment = self.initial.get("environment") or Environment.objects.first()
        self.initial["environment"] = getattr(environment, "pk", environment)
        self.initial.setdefault("input_template", "{}")
        if self.initial.get("method") in BODYLESS_METHODS:
            self.initial.setdefault("input_mode", Trigger.InputMode.FIXED)
        self.initial.setdefault("response_body", "{}")
        if settings.LOCAL_AWS:
            # Nobody else can call the embedded AWS, and a first curl needs no credentials.
            self.initial.setdefault("authorization", Trigger.Authorization.NONE)
            self.initial.setdefault("public_reason", "Tried out in the embedded AWS.")

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
        elif self.cleaned_data.get("input_mode") == Trigger.InputMode.VTL:
            _check_vtl(text)
        return text

    def clean_response_body(self) -> str:
        text: str = self.cleaned_data["response_body"]
        if self.cleaned_data.get("response_mode") == Trigger.ResponseMode.FIXED:
            self._check_json("response_body", text)
        elif self.cleaned_data.get("response_mode") == Trigger.ResponseMode.TEMPLATE:
            _check_vtl(text)
        return text

    def clean_body_schema(self) -> str:
        text: str = self.cleaned_data["body_schema"].strip()
        if text:
            self._check_json("body_schema", text)
        return text

    def clean_content_types(self) -> list[str]:
        return self.cleaned_data["content_types"] or ["JSON"]

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
        authorization = data.get("authorization")
        if (
            authorization == Trigger.Authorization.NONE
            and not data.get("public_reason", "").strip()
        ):
            self.add_error("public_reason", "Say why anyone may call this, or choose another way.")
        if authorization != Trigger.Authorization.NONE and not data.get("public_reason"):
            # It stays the reason of what is still live, and of what Discard goes back to.
            data["public_reason"] = self.initial.get("public_reason", "")
        for name in ("webhook_tolerance", "authorizer_ttl", "error_default"):
            if data.get(name) is None:
                data[name] = self.fields[name].initial
        self._check_rest_api(data)
        return data

    def _check_rest_api(self, data: dict[str, Any]) -> None:
        rest_api, environment = data.get("rest_api"), data.get("environment")
        if rest_api and environment and rest_api.environment_id != environment.pk:
            self.add_error(
                "rest_api",
                f"“{rest_api}” is in {rest_api.environment}. Choose one of {environment}, "
                "or New REST API.",
            )
        elif rest_api and data.get("path") and data.get("method"):
            others, typed = self._other_routes(rest_api), data["path"]
            served = routes(data["method"], typed, status_route=bool(data.get("status_route")))
            for method, path in served:
                if reason := conflict(method, path, others) or self._renamed_in_place(path):
                    self.add_error("path" if path == typed else "status_route", reason)
                    break

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self._may_write_vtl and self._writes_vtl():
            name = "input_mode" if self.instance.input_mode == "VTL" else "response_mode"
            self.add_error(
                name, "Raw templates need the permission “Can write raw mapping templates”."
            )
        told = set(self.errors)
        for name, reason in self._refusals():
            if name not in told:
                self.add_error(name if name in self.fields else None, reason)
        if not self.errors and self.instance.authorization == Trigger.Authorization.SIGNED:
            self._check_function()
        if not self.errors and self.instance.body_schema:
            self._check_sample(self.instance.body_schema)
        if not self.errors and (rest_api := self.cleaned_data.get("rest_api")):
            self._check_whole(rest_api)

    def _writes_vtl(self) -> bool:
        """Whether a mapping template is written that was not there before."""
        now = {name: getattr(self.instance, name) for name in _VTL}
        raw = now["input_mode"] == "VTL" or now["response_mode"] == "TEMPLATE"
        return raw and now != self._before

    def _refusals(self) -> list[tuple[str, str]]:
        """Field and words of all that the specification does not take."""
        values = {"key": KEY_OF_NONE, **self.instance.spec_values()}
        try:
            TriggerSpec(**values)
        except SpecError as error:
            found = [(name, words) for name, words in reasons(error) if name]
            return found or list(misfits(unchecked(values)))
        return []

    def _check_function(self) -> None:
        """What a webhook is told to do has to fit the environment of its function."""
        spec = TriggerSpec(**{"key": KEY_OF_NONE, **self.instance.spec_values()})
        try:
            webhooks.config_of(spec, acts.secret_name(KEY_OF_NONE))
        except ValueError as error:
            self.add_error("response_body", str(error))

    def _check_sample(self, schema: str) -> None:
        """The sample request beside the form has to pass the schema it is checked by."""
        sample = self.data.get("sample_body")
        if not sample:
            return
        if words := problem(schema, sample):
            self.add_error("body_schema", f"The sample request beside the form: {words}")

    def _check_whole(self, rest_api: RestApi) -> None:
        """What only shows beside the other routes: limits of API Gateway, shared preflights."""
        others = rest_api.triggers.present().exclude(pk=self.instance.pk)
        mine = TriggerSpec(**{"key": KEY_OF_NONE, **self.instance.spec_values()})
        try:
            rest_api.spec([mine, *(other.spec() for other in others)])
        except ValueError as error:
            words = reasons(error)[0][1] if isinstance(error, SpecError) else str(error)
            self.add_error(None, words)

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
        taken = []
        for other in others:
            taken += routes(other.method, other.path, status_route=other.status_route)
            if live := other.spec_live():
                taken += live.routes()
        return taken

    def spec_as_typed(self, key: str) -> TriggerSpec:
        """What is typed so far as a spec that nobody checked, for the preview."""
        self.is_valid()
        clean = getattr(self, "cleaned_data", {})
        typed = Trigger(machine_type=self.instance.machine_type)
        for name in Trigger.DEPLOYED_FIELDS:
            value = clean.get(name)
            if value is None and name in self.fields:
                value = self[name].value()
            if value is not None and not (isinstance(value, str) and name in _LISTS):
                setattr(typed, name, value)
        return unchecked({"key": key, **typed.spec_values()})


def _check_vtl(text: str) -> None:
    """Whether ``text`` can be read as VTL; what it comes to, the preview shows."""
    try:
        parse(text)
    except VelocityError as error:
        raise ValidationError(str(error)) from error


def unchecked(values: dict[str, Any]) -> TriggerSpec:
    """A specification of ``values`` as they are, right or wrong."""
    rows = values.get("input_fields", ())
    fields = tuple(InputField.model_construct(**row) for row in rows)
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return TriggerSpec.model_construct(**(values | lists | {"input_fields": fields}))
