"""What every value has in common: frozen, strict about keys, and JSON that reads back to the bit."""

import hashlib
import json
import math
import struct
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FiniteFloat, PlainSerializer

_QUIET_NAN = struct.pack(">d", math.nan)


def double_to_json(value: float) -> float | str:
    """A double as JSON can carry it: a number, or a string for NaN (with its bits if unusual) and the infinities."""
    if math.isfinite(value):
        return value
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    bits = struct.pack(">d", value)
    return "NaN" if bits == _QUIET_NAN else f"NaN:{bits.hex()}"


def double_from_json(value: object) -> object:
    """The inverse of `double_to_json`; anything it does not know is passed on for pydantic to refuse."""
    if isinstance(value, str):
        if value == "NaN":
            return math.nan
        if value in ("Infinity", "-Infinity"):
            return math.inf if value == "Infinity" else -math.inf
        if value.startswith("NaN:") and len(value) == 20:
            try:
                number = struct.unpack(">d", bytes.fromhex(value[4:]))[0]
            except ValueError:
                return value
            return number if math.isnan(number) else value
    return value


Double = Annotated[
    float, BeforeValidator(double_from_json), PlainSerializer(double_to_json, return_type=float | str, when_used="json")
]
"""A 64-bit float that survives JSON to the bit, NaN, infinities and -0.0 included."""

Scalar = bool | int | FiniteFloat | str
"""What a parameter may be."""


class Value(BaseModel):
    """Base of every value: immutable, no unknown keys, no silent conversion between types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=True,
        ser_json_inf_nan="constants",
        serialize_by_alias=True,  # what is written has to read back
    )

    def to_json(self) -> str:
        """The value as indented JSON in the order its fields are declared in, with a final newline."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def canonical(data: Any) -> bytes:
    """One byte form for equal JSON data: sorted keys, no spaces. `data` holds JSON types only."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="surrogatepass")  # file names may hold bytes that are not UTF-8


def digest(data: Any) -> str:
    """SHA-256 (hex) of the canonical form of `data`."""
    return hashlib.sha256(canonical(data)).hexdigest()


def double_bits(value: float) -> str:
    """The 64 bits of a double as 16 hex digits: equal exactly when the bits are equal (0.0 and -0.0 are not)."""
    return struct.pack(">d", value).hex()
