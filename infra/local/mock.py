"""MOCK integrations: an answer without a backend, as CORS preflights are made of.

Source: API Gateway developer guide, "Set up mock integrations in API Gateway": the request
template renders ``{"statusCode": …}``, which selects the integration response.
"""

import re
from collections.abc import Mapping
from typing import Any

from ministack.services import apigateway_v1

from infra.local import answers
from infra.local.arrival import ARRIVAL
from infra.local.seams import replace
from infra.velocity import VelocityError

# CDK writes ``{ statusCode: 204 }``, which API Gateway takes as well.
_STATUS = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})\b""")


def _invoke(integration: Mapping[str, Any]) -> Any:
    """The answer that the integration response for the template's status code makes of nothing."""
    arrival = ARRIVAL.get()
    try:
        status = _STATUS.search(answers.request_body(arrival, integration))
    except VelocityError:
        status = None
    if status is None:
        return answers.failed("API_CONFIGURATION_ERROR")
    return answers.answer(arrival, integration, answers.Backend(int(status.group(1)), ""))


def install() -> None:
    """Answer MOCK integrations with our own templates."""
    answers.check_seams()
    replace(apigateway_v1, "_invoke_mock_v1", _invoke)
