"""The report of a sweep: what is claimed, what fresh seeds made of it, and words from data that stay words."""

from experiment.search import Sweep
from experiment.trials import Row
from reporting.sweep_report import Study, markdown
from reporting.sweep_words import confirmed

SWEEP = Sweep.model_validate(
    {"objective": {"acc": "maximize"}, "space": {"lr": {"float": (0.0, 1.0)}, "act": {"choice": ("relu", "<b>|`x`")}}},
    strict=False,
)
TABLE = [
    Row(trial=0, state="complete", params={"lr": 0.5, "act": "<b>|`x`"}, values=(0.91,)),
    Row(trial=1, state="complete", params={"lr": 0.25, "act": "relu"}, values=(0.89,)),
    Row(trial=2, state="failed", params={"lr": 0.125, "act": "relu"}, reason="exit status 1 @someone"),
]


def test_a_best_that_fresh_seeds_do_not_hold_is_called_the_winners_curse() -> None:
    said = confirmed(SWEEP, TABLE, [0.89, 0.90])
    assert said.startswith(
        "acc 0.8950 ± 0.0071 on 2 fresh seeds; the sweep's own 0.9100 was better because the best of 3"
    )
    assert "winner's curse" in said
    assert "winner's curse" not in confirmed(SWEEP, TABLE, [0.92, 0.93])


def test_it_says_best_ranking_and_failures_and_lets_no_word_of_data_act() -> None:
    text = markdown(Study("tiny", SWEEP, TABLE, [0.90], {"lr": 0.75, "act": 0.25}, 30.0))
    assert text.startswith("## Sweep of tiny: trial 0, acc 0.9100\n")
    assert "| lr | `0.5` |" in text
    assert "3 trials: 2 complete, 1 failed, 30 s, 360 trials an hour" in text
    assert "- trial 2: `exit status 1 @someone` with " in text
    assert "| act | `` <b>¦`x` `` |" in text
    assert text.index("| 0 |") < text.index("| 1 |")


def test_a_metric_called_like_a_person_mentions_nobody() -> None:
    sweep = SWEEP.model_copy(update={"objective": {"@someone": SWEEP.objective["acc"]}})
    text = markdown(Study("tiny", sweep, TABLE, [0.90]))
    assert "`@someone`" in text
    assert " @someone" not in text.replace("`exit status 1 @someone`", "")


def test_a_sweep_in_which_nothing_ended_well_says_so() -> None:
    assert markdown(Study("tiny", SWEEP, TABLE[2:])).startswith("## Sweep of tiny: no trial ended well\n")
