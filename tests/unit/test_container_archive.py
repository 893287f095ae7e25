"""What comes out of a container is hostile: only the files asked for, only so many bytes, or a reason why not."""

import hashlib
import io
import itertools
import tarfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.container.archive import hash_file, read_folder, store_file
from runner.container.archive_refusals import (
    ArchiveRefused,
    NameRefused,
    NotAFolder,
    NotARegularFile,
    SizesDiffer,
    TooLarge,
    TooManyFiles,
    TornArchive,
)
from runner.store import CannotStore

TIB = 1 << 40
END = bytes(1024)


def member(name: str, content: bytes = b"", **fields: Any) -> bytes:
    """A header and its content, padded; `fields` override those of the header."""
    found = tarfile.TarInfo(name)
    found.size = len(content)
    for field, value in fields.items():
        setattr(found, field, value)
    return found.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape") + content + bytes(-len(content) % 512)


def folder(*members: bytes) -> bytes:
    return member("stream", type=tarfile.DIRTYPE) + b"".join(members) + END


class Stream:
    """The engine's answer in chunks, which knows how much was read of it and whether it was closed."""

    def __init__(self, *parts: bytes, chunk: int = 4096) -> None:
        self.read = 0
        self.closed = False
        self._parts = parts
        self._chunk = chunk

    def chunks(self) -> Generator[bytes, None, None]:
        try:
            for part in self._parts:
                for start in range(0, len(part), self._chunk):
                    self.read += self._chunk
                    yield part[start : start + self._chunk]
        finally:
            self.closed = True


def stat(size: int, name: str = "model.bin", mode: int = 0o644, link: str = "") -> dict[str, Any]:
    return {"name": name, "size": size, "mode": mode, "linkTarget": link}


def hashed(archive: bytes, told: dict[str, Any], most: int = 10_000) -> None:
    hash_file(iter([archive]), told, "out/model.bin", most_bytes=most)


def folder_read(archive: bytes, to: Path, most_bytes: int = 10_000, most_files: int = 10) -> list[Path]:
    accept = lambda name: name.endswith(".jsonl")  # noqa: E731
    return read_folder(iter([archive]), "stream", to, accept=accept, most_bytes=most_bytes, most_files=most_files)


@given(st.binary(max_size=200_000), st.integers(1, 70_000))
def test_a_file_arrives_whole_however_it_is_cut_into_chunks(content: bytes, chunk: int) -> None:
    stream = Stream(member("model.bin", content) + END, chunk=chunk)
    found = hash_file(stream.chunks(), stat(len(content)), "out/model.bin", most_bytes=len(content))
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert stream.closed


def test_a_stored_file_has_the_bytes_and_the_digest_of_the_one_in_the_container(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    archive = iter([member("model.bin", content) + END])
    found = store_file(archive, stat(len(content)), "out/model.bin", tmp_path / "ours", most_bytes=TIB)
    assert (tmp_path / "ours").read_bytes() == content
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (tarfile.SYMTYPE, "a symbolic link to '/etc/shadow'"),
        (tarfile.LNKTYPE, "a hard link to '/etc/shadow'"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.DIRTYPE, "a folder"),
        (tarfile.CONTTYPE, "something else"),
        (b"Z", "something else"),
    ],
)
def test_what_is_no_regular_file_is_refused_by_its_kind(kind: bytes, says: str, tmp_path: Path) -> None:
    odd = member("model.bin", type=kind, linkname="/etc/shadow")
    with pytest.raises(NotARegularFile) as refused:
        store_file(iter([odd + END]), stat(0), "out/model.bin", tmp_path / "ours", most_bytes=100)
    assert str(refused.value) == (
        f"out/model.bin: not taken out of the container: found {says}, expected a regular file\n"
        "  let the command write a regular file under that name"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_sparse_member_is_refused_whichever_way_it_says_so() -> None:
    for keys in (
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(TIB)},
        {"GNU.sparse.size": str(TIB), "GNU.sparse.numblocks": "1"},
        {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(TIB)},
    ):
        with pytest.raises(ArchiveRefused):
            hashed(member("model.bin", b"1\n0\n1\n", pax_headers=keys) + END, stat(6))


