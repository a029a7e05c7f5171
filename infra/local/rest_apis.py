"""What ministack drops of a REST API: properties of its resource, and tags of its parts.

Sources: CloudFormation reference, AWS::ApiGateway::RestApi; API Gateway API reference,
GetTags, TagResource, UntagResource (a resource's tags are the same wherever they are read).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1

from infra.local.seams import Response, original, replace

_PROPERTIES = {
    "ApiKeySourceType": "apiKeySource",
    "DisableExecuteApiEndpoint": "disableExecuteApiEndpoint",
}


def _from_stack(create: Callable[..., Any], logical_id: str, props: Any, stack_name: str) -> Any:
    """AWS::ApiGateway::RestApi: with the properties that ministack sets only on updates."""
    made = create(logical_id, props, stack_name)
    for given, kept in _PROPERTIES.items():
        if given in props:
            apigateway_v1._rest_apis[made[0]][kept] = props[given]
    return made


def endpoint_is_disabled(api_id: str) -> bool:
    """Whether an API answers at its custom domains only."""
    disabled = (apigateway_v1._rest_apis.get(api_id) or {}).get("disableExecuteApiEndpoint")
    return str(disabled).lower() == "true"


def _tags(arn: str) -> dict[str, str] | Response:
    """The tags of the resource ``arn``, to read and to change; an answer if there is none."""
    known, refusal = apigateway_v1._resolve_v1_tag_resource_arn(arn)
    if refusal is not None:
        answer: Response = refusal
        return answer
    parts = known.split("::/", 1)[1].split("/")
    stores = {
        "restapis": apigateway_v1._rest_apis,
        "apikeys": apigateway_v1._api_keys,
        "usageplans": apigateway_v1._usage_plans,
        "domainnames": apigateway_v1._domain_names,
    }
    record = stores[parts[0]][parts[1]]
    if len(parts) == 4:
        record = apigateway_v1._stages_v1[parts[1]][parts[3]]
    tags: dict[str, str] = record.setdefault("tags", {})
    return tags


def _get(arn: str) -> Response:
    tags = _tags(arn)
    if isinstance(tags, tuple):
        return tags
    answer: Response = apigateway_v1._v1_response({"tags": tags})
    return answer


def _add(arn: str, data: Mapping[str, Any]) -> Response:
    tags = _tags(arn)
    if isinstance(tags, tuple):
        return tags
    tags.update(data.get("tags") or {})
    return 204, {}, b""


def _remove(arn: str, keys: list[str]) -> Response:
    tags = _tags(arn)
    if isinstance(tags, tuple):
        return tags
    for key in keys:
        tags.pop(key, None)
    return 204, {}, b""


def install() -> None:
    """Put the rules in front of ministack's handlers."""
    from ministack.services.cloudformation import provisioners

    original(apigateway_v1, "_resolve_v1_tag_resource_arn")
    replace(apigateway_v1, "_get_v1_tags", _get)
    replace(apigateway_v1, "_tag_v1_resource", _add)
    replace(apigateway_v1, "_untag_v1_resource", _remove)
    handlers = original(provisioners, "_RESOURCE_HANDLERS")["AWS::ApiGateway::RestApi"]
    handlers["create"] = functools.partial(_from_stack, handlers["create"])
