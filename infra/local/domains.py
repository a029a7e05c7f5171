"""Custom domain names, where AWS is stricter than ministack.

Sources: API reference, CreateDomainName, CreateBasePathMapping, DeleteRestApi, DeleteStage;
API Gateway developer guide, "Custom domain name for public REST APIs in API Gateway".
Deleting a domain name deletes its mappings, as ministack has it.
"""

import contextlib
import functools
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ministack.app
from ministack.core.responses import get_region
from ministack.services import apigateway_v1

from infra.local import resource_errors
from infra.local.seams import Response, original, replace

Data = dict[str, Any]
EMPTY = "(none)"


def _refused(code: str, message: str, status: int) -> Response:
    refusal: Response = apigateway_v1._v1_error(code, message, status)
    return refusal


def _create_domain(create: Callable[[Data], Response], data: Data) -> Response:
    """CreateDomainName: once in a Region, whoever has it, with a certificate."""
    name = str(data.get("domainName", "")).lower()
    for (_, region, taken), _ in apigateway_v1._domain_names.all_items():
        if region == get_region() and taken.lower() == name:
            message = "The domain name you provided already exists."
            return _refused("BadRequestException", message, 400)
    types = (data.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
    needed = "regionalCertificateArn" if "REGIONAL" in types else "certificateArn"
    if not data.get(needed):
        return _refused("BadRequestException", f"{needed} is required", 400)
    response = create(data)
    domain = apigateway_v1._domain_names.get(data["domainName"])
    if response[0] >= 400 or domain is None:
        return response
    label = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
    domain["regionalDomainName"] = f"d-{label}.execute-api.{get_region()}.amazonaws.com"
    made: Response = apigateway_v1._v1_response(domain, 201)
    return made


def _create_mapping(create: Callable[[str, Data], Response], domain: str, data: Data) -> Response:
    """CreateBasePathMapping: of a free base path to a stage that exists."""
    path, api_id = data.get("basePath") or EMPTY, data.get("restApiId", "")
    if path in apigateway_v1._base_path_mappings.get(domain, {}):
        message = "Base path already exists for this domain name"
        return _refused("ConflictException", message, 409)
    if api_id not in apigateway_v1._rest_apis:
        return _refused("BadRequestException", "Invalid REST API identifier specified", 400)
    stage = data.get("stage")
    if stage and stage not in apigateway_v1._stages_v1.get(api_id, {}):
        return _refused("BadRequestException", "Invalid stage identifier specified", 400)
    return create(domain, {**data, "basePath": path})


def _mapped_by(api_id: str, stage: str | None = None) -> list[str]:
    """The domains with a mapping to an API, or to one of its stages."""
    return sorted(
        name
        for name, mappings in apigateway_v1._base_path_mappings.items()
        for mapping in mappings.values()
        if mapping["restApiId"] == api_id and stage in (None, mapping["stage"])
    )


def _delete_api(delete: Callable[[str], Response], api_id: str) -> Response:
    """DeleteRestApi: not while a domain maps to it."""
    if domains := _mapped_by(api_id):
        message = (
            f"Deleting RestApi {api_id} failed. Please remove all base path mappings related "
            f"to the RestApi in your domains: {', '.join(domains)}"
        )
        return _refused("BadRequestException", message, 400)
    return delete(api_id)


def _delete_stage(delete: Callable[[str, str], Response], api_id: str, stage: str) -> Response:
    """DeleteStage: not while a domain maps to it."""
    if domains := _mapped_by(api_id, stage):
        message = (
            f"Deleting stage {stage} failed. Please remove all base path mappings related "
            f"to the stage in your domains: {', '.join(domains)}"
        )
        return _refused("BadRequestException", message, 400)
    return delete(api_id, stage)


def _resolve(
    resolve: Callable[..., tuple[str, str, str] | None], domain: str, path: str
) -> tuple[str, str, str] | None:
    """Where a call to a custom domain arrives: nowhere (an API of no name) without a mapping."""
    found = resolve(domain, path)
    if found is None and apigateway_v1.find_domain_scope(domain) is not None:
        return "", "", path
    return found


def _deleted_by_stack(of: Callable[[str, Mapping[str, Any]], Response]) -> Callable[..., None]:
    """A stack's deletion, failed by what AWS refuses; what is gone already is no failure."""

    def delete(physical_id: str, props: Mapping[str, Any]) -> None:
        response = of(physical_id, props)
        if response[0] >= 400 and response[0] != 404:
            raise ValueError(resource_errors.reason(response[2]))

    return delete


@contextlib.contextmanager
def _set_aside(store: Any, key: str) -> Iterator[None]:
    """Let a handler that updates by creating create what exists; put it back if that fails."""
    kept = store.pop(key, None)
    try:
        yield
    except ValueError:
        if kept is not None:
            store[key] = kept
        raise


def _update_mapping(
    update: Callable[..., Any], physical_id: str, old: Any, new: Any, stack: str
) -> Any:
    """AWS::ApiGateway::BasePathMapping: changed in place, or replaced."""
    mappings = apigateway_v1._base_path_mappings.get(old.get("DomainName", ""), {})
    same = [old.get(key) for key in ("DomainName", "BasePath")] == [
        new.get(key) for key in ("DomainName", "BasePath")
    ]
    if not same:
        return update(physical_id, old, new, stack)
    with _set_aside(mappings, old.get("BasePath") or EMPTY):
        return update(physical_id, old, new, stack)


def _update_domain(
    update: Callable[..., Any], physical_id: str, old: Any, new: Any, stack: str
) -> Any:
    """AWS::ApiGateway::DomainName: changed in place, with its target name, or replaced."""
    if new.get("DomainName") != physical_id:
        return update(physical_id, old, new, stack)
    target = apigateway_v1._domain_names.get(physical_id, {}).get("regionalDomainName")
    with _set_aside(apigateway_v1._domain_names, physical_id):
        changed, attributes = update(physical_id, old, new, stack)
    apigateway_v1._domain_names[physical_id]["regionalDomainName"] = target
    return changed, attributes | {"RegionalDomainName": target}


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    for needed in ("_domain_names", "_base_path_mappings", "_rest_apis", "_stages_v1"):
        original(apigateway_v1, needed)
    rules: dict[str, Callable[..., Any]] = {
        "_create_domain_name": _create_domain,
        "_create_base_path_mapping": _create_mapping,
        "_delete_rest_api": _delete_api,
        "_delete_stage": _delete_stage,
        "resolve_base_path_mapping": _resolve,
    }
    for name, rule in rules.items():
        replace(apigateway_v1, name, functools.partial(rule, original(apigateway_v1, name)))
    original(ministack.app, "_resolve_custom_domain_request")
    handlers = original(provisioners, "_RESOURCE_HANDLERS")
    handlers["AWS::ApiGateway::RestApi"]["delete"] = _deleted_by_stack(
        lambda physical_id, _: apigateway_v1._delete_rest_api(physical_id)
    )
    handlers["AWS::ApiGateway::Stage"]["delete"] = _deleted_by_stack(
        lambda physical_id, props: apigateway_v1._delete_stage(
            props.get("RestApiId", ""), props.get("StageName") or physical_id
        )
    )
    for kind, rule in (("BasePathMapping", _update_mapping), ("DomainName", _update_domain)):
        of_kind = handlers[f"AWS::ApiGateway::{kind}"]
        of_kind["update"] = functools.partial(rule, of_kind["update"])
