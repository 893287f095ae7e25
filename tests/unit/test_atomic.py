"""A file is written whole or not at all."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiment.atomic import write_whole


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"one")
    with path.open("rb") as reader:
        write_whole(path, b"another")
        assert reader.read() == b"one"  # who reads the old file goes on reading it
    assert path.read_bytes() == b"another"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_earlier_file_and_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"one")
    with room_for(100), pytest.raises(OSError) as caught:  # noqa: PT011 - the number is checked below
        write_whole(path, b"x" * 1000)
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "gone" / "run.json", b"one")