@pytest.mark.parametrize("mode", [1 << 31 | 0o755, 1 << 27 | 0o777, 1 << 25, 1 << 24, 1 << 26 | 1 << 21])
def test_the_engines_own_word_on_the_kind_is_heard_before_the_archives(mode: int) -> None:
    with pytest.raises(NotARegularFile, match="expected a regular file"):
        hashed(member("model.bin", b"x") + END, stat(1, mode=mode, link="/etc/shadow"))


def test_a_tebibyte_is_refused_by_its_header_and_the_connection_closed_undrained() -> None:
    stream = Stream(member("model.bin", size=TIB), *itertools.repeat(bytes(1 << 20), 64), chunk=1 << 20)
    with pytest.raises(TooLarge, match=f"{TIB} bytes, at most 1000 are read"):
        hash_file(stream.chunks(), stat(TIB), "out/model.bin", most_bytes=1000)
    assert stream.closed
    assert stream.read <= 2 << 20


def test_a_refusal_before_the_first_byte_closes_the_connection_too() -> None:
    stream = Stream(member("model.bin", b"x") + END)
    with pytest.raises(NotARegularFile):
        hash_file(stream.chunks(), stat(1, mode=1 << 31), "out/model.bin", most_bytes=1000)
    assert stream.closed


def test_a_path_header_that_claims_a_gibibyte_of_itself_is_not_held_in_memory() -> None:
    claims = tarfile.TarInfo("x")
    claims.type, claims.size = tarfile.XHDTYPE, 1 << 30
    stream = Stream(claims.tobuf(tarfile.USTAR_FORMAT), *itertools.repeat(bytes(1 << 16), 1000), chunk=1 << 16)
    with pytest.raises(TornArchive, match="more bytes than its headers say"):
        hash_file(stream.chunks(), stat(1), "out/model.bin", most_bytes=1000)
    assert stream.read < 1 << 20


def test_headers_upon_headers_end() -> None:
    empty = tarfile.TarInfo("x")
    empty.type = tarfile.XHDTYPE
    with pytest.raises(TornArchive):
        hashed(empty.tobuf(tarfile.USTAR_FORMAT) * 5000, stat(1))


@pytest.mark.parametrize("size", [0, 4, 6, 5000])
def test_a_header_that_lies_about_the_size_is_refused(size: int) -> None:
    with pytest.raises(SizesDiffer):
        hashed(member("model.bin", b"12345", pax_headers={"size": str(size)}) + END, stat(5))


def test_sizes_below_zero_and_beyond_reason_are_refused() -> None:
    for size in ("-1", "9" * 5000, "x", "1e3"):
        with pytest.raises(ArchiveRefused):
            hashed(member("model.bin", b"12345", pax_headers={"size": size}) + END, stat(5))


def test_the_name_must_be_the_one_asked_for() -> None:
    for name in ("other.bin", "../model.bin", "/model.bin", "a/model.bin", "model.bin\n", "model.bin\x1b[31m"):
        with pytest.raises(NameRefused) as refused:
            hashed(member(name, b"x") + END, stat(1))
        assert str(refused.value).count("\n") == 1
        assert str(refused.value).isascii()


def test_a_second_member_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    both = member("model.bin", b"x") + member("model.bin", b"y") + END
    with pytest.raises(NameRefused):
        store_file(iter([both]), stat(1), "out/model.bin", tmp_path / "ours", most_bytes=100)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_cut_anywhere_is_refused_and_leaves_no_half_a_file(tmp_path: Path) -> None:
    whole = member("model.bin", bytes(2000)) + bytes(512)
    for end in (*range(0, len(whole), 200), len(whole) - 1):
        with pytest.raises(TornArchive):
            store_file(iter([whole[:end]]), stat(2000), "out/model.bin", tmp_path / "ours", most_bytes=9000)
        assert list(tmp_path.iterdir()) == []


def test_garbage_after_a_member_is_not_taken_for_the_end() -> None:
    with pytest.raises(TornArchive):
        hashed(member("model.bin", b"x") + b"garbage!" * 200, stat(1))


