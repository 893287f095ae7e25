"""A study -> its report: what the best parameters are worth, whether it can be made again, what mattered, what now."""

from statistics import fmean

from experiment.trials import table_digest
from reporting import sweep_tables as tables
from reporting.document import (
    Block,
    Detail,
    Line,
    Paragraph,
    Picture,
    Section,
    SweepReport,
    Verbatim,
    code,
    commit,
    line,
    listed,
    strong,
)
from reporting.markdown import name
from reporting.numbers import count, duration
from reporting.study import Study, deviation
from reporting.sweep_charts import charts
from reporting.sweep_document import SweepChart
from reporting.sweep_words import counts
from reporting.words import shortened

_MOST_NAMED = 3
_MOST_NOTES = 10
_LONGEST_NOTE = 300


def build(study: Study) -> SweepReport:
    """The report: short in the open, everything below; sections of `Detail.PAGE` stand on the page alone."""
    drawn = charts(study)
    shown = min(1, len(drawn))
    blocks: list[Block | None] = [
        tables.worth(study),
        tables.best_parameters(study),
        *[Picture(chart=0)] * shown,
        *(Paragraph(kind="bullet", words=words) for words in _questions(study) if words),
        *_notes(study),
    ]
    return SweepReport(
        experiment=study.experiment,
        found=bool(study.best),
        heading=line(f"{name(study.experiment)}: ", strong(_headline(study)), " — ", _claim(study)),
        lead=tuple(words for words in [_how_sure(study)] if words),
        blocks=tuple(block for block in blocks if block is not None),
        charts=drawn,
        shown=shown,
        sections=tuple(section for section in _sections(study, drawn) if section is not None),
        footer=_footer(study),
        whole=line(code(study.whole)),
    )


def _headline(study: Study) -> str:
    unfinished = "" if study.finished else "unfinished "
    return f"{unfinished}sweep of {count(len(study.table), 'trial')}"


def _claim(study: Study) -> Line:
    """What the best is worth: on fresh seeds where there are any, since the sweep's own figure is biased."""
    if not study.best:
        return line("no trial ended well", " within the constraints" if study.sweep.constraints else "")
    if study.several:
        return line(f"{count(len(study.best), 'trial')} that no other beats")
    metric = code(name(next(iter(study.sweep.objective))))
    look, found = study.roundings[0], study.best[0]
    if study.fresh:
        fresh = look.spread(fmean(study.fresh), deviation(study.fresh))
        return line(metric, f" {fresh} on {count(len(study.fresh), 'fresh seed')}")
    own = look.with_unit(look.number(found.values[0])) if found.values else ""
    return line("best ", metric, f" {own} in trial {found.trial}, not tried on fresh seeds")


def _how_sure(study: Study) -> Line:
    """The sweep's own figure and the one to expect, and why they differ."""
    found = study.best
    if not found or study.several or found[0].values is None:
        return ()
    look, own = study.roundings[0], found[0].values[0]
    had = f"Trial {found[0].trial} had {look.with_unit(look.number(own))} in the sweep"
    if not study.fresh:
        return line(f"{had}. The best of {len(study.table):,} is also the luckiest: expect less on other seeds.")
    if len(study.fresh) > 1 and set(study.fresh) == {own}:
        return line(
            f"{had}, and the same to the bit on {len(study.fresh)} seeds that no trial used: seeds make no difference "
            "to this training, so these runs say nothing about luck."
        )
    mean = fmean(study.fresh)
    worse = mean < own if study.maximize[0] else mean > own
    fresh = f"its parameters give {look.spread(mean, deviation(study.fresh))} on seeds that no trial used"
    if not worse:
        return line(f"{had}; {fresh}, no worse.")
    return line(
        f"{had}; {fresh}. The best of {len(study.table):,} is also the luckiest (",
        strong("winner's curse"), "), so the second figure is the one to expect.",
    )  # fmt: skip


def _speed(study: Study) -> str:
    """How long it took, trials an hour, GPU-hours."""
    hours = study.wall_s / 3600
    gpu = sum(row.gpu_seconds for row in study.table) / 3600
    parts = [duration(study.wall_s)] if hours else []
    made = sum(not row.cached for row in study.table)
    parts += [f"{made / hours:,.0f} trials an hour"] if hours and made else []
    parts += [f"{gpu:.1f} GPU-hours"] if gpu else []
    parts += [count(study.workers, "worker")] if study.workers else []
    return ", ".join(parts)


def _questions(study: Study) -> list[Line]:
    """What was tried, whether it can be made again, what mattered, what to do."""
    took = _speed(study)
    return [
        line(strong("What was tried?"), f" {counts(study.table)}", f"; {took}" if took else "", "."),
        line(strong("Does it reproduce?"), " ", _reproduces(study)) if study.finished else (),
        line(strong("What mattered?"), " ", words) if (words := _mattered(study)) else (),
        line(strong("What now?"), " ", _now(study)),
    ]


