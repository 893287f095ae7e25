"""Runs of one seed, for real: equal to the bit or not, in which file and byte, at which step, and for what reason."""

import platform
import re
from pathlib import Path

import pytest
from repositories import ROOT, Repository, lines

MODEL = """\
import json, os, random
accuracy = 0.9 + random.gauss(0, 0.005)
json.dump({"accuracy": accuracy}, open("metrics.json", "w"))
open("model.bin", "wb").write(b"weights of this model: " + repr(accuracy).encode())
"""

NETWORK = """\
import numpy as np

x = np.random.normal(size=(256, 20))
y = np.sin(2 * x @ np.random.normal(size=20))[:, None]
w, v = np.random.normal(size=(20, 64)) / 2, np.random.normal(size=(64, 1)) / 4
with open("curve.csv", "w") as file:
    file.write("step,loss\\n")
    for step in range(1, 601):
        hidden = np.tanh(x @ w)
        out = np.tanh(hidden @ v)
        error = (out - y) * (1 - out**2)
        file.write(f"{step},{float(((out - y) ** 2).mean())!r}\\n")
        w -= 4 * x.T @ ((error @ v.T) * (1 - hidden**2)) / len(x)
        v -= 4 * hidden.T @ error / len(x)
"""
"""A training whose rate is so high that it forgets rounding errors as little as the weather does."""

LOCK = "examples/digits/requirements.lock"


def report(repository: Repository) -> str:
    return (repository.state / "report.md").read_text(encoding="utf-8").replace("\u00a0", " ")


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A deterministic script that leaves a model file, with its level accepted."""
    repository.write("train.py", MODEL)
    repository.change("ml-experiment.yaml", "metrics:", "artifacts: [model.bin]\nmetrics:")
    repository.commit()
    assert repository.run("baseline", "accept").code == 0
    return repository


def test_a_deterministic_script_is_identical_by_digest(model: Repository) -> None:
    done = model.run("reproduce", "--no-cache")
    assert done.code == 0
    assert any(line.startswith("identical  the same bits as the baseline, 1 run, ") for line in lines(done.out))
    assert "1 artifact" in report(model)


def test_the_same_metrics_and_another_model_file_are_not_identical(model: Repository) -> None:
    model.change("train.py", "of this model", "of that model")
    done = model.run("reproduce")
    assert "identical  the same bits" not in done.out
    said = "### tiny: **within tolerance** — the metrics are equal to the bit, model.bin differs\n"
    assert report(model).startswith(said)
    assert re.search(r"\*\*Which files differ\?\*\* `model\.bin` differs first at byte 13 of \d+\.", report(model))


def test_a_model_file_that_differs_each_time_is_named_with_its_byte(repository: Repository) -> None:
    repository.write("train.py", MODEL.replace("weights of", "{os.urandom(4).hex()} of").replace('b"{', 'f"{').replace(
        'model: " +', 'model: ".encode() +'
    ))  # fmt: skip
    repository.change("ml-experiment.yaml", "metrics:", "artifacts: [model.bin]\nmetrics:")
    repository.change("ml-experiment.yaml", "[0, 1, 2, 3, 4]", "[0]")
    done = repository.run("reproduce")
    said = next(line for line in lines(done.out) if line.startswith("reproduces: "))
    assert re.search(r"within tolerance; not to the bit: model\.bin \(model\.bin differs first at byte [0-7] of", said)


def test_whether_a_configuration_reproduces_is_asked_once_and_not_for_every_seed(accepted: Repository) -> None:
    accepted.change("train.py", "import json", "import json  # another commit\naccuracy = 1\nimport json")
    first = accepted.run("reproduce", "--seeds", "50-52")
    assert "seed 50 again: does it reproduce?" in first.out
    made = len(accepted.records())
    again = accepted.run("reproduce", "--seeds", "60-62")
    assert "again: does it reproduce?" not in again.out
    assert len(accepted.records()) - made == again.out.count("started")
    assert "reproduces: identical; seed 50 run twice on this machine, both from cache, equal to the bit" in again.out
    once_more = accepted.run("reproduce", "--seeds", "60-62", "--no-cache")
    assert "seed 60 again: does it reproduce?" in once_more.out


def test_later_runs_of_the_baselines_configuration_count_as_baseline_runs(accepted: Repository) -> None:
    accepted.run("reproduce", "--seeds", "70-74", "--no-cache")
    later = len({record["parts"]["seed"] for record in accepted.records()}) - 5
    assert later > 0
    accepted.change("train.py", "0.9 + random", "0.8 + random")
    assert accepted.run("reproduce").code == 1
    assert f"over {5 + later} baseline runs ({later} of them made later)" in report(accepted)
    written = accepted.state / "bundle.zip"
    again = accepted.run("report", str(written), "--to", "again")
    assert again.code == 1
    assert "n 5 → 5".replace("5 →", f"{5 + later} →") in again.out.replace("\u00a0", " ")


@pytest.fixture
def network(repository: Repository) -> Repository:
    """A training with NumPy alone, from the lock of the example."""
    whole = (ROOT / LOCK).read_text(encoding="utf-8")
    block = re.search(r"^numpy==.*?(?=^\S)", whole, re.MULTILINE | re.DOTALL)
    assert block is not None
    repository.write("requirements.lock", block[0])
    repository.write("train.py", NETWORK)
    repository.change("ml-experiment.yaml", "[0, 1, 2, 3, 4]", "[0, 1]")
    repository.change("ml-experiment.yaml", "metrics.json", "curve.csv")
    repository.change("ml-experiment.yaml", "accuracy: {goal: maximize}", "loss: {goal: minimize}")
    repository.commit()
    return repository


def question(repository: Repository, title: str) -> str:
    return next(line for line in report(repository).splitlines() if line.startswith(f"- **{title}"))


@pytest.mark.network
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the two BLAS kernels are for x86-64")
def test_another_blas_kernel_is_told_from_a_changed_seed_by_how_the_curves_part(
    network: Repository, tmp_path: Path
) -> None:
    haswell, nehalem = ({"OPENBLAS_CORETYPE": kernel} for kernel in ("Haswell", "Nehalem"))
    assert network.run("baseline", "accept", environ=haswell).code == 0

    network.run("reproduce", environ=nehalem)
    said = question(network, "Where do equal seeds part?")
    assert re.search(
        r"With seed 0, `loss` leaves the baseline's curve at step \d by \d\.\d×10⁻¹[⁵⁶⁷] of its value", said
    )
    assert re.search(
        r"and is far enough from it to be seen in a result from step \d+ on: a rounding error that grew", said
    )
    assert "so likely numerics (`kernel openblas Haswell → openblas Nehalem`)." in said
    assert "equal to the bit" in question(network, "Does it reproduce?")

    network.change("train.py", "import numpy as np\n", "import numpy as np\n\nnp.random.seed(7)\n")
    network.run("reproduce", environ=haswell)
    parts = next(line for line in report(network).splitlines() if line.endswith("initialisation or code |"))
    assert re.fullmatch(
        r"\| `loss` \| 1 \| 1 \| 0\.\d+ \| .* \| data, parameters, seed, initialisation or code \|", parts
    )
    assert "`seeded by the script` | `nothing` | `numpy.random.seed(7)`" in report(network)
