"""How numbers are written for people: rounded to what the noise allows, one way per metric, in sentences and tables."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

MINUS = "−"
NBSP = "\u00a0"  # keeps a number with its unit, and the two halves of mean ± sd, on one line
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {"_s": "s", "_seconds": "s", "_ms": "ms", "_percent": "%", "_pct": "%", "_mb": "MB", "_mib": "MiB"}
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LEAST_DIGITS = 4  # significant digits shown where nothing says how noisy a metric is
_MOST_DIGITS = 15  # a double has no more


@dataclass(frozen=True)
class Rounding:
    """How every number of one metric is written: `decimals` (may be negative) after scaling by 10**-exponent."""

    decimals: int
    exponent: int = 0
    unit: str = ""

    def number(self, value: float) -> str:
        """The value without its unit: "0.9409", "−1.2×10⁻⁹", "NaN", "∞"."""
        return self._with_power(self._scaled(value)) if math.isfinite(value) else _not_finite(value)

    def signed(self, value: float) -> str:
        """A change, sign first: "+0.085", "−0.0280"; a change that rounds to nothing has no sign."""
        text = self.number(value)
        return f"+{text}" if value > 0 and any(c in "123456789∞" for c in text) else text

    def spread(self, mean: float, sd: float | None) -> str:
        """Mean ± sd with one power of ten and one unit: "12.1 ± 0.4 s". The spaces do not break."""
        if sd is None or not math.isfinite(mean) or not math.isfinite(sd):
            return self.with_unit(self.number(mean))
        pair = f"{self._scaled(mean)}{NBSP}±{NBSP}{self._scaled(sd)}"
        return self.with_unit(self._with_power(f"({pair})") if self.exponent else pair)

    def interval(self, low: float, high: float) -> str:
        """Two ends of a change: "−0.036 … −0.020"."""
        return f"{self.signed(low)}{NBSP}…{NBSP}{self.signed(high)}"

    def with_unit(self, text: str) -> str:
        """The written number with the unit of the metric behind it."""
        return f"{text}{NBSP}{self.unit}" if self.unit else text

    def in_words(self, noise: float | None) -> "Rounding":
        """For sentences: one digit less, unless the noise then has no digit that says anything (1.4 shown as 1)."""
        if noise is None or not math.isfinite(noise) or noise <= 0:
            return self
        leading = noise / 10.0 ** math.floor(math.log10(noise))
        return Rounding(self.decimals - 1, self.exponent, self.unit) if leading >= 2.5 else self

    def fine_enough(self, value: float) -> "Rounding":
        """The same, or finer, so that `value` shows a significant digit."""
        if not math.isfinite(value) or value == 0:
            return self
        wanted = self.exponent - math.floor(math.log10(abs(value)))
        return Rounding(max(self.decimals, wanted), self.exponent, self.unit) if wanted <= 12 else short(value)

    def _scaled(self, value: float) -> str:
        scaled = round(Decimal(value).scaleb(-self.exponent), self.decimals)  # exact: 10.0**-324 is no double
        text = f"{abs(scaled):,.{max(self.decimals, 0)}f}"
        if abs(scaled) < 10_000:
            text = text.replace(",", "")
        return f"{MINUS}{text}" if scaled < 0 else text

    def _with_power(self, text: str) -> str:
        return f"{text}×{power_of_ten(self.exponent)}" if self.exponent else text


def power_of_ten(exponent: int) -> str:
    """ "10⁻³"."""
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


def rounding(values: Iterable[float], *, noise: Iterable[float | None] = (), unit: str = "") -> Rounding:
    """How to write `values`: two significant digits of the smallest positive noise, else four of the largest value."""
    finite = [abs(v) for v in values if math.isfinite(v)]
    largest = max(finite, default=0.0)
    noises = [s for s in noise if s is not None and math.isfinite(s) and s > 0]
    if largest == 0 and not noises:
        return Rounding(0, unit=unit)
    top = math.floor(math.log10(largest)) if largest else math.floor(math.log10(min(noises)))
    last = math.floor(math.log10(min(noises))) - 1 if noises else top - _LEAST_DIGITS + 1
    if not noises and largest < 1e6 and all(v == int(v) for v in finite):
        return Rounding(0, unit=unit)
    last = max(last, top - _MOST_DIGITS + 1)
    exponent = top if top >= 7 or top <= -4 else 0
    return Rounding(exponent - last, exponent, unit)


def short(value: float) -> Rounding:
    """For a lone number that is far from 1: two significant digits with a power of ten where that is shorter."""
    if value == 0 or not math.isfinite(value):
        return Rounding(0)
    top = math.floor(math.log10(abs(value)))
    return Rounding(1, top) if top >= 7 or top <= -4 else Rounding(max(1 - top, 0))


def plain(value: float) -> str:
    """A number somebody declared, as they would write it: "0.005", "1e−9"."""
    return f"{value:.6g}".replace("-", MINUS) if math.isfinite(value) else _not_finite(value)


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "∞" if value > 0 else f"{MINUS}∞"


def unit_of(metric: str) -> str:
    """The unit a metric's name ends with (`runtime_s`), else nothing."""
    return next((unit for suffix, unit in _UNITS.items() if metric.lower().endswith(suffix)), "")


def once_in(p: float) -> str:
    """A probability as how often it happens: "once in 300,000"; above a tenth "in 4 of 10 cases"."""
    if not p > 0:
        return "less than once in a billion"
    if p > 0.1:
        return f"in {min(round(p * 10), 10)} of 10 cases"
    times = 1 / p
    if times > 1e9:
        return "less than once in a billion"
    step = 10 ** math.floor(math.log10(times))
    return f"once in {round(times / step) * step:,}"


def percent(share: float) -> str:
    """A fraction as people say it: "80 %", "0.62 %", "99.5 %"."""
    return f"{100 * share:.3g} %" if math.isfinite(share) else "unknown"


def duration(seconds: float) -> str:
    """ "12 s", "61.6 s", "2 min 5 s", "1 h 3 min"; anything not finite or negative is "unknown"."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes for people: "512 B", "1.2 MB"."""
    if count < 1000:
        return f"{count} B"
    power = min(int(math.log10(count) / 3), 4)
    scaled = count / 1000**power
    return f"{scaled:.1f} {'kMGT'[power - 1]}B" if scaled < 99.95 else f"{scaled:.0f} {'kMGT'[power - 1]}B"


def count(n: int, noun: str, nouns: str = "") -> str:
    """ "1 run", "5 runs", "1,234 runs"; `nouns` where the plural is not just an s."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {nouns or noun + 's'}"


def every(n: int, noun: str) -> str:
    """ "1 seed", "both seeds", "all 5 seeds": what is said of each of them."""
    return f"both {noun}s" if n == 2 else "all " * (n > 1) + count(n, noun)


def spelled(n: int) -> str:
    """Small counts as words: "five"; larger ones as digits."""
    return _WORDS[n] if 0 <= n < len(_WORDS) else f"{n:,}"
