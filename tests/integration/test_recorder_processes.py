"""The recorder below every way a training process starts, has children, and ends. Plain Python, no framework."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from recorded import Project

from runner.capture import NOTHING

READS = "open('{}').read()\n"


def lineages(stream: Path) -> list[str]:
    first = (json.loads(path.read_text().splitlines()[0]) for path in stream.glob("*.jsonl"))
    return sorted(event[2]["lineage"] for event in first if event[0] == "start")


def test_a_script_is_seen_with_the_code_and_data_it_reads_and_what_it_writes(project: Project) -> None:
    project.write("lib/model.py", "X = 1\n")
    project.write("lib/__init__.py", "")
    project.write("data/x.csv", "1")
    ran = project.script(
        "import os, lib.model\nos.listdir('data')\nopen('data/x.csv').read()\nopen('out.txt', 'w').write('1')\n"
        "open('out.txt').read()\nopen('/dev/null').read()\n"
    )
    assert ran.code == 0, ran.err
    assert ran.captured.source == ("lib/__init__.py", "lib/model.py", "train.py")
    assert ran.captured.data == ("data/x.csv",)
    assert ran.captured.written == ("out.txt",)
    assert ran.captured.listed == ("data",)
    assert ran.captured.not_captured == ()


def test_code_read_from_its_compiled_form_is_named_by_its_source(project: Project) -> None:
    project.write("model.py", "X = 1\n")
    project.script("import model\n")
    assert project.script("import model\n").captured.source == ("model.py", "train.py")


def test_data_outside_the_tree_has_its_absolute_path(project: Project, tmp_path: Path) -> None:
    (tmp_path / "far.bin").write_bytes(b"1")
    assert project.script(READS.format(tmp_path / "far.bin")).captured.data == (str(tmp_path / "far.bin"),)


def test_a_file_that_is_not_there_is_no_data_and_one_written_first_neither(project: Project) -> None:
    ran = project.script(
        "import os\ntry: open('none')\nexcept OSError: pass\n"
        "open('t', 'w').write('1')\nos.replace('t', 'u')\nopen('u').read()\n"
    )
    assert ran.captured.data == ()
    assert ran.captured.written == ("t", "u")


def test_a_file_read_first_and_then_rewritten_is_data_and_written(project: Project) -> None:
    project.write("state.txt", "1")
    ran = project.script("open('state.txt').read()\nopen('state.txt', 'w').write('2')\n")
    assert (ran.captured.data, ran.captured.written) == (("state.txt",), ("state.txt",))


def test_a_folder_the_run_made_itself_is_not_listed_input(project: Project) -> None:
    assert project.script("import os\nos.mkdir('o')\nos.listdir('o')\n").captured.listed == ()


def test_files_are_found_by_a_script_that_changes_directory(project: Project) -> None:
    project.write("sub/deep.csv", "1")
    ran = project.script("import os\nos.chdir('sub')\nopen('deep.csv').read()\nos.chdir('..')\nos.listdir('sub')\n")
    assert (ran.captured.data, ran.captured.listed) == (("sub/deep.csv",), ("sub",))


def test_a_run_may_start_in_a_folder_of_the_tree(project: Project) -> None:
    project.write("sub/x.csv", "1")
    project.write("sub/go.py", READS.format("x.csv"))
    ran = project.run("go.py", cwd=project.root / "sub")
    assert (ran.captured.source, ran.captured.data) == (("sub/go.py",), ("sub/x.csv",))


@pytest.mark.parametrize(
    "command",
    [("-m", "pkg.train"), ("/bin/sh", "-c", f"cd . && exec {sys.executable} -m pkg.train"), ("pkg/train.py",)],
    ids=["module", "shell", "file"],
)
def test_however_the_command_starts_python_it_is_seen(project: Project, command: tuple[str, ...]) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/train.py", "import random\nprint(random.random())\n")
    ran = project.run(*command)
    assert "pkg/train.py" in ran.captured.source
    assert ran.out == "0.8444218515250481\n"  # random.seed(0)


def test_a_console_script_is_seen(project: Project) -> None:
    script = project.write("bin/train", f"#!{sys.executable}\nimport random\nprint(random.random())\n")
    script.chmod(0o755)
    assert project.run(script).out == "0.8444218515250481\n"


def test_os_exit_loses_nothing(project: Project) -> None:
    project.write("x.csv", "1")
    ran = project.script("import os\n" + READS.format("x.csv") + "os._exit(3)\n")
    assert (ran.code, ran.captured.data) == (3, ("x.csv",))


def test_a_users_own_sitecustomize_runs_once_and_is_the_one_that_is_seen(project: Project) -> None:
    project.write("mine/sitecustomize.py", "print('mine')\nMARK = 1\n")
    ran = project.script(
        "import sitecustomize, random\nprint(sitecustomize.MARK, random.random())\n",
        variables={"PYTHONPATH": str(project.root / "mine")},
    )
    assert ran.out == "mine\n1 0.8444218515250481\n"


def test_a_sitecustomize_that_fails_is_reported_as_python_reports_it(project: Project) -> None:
    project.write("mine/sitecustomize.py", "1/0\n")
    ran = project.script("print('on')\n", variables={"PYTHONPATH": str(project.root / "mine")})
    assert ran.out == "on\n"
    assert "ZeroDivisionError" in ran.err


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_a_python_told_to_look_at_nothing_runs_on_and_the_run_says_so(project: Project, flag: str) -> None:
    project.write("train.py", "print('on')\n")
    ran = project.run(flag, "train.py")
    assert (ran.out, ran.captured.not_captured) == ("on\n", (NOTHING,))


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"stream": "/proc/none/x", "root": "/", "seed": 1, "determinism": "strict"}']
)
def test_a_recorder_that_cannot_start_lets_the_training_go_on(project: Project, damage: str) -> None:
    project.write("train.py", "print('on')\n")
    environment, _ = project.environment(0, "strict", {})
    environment["ML_EXPERIMENT_RECORDER"] = damage
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


def test_a_hook_that_crashes_is_named_and_the_training_goes_on(project: Project) -> None:
    # A module that calls itself torch and has nothing of it: the hook fails for real.
    project.write("torch.py", "VALUE = 7\n")
    ran = project.script("import torch\nprint(torch.VALUE)\n")
    assert (ran.code, ran.out) == (0, "7\n")
    assert [text for text in ran.captured.not_captured if text.startswith("torch: AttributeError")]


def test_a_script_that_closes_every_descriptor_writes_only_its_own_bytes(project: Project) -> None:
    project.write("x.csv", "1")
    ran = project.script(
        "import os\nopen('first').close() if os.path.exists('first') else None\nos.closerange(3, 256)\n"
        "f = open('own.txt', 'w')\nopen('x.csv').read()\nf.write('mine')\nf.close()\n"
    )
    assert (project.root / "own.txt").read_text() == "mine"
    assert ran.captured.data == ("x.csv",)


def test_reading_a_module_again_and_asking_for_its_source_work_as_ever(project: Project) -> None:
    ran = project.script(
        "import importlib, inspect, pickle, random, importlib.util\n"
        "assert 'def seed' in inspect.getsource(random)\n"
        "assert pickle.loads(pickle.dumps(random.seed)) is random.seed\n"
        "importlib.reload(random)\n"
        "spec = importlib.util.find_spec('random'); assert type(spec.loader).__name__ == 'SourceFileLoader'\n"
        "print(random.random())\n"
    )
    assert (ran.code, ran.out) == (0, "0.8444218515250481\n"), ran.err


def test_lazily_loaded_modules_are_hooked_when_they_load(project: Project) -> None:
    ran = project.script(
        "import importlib.util, sys\n"
        "spec = importlib.util.find_spec('random')\n"
        "spec.loader = importlib.util.LazyLoader(spec.loader)\n"
        "lazy = importlib.util.module_from_spec(spec); sys.modules['random'] = lazy\n"
        "spec.loader.exec_module(lazy)\n"
        "print(lazy.random())\n"
    )
    assert ran.out == "0.8444218515250481\n", ran.err


DRAW = "import random; print(random.random(), random.Random().random())"


def children(how: str) -> str:
    return {
        "subprocess": f"import subprocess, sys\nfor _ in '12': subprocess.run([sys.executable, '-c', {DRAW!r}])\n",
        "own environment": (
            "import os, subprocess, sys\nenv = dict(os.environ, EXTRA='1')\n"
            f"for _ in '12': subprocess.run([sys.executable, '-c', {DRAW!r}], env=env)\n"
        ),
        "posix_spawn": (
            "import os, sys\nfor _ in '12':\n"
            f"  os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-c', {DRAW!r}], os.environ), 0)\n"
        ),
        "system": f"import os, sys\nfor _ in '12': os.system(sys.executable + \" -c '{DRAW}'\")\n",
        "fork": (
            "import os, random, sys\nfor _ in '12':\n  pid = os.fork()\n  if not pid:\n"
            "    print(random.random(), random.Random().random(), flush=True); os._exit(0)\n  os.waitpid(pid, 0)\n"
        ),
        "shell": "",
        **{
            method: (
                "import multiprocessing as m\n"
                f"def draw():\n  {DRAW.replace('; ', chr(10) + '  ')}\n"
                f"if __name__ == '__main__':\n  c = m.get_context('{method}')\n  for _ in '12':\n"
                "    p = c.Process(target=draw); p.start(); p.join(); assert p.exitcode == 0\n"
            )
            for method in ("mp-fork", "mp-spawn", "mp-forkserver")
        },
    }[how].replace("'mp-", "'")


@pytest.mark.parametrize(
    "how",
    ["subprocess", "own environment", "posix_spawn", "system", "fork", "shell", "mp-fork", "mp-spawn", "mp-forkserver"],
)
def test_children_draw_other_numbers_than_each_other_and_the_same_in_every_run(project: Project, how: str) -> None:
    project.write("train.py", children(how) + DRAW.replace("print", "if __name__ == '__main__': print"))
    project.write("train.py", children(how) + f"if __name__ == '__main__':\n  {DRAW.replace('; ', chr(10) + '  ')}\n")
    project.write("draw.py", DRAW)
    command: tuple[str, ...] = ("train.py",)
    if how == "shell":
        command = ("/bin/sh", "-c", f"{sys.executable} draw.py; {sys.executable} draw.py; {sys.executable} draw.py")
    first, again = project.run(*command, seed=5), project.run(*command, seed=5)
    other = project.run(*command, seed=6)
    assert first.code == 0, first.err
    drawn = first.out.split()
    assert len(drawn) == len(set(drawn)) == 6, first.out
    assert again.out == first.out
    assert not set(drawn) & set(other.out.split())
    assert len(set(lineages(first.stream))) == len(lineages(first.stream))


def test_what_children_read_is_part_of_the_run(project: Project) -> None:
    project.write("x.csv", "1")
    project.write("y.csv", "1")
    project.write("made.txt", "")
    (project.root / "made.txt").unlink()
    ran = project.script(
        "import multiprocessing as m, subprocess, sys\n"
        "def f(): open('y.csv').read(); open('made.txt').read()\n"
        "if __name__ == '__main__':\n"
        "  open('made.txt', 'w').close()\n"
        "  subprocess.run([sys.executable, '-c', \"open('x.csv').read()\"])\n"
        "  p = m.get_context('spawn').Process(target=f); p.start(); p.join()\n"
    )
    assert ran.captured.data == ("x.csv", "y.csv")


@pytest.mark.parametrize(
    ("determinism", "variables", "expected"),
    [
        ("strict", {}, ("5", ":4096:8")),
        ("seeds", {}, ("5", None)),
        ("off", {}, (None, None)),
        ("strict", {"PYTHONHASHSEED": "9", "CUBLAS_WORKSPACE_CONFIG": ":16:8"}, ("9", ":16:8")),
    ],
)
def test_each_level_sets_its_variables_and_none_the_user_has_set(
    project: Project, determinism: str, variables: Mapping[str, str], expected: tuple[str | None, str | None]
) -> None:
    ran = project.script(
        "import os\nprint([os.environ.get(n) for n in ('PYTHONHASHSEED', 'CUBLAS_WORKSPACE_CONFIG')])\n",
        seed=5,
        determinism=determinism,
        variables=variables,
    )
    assert ran.out == f"{list(expected)}\n"


def test_at_level_off_nothing_is_seeded_and_the_record_says_so(project: Project) -> None:
    first, again = (project.script("import random\nprint(random.random())\n", determinism="off") for _ in "12")
    assert first.out != again.out
    assert (first.captured.seeding.determinism, first.captured.seeding.applied) == ("off", ())


def test_a_seed_the_script_sets_holds_and_is_recorded_with_its_place(project: Project) -> None:
    project.write("pkg/__init__.py", "")
    project.write("pkg/reproducibility.py", "import random\n\ndef everything(n):\n    random.seed(n)\n")
    ran = project.script(
        "import random\nfrom pkg.reproducibility import everything\neverything(3)\nprint(random.random())\n", seed=9
    )
    assert ran.out == "0.23796462709189137\n"  # random.seed(3)
    call = ran.captured.seeding.by_user[0]
    assert (call.function, call.value, call.place) == ("random.seed", "3", "pkg/reproducibility.py:4")


def test_secrets_urandom_uuids_and_temporary_names_stay_unpredictable(project: Project) -> None:
    script = (
        "import os, secrets, tempfile, uuid, random\n"
        "print(os.urandom(8), secrets.token_hex(8), uuid.uuid4(), random.SystemRandom().random(),\n"
        "      tempfile.mktemp(), sep='\\n')\n"
    )
    first, again = project.script(script).out.splitlines(), project.script(script).out.splitlines()
    assert len(first) == 5
    assert not set(first) & set(again)


def test_the_recorder_adds_no_thread_and_leaves_the_arguments_alone(project: Project) -> None:
    project.write("train.py", "import sys, threading\nprint(threading.active_count(), sys.argv[1:])\n")
    assert project.run("train.py", "--lr", "1").out == "1 ['--lr', '1']\n"


PYTHONS = [
    path
    for version in ("3.8.18", "3.9.18", "3.10.13", "3.12.1", "3.13.0")
    if (
        path := Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions" / version / "bin/python"
    ).exists()
]


@pytest.mark.parametrize("python", PYTHONS, ids=[path.parent.parent.name for path in PYTHONS])
def test_the_recorder_runs_on_the_pythons_users_have(project: Project, python: Path) -> None:
    project.write("x.csv", "1")
    ran = project.script("import random, os\nopen('x.csv').read()\nprint(random.random())\n", python=python)
    assert ran.out == "0.8444218515250481\n", ran.err
    assert (ran.captured.source, ran.captured.data) == (("train.py",), ("x.csv",))
    assert ran.captured.not_captured == ()


ASSIGNED = """
import sys
from _ml_experiment_recorder.places import next_store
def who():
    frame = sys._getframe(1)
    return next_store(frame.f_code, frame.f_lasti)
class C: pass
c, d = C(), {}
a = who(); print(a)
c.attribute = who(); print(c.attribute)
d["key/1"] = who(); print(d["key/1"])
def local():
    b = who()
    return b
def fused():
    x = 1
    b = who(); return b, x
def cell():
    e = who()
    return (lambda: e)()
def shared():
    global g
    g = who()
    return g
print(local(), fused()[0], cell(), shared())
print(who(), str(who()), [who()][0], (lambda: who())())
h = 1 if who() is None else 2
print(h)
"""


@pytest.mark.parametrize("python", PYTHONS, ids=[path.parent.parent.name for path in PYTHONS])
def test_what_a_value_is_assigned_to_is_known_on_every_python(project: Project, python: Path) -> None:
    ran = project.script(ASSIGNED, python=python)
    assert ran.out.split() == ["a", "attribute", "key/1", "b", "b", "e", "g", *["None"] * 4, "1"], ran.err
