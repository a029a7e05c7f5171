"""The call of Step Functions that a request becomes.

A mapping template cannot answer by itself. What it has to refuse, it passes on under a name
that Step Functions refuses (``*CODE*``: "Invalid Name: '*CODE*'"), and the error template
reads the code and says what was wrong.
"""

import json
import re

from infra.checks import CONTEXT
from infra.mapping import vtl
from infra.spec import ContentType, InputField, TriggerSpec

FORM_PAIRS = 1_000
"""Loops of a mapping template end there (API Gateway developer guide)."""
_JSON_CHECK = (
    "#set($json = $input.json('$'))"
    "#if($json.startsWith('\"') && !$input.body.trim().startsWith('\"'))"
    '#set($refused = "json")#end'
)
"""What is no JSON reads as one string, which the body itself is not."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def request_templates(trigger: TriggerSpec) -> dict[str, str]:
    """Media type → mapping template, for each content type that ``trigger`` takes."""
    return {
        vtl.MEDIA_TYPES[kind]: request_template(trigger, kind) for kind in trigger.content_types
    }


def request_template(trigger: TriggerSpec, content_type: ContentType = "JSON") -> str:
    """The StartExecution or StartSyncExecution call that a request to ``trigger`` becomes."""
    if trigger.input_mode == "VTL":
        return trigger.input_template
    before, document = _input(trigger, content_type)
    lines = [vtl.SET_ID]
    name = f"{trigger.key}-$id"
    if trigger.idempotency_source:
        before = [*_key(trigger), *before]
        name = f"{trigger.key}-$key"
    if before:
        lines += ['#set($refused = "")', *before]
        name = f'#if($refused == ""){name}#{{else}}*$refused*#end'
        # Nothing but the name is wrong with what is refused, whatever AWS looks at first.
        document = f'#if($refused == ""){document}#{{else}}{{}}#end'
    lines.append(
        f'{{"stateMachineArn":{vtl.literal(trigger.state_machine_arn)},'
        f'"name":"{name}","input":"{document}"}}'
    )
    return "\n".join(lines)


def refusals(trigger: TriggerSpec) -> dict[str, str]:
    """Code → what the caller is told, for all that the request template can refuse."""
    told = {}
    if trigger.idempotency_source:
        where = "header" if trigger.idempotency_source == "HEADER" else "body's"
        told["key"] = (
            f"The {where} {trigger.idempotency_key} names the execution: send 1 to 71 "
            "characters of A-Z, a-z, 0-9, _ and -."
        )
    if _parses_body(trigger) and "JSON" in trigger.content_types:
        told["json"] = "The body is not JSON."
    if trigger.input_mode in ("BODY", "REQUEST") and "FORM" in trigger.content_types:
        told["form"] = f"The form is not URL-encoded, or has more than {FORM_PAIRS:,} pairs."
    if trigger.input_mode == "FIELDS":
        for number, field in enumerate(trigger.input_fields):
            if not _unchecked(field):
                told[f"f{number}"] = _wanted(field)
    return told


def _parses_body(trigger: TriggerSpec) -> bool:
    """Whether the body is read, not only passed on: Step Functions cannot refuse it then."""
    if trigger.input_mode == "FIELDS":
        return any(field.source == "BODY" for field in trigger.input_fields)
    return trigger.input_mode == "REQUEST"


def _wanted(field: InputField) -> str:
    place = {
        "BODY": f"the body's {field.value}",
        "QUERY": f"the query parameter {field.value}",
        "HEADER": f"the header {field.value}",
        "PATH": f"the path's {field.value}",
    }.get(field.source, field.value)
    kinds = {"STRING": "a string", "NUMBER": "a number", "BOOLEAN": "true or false"}
    kind = kinds.get(field.type, "a value")
    return f"Send {place} as {kind}." if field.required else f"Send {place} as {kind}, or leave it."


def _key(trigger: TriggerSpec) -> list[str]:
    """Sets ``$key``, or refuses one that is missing, too long or of other characters."""
    if trigger.idempotency_source == "HEADER":
        read = vtl.header("key", trigger.idempotency_key)
    else:
        read = vtl.body_text("key", trigger.idempotency_key)
    return [read, f'#if(!$key.matches("{vtl.KEY}"))#set($refused = "key")#end']


def _input(trigger: TriggerSpec, content_type: ContentType) -> tuple[list[str], str]:
    """What is computed first, and the input as it stands between the quotes."""
    if trigger.input_mode == "FIXED":
        return [], vtl.inner(trigger.input_template.strip())
    before = _form_checks() if content_type == "FORM" else []
    if content_type == "JSON" and _parses_body(trigger):
        before = [_JSON_CHECK]
    if trigger.input_mode == "FIELDS":
        checks, document = _fields(trigger)
        return [*before, *checks], document
    if trigger.input_mode == "REQUEST":
        return before, _whole_request(trigger, content_type)
    return before, _body(content_type, raw=True)


def _body(content_type: ContentType, *, raw: bool) -> str:
    """The request's body as a JSON value.

    Where it is the whole input it goes on as it was sent, byte for byte:
    ``$input.json('$')`` parses it and writes long numbers anew. Inside another document it
    has to be parsed, or a body could end its own place and go on beside it. An empty body
    is ``{}`` (API Gateway's own rule).
    """
    if content_type == "FORM":
        return _form()
    if content_type == "TEXT":
        return vtl.string("$input.body")
    return vtl.escaped("$input.body" if raw else "$input.json('$')")


def _form_checks() -> list[str]:
    return [
        "#set($form = $input.body)",
        f'#if($form.replaceAll("[^&]", "").length() >= {FORM_PAIRS})#set($refused = "form")#end',
        '#if($form.replaceAll("%[0-9A-Fa-f]{2}", "").contains("%"))#set($refused = "form")#end',
    ]


def _form() -> str:
    """The pairs of a form as an object; a name that comes again keeps its first value."""
    return (
        '{#set($names = [])#set($comma = "")'
        '#if($form != "{}")#foreach($pair in $form.split("&"))'
        '#set($at = $pair.indexOf("="))'
        '#if($at < 0)#set($n = $util.urlDecode($pair))#set($v = "")'
        "#{else}#set($n = $util.urlDecode($pair.substring(0, $at)))#set($at = $at + 1)"
        "#set($v = $util.urlDecode($pair.substring($at)))#end"
        '#if($n != "" && !$names.contains($n))#set($added = $names.add($n))'
        f'$comma{vtl.string("$n")}:{vtl.string("$v")}#set($comma = ",")#end'
        "#end#end}"
    )


def _whole_request(trigger: TriggerSpec, content_type: ContentType) -> str:
    query = (
        "#set($query = $input.params().querystring)#foreach($n in $query.keySet())"
        f"{vtl.string('$n')}:{vtl.string('$query.get($n)')}"
        "#if($foreach.hasNext),#end#end"
    )
    path = (
        "#set($path = $input.params().path)#foreach($n in $path.keySet())"
        f"{vtl.string('$n')}:{vtl.string('$path.get($n)')}"
        "#if($foreach.hasNext),#end#end"
    )
    context = ",".join(
        f'\\"{name}\\":{vtl.string(_context(name))}'
        for name in ("requestId", "sourceIp", "userAgent", "method", "path")
    )
    parts = {
        "body": _body(content_type, raw=False),
        "query": f"{{{query}}}",
        "path": f"{{{path}}}",
        "headers": f"{{{_headers(trigger.input_headers)}}}",
        "context": f"{{{context}}}",
    }
    if trigger.input_claims:
        parts["authorizer"] = _authorizer(trigger.input_claims)
    return "{" + ",".join(f'\\"{name}\\":{value}' for name, value in parts.items()) + "}"


def _headers(names: tuple[str, ...]) -> str:
    """The allowed headers that were sent, each under the name it is allowed by."""
    text = '#set($comma = "")'
    for name in names:
        text += (
            f'{vtl.header("h", name)}#if($h != "")$comma\\"{name}\\":{vtl.string("$h")}'
            '#set($comma = ",")#end'
        )
    return text


def _authorizer(names: tuple[str, ...]) -> str:
    """The named values of the authorizer, claims in an object of their own."""
    values = [name for name in names if not name.startswith("claims.")]
    claims = [name for name in names if name.startswith("claims.")]
    parts = [f'\\"{name}\\":{vtl.string(_quiet(_authorizer_value(name)))}' for name in values]
    if claims:
        inside = ",".join(
            f'\\"{name[7:]}\\":{vtl.string(_quiet(_authorizer_value(name)))}' for name in claims
        )
        parts.append(f'\\"claims\\":{{{inside}}}')
    return "{" + ",".join(parts) + "}"


def _authorizer_value(name: str) -> str:
    """API Gateway knows claims by name only: ``claims`` as a whole is null there."""
    place = "$context.authorizer"
    if name.startswith("claims."):
        place, name = f"{place}.claims", name.removeprefix("claims.")
    return f"{place}.{name}" if _PLAIN.fullmatch(name) else f"{place}['{name}']"


def _quiet(reference: str) -> str:
    """``reference`` as text, "" where it is null."""
    return f'"{reference.replace("$", "$!", 1)}"'


def _context(name: str) -> str:
    """An expression for a value of the context, always text."""
    if name == "requestId":
        return "$id"
    if name.startswith("authorizer."):
        return _quiet(_authorizer_value(name.removeprefix("authorizer.")))
    return _quiet(CONTEXT[name])


def _unchecked(field: InputField) -> bool:
    """Whether nothing that is sent can be wrong for ``field``."""
    if field.source == "CONSTANT" or field.required:
        return field.source == "CONSTANT"
    return field.type == "JSON" or (field.type == "STRING" and field.source != "BODY")


def _fields(trigger: TriggerSpec) -> tuple[list[str], str]:
    before, rows = [], []
    for number, field in enumerate(trigger.input_fields):
        name = vtl.inner(json.dumps(field.name))
        if field.source == "CONSTANT":
            rows.append(f"{name}:{vtl.inner(field.value.strip())}")
            continue
        before += _read(field, number)
        default = vtl.inner(field.default.strip() or "null")
        rows.append(f'{name}:#if($p{number} == ""){default}#{{else}}{_written(field, number)}#end')
    return before, "{" + ",".join(rows) + "}"


def _read(field: InputField, number: int) -> list[str]:
    """Sets ``$pN`` to the value as text ("" is none), ``$jN`` to the body's JSON, and checks."""
    value, json_text, lines = f"p{number}", f"j{number}", []
    if field.source == "BODY":
        lines.append(f"#set(${json_text} = $input.json({vtl.path(field.value)}))")
        lines.append(vtl.body_text(value, field.value))
    elif field.source == "HEADER":
        lines.append(vtl.header(value, field.value))
    elif field.source == "QUERY":
        lines.append(f"#set(${value} = \"$!input.params().querystring.get('{field.value}')\")")
    elif field.source == "PATH":
        lines.append(f"#set(${value} = \"$!input.params().path.get('{field.value}')\")")
    else:
        lines.append(f"#set(${value} = {_context(field.value)})")
    if field.required:
        lines.append(f'#if(${value} == "")#set($refused = "f{number}")#end')
    seen = f"${json_text}" if field.source == "BODY" else f"${value}"
    right = {
        "NUMBER": f'{seen}.matches("{vtl.NUMBER}")',
        "BOOLEAN": f'{seen}.matches("true|false")',
    }.get(field.type)
    if field.type == "STRING" and field.source == "BODY":
        right = f"{seen}.startsWith('\"')"
    if right:
        lines.append(f'#if(${value} != "" && !{right})#set($refused = "f{number}")#end')
    return lines


def _written(field: InputField, number: int) -> str:
    if field.source == "BODY":
        return vtl.escaped(f"$j{number}")
    return vtl.string(f"$p{number}") if field.type == "STRING" else f"$p{number}"
