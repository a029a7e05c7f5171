"""Operators of Velocity 1.7 on values; null in, null out for sums, false for comparisons."""

import math
from typing import Any

from infra.velocity.values import as_number, is_number, java_text


def apply(operator: str, left: Any, right: Any) -> Any:
    """``left operator right``, None for null. Sums of texts are the caller's."""
    if operator == "==":
        return same(left, right)
    if operator == "!=":
        return not same(left, right)
    both = is_number(left) and is_number(right)
    if operator in ("<", "<=", ">", ">="):
        return both and _ordered(operator, as_number(left), as_number(right))
    if not both:
        return None
    return _calculate(operator, as_number(left), as_number(right))


def same(left: Any, right: Any) -> bool:
    """``==``: numbers by size, values of one kind by content, others by their text."""
    if left is None or right is None:
        return left is right
    if is_number(left) and is_number(right):
        return as_number(left) == as_number(right)
    for kind in (str, bool, list, dict):
        if isinstance(left, kind) and isinstance(right, kind):
            return bool(left == right)
    return java_text(left) == java_text(right)


def _ordered(operator: str, left: float, right: float) -> bool:
    if operator == "<":
        return left < right
    if operator == "<=":
        return left <= right
    if operator == ">":
        return left > right
    return left >= right


def _calculate(operator: str, left: float, right: float) -> Any:
    """Integers divide as in Java: towards zero; a division by zero is null."""
    if operator in ("/", "%") and right == 0:
        return None
    try:
        if operator == "+":
            return left + right
        if operator == "-":
            return left - right
        if operator == "*":
            return left * right
        if operator == "%":
            return _remainder(left, right)
        if isinstance(left, int) and isinstance(right, int):
            return _quotient(left, right)
        return left / right
    except OverflowError:
        return None


def _quotient(left: int, right: int) -> int:
    size = abs(left) // abs(right)
    return size if (left < 0) == (right < 0) else -size


def _remainder(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return left - right * _quotient(left, right)
    return math.fmod(left, right) if math.isfinite(left) else math.nan
