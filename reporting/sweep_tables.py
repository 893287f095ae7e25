"""The tables of a sweep's report: what the best is worth, its parameters, and every trial behind it."""

from collections.abc import Sequence
from statistics import fmean

from experiment.command import text
from experiment.search import Range
from experiment.trials import Row as Trial
from reporting.document import Block, Detail, Line, Paragraph, Row, Section, Table, code, line, strong
from reporting.markdown import name
from reporting.numbers import MINUS, count, duration, plain
from reporting.study import Study, deviation
from reporting.sweep_words import parameters
from reporting.words import shortened

SHOWN = 10
"""Rows of a list in Markdown; the page has all."""
_MOST_ROWS = 2000
_MOST_COLUMNS = 12


def worth(study: Study) -> Table | None:
    """The sweep's own figure beside that of fresh seeds; None where there are not both."""
    if study.several or not study.best or not study.fresh or study.best[0].values is None:
        return None
    look, own, mean = study.roundings[0], study.best[0].values[0], fmean(study.fresh)
    metric = name(next(iter(study.sweep.objective)))
    own_runs = count(study.sweep.seeds, "run")
    rows = (
        (line(strong("on fresh seeds")), line(strong(look.spread(mean, deviation(study.fresh)))),
         line(count(len(study.fresh), "run"))),
        (line(f"in the sweep, trial {study.best[0].trial}"), line(look.with_unit(look.number(own))),
         line(f"{own_runs}, the best of {count(len(study.table), 'trial')}")),
        (line("difference"), line(look.with_unit(look.signed(mean - own))), line("")),
    )  # fmt: skip
    return Table(
        caption="What the best parameters are worth",
        head=(line("best parameters"), line(code(metric)), line("from")),
        right=(False, True, False),
        rows=tuple(Row(cells=cells) for cells in rows),
    )


def best_parameters(study: Study) -> Table | None:
    """The best trial's parameters and where they were looked for."""
    if study.several or not study.best:
        return None
    found = study.best[0].params
    rows = [
        Row(cells=(line(code(name(key))), line(code(text(found[key]))) if key in found else line("–"), _range(range_)))
        for key, range_ in study.sweep.space.items()
    ]
    return Table(
        caption=f"Parameters of trial {study.best[0].trial}",
        head=(line("parameter"), line("best"), line("searched")),
        right=(False, True, False),
        rows=tuple(rows),
    )


def _range(range_: Range) -> Line:
    if range_.choice is not None:
        shown = [text(value) for value in range_.choice[:6]]
        return line(code(", ".join(shown)), f" and {len(range_.choice) - 6} more" if len(range_.choice) > 6 else "")
    low, high = range_.float_ or range_.int_ or (0, 0)
    how = ", log" if range_.log else f", step {range_.step:g}" if range_.step is not None else ""
    when = ", sometimes" if range_.when else ""
    return line(f"{plain(low)} … {plain(high)}{how}{when}")


def leading(study: Study) -> Section | None:
    """The best trials, or the front."""
    ranked = study.best if study.several else study.ranked()
    if not ranked:
        return None
    title = "The trials that no other beats" if study.several else "The best trials"
    blocks: list[Block] = [
        Table(
            caption=title,
            head=(line("trial"), *(line(code(name(metric))) for metric in study.sweep.objective), line("parameters")),
            right=(True, *[True] * len(study.sweep.objective), False),
            rows=tuple(
                Row(
                    cells=(line(str(row.trial)), *_values(study, row), line(code(parameters(row.params)))),
                    detail=Detail.HELD if number < SHOWN else Detail.PAGE,
                )
                for number, row in enumerate(ranked[: _most(study)])
            ),
        )
    ]
    return Section(title=title, blocks=tuple(blocks), detail=Detail.HELD)


def _most(study: Study) -> int:
    """All of a front; of one objective the others are in the table of all trials."""
    return _MOST_ROWS if study.several else SHOWN


def importances(study: Study) -> list[Block]:
    """The shares as numbers and how they were found; why there are none."""
    found = study.importances
    if found is None:
        return []
    rows = [
        Row(cells=(line(code(name(key))), line(f"{one.share:.2f}"), line(f"{one.low:.2f} … {one.high:.2f}")))
        for key, one in found.shares.items()
    ]
    table = Table(
        caption="Importance of each parameter",
        head=(line("parameter"), line("share"), line("90 % of resamples")),
        right=(False, True, True),
        rows=tuple(rows),
    )
    aim = "tenth nearest to the Pareto front" if study.several else "best tenth of them"
    said = (
        f"PED-ANOVA (Optuna) over {count(found.trials, 'complete trial')}: how much a parameter's values in the "
        f"{aim} differ from those in all. The interval holds 90 % of {found.resamples} bootstrap resamples. "
        "A guide to what to look at, not a measurement: the sampler did not draw the values evenly."
    )
    return [table, Paragraph(words=line(said))]


