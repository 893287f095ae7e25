"""NumPy, scikit-learn and MLflow under the recorder, for real."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from recorded import Project

from runner.capture import read
from runner.capture_tail import Tail

pytestmark = pytest.mark.network

DIGITS = """
import os, pickle, numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import train_test_split
X, y = load_iris(return_X_y=True)
a, b, c, d = train_test_split(X, y)
"""


def test_scores_are_named_after_what_they_are_assigned_to_and_loops_make_curves(project: Project, light: Path) -> None:
    ran = project.script(
        DIGITS
        + """
class Log: pass
log, results = Log(), {}
clf = SGDClassifier()
for epoch in range(3):
    clf.partial_fit(a, c, classes=[0, 1, 2])
    test_acc = clf.score(b, d)
    results["train/acc"] = accuracy_score(c, clf.predict(a))
    log.error = 1 - accuracy_score(d, clf.predict(b))
    print(repr(test_acc))
def report():
    f1 = accuracy_score(d, clf.predict(b))
    return f1
report()
print(clf.score(b, d) > 0)
""",
        python=light,
    )
    assert ran.code == 0, ran.err
    values = [float(line) for line in ran.out.splitlines()[:3]]
    assert ran.points("test_acc") == list(enumerate(values, 1))
    assert ran.metrics == {"test_acc", "train/acc", "accuracy_score", "f1", "SGDClassifier.score"}
    assert [step for step, _ in ran.points("train/acc")] == [1, 2, 3]
    assert {curve.source for curve in ran.captured.curves} == {"sklearn"}


def test_names_do_not_change_when_lines_move_and_two_places_of_one_name_are_told_apart(
    project: Project, light: Path
) -> None:
    script = DIGITS + "clf = SGDClassifier().fit(a, c)\n{0}acc = clf.score(a, c)\n{0}acc = clf.score(b, d)\n"
    assert project.script(script.format(""), python=light).metrics == {"acc", "acc/2"}
    assert project.script(script.format("\n\nx = 1\n"), python=light).metrics == {"acc", "acc/2"}


def test_what_sklearn_computes_for_itself_is_not_a_metric_of_the_script(project: Project, light: Path) -> None:
    ran = project.script(
        DIGITS
        + """
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
cross_val_score(SGDClassifier(), a, c)
grid = GridSearchCV(SGDClassifier(), {"alpha": [1e-3, 1e-2]}, scoring=make_scorer(accuracy_score)).fit(a, c)
pipe = make_pipeline(StandardScaler(), SGDClassifier()).fit(a, c)
grid_acc = grid.score(b, d)
pipe_acc = pipe.score(b, d)
""",
        python=light,
    )
    assert ran.code == 0, ran.err
    assert ran.metrics == {"grid_acc", "pipe_acc"}


def test_wrapped_functions_pickle_as_if_they_were_not(project: Project, light: Path) -> None:
    script = (
        DIGITS
        + """
from sklearn.metrics import get_scorer
clf = SGDClassifier().fit(a, c)
things = [accuracy_score, make_scorer(log_loss), get_scorer("accuracy"), clf.score, np.random.default_rng]
for thing in things:
    pickle.loads(pickle.dumps(thing))
print(pickle.dumps(things[:3]))
"""
    )
    ran = project.script(script, python=light)
    bare = subprocess.run([light, "train.py"], cwd=project.root, capture_output=True, text=True, check=True)
    assert ran.code == 0, ran.err
    assert ran.out == bare.stdout


def test_libraries_that_compute_are_named_with_the_kernel_in_use(project: Project, light: Path) -> None:
    ran = project.script("import numpy, sklearn.svm\n", python=light, variables={"OMP_NUM_THREADS": "1"})
    blas = [library for library in ran.captured.libraries if library.role == "blas"]
    assert {library.name for library in blas} == {"openblas"}
    assert all(library.version and library.kernel and library.threads == 1 for library in blas)
    assert [(lib.name, lib.threads) for lib in ran.captured.libraries if lib.role == "openmp"] == [("gomp", 1)]


def test_another_kernel_asked_for_is_the_one_that_is_named(project: Project, light: Path) -> None:
    ran = project.script("import numpy\n", python=light, variables={"OPENBLAS_CORETYPE": "NEHALEM"})
    assert [library.kernel for library in ran.captured.libraries if library.role == "blas"] == ["Nehalem"]


RANDOM = """
import random
import numpy as np
from numpy.random import MT19937, SeedSequence
def draw():
    return [np.random.default_rng().random(), np.random.default_rng().random(), np.random.RandomState().rand(),
            SeedSequence().generate_state(1)[0], np.random.Generator(MT19937()).random()]
