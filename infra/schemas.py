"""JSON Schema of draft 4, the one that API Gateway reads: does a body pass, and in OpenAPI 3.1.

Sources: JSON Schema draft 4 ("Core", "Validation"); "JSON Schema 2020-12 Release Notes" and
"Migrating from older drafts" for what has another form there, which OpenAPI 3.1 uses.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import UnknownType
from referencing import Registry
from referencing.exceptions import Unresolvable

from infra.velocity.errors import JavaError
from infra.velocity.regex import ready

_SCHEMAS_BY_NAME = ("properties", "patternProperties", "definitions")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf")


def problem(schema_text: str, body: str) -> str:
    """Where and why ``body`` does not pass the schema, or "".

    Nothing is fetched for a ``$ref``, and no pattern is run that could run for years.
    """
    try:
        document = json.loads(body)
    except json.JSONDecodeError as error:
        return f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    except (ValueError, RecursionError) as error:
        return f"The body is not JSON: {error}."
    try:
        schema = json.loads(schema_text)
        longest = max((len(text) for text in _strings(document)), default=0)
        for pattern in _patterns(schema):
            ready(pattern, "x" * longest)
        validator = Draft4Validator(schema, registry=Registry())
        found = next(validator.iter_errors(document), None)
    except Unresolvable as error:
        return f"The schema refers to what is not in it: {error}."
    except UnknownType as error:
        return f"The schema names a type that JSON does not have: {error.type}."
    except (ValueError, RecursionError, TypeError, AttributeError, KeyError, JavaError) as error:
        return f"The body cannot be tried against the schema: {error}"
    if found is None:
        return ""
    return f"The body does not pass the schema at {found.json_path}: {found.message[:500]}."


def _strings(value: Any) -> Iterator[str]:
    """Every text in a document, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        if isinstance(schema.get("patternProperties"), dict):
            yield from schema["patternProperties"]
        for value in schema.values():
            yield from _patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _patterns(value)


def upgraded(schema: Any, at: str) -> Any:
    """A draft-4 schema as OpenAPI 3.1 writes it (2020-12), to stand at the JSON pointer ``at``.

    A reference within the schema leads to the same place of the document that holds it.
    """
    base = schema.get("id", "") if isinstance(schema, dict) else ""
    base = base.partition("#")[0] if isinstance(base, str) else ""

    def reference(text: str) -> str:
        document, _, pointer = text.partition("#")
        if document not in ("", base):
            return text
        if pointer and not pointer.startswith("/"):
            return f"#{pointer}"
        return f"#{at}{_upgraded_pointer(pointer)}"

    root = {k: v for k, v in schema.items() if k != "id"} if isinstance(schema, dict) else schema
    return _upgraded(root, reference)


def _upgraded_pointer(pointer: str) -> str:
    """``pointer`` with the names that keywords have in 2020-12."""
    return pointer.replace("/definitions/", "/$defs/")


def _upgraded(schema: Any, reference: Callable[[str], str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        # Draft 4 reads nothing beside a reference; 2020-12 does.
        return {"$ref": reference(schema["$ref"])}

    def convert(part: Any) -> Any:
        return _upgraded(part, reference)

    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("$schema", "exclusiveMinimum", "exclusiveMaximum", "additionalItems"):
            continue
        if name == "id" and isinstance(value, str):
            made |= {"$anchor": value[1:]} if value.startswith("#") else {"$id": value}
        elif name in _SCHEMAS_BY_NAME and isinstance(value, dict):
            key = "$defs" if name == "definitions" else name
            made[key] = {each: convert(part) for each, part in value.items()}
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            made[name] = [convert(part) for part in value]
        elif name in ("additionalProperties", "not"):
            made[name] = convert(value)
        elif name == "items":
            made |= _items(schema, convert)
        elif name == "dependencies" and isinstance(value, dict):
            made |= _dependencies(value, convert)
        elif name in ("minimum", "maximum"):
            exclusive = f"exclusive{name.capitalize()}"
            made[exclusive if schema.get(exclusive) is True else name] = value
        else:
            made[name] = value
    return made


def _items(schema: dict[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    items = schema["items"]
    if not isinstance(items, list):
        return {"items": convert(items)}
    made: dict[str, Any] = {"prefixItems": [convert(part) for part in items]} if items else {}
    if "additionalItems" in schema:
        made["items"] = convert(schema["additionalItems"])
    return made


def _dependencies(value: dict[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    names = {name: part for name, part in value.items() if isinstance(part, list)}
    parts = {name: convert(part) for name, part in value.items() if isinstance(part, dict)}
    made = {"dependentRequired": names, "dependentSchemas": parts}
    return {name: part for name, part in made.items() if part}