def _reproduces(study: Study) -> Line:
    table = line("table ", code(table_digest(study.table)[:16]))
    if study.replayed:
        return line("Yes: the record was followed to the same table, every trial to the bit (", table, ").")
    if not study.record:
        return line("Not recorded: no trial ended well.")
    return line(
        "Recorded in ", code(study.record), " (", table, "); ", code(study.repeat),
        " follows it to the same table, or names the first difference.",
    )  # fmt: skip


def _mattered(study: Study) -> Line:
    found = study.importances
    if found is None:
        return ()
    first = list(found.shares.items())[:_MOST_NAMED]
    named = [
        line(code(name(key)), f" {one.share:.2f} [{one.low:.2f} … {one.high:.2f}]") for key, one in first
    ]  # fmt: skip
    return line(listed(named), f": share of PED-ANOVA's importance, with 90 % of {found.resamples} resamples.")


def _now(study: Study) -> Line:
    if not study.finished:
        return line("Run ", code(study.repeat), " again: it goes on from here.")
    if not study.best:
        return line("Read the reasons of the failed trials below, mend the command or the space, and run it again.")
    if study.several:
        return line("Choose one of the trials on the front, and write its parameters under ", code("params"), ".")
    commit_it = line("; commit ", code(study.record)) if study.record and not study.replayed else line()
    return line(
        "Write the best parameters under ", code("params"), " in ", code("ml-experiment.yaml"), ", then run ",
        code("ml-experiment baseline accept"), commit_it, ".",
    )  # fmt: skip


def _notes(study: Study) -> list[Block]:
    shown = [line(strong("Note:"), f" {shortened(note, _LONGEST_NOTE)}") for note in study.notes[:_MOST_NOTES]]
    return [Paragraph(kind="bullet", words=words) for words in shown]


def _sections(study: Study, drawn: tuple[SweepChart, ...]) -> list[Section | None]:
    at = {chart.kind: number for number, chart in enumerate(drawn)}

    def picture(kind: str) -> list[Block]:
        return [Picture(chart=at[kind])] if kind in at else []

    return [
        tables.leading(study),
        _section("What mattered", [*picture("importances"), *tables.importances(study)], Detail.UNGATED),
        _section("Every complete trial as a line over its parameters", picture("parallel"), Detail.CURVES),
        _section("Each parameter by itself", picture("slices"), Detail.CURVES),
        tables.failed(study),
        tables.pruned(study),
        tables.every(study),
        _made(study),
        Section(title="Run this yourself", blocks=(Verbatim(text=study.repeat),)),
    ]


def _section(title: str, blocks: list[Block], detail: Detail) -> Section | None:
    return Section(title=title, blocks=tuple(blocks), detail=detail) if blocks else None


def _made(study: Study) -> Section:
    sweep = study.sweep
    goals = listed([line(f"{goal.value} ", code(name(metric))) for metric, goal in sweep.objective.items()])
    bounds = [
        line(
            code(name(metric)),
            f" at least {bound.min:g}" if bound.min is not None else "",
            " and" if bound.min is not None and bound.max is not None else "",
            f" at most {bound.max:g}" if bound.max is not None else "",
        )
        for metric, bound in sweep.constraints.items()
    ]
    order = (
        f"order window of {sweep.parallelism}: the same table whatever the number of workers"
        if sweep.order == "window"
        else "order recorded: results told as they came, in an order that the record keeps"
    )
    seeds = f"{count(sweep.seeds, 'run')} a trial, each with a seed of its own (study seed {sweep.seed})"
    said = [
        line("Objective: ", goals, line("; constraints: ", listed(bounds)) if bounds else "", "."),
        line(f"Sampler {sweep.sampler}, pruner {sweep.pruner}; {seeds}."),
        line(f"{order[0].upper()}{order[1:]}{_workers(study)}."),
        line("Machine: ", code(study.machine), ".") if study.machine else line(),
        line("Table ", code(table_digest(study.table)), _where(study), "."),
    ]
    blocks = tuple(Paragraph(words=words) for words in said if words)
    return Section(title="How it was made", blocks=blocks, detail=Detail.SURROUNDINGS)


def _workers(study: Study) -> str:
    return f"; {count(study.workers, 'worker')}" if study.workers else ""


def _where(study: Study) -> Line:
    return line("; record ", code(study.record)) if study.record else line()


def _footer(study: Study) -> Line:
    parts = [
        line(f"ml-experiment {shortened(study.tool_version, 40)}") if study.tool_version else line("ml-experiment"),
        line("commit ", commit(study.commit), " with uncommitted changes" if study.dirty else ""),
        line(count(len(study.table), "trial"), f", {duration(study.wall_s)}" if study.wall_s else ""),
        line("whole report: ", code(study.whole)),
    ]
    return listed(parts, separator=" · ")