@given(st.binary(max_size=3000))
def test_whatever_the_bytes_they_are_refused_with_a_reason(noise: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        hashed(noise, stat(5))


@given(st.data())
def test_a_damaged_archive_is_refused_or_gives_a_file_of_the_size_told(data: st.DataObject) -> None:
    archive = bytearray(member("model.bin", b"12345", pax_headers={"mtime": "1.5"}) + END)
    archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = hash_file(iter([bytes(archive)]), stat(5), "out/model.bin", most_bytes=100)
    except ArchiveRefused:
        return
    assert found.size == 5


def test_an_existing_file_or_link_of_ours_is_never_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "ours").symlink_to(tmp_path / "target")
    with pytest.raises(CannotStore):
        store_file(iter([member("model.bin", b"x") + END]), stat(1), "m", tmp_path / "ours", most_bytes=10)
    assert (tmp_path / "target").read_text() == "before"
    assert (tmp_path / "ours").is_symlink()


def test_a_full_disk_is_ours_to_answer_for_and_not_the_runs(tmp_path: Path) -> None:
    with pytest.raises(CannotStore, match="cannot be written"):
        store_file(iter([member("model.bin", b"x") + END]), stat(1), "m", tmp_path / "gone" / "ours", most_bytes=10)


def test_a_broken_connection_is_no_damaged_archive() -> None:
    def broken() -> Generator[bytes, None, None]:
        yield member("model.bin", bytes(5000))[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        hash_file(broken(), stat(5000), "out/model.bin", most_bytes=10_000)


def test_the_event_files_of_a_run_are_read_in_their_order(tmp_path: Path) -> None:
    archive = folder(member("stream/1-10.jsonl", b"[1]\n"), member("stream/2-11.jsonl", b"[2]\n"))
    assert folder_read(archive, tmp_path) == [tmp_path / "1-10.jsonl", tmp_path / "2-11.jsonl"]
    assert (tmp_path / "2-11.jsonl").read_bytes() == b"[2]\n"


def test_an_empty_folder_is_a_run_that_recorded_nothing(tmp_path: Path) -> None:
    assert folder_read(folder(), tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.jsonl",
        "..",
        "../a.jsonl",
        "/etc/a.jsonl",
        "stream/../a.jsonl",
        "stream//a.jsonl",
        "stream/sub/a.jsonl",
        "stream/.a.jsonl",
        "stream/a\n.jsonl",
        "stream/a.txt",
        "stream/ä.jsonl",
        "stream/\udcff.jsonl",
    ],
)
def test_a_name_in_a_folder_that_was_not_asked_for_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NameRefused):
        folder_read(folder(member(name, b"x")), tmp_path)
    assert list(tmp_path.iterdir()) == []


@given(st.text(min_size=1, max_size=30).filter(lambda name: "\0" not in name), st.sampled_from(b"\x0001234567gxKLS"))
def test_whatever_the_name_and_kind_only_plain_files_come_out(name: str, kind: int) -> None:
    wanted: list[str] = []
    raw = io.BytesIO(folder(member("stream/" + name, b"", type=bytes([kind]))))

    def accept(found: str) -> bool:
        wanted.append(found)
        return False

    with pytest.raises(ArchiveRefused):
        read_folder(iter([raw.read()]), "stream", Path("/nowhere"), accept=accept, most_bytes=1, most_files=1)
    assert all(found.isascii() and found.isprintable() and "/" not in found for found in wanted)


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NameRefused):
        folder_read(folder(member("stream/a.jsonl", b"x"), member("stream/a.jsonl", b"y")), tmp_path)
    assert (tmp_path / "a.jsonl").read_bytes() == b"x"


def test_links_and_pipes_among_event_files_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
        with pytest.raises(NotARegularFile):
            folder_read(folder(member("stream/a.jsonl", type=kind, linkname="/etc/shadow")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_over_all_files_than_may_be_are_refused(tmp_path: Path) -> None:
    files = [member(f"stream/{n}.jsonl", bytes(400)) for n in range(3)]
    with pytest.raises(TooLarge, match="1200 bytes, at most 1000"):
        folder_read(folder(*files), tmp_path, most_bytes=1000)


def test_more_files_than_may_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TooManyFiles, match="more than 10 files"):
        folder_read(folder(*(member(f"stream/{n}.jsonl", b"x") for n in range(11))), tmp_path)


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    for archive in (member("stream", b"x") + END, END, member("stream", type=tarfile.SYMTYPE, linkname="/") + END):
        with pytest.raises(NotAFolder, match="expected a folder"):
            folder_read(archive, tmp_path)
