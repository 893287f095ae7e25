"""Sorts the files a run used into code, data and what it wrote itself."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runner.capture_stream import Event, printable

MAX_PATHS = 200_000
_CODE = {".py", ".pyx", ".pxd", ".pyi", ".ipynb", ".so", ".sh", ".r", ".jl"}
_MACHINE = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/fonts/", "/usr/share/zoneinfo/", "/usr/share/locale/")
# git's own files say which commit this is, which the record says already
_MACHINE_PARTS = (".git", "site-packages", "dist-packages", "__pycache__", ".fonts", "fontconfig")


class FileCollector:
    """Feed it file events of all processes, then ask; `root` is the source tree as the processes saw it.

    `sealed`: what lies outside the tree is part of an image and left out.
    """

    def __init__(self, root: Path, stream: Path, *, sealed: bool = False) -> None:
        self._sealed = sealed
        self._roots = _folders(root)
        self._ours = _folders(stream)
        self._prefixes: set[str] = set()
        self._first: dict[str, dict[str, float]] = {kind: {} for kind in ("read", "write", "list", "mkdir")}
        self.dropped = 0

    def python_at(self, prefix: str) -> None:
        """Leave out what lies below the folder of the Python installation or venv."""
        below = prefix.rstrip("/") + "/"
        if prefix.startswith("/") and not any(root.startswith(below) for root in self._roots):
            self._prefixes.add(below)

    def add(self, event: Event) -> None:
        """A read, write, list or mkdir event."""
        path = _source_of(event.fields[0]) if event.kind == "read" else event.fields[0]
        seen = self._first[event.kind]
        if not path.startswith("/") or "\0" in path or len(path) > 4096:
            return
        if path not in seen and sum(map(len, self._first.values())) >= MAX_PATHS:
            self.dropped += 1
            return
        seen[path] = min(event.time, seen.get(path, event.time))

    def accessed(self, names: Iterable[str]) -> None:
        """Files of the tree (relative to it) that were read, as the file system says; after all events."""
        for name in names:
            path = self._roots[0] + printable(name)
            if not any(root + name in self._first["write"] for root in self._roots):
                self._first["read"].setdefault(_source_of(path), 0.0)

    def source(self) -> tuple[str, ...]:
        """Code of the tree that was read and not made by the run."""
        return self._named(path for path in self._inputs() if self._is_code(path))

    def data(self) -> tuple[str, ...]:
        """Everything else that was there before the run and was read."""
        return self._named(path for path in self._inputs() if not self._is_code(path))

    def listed(self) -> tuple[str, ...]:
        """Folders of the tree ("." for its root) that were listed and not made by the run."""
        made = self._first["mkdir"]
        folders = (path for path, time in self._first["list"].items() if time < made.get(path, float("inf")))
        return self._named(path for path in folders if self._inside(path) is not None and not self._left_out(path))

    def written(self) -> tuple[str, ...]:
        """Files of the tree that were opened for writing or renamed into place."""
        return self._named(p for p in self._first["write"] if self._inside(p) is not None and not self._left_out(p))

    def _inputs(self) -> list[str]:
        written = self._first["write"]
        return [
            path
            for path, time in self._first["read"].items()
            if time <= written.get(path, float("inf")) and not self._left_out(path)
        ]

    def _inside(self, path: str) -> str | None:
        for root in self._roots:
            if path.startswith(root) or path == root[:-1]:
                return path[len(root) :] or "."
        return None

    def _is_code(self, path: str) -> bool:
        return self._inside(path) is not None and PurePosixPath(path).suffix.lower() in _CODE

    def _left_out(self, path: str) -> bool:
        if path.startswith((*self._ours, *self._prefixes)):
            return True
        inside = self._inside(path)
        if inside is None and (self._sealed or path.startswith(_MACHINE)):
            return True
        return any(part in _MACHINE_PARTS for part in PurePosixPath(inside or path).parts)

    def _named(self, paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({self._inside(path) or path for path in paths}))


def _source_of(path: str) -> str:
    """`pkg/__pycache__/model.cpython-311.pyc` and `pkg/model.pyc` -> `pkg/model.py`."""
    pure = PurePosixPath(path)
    if pure.suffix != ".pyc":
        return path
    if pure.parent.name == "__pycache__":
        return str(pure.parent.parent / (pure.name.partition(".")[0] + ".py"))
    return str(pure.with_suffix(".py"))


def _folders(path: Path) -> tuple[str, ...]:
    """The folder as named and as links resolve, both with a final slash."""
    return tuple(dict.fromkeys(f"{str(name).rstrip('/')}/" for name in (path.absolute(), path.resolve())))
