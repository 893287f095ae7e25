"""How often the verdict is wrong, and how often it is right: measured rates against the windows they are allowed.

    python benchmarks/verdict.py [--repeats 40000]

Every row draws both sides of so many comparisons, judges them, and counts. The draws are judged by array arithmetic;
a sample of each row is judged again by `reporting.verdict.judge` itself, draw by draw, and has to come out the same.
Ends with exit code 1 when a rate is outside its window, a sample differs, or the rates that reports quote
(`reporting/rates.py`) are not those measured here.

Deviations are in sd, the standard deviation of one run. Noise has mean 0 and variance 1 in every family, `collapsing`
excepted: of its runs one in ten ends ten sd lower.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.verdict_draws import (
    EQUIVALENT,
    FAMILIES,
    IMPROVED,
    ORDER,
    REGRESSED,
    Answers,
    Array,
    Noise,
    Sides,
    answers,
    bimodal,
    collapsing,
    lattice,
    normal,
    numbers,
    skewed,
    staged,
    t3,
)
from experiment.spec import Goal
from reporting import rates
from reporting.decision import Judgement
from reporting.evidence import Rules
from reporting.rates import Design
from reporting.statistics import MARGIN_SD


def main() -> None:
    """Measure every row, print it, and exit 1 where one is outside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40_000)
    repeats, began, wrong = parser.parse_args().repeats, time.perf_counter(), 0
    print(f"{'row':<66}{'measured':>9}   window\n{'-' * 96}")
    for number, row in enumerate(rows()):
        found = row.measure(np.random.default_rng(number), repeats)
        outside = not row.low <= found.rate <= row.high
        wrong += outside or found.differing > 0
        said = "  OUTSIDE" if outside else ""
        said += f"  {found.differing} of {SAMPLE} judged otherwise by reporting.verdict" if found.differing else ""
        print(f"{row.name:<66}{100 * found.rate:8.2f} %   {window(row)}{said}", flush=True)
    wrong += quoted(repeats)
    print(f"{repeats:,} repeats a row, {time.perf_counter() - began:.0f} s; {wrong} wrong")
    sys.exit(wrong > 0)


def window(row: "Row") -> str:
    """What the rate may be."""
    if row.low <= 0:
        return "shown only" if row.high >= 1 else f"≤ {100 * row.high:g} %"
    return f"≥ {100 * row.low:g} %" if row.high >= 1 else f"{100 * row.low:g} … {100 * row.high:g} %"


SAMPLE = 150


def sampled(sides: Sides, stages: Rules | None, said: Answers) -> int:
    """How many of the first rows come out otherwise when the code judges them; `stages` None: all runs at once."""
    from reporting.verdict import judge

    def one(i: int, m: int) -> Judgement:
        before, now = sides.baseline[i].tolist(), sides.candidate[i, :m].tolist()
        return judge(before, now, margin=sides.margin, goal=sides.goal, rules=stages or Rules()).judgement

    total = sides.candidate.shape[-1]
    differing = 0
    for i in range(min(SAMPLE, len(said))):
        early = Judgement.INCONCLUSIVE if stages is None else one(i, stages.first)
        final = early if early in (Judgement.EQUIVALENT, Judgement.CONSISTENT) else one(i, total)
        differing += final is not ORDER[said[i]]
    return differing


