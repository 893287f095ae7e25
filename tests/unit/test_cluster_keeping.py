"""What a node keeps of content is bounded: what was not used for longest goes first, what is in use never."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import ROOT

from runner.sweep.cluster.keeping import lease, most_bytes, tidy

SIZE = 100


def digest(number: int) -> str:
    return f"{number:064x}"


def a_file(folder: Path, number: int, age_s: float, size: int = SIZE) -> Path:
    path = folder / digest(number)[:2] / digest(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    path.chmod(0o444)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def there(folder: Path) -> set[int]:
    return {int(path.name, 16) for path in folder.glob("??/*") if len(path.name) == 64}


@given(
    files=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 300)), max_size=12),
    leased=st.sets(st.integers(0, 11)),
    most=st.integers(0, 2000),
)
def test_the_longest_unused_go_and_none_that_is_in_use(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, int]], leased: set[int], most: int
) -> None:
    folder = tmp_path_factory.mktemp("content")
    sizes = [size for _, size in files]
    held = lease(folder, [digest(number) for number in leased])
    for number, (age, size) in enumerate(files):
        a_file(folder, number, 1000.0 * age + number, size)
    tidy(folder, most)
    kept = there(folder)
    assert leased & set(range(len(files))) <= kept
    assert sum(sizes[number] for number in kept) <= most or kept <= leased
    gone = set(range(len(files))) - kept
    last = max((files[number][0] * 1000 + number for number in kept - leased), default=None)
    assert last is None or all(files[number][0] * 1000 + number > last for number in gone)
    held.end()


def test_what_is_leased_was_used_now_and_stays_longer_than_what_is_newer(tmp_path: Path) -> None:
    a_file(tmp_path, 1, age_s=5000)
    a_file(tmp_path, 2, age_s=10)
    lease(tmp_path, [digest(1)]).end()
    tidy(tmp_path, SIZE)
    assert there(tmp_path) == {1}


HOLD = """\
import sys
from pathlib import Path
from runner.sweep.cluster.keeping import lease
held = lease(Path(sys.argv[1]), sys.argv[2:])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_worker_that_is_killed_holds_nothing_any_more(tmp_path: Path) -> None:
    a_file(tmp_path, 1, age_s=10)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), digest(1)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        tidy(tmp_path, 0)
        assert there(tmp_path) == {1}
        holder.kill()
        holder.wait()
    tidy(tmp_path, 0)
    assert there(tmp_path) == set()
    assert not list((tmp_path / "leases").iterdir())


def test_what_another_worker_is_writing_stays(tmp_path: Path) -> None:
    fresh, left = tmp_path / "00" / "tmpabc", tmp_path / "00" / "tmpdef"
    fresh.parent.mkdir()
    for path in (fresh, left):
        path.write_bytes(b"x" * SIZE)
    os.utime(left, (0, 0))
    tidy(tmp_path, 0)
    assert (fresh.exists(), left.exists()) == (True, False)


def test_the_bound_is_a_share_of_the_disk(tmp_path: Path) -> None:
    whole = os.statvfs(tmp_path)
    assert 0 < most_bytes(tmp_path / "content") <= whole.f_blocks * whole.f_frsize // 10
