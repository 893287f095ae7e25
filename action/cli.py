"""The terminal's door: `ml-experiment …`. Parses, calls an activity, prints, and ends with an exit code."""

import json
import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from experiment.errors import CannotJudge, InfrastructureFailed, Refused

if TYPE_CHECKING:
    from action.screen import Screen

CANCELLED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Re-runs an experiment and says whether it reproduces and how it stands against its baseline.",
)
baseline_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The stored baseline: accept, show, diff.")
app.add_typer(baseline_app, name="baseline")

Folder = Annotated[Path, typer.Argument(help="The folder with ml-experiment.yaml, or the file itself.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Run everything again, also what is recorded already.")]
Seeds = Annotated[
    str | None, typer.Option("--seeds", help="Which seeds: 0,1,2 or 0-9. Default: the experiment file's.")
]


def main() -> None:
    """Entry point: exit codes 0 passed, 1 failed, 2 wrong input, 3 infrastructure, 4 could not judge, 130 cancelled."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        app()
    except (Refused, InfrastructureFailed, CannotJudge) as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("cancelled; what finished is recorded, and the same command goes on from there", CANCELLED)


def _as_interrupt(*_: object) -> NoReturn:
    """SIGTERM ends everything as Ctrl-C does."""
    raise KeyboardInterrupt


def _end(text: str, code: int) -> NoReturn:
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": text, "exit_code": code}) + "\n")
    else:
        sys.stderr.write(text + "\n")
    raise SystemExit(code)


@app.callback(invoke_without_command=True)
def _top(show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if show_version:
        typer.echo(version("ml-experiment"))
        raise typer.Exit


@app.command()
def reproduce(path: Folder = Path(), no_cache: NoCache = False, seeds: Seeds = None, as_json: Json = False) -> None:
    """Run again, compare with the stored baseline, report: the main job."""
    from action import terminal
    from action.activities import publish
    from action.activities.reproduce import reproduce as run_it
    from action.activities.reproduce import stored_baseline
    from action.activities.session import Cache, open_session
    from runner.schedule import Cancelled

    chosen = parse_seeds(seeds)
    with _screen(as_json) as screen:
        session = open_session(path, screen, os.environ)
        experiment = session.experiment
        stored = stored_baseline(session.folder, experiment.baseline_file, experiment.experiment)
        wanted = chosen or experiment.seeds
        screen.expect(list(experiment.metrics), stored.snapshot if stored else None)
        screen.line(terminal.header(session, wanted))
        try:
            found = run_it(session, stored, wanted, Cache.IGNORE if no_cache else Cache.USE, os.environ)
        except Cancelled:
            raise KeyboardInterrupt from None
        for line in terminal.verdict_lines(found.bundle, found.verdict, publish.differences_of(found.bundle)):
            screen.line(line)
        bundle = found.with_notes()
        for note in bundle.notes:
            screen.line(f"note       {note}")
        written = publish.publish(bundle, found.verdict, session.store.state)
        screen.line(f"report     {terminal.relative(written.html)}")
    if as_json:
        typer.echo(json.dumps(terminal.outputs(bundle, found.verdict, written)))
    raise typer.Exit(found.verdict.exit_code)


@app.command()
def compare(a: Path, b: Path, as_json: Json = False) -> None:
    """Judge B against A: two baselines, bundles or run folders. Runs nothing."""
    from action import terminal
    from action.activities import compare as sides
    from action.activities import publish
    from reporting.comparison import compare as judge

    bundle = sides.as_bundle(sides.side(a), sides.side(b), f"ml-experiment compare {a} {b}")
    before = bundle.baseline.snapshot if bundle.baseline else None
    verdict = judge(before, bundle.candidate, bundle.policy)
    if as_json:
        typer.echo(json.dumps(terminal.outputs(bundle, verdict, None)))
    else:
        for line in terminal.verdict_lines(bundle, verdict, publish.differences_of(bundle)):
            typer.echo(line)
    raise typer.Exit(verdict.exit_code)


@app.command()
def report(
    bundle: Annotated[Path, typer.Argument(help="A bundle.zip that reproduce wrote.")],
    to: Annotated[Path, typer.Option("--to", help="Folder the report is written into.")] = Path("report"),
    as_json: Json = False,
) -> None:
    """Render again from a bundle."""
    from action import terminal
    from action.activities import publish
    from experiment import bundle as bundles
    from reporting.comparison import compare as judge

    read = bundles.load(bundle)
    verdict = judge(read.baseline.snapshot if read.baseline else None, read.candidate, read.policy, read.replicate)
    written = publish.publish(read, verdict, to)
    if as_json:
        typer.echo(json.dumps(terminal.outputs(read, verdict, written)))
    else:
        typer.echo(f"report     {terminal.relative(written.html)}")
    raise typer.Exit(verdict.exit_code)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The repository.")] = Path(),
    command: Annotated[str | None, typer.Option(help="How training is started, where it can't be guessed.")] = None,
    lock: Annotated[str | None, typer.Option(help="The lock of the environment.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the guesses without asking.")] = False,
) -> None:
    """Write ml-experiment.yaml and a lock for an existing repository, from one trial run."""
    from action.activities.init import init as guess

    ask: Callable[[str, str], str] | None = None
    if sys.stdin.isatty() and not yes:
        ask = lambda question, default: str(typer.prompt(question, default=default))  # noqa: E731
    guess(path.resolve(), command, lock, ask=ask, say=typer.echo, inherited=os.environ)


@baseline_app.command("accept")
def baseline_accept(
    path: Folder = Path(),
    seeds: Seeds = None,
    note: Annotated[str, typer.Option(help="Why this is the new level.")] = "",
    no_cache: NoCache = False,
    as_json: Json = False,
) -> None:
    """Store runs of this commit as the level to hold; says what changes and by how much."""
    from action import terminal
    from action.activities import baseline as activity
    from action.activities.reproduce import stored_baseline
    from action.activities.session import Cache, open_session
    from runner.schedule import Cancelled

    chosen = parse_seeds(seeds)
    with _screen(as_json) as screen:
        session = open_session(path, screen, os.environ)
        experiment = session.experiment
        stored = stored_baseline(session.folder, experiment.baseline_file, experiment.experiment)
        old = stored.snapshot if stored else None
        wanted = chosen or tuple(sorted({*experiment.seeds, *([r.seed for r in old.runs] if old else [])}))
        screen.expect(list(experiment.metrics), old)
        screen.line(terminal.header(session, wanted))
        try:
            made = activity.run_for_baseline(session, wanted, Cache.IGNORE if no_cache else Cache.USE, os.environ)
        except Cancelled:
            raise KeyboardInterrupt from None
        target = session.folder / experiment.baseline_file
        activity.accept(made, target, note)
        lines = terminal.accepted_lines(old, made, target)
        for line in lines:
            screen.line(line)
    if as_json:
        typer.echo(json.dumps({"baseline": str(target), "runs": len(made.runs), "commit": made.commit}))


@baseline_app.command("show")
def baseline_show(path: Folder = Path(), as_json: Json = False) -> None:
    """What is stored: metrics, runs, and where they come from."""
    from action import terminal
    from experiment import baseline as baselines
    from experiment import file

    experiment = file.load(path)
    stored = baselines.load((path if path.is_dir() else path.parent) / experiment.baseline_file)
    if as_json:
        typer.echo(stored.to_json(), nl=False)
        return
    for line in terminal.baseline_lines(stored):
        typer.echo(line)


@baseline_app.command("diff")
def baseline_diff(path: Folder = Path(), as_json: Json = False) -> None:
    """What accepting the last `reproduce` would change. Runs and writes nothing."""
    from action import terminal
    from action.activities import compare as sides
    from action.activities.baseline import changes
    from experiment import baseline as baselines
    from experiment import file
    from runner.source import STATE

    experiment = file.load(path)
    folder = path if path.is_dir() else path.parent
    last = folder / STATE / "bundle.zip"
    if not last.exists():
        raise sides.NotComparable(f"{last}: nothing to compare with yet\n  first: ml-experiment reproduce")
    old = baselines.load(folder / experiment.baseline_file, experiment=experiment.experiment).snapshot
    found = changes(old, sides.side(last))
    if as_json and found is not None:
        typer.echo(json.dumps({"verdict": found[0].judgement.value, "differences": found[1].sentence}))
        return
    for line in terminal.change_lines(found):
        typer.echo(line)


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """`0,1,2` or `0-9` or both mixed; BadParameter says what was found."""
    if text is None:
        return None
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise typer.BadParameter(f"{part.strip()!r} is not a seed; write 0,1,2 or 0-9", param_hint="--seeds")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds or len(set(seeds)) != len(seeds) or max(seeds) >= 2**32 or len(seeds) > 1000:
        raise typer.BadParameter("give 1 to 1000 different seeds below 2³²", param_hint="--seeds")
    return tuple(seeds)


def _screen(as_json: bool) -> "Screen":
    """The view on standard output, or on standard error where that is kept for JSON."""
    from rich.console import Console

    from action.screen import Screen

    return Screen(Console(stderr=as_json, highlight=False, soft_wrap=True))


if __name__ == "__main__":
    main()
