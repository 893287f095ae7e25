"""The Markdown of every outcome, kept as files: changed words show in the diff. UPDATE_GOLDEN=1 writes them again."""

import os
from pathlib import Path

import pytest
from report_cases import CASES, report_of

from reporting.render import Link, to_markdown

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("case", CASES)
def test_the_report_reads_as_kept(case: str) -> None:
    report = report_of(CASES[case]())
    links = [Link(f"figure-{i}-light.png", f"figure-{i}-dark.png") for i in range(report.shown)]
    text = to_markdown(report, links)
    kept = GOLDEN / f"{case}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


def test_no_kept_report_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(CASES)
