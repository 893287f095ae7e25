"""Declared data in the engine: a read-only volume for each content, checked against its digest at every use."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runner.container import data_mark, objects, packing, paths
from runner.container.archive import hash_file
from runner.container.archive_refusals import ArchiveRefused
from runner.container.engine import EngineFailed
from runner.container.lease import Lease
from runner.data import DataMismatch
from runner.sandbox import Volume

if TYPE_CHECKING:
    from docker import APIClient

_PATIENCE_S = 24 * 3600.0
_KEPT_S = 30 * 24 * 3600.0  # for whom the mark cannot be seen
_LARGE = 256 * 1024 * 1024  # copying this much takes long enough to say so


@dataclass(frozen=True)
class DataVolumes:
    """Makes volumes of files. `marks`: a folder here that says which volumes are complete, and since when unused."""

    api: "APIClient"
    image: str  # any image of the engine: nothing of it is ever run here
    lease: Lease
    marks: Path
    say: Callable[[str], None]

    def volume(self, file: Path, sha256: str) -> tuple[Volume, PurePosixPath]:
        """The volume that holds the content of `file`, and where a container that mounts it finds the file.

        Raises DataMismatch where the file is not (any more) the one of the digest; EngineFailed.
        """
        name = f"ml-experiment-data-{sha256}"
        volume = Volume(name, str(paths.DATA / sha256[:16]))
        place = PurePosixPath(volume.target) / f"data{_suffix(file)}"
        with _alone(self.marks / f"{sha256}.lock"):
            if not self._holds(volume, place, sha256):
                self._fill(volume, place, file, sha256)
            os.utime(self.marks / sha256)
        return volume, place

    def _holds(self, volume: Volume, place: PurePosixPath, sha256: str) -> bool:
        """Whether the volume is there and its file is the one it should be; one that is not is removed."""
        import docker.errors

        try:
            self.api.inspect_volume(volume.name)
        except docker.errors.NotFound:
            return False
        if not (self.marks / sha256).exists():
            (self.marks / sha256).touch()  # of another cache folder: what counts is that it holds what it should
        with objects.unstarted(self.api, self.image, {volume.name: volume.target}, self._labels()) as reader:
            try:
                chunks, stat = self.api.get_archive(reader, str(place))
                if hash_file(chunks, stat, str(place), most_bytes=1 << 62).sha256 == sha256:
                    return True
            except docker.errors.NotFound:
                pass  # another suffix, or never filled
            except ArchiveRefused as refused:
                self.say(f"{volume.name}: {refused}")
        try:
            objects.remove_volume(self.api, volume.name)
        except docker.errors.APIError as error:
            raise EngineFailed(
                f"volume {volume.name} does not hold what its name says, and is in use: {error.explanation}\n"
                "  end the containers that use it (docker ps), then run the same command again"
            ) from None
        return False

    def _fill(self, volume: Volume, place: PurePosixPath, file: Path, sha256: str) -> None:
        size = file.stat().st_size
        if size > _LARGE:
            self.say(f"copying {file.name} ({size / 2**30:.1f} GiB) into the engine")
        mark = self.marks / sha256
        data_mark.begin(mark)
        labels = self.lease.owner(time.time() + _KEPT_S).data_labels(sha256, mark)
        self.api.create_volume(volume.name, driver="local", labels=labels)
        digest = hashlib.sha256()
        try:
            with (
                file.open("rb") as source,
                objects.unstarted(self.api, self.image, {volume.name: volume.target}, self._labels()) as filler,
            ):
                objects.put(self.api, filler, volume.target, packing.file_in(place.name, source, size, digest.update))
            if digest.hexdigest() != sha256:
                raise DataMismatch(
                    f"{file}: changed since it was checked\n  expected sha256 {sha256}\n"
                    f"  found    sha256 {digest.hexdigest()}\n  let nothing write to it, and run again\nnothing was run"
                )
        except BaseException:
            objects.remove_volume(self.api, volume.name)
            data_mark.forget(mark)
            raise
        data_mark.complete(mark)

    def _labels(self) -> dict[str, str]:
        """Of the containers that are made for a moment, to fill a volume or to look into it."""
        return self.lease.owner(time.time() + _PATIENCE_S).labels("data")


def _suffix(file: Path) -> str:
    """The file's endings, since readers look at them: `.csv.gz`."""
    return "".join(s for s in file.suffixes[-2:] if s[1:].isalnum() and s.isascii() and len(s) < 12)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
