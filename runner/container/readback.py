"""What a run left in its container, fetched: event files, the files that are wanted, and which of the tree it read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import capture
from runner.capture import Captured
from runner.capture_stream import MAX_BYTES, MAX_FILES
from runner.container import packing, paths, streams
from runner.container.archive import read_folder, store_file
from runner.container.archive_refusals import ArchiveRefused, CannotBeFollowed
from runner.runtime import Task

if TYPE_CHECKING:
    from docker import APIClient

_FOLDER = 1 << 31  # of Go's file modes, which the engine tells
_MOST_NAMES = 16 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Fetched:
    """What came back. `root`: folder here with the wanted files; `refused`: why something was not taken."""

    captured: Captured
    root: Path
    untouched: frozenset[str]
    refused: tuple[str, ...]


def fetch(api: "APIClient", holder: str, task: Task, work: Path, most_bytes: int) -> Fetched:
    """Take everything out of the work volume that `holder` keeps; nothing is larger than `most_bytes`.

    Raises CannotStore, and what docker-py raises where the engine does not answer.
    """
    accessed = _accessed(api, holder) & set(task.tree.files)  # first: what we fetch counts as read
    refused: list[str] = []
    stream, root = work / "stream", work / "tree"
    stream.mkdir()
    try:
        chunks, _ = api.get_archive(holder, str(paths.STREAM))
        read_folder(
            chunks, "the recorder's event files", stream, accept=_is_events, most_bytes=MAX_BYTES, most_files=MAX_FILES
        )
    except ArchiveRefused as error:
        refused.append(_reason(error))
    except _not_found():
        refused.append("the recorder's event files: the run removed their folder")
    untouched = set()
    for name in dict.fromkeys((*task.metric_files, *task.artifacts)):
        try:
            stat = _store(api, holder, name, root / name, most_bytes)
        except ArchiveRefused as error:
            refused.append(_reason(error))
            continue
        if name in task.metric_files and stat is not None and _never_written(stat):
            untouched.add(name)
    captured = capture.read(stream, Path(paths.TREE), accessed, inside=Path(paths.STREAM))
    return Fetched(captured, root, frozenset(untouched), tuple(refused))


def _store(api: "APIClient", holder: str, name: str, to: Path, most_bytes: int) -> Mapping[str, Any] | None:
    """Fetch one file of the tree; what the engine says of it, None where there is none, or a folder."""
    try:
        chunks, told = api.get_archive(holder, str(paths.TREE / name))
    except _not_found():
        return None
    except _api_error() as error:
        why = str(getattr(error, "explanation", "") or error)
        if "too many links" in why or "symbolic link" in why:
            raise CannotBeFollowed(name, " ".join(why.split())[:120]) from None
        raise
    stat: Mapping[str, Any] = told
    if stat.get("mode", 0) & _FOLDER:
        chunks.close()
        return None
    to.parent.mkdir(parents=True, exist_ok=True)
    store_file(chunks, stat, name, to, most_bytes=most_bytes)
    return stat


def _never_written(stat: Mapping[str, Any]) -> bool:
    return str(stat.get("mtime", "")).startswith("1970-01-01T00:00:01")


def _accessed(api: "APIClient", holder: str) -> frozenset[str]:
    """Files of the tree that were read by whomever, as the file system says; none where the image has no Python.

    The names are the container's word and may be made up: they are only ever looked up among those of the tree.
    """
    python = 'exec "$(command -v python3 || command -v python)" -I "$@"'
    command = ["/bin/sh", "-c", python, "sh", str(paths.TOUCHED), str(paths.TREE), str(packing.WRITTEN_NEVER)]
    made = api.exec_create(holder, command, stderr=False)["Id"]
    told = bytearray()
    with streams.closing(api.exec_start(made, stream=True)) as pieces:
        for piece in pieces:
            told += piece
            if len(told) > _MOST_NAMES:
                break
    return frozenset(name.decode(errors="surrogateescape") for name in bytes(told).split(b"\0") if name)


def _reason(error: ArchiveRefused) -> str:
    """As an outcome's reason, which is one line."""
    return str(error).split("\n", maxsplit=1)[0]


def _is_events(name: str) -> bool:
    return name.endswith(".jsonl")


def _api_error() -> "type[Exception]":
    from docker.errors import APIError

    return APIError


def _not_found() -> "type[Exception]":
    from docker.errors import NotFound

    return NotFound
