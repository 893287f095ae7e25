"""Keras on JAX, TensorFlow and PyTorch, and PyTorch itself, under the recorder, for real."""

import os
import subprocess
from pathlib import Path

import pytest
from recorded import Project, Ran, framework_venv

pytestmark = [pytest.mark.network, pytest.mark.frameworks]

FIT = """
import os, sys
{before}
import numpy as np
import keras
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32"); y = (x.sum(1) > 0).astype("int32")
model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(2, "softmax")])
model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=16, validation_data=(x, y), verbose=0)
print({{name: [float(v) for v in values] for name, values in history.history.items()}})
{after}
"""

BACKENDS = [("jax", "keras-jax.lock"), ("tensorflow", "tensorflow.lock")]


def fit(project: Project, backend: str, lock: str, *, before: str = "", after: str = "", seed: int = 0) -> Ran:
    ran = project.script(
        FIT.format(before=before, after=after),
        python=framework_venv(lock),
        seed=seed,
        variables={"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture(params=BACKENDS, ids=[backend for backend, _ in BACKENDS])
def backend(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


def test_every_epoch_of_fit_is_on_the_curves_to_the_bit(project: Project, backend: tuple[str, str]) -> None:
    ran = fit(project, *backend)
    history = eval(ran.out.splitlines()[0], {"nan": float("nan")})
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in history.items():
        assert ran.points(name) == list(enumerate(values, 1))
    assert {curve.source for curve in ran.captured.curves} == {"keras"}
    assert ran.captured.logged_params["epochs"] == "3"
    assert ran.captured.logged_params["optimizer"] == "adam"
    assert float(ran.captured.logged_params["learning_rate"]) == pytest.approx(0.01)
    assert ran.captured.not_captured == ()


def test_the_same_seed_gives_the_same_bits_and_another_one_others(project: Project, backend: tuple[str, str]) -> None:
    first, again, other = (fit(project, *backend, seed=seed) for seed in (1, 1, 2))
    assert first.out == again.out
    assert first.out != other.out
    assert "random" in first.captured.seeding.applied
    if backend[0] == "tensorflow":
        assert {"tensorflow", "tensorflow.op_determinism"} <= set(first.captured.seeding.applied)


def test_evaluate_called_by_the_script_is_apart_from_the_validation_inside_fit(
    project: Project, backend: tuple[str, str]
) -> None:
    ran = fit(project, *backend, after="print(model.evaluate(x, y, verbose=0)[1])\nmodel.evaluate(x[:8], y[:8])")
    assert ran.points("evaluate/accuracy") == [(1, float(ran.out.splitlines()[1]))]
    assert len(ran.points("evaluate/loss/2")) == 1
    assert len(ran.points("val_loss")) == 3


def test_two_fits_of_one_script_are_two_series_and_a_continued_one_is_one(
    project: Project, backend: tuple[str, str]
) -> None:
    twice = fit(project, *backend, after="model.fit(x, y, epochs=2, verbose=0)")
    assert [(c.series, c.step.tolist()) for c in twice.captured.curves if c.metric == "loss"] == [
        (1, [1, 2, 3]),
        (2, [1, 2]),
    ]
    on = fit(project, *backend, after="model.fit(x, y, epochs=5, initial_epoch=3, verbose=0)")
    assert [c.step.tolist() for c in on.captured.curves if c.metric == "loss"] == [[1, 2, 3, 4, 5]]


def test_a_seed_set_through_keras_holds_and_is_recorded(project: Project, backend: tuple[str, str]) -> None:
    first, other = (
        fit(project, *backend, before="import keras\nkeras.utils.set_random_seed(7)", seed=s) for s in (1, 2)
    )
    assert first.out == other.out
    calls = {(call.function, call.value, call.place) for call in first.captured.seeding.by_user}
    assert ("keras.utils.set_random_seed", "7", "train.py:4") in calls


def test_the_users_callbacks_are_what_they_gave(project: Project, backend: tuple[str, str]) -> None:
    ran = fit(
        project,
        *backend,
        after="class C(keras.callbacks.Callback):\n"
        "  def on_epoch_end(self, epoch, logs=None): logs['mine'] = 5.0\n"
        "keep = [C()]\nmodel.fit(x, y, epochs=1, callbacks=keep, verbose=0)\nprint(len(keep))",
    )
    assert ran.out.splitlines()[1] == "1"
    assert ran.points("mine") == [(1, 5.0)]


def test_an_epoch_whose_callback_stops_the_training_by_raising_is_still_on_the_curve(
    project: Project, backend: tuple[str, str]
) -> None:
    ran = fit(
        project,
        *backend,
        after="class Pruned(Exception): pass\nclass C(keras.callbacks.Callback):\n"
        "  def on_epoch_end(self, epoch, logs=None):\n    if epoch == 1: raise Pruned\n"
        "try: model.fit(x, y, epochs=5, callbacks=[C()], verbose=0)\nexcept Pruned: pass",
    )
    assert [step for step, _ in ran.points("loss")] == [1, 2]


def test_saved_models_do_not_know_of_the_recorder(project: Project, backend: tuple[str, str]) -> None:
    ran = fit(project, *backend, after="model.save('m.keras'); keras.saving.load_model('m.keras')")
    python = framework_venv(backend[1])
    load = "import keras; keras.saving.load_model('m.keras')"
    environment = {**os.environ, "KERAS_BACKEND": backend[0], "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([python, "-c", load], cwd=project.root, env=environment, check=True, capture_output=True)
    assert "m.keras" in ran.captured.written


def test_tf_keras_by_its_other_name_is_the_same(project: Project, tensorflow: Path) -> None:
    ran = project.script(
        "import tensorflow as tf, numpy as np\nm = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
        "m.compile('sgd', 'mse')\nm.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0)\n"
        "print(tf.random.uniform([]).numpy())\ntf.random.set_seed(3)\nprint(tf.random.uniform([]).numpy())\n",
        python=tensorflow,
        variables={"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert ran.code == 0, ran.err
    assert [step for step, _ in ran.points("loss")] == [1, 2]
    assert ("tensorflow.random.set_seed", "3", "train.py:6") in [
        (call.function, call.value, call.place) for call in ran.captured.seeding.by_user
    ]


TORCH = """
import torch, warnings
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
x = torch.randn(64, 4); y = x.sum(1, keepdim=True)
data = torch.utils.data.TensorDataset(x, y)
opt = torch.optim.SGD(net.parameters(), 0.1)
if __name__ == "__main__":
    for a, b in torch.utils.data.DataLoader(data, 16, shuffle=True, num_workers=2):
        loss = torch.nn.functional.mse_loss(net(a), b); opt.zero_grad(); loss.backward(); opt.step()
        print(loss.item())
    print(torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic)
"""


def test_pytorch_unseeded_as_people_write_it_repeats_with_the_seed(project: Project, torch: Path) -> None:
    first, again, other = (project.script(TORCH, python=torch, seed=seed) for seed in (1, 1, 2))
    assert first.code == 0, first.err
    assert first.out == again.out
    assert first.out != other.out
    assert first.out.splitlines()[-1] == "True True"
    assert {"torch", "torch.deterministic_algorithms", "torch.cudnn.deterministic"} <= set(
        first.captured.seeding.applied
    )
    assert first.captured.seeding.by_user == ()
    assert [lib for lib in first.captured.libraries if lib.name == "torch" and lib.kernel and lib.threads]
    assert first.captured.not_captured == ()


def test_level_seeds_leaves_pytorchs_algorithms_alone(project: Project, torch: Path) -> None:
    ran = project.script(TORCH, python=torch, determinism="seeds")
    assert ran.out.splitlines()[-1] == "False False"


def test_a_seed_set_in_pytorch_holds_and_is_recorded(project: Project, torch: Path) -> None:
    script = "import torch\ntorch.manual_seed(5)\nprint(torch.rand(1).item())\n"
    first, other = (project.script(script, python=torch, seed=seed) for seed in (1, 2))
    assert first.out == other.out
    calls = [(call.function, call.value, call.place) for call in first.captured.seeding.by_user]
    assert calls == [("torch.manual_seed", "5", "train.py:2")]


def test_what_must_be_set_before_the_first_computation_can_still_be_set(
    project: Project, tensorflow: Path, torch: Path
) -> None:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    of_torch = (
        "import torch\ntorch.set_num_interop_threads(1)\ntorch.set_num_threads(1)\nprint(torch.get_num_threads())"
    )
    assert project.script(of_torch, python=torch).out == "1\n"
    of_tensorflow = (
        "import tensorflow as tf\ntf.config.threading.set_intra_op_parallelism_threads(1)\n"
        "tf.config.set_visible_devices([], 'GPU')\nprint(tf.config.threading.get_intra_op_parallelism_threads())\n"
    )
    assert project.script(of_tensorflow, python=tensorflow, variables=quiet).out == "1\n"
