"""The status route: how one execution of a trigger stands."""

from infra.arns import parse_machine_arn
from infra.mapping import vtl
from infra.spec import TriggerSpec


def status_request_template(trigger: TriggerSpec) -> str:
    """DescribeExecution of the execution that the path names, if it is the trigger's own.

    Any other name becomes one that no execution can have (``*`` is no letter of a name): the
    route's role may ask for it all the same, so AWS answers that there is none, and not that
    the role lacks a permission.
    """
    arn = parse_machine_arn(trigger.state_machine_arn).execution("$name")
    return (
        "#set($name = $input.params().path.get('name'))\n"
        f'#if(!$name.matches("{trigger.key}-{vtl.KEY}"))#set($name = "{trigger.key}-*")#end\n'
        f'{{"executionArn":"{arn}"}}'
    )


def status_response_template(trigger: TriggerSpec) -> str:
    """Name, status and dates; the output of one that succeeded, error and cause of another."""
    # What leads nowhere is "" to API Gateway, and "" counts as true: it has to be compared.
    text = '#if("$!input.path(\'$.{0}\')" != ""){1}#{{else}}null#end'.format
    fields = {
        "name": "$input.json('$.name')",
        "status": "$input.json('$.status')",
        "startDate": "$input.json('$.startDate')",
        "stopDate": text("stopDate", "$input.json('$.stopDate')"),
        "output": text("output", "$input.path('$.output')"),
        "error": text("error", "$input.json('$.error')"),
        "cause": text("cause", "$input.json('$.cause')"),
        "requestId": '"$id"',
    }
    body = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return "\n".join([vtl.SET_ID, *vtl.allow_origin(trigger.cors_origins), f"{{{body}}}"])


def status_error_template(trigger: TriggerSpec) -> str:
    """404 for a name that is none of the trigger's executions; else as everywhere."""
    lines = [
        vtl.SET_ID,
        *vtl.allow_origin(trigger.cors_origins),
        vtl.READ_ERROR,
        "#set($code = 502)",
        '#if($error.matches("Throttling.*|TooManyRequestsException"))#set($code = 429)'
        '#set($context.responseOverride.header.Retry-After = "1")#end',
        '#if($error.matches("ExecutionDoesNotExist|InvalidArn"))#set($code = 404)'
        '#set($error = "ExecutionDoesNotExist")'
        '#set($text = "This trigger has no execution of that name.")#end',
        vtl.SET_STATUS,
        vtl.ERROR,
    ]
    return "\n".join(lines)
