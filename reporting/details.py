"""The folded part of a report: environment, data, hardware, seeding, what could not be seen, and how to do it again."""

from collections.abc import Iterable, Sequence

from experiment.bundle import Bundle
from experiment.environment import EnvironmentKind, EnvironmentRecord, HardwareRecord, Library
from experiment.snapshot import Configuration
from reporting import tables
from reporting.decision import Verdict
from reporting.differences import Change, Differences
from reporting.document import (
    Block,
    Chart,
    Detail,
    Line,
    Paragraph,
    Picture,
    Row,
    Section,
    Table,
    Verbatim,
    code,
    line,
    listed,
    strong,
)
from reporting.markdown import name
from reporting.numbers import count, size, spelled
from reporting.words import sentence, shortened

_KINDS = {
    EnvironmentKind.LOCK: "Locked environment ",
    EnvironmentKind.IMAGE: "Container of the image ",
    EnvironmentKind.DOCKERFILE: "Container built from ",
}
_MOST_ROWS = 200
_MOST_LOGS = 3
SHOWN_AT_ONCE = 12  # lines of a log that stand in the open


def metrics(bundle: Bundle, verdict: Verdict) -> Section | None:
    """All metrics, where they are too many to stand in the open."""
    n = len(verdict.decisions)
    if n <= tables.MOST_AT_ONCE:
        return None
    return Section(title=f"All {n:,} metrics", blocks=(tables.metrics(bundle, verdict),))


def runs(bundle: Bundle, verdict: Verdict) -> Section:
    """Every run with its values; for those that failed, the end of their output."""
    n = len(bundle.candidate.runs)
    blocks: list[Block] = [tables.runs(bundle, verdict)]
    if bundle.stage_note:
        blocks.append(
            Paragraph(
                words=line(
                    f"Planned first: {count(len(bundle.planned), 'run')}; ", sentence(shortened(bundle.stage_note))
                )
            )
        )
    failed = [run for run in bundle.candidate.runs if not run.ok]
    for run in failed[:_MOST_LOGS]:
        if len(run.log_tail.strip().splitlines()) > SHOWN_AT_ONCE or run is not failed[0]:
            blocks.append(Paragraph(words=line(f"The end of what seed {run.seed} printed:"), detail=Detail.LOGS))
            blocks.append(Verbatim(text=_tail(run.log_tail, lines=40), detail=Detail.LOGS))
    if len(failed) > _MOST_LOGS:
        more = count(len(failed) - _MOST_LOGS, "more run")
        blocks.append(Paragraph(words=line(f"{more} failed; the records hold what they printed."), detail=Detail.LOGS))
    return Section(title=f"How the {spelled(n)} {'run' if n == 1 else 'runs'} went", blocks=tuple(blocks))


def last_words(bundle: Bundle) -> Verbatim | None:
    """The last lines of the first run that failed; None where none did or it printed nothing."""
    tail = next((run.log_tail for run in bundle.candidate.runs if not run.ok and run.log_tail.strip()), "")
    return Verbatim(text=_tail(tail, lines=SHOWN_AT_ONCE), detail=Detail.LOGS) if tail else None


def _tail(text: str, lines: int) -> str:
    return "\n".join(text.rstrip()[-4000:].splitlines()[-lines:])


def surroundings(configuration: Configuration, not_captured: Iterable[str]) -> Section:
    """What it was computed with and from."""
    environment, hardware = configuration.environment, configuration.hardware
    blocks: list[Block] = [
        Paragraph(words=_environment(environment)),
        Paragraph(words=_machine(hardware, environment.libraries)),
        Paragraph(words=_seeding(configuration)),
        *(Paragraph(kind="bullet", words=line(strong("Not captured: "), text)) for text in not_captured),
        *_undeclared(configuration),
        *_data(configuration),
        Paragraph(words=line(f"All {count(len(environment.packages), 'package')}:"), detail=Detail.PACKAGES),
        Verbatim(text=_packages(environment), detail=Detail.PACKAGES),
    ]
    return Section(title="Environment, data, hardware", blocks=tuple(blocks), detail=Detail.SURROUNDINGS)


def _environment(environment: EnvironmentRecord) -> Line:
    sha = environment.lock_sha256 or environment.image_digest
    variables: list[Line] = [line(code(f"{key}={value}")) for key, value in environment.variables.items()]
    return line(
        _KINDS[environment.kind],
        code(environment.source),
        line(" (sha256 ", code(f"{sha.removeprefix('sha256:')[:12]}…"), ")") if sha else "",
        ", ",
        code(f"{environment.implementation} {environment.python}"),
        ", ",
        code(environment.os),
        line(", ", code(environment.libc)) if environment.libc else "",
        f", {count(len(environment.packages), 'package')}",
        line(", ", listed(variables)) if variables else "",
        ".",
    )


