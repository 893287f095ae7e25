"""Numbers in reports: rounded to what the noise allows, the same everywhere, honest about what is not a number."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.numbers import (
    NBSP,
    Rounding,
    count,
    duration,
    every,
    once_in,
    plain,
    rounding,
    short,
    size,
    spelled,
    unit_of,
)


def spaced(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("mean", "sd", "unit", "expected"),
    [
        (0.94094, 0.00601, "", "0.9409 ± 0.0060"),
        (0.21201, 0.01742, "", "0.212 ± 0.017"),
        (12.104, 0.4, "s", "12.10 ± 0.40 s"),
        (123_456.0, 1_234.0, "", "123,500 ± 1200"),
        (4.0e-7, 1.2e-8, "", "(4.00 ± 0.12)×10⁻⁷"),
        (3.2e9, 4.1e8, "", "(3.20 ± 0.41)×10⁹"),
        (-0.5, 0.25, "", "−0.50 ± 0.25"),
    ],
)
def test_a_mean_is_written_with_the_digits_its_noise_leaves(mean: float, sd: float, unit: str, expected: str) -> None:
    look = rounding([mean], noise=[sd], unit=unit)
    assert spaced(look.spread(mean, sd)) == expected


def test_without_noise_four_digits_are_shown() -> None:
    assert rounding([0.123456]).number(0.123456) == "0.1235"
    assert rounding([0.9130, 0.9131]).number(0.9130) == "0.9130"


def test_whole_numbers_stay_whole_and_zero_is_zero() -> None:
    assert rounding([12.0, 7.0]).number(12.0) == "12"
    assert rounding([0.0]).number(0.0) == "0"
    assert rounding([]).number(0.0) == "0"
    assert rounding([0.0], noise=[0.02]).number(0.013) == "0.013"


def test_the_smallest_noise_decides_and_no_more_digits_than_a_double_has() -> None:
    assert rounding([0.5], noise=[None, 0.0, math.nan, 0.02, 0.004]).decimals == 4
    assert rounding([0.5], noise=[1e-30]).decimals == 15


def test_what_is_not_finite_is_named() -> None:
    look = Rounding(3, unit="s")
    assert [look.number(v) for v in (math.nan, math.inf, -math.inf)] == ["NaN", "∞", "−∞"]
    assert look.signed(math.inf) == "+∞"
    assert plain(math.nan) == "NaN"
    assert spaced(look.spread(math.nan, 0.1)) == "NaN s"
    assert short(math.inf).number(math.inf) == "∞"


def test_a_change_has_a_sign_unless_it_rounds_to_nothing() -> None:
    look = Rounding(3)
    assert [look.signed(v) for v in (0.0281, -0.0281, 0.0001, -0.0001, 0.0)] == [
        "+0.028", "−0.028", "0.000", "0.000", "0.000",
    ]  # fmt: skip
    assert spaced(look.interval(-0.0359, -0.0203)) == "−0.036 … −0.020"


def test_sentences_say_one_digit_less_unless_it_then_says_nothing() -> None:
    assert Rounding(4).in_words(0.0060).decimals == 3
    assert Rounding(4).in_words(0.0014).decimals == 4  # 0.001 for 0.0014 would be off by a third
    assert [Rounding(4).in_words(noise).decimals for noise in (None, 0.0, math.nan, -1.0)] == [4, 4, 4, 4]


def test_a_number_that_would_round_away_is_shown_with_a_digit() -> None:
    assert Rounding(2).fine_enough(0.00031).number(0.00031) == "0.0003"
    assert Rounding(2).fine_enough(0.0).number(0.0) == "0.00"
    assert Rounding(2).fine_enough(3.2e-15).number(3.2e-15) == "3.2×10⁻¹⁵"


@pytest.mark.parametrize(
    ("value", "expected"), [(3.0e-9, "3.0×10⁻⁹"), (0.0125, "0.013"), (42.0, "42"), (2.5e8, "2.5×10⁸"), (0.0, "0")]
)
def test_a_lone_number_is_short(value: float, expected: str) -> None:
    assert short(value).number(value) == expected


def test_declared_numbers_are_written_as_people_write_them() -> None:
    assert [plain(v) for v in (0.005, 1e-9, -0.5, 12.0)] == ["0.005", "1e−09", "−0.5", "12"]


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (3.3e-6, "once in 300,000"),
        (0.034, "once in 30"),
        (0.1, "once in 10"),
        (0.42, "in 4 of 10 cases"),
        (1.0, "in 10 of 10 cases"),
        (0.0, "less than once in a billion"),
        (1e-30, "less than once in a billion"),
    ],
)
def test_a_probability_is_told_as_how_often_it_happens(p: float, expected: str) -> None:
    assert once_in(p) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.254, "0.25 s"), (2.34, "2.3 s"), (9.96, "10 s"), (12.4, "12 s"), (125.0, "2 min 5 s"), (3780.0, "1 h 3 min"),
        (math.nan, "unknown"), (-1.0, "unknown"),
    ],
)  # fmt: skip
def test_durations(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (512, "512 B"),
        (1_200_000, "1.2 MB"),
        (310_000_000, "310 MB"),
        (8_000_000_000, "8.0 GB"),
        (2 * 10**16, "20000 TB"),
    ],
)
def test_sizes(n: int, expected: str) -> None:
    assert size(n) == expected


def test_counts_and_units() -> None:
    assert [count(n, "run") for n in (0, 1, 5, 1234)] == ["0 runs", "1 run", "5 runs", "1,234 runs"]
    assert count(2, "library", "libraries") == "2 libraries"
    assert [every(n, "seed") for n in (1, 2, 3)] == ["1 seed", "both seeds", "all 3 seeds"]
    assert [spelled(n) for n in (1, 10, 11)] == ["one", "ten", "11"]
    assert [unit_of(m) for m in ("runtime_s", "Latency_MS", "test/accuracy")] == ["s", "ms", ""]


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(st.lists(finite, min_size=1, max_size=5), st.lists(st.floats(min_value=0, max_value=1e300), max_size=3))
def test_every_number_of_a_metric_is_written_to_within_a_half_of_the_last_digit(
    values: list[float], noise: list[float]
) -> None:
    look = rounding(values, noise=noise)
    for value in values:
        text = look.number(value).replace("−", "-").replace(",", "")
        mantissa, _, power = text.partition("×10")
        exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
        last_digit = Fraction(10) ** (exponent - look.decimals)
        written = Fraction(mantissa) * Fraction(10) ** exponent
        assert abs(written - Fraction(value)) <= last_digit / 2 * (1 + Fraction(1, 10**20))


@given(st.floats(min_value=1e-300, max_value=1.0))
def test_once_in_never_divides_by_zero_or_grows_beyond_a_line(p: float) -> None:
    assert len(once_in(p)) < 40
