"""How long until the first line: our Action, a Node action, CML; `python -m benchmarks.startup IMAGE [ROUNDS]`.

IMAGE: what `docker build` made of this repository; the engine has it already. Each round runs every command once, in
turn, and a ratio is of the same round. The Node action is `@actions/core` in one bundle, as toolkit actions are
published; CML is its command from npm, where that has it. They are installed once, below the user's cache.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("@actions/core@1.11.1", "esbuild@0.25.5")
CML = "@dvcorg/cml@0.20.6"
PYTHON = "/opt/ml-experiment/bin/python"


def main() -> None:
    """Measure and print."""
    image, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    node = _node()
    with tempfile.TemporaryDirectory() as folder:
        given = _occasion(Path(folder))
        mounted = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:{folder}"]
        handed = [part for name, value in given.items() for part in ("--env", f"{name}={value}")]
        commands: dict[str, tuple[list[str], Mapping[str, str]]] = {
            "a container that does nothing (docker run … echo)": ([*mounted, "--entrypoint", "echo", image, "."], {}),
            "our Action, docker run": ([*mounted, *handed, image], {}),
            "our Action, in a shell": ([sys.executable, "-I", "-u", "-m", "action"], given),
            "ml-experiment --help, docker run": (
                [*mounted, "--entrypoint", "/opt/ml-experiment/bin/ml-experiment", image, "--help"],
                {},
            ),
            "a Node action, in a shell": (["node", str(node / "action.js")], given),
        }
        if (cml := node / "node_modules/.bin/cml").exists():
            commands["CML, in a shell (cml --version)"] = ([str(cml), "--version"], {})
        else:
            print(f"CML is left out: npm here has no {CML}")
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, (command, variables) in commands.items():
                times[name].append(_first_line_s(command, {**os.environ, **variables}))
    kept = {name: found[1:] for name, found in times.items()}  # the first round fills the caches
    reference = kept["our Action, docker run"]
    print(f"{rounds} rounds, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print("| to the first line | median s | least s | ours takes … times as long |\n|:---|---:|---:|---:|")
    for name, found in kept.items():
        ratio = statistics.median(ours / other for ours, other in zip(reference, found, strict=True))
        print(f"| {name} | {statistics.median(found):.2f} | {min(found):.2f} | {ratio:.1f} |")


def _occasion(folder: Path) -> dict[str, str]:
    """A pull request, as the runner tells of it; the workspace is empty, so that the step ends soon."""
    repository = {"full_name": "acme/train", "default_branch": "main", "private": False, "fork": False}
    side = {"sha": "a" * 40, "ref": "topic", "repo": {"full_name": "acme/train"}}
    pull = {"number": 7, "head": side, "base": {**side, "ref": "main"}, "labels": [], "user": {"login": "a"}}
    event = {"action": "synchronize", "number": 7, "pull_request": pull, "repository": repository}
    (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
    return {
        "GITHUB_REPOSITORY": "acme/train", "GITHUB_RUN_ID": "1", "GITHUB_SHA": "a" * 40,
        "GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_SERVER_URL": "http://127.0.0.1:1",
        "GITHUB_WORKSPACE": str(folder), "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(folder / "event.json"), "INPUT_NAME": "x",
    }  # fmt: skip


def _first_line_s(command: list[str], variables: Mapping[str, str]) -> float:
    """Seconds until a line that is no command to the runner. Raises RuntimeError where none comes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, text=True)
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.strip() and not line.startswith("::"):
                taken = time.perf_counter() - started
                process.stdout.read()
                return taken
    raise RuntimeError(f"{' '.join(command)} said nothing")


def _node() -> Path:
    """Where the packages are, and action.js, the bundle."""
    folder = Path.home() / ".cache" / "ml-experiment-benchmarks" / "startup"
    if not (folder / "action.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}", encoding="utf-8")
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
        subprocess.run([*install, *PACKAGES], cwd=folder, check=True)
        subprocess.run([*install, CML], cwd=folder, check=False, capture_output=True)
        source = "const core = require('@actions/core'); core.info('hello ' + core.getInput('name'))"
        (folder / "source.js").write_text(source, encoding="utf-8")
        esbuild = ["node_modules/.bin/esbuild", "source.js", "--bundle", "--platform=node", "--outfile=action.js"]
        subprocess.run(esbuild, cwd=folder, check=True, capture_output=True)
    return folder


if __name__ == "__main__":
    main()