@dataclass(frozen=True)
class Found:
    """A rate, and how many of the sampled draws were judged otherwise by the code."""

    rate: float
    differing: int


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, and what it may be."""

    name: str
    measure: Callable[[np.random.Generator, int], Found]
    low: float = 0.0
    high: float = 1.0


def comparison(
    noise: Noise,
    m: int,
    n: int,
    *,
    shift: float = 0.0,
    margin: float | None = None,
    goal: Goal = Goal.MAXIMIZE,
    wanted: tuple[int, ...] = (IMPROVED, REGRESSED),
    rules: Rules | None = None,  # None: all runs at once
) -> Callable[[np.random.Generator, int], Found]:
    """How often m candidate runs, moved by `shift`, against n baseline runs come to one of the `wanted` answers."""

    def measure(rng: np.random.Generator, repeats: int) -> Found:
        sides = Sides(noise(rng, (repeats, n)), noise(rng, (repeats, m)) + shift, margin, goal)
        said = answers(sides, Rules()) if rules is None else staged(sides, rules)[0]
        return Found(float(np.isin(said, wanted).mean()), sampled(sides, rules, said))

    return measure


def name_of(noise: Noise) -> str:
    """As it is called here."""
    return str(getattr(noise, "__name__", noise))


def family(k: int, alike: float) -> Callable[[np.random.Generator, int], Found]:
    """How often any of k gated metrics, whose noise has this correlation, moves: 5 runs against 10, by Holm."""

    def measure(rng: np.random.Generator, repeats: int) -> Found:
        repeats //= max(1, k // 10)  # as many numbers at a time as ten metrics need

        def draw(runs: int) -> Array:
            own, shared = rng.standard_normal((repeats, k, runs)), rng.standard_normal((repeats, 1, runs))
            made: Array = np.sqrt(1 - alike) * own + np.sqrt(alike) * shared
            return made

        sides = Sides(draw(10), draw(5))
        p = numbers(sides).p
        order = np.argsort(p, axis=1)
        stepped = np.minimum(1, np.take_along_axis(p, order, 1) * np.arange(k, 0, -1))
        adjusted = np.empty_like(p)
        np.put_along_axis(adjusted, order, np.maximum.accumulate(stepped, axis=1), 1)
        said = answers(sides, Rules(), adjusted)
        return Found(float(np.isin(said, (IMPROVED, REGRESSED)).any(1).mean()), sampled_family(sides, said))

    return measure


def sampled_family(sides: Sides, said: Answers) -> int:
    """How many families come out otherwise when the code judges them."""
    from experiment.spec import Goal, Metric
    from reporting.evidence import Evidence
    from reporting.verdict import judge_all

    names = [f"m{i}" for i in range(said.shape[1])]
    metrics = dict.fromkeys(names, Metric(goal=Goal.MAXIMIZE))
    differing = 0
    for i in range(SAMPLE // 5):
        evidence = {
            name: Evidence(sides.baseline[i, j].tolist(), sides.candidate[i, j].tolist())
            for j, name in enumerate(names)
        }
        found = [d.judgement for d in judge_all(evidence, metrics)]
        differing += found != [ORDER[a] for a in said[i]]
    return differing


def paired(shift: float, wanted: tuple[int, ...]) -> Callable[[np.random.Generator, int], Found]:
    """Ten pairs of equal seeds whose noise has correlation .8, by the code itself: an eighth of the repeats."""
    from reporting.evidence import SameSeed
    from reporting.verdict import judge

    def measure(rng: np.random.Generator, repeats: int) -> Found:
        repeats //= 8
        shared = np.sqrt(0.8) * rng.standard_normal((repeats, 10))
        b, c = (shared + np.sqrt(0.2) * rng.standard_normal((repeats, 10)) for _ in range(2))
        rules, hits = Rules(pairing="seed"), 0
        for before, now in zip(b.tolist(), (c + shift).tolist(), strict=True):
            pairs = SameSeed(tuple(zip(before, now, strict=True)))
            hits += judge(before, now, same_seed=pairs, rules=rules).judgement in {ORDER[a] for a in wanted}
        return Found(hits / repeats, 0)

    return measure


def pooled(more: int, shift: float, wanted: tuple[int, ...]) -> Callable[[np.random.Generator, int], Found]:
    """Five runs against five baseline runs and `more` later ones, by the code itself: an eighth of the repeats."""
    from reporting.verdict import judge

    def measure(rng: np.random.Generator, repeats: int) -> Found:
        repeats //= 8
        draws = rng.standard_normal((repeats, 10 + more))
        hits = 0
        for row in draws:
            found = judge(row[:5].tolist(), (row[5:10] + shift).tolist(), history=row[10:].tolist())
            hits += found.judgement in {ORDER[a] for a in wanted}
        return Found(hits / repeats, 0)

    return measure


def rows() -> Iterator[Row]:
    """The table of the manual's windows, in its order."""
    for m, n in ((1, 3), (1, 5), (1, 10), (3, 3), (5, 5), (5, 10), (10, 10)):
        yield Row(f"false alarm {m}v{n}, normal", comparison(normal, m, n), 0.004, 0.016)
    for noise in (skewed, t3, bimodal, lattice):
        yield Row(f"false alarm 5v10, {name_of(noise)}", comparison(noise, 5, 10), high=0.016)
    yield Row("false alarm 5v5, bimodal", comparison(bimodal, 5, 5), high=0.022)
    yield Row("false alarm 5v10, collapsing", comparison(collapsing, 5, 10), high=0.016)
    for m, n, drop in ((3, 3, 5.6), (5, 5, 3.2), (5, 10, 2.5), (10, 10, 1.95)):
        lower = comparison(normal, m, n, shift=-drop, wanted=(REGRESSED,))
        yield Row(f"regressed found {m}v{n}, drop of {drop} sd", lower, low=0.885)
        higher = comparison(normal, m, n, shift=drop, goal=Goal.MINIMIZE, wanted=(REGRESSED,))
        yield Row(f"the same where lower is better {m}v{n}, rise of {drop} sd", higher, low=0.885)
    better = comparison(normal, 5, 10, shift=2.5, wanted=(IMPROVED,))
    yield Row("improved found 5v10, rise of 2.5 sd", better, low=0.885)
    yield from _two_stages()
    for m, n, margin in ((5, 5, 2.4), (5, 10, 2.0), (10, 10, 1.6)):
        none = comparison(normal, m, n, margin=margin, wanted=(EQUIVALENT,))
        yield Row(f"equivalent {m}v{n}, nothing changed, margin {margin} sd", none, low=0.89)
        edge = comparison(normal, m, n, margin=margin, shift=margin, wanted=(EQUIVALENT,))
        yield Row(f"equivalent {m}v{n}, moved by the margin of {margin} sd", edge, high=0.06)
        far = comparison(normal, m, n, shift=MARGIN_SD, wanted=(EQUIVALENT,))
        yield Row(f"equivalent {m}v{n}, no margin declared, moved by 2 sd", far, high=0.06)
    for k in (3, 5, 10):
        yield Row(f"Holm, any of {k} metrics, independent", family(k, 0.0), high=0.013)
        yield Row(f"Holm, any of {k} metrics, correlation .7", family(k, 0.7), high=0.013)
    yield Row(f"Holm, any of {rates.MOST_GATED} metrics, independent", family(rates.MOST_GATED, 0.0), high=0.013)
    yield Row("false alarm, 10 pairs of equal seeds, correlation .8", paired(0.0, (IMPROVED, REGRESSED)), high=0.02)
    yield Row("the same, drop of 1 sd", paired(-1.0, (REGRESSED,)), low=0.885)
    yield Row("without pairs, 10v10, drop of 1 sd", comparison(normal, 10, 10, shift=-1.0, wanted=(REGRESSED,)))
    yield Row("false alarm 5v5 + 15 later runs of the baseline", pooled(15, 0.0, (IMPROVED, REGRESSED)), high=0.016)
    yield Row("the same, drop of 2.5 sd", pooled(15, -2.5, (REGRESSED,)), low=0.885)
    yield Row("without later runs, 5v5, drop of 2.5 sd", comparison(normal, 5, 5, shift=-2.5, wanted=(REGRESSED,)))


