"""Form fields for the lists of a definition, as a person types them; how forms look."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError


def style(form: forms.BaseForm) -> None:
    """Give fields the classes of the pages; one that was refused says so to a screen reader."""
    for name, field in form.fields.items():
        widget = field.widget
        if isinstance(widget, forms.CheckboxSelectMultiple):
            continue
        base = "form-select" if isinstance(widget, forms.Select) else "form-control"
        if isinstance(widget, forms.CheckboxInput):
            base = "form-check-input"
        widget.attrs["class"] = f"{base} {widget.attrs.get('class', '')}".strip()
        if form.is_bound and name in form.errors:
            widget.attrs["aria-invalid"] = "true"
            widget.attrs["aria-describedby"] = f"id_{name}_error"


class Editor(forms.Textarea):
    """A text area that the page turns into an editor which marks errors where they are."""

    def __init__(self, language: str = "json", rows: int = 6) -> None:
        super().__init__(attrs={"data-editor": language, "rows": rows, "spellcheck": "false"})


class LinesField(forms.CharField):
    """A list of texts, one a line; empty lines mean nothing."""

    def __init__(self, *, rows: int = 2, placeholder: str = "", **options: Any) -> None:
        attrs = {"rows": rows, "spellcheck": "false", "class": "mono", "placeholder": placeholder}
        options.setdefault("required", False)
        super().__init__(widget=forms.Textarea(attrs=attrs), **options)

    def prepare_value(self, value: Any) -> str:
        """The lines of a list; what was typed as it was typed."""
        return value if isinstance(value, str) else "\n".join(map(self.line, value or ()))

    def clean(self, value: Any) -> list[Any]:
        text = super().clean(value)
        lines = (line.strip() for line in text.splitlines())
        return [self.read(number, line) for number, line in enumerate(lines, start=1) if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def line(self, item: Any) -> str:
        return str(item)

    def read(self, number: int, line: str) -> Any:
        return line


class PairsField(LinesField):
    """A list of name and value, one ``Name: value`` a line."""

    def line(self, item: Any) -> str:
        return f"{item[0]}: {item[1]}"

    def read(self, number: int, line: str) -> list[str]:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValidationError(f"Line {number} is not “Name: value”: {line}")
        return [name.strip(), value.strip()]


class StatusesField(LinesField):
    """A list of error name and HTTP status, one ``OrderNotFound 404`` a line."""

    def line(self, item: Any) -> str:
        return f"{item[0]} {item[1]}"

    def read(self, number: int, line: str) -> list[Any]:
        name, _, status = line.rpartition(" ")
        if not name.strip() or not (status.isascii() and status.isdecimal() and len(status) == 3):
            raise ValidationError(f"Line {number} is not an error and a status: {line}")
        return [name.strip(), int(status)]


class RowsField(forms.CharField):
    """A list of JSON objects, which the page shows as a table."""

    def __init__(self, *, columns: dict[str, Any], **options: Any) -> None:
        attrs = {"rows": 6, "spellcheck": "false", "class": "mono"}
        options.setdefault("required", False)
        super().__init__(widget=forms.Textarea(attrs=attrs), **options)
        self.columns = columns
        """Column → its value where a row names none."""

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=1, ensure_ascii=False) if value else ""

    def clean(self, value: Any) -> list[dict[str, Any]]:
        text = super().clean(value).strip()
        try:
            rows = json.loads(text) if text else []
        except (ValueError, RecursionError) as error:
            raise ValidationError(f"This is not JSON: {error}") from error
        try:
            kept = json.dumps(rows, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValidationError("This holds half of a character, such as \\ud800.") from None
        if b"\\u0000" in kept:
            raise ValidationError("This holds a NUL, which no database keeps.")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValidationError("This is a JSON list of objects, one for each field.")
        return [self._row(number, row) for number, row in enumerate(rows, start=1)]

    def _row(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(row.keys() - self.columns.keys()):
            raise ValidationError(f"Row {number} has no column “{unknown[0]}”.")
        return self.columns | row

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
