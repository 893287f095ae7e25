"""`ml-experiment sweep --verify`: a record of a sweep is judged by new runs; no study is made or gone on with."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from action.options import print_json, screen_for

if TYPE_CHECKING:
    from action.activities.session import Choice
    from action.activities.verify import Wanted


def refuse_given(given: dict[str, object], why: str) -> None:
    """BadParameter for the first option of these that was given."""
    found = next((name for name, value in given.items() if value is not None), None)
    if found is not None:
        raise typer.BadParameter(why, param_hint=found)


def verify(path: Path, choice: "Choice", wanted: "Wanted", *, address: str | None, as_json: bool) -> int:
    """Judge the record that lies beside the experiment file, by runs made here or on the cluster at `address`; the exit
    code.
    """
    from dataclasses import replace

    from action import claim_view, sweep_view
    from action.activities import sweep_asked as asked
    from action.activities.sweep_open import open_hands
    from action.activities.verify import check_fresh, record_of
    from action.activities.verify import verify as run_it
    from action.interrupts import counted
    from action.terminal import report_line
    from experiment import file
    from reporting.claim import verdict as judge
    from runner.schedule import Cancelled
    from runner.source import folder_of

    experiment = file.load(path)
    asked.sweep_of(experiment)
    record = record_of(folder_of(path), experiment)
    check_fresh(record, wanted)
    with (
        screen_for(as_json) as screen,
        open_hands(path, experiment, screen, os.environ, choice, address=address) as (opened, hands),
    ):
        screen.line(sweep_view.header(opened))
        session = replace(opened, experiment=experiment)
        try:
            teller = sweep_view.SweepView(screen)
            with counted(teller.no_new_trials) as wish:
                found = run_it(session, hands, record, wanted, wish=wish, teller=teller)
        except Cancelled:
            raise KeyboardInterrupt from None
        verdict = judge(found, experiment)
        screen.lines(claim_view.lines(found, verdict))
        html = claim_view.publish(session, wanted, found, verdict)
        screen.line(report_line(html))
    if as_json:
        print_json(claim_view.outputs(found, verdict, html))
    return verdict.exit_code
