"""Files that no Python code opens are seen to be read all the same: by shells, by native code."""

import subprocess
from pathlib import Path

import pytest
from recorded import Project

from runner.capture import read
from runner.capture_access import mark, touched


@pytest.fixture
def tree(project: Project) -> Path:
    project.write("data/native.bin", "1")
    project.write("data/replaced.txt", "1")
    project.write("data/unread.csv", "1")
    project.write("run.sh", "cat data/native.bin > out.txt; : > data/cut.txt; python3 -c 0")
    project.write("data/cut.txt", "1")
    return project.root


def marked(root: Path) -> frozenset[str]:
    found = mark(root)
    if found is None:
        pytest.skip("this file system keeps no access times")
    return found


def test_only_files_that_were_there_before_and_read_since_are_named(tree: Path) -> None:
    before = marked(tree)
    assert before == {"data/native.bin", "data/replaced.txt", "data/unread.csv", "data/cut.txt", "run.sh"}
    subprocess.run(["/bin/sh", "run.sh"], cwd=tree, check=True)
    (tree / "data/replaced.txt").unlink()
    assert touched(tree, before) == {"data/native.bin", "run.sh"}


def test_marking_leaves_modification_times_as_they_are(tree: Path) -> None:
    time = (tree / "run.sh").stat().st_mtime_ns
    marked(tree)
    assert (tree / "run.sh").stat().st_mtime_ns == time


def test_what_native_code_reads_is_code_and_data_of_the_run(project: Project, tree: Path) -> None:
    before = marked(tree)
    ran = project.script("import subprocess\nsubprocess.run(['cat', 'data/native.bin'])\n")
    captured = read(ran.stream, tree, touched(tree, before))
    assert (captured.source, captured.data) == (("train.py",), ("data/native.bin",))


def test_a_file_python_wrote_first_is_no_data_because_it_was_replaced(project: Project, tree: Path) -> None:
    before = marked(tree)
    ran = project.script("import os\nopen('t', 'w').write('2')\nos.replace('t', 'data/replaced.txt')\n")
    assert read(ran.stream, tree, touched(tree, before)).data == ()
