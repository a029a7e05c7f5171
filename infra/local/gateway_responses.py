"""The gateway's own answers: their templates and headers know all of ``$context``.

Source: API Gateway developer guide, "Gateway responses in API Gateway": templates take
``$context`` and ``$stageVariables`` variables only, no Velocity ("no mapping template
scripts").
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

from infra.local.arrival import ARRIVAL, found
from infra.local.seams import original, replace


def _variable(name: str) -> str | None:
    """What ``context.<…>`` is for the current request; None where it has no such thing.

    ``validationErrorString`` has quotes of its own; they come escaped, as it is made to stand
    between quotes in JSON.
    """
    arrival, path = ARRIVAL.get(None), name.removeprefix("context.")
    if arrival is None:
        return None
    if path == "error.validationErrorString":
        return json.dumps(arrival.validation_error)[1:-1]
    return found(arrival.context(), path)


class _TemplateVariables:
    """The variables of a gateway response, with those that ministack leaves as they stand."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def sub(self, known: Callable[[re.Match[str]], str], template: str) -> str:
        """``template`` with each variable replaced; ``known`` knows ministack's own."""

        def value(match: re.Match[str]) -> str:
            given = known(match)
            if given != match.group(0):
                return given
            ours = _variable(match.group(1) or match.group(2))
            return given if ours is None else ours

        return self._pattern.sub(value, template)


def _header_value(
    known: Callable[..., str | None], source: str, request: Mapping[str, Any]
) -> str | None:
    """What a ``gatewayresponse.header.…`` is mapped from: any ``context.…`` as well."""
    value = known(source, request)
    return _variable(source) if value is None and source.startswith("context.") else value


def install() -> None:
    """Let gateway responses use every variable."""
    pattern = original(apigateway_v1, "_GATEWAY_TEMPLATE_VARIABLE")
    replace(apigateway_v1, "_GATEWAY_TEMPLATE_VARIABLE", _TemplateVariables(pattern))
    name = "_gateway_request_value"
    replace(apigateway_v1, name, functools.partial(_header_value, original(apigateway_v1, name)))
