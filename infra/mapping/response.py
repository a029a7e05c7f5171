"""What a caller gets: of an execution that started or ended, and of each error.

Every error has ``error``, ``message`` and ``requestId``.
"""

from infra.mapping import vtl
from infra.mapping.request import refusals
from infra.spec import TriggerSpec

STATUSES = {
    "Throttling.*|TooManyRequestsException|ExecutionLimitExceeded": 429,
    "InvalidExecutionInput|InvalidName": 400,
}
"""Pattern of Step Functions' error names → the status they become; any other is 502."""


def response_template(trigger: TriggerSpec) -> str:
    """What a caller gets once the execution has started or, where it is waited for, ended."""
    lines = vtl.allow_origin(trigger.cors_origins)
    if trigger.action == "StartSyncExecution":
        return "\n".join([vtl.SET_ID, *lines, _ended(trigger)])
    if trigger.status_route:
        lines.append("#set($arn = $input.path('$.executionArn'))")
        lines.append(_location())
    if trigger.response_mode in ("EXECUTION", "TEMPLATE"):
        lines.insert(0, vtl.SET_ID)
    return "\n".join([*lines, _started(trigger)])


def _started(trigger: TriggerSpec) -> str:
    if trigger.response_mode == "EXECUTION":
        return (
            "{\"executionArn\":$input.json('$.executionArn'),"
            '"startDate":$input.json(\'$.startDate\'),"requestId":"$id"}'
        )
    return _own_answer(trigger)


def _own_answer(trigger: TriggerSpec) -> str:
    if trigger.response_mode == "FIXED":
        return vtl.document(trigger.response_body)
    if trigger.response_mode == "TEMPLATE":
        return trigger.response_body
    return "#set($empty = 0)"


def _ended(trigger: TriggerSpec) -> str:
    """StartSyncExecution answers HTTP 200 also for a workflow that failed or timed out."""
    lines = [
        "#set($status = $input.path('$.status'))",
        f'#if($status == "SUCCEEDED"){_output(trigger)}',
        "#else",
        '#set($error = "")#set($error = $input.path(\'$.error\'))#set($error = "$!error")',
        '#set($text = "")#set($text = $input.path(\'$.cause\'))#set($text = "$!text")',
        f"#set($code = {trigger.error_default})",
        '#if($status == "TIMED_OUT")#set($code = 504)'
        '#if($error == "")#set($error = "States.Timeout")#end#end',
        *(
            f'#if($error == "{name}")#set($code = {status})#end'
            for name, status in trigger.error_statuses
        ),
        '#if($error == "")#set($error = $status)#end',
        '#if($text == "")#set($text = "The workflow ended as $status.")#end',
        vtl.SET_STATUS,
        vtl.ERROR,
        "#end",
    ]
    return "\n".join(lines)


def _output(trigger: TriggerSpec) -> str:
    if trigger.response_mode != "OUTPUT":
        return _own_answer(trigger)
    if not trigger.response_path:
        return "$input.path('$.output')"
    part = vtl.walk("output", trigger.response_path)
    read = (
        "#set($output = $util.parseJson($input.path('$.output')))"
        f'#set($part = "")#set($part = {part})#set($part = "$!part")'
    )
    if trigger.response_type == "STRING":
        return f'{read}"{vtl.escaped("$part")}"'
    pattern = vtl.NUMBER if trigger.response_type == "NUMBER" else "true|false"
    return f'{read}#if($part.matches("{pattern}"))$part#{{else}}null#end'


