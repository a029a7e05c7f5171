"""Signed tokens of Cognito user pools, without the package that ministack signs them with.

ministack's tokens are signed by RS256 where ``cryptography`` is installed; without it they
carry no signature that could be verified, and no authorizer takes them. Source: RFC 8017,
"RSASSA-PKCS1-v1_5"; RFC 7518, "RS256". Made for an emulator: not in constant time.
"""

import base64
import hashlib
import json
import math
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any

from ministack.services import apigateway_v1, cognito

from infra.local.seams import original, replace

BITS = 2048
EXPONENT = 65537
# The DER head of a SHA-256 digest in PKCS #1.
_DIGEST_HEAD = bytes.fromhex("3031300d060960864801650304020105000420")
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]


def _is_prime(number: int) -> bool:
    """Miller and Rabin's test, 16 times: wrong once in 4**16."""
    if any(number % small == 0 for small in _SMALL_PRIMES):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        seen = pow(secrets.randbelow(number - 3) + 2, odd, number)
        for _ in range(twos):
            if seen in (1, number - 1):
                break
            seen = seen * seen % number
        if seen not in (1, number - 1):
            return False
    return True


def _prime() -> int:
    """A random prime of half the key's length, its two highest bits set."""
    half = BITS // 2
    while True:
        number = secrets.randbits(half) | 3 << (half - 2) | 1
        if math.gcd(number - 1, EXPONENT) == 1 and _is_prime(number):
            return number


@cache
def _key() -> tuple[int, int]:
    """Modulus and private exponent of the pools' key; made once, which takes about a second."""
    first, second = _prime(), _prime()
    return first * second, pow(EXPONENT, -1, math.lcm(first - 1, second - 1))


def _padded(message: bytes, size: int) -> int:
    digest = _DIGEST_HEAD + hashlib.sha256(message).digest()
    return int.from_bytes(b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest, "big")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _public() -> dict[str, str]:
    modulus, _ = _key()
    raw = modulus.to_bytes(BITS // 8, "big")
    names = {"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": _base64(raw)}
    return names | {"kid": _base64(hashlib.sha256(raw).digest())}


def _keys(pool_id: str) -> Any:
    """``/<pool>/.well-known/jwks.json``."""
    document = json.dumps({"keys": [_public()]}).encode()
    return 200, {"Content-Type": "application/json"}, document


def _signed(claims: Mapping[str, Any], pool_id: str = "", use: str = "") -> str:
    """A JSON Web Token of ``claims``."""
    head = {"alg": "RS256", "kid": _public()["kid"]}
    message = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    modulus, private = _key()
    signature = pow(_padded(message.encode(), BITS // 8), private, modulus)
    return f"{message}.{_base64(signature.to_bytes(BITS // 8, 'big'))}"


def _is_signed(token: str, jwk: Mapping[str, str]) -> bool:
    """Whether ``token`` was signed with the key whose public part is ``jwk``."""
    message, _, signature = token.rpartition(".")
    modulus = int.from_bytes(apigateway_v1._b64url_decode(jwk.get("n", "")), "big")
    given = int.from_bytes(apigateway_v1._b64url_decode(signature), "big")
    if not 0 < given < modulus:
        return False
    return pow(given, EXPONENT, modulus) == _padded(
        message.encode(), (modulus.bit_length() + 7) // 8
    )


def install() -> None:
    """Sign and verify here, unless ministack can."""
    if original(cognito, "_RSA_PRIVATE_KEY") is not None:
        return
    original(apigateway_v1, "_b64url_decode")
    replace(cognito, "_signed_jwt", _signed)
    replace(cognito, "well_known_jwks", _keys)
    replace(apigateway_v1, "_verify_rs256_signature", _is_signed)
