"""The one reader for JSON that others could have written: bounded in bytes, depth, keys and numbers."""

import json
import math
import re
from typing import Any

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 12
MAX_KEYS = 5_000
MAX_DIGITS = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class Untrusted(ValueError):
    """The bytes are not JSON we are willing to read; the text says which rule they break."""


def parse_json(data: bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """JSON from untrusted bytes.

    Raises Untrusted for: more than `max_bytes`, not UTF-8, not JSON, a duplicate key, an object of more than MAX_KEYS
    keys, nesting deeper than MAX_DEPTH, a number that is not finite (NaN, Infinity, 1e999), an integer of more than
    MAX_DIGITS digits, text with a lone surrogate.
    """
    if len(data) > max_bytes:
        raise Untrusted(f"{len(data)} bytes, more than the {max_bytes} that are read")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except UnicodeDecodeError:
        raise Untrusted("not UTF-8 text") from None
    except RecursionError:
        raise Untrusted(f"nested deeper than {MAX_DEPTH}") from None
    except Untrusted:
        raise
    except ValueError as error:
        raise Untrusted(f"not JSON: {error}") from None
    _check(value, 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise Untrusted(f"an object of {len(pairs)} keys, more than {MAX_KEYS}")
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Untrusted(f"key {name[:40]!r} appears twice")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise Untrusted(f"number {name} is not finite")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Untrusted(f"number {text[:40]} is not finite")
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Untrusted(f"an integer of {len(text)} digits, more than {MAX_DIGITS}")
    return int(text)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise Untrusted(f"text {value[:40]!r} is not Unicode")
    elif isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise Untrusted(f"nested deeper than {MAX_DEPTH}")
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(inner, depth + 1)
