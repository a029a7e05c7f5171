"""Pieces of VTL that mean the same wherever they stand."""

import json
import re

CONTENT_TYPE = "application/json"
MEDIA_TYPES = {
    "JSON": CONTENT_TYPE,
    "FORM": "application/x-www-form-urlencoded",
    "TEXT": "text/plain",
}

SET_ID = '#set($id = $context.extendedRequestId.replaceAll("[^A-Za-z0-9_-]", ""))'
"""The id of the request that a caller cannot choose, as it stands in execution names."""

NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?"
"""What is a number in JSON."""
KEY = "[A-Za-z0-9_-]{1,71}"
"""What an idempotency key may be: 80 characters of a name less the trigger's key and a dash."""


def literal(text: str) -> str:
    """``text`` as a JSON string that holds nothing Velocity would read."""
    return f'"{inner(text)}"'


def document(text: str) -> str:
    """The JSON document ``text`` with nothing in it that Velocity would read.

    ``$`` and ``#`` can stand in JSON inside strings only, where an escape is allowed.
    """
    return text.strip().replace("$", "\\u0024").replace("#", "\\u0023")


def inner(text: str) -> str:
    """``text`` as it stands between the quotes of a JSON string in a template."""
    return json.dumps(text)[1:-1].replace("$", "\\u0024").replace("#", "\\u0023")


def escaped(expression: str) -> str:
    """The value of ``expression`` as it stands between the quotes of a JSON string.

    ``$util.escapeJavaScript`` turns ``'`` into ``\\'``, which is not legal JSON and is put
    right at once (API Gateway developer guide, "$util variables").
    """
    return f'$util.escapeJavaScript({expression}).replaceAll("\\\\\'", "\'")'


def string(expression: str) -> str:
    """The value of ``expression`` as a string of the JSON that is itself a JSON string."""
    return f'\\"{escaped(escaped(expression))}\\"'


def header(variable: str, name: str) -> str:
    """Sets ``variable`` to the header ``name``, as written or in the other usual case, or to "".

    API Gateway keeps names as they were sent: HTTP/2 clients send them in lower case, others
    with capitals.
    """
    other = name.title() if name == name.lower() else name.lower()
    read = f"#set(${variable} = \"$!input.params().header.get('{{}}')\")".format
    text = read(name)
    return text + (f'#if(${variable} == ""){read(other)}#end' if other != name else "")


def path(json_path: str) -> str:
    """A JSON path as a string of VTL; ``infra.checks`` lets no ``"`` and no reference through."""
    return f'"{json_path}"' if "'" in json_path else f"'{json_path}'"


def body_text(variable: str, json_path: str) -> str:
    """Sets ``variable`` to the body's value at ``json_path`` as text, "" where there is none.

    A ``#set`` to null leaves a variable as it was, so it is emptied first.
    """
    return (
        f'#set(${variable} = "")#set(${variable} = $input.path({path(json_path)}))'
        f'#set(${variable} = "$!{variable}")'
    )


def walk(variable: str, json_path: str) -> str:
    """An expression for the place ``json_path`` in ``variable``, which ``parseJson`` read."""
    steps = re.findall(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]", json_path)
    calls = (
        f".get({number})" if number else f".get('{name or quoted}')"
        for name, number, quoted in steps
    )
    return f"${variable}" + "".join(calls)


def allow_origin(origins: tuple[str, ...]) -> list[str]:
    """Where there are several: names the one that asks in the answer, if it is among them."""
    if len(origins) < 2:
        return []
    return [
        header("origin", "Origin"),
        *(
            f'#if($origin == "{origin}")'
            "#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end"
            for origin in origins
        ),
    ]


READ_ERROR = """\
#set($type = $input.path('$.__type'))
#set($message = $input.path('$.message'))
#if("$!message" == "")#set($message = $input.path('$.Message'))#end
#set($error = "$!type")
#set($error = $error.replaceAll("^.*#", ""))
#set($text = "$!message")"""
"""Sets ``$error`` and ``$text`` from an error of Step Functions.

The error is the text after the last ``#`` of ``__type``; the message comes as ``message`` or
``Message``, or not at all.
"""
ERROR = f'{{"error":"{escaped("$error")}","message":"{escaped("$text")}","requestId":"$id"}}'
"""The body of every error."""
SET_STATUS = "#set($context.responseOverride.status = $code)"
"""API Gateway takes an override of the status once, so this stands in a template once."""
