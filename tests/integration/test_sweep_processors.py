"""A sweep gives the same table on a processor with other vector instructions, and with another kernel of the BLAS."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from sweeping import SWEEPS

TABLES = """
import json, sys
from pathlib import Path
from sweeping import SWEEPS, Drawn, digest, points, swept
from runner.sweep.orders import Window
folder, *names = sys.argv[1:]
print(json.dumps({
    name: digest(swept(Path(folder, name), SWEEPS[name], Window(4), Drawn(SWEEPS[name], 2, 1, points(SWEEPS[name]))))
    for name in names
}))
"""


def tables(folder: Path, names: Iterable[str], variables: Mapping[str, str]) -> dict[str, str]:
    """Sweep -> digest of its table, in a process with these variables."""
    folder.mkdir()
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", TABLES, str(folder), *names],
        env={**os.environ, "PYTHONPATH": path, **variables}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_with_fewer_vector_instructions(tmp_path: Path) -> None:
    umath = np._core._multiarray_umath  # type: ignore[attr-defined]
    here = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]  # low to high
    assert here
    own = tables(tmp_path / "own", SWEEPS, {})
    for first in range(len(here)):
        disabled = {"NPY_DISABLE_CPU_FEATURES": " ".join(here[first:])}
        assert tables(tmp_path / here[first], SWEEPS, disabled) == own


@pytest.mark.parametrize("name", ["cmaes", "nsga3", "tpe"])
def test_with_other_kernels_of_the_blas(name: str, tmp_path: Path) -> None:
    kernels = ["", "Nehalem", "Sandybridge", "Haswell"]
    found = [tables(tmp_path / f"k-{kernel}", [name], {"OPENBLAS_CORETYPE": kernel}) for kernel in kernels]
    assert all(one == found[0] for one in found)
