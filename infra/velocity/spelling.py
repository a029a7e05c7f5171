"""How a string literal spells the characters it stands for."""

import re
from dataclasses import dataclass

_HEX = re.compile(r"[0-9A-Fa-f]{4}")


@dataclass(frozen=True, slots=True)
class Spelling:
    """The characters of a string, and where each stands in the text it was read from.

    ``places`` has one more: where the string ends.
    """

    text: str
    places: tuple[int, ...]


def respell(source: str, start: int) -> Spelling | None:
    """What ``source``, a string with its quotes at ``start``, spells; None if it is as written.

    A doubled quote is one quote; in double quotes ``\\uXXXX`` is that character. There are
    no other escapes: ``\\"`` ends the string, ``\\n`` is two characters (Velocity 1.7,
    seen on AWS as well: airspeed-ext 0.6.9). ValueError for a ``\\u`` without four digits.
    """
    quote, inside = source[0], source[1:-1]
    if quote not in inside and (quote == "'" or "\\u" not in inside):
        return None
    units: list[str] = []
    places: list[int] = []
    place = 0
    while place < len(inside):
        places.append(start + 1 + place)
        if quote == '"' and inside.startswith("\\u", place):
            found = _HEX.match(inside, place + 2)
            if found is None:
                raise ValueError("\\u must be followed by four hexadecimal digits.")
            units.append(chr(int(found.group(), 16)))
            place = found.end()
        else:
            units.append(inside[place])
            place += 2 if inside.startswith(quote * 2, place) else 1
    places.append(start + 1 + len(inside))
    return Spelling("".join(units), tuple(places))
