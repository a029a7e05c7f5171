"""Medians, percentiles and plain aligned text."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0 to 1) of ``values`` do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def text(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """``rows`` under ``head``: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        return "  ".join([first, *map(str.rjust, cells[1:], widths[1:])]).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
