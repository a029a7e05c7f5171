"""Who signed a call of a method with AWS_IAM authorization (Signature Version 4).

Sources: IAM user guide, "Signature Version 4 signing process"; API Gateway developer guide,
"Gateway response types" (INVALID_SIGNATURE, EXPIRED_TOKEN, MISSING_AUTHENTICATION_TOKEN).
Every key's signature is checked, the root's (``test``) too.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator, sigv4
from ministack.services import apigateway_v1

from infra.local.call import SENT
from infra.local.seams import original

Query = Mapping[str, list[str]]

_UNKNOWN = "The security token included in the request is invalid."


class RefusedError(Exception):
    """A call that the gateway does not let through; ``gateway_error`` is its answer."""

    def __init__(self, gateway_error: Any) -> None:
        super().__init__(gateway_error.message)
        self.gateway_error = gateway_error


def _refused(code: str, message: str) -> RefusedError:
    response_type, error_type = apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS.get(
        code, ("DEFAULT_4XX", "UnrecognizedClientException")
    )
    return RefusedError(apigateway_v1._GatewayError(response_type, message, error_type))


def _header_lines() -> dict[str, str]:
    """The headers as they are signed: a repeated one is its values joined by a bare comma."""
    lines: dict[str, str] = {}
    for name, value in SENT.get().headers:
        key = name.lower()
        lines[key] = f"{lines[key]},{value}" if key in lines else value
    return lines


def _parts(headers: Mapping[str, str], query: Query) -> tuple[Any, bool]:
    """The signature of a call and whether it stands in the query string; RefusedError if none."""
    if "X-Amz-Signature" in query and "authorization" not in headers:
        signature, presigned = sigv4.parse_query_signature(query), True
    elif not headers.get("authorization"):
        raise RefusedError(
            apigateway_v1._gw_error("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        )
    elif not headers["authorization"].startswith("AWS4-HMAC-SHA256"):
        failure = sigv4.foreign_authorization_failure(headers)
        raise _refused(*(failure or ("IncompleteSignature", "Unsupported AWS 'algorithm'.")))
    else:
        signature, presigned = sigv4.parse_header_signature(headers), False
    if isinstance(signature, tuple):
        raise _refused(*signature)
    return signature, presigned


def _out_of_date(signature: Any, query: Query, *, presigned: bool) -> tuple[str, str] | None:
    """Why the date of a signature is refused, if it is."""
    expires = (query.get("X-Amz-Expires") or [""])[0]
    if presigned and expires.isdigit():
        if sigv4.presigned_request_is_expired(signature.amz_date, expires):
            return "RequestTimeTooSkewed", f"Signature expired: {signature.amz_date}"
        return None
    skewed: tuple[str, str] | None = sigv4.request_time_failure(signature)
    return skewed


def _wrong_scope(signature: Any, region: str) -> str | None:
    """Why a signature is none for this gateway, if it is for another service or Region."""
    if signature.service != "execute-api":
        return "Credential should be scoped to correct service: 'execute-api'. "
    if signature.region != region:
        return f"Credential should be scoped to a valid region, not '{signature.region}'. "
    return None


def signer(body: bytes, query: Query, account: str, region: str) -> Any:
    """The principal that signed the current call, with its policies; RefusedError if nobody did.

    ``body`` is the request's; ``query`` its query string as name → values.
    """
    sent, headers = SENT.get(), _header_lines()
    signature, presigned = _parts(headers, query)
    if late := _out_of_date(signature, query, presigned=presigned):
        raise _refused(*late)
    token = (query.get("X-Amz-Security-Token") or [""])[0] if presigned else ""
    credential = iam_evaluator.resolve_credential(
        signature.access_key_id, account, token or headers.get("x-amz-security-token", "")
    )
    if isinstance(credential, iam_evaluator.CredentialResolutionError):
        expired = credential.code == "ExpiredTokenException"
        raise _refused(credential.code, credential.message if expired else _UNKNOWN)
    if wrong := _wrong_scope(signature, region):
        raise _refused("SignatureDoesNotMatch", wrong)
    failure = sigv4.header_signature_failure(
        signature,
        credential.secret_access_key,
        sent.method,
        sent.path,
        query,
        headers,
        body,
        presigned=presigned,
        explain=True,
    )
    if failure:
        raise _refused(*failure)
    principal = iam_evaluator.resolve_principal(signature.access_key_id, account, credential)
    if isinstance(principal, iam_evaluator.AuthError):
        raise _refused(principal.code, principal.message)
    return principal


def check_seams() -> None:
    """IncompatibleMinistackError if ministack lacks what this module calls."""
    for module, names in (
        (apigateway_v1, ("_AUTHENTICATION_GATEWAY_ERRORS", "_GatewayError", "_gw_error")),
        (iam_evaluator, ("resolve_credential", "resolve_principal", "CredentialResolutionError")),
        (
            sigv4,
            (
                "parse_header_signature",
                "parse_query_signature",
                "presigned_request_is_expired",
                "request_time_failure",
                "header_signature_failure",
                "foreign_authorization_failure",
            ),
        ),
    ):
        for name in names:
            original(module, name)
