"""Sizes and durations as people write them."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from experiment.units import Duration, Size, parse_duration, parse_size

SIZE: TypeAdapter[int] = TypeAdapter(Size)
DURATION: TypeAdapter[float] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("512", 512),
        ("512B", 512),
        ("2GB", 2_000_000_000),
        ("16GiB", 16 * 1024**3),
        ("1.5 gib", 1536 * 1024**2),
        (" 3kB ", 3000),
        ("0.3TB", 300_000_000_000),
        ("999999999999999", 999_999_999_999_999),
        (4096, 4096),
    ],
)
def test_a_size_is_read_exactly(written: object, bytes_: int) -> None:
    assert SIZE.validate_python(written) == bytes_


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("30min", 1800.0), ("2h", 7200.0), ("1.5 d", 129600.0), (5, 5.0)],
)
def test_a_duration_is_read_in_seconds(written: object, seconds: float) -> None:
    assert DURATION.validate_python(written) == seconds


@pytest.mark.parametrize("written", ["", "GB", "-1GB", "1e3MB", "16XB", "1 000", "9" * 400 + "GB"])
def test_what_is_no_size_is_refused_with_examples(written: str) -> None:
    expected = f"not a size: {written[:40]!r}; write for example 512MiB, 16GiB or 2GB"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        parse_size(written)


@pytest.mark.parametrize("written", ["", "h", "2 H", "-2h", "1:30", "9" * 400 + "s"])
def test_what_is_no_duration_is_refused_with_examples(written: str) -> None:
    expected = f"not a duration: {written[:40]!r}; write for example 90s, 30min or 2h"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        parse_duration(written)


@pytest.mark.parametrize("nothing", ["0", "0GiB", "0.1B", 0, -1])
def test_a_size_of_nothing_is_refused(nothing: object) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        SIZE.validate_python(nothing)


@given(st.text(max_size=30))
def test_any_text_is_a_size_or_refused(written: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_size(written), int)
