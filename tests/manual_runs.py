"""Lines of the manual, run in one shell in a newcomer's repository."""

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from manual_blocks import ROOT, Line
from repositories import Repository

TRAIN = """\
import argparse, json, random
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.5)
args = parser.parse_args()
random.seed(args.seed)
loss = 1 - args.lr + random.gauss(0, 0.005)
print(f"loss: {loss:.4f}")
json.dump({"loss": loss}, open("metrics.json", "w"))
"""
SWEEP = """\
sweep:
  trials: 3
  objective: {loss: minimize}
  space: {lr: {float: [0.1, 0.9]}}
"""
STANDS_FOR = {"A B": "baselines/mine.json .ml-experiment/bundle.zip", "BUNDLE": ".ml-experiment/bundle.zip"}
BEFORE = {
    "ml-experiment sweep": f"sed -i 's/--seed {{seed}}/--seed {{seed}} --lr {{lr}}/' ml-experiment.yaml; "
    f"printf %s {shlex.quote(SWEEP)} >>ml-experiment.yaml"
}
"""What a line needs that the page says in other words."""
BEFORE_PAGE = {
    "sweeps.md": f"ml-experiment init && {BEFORE['ml-experiment sweep']}\n"
    "git add -A && git commit -qm x && ml-experiment sweep"
}
"""What came before the first line of a page."""


def mine(tmp_path: Path, environ: dict[str, str]) -> Repository:
    """A newcomer's repository: a script, the names of no packages, a remote to push to."""
    folder = tmp_path / "mine"
    folder.mkdir()
    made = Repository(folder, environ)
    made.write("train.py", TRAIN)
    made.write("requirements.in", "# none\n")
    made.write("requirements.lock", "# no packages\n")
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "a")
    made.git("config", "user.email", "a@example.org")
    made.commit()
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin.git")], check=True)
    made.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    made.git("push", "-q", "-u", "origin", "main")
    return made


def _script(shown: Sequence[Line]) -> str:
    """One shell for the whole page; after each line its exit code."""
    found = ["set -u"]
    for line in shown:
        command = line.text
        for name, real in STANDS_FOR.items():
            command = re.sub(rf"\b{name}\b", real, command)
        found += [BEFORE.get(line.command, ":"), f"{command}\nprintf '\\n@@ %s\\n' $?"]
    return "\n".join(found)


def run_lines(repository: Repository, shown: Sequence[Line], before: str = ":") -> tuple[list[int], str]:
    """The exit code of each line, and all that was said."""
    variables = repository.variables()
    variables["PATH"] = f"{ROOT / '.venv/bin'}:{variables['PATH']}"
    text = f"{before}\n{_script(shown)}"
    done = subprocess.run(
        ["bash", "-c", text], cwd=repository.folder, env=variables, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    codes = [int(code) for code in re.findall(r"^@@ (\d+)$", done.stdout, re.MULTILINE)]
    return codes, done.stdout + done.stderr
