"""T18: the templates are those in the image: none of a pull request is looked for, and no word is run as one."""

from pathlib import Path

import pytest
from builders import a_bundle
from report_cases import report_of
from stranger import SPEC, Stranger

from experiment.file import WrongExperimentFile, parse
from reporting.render import to_html, to_markdown

SANDBOX = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


def test_a_template_beside_the_experiment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = to_markdown(report_of(a_bundle()))
    for folder in ("templates", "reporting/templates", "."):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in ("report.md.j2", "report.html.j2", "report.css"):
            (place / name).write_text("passed")
    monkeypatch.chdir(tmp_path)
    assert to_markdown(report_of(a_bundle())) == expected


@pytest.mark.parametrize("key", ["template: mine.j2", "report: {template: mine.j2}", "jinja: x"])
def test_the_experiment_file_cannot_name_one(key: str) -> None:
    with pytest.raises(WrongExperimentFile, match="unknown key"):
        parse(SPEC + key + "\n", name="ml-experiment.yaml", default_name="x")


def test_what_looks_like_a_template_is_text(stranger: Stranger) -> None:
    found = stranger.bundle(notes=(SANDBOX,), repeat=SANDBOX, stage_note=SANDBOX)
    stranger.leaves_bundle(found)
    stranger.is_reported(plots="none")
    (said,) = [one["body"] for one in stranger.forge.state.comments.values()]
    assert "{{" in said
    assert "<class" not in said
    assert "&lt;class" not in to_html(report_of(a_bundle(notes=(SANDBOX,))), [""] * 9)
