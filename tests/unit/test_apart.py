"""What a report says of equal seeds that part: where, how, what may explain it, and which bytes of a file."""

from pathlib import Path

import pytest
from builders import ACCURACY, LOSS, a_baseline, a_bundle, a_configuration, a_snapshot, a_trace, an_environment
from report_cases import CASES, edited, judged, report_of

from experiment.bundle import Bundle, FileGap
from experiment.environment import Library
from experiment.snapshot import Configuration, Trace
from reporting import apart
from reporting.document import GapChart, text_of
from reporting.parting import Parting, how_traces_part, parting
from reporting.render import to_markdown
from runner.artifacts import file_gaps, first_difference

KERNEL = a_configuration(
    environment=an_environment(
        libraries=(Library(role="blas", name="openblas", version="0.3.29", kernel="Haswell", threads=1),)
    )
)


def one(trace: Trace, configuration: Configuration | None = None, accuracy: float = ACCURACY[0]) -> Bundle:
    """One run of seed 0 whose loss goes another way than the baseline's."""
    values = {"test/accuracy": [accuracy], "test/loss": [0.217], "runtime_s": [12.0]}
    here = a_snapshot(values, configuration=configuration or a_configuration(), traces={"test/loss": trace})
    return a_bundle(here)


def told(bundle: Bundle) -> str:
    found = apart.told_of_baseline(*judged(bundle))
    return text_of(found) if found else ""


def test_curves_of_equal_bits_part_nowhere_and_nothing_is_said() -> None:
    same = one(a_trace(2.3, LOSS[0]))
    assert apart.from_baseline(same) == ()
    assert told(same) == ""


def test_curves_of_different_seeds_are_not_compared() -> None:
    assert apart.from_baseline(one(a_trace(2.3, LOSS[0], seed=3, gap=0.5))) == ()


def test_from_rounding_size_and_growing_names_the_kernel_that_differs() -> None:
    said = told(one(a_trace(2.3, LOSS[0], gap=3e-16, growth=1.2), KERNEL))
    assert "With seed 0, test/loss leaves the baseline's curve at step 1 by 2.0×10⁻¹⁶ of its value" in said
    assert "seen in a result from step 122 on" in said
    assert said.endswith(
        "a rounding error that grew, so likely numerics (kernel openblas Zen → openblas Haswell)."
    )  # fmt: skip


def test_rounding_that_never_grows_is_said_to_be_harmless() -> None:
    said = told(one(a_trace(2.3, LOSS[0], gap=3e-16), KERNEL))
    assert "never far enough from it to be seen in a result: rounding errors, so likely numerics" in said


def test_far_at_once_names_the_code_that_differs_and_says_that_chance_is_not_it() -> None:
    said = told(one(a_trace(2.3, LOSS[0], gap=0.05), edited("train.py"), 0.9130))
    assert "at step 1 by 4.8 % and stays away: no rounding error, so likely a cause (train.py)." in said
    assert said.endswith("This commit repeats to the bit here: something real changed.")


def test_a_cause_that_is_not_recorded_is_said_not_to_be() -> None:
    said = told(one(a_trace(2.3, LOSS[0], gap=0.05), None, 0.9130))
    assert "likely a cause; nothing recorded differs that would explain it." in said


def test_another_way_to_the_same_level_is_no_news() -> None:
    assert told(one(a_trace(2.3, LOSS[0], gap=0.05), edited("train.py"), 0.9400)) == ""


def test_a_kept_curve_is_compared_at_its_steps_whole_at_the_beginning() -> None:
    before, after = (a_baseline().snapshot, one(a_trace(2.3, LOSS[0], gap=2e-16, growth=1.2)).candidate)
    (gap,) = how_traces_part(before, after)
    assert (gap.metric, gap.start, gap.first_bits, gap.steps) == ("test/loss", 1, 1, 200)
    assert parting(gap) is Parting.NUMERICS


def test_the_gap_is_drawn_with_what_it_shows_in_words() -> None:
    bundle, verdict, _ = judged(one(a_trace(2.3, LOSS[0], gap=3e-16, growth=1.2), KERNEL))
    (chart,) = apart.charts(bundle, verdict)
    assert isinstance(chart, GapChart)
    assert chart.alt.startswith("gap between two runs of test/loss, seed 0, baseline and this commit: 2.0×10⁻¹⁶ of")
    assert chart.alt.endswith(", 9.1 % at step 200")
    text = to_markdown(report_of(bundle))
    assert "<summary>How runs of one seed part</summary>" in text


def test_a_strangers_curve_of_uneven_columns_and_giant_steps_is_no_reason_to_fail() -> None:
    whole = a_trace(2.3, LOSS[0], gap=0.05)
    torn = whole.model_copy(update={"step": (10**30, *whole.step[1:]), "value": whole.value[:50]})
    bundle, verdict, _ = judged(one(torn, edited("train.py"), 0.9130))
    (gap,) = apart.from_baseline(bundle)
    assert (gap.first_bits, gap.steps) == (1, 49)
    uneven = gap.model_copy(update={"gap": gap.gap[:10]})
    assert apart.section(bundle, []) is not None
    assert bundle.replicate is not None
    again = bundle.replicate.model_copy(update={"gaps": (uneven,)})
    assert len(apart.charts(bundle.model_copy(update={"replicate": again}), verdict)[0].step) == 10


def test_a_file_that_differs_is_named_with_its_first_byte() -> None:
    text = to_markdown(report_of(CASES["model-file-differs"]()))
    assert "within tolerance" in text.splitlines()[0]
    assert "**Which files differ?** `model.npz` differs first at byte 1,042 of 51,234." in text


def test_where_the_baselines_file_is_elsewhere_that_is_said() -> None:
    bundle = CASES["model-file-differs"]().model_copy(update={"files": ()})
    said = apart.told_of_files(bundle)
    assert said is not None
    assert text_of(said).endswith("model.npz; the baseline's is not on this machine, so not in which byte.")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (b"weights", b"weighty", FileGap(path="m", first=6, sizes=(7, 7))),
        (b"weights", b"weights and more", FileGap(path="m", first=7, sizes=(7, 16))),
        (b"", b"x", FileGap(path="m", first=0, sizes=(0, 1))),
        (b"x" * 3_000_000 + b"a", b"x" * 3_000_000 + b"b", FileGap(path="m", first=3_000_000, sizes=(3_000_001,) * 2)),
        (b"weights", b"weights", None),
    ],
    ids=["a byte", "longer", "empty", "beyond the first block", "equal"],
)
def test_the_first_differing_byte(tmp_path: Path, a: bytes, b: bytes, expected: FileGap | None) -> None:
    (tmp_path / "a").write_bytes(a)
    (tmp_path / "b").write_bytes(b)
    assert first_difference("m", tmp_path / "a", tmp_path / "b") == expected


def test_only_artifacts_whose_digests_differ_are_read_and_what_was_not_kept_is_left_out(tmp_path: Path) -> None:
    for side, model in (("one", b"aa"), ("two", b"ab")):
        (tmp_path / side / "artifacts").mkdir(parents=True)
        (tmp_path / side / "artifacts" / "model").write_bytes(model)
    before = {"model": "1", "same": "3", "lost": "4"}
    found = file_gaps(before, tmp_path / "one", {"model": "2", "same": "3", "lost": "5"}, tmp_path / "two")
    assert found == (FileGap(path="model", first=1, sizes=(2, 2)),)
