"""Sweeps with Optuna's Gaussian process: it needs PyTorch, so they run in an interpreter that has it."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from recorded import framework_venv

TABLES = """
import json, pathlib, sys
from sweeping import Drawn, digest, every_sweep, points, swept
from runner.sweep.orders import Follow, Free, Window
from runner.sweep.replay import Replay
found = {}
for name, sweep in every_sweep().items():
    if sweep.sampler != "gp":
        continue
    sweep = sweep.model_copy(update={"trials": 12})
    folder = pathlib.Path(sys.argv[1]) / name
    def one(what, order, workers, timing, checker=None):
        drawn = Drawn(sweep, workers, timing, points(sweep))
        return swept(folder.with_name(f"{folder.name}-{what}"), sweep, order, drawn, checker=checker)
    record = one("first", Free(), 4, 1)
    replays = [digest(one(f"r{n}", Follow(record), n, 7 + n, Replay(record, "m", "m"))) for n in (1, 8)]
    windows = [digest(one(f"w{n}", Window(4), n, n)) for n in (1, 8)]
    found[name] = {"record": digest(record), "replays": replays, "windows": windows}
print(json.dumps(found))
"""


@pytest.mark.frameworks
def test_records_are_followed_and_windows_agree_with_a_gaussian_process(tmp_path: Path) -> None:
    ours = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]), sysconfig.get_path("purelib")]
    done = subprocess.run(
        [framework_venv("torch.lock"), "-c", TABLES, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(ours), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) >= 8
    for name, tables in found.items():
        assert set(tables["replays"]) == {tables["record"]}, name
        assert len(set(tables["windows"])) == 1, name
