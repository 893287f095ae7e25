"""Content on a node: files by their SHA-256, kept from sweep to sweep, and the trees that are made of them."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner import source
from runner.sweep.cluster.content import Entry, Manifest
from runner.sweep.cluster.refusals import FileChanged


@dataclass(frozen=True)
class ContentStore:
    """A folder of files named by their digest. They are read only: what differs from its name is fetched again."""

    folder: Path

    def place(self, sha256: str) -> Path:
        """Where content of that digest is, or will be."""
        return self.folder / sha256[:2] / sha256

    def missing(self, manifest: Manifest) -> list[int]:
        """Numbers of the parcels with a file that is not here. OSError passes through."""
        return [
            number
            for number, parcel in enumerate(manifest.parcels)
            if any(source.sha256(self.place(entry.sha256)) != entry.sha256 for entry in parcel)
        ]

    def fill(self, parcel: tuple[Entry, ...], content: Path) -> None:
        """Take the files of a parcel out of the file `content`. Raises FileChanged where one is another."""
        with content.open("rb") as file:
            for entry in parcel:
                self._take(entry, file.read(entry.size) if len(parcel) > 1 else None, content)

    def _take(self, entry: Entry, held: bytes | None, content: Path) -> None:
        found = hashlib.sha256(held).hexdigest() if held is not None else source.sha256(content)
        if found != entry.sha256:
            raise FileChanged(
                f"{entry.path}: changed while the tree was sent to the cluster\n"
                "  let nothing write to the tree, and run the same command again\nnothing was run"
            )
        target = self.place(entry.sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(handle, "wb") as file, contextlib.ExitStack() as stack:
            stack.callback(lambda: Path(name).unlink(missing_ok=True))
            if held is not None:
                file.write(held)
            else:
                with content.open("rb") as whole:
                    shutil.copyfileobj(whole, file)
            file.flush()
            Path(name).chmod(0o444)
            Path(name).replace(target)

    def lay_out(self, manifest: Manifest, root: Path) -> None:
        """The tree at `root`: copies, but for what runs get as links, which leads to the content itself."""
        linked = set(manifest.linked)
        for entry in manifest.entries:
            target = root / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if entry.link is not None:
                target.symlink_to(entry.link)
            elif entry.path in linked:
                target.symlink_to(self.place(entry.sha256))
            else:
                shutil.copyfile(self.place(entry.sha256), target)
                target.chmod(0o755 if entry.executable else 0o644)
