"""The terminal's door: `ml-experiment …`. Parses, calls an activity, prints, and ends with an exit code."""

import io
import os
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from action.cli_sweep import sweep
from action.endings import exit_code, finish, say
from action.options import (
    BuildArgs,
    Environment,
    Folder,
    Json,
    NoCache,
    Seeds,
    Starter,
    parse_build_args,
    parse_seeds,
    print_json,
    screen_for,
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Re-runs an experiment and says whether it reproduces and how it stands against its baseline.",
)
baseline_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The stored baseline: accept, show, diff.")
app.add_typer(baseline_app, name="baseline")


def main() -> None:
    """Entry point: exit codes 0 passed, 1 failed, 2 wrong input, 3 infrastructure, 4 could not judge, 130 cancelled."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _as_interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without these characters gets a question mark
    code = exit_code(lambda: app(standalone_mode=False), sys.argv[1:])
    finish()
    sys.exit(code)


def _as_interrupt(*_: object) -> NoReturn:
    """Being asked to end, or losing the terminal, ends everything as Ctrl-C does."""
    raise KeyboardInterrupt


@app.callback(invoke_without_command=True)
def _top(show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if show_version:
        say(version("ml-experiment"))
        raise typer.Exit


@app.command()
def reproduce(
    path: Folder = Path(),
    no_cache: NoCache = False,
    seeds: Seeds = None,
    environment: Environment = None,
    build_arg: BuildArgs = None,
    as_json: Json = False,
) -> None:
    """Run again, compare with the stored baseline, report: the main job."""
    from action import terminal
    from action.activities import publish
    from action.activities.reproduce import reproduce as run_it
    from action.activities.reproduce import stored_baseline
    from action.activities.session import Cache, Choice, open_session
    from action.outputs import outputs
    from experiment import file
    from runner.schedule import Cancelled
    from runner.source import folder_of

    chosen, choice = parse_seeds(seeds), Choice(environment, parse_build_args(build_arg))
    experiment = file.load(path)
    stored = stored_baseline(folder_of(path), experiment.baseline_file, experiment.experiment)
    with screen_for(as_json) as screen:
        with open_session(path, experiment, screen, os.environ, choice) as session:
            wanted = chosen or experiment.seeds
            screen.expect(list(experiment.metrics), stored.snapshot if stored else None)
            screen.line(terminal.header(session, wanted))
            try:
                found = run_it(session, stored, wanted, Cache.IGNORE if no_cache else Cache.USE, os.environ)
            except Cancelled:
                raise KeyboardInterrupt from None
        screen.lines(terminal.verdict_lines(found.bundle, found.verdict, publish.differences_of(found.bundle)))
        bundle = found.with_notes()
        screen.lines(terminal.note_lines(bundle))
        written = publish.publish(bundle, found.verdict, session.store.state)
        screen.line(terminal.report_line(written.html))
    if as_json:
        print_json(outputs(bundle, found.verdict, written))
    raise typer.Exit(found.verdict.exit_code)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="The side to hold: a baseline, a bundle or a run folder.")],
    b: Annotated[Path, typer.Argument(help="The side that is judged.")],
    as_json: Json = False,
) -> None:
    """Judge B against A: two baselines, bundles or run folders. Runs nothing."""
    from action import terminal
    from action.activities import compare as sides
    from action.activities import publish
    from action.outputs import outputs
    from reporting.comparison import compare as judge

    bundle = sides.as_bundle(sides.side(a), sides.side(b), f"ml-experiment compare {a} {b}")
    before = bundle.baseline.snapshot if bundle.baseline else None
    verdict = judge(before, bundle.candidate, bundle.policy)
    if as_json:
        print_json(outputs(bundle, verdict, None))
    else:
        with screen_for(as_json) as screen:
            screen.lines(terminal.verdict_lines(bundle, verdict, publish.differences_of(bundle)))
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
    from action.outputs import outputs
    from experiment import bundle as bundles
    from reporting.comparison import compare as judge

    read = bundles.load(bundle)
    verdict = judge(
        read.baseline.snapshot if read.baseline else None, read.candidate, read.policy, read.replicate, read.later
    )
    written = publish.publish(read, verdict, to)
    if as_json:
        print_json(outputs(read, verdict, written))
    else:
        with screen_for(as_json) as screen:
            screen.lines(terminal.verdict_lines(read, verdict, publish.differences_of(read)))
            screen.line(terminal.report_line(written.html))
    raise typer.Exit(verdict.exit_code)


app.command()(sweep)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The repository.")] = Path(),
    command: Annotated[str | None, typer.Option(help="How training is started, where it can't be guessed.")] = None,
    lock: Annotated[str | None, typer.Option(help="The lock of the environment.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the guesses without asking.")] = False,
    workflow: Annotated[
        list[Starter] | None,
        typer.Option(help="Write this starter workflow into .github/workflows too; again for another one."),
    ] = None,
) -> None:
    """Write ml-experiment.yaml and a lock for an existing repository, from one trial run; workflows, if asked."""
    from action.activities import init_workflows
    from action.activities.init import init as guess
    from experiment.spec import FILE_NAME

    starters = workflow or []
    init_workflows.check_free(path, starters)  # before a trial run, which may take long
    ask: Callable[[str, str], str] | None = None
    if sys.stdin.isatty() and not yes:
        ask = lambda question, default: str(typer.prompt(question, default=default))  # noqa: E731
    if not starters or not (path / FILE_NAME).exists():
        guess(path.resolve(), command, lock, ask=ask, say=say, inherited=os.environ)
    for line in init_workflows.write(path, starters) if starters else ():
        say(line)


@app.command()
def pin(
    path: Folder = Path(),
    update: Annotated[bool, typer.Option("--update", help="Move what is pinned to what its tag has now.")] = False,
    as_json: Json = False,
) -> None:
    """Write digests and hashes where they are missing: images, data, the lock. Nothing is pulled or run."""
    from action.activities import pin as activity
    from runner.environment.pins import Which

    found = activity.pin(path, Which.ALL if update else Which.MISSING, os.environ)
    if as_json:
        print_json(activity.outputs(found))
        return
    with screen_for(as_json) as screen:
        screen.lines(activity.lines(found))


@app.command()
def doctor(path: Folder = Path(), as_json: Json = False) -> None:
    """Is this machine ready: engine, GPU, driver, disk, permissions; for the experiment at PATH, or in general."""
    from action.activities import doctor as activity

    found = activity.examine(path, os.environ)
    if as_json:
        print_json(activity.outputs(found))
    else:
        with screen_for(as_json) as screen:
            screen.lines(activity.lines(found))
    raise typer.Exit(activity.exit_code(found))


@baseline_app.command("accept")
def baseline_accept(
    path: Folder = Path(),
    seeds: Seeds = None,
    note: Annotated[str, typer.Option(help="Why this is the new level.")] = "",
    no_cache: NoCache = False,
    environment: Environment = None,
    build_arg: BuildArgs = None,
    as_json: Json = False,
) -> None:
    """Store runs of this commit as the level to hold; says what changes and by how much."""
    from action import terminal
    from action.activities import baseline as activity
    from action.activities.session import Cache, Choice, open_session
    from experiment import file
    from runner.schedule import Cancelled
    from runner.source import folder_of

    chosen, choice = parse_seeds(seeds), Choice(environment, parse_build_args(build_arg))
    experiment = file.load(path)
    target = folder_of(path) / experiment.baseline_file
    before, unreadable = activity.replaced(target, experiment.experiment)
    old = before.snapshot if before else None
    with screen_for(as_json) as screen:
        if unreadable:
            screen.line(f"the old baseline is replaced: {unreadable}")
        with open_session(path, experiment, screen, os.environ, choice) as session:
            wanted = chosen or tuple(sorted({*experiment.seeds, *([r.seed for r in old.runs] if old else [])}))
            screen.expect(list(experiment.metrics), old)
            screen.line(terminal.header(session, wanted))
            try:
                made = activity.run_for_baseline(session, wanted, Cache.IGNORE if no_cache else Cache.USE, os.environ)
            except Cancelled:
                raise KeyboardInterrupt from None
        stored = activity.accept(made, before, target, note)
        screen.lines(terminal.accepted_lines(old, stored, before, target))
    if as_json:
        cached = sum(run.cached for run in made.runs)
        found = {"baseline": str(target), "changed": stored is not before, "runs": len(made.runs), "cached": cached}
        print_json({**found, "commit": made.commit, "dirty": made.dirty})


@baseline_app.command("show")
def baseline_show(path: Folder = Path(), as_json: Json = False) -> None:
    """What is stored: metrics, runs, and where they come from."""
    from action import terminal
    from experiment import baseline as baselines
    from experiment import file
    from runner.source import folder_of

    experiment = file.load(path)
    stored = baselines.load(folder_of(path) / experiment.baseline_file, experiment=experiment.experiment)
    if as_json:
        say(stored.to_json())
        return
    with screen_for(as_json) as screen:
        screen.lines(terminal.baseline_lines(stored))


@baseline_app.command("diff")
def baseline_diff(path: Folder = Path(), as_json: Json = False) -> None:
    """What accepting the last `reproduce` would change. Runs and writes nothing."""
    from action import terminal
    from action.activities import compare as sides
    from action.activities.baseline import changes
    from action.outputs import metric_figures
    from experiment import baseline as baselines
    from experiment import file
    from runner.source import STATE, folder_of

    experiment = file.load(path)
    folder = folder_of(path)
    last = folder / STATE / "bundle.zip"
    if not last.exists():
        raise sides.NotComparable(f"{last}: nothing to compare with yet\n  first: ml-experiment reproduce")
    old = baselines.load(folder / experiment.baseline_file, experiment=experiment.experiment).snapshot
    new = sides.side(last)
    if as_json:
        verdict, apart = changes(old, new)
        figures = metric_figures(verdict)
        print_json({"verdict": verdict.judgement.value, "differences": apart.sentence, "metrics": figures})
        return
    with screen_for(as_json) as screen:
        screen.lines(terminal.change_lines(old, new))


if __name__ == "__main__":
    main()
