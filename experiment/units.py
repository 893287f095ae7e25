"""Sizes and durations as people write them: "16GiB", "2h"."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

_SIZES = {"": 1, "B": 1, **{f"{p}B": 1000**i for i, p in enumerate("kMGT", 1)}} | {
    f"{p}iB": 1024**i for i, p in enumerate("KMGT", 1)
}
_TIMES = {"": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,15})?"
_WRITTEN = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>[A-Za-z]*)")


def parse_size(value: object) -> object:
    """Bytes for "512MiB", "2GB" or a number of bytes; ValueError names what is allowed."""
    if not isinstance(value, str):
        return value
    match = _WRITTEN.fullmatch(value.strip())
    unit = next((u for u in _SIZES if match and u.lower() == match["unit"].lower()), None)
    if match is None or unit is None:
        raise ValueError(f"not a size: {value[:40]!r}; write for example 512MiB, 16GiB or 2GB")
    return int(Fraction(match["number"]) * _SIZES[unit])


def parse_duration(value: object) -> object:
    """Seconds for "90s", "30min", "2h", "1d" or a number of seconds; ValueError names what is allowed."""
    if not isinstance(value, str):
        return value
    match = _WRITTEN.fullmatch(value.strip())
    if match is None or match["unit"] not in _TIMES:
        raise ValueError(f"not a duration: {value[:40]!r}; write for example 90s, 30min or 2h")
    return float(match["number"]) * _TIMES[match["unit"]]


_SizeText = Annotated[str, StringConstraints(pattern=rf"^\s*{_NUMBER}\s*(([kKmMgGtT][iI]?)?[bB])?\s*$")]
_DurationText = Annotated[str, StringConstraints(pattern=rf"^\s*{_NUMBER}\s*(s|m|min|h|d)?\s*$")]

Size = Annotated[
    int, Field(gt=0), BeforeValidator(parse_size, json_schema_input_type=Annotated[int, Field(gt=0)] | _SizeText)
]
"""Bytes."""

Duration = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    BeforeValidator(parse_duration, json_schema_input_type=Annotated[float, Field(gt=0)] | _DurationText),
]
"""Seconds."""
