"""T24, T25: only a pass passes: nothing that is lost, broken, skipped or missing ever looks like one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import a_decision, a_verdict
from forge.state import Fault
from hypothesis import given
from hypothesis import strategies as st
from stranger import Stranger

from action import announcement
from action.announcement import NO_LABEL, can_be_accepted, rule
from action.check import Conclusion, conclude, name_of
from action.inputs import Gate
from action.trust import Acceptance, NotAccepted
from reporting.decision import GateResult, Judgement, Reproduction

PASSING = {"success", "neutral", "skipped"}  # what GitHub lets through
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("result", list(GateResult))
def test_a_gate_never_concludes_what_github_lets_through_unless_it_passed(result: GateResult) -> None:
    passes = conclude(result, Gate.ENFORCE).value in PASSING
    assert passes == (result is GateResult.PASSED)
    assert conclude(result, Gate.REPORT) in (Conclusion.NEUTRAL, Conclusion.SUCCESS)  # the workflow says: no gate


LABELS = st.sampled_from([NO_LABEL, NotAccepted("x"), Acceptance("ann", datetime(2026, 1, 1, tzinfo=UTC))])


@given(st.sampled_from(GateResult), st.sampled_from(Judgement), st.sampled_from(Reproduction), LABELS)
def test_whatever_the_verdict_passed_is_true_only_for_a_pass_or_an_accepted_level(
    gate: GateResult, judgement: Judgement, reproduction: Reproduction, label: Acceptance | NotAccepted
) -> None:
    verdict = a_verdict(a_decision(judgement), gate=gate, judgement=judgement, reproduction=reproduction)
    ruling = rule(verdict, label, Gate.ENFORCE)
    accepted = isinstance(label, Acceptance) and can_be_accepted(verdict)
    assert ruling.passed == (gate is GateResult.PASSED or accepted)
    assert ruling.passed == (ruling.exit_code == 0)
    assert announcement.outputs(verdict, ruling)["passed"] == ("true" if ruling.passed else "false")
    if reproduction is Reproduction.DIFFERS and gate is not GateResult.PASSED:
        assert not ruling.passed  # what does not come out again is no level


def test_without_a_verdict_passed_is_false() -> None:
    assert announcement.outputs(None, None)["passed"] == "false"


@pytest.mark.parametrize("path", ["/zip", "/artifacts", "/contents/", "/compare/", "/actions/runs/500", "/pulls"])
def test_whatever_cannot_be_read_is_no_pass(stranger: Stranger, path: str) -> None:
    stranger.leaves_bundle(stranger.bundle())
    stranger.forge.state.faults.append(Fault("GET", path, "before", 500, times=999))
    done = stranger.is_reported()
    assert done.outputs["passed"] == "false"
    assert {check["conclusion"] for check in stranger.forge.state.checks.values()} & PASSING == set()


def test_the_checks_name_is_ours(stranger: Stranger) -> None:
    stranger.leaves_bundle(stranger.bundle())
    stranger.is_reported()
    assert stranger.check()["name"] == name_of("digits")


def test_what_we_tell_consumers_is_to_test_for_true() -> None:
    assert "Test for == 'true'" in (ROOT / "action.yml").read_text()
