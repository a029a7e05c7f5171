"""Rules on single texts of a specification; ValueError says in words what is wrong.

What a person typed reaches VTL, IAM and CloudFormation only in a form that means nothing
there but itself: these rules say which form that is.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError

INPUT_BYTES = 262_144
"""What StartExecution takes as input at most (Step Functions service quotas)."""

CONTEXT = {
    "requestId": "$context.extendedRequestId",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "stage": "$context.stage",
    "apiId": "$context.apiId",
    "accountId": "$context.accountId",
    "requestTime": "$context.requestTimeEpoch",
    "callerArn": "$context.identity.userArn",
    "apiKeyId": "$context.identity.apiKeyId",
}
"""Name of a request's context value → API Gateway's variable."""

RESERVED = {
    "{{resolve:": "CloudFormation would put a parameter or a secret in its place",
    "{Token[": "the CDK would put a value of its own in its place",
}
"""What means something in a template wherever it stands → why no text may hold it.

Sources: CloudFormation user guide, "Get values stored in other services using dynamic
references"; CDK developer guide, "Tokens and the AWS CDK".
"""

_HEADER = re.compile(r"[A-Za-z0-9._-]{1,128}")
_RESPONSE_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_PARAMETER = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PREFIX = re.compile(r"[\x21-\x7e]{0,32}")
_HEADER_VALUE = re.compile(r"[A-Za-z0-9 !%&()*+,./:;<=>?@^_|~{}\[\]-]{0,1024}")
_QUERY = re.compile(r"[A-Za-z0-9._~:@*!+,;\[\]-]{1,128}")
_CLAIM = re.compile(r"(claims\.)?[A-Za-z0-9_:./-]{1,128}")
_JSON_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,6}\]|\['[A-Za-z0-9_ .:@/-]+'\])*")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
_ERROR = re.compile(r"[A-Za-z0-9_.:-]{1,256}")
_DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_TAG = re.compile(r"[^\W_]|[ +\-=._:/@]")
_BASE_PATH = re.compile(r"[A-Za-z0-9$\-_.+!*'()]{1,300}")
TAGS = 48
"""API Gateway takes 50 tags (its quotas); Stepgate marks what is its own by two."""
_NOT_TO_BE_SET = frozenset(
    {
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "date",
        "location",
        "vary",
        "x-amz-apigw-id",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    }
)


def each(check: Callable[[str], str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """``check`` for every text of a tuple, and none of them twice."""

    def check_all(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            check(value)
            if values.count(value) > 1:
                raise ValueError(f"“{value}” stands here twice.")
        return values

    return check_all


def unless_empty(check: Callable[[str], str]) -> Callable[[str], str]:
    """``check`` for a text that may be left out."""

    def check_given(value: str) -> str:
        return check(value) if value else value

    return check_given


def check_json(text: str) -> None:
    """Raises ValueError where ``text`` is no JSON document, with line and column.

    Strict as Step Functions is: NaN and Infinity are no JSON.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON.")

    try:
        json.loads(text, parse_int=str, parse_constant=refuse)
    except RecursionError:
        raise ValueError("This is nested too deeply to be read.") from None


def check_default(kind: str, text: str) -> None:
    """A JSON value of the type that the field has, or null."""
    try:
        check_json(text)
    except ValueError as error:
        raise ValueError(
            f"The default {text} is not JSON ({error}): write texts in quotes."
        ) from None
    value = json.loads(text)
    right = {
        "STRING": isinstance(value, str),
        "NUMBER": isinstance(value, int | float) and not isinstance(value, bool),
        "BOOLEAN": isinstance(value, bool),
    }.get(kind, True)
    if value is not None and not right:
        raise ValueError(
            f"The default {text} is not of the type of the field: write texts in quotes."
        )


def check_schema(text: str) -> None:
    """``text`` is a JSON Schema of draft 4, the one that API Gateway reads."""
    check_json(text)
    schema = json.loads(text)
    if not isinstance(schema, dict):
        raise ValueError("A schema is a JSON object, for example {“type”: “object”}.")
    if "draft-04" not in str(schema.get("$schema", "draft-04")):
        raise ValueError(f"API Gateway reads draft 4 only, and this says {schema['$schema']}.")
    try:
        Draft4Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the schema"
        raise ValueError(f"{place}: {error.message} (JSON Schema, draft 4)") from None
    except RecursionError:
        raise ValueError("This is nested too deeply to be read.") from None


def is_header(name: str) -> bool:
    return _HEADER.fullmatch(name) is not None


def check_header(name: str) -> str:
    if not is_header(name):
        raise ValueError(f"“{name}” is not the name of a header, as in X-Tenant.")
    return name


def check_json_path(path: str) -> str:
    """A path to one place: names and indexes, no filter and no wildcard."""
    if not _JSON_PATH.fullmatch(path):
        raise ValueError(
            f"“{path}” is not a path to one value, as in $.order.id, $.items[0] or $['a key']."
        )
    return path


def check_parameter(text: str) -> str:
    """``header.NAME`` or ``query.NAME``, in characters that PutMethod takes."""
    kind, _, name = text.partition(".")
    if kind not in ("header", "query") or not _PARAMETER.fullmatch(name):
        raise ValueError(
            f"“{text}” is not header.NAME or query.NAME, with a name of letters, digits and . _ -"
        )
    return text


