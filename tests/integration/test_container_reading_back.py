"""Files read back from real containers: whatever a stranger's code put in their place, nothing else comes out."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from container_bed import Bed

from runner.container.archive import hash_file, read_folder, store_file
from runner.container.archive_refusals import (
    ArchiveRefused,
    NameRefused,
    NotAFolder,
    NotARegularFile,
    TooLarge,
    TooManyFiles,
)

pytestmark = pytest.mark.docker
MIB = 1 << 20


Run = Callable[[str], str]


@pytest.fixture(scope="module")
def run(client: docker.DockerClient, bed: Bed, labels: Mapping[str, str]) -> Run:
    """Run a shell script of a stranger that writes below /out; the id of a holder from which that is read back."""

    def made(script: str) -> str:
        options = {"type": "tmpfs", "device": "tmpfs", "o": "size=64m,nr_inodes=20000,mode=0777"}
        volume = client.volumes.create(driver="local", driver_opts=options, labels=dict(labels))
        mount = {volume.name: {"bind": "/out", "mode": "rw"}}
        shared: dict[str, Any] = {"labels": dict(labels), "volumes": mount, "network_mode": "none"}
        holder = client.containers.run(bed.base, ["sleep", "600"], detach=True, **shared)
        client.containers.run(bed.base, ["sh", "-ec", script], remove=True, **shared)
        return str(holder.id)

    return made


@contextmanager
def unchanged(*folders: Path) -> Iterator[None]:
    """Nothing appears or changes in these folders of this machine."""

    def listing() -> list[tuple[str, int, int]]:
        found = [path.lstat() for folder in folders for path in sorted(folder.rglob("*"))]
        return [(str(item.st_ino), item.st_size, item.st_mtime_ns) for item in found]

    before = listing()
    yield
    assert listing() == before


def test_a_file_comes_back_as_it_was_written(client: docker.DockerClient, run: Run, tmp_path: Path) -> None:
    holder = run("python3 -c \"open('/out/model.bin', 'wb').write(bytes(range(256)) * 100_000)\"")
    content = bytes(range(256)) * 100_000
    expected = hashlib.sha256(content).hexdigest()
    hashed = hash_file(*client.api.get_archive(holder, "/out/model.bin"), "model.bin", most_bytes=64 * MIB)
    assert (hashed.size, hashed.sha256) == (len(content), expected)
    chunks, stat = client.api.get_archive(holder, "/out/model.bin")
    stored = store_file(chunks, stat, "model.bin", tmp_path / "ours", most_bytes=64 * MIB)
    assert stored == hashed
    assert (tmp_path / "ours").read_bytes() == content


def test_names_that_need_more_than_a_plain_header_come_back(client: docker.DockerClient, run: Run) -> None:
    for name in ("x" * 200, "modèle 重み.bin"):
        holder = run(f"printf 12345 > '/out/{name}'")
        assert hash_file(*client.api.get_archive(holder, f"/out/{name}"), name, most_bytes=5).size == 5


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("ln -s /etc/shadow /out/model.bin", "a symbolic link to '/etc/shadow'"),
        ("ln -s nowhere /out/model.bin", "a symbolic link"),
        ("mkdir /out/model.bin", "a folder"),
        ("mkfifo /out/model.bin", "a pipe"),
        ("mknod /out/model.bin b 8 0", "a device"),
        ("mknod /out/model.bin c 1 5", "a device"),
        ("python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('/out/model.bin')\"", "a socket"),
    ],
)
def test_what_is_no_file_is_refused(
    script: str, says: str, client: docker.DockerClient, run: Run, tmp_path: Path
) -> None:
    holder = run(script)
    chunks, stat = client.api.get_archive(holder, "/out/model.bin")
    with unchanged(tmp_path), pytest.raises(NotARegularFile, match=says):
        store_file(chunks, stat, "model.bin", tmp_path / "ours", most_bytes=MIB)


def test_a_tebibyte_that_takes_no_room_is_refused_unread_and_the_engine_stops_sending(
    client: docker.DockerClient, run: Run, tmp_path: Path
) -> None:
    holder = run("truncate -s 1T /out/model.bin")
    chunks, stat = client.api.get_archive(holder, "/out/model.bin")
    with unchanged(tmp_path), pytest.raises(TooLarge, match=f"{1 << 40} bytes, at most {MIB} are read"):
        store_file(chunks, stat, "model.bin", tmp_path / "ours", most_bytes=MIB)
    assert list(chunks) == []
    assert client.containers.get(holder).status == "running"


def test_the_event_files_come_back(client: docker.DockerClient, run: Run, tmp_path: Path) -> None:
    holder = run("mkdir /out/stream; for n in 3 1 2; do echo [$n] > /out/stream/$n-9.jsonl; done")
    chunks, _ = client.api.get_archive(holder, "/out/stream")
    found = read_folder(chunks, "stream", tmp_path, accept=is_stream, most_bytes=MIB, most_files=10)
    assert [(path.name, path.read_text()) for path in sorted(found)] == [
        ("1-9.jsonl", "[1]\n"),
        ("2-9.jsonl", "[2]\n"),
        ("3-9.jsonl", "[3]\n"),
    ]


@pytest.mark.parametrize(
    ("script", "refused"),
    [
        ("ln -s /etc/shadow /out/stream/1.jsonl", NotARegularFile),
        ("echo x > /out/stream/1.jsonl; ln /out/stream/1.jsonl /out/stream/2.jsonl", NotARegularFile),
        ("mkfifo /out/stream/1.jsonl", NotARegularFile),
        ("mkdir /out/stream/1.jsonl", NotARegularFile),
        ("mkdir /out/stream/sub; echo x > /out/stream/sub/1.jsonl", NameRefused),
        ("echo x > \"/out/stream/$(printf 'a\\nb').jsonl\"", NameRefused),
        ("echo x > /out/stream/.hidden.jsonl", NameRefused),
        ("echo x > /out/stream/run.sh", NameRefused),
        ("truncate -s 1T /out/stream/1.jsonl", TooLarge),
        ("for n in $(seq 30); do : > /out/stream/$n.jsonl; done", TooManyFiles),
        ("rmdir /out/stream; ln -s / /out/stream", NotAFolder),
        ("rmdir /out/stream; echo x > /out/stream", NotAFolder),
    ],
)
def test_a_folder_that_was_tampered_with_is_refused(
    script: str, refused: type[ArchiveRefused], client: docker.DockerClient, run: Run, tmp_path: Path
) -> None:
    holder = run(f"mkdir /out/stream; {script}")
    (tmp_path / "to").mkdir()
    outside = Path("/etc/passwd").read_bytes()
    chunks, _ = client.api.get_archive(holder, "/out/stream")
    with pytest.raises(refused):
        read_folder(chunks, "stream", tmp_path / "to", accept=is_stream, most_bytes=MIB, most_files=20)
    assert [path.name for path in tmp_path.iterdir()] == ["to"]
    assert all(path.is_file() and not path.is_symlink() for path in (tmp_path / "to").iterdir())
    assert Path("/etc/passwd").read_bytes() == outside


def is_stream(name: str) -> bool:
    return name.endswith(".jsonl")
