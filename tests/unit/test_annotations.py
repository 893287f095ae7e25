"""Remarks beside the code: at the line a message names, and at the metric's key."""

from builders import a_decision, a_verdict
from report_cases import CASES, judged
from stranger import SPEC

from action.annotations import of_message, of_verdict
from action.commands import Annotation, Level
from reporting.decision import GateResult, Judgement
from reporting.report import build

REPORT = build(*judged(CASES["regressed"]()))


def test_a_message_marks_the_line_it_names() -> None:
    text = (
        "/w/models/ml-experiment.yaml:7: unknown key 'sedes'\n  7 │ sedes: [0]\n    │ ^^^^^ did you mean 'seeds'?\n"
        "nothing was run"
    )
    (found,) = of_message(text, "/w")
    assert (found.path, found.line, found.level) == ("models/ml-experiment.yaml", 7, Level.ERROR)
    assert found.message.startswith("unknown key 'sedes'")


def test_several_lines_are_several_remarks() -> None:
    text = "Dockerfile:1: FROM names no digest\n  1 │ FROM python:3.13\nDockerfile:4: FROM names no digest\n"
    assert [(one.path, one.line) for one in of_message(text, "")] == [("Dockerfile", 1), ("Dockerfile", 4)]


def test_a_message_without_a_place_marks_none() -> None:
    assert of_message("docker: not running\n  start it", "") == ()
    assert of_message("https://example.org:443/x: refused", "") == ()


def test_a_metric_that_failed_is_marked_at_its_key() -> None:
    verdict = a_verdict(a_decision(), a_decision(Judgement.EQUIVALENT, "test/loss"))
    (found,) = of_verdict(verdict, REPORT, SPEC, "ml-experiment.yaml")
    assert (found.path, found.line, found.title) == ("ml-experiment.yaml", 6, "test/accuracy: regressed")
    assert found.message.replace("\u00a0", " ").startswith("−0.02")


def test_a_failure_without_a_metric_is_marked_at_the_file() -> None:
    verdict = a_verdict(a_decision(Judgement.EQUIVALENT), gate=GateResult.FAILED)
    (found,) = of_verdict(verdict, REPORT, "not: [yaml", "ml-experiment.yaml")
    assert isinstance(found, Annotation)
    assert (found.path, found.line) == ("ml-experiment.yaml", 1)


def test_a_pass_marks_nothing() -> None:
    assert of_verdict(a_verdict(a_decision(Judgement.EQUIVALENT)), REPORT, SPEC, "x") == ()
