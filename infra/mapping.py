"""Writes the VTL mapping templates of a route. Pure text in, pure text out.

Two rules hold everywhere. What a person typed reaches a template only as JSON with
``$`` and ``#`` written as ``\\u0024`` and ``\\u0023``, so Velocity finds nothing to
run in it. What a caller sent reaches it only through ``$util.escapeJavaScript``,
whose ``\\'`` is not legal JSON and is put right at once
(API Gateway developer guide, "$util variables").
"""

import json

from infra.spec import TriggerSpec

CONTENT_TYPE = "application/json"

_SET_ID = '#set($id = $context.extendedRequestId.replaceAll("[^A-Za-z0-9_-]", ""))'


def _literal(text: str) -> str:
    """``text`` as a JSON string that holds nothing Velocity would read."""
    return json.dumps(text).replace("$", "\\u0024").replace("#", "\\u0023")


def _document(text: str) -> str:
    """The JSON document ``text`` with nothing in it that Velocity would read.

    ``$`` and ``#`` can stand in JSON inside strings only, where an escape is allowed.
    """
    return text.strip().replace("$", "\\u0024").replace("#", "\\u0023")


def _escaped(expression: str) -> str:
    return f'$util.escapeJavaScript({expression}).replaceAll("\\\\\'", "\'")'


def request_template(trigger: TriggerSpec) -> str:
    """The StartExecution call that a request to ``trigger`` becomes.

    The body goes on as it was sent, byte for byte: ``$input.json('$')`` would parse it
    and write long numbers anew. An empty body is ``{}`` (API Gateway's own rule).
    """
    if trigger.input_mode == "FIXED":
        value = _literal(trigger.input_template.strip())
    else:
        value = f'"{_escaped("$input.body")}"'
    return (
        f"{_SET_ID}\n"
        f'{{"stateMachineArn":{_literal(trigger.state_machine_arn)},'
        f'"name":"{trigger.key}-$id","input":{value}}}'
    )


def response_template(trigger: TriggerSpec) -> str:
    """What a caller gets once the execution has started."""
    if trigger.response_mode == "FIXED":
        return _document(trigger.response_body)
    if trigger.response_mode == "EMPTY":
        return "#set($empty = 0)"
    return (
        f"{_SET_ID}\n"
        "{\"executionArn\":$input.json('$.executionArn'),"
        '"startDate":$input.json(\'$.startDate\'),"requestId":"$id"}'
    )


def error_template() -> str:
    """What a caller gets when Step Functions refused: error, message, requestId.

    The error is the text after the last ``#`` of ``__type``; the message comes as
    ``message`` or ``Message``, or not at all.
    """
    return (
        f"{_SET_ID}\n"
        "#set($type = $input.path('$.__type'))\n"
        "#set($message = $input.path('$.message'))\n"
        "#if(!$message)#set($message = $input.path('$.Message'))#end\n"
        '#set($error = "$!type")\n'
        '#set($error = $error.replaceAll("^.*#", ""))\n'
        '#set($text = "$!message")\n'
        f'{{"error":"{_escaped("$error")}","message":"{_escaped("$text")}","requestId":"$id"}}'
    )


def gateway_response_template() -> str:
    """The body of an error that API Gateway itself answers.

    Gateway responses take variables only, no Velocity, so the id stands as it is.
    """
    return (
        '{"error":"$context.error.responseType",'
        '"message":$context.error.messageString,'
        '"requestId":"$context.extendedRequestId"}'
    )
