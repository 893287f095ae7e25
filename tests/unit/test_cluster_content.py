"""A tree sent by content is the tree: every file, bit and link of it, and nothing by path."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import source
from runner.source import SourceTree
from runner.sweep.cluster import content
from runner.sweep.cluster.content import Entry, Manifest, manifest, parts
from runner.sweep.cluster.refusals import FileChanged
from runner.sweep.cluster.store import ContentStore


def a_tree(folder: Path) -> SourceTree:
    (folder / "sub").mkdir(parents=True)
    (folder / "outside.txt").write_text("outside")
    tree = folder / "tree"
    (tree / "pkg").mkdir(parents=True)
    (tree / "train.py").write_text("print()")
    (tree / "again.py").write_text("print()")
    (tree / "pkg" / "run.sh").write_text("#!/bin/sh\n")
    (tree / "pkg" / "run.sh").chmod(0o755)
    (tree / "pkg" / "link").symlink_to("../train.py")
    (tree / "away").symlink_to(folder / "outside.txt")
    (tree / "data.bin").write_bytes(b"\0" * 1000)
    (tree / "empty").write_bytes(b"")
    return source.find(tree)


def sent(found: Manifest, root: Path, store: ContentStore, folder: Path) -> list[int]:
    """What a driver and a node do, without Ray between them; the parcels that were sent."""
    missing = store.missing(found)
    for number in missing:
        part = folder / "part"
        part.unlink(missing_ok=True)
        with part.open("ab") as file:
            for block, _last in parts(found.parcels[number], root):
                file.write(block)
        store.fill(found.parcels[number], part)
    return missing


def test_a_tree_is_laid_out_elsewhere_as_it_was(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "here")
    data = {"data.bin": source.sha256(tree.root / "data.bin") or ""}
    found = manifest(tree, data)
    store, root = ContentStore(tmp_path / "node"), tmp_path / "there"
    assert sent(found, tree.root, store, tmp_path) == list(range(len(found.parcels)))
    shutil.rmtree(tmp_path / "here")
    store.lay_out(found, root)
    assert (root / "train.py").read_text() == (root / "again.py").read_text() == "print()"
    assert os.access(root / "pkg" / "run.sh", os.X_OK)
    assert (root / "pkg" / "link").readlink() == Path("../train.py")
    assert (root / "away").read_text() == "outside"
    assert not (root / "away").is_symlink()
    assert (root / "data.bin").resolve() == store.place(data["data.bin"])
    assert (root / "empty").read_bytes() == b""
    assert sent(found, tree.root, store, tmp_path) == []


def test_content_that_is_not_what_its_name_says_is_sent_again(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "here")
    found, store = manifest(tree, {}), ContentStore(tmp_path / "node")
    sent(found, tree.root, store, tmp_path)
    place = store.place(source.sha256(tree.root / "train.py") or "")
    place.chmod(0o644)
    place.write_text("damaged")
    assert sent(found, tree.root, store, tmp_path) != []
    assert place.read_text() == "print()"


def test_a_file_that_changed_after_it_was_listed_is_refused(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "here")
    found = manifest(tree, {})
    (tree.root / "pkg" / "run.sh").write_text("#!/bin/su\n")
    with pytest.raises(FileChanged, match="changed while the tree was sent to the cluster"):
        sent(found, tree.root, ContentStore(tmp_path / "node"), tmp_path)


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 30), st.integers(1, 30))
def test_parcels_hold_every_content_once_and_their_parts_are_its_bytes(
    sizes: list[int], parcel: int, part: int
) -> None:
    import tempfile

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(content, "PARCEL", parcel)
        patch.setattr(content, "PART", part)
        root = Path(folder)
        for number, size in enumerate(sizes):
            (root / str(number)).write_bytes(bytes([number]) * size)
        made = Manifest(
            tuple(Entry(str(n), size, source.sha256(root / str(n)) or "") for n, size in enumerate(sizes)), ()
        )
        together = [entry.sha256 for one in made.parcels for entry in one]
        assert sorted(together) == sorted({entry.sha256 for entry in made.entries})
        for one in made.parcels:
            assert len(one) == 1 or sum(entry.size for entry in one) <= parcel
            blocks = list(parts(one, root))
            assert b"".join(block for block, _ in blocks) == b"".join((root / e.path).read_bytes() for e in one)
            assert [last for _, last in blocks] == [False] * (len(blocks) - 1) + [True]
            assert all(len(block) <= part for block, _ in blocks)
