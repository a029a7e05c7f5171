"""``hashCode()`` as Java computes it."""

import struct
from typing import Any

from infra.velocity.errors import JavaError
from infra.velocity.values import Entry, Number, as_number, bounded, java_text

_DEEPEST = 50


def _int32(value: int) -> int:
    return (value + 0x80000000) % 0x100000000 - 0x80000000


def _of_text(text: str) -> int:
    result = 0
    raw = text.encode("utf-16-be", "surrogatepass")
    for (unit,) in struct.iter_unpack(">H", raw):
        result = (31 * result + unit) & 0xFFFFFFFF
    return _int32(result)


def _of_number(value: float) -> int:
    """An Integer is its own hash; a Long and a Double fold their 64 bits."""
    if isinstance(value, int):
        if -0x80000000 <= value < 0x80000000:
            return value
        bits = value & 0xFFFFFFFFFFFFFFFF
    else:
        (bits,) = struct.unpack(">Q", struct.pack(">d", value))
    return _int32((bits ^ (bits >> 32)) & 0xFFFFFFFF)


def hash_of(value: Any, depth: int = 0) -> int:
    """``value.hashCode()``; JavaError for one that holds itself or too much."""
    if depth > _DEEPEST:
        raise JavaError("This value is nested too deep.")
    if value is None:
        return 0
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, (int, float, Number)):
        return _of_number(as_number(value))
    if depth == 0:
        bounded(java_text(value))  # Refuses what is endless before it is walked.
    if isinstance(value, list):
        result = 1
        for item in value:
            result = (31 * result + hash_of(item, depth + 1)) & 0xFFFFFFFF
        return _int32(result)
    if isinstance(value, dict):
        pairs = value.items()
        return _int32(sum(hash_of(k, depth + 1) ^ hash_of(v, depth + 1) for k, v in pairs))
    if isinstance(value, Entry):
        return hash_of(value.key, depth + 1) ^ hash_of(value.value, depth + 1)
    return 0
