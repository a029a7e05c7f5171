"""The OpenAPI document of a REST API as callers meet it: a page, and the file."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from dashboard.models import RestApi
from dashboard.views.triggers import base_url
from infra import openapi
from infra.spec import ApiSpec


def _document(rest_api: RestApi) -> dict[str, Any] | None:
    """What is live; None where nothing is."""
    if rest_api.gone_at or rest_api.live is None or rest_api.live.spec is None:
        return None
    spec = ApiSpec.model_validate(rest_api.live.spec)
    return openapi.document(spec, base_url(rest_api), title=rest_api.name)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation, ready to be read."""
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            body = operation.get("requestBody", {})
            yield operation | {
                "id": operation["operationId"],
                "method": verb.upper(),
                "path": path,
                "security": [_way(document, wanted) for wanted in operation["security"]],
                "body_required": body.get("required", False),
                "bodies": [
                    {"media": media} | {name: _text(document, part) for name, part in of.items()}
                    for media, of in body.get("content", {}).items()
                ],
                "answers": [
                    {"status": status} | _resolved(document, answer)
                    for status, answer in operation["responses"].items()
                ],
            }


def _resolved(document: dict[str, Any], part: Any) -> Any:
    """``part``, or what it refers to in the document's components."""
    if not isinstance(part, dict) or "$ref" not in part:
        return part
    _, _, kind, name = part["$ref"].split("/", 3)
    return document["components"][kind][name]


def _text(document: dict[str, Any], part: Any) -> str:
    part = _resolved(document, part)
    if isinstance(part, str):
        return part
    return json.dumps(part, indent=2, ensure_ascii=False) if part else ""


def _way(document: dict[str, Any], wanted: dict[str, list[str]]) -> str:
    """One way to show who calls, in words."""
    schemes = document["components"]["securitySchemes"]
    words = []
    for name, scopes in wanted.items():
        scheme = schemes[name]
        kind = scheme.get("x-amazon-apigateway-authtype", "")
        if kind == "awsSigv4":
            words.append("whoever signs with IAM credentials (SigV4)")
        elif kind == "cognito_user_pools":
            pool = scheme["openIdConnectUrl"].split("/")[3]
            scope = f" with the scope {' or '.join(scopes)}" if scopes else ""
            words.append(f"a token of the user pool {pool}{scope}")
        elif kind == "custom" and scheme["name"] == "Unused":
            words.append("whom a Lambda authorizer lets in")
        else:
            words.append(f"{scheme['in']} {scheme['name']}")
    return " and ".join(words)


def _rest_api(key: str) -> RestApi:
    return get_object_or_404(
        RestApi.objects.select_related("environment", "live", "domain"), key=key
    )


@require_safe
def page(request: HttpRequest, key: str) -> HttpResponse:
    rest_api = _rest_api(key)
    document = _document(rest_api)
    context = {
        "rest_api": rest_api,
        "document": document,
        "operations": list(_operations(document)) if document else [],
        "text": json.dumps(document, indent=2, ensure_ascii=False) if document else "",
    }
    return render(request, "openapi.html", context)


@require_safe
def download(request: HttpRequest, key: str) -> HttpResponse:
    rest_api = _rest_api(key)
    document = _document(rest_api)
    if document is None:
        messages.error(request, f"Nothing of {rest_api} is live, so there is no document yet.")
        return redirect("rest_api_openapi", key=key)
    answer = HttpResponse(
        json.dumps(document, indent=2, ensure_ascii=False), content_type="application/json"
    )
    answer["Content-Disposition"] = f'attachment; filename="{rest_api.key}.openapi.json"'
    return answer