"""


def test_every_unseeded_generator_of_numpy_repeats_with_the_seed(project: Project, light: Path) -> None:
    script = RANDOM + "print(np.random.rand(), *draw())\n"
    first, again, other = (project.script(script, python=light, seed=seed).out for seed in (1, 1, 2))
    assert first == again
    assert len(first.split()) == len(set(first.split())) == 6
    assert not set(first.split()) & set(other.split())
    assert first.split()[0] == "0.417022004702574"  # np.random.seed(1)


def test_without_seeding_numpy_does_not_repeat(project: Project, light: Path) -> None:
    script = RANDOM + "print(np.random.rand(), *draw())\n"
    first, again = (project.script(script, python=light, determinism="off").out.split() for _ in "12")
    assert not set(first) & set(again)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_get_fresh_generators_of_their_own_and_the_same_ones_every_run(
    project: Project, light: Path, method: str
) -> None:
    script = (
        RANDOM
        + f"""
import multiprocessing as m
def work():
    print(*draw(), flush=True)
if __name__ == "__main__":
    for _ in range(2):
        p = m.get_context("{method}").Process(target=work); p.start(); p.join()
    work()
"""
    )
    first, again = (project.script(script, python=light) for _ in "12")
    assert len(first.out.split()) == len(set(first.out.split())) == 15, first.err
    assert first.out == again.out


def test_forked_children_inherit_numpys_global_state_as_they_do_without_us(project: Project, light: Path) -> None:
    script = """
import os, numpy as np
np.random.rand()
for _ in "12":
    pid = os.fork()
    if not pid:
        print(np.random.rand(), flush=True); os._exit(0)
    os.waitpid(pid, 0)
print(np.random.rand())
"""
    assert len(set(project.script(script, python=light).out.split())) == 1


def test_seeds_the_script_sets_hold_and_are_recorded(project: Project, light: Path) -> None:
    ran = project.script(
        "import numpy as np\nnp.random.seed(3)\nrng = np.random.default_rng(4)\n"
        "print(np.random.rand(), rng.random(), np.random.default_rng(seed=4).random())\n",
        python=light,
        seed=8,
    )
    assert ran.out.split() == ["0.5507979025745755", "0.9430561055723676", "0.9430561055723676"]
    calls = [(call.function, call.value, call.place) for call in ran.captured.seeding.by_user]
    assert calls == [
        ("numpy.random.seed", "3", "train.py:2"),
        ("numpy.random.default_rng", "4", "train.py:3"),
        ("numpy.random.default_rng", "4", "train.py:4"),
    ]
    assert {"random", "numpy", "numpy.unseeded_generators"} >= set(ran.captured.seeding.applied) - {"PYTHONHASHSEED"}


def test_joblib_workers_train_as_ever(project: Project, light: Path) -> None:
    ran = project.script(
        DIGITS
        + """
if __name__ == "__main__":
    from joblib import Parallel, delayed
    def work(i): return np.random.default_rng().random()
    drawn = Parallel(n_jobs=2)(delayed(work)(i) for i in range(6))
    assert len(set(drawn)) == 6
    from sklearn.ensemble import RandomForestClassifier
    acc = RandomForestClassifier(20, n_jobs=2).fit(a, c).score(b, d)
""",
        python=light,
    )
    assert ran.code == 0, ran.err
    assert "acc" in ran.metrics


MLFLOW = """
import mlflow, os
mlflow.set_tracking_uri("sqlite:///" + os.path.abspath("mlflow.db"))
"""


def test_what_the_script_logs_to_mlflow_is_captured_and_still_logged(project: Project, light: Path) -> None:
    ran = project.script(
        MLFLOW
        + """
from mlflow.entities import Metric, Param
with mlflow.start_run() as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"depth": 3, "kind": "x"})
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step * 10)
        mlflow.log_metrics({"acc": step / 4, "nan": float("nan")}, step=step)
    client = mlflow.MlflowClient()
    client.log_metric(run.info.run_id, "direct", 5.0, step=7)
    client.log_batch(run.info.run_id, [Metric("batch", 2.0, 0, 1), Metric("batch", 1.0, 0, 2)], [Param("seed", "9")])