def failed(study: Study) -> Section | None:
    """Trials that failed, with their reasons."""
    rows = [row for row in study.table if row.state == "failed"]
    if not rows:
        return None
    table = Table(
        caption="Trials that failed",
        head=(line("trial"), line("reason"), line("parameters")),
        right=(True, False, False),
        rows=_listed(
            [(row, line(code(shortened(row.reason or "unknown"))), line(code(parameters(row.params)))) for row in rows]
        ),
    )
    title = count(len(rows), "failed trial")
    return Section(title=title, blocks=(table, *_rest(len(rows), study)), detail=Detail.LOGS)


def pruned(study: Study) -> Section | None:
    """Trials that the pruner ended, and where."""
    rows = [row for row in study.table if row.state == "pruned"]
    if not rows:
        return None
    look = study.roundings[0]
    cells = [
        (
            row,
            line(f"step {row.points[-1][0]:,}" if row.points else "–"),
            line(look.with_unit(look.number(row.points[-1][1])) if row.points else "–"),
            line(code(parameters(row.params))),
        )
        for row in rows
    ]
    table = Table(
        caption=f"Trials that the pruner ended ({study.sweep.pruner})",
        head=(line("trial"), line("ended at"), line("last value"), line("parameters")),
        right=(True, True, True, False),
        rows=_listed(cells),
    )
    title = count(len(rows), "pruned trial")
    return Section(title=title, blocks=(table, *_rest(len(rows), study)), detail=Detail.CURVES)


def _listed(rows: Sequence[tuple[Trial, *tuple[Line, ...]]]) -> tuple[Row, ...]:
    """One row for each trial; the page has more of them than Markdown."""
    return tuple(
        Row(
            cells=(line(str(trial.trial)), *cells), detail=Detail.ESSENTIAL if number < SHOWN else Detail.PAGE
        )
        for number, (trial, *cells) in enumerate(rows[:_MOST_ROWS])
    )  # fmt: skip


def _rest(n: int, study: Study) -> list[Block]:
    """Where the rows are that Markdown leaves out. On the page they are there: a sentence that holds in both."""
    return [Paragraph(words=line("All of them: ", code(study.whole), "."))] if n > SHOWN else []


def every(study: Study) -> Section | None:
    """Every trial with its numbers: what all figures are drawn from. On the page alone."""
    if not study.table:
        return None
    keys = list(study.sweep.space)[:_MOST_COLUMNS]
    objectives = list(study.sweep.objective)
    bounds = list(study.sweep.constraints)
    rows = [
        Row(
            cells=(
                line(str(row.trial)),
                line("outside a constraint" if row.state == "complete" and not row.possible else row.state),
                *_values(study, row),
                *(line(_signed(row.constraints[metric]) if metric in row.constraints else "–") for metric in bounds),
                *(line(code(_short(row, key)) if key in row.params else "–") for key in keys),
                line(duration(row.seconds) if row.seconds else "–"),
            )
        )
        for row in study.table[:_MOST_ROWS]
    ]
    table = Table(
        caption="Every trial: the numbers behind the figures",
        head=(
            line("trial"),
            line("state"),
            *(line(code(name(metric))) for metric in objectives),
            *(line(code(name(metric)), " over its bound") for metric in bounds),
            *(line(code(name(key))) for key in keys),
            line("time"),
        ),
        right=(True, False, *[True] * (len(objectives) + len(bounds) + len(keys) + 1)),
        rows=tuple(rows),
    )
    more = len(study.table) - len(rows)
    left = [Paragraph(words=line(f"{count(more, 'more trial')} in the record."))] if more else []
    title = f"All {count(len(study.table), 'trial')}"
    return Section(title=title, blocks=(table, *left), detail=Detail.PAGE)


def _short(row: Trial, key: str) -> str:
    value = row.params[key]
    return f"{value:.4g}" if isinstance(value, float) else text(value)


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", MINUS)


def _values(study: Study, row: Trial) -> list[Line]:
    if row.values is None:
        return [line("–")] * len(study.sweep.objective)
    return [line(look.with_unit(look.number(v))) for look, v in zip(study.roundings, row.values, strict=True)]