def _two_stages() -> Iterator[Row]:
    for n, drop in ((5, 3.5), (10, 3.0), (20, 2.8)):
        rules = Rules(escalate=0.3 if n == 20 else 0.2)
        for noise in FAMILIES:
            name = f"false alarm {n} baseline runs, 1 then 5 ({100 * rules.escalate:g} %), {name_of(noise)}"
            yield Row(name, comparison(noise, 5, n, rules=rules), high=0.012)
        found = comparison(normal, 5, n, shift=-drop, wanted=(REGRESSED,), rules=rules)
        yield Row(f"regressed found {n} baseline runs, 1 then 5, drop of {drop} sd", found, low=0.89)


DESIGNS = tuple(
    Design(n, first, total, escalate)
    for first, total, escalate in (
        (1, 5, 0.2),
        (1, 5, 0.3),
        (1, 10, 0.2),
        (1, 10, 0.3),
        (3, 3, 0.2),
        (5, 5, 0.2),
        (10, 10, 0.2),
    )
    for n in (3, 5, 10, 20, 40)
)


def quoted(repeats: int) -> int:
    """Measure what reports quote; print it where it is not what they say; 1 then, else 0."""
    lines, wrong = [], False
    for number, design in enumerate(DESIGNS):
        found = measured(design, np.random.default_rng(1000 + number), repeats)
        kept = rates.MEASURED.get(design)
        wrong |= kept is None or not near(kept, found)
        shown = ", ".join(f"{rate:.3f}" for rate in found.found)
        lines.append(
            f"    ({design.n}, {design.first}, {design.total}, {design.escalate}, "
            f"{found.alarm:.4f}, {found.worst:.4f}, {found.runs:.1f}, ({shown})),"
        )
    print(
        f"rates that reports quote, {len(DESIGNS)} designs: {'NOT as measured, which is' if wrong else 'as measured'}"
    )
    if wrong:
        print("\n".join(lines))
    return int(wrong)


def near(kept: rates.Rates, found: rates.Rates) -> bool:
    """Whether the difference is one of the draws."""
    close = abs(kept.alarm - found.alarm) < 0.0025 and abs(kept.worst - found.worst) < 0.004
    close &= abs(kept.runs - found.runs) < 0.15
    return close and all(abs(a - b) < 0.015 for a, b in zip(kept.found, found.found, strict=True))


def measured(design: Design, rng: np.random.Generator, repeats: int) -> rates.Rates:
    """Rates of one design."""
    rules = Rules(first=design.first if design.first < design.total else 1, escalate=design.escalate)
    alarms, runs = [], 0.0
    for noise in FAMILIES:
        sides = Sides(noise(rng, (repeats, design.n)), noise(rng, (repeats, design.total)))
        said, spent = _by_design(sides, design, rules)
        alarms.append(float(np.isin(said, (IMPROVED, REGRESSED)).mean()))
        runs = runs or float(spent.mean())
    found = []
    for effect in rates.EFFECTS:
        sides = Sides(normal(rng, (repeats, design.n)), normal(rng, (repeats, design.total)) - effect)
        found.append(float((_by_design(sides, design, rules)[0] == REGRESSED).mean()))
    return rates.Rates(alarms[0], max(alarms), runs, tuple(found))


def _by_design(sides: Sides, design: Design, rules: Rules) -> tuple[Answers, Array]:
    if design.first < design.total:
        return staged(sides, rules)
    return answers(sides, rules), np.full(len(sides.baseline), float(design.total))


if __name__ == "__main__":
    main()