print([(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")])
print(client.get_run(run.info.run_id).data.params)
""",
        python=light,
    )
    assert ran.code == 0, ran.err
    assert ran.points("loss") == [(0, 1.0), (10, 0.5), (20, 1 / 3)]
    assert repr(ran.points("loss")) == ran.out.splitlines()[0]
    assert ran.points("acc") == [(0, 0.0), (1, 0.25), (2, 0.5)]
    assert ran.points("direct") == [(7, 5.0)]
    assert ran.points("batch") == [(1, 2.0), (2, 1.0)]
    assert ran.captured.logged_params == {"lr": "0.1", "depth": "3", "kind": "x", "seed": "9"}
    assert ran.captured.not_captured == ()


def test_a_model_stored_in_mlflow_adds_no_points_to_the_curves_of_its_run(project: Project, light: Path) -> None:
    ran = project.script(
        MLFLOW
        + """
from mlflow.models.model import Model
class Flavor:
    @staticmethod
    def save_model(path, mlflow_model):
        os.makedirs(path)
        mlflow_model.save(os.path.join(path, "MLmodel"))
with mlflow.start_run() as run:
    for step in range(3):
        mlflow.log_metric("loss", 3.0 - step, step=step)
    mlflow.log_metric("acc", 0.5)
    stored = Model.log(artifact_path=None, name="model", flavor=Flavor)
    mlflow.log_metrics({"after": 7.0})
print(sorted((m.key, m.step, m.value) for m in mlflow.get_logged_model(stored.model_id).metrics))
""",
        python=light,
    )
    assert ran.code == 0, ran.err
    assert "('loss', 0, 3.0)" in ran.out, "MLflow logs the metrics of step 0 again, for the model"
    assert ran.points("loss") == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert ran.points("acc") == [(0, 0.5)]
    assert ran.points("after") == [(0, 7.0)]
    assert ran.captured.not_captured == ()


def test_mlflow_metrics_logged_without_a_step_are_one_curve(project: Project, light: Path) -> None:
    ran = project.script(
        MLFLOW + "with mlflow.start_run():\n  for v in (3, 2, 1): mlflow.log_metric('loss', v)\n", python=light
    )
    assert ran.points("loss") == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_two_mlflow_runs_of_one_script_are_two_series(project: Project, light: Path) -> None:
    ran = project.script(
        MLFLOW
        + "for k in (1, 2):\n  with mlflow.start_run():\n"
        + "    for s in (1, 2): mlflow.log_metric('loss', k * 10 + s, step=s + 2 * k)\n",
        python=light,
    )
    curves = [(c.series, c.value.tolist()) for c in ran.captured.curves]
    assert curves == [(1, [11, 12]), (2, [21, 22])]


def test_kill_9_in_the_middle_leaves_every_point_up_to_the_kill(project: Project, light: Path) -> None:
    project.write(
        "train.py",
        "import time, numpy as np\nfrom sklearn.metrics import mean_squared_error\nfor i in range(10**9):\n"
        "  mse = mean_squared_error([0.0], [float(i)])\n  print(i, flush=True)\n  time.sleep(0.002)\n",
    )
    environment, stream = project.environment(0, "strict", {})
    process = subprocess.Popen(
        [light, "train.py"], cwd=project.root, env=environment, stdout=subprocess.PIPE, text=True
    )
    tail = Tail(stream)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 100:
            live = tail.poll()
            os.kill(process.pid, signal.SIGKILL)
            break
    last = max([100, *(int(line) for line in process.stdout)])
    process.stdout.close()
    process.wait()
    assert [(point.metric, point.step, point.value) for point in live] == [
        ("mse", step, float((step - 1) ** 2)) for step in range(1, len(live) + 1)
    ]
    assert len(live) >= 100
    curve = read(stream, project.root).curves[0]
    assert curve.step.tolist() == list(range(1, len(curve.step) + 1))
    assert len(curve.step) in (last + 1, last + 2)  # the kill may fall between the point and its print


def test_the_tail_follows_a_stream_while_it_grows(project: Project, light: Path) -> None:
    ran = project.script(DIGITS + "acc = SGDClassifier().fit(a, c).score(b, d)\n", python=light)
    tail = Tail(ran.stream)
    assert [(point.metric, point.step) for point in tail.poll()] == [("acc", 1)]
    assert tail.poll() == []
    file = next(ran.stream.glob("*.jsonl"))
    with file.open("a") as stream:
        stream.write(f'["metric",{time.time()},"sklearn","","acc",2,0.5]\n["metric",{time.time()},"skl')
    assert [(point.step, point.value) for point in tail.poll()] == [(2, 0.5)]
    with file.open("a") as stream:
        stream.write('earn","","acc",3,0.25]\n')
    assert [(point.step, point.value) for point in tail.poll()] == [(3, 0.25)]
