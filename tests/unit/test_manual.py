"""What README and manual say is what the code does."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from experiment.errors import CannotJudge, InfrastructureFailed, Refused
from experiment.record import Status
from experiment.spec import Experiment, Gate, Metric
from reporting.decision import EXIT_CODES, GateResult, Judgement

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
STATISTICS = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
RECORDING = (ROOT / "docs/recording.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci/run").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("locks/*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")


def setup_commands() -> list[str]:
    return [line for line in README.splitlines() if line.startswith("./bootstrap")]


def test_the_readme_has_two_commands() -> None:
    assert setup_commands() == [
        "./bootstrap && .venv/bin/ml-experiment reproduce examples/digits",
        "./bootstrap dev && .venv/bin/pytest",
    ]


def test_ci_runs_the_commands_of_the_readme_and_not_copies_of_them() -> None:
    function = CI[CI.index("readme_command()") : CI.index('step "what the tests need')]
    script = f'{function}\nprintf "%s\\n%s" "$main_command" "$test_command"'
    found = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found.splitlines() == setup_commands()
    assert 'sh -c "$test_command"' in CI
    assert "pytest" not in CI.replace("readme_command pytest", "").replace("PYTEST_ADDOPTS", "")


def test_ci_finds_the_readme_changed_rather_than_run_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no commands here\n")
    function = CI[CI.index("readme_command()") : CI.index("test_command=")]
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{function}\nx=$(readme_command pytest)\necho reached"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert "README.md: expected one command with pytest" in done.stderr


def test_the_readmes_exit_codes_are_those_of_the_code() -> None:
    listed = {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE)}
    assert set(listed) == {*EXIT_CODES.values(), Refused.exit_code, 130}
    assert listed[EXIT_CODES[GateResult.PASSED]].startswith("the gate passed")
    assert listed[EXIT_CODES[GateResult.FAILED]].startswith("the gate failed")
    assert listed[Refused.exit_code].endswith("nothing was run")
    assert EXIT_CODES[GateResult.INFRASTRUCTURE] == InfrastructureFailed.exit_code
    assert listed[InfrastructureFailed.exit_code].startswith("the infrastructure failed")
    assert EXIT_CODES[GateResult.CANNOT_JUDGE] == CannotJudge.exit_code
    assert listed[CannotJudge.exit_code].startswith("could not judge")
    assert listed[130] == "cancelled"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_of_the_repository(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_manual_names_every_verdict_every_end_and_every_policy() -> None:
    assert [verdict for verdict in Judgement if f"`{verdict}`" not in STATISTICS] == []
    assert [status for status in Status if f"`{status}`" not in RECORDING] == []
    for policy in ("non-inferior", "equivalent", "report"):
        Gate.model_validate({"baseline": policy})
        assert f"| `{policy}`" in STATISTICS


def test_the_keys_the_manual_speaks_of_exist() -> None:
    known = {*Experiment.model_fields, *Metric.model_fields}
    spoken_of = set(re.findall(r"`(?:gate\.)?([a-z_]+):(?: [^`]*)?`", STATISTICS + RECORDING))
    assert {"gate", "last", "pattern", "series", "data", "no_baseline"} <= spoken_of
    assert spoken_of - known - set(Gate.model_fields) - {"rel"} == set()


def test_every_module_of_the_manual_is_linked_from_its_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {target for target in LINK.findall(index) if "/" not in target} == pages


def test_the_changelog_speaks_of_the_version_that_is_built() -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert re.search(rf"^## \[?{re.escape(version[1])}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_python_in_ci_is_python() -> None:
    inner = CI[CI.index("<<'PYTHON'\n") + len("<<'PYTHON'\n") : CI.rindex("\nPYTHON\n")]
    ast.parse(inner)
