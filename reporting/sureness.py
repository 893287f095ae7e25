"""How sure a verdict is: the numbers every decision was made of, and how often a verdict of this design is wrong."""

from experiment.bundle import Bundle
from reporting.comparison import rules_of
from reporting.decision import Decision, History, Judgement, Verdict
from reporting.document import Block, Detail, Line, Paragraph, Row, Section, Span, Table, line
from reporting.evidence import Rules
from reporting.numbers import count, once_in, percent, short
from reporting.rates import EFFECTS, MOST_GATED, Design, Rates, rates
from reporting.words import amount, look, metric, plain_margin

STEPS = {
    0: "something is missing",
    1: "not finite",
    2: "the same bits",
    3: "tolerance of equal seeds",
    5: "no noise",
    6: "equivalence",
    7: "difference",
    8: "neither shown",
}
BY_CHANCE = (6, 7, 8)
"""Steps whose answer chance can make wrong."""

_MOST_ROWS = 50


def section(bundle: Bundle, verdict: Verdict) -> Section | None:
    """The numbers of every gated metric that was judged by statistics; None where none was."""
    shown = [d for d in verdict.decisions if d.gated and d.step in BY_CHANCE and d.noise_sd is not None]
    if not shown:
        return None
    said = [
        measured(bundle, verdict) or unmeasured(bundle, verdict),
        *(pooled(d) for d in shown),
        *(pairing(d) for d in shown),
    ]
    blocks: list[Block] = [table(shown[:_MOST_ROWS])]
    blocks += [Paragraph(words=words) for words in dict.fromkeys(said) if words]
    return Section(title="How sure this is", blocks=tuple(blocks), detail=Detail.SURROUNDINGS)


def table(decisions: list[Decision]) -> Table:
    """One row per metric: which step decided, noise, and the p values of difference and equivalence."""
    family = max(d.family for d in decisions)
    several = family > 1
    head = ["metric", "decided by", "noise, sd (df)", "p of no difference"]
    head += [f"p over all {family}"] if several else []
    head += ["margin", "p of outside it"]
    return Table(
        caption="The numbers each verdict was made of",
        head=tuple(line(h) for h in head),
        right=(False, False, *(True,) * (len(head) - 2)),
        rows=tuple(Row(cells=_cells(d, several)) for d in decisions),
    )


def _cells(decision: Decision, several: bool) -> tuple[Line, ...]:
    words = look(decision)
    noise = "–" if decision.noise_sd is None else amount(words.fine_enough(decision.noise_sd), decision.noise_sd)
    cells: list[str | Span] = [metric(decision.metric), f"{decision.step}, {STEPS[decision.step]}"]
    cells += [f"{noise} ({decision.df})", _p(decision.p_alone)]
    cells += [_p(decision.p)] if several else []
    cells += [plain_margin(decision), _p(decision.p_equivalence)]
    return tuple(line(cell) for cell in cells)


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "below 10⁻³⁰⁰" if value == 0 else short(value).number(value) if value < 0.1 else f"{value:.2f}"


def design(bundle: Bundle, decisions: list[Decision]) -> Design:
    """How many runs there were and could have been; of several baselines the smallest."""
    stages = bundle.policy.stages
    n = min(d.baseline.n for d in decisions)
    return Design(n, stages.first, max(bundle.possible, len(bundle.candidate.runs)), stages.escalate)


def measured(bundle: Bundle, verdict: Verdict) -> Line:
    """How often a verdict of this design is wrong and how often it finds a change, where that was measured."""
    told, found = _told(bundle, verdict)
    if found is None:
        return ()
    drops = " / ".join(f"{effect:g}" for effect in EFFECTS)
    seen = " / ".join(f"{100 * rate:.0f}" for rate in found.found)
    gated = sum(d.gated for d in verdict.decisions)
    several = f" That is for one gated metric; over {gated} alarms are no more frequent, and losses found less often."
    several = several if gated > 1 else ""
    return line(
        f"Measured for this design ({told}): {percent(found.alarm)} of unchanged commits are called better or worse "
        f"({percent(found.worst)} with the worst kind of noise), a loss of {drops} sd is found in {seen} %.{several}"
    )


def unmeasured(bundle: Bundle, verdict: Verdict) -> Line:
    """What has to stand in the open: that nobody measured how often this design errs; nothing where it is known."""
    told, found = _told(bundle, verdict)
    if not told or found is not None:
        return ()
    return line(f"How often a verdict of this design is wrong was not measured: {told}.")


def _told(bundle: Bundle, verdict: Verdict) -> tuple[str, Rates | None]:
    """The design in words, "" where chance had no part in the verdict, and what was measured for it."""
    gated = [d for d in verdict.decisions if d.gated]
    if not any(d.step in BY_CHANCE and d.judgement is not Judgement.NO_BASELINE for d in gated):
        return "", None
    made, rules = design(bundle, gated), rules_of(bundle.policy)
    runs = f"{count(made.first, 'run')} of this commit, then {made.total}"
    if made.first >= made.total:
        runs = f"{count(made.total, 'run')} of this commit"
    told = f"{count(made.n, 'baseline run')}, {runs}, alpha {percent(rules.alpha)}"
    if rules.escalate != Rules().escalate and made.first < made.total:
        told += f", going on in {percent(rules.escalate)}"
    told += ", in pairs" if rules.pairing != "none" else ""
    told += f", {len(gated)} gated metrics" if len(gated) > MOST_GATED else ""
    return told, rates(made, rules, len(gated))


def pooled(decision: Decision) -> Line:
    """What became of later runs of the baseline's configuration."""
    found = decision.history
    if found is None:
        return ()
    runs = count(found.n, "later run")
    if found.pooled:
        return line(f"{runs} of the baseline's configuration fit it and count as baseline runs.")
    return line(
        f"{runs} of the baseline's configuration were left out for ", metric(decision.metric), f": {_misfit(found)}. "
        "Something moved that is not recorded; a new baseline would hold today's level.",
    )  # fmt: skip


def _misfit(found: History) -> str:
    what, p = min((("spread", found.p_spread), ("level", found.p_level)), key=lambda pair: pair[1])
    return f"their {what} is not the baseline's (chance gives this {once_in(p)})"


def pairing(decision: Decision) -> Line:
    """That equal seeds were compared as pairs, and how many."""
    if decision.pairs is None:
        return ()
    return line(metric(decision.metric), f": {count(decision.pairs, 'pair')} of equal seeds were compared, not means.")