def check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Origins, or ``*`` alone."""
    each(check_origin)(origins)
    if "*" in origins and len(origins) > 1:
        raise ValueError("* is every origin: name no other one beside it.")
    return origins


def check_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError("What stands before a signature has up to 32 ASCII characters, no space.")
    return text


def check_claim(name: str) -> str:
    if not _CLAIM.fullmatch(name):
        raise ValueError(f"“{name}” is not the name of an authorizer value or claims.NAME.")
    return name


def check_source(source: str, value: str) -> None:
    """Whether ``value`` names something in ``source`` of a request."""
    if source == "BODY":
        check_json_path(value)
    elif source == "HEADER":
        check_header(value)
    elif source == "CONSTANT":
        check_json(value)
    elif source == "CONTEXT":
        if value not in CONTEXT and not value.startswith("authorizer."):
            raise ValueError(
                f"“{value}” is no value of a request's context: choose {', '.join(CONTEXT)}, "
                "authorizer.NAME or authorizer.claims.NAME."
            )
        check_claim(value.removeprefix("authorizer."))
    elif not _QUERY.fullmatch(value):
        raise ValueError(f"“{value}” is not the name of a parameter.")


def check_origin(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(f"“{origin}” is not an origin, as in https://shop.example.com or *.")
    return origin


def check_scope(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        raise ValueError(f"“{scope}” is not an OAuth scope, as in orders/write.")
    return scope


def check_domain_name(name: str) -> str:
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise ValueError("This is not a domain name in lower case, as in api.example.com.")
    return name


def check_address_block(block: str) -> str:
    """An IPv4 or IPv6 address or CIDR block, as ``aws:SourceIp`` takes it."""
    _, slash, bits = block.partition("/")
    try:
        if "%" in block or (slash and not (bits.isascii() and bits.isdecimal())):
            raise ValueError("write it as an address, a slash and the number of bits")
        ipaddress.ip_network(block)
    except ValueError as error:
        raise ValueError(f"“{block}” is not an address or a CIDR block: {error}.") from None
    return block


def check_response_headers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Names and values that mean nothing to API Gateway's mapping but themselves."""
    pairs = tuple(pairs)
    names = [name.lower() for name, _ in pairs]
    for name, value in pairs:
        if not _RESPONSE_HEADER.fullmatch(name):
            raise ValueError(f"“{name}” is not a header of letters, digits and dashes.")
        lower = name.lower()
        if lower in _NOT_TO_BE_SET or lower.startswith("access-control-"):
            raise ValueError(f"{name} is set by Stepgate or API Gateway itself.")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"{name}: a value holds ASCII letters, digits and punctuation, "
                "but no quotes, backslash, $ or #."
            )
        if names.count(lower) > 1:
            raise ValueError(f"{name} stands here twice.")
    return pairs


def check_error_statuses(pairs: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Error name of a workflow → the HTTP status it becomes, 400 to 599."""
    pairs = tuple(pairs)
    names = [name for name, _ in pairs]
    for name, status in pairs:
        if not _ERROR.fullmatch(name):
            raise ValueError(f"“{name}” is not the name of an error, as in OrderNotFound.")
        if not 400 <= status <= 599:
            raise ValueError(f"{name}: {status} is not an HTTP error; use 400 to 599.")
        if names.count(name) > 1:
            raise ValueError(f"{name} stands here twice.")
    return pairs


def check_tags(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Names and values as AWS takes them, and none that AWS or Stepgate sets.

    Source: AWS general reference, "Tagging AWS resources", and API Gateway developer guide,
    "Tag restrictions".
    """
    pairs = tuple(pairs)
    if len(pairs) > TAGS:
        raise ValueError(f"These are {len(pairs)} tags; {TAGS} at most, as Stepgate sets two more.")
    names = [name for name, _ in pairs]
    for name, value in pairs:
        if name.lower().startswith(("aws:", "stepgate:")):
            raise ValueError(f"{name}: tags of this beginning are set by AWS and Stepgate alone.")
        for text, most in ((name, 128), (value, 256)):
            if len(text) > most:
                raise ValueError(f"“{text[:20]}…” is longer than {most} characters.")
            if wrong := next((each for each in text if not _TAG.fullmatch(each)), ""):
                raise ValueError(
                    f"“{wrong}” in “{text}”: a tag holds letters, digits, spaces and "
                    "+ - = . _ : / @ only."
                )
        if not name:
            raise ValueError("A tag has a name.")
        if names.count(name) > 1:
            raise ValueError(f"{name} stands here twice.")
    return pairs


def check_base_path(path: str) -> str:
    """One part of a path, as a base path mapping of a REST API takes it.

    Source: API Gateway developer guide, "Use API mappings to connect API stages to a custom
    domain name for REST APIs": several levels need an API mapping of API Gateway V2.
    """
    if path in {".", "..", "(none)"} or not _BASE_PATH.fullmatch(path):
        raise ValueError(
            f"“{path}” is not one part of a path, as in shop: letters, digits and $-_.+!*'() "
            "only, with no slash."
        )
    return path
