"""A sweep whose driver is killed with SIGKILL at random moments comes to the table it would have come to."""

import subprocess
import sys
from pathlib import Path


def test_kills_at_random_moments_change_no_table() -> None:
    kills = [sys.executable, "-m", "benchmarks.sweep_kills", "--kills", "3", "--trials", "40"]
    done = subprocess.run(kills, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(";")[-1].split(" that of ")[0].strip() for line in done.stdout.splitlines()] == [
        "table identical to",
        "table identical to",
    ]
