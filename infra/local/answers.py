"""How an integration response makes the caller's answer of the backend's.

Source: API Gateway developer guide, "Mapping template transformations for REST APIs",
"Parameter mapping", "Override your API's request and response parameters and status codes".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.services import apigateway_v1

from infra.local.arrival import Arrival, found
from infra.local.call import as_sent
from infra.local.seams import Response, original
from infra.velocity import Rendered, Request, VelocityError, render

_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True)
class Backend:
    """What a backend answered: status, body and headers."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def failed(response_type: str, message: str = "Internal server error") -> Any:
    """An error of the gateway itself, answered through its gateway response."""
    return apigateway_v1._gw_error(response_type, message)


def media_type(headers: Mapping[str, str], name: str) -> str:
    """The first media type of a header, without parameters; application/json if none."""
    value = headers.get(name) or "application/json"
    return value.split(",", 1)[0].split(";", 1)[0].strip().lower()


def template_for(templates: Mapping[str, str], wanted: str) -> str | None:
    """The template for a media type."""
    for key, template in templates.items():
        if key.split(";", 1)[0].strip().lower() == wanted:
            return template
    return None


def rendered(arrival: Arrival, template: str, body: str) -> Rendered:
    """``template`` for the request, with ``body`` as ``$input``; VelocityError if it cannot be."""
    request = Request(
        body=body,
        path=arrival.request["path_params"],
        query=arrival.query(),
        headers=as_sent(arrival.request["headers"]),
        context=arrival.context(),
        stage_variables=arrival.stage.get("variables") or {},
    )
    return render(template, request)


def request_body(arrival: Arrival, integration: Mapping[str, Any]) -> str:
    """What goes to the backend: the rendered request template, or the body as it came."""
    body = arrival.body.decode("utf-8", errors="replace") if arrival.body else ""
    templates = integration.get("requestTemplates") or {}
    wanted = media_type(arrival.request["headers"], "content-type")
    template = template_for(templates, wanted)
    return body if template is None else rendered(arrival, template, body).text


def answer(arrival: Arrival, integration: Mapping[str, Any], backend: Backend) -> Any:
    """The caller's answer, by the integration response whose pattern takes the status."""
    selected = apigateway_v1._select_service_integration_response(integration, backend.status)
    if selected is None:
        return failed("API_CONFIGURATION_ERROR")
    kind, template = _response_template(arrival, selected)
    headers = {"Content-Type": kind} | _mapped_headers(arrival, selected, backend)
    status, text = int(selected.get("statusCode") or backend.status), backend.text
    if template is not None:
        try:
            made = rendered(arrival, template, backend.text)
        except VelocityError:
            return failed("API_CONFIGURATION_ERROR")
        text, status = made.text, made.status or status
        headers = _overridden(headers, made.headers)
    response: Response = (status, headers, b"" if status in _NO_BODY else text.encode())
    return response


def _response_template(arrival: Arrival, selected: Mapping[str, Any]) -> tuple[str, str | None]:
    """Media type and template of the answer: what is accepted, else JSON, else the first."""
    templates = selected.get("responseTemplates") or {}
    for kind in (media_type(arrival.request["headers"], "accept"), "application/json"):
        if (template := template_for(templates, kind)) is not None:
            return kind, template
    return next(iter(templates.items())) if templates else ("application/json", None)


def _overridden(headers: dict[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """``headers`` with ``others`` in place of those of the same name, whatever its case."""
    taken = {name.lower() for name in others}
    return {name: value for name, value in headers.items() if name.lower() not in taken} | {
        **others
    }


def _mapped_headers(
    arrival: Arrival, selected: Mapping[str, Any], backend: Backend
) -> dict[str, str]:
    """The method response headers that the integration response sets ("Parameter mapping")."""
    mapped: dict[str, str] = {}
    for target, source in (selected.get("responseParameters") or {}).items():
        value = _parameter(arrival, str(source), backend)
        if target.startswith("method.response.header.") and value is not None:
            mapped = _overridden(mapped, {target.removeprefix("method.response.header."): value})
    return mapped


def _parameter(arrival: Arrival, source: str, backend: Backend) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    if source.startswith("integration.response.header."):
        wanted = source.removeprefix("integration.response.header.").lower()
        by_name = {name.lower(): value for name, value in backend.headers.items()}
        return by_name.get(wanted)
    if source.startswith("integration.response.body"):
        path = source.removeprefix("integration.response.body")
        value = apigateway_v1._vtl_json_path(backend.text, f"${path}")
        return json.dumps(value) if isinstance(value, dict | list) else str(value)
    if source.startswith("stageVariables."):
        variables = arrival.stage.get("variables") or {}
        return variables.get(source.removeprefix("stageVariables."))
    if source.startswith("context."):
        return found(arrival.context(), source.removeprefix("context."))
    return None


def check_seams() -> None:
    """IncompatibleMinistackError if ministack lacks what this module calls."""
    for needed in ("_select_service_integration_response", "_gw_error", "_vtl_json_path"):
        original(apigateway_v1, needed)
