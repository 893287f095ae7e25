"""The command `ml-experiment sweep`."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from action.options import (
    BuildArgs,
    Environment,
    Folder,
    Json,
    NoCache,
    parse_build_args,
    parse_seeds,
    print_json,
    screen_for,
)


def sweep(
    path: Folder = Path(),
    trials: Annotated[int | None, typer.Option(min=1, help="Number of trials. Default: the file's.")] = None,
    parallelism: Annotated[
        int | None, typer.Option(min=1, help="Trials side by side; in order window, its width.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shares of this machine, or of the cluster, to use. Default: parallelism.")
    ] = None,
    executor: Annotated[
        Literal["local", "ray"] | None,
        typer.Option(help="Where trials run. Default: here, without an address."),
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Ray cluster: HOST:PORT of its head on one of its nodes, else ray://HOST:10001.")
    ] = None,
    order: Annotated[Literal["recorded", "window"] | None, typer.Option(help="How results are told.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="An event log of an earlier, unfinished run to go on from.")
    ] = None,
    export: Annotated[str | None, typer.Option(help="Storage URL of Optuna the finished study is written to.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Start a new study where there is a record of one.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Judge the record: run its best trial again.")] = False,
    first: Annotated[
        int | None, typer.Option(min=1, help="With --verify: make the first so many trials again too, and compare.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --verify: make all trials again too, and compare.")
    ] = False,
    seeds: Annotated[
        str | None,
        typer.Option(help="With --verify: fresh seeds, 5-24. Default: the claim's, and fresh ones where these differ."),
    ] = None,
    no_cache: NoCache = False,
    environment: Environment = None,
    build_arg: BuildArgs = None,
    as_json: Json = False,
) -> None:
    """Run a hyper-parameter study, make a recorded one again and compare, or judge a record (--verify)."""
    from action import sweep_view
    from action.activities import sweep_asked as asked
    from action.activities.session import Cache, Choice
    from action.activities.sweep import run_sweep
    from action.activities.sweep_open import cluster_address, open_sweep
    from action.activities.sweep_plan import Fate
    from action.activities.sweep_publish import publish
    from action.activities.verify import ALL, Wanted
    from action.cli_verify import refuse_given
    from action.cli_verify import verify as judge
    from action.interrupts import counted
    from action.terminal import report_line
    from experiment import file
    from runner.sweep.drive import Wish

    choice = Choice(environment, parse_build_args(build_arg))
    reuse = Cache.IGNORE if no_cache else Cache.USE
    address = cluster_address(executor, ray_address, os.environ)
    if verify:
        given = {"--trials": trials, "--parallelism": parallelism, "--workers": workers, "--order": order}
        refuse_given({**given, "--resume": resume, "--export": export, "--new": new or None}, "not with --verify")
        refuse_given({"--first": first if every else None}, "not with --all, which makes every trial again")
        wanted = Wanted(ALL if every else first or 0, parse_seeds(seeds), reuse)
        raise typer.Exit(judge(path, choice, wanted, address=address, as_json=as_json))
    refuse_given({"--first": first, "--all": every or None, "--seeds": seeds}, "only with --verify")
    experiment = asked.changed(file.load(path), trials=trials, parallelism=parallelism, order=order)
    with screen_for(as_json) as screen:
        view = sweep_view.SweepView(screen)
        with open_sweep(path, experiment, screen, os.environ, choice, address=address, workers=workers) as (
            session,
            hands,
        ):
            asked.resume_from(session, experiment, resume)
            screen.line(sweep_view.header(session))
            with counted(view.no_new_trials) as wish:
                found = run_sweep(
                    session,
                    experiment,
                    hands=hands,
                    reuse=reuse,
                    fate=Fate.REPLACE if new else Fate.FOLLOW,
                    wish=wish,
                    teller=view,
                    inherited=os.environ,
                    export_to=export,
                )
                stopped = wish() is not Wish.GO_ON and not found.finished
        screen.lines(sweep_view.last_lines(found))
        report = publish(found, session, view.workers).html
        screen.line(report_line(report))
    if stopped:
        raise KeyboardInterrupt  # it ends as every command that was cancelled
    if as_json:
        print_json(sweep_view.outputs(found, str(report)))
    raise typer.Exit(found.exit_code)
