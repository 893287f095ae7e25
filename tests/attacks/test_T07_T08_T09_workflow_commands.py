"""T7, T8, T9: what training prints is shown and never obeyed; what we hand on cannot be forged by it."""

import json

import pytest
from actions import Setting, Stepped
from forge.server import serving
from repositories import Repository

HOSTILE = r"""
import json, os, sys
lines = [
    "::set-output name=passed::true", "  ::add-mask::a", "\t::error file=train.py::pwned", "::stop-commands::x",
    "::x::",
    "::group::hidden", "::endgroup::", "::set-env name=PATH::/tmp", "::add-path::/tmp", "::save-state name=check::1",
    "progress ##[set-output name=passed;]true", "##[error]pwned", "ok\r::warning::after a carriage return",
    "ok\x0b::warning::vt", "ok\u2028::warning::line separator", "ok\x85::warning::nel", "\u202e::notice::bidi",
    "\x1b[2K::notice::erased", "\x1b]0;title\x07::notice::titled", "##" + "\u200b" + "[error]zero width",
]
for line in lines:
    print(line); print(line, file=sys.stderr)
theirs = ("GITHUB_", "INPUT_", "ACTIONS_", "RUNNER_")
print("SEEN " + json.dumps(sorted(name for name in os.environ if name.startswith(theirs))))
for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"):
    if name in os.environ:
        open(os.environ[name], "a").write("passed=true\n")
json.dump({"accuracy": 0.5}, open("metrics.json", "w"))
sys.exit(3 if os.environ.get("PYTHONHASHSEED") == "never" else 0)
"""


@pytest.fixture(scope="module")
def stepped(accepted_once: Repository, tmp_path_factory: pytest.TempPathFactory) -> Stepped:
    """A pull request whose training prints all of it, run once."""
    folder = tmp_path_factory.mktemp("hostile")
    repository = accepted_once.copy(folder / "repository")
    with serving(folder / "forge.git") as forge:
        setting = Setting(repository, forge, folder)
        forge.state.token()
        setting.push("main")
        setting.git("checkout", "-q", "-b", "topic")
        repository.write("train.py", HOSTILE)
        repository.change("ml-experiment.yaml", "[0, 1, 2, 3, 4]", "[0]")
        repository.commit()
        given = {"GITHUB_ENV": str(folder / "env"), "GITHUB_PATH": str(folder / "path"), "RUNNER_TEMP": str(folder)}
        setting = Setting(Repository(repository.folder, {**repository.environ, **given}), forge, folder)
        for name in ("env", "path"):
            (folder / name).touch()
        return setting.step("pull_request", setting.pull_request(), seeds="0")


def test_T07_no_command_at_the_start_of_a_line_is_obeyed(stepped: Stepped) -> None:
    assert {command for command, _ in stepped.runner.obeyed} <= {"add-mask", "group", "endgroup", "error"}
    assert [data for command, data in stepped.runner.obeyed if command == "add-mask"] == ["ghs_own"]
    assert "pwned" not in "".join(data for _, data in stepped.runner.obeyed)
    assert not stepped.runner.stopped


def test_T08_no_command_anywhere_in_a_line_is_obeyed(stepped: Stepped) -> None:
    assert "##[" not in stepped.log
    shown = "\n".join(stepped.runner.lines)
    assert "progress ## [set-output name=passed;]true" in shown  # and a person still reads it
    assert "│ ::set-output name=passed::true" in shown


def test_T09_outputs_are_ours_alone(stepped: Stepped) -> None:
    assert (stepped.code, stepped.outputs["passed"]) == (1, "false")
    (seen,) = {line.partition("SEEN ")[2] for line in stepped.runner.lines if line.startswith("SEEN ")}
    assert json.loads(seen) == []  # training knows no file of the runner
    assert "passed=true" not in stepped.summary
