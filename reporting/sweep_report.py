"""The report of a sweep as Markdown: the best parameters and what they are worth, then the trials behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from experiment.command import text
from experiment.search import Sweep
from experiment.trials import Row, best, table_digest
from reporting.markdown import code, name, prose
from reporting.numbers import count, duration
from reporting.sweep_words import claim, confirmed, counts, maximize, parameters, values_of

_SHOWN = 10


@dataclass(frozen=True)
class Study:
    """All that a report on a sweep is made from. `fresh`: the first objective of the best trial on fresh seeds."""

    experiment: str
    sweep: Sweep
    table: Sequence[Row]
    fresh: Sequence[float] = ()
    importances: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    replayed: bool = False


def markdown(study: Study) -> str:
    """GitHub-flavoured Markdown."""
    sweep, table = study.sweep, study.table
    found = best(table, maximize(sweep))
    again = "; the record was followed to the same table" if study.replayed else ""
    lines = [f"## Sweep of {name(study.experiment)}: {prose(claim(sweep, table))}", ""]
    if told := confirmed(sweep, table, study.fresh):
        lines += [f"**{prose(told)}.**", ""]
    if len(sweep.objective) == 1 and found:
        lines += ["| parameter | best |", "|:---|:---|"]
        lines += [f"| {name(key)} | {code(text(value))} |" for key, value in found[0].params.items()]
        lines.append("")
    lines += [f"{counts(table)}, {_speed(study)}{again}. Table `{table_digest(table)[:16]}`.", ""]
    title = "The trials that no other beats" if len(sweep.objective) > 1 else "The best trials"
    ranked = found if len(sweep.objective) > 1 else _ranked(table, maximize(sweep)[0])
    lines += [f"<details><summary>{title}</summary>", "", "| trial | objective | parameters |", "|---:|:---|:---|"]
    lines += [
        f"| {row.trial} | {code(values_of(sweep, row, table))} | {code(parameters(row.params))} |"
        for row in ranked[:_SHOWN]
    ]
    lines += ["", "</details>"]
    if study.importances:
        lines += ["", "<details><summary>What mattered</summary>", "", "| parameter | importance |", "|:---|---:|"]
        lines += [f"| {name(key)} | {share:.2f} |" for key, share in study.importances.items()]
        ended = sum(row.state == "complete" for row in table)
        lines += ["", f"PED-ANOVA over {count(ended, 'trial')}; a guide, not a measurement.", "", "</details>"]
    failed = [row for row in table if row.state == "failed"]
    if failed:
        lines += ["", f"<details><summary>{count(len(failed), 'failed trial')}</summary>", ""]
        lines += [
            f"- trial {row.trial}: {code(row.reason)} with {code(parameters(row.params))}" for row in failed[:_SHOWN]
        ]
        lines += [f"- and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _speed(study: Study) -> str:
    hours = study.wall_s / 3600
    gpu = sum(row.gpu_seconds for row in study.table) / 3600
    rate = f", {len(study.table) / hours:.0f} trials an hour" if hours else ""
    return f"{duration(study.wall_s)}{rate}" + (f", {gpu:.1f} GPU-hours" if gpu else "")


def _ranked(table: Sequence[Row], high: bool) -> list[Row]:
    good = [row for row in table if row.possible and row.values is not None]
    return sorted(good, key=lambda row: ((-row.values[0] if high else row.values[0]) if row.values else 0.0, row.trial))
