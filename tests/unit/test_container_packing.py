"""What is put into a container: the tree as its commit has it, owned by the run, links where data is."""

import io
import os
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.spec import Resources
from runner import source
from runner.container import packing, paths
from runner.runtime import Task


def task(root: Path, folder: str = ".") -> Task:
    tree = source.find(root / folder)
    return Task(tree, (), {}, "true", {}, 0, "off", (), (), Resources())


def repository(root: Path, files: dict[str, str]) -> Path:
    root.mkdir()
    subprocess.run(["git", "init", "-q", root], check=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def commit(root: Path) -> None:
    who = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*who, "add", "-A"], cwd=root, check=True)
    subprocess.run([*who, "commit", "-qm", "x"], cwd=root, check=True)


def members(of: Task, at: dict[str, PurePosixPath] | None = None) -> dict[str, tarfile.TarInfo]:
    with packing.tree(of, at or {}) as packed, tarfile.open(fileobj=packed) as archive:
        found = archive.getmembers()
    assert len({member.name for member in found}) == len(found)
    return {member.name: member for member in found}


FILES = {"train.py": "1", "lib/deep/model.py": "22", "data/x.csv": "333"}


@pytest.mark.parametrize("clean", [True, False])
def test_every_file_and_folder_belongs_to_the_run_and_was_never_written(tmp_path: Path, clean: bool) -> None:
    root = repository(tmp_path / "r", FILES)
    if clean:
        commit(root)
    found = members(task(root))
    assert set(found) == {
        *("tree", "tree/lib", "tree/lib/deep", "tree/data", "stream"),
        *(f"tree/{name}" for name in FILES),
    }
    assert {(m.uid, m.gid, m.mtime) for m in found.values()} == {(packing.OWNER, packing.OWNER, packing.WRITTEN_NEVER)}
    assert all(member.mode & 0o600 == 0o600 for member in found.values())
    assert found["tree/lib/deep/model.py"].size == 2


def test_a_clean_tree_is_read_from_git_not_from_the_disk(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    commit(root)
    asked = task(root)
    (root / "train.py").write_text("changed while we looked")
    assert members(asked)["tree/train.py"].size == 1


def test_what_git_archive_leaves_out_is_there_all_the_same(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"part.py": "4444"})
    commit(inner)
    root = repository(tmp_path / "r", {**FILES, ".gitattributes": "data export-ignore\n"})
    allowed = ["git", "-c", "protocol.file.allow=always"]
    subprocess.run([*allowed, "submodule", "--quiet", "add", str(inner), "sub"], cwd=root, check=True)
    commit(root)
    found = members(task(root))
    assert found["tree/data/x.csv"].size == 3
    assert found["tree/sub/part.py"].size == 4


def test_declared_data_is_a_link_in_the_place_of_the_file(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    commit(root)
    place = paths.DATA / "abc" / "data.csv"
    found = members(task(root), {"data/x.csv": place, "more/y.csv": place})
    for name in ("tree/data/x.csv", "tree/more/y.csv"):
        assert found[name].issym()
        assert found[name].linkname == str(place)
    assert found["tree/more"].isdir()


def test_links_and_modes_stay_what_they_are(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    (root / "run.sh").write_text("x")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("train.py")
    (root / "out").symlink_to("/etc")
    for _ in ("as it lies there", "as git has it"):
        found = members(task(root))
        assert found["tree/run.sh"].mode & 0o111
        assert found["tree/link"].linkname == "train.py"
        assert found["tree/out"].linkname == "/etc"
        if task(root).tree.dirty:
            commit(root)


def test_the_folder_of_the_experiment_is_there_though_no_file_of_it_is(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    (root / "empty" / "one").mkdir(parents=True)
    commit(root)
    assert {"tree/empty", "tree/empty/one"} <= set(members(task(root, "empty/one")))


def test_a_commit_git_does_not_have_is_named(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    commit(root)
    asked = task(root)
    for file in (root / ".git" / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(packing.CannotPack, match=r"git archive [0-9a-f]{12} failed: "):
        members(asked)


@given(content=st.binary(max_size=3000))
def test_one_file_is_a_whole_archive(content: bytes) -> None:
    heard = bytearray()
    packed = b"".join(packing.file_in("data.csv", io.BytesIO(content), len(content), heard.extend))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        [member] = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        assert file.read() == content == bytes(heard)
        assert (member.name, member.mode) == ("data.csv", 0o444)


def test_a_file_that_shrinks_meanwhile_is_refused() -> None:
    with pytest.raises(packing.CannotPack, match="became shorter"):
        list(packing.file_in("x", io.BytesIO(b"12"), 3, len))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", FILES)
    asked = task(root)
    (root / "train.py").unlink()
    os.mkfifo(root / "other")
    with pytest.raises(packing.CannotPack, match=r"train\.py: cannot be read: No such file"):
        members(asked)