def error_template(trigger: TriggerSpec) -> str:
    """What a caller gets when Step Functions refused the call.

    The error is the text after the last ``#`` of ``__type``; the message comes as
    ``message`` or ``Message``, or not at all.
    """
    lines = [
        vtl.SET_ID,
        *vtl.allow_origin(trigger.cors_origins),
        vtl.READ_ERROR,
        "#set($code = 502)",
        *(
            f'#if($error.matches("{names}"))#set($code = {status})#end'
            for names, status in STATUSES.items()
        ),
        '#if($code == 429)#set($context.responseOverride.header.Retry-After = "1")#end',
        # The one rule on a length that a request can break: the input's.
        '#if($error == "ValidationException" && $text.contains("at \'input\'"))'
        "#set($code = 413)#end",
        *(
            f'#if($error == "InvalidName" && $text.contains("*{code}*"))#set($error = "BadRequest")'
            f"#set($refusal = {number})#end"
            for number, code in enumerate(refusals(trigger), start=1)
        ),
    ]
    if trigger.idempotency_source:
        return "\n".join([*lines, *_repeated(trigger)])
    return "\n".join([*lines, vtl.SET_STATUS, _error(trigger)])


def fault_template(trigger: TriggerSpec) -> str:
    """What a caller gets when Step Functions failed, or answered what nobody foresaw: 502."""
    lines = [vtl.SET_ID, *vtl.allow_origin(trigger.cors_origins), vtl.READ_ERROR]
    return "\n".join([*lines, "#set($code = 502)", vtl.SET_STATUS, vtl.ERROR])


def _error(trigger: TriggerSpec) -> str:
    """The error; where the request template refused, in its own words."""
    told = refusals(trigger)
    if not told:
        return vtl.ERROR
    words = "".join(
        f"#if($refusal == {number}){vtl.inner(words)}#end"
        for number, words in enumerate(told.values(), start=1)
    )
    message = f'#if($error == "BadRequest"){words}#{{else}}{vtl.escaped("$text")}#end'
    return f'{{"error":"{vtl.escaped("$error")}","message":"{message}","requestId":"$id"}}'


def _repeated(trigger: TriggerSpec) -> list[str]:
    """ExecutionAlreadyExists: the first one's answer, or 409. Its message holds the ARN."""
    error = _error(trigger)
    if trigger.on_repeat == "CONFLICT":
        return [
            '#if($error == "ExecutionAlreadyExists")#set($code = 409)#end',
            vtl.SET_STATUS,
            error,
        ]
    answer = '{"executionArn":"$arn","requestId":"$id"}'
    if trigger.response_mode in ("FIXED", "EMPTY"):
        answer = _own_answer(trigger)
    headers = [
        f'#set($context.responseOverride.header.{name} = "{value}")'
        for name, value in trigger.response_headers
    ]
    return [
        '#if($error == "ExecutionAlreadyExists")',
        f"#set($code = {trigger.response_status})",
        '#set($arn = $text.replaceAll("^.*(arn:[A-Za-z0-9:_-]+).*", "$1"))',
        *headers,
        *(_located(trigger) if trigger.status_route else []),
        "#end",
        vtl.SET_STATUS,
        f'#if($error == "ExecutionAlreadyExists"){answer}',
        "#else",
        error,
        "#end",
    ]


def _located(trigger: TriggerSpec) -> list[str]:
    """A repeat's Location; the error answer that it comes by exposes none to browsers."""
    lines = [_location()]
    if trigger.cors_origins:
        name = "Access-Control-Expose-Headers"
        lines.append(f'#set($context.responseOverride.header.{name} = "Location")')
    return lines


def _location() -> str:
    """The Location of the execution ``$arn``: the caller's own path, then its name."""
    return (
        "#set($base = $context.path.replaceAll('/+$', ''))"
        '#set($name = $arn.replaceAll("^.*:", ""))'
        '#set($context.responseOverride.header.Location = "$base/executions/$name")'
    )


def gateway_response_template(message: str = "") -> str:
    """The body of an error that API Gateway itself answers, in its words or as ``message``.

    Gateway responses take variables only, no Velocity, so the id stands as it is.
    """
    text = vtl.literal(message) if message else "$context.error.messageString"
    return (
        '{"error":"$context.error.responseType",'
        f'"message":{text},'
        '"requestId":"$context.extendedRequestId"}'
    )