def _machine(hardware: HardwareRecord, libraries: Iterable[Library]) -> Line:
    gpus = [line(code(f"{g.model}, {size(g.memory_bytes)}, driver {g.driver}")) for g in hardware.gpus]
    return line(
        code(hardware.cpu_model),
        f", {count(hardware.cpus, 'processor')}, ",
        code(hardware.simd),
        f", {size(hardware.memory_bytes)} of memory, ",
        listed(gpus) if gpus else "no GPU",
        *(line("; ", _library(library)) for library in libraries),
        ".",
    )


def _library(library: Library) -> Line:
    named = code(" ".join(filter(None, (library.name, library.version))))
    facts = [f"{library.kernel} kernel"] if library.kernel else []
    facts += [count(library.threads, "thread")] if library.threads is not None else []
    return line(named, f" ({', '.join(facts)})" if facts else "")


def _seeding(configuration: Configuration) -> Line:
    seeding = configuration.seeding
    applied = listed([line(code(name(what))) for what in seeding.applied])
    calls = listed([line(code(f"{c.function}({c.value})"), " at ", code(c.place)) for c in seeding.by_user], most=10)
    return line(
        f"Determinism {seeding.determinism}: ",
        line("seeded before the script's first line: ", applied) if applied else "nothing was seeded from outside",
        line("; the script itself calls ", calls) if calls else "; the script itself sets no seed",
        ".",
    )


def _undeclared(configuration: Configuration) -> list[Block]:
    unknown = [path for path, read in configuration.data.items() if not read.declared]
    if not unknown:
        return []
    named = listed([line(code(path)) for path in unknown], most=10)
    return [
        Paragraph(
            kind="bullet",
            words=line(strong("Read without being declared: "), named, "; list it under ", code("data"), "."),
        )
    ]


def _data(configuration: Configuration) -> list[Block]:
    if not configuration.data:
        return [Paragraph(words=line("No data file was read."))]
    reads = list(configuration.data.items())[:_MOST_ROWS]
    rows = [
        Row(
            cells=(
                line(code(path)),
                line("–" if read.size is None else size(read.size)),
                line("–") if read.sha256 is None else line(code(read.sha256[:12])),
                line("yes" if read.declared else strong("no")),
            )
        )
        for path, read in reads
    ]
    table = Table(
        caption="Data that was read",
        head=(line("data file"), line("size"), line("sha256"), line("declared")),
        right=(False, True, False, False),
        rows=tuple(rows),
    )
    left = len(configuration.data) - len(reads)
    return [table, *([Paragraph(words=line(f"{count(left, 'more file')} in the records."))] if left else [])]


def _packages(environment: EnvironmentRecord) -> str:
    return "\n".join(f"{package}=={version}" for package, version in environment.packages.items())


def differences(found: Differences | None) -> Section | None:
    """Everything that differs; None where nothing does."""
    if found is None or not (found.changes or found.unknown):
        return None
    head = (line("what"), line("name"), line("baseline"), line("this commit"))
    rows = [
        Row(cells=(line(str(c.factor)), line(code(c.name)), _short(c, c.before), _short(c, c.after)))
        for c in found.changes[:_MOST_ROWS]
    ]
    blocks: list[Block] = []
    if rows:
        right = (False,) * 4
        blocks.append(Table(caption="What differs from the baseline", head=head, right=right, rows=tuple(rows)))
    left = len(found.changes) - len(rows)
    if left:
        blocks.append(Paragraph(words=line(f"{count(left, 'more difference')} in the records.")))
    if found.unknown:
        names = listed([line(code(path)) for path in found.unknown], most=20)
        blocks.append(Paragraph(words=line("Could not be read, so nobody knows whether equal: ", names, ".")))
    n = len(found.changes)
    title = "The difference from the baseline" if n == 1 else f"All {count(n, 'difference')} from the baseline"
    return Section(title=title, blocks=tuple(blocks), detail=Detail.PACKAGES)


def _short(change: Change, value: str | None) -> Line:
    if value is None:
        return line("–")
    return line(code(value[:12] if change.kind == "file" else value))


def numbers(charts: tuple[Chart, ...]) -> Section | None:
    """Every figure as text; None where there is no figure."""
    blocks: list[Block] = []
    for chart in charts:
        blocks.append(Paragraph(words=line(f"{chart.alt}."), detail=Detail.CURVES))
        blocks += [tables.values(chart), *filter(None, [tables.curves(chart)])]
    if not blocks:
        return None
    title = "The numbers behind the figure" + ("s" if len(charts) > 1 else "")
    return Section(title=title, blocks=tuple(blocks), detail=Detail.CURVES)


def pictures(folded: Sequence[Picture], shown: int) -> Section | None:
    """The figures of values that are not shown at once."""
    if not folded:
        return None
    title = "More figures" if shown else "Figures" if len(folded) > 1 else "Figure"
    return Section(title=title, blocks=tuple(folded))


def again(bundle: Bundle) -> Section:
    """How a person does this on their own machine."""
    return Section(title="Run this yourself", blocks=(Verbatim(text=bundle.repeat),))
