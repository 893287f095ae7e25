"""Learns from Python's audit events which files and folders the run opens, lists, makes and renames.

Files opened by native code (HDF5, Arrow, OpenCV) raise no such event and are not seen here.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import Any

from .settings import RECORDER_FOLDER, Settings

_MOST = 200_000  # distinct paths remembered per process
_STDLIB = os.path.dirname(os.__file__)
_SCANNERS = (  # who lists folders of sys.path without the user meaning to
    "<frozen ",
    os.path.join(_STDLIB, "importlib", ""),
    os.path.join(_STDLIB, "pkgutil.py"),
    RECORDER_FOLDER,
)
_SCANNING_PACKAGES = ("/importlib_metadata/", "/pkg_resources/", "/setuptools/")


class Files:
    """One per process; `handlers` are for `audit.hook`, by event."""

    def __init__(self, settings: Settings) -> None:
        self._stream = settings.stream
        self._ignored = (
            "/proc/",
            "/sys/",
            "/dev/",
            os.path.join(_STDLIB, ""),
            os.path.join(settings.stream.folder, ""),
            os.path.join(RECORDER_FOLDER, ""),
        )
        self._seen: set[tuple[str, str]] = set()
        self._folder: str | None = None
        self._full = False
        self.handlers: dict[str, Callable[..., None]] = {
            "open": self._opened,
            "import": self._imported,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "os.chdir": self._moved,
            "os.mkdir": self._made,
            "os.rename": self._renamed,
            "os.link": self._renamed,
            "os.symlink": self._renamed,
            "os.truncate": self._truncated,
            "sqlite3.connect": self._connected,
            "cpython.run_file": self._run,
        }

    def _opened(self, path: Any, _mode: Any, flags: int) -> None:
        if isinstance(path, int):
            return
        access = flags & os.O_ACCMODE
        if access == os.O_RDONLY:
            self._tell("read", path)
        elif access == os.O_WRONLY or flags & (os.O_TRUNC | os.O_EXCL):
            self._tell("write", path)
        else:
            self._tell("read", path)
            self._tell("write", path)

    def _imported(self, _name: Any, file: Any, *_rest: Any) -> None:
        if file is not None:  # only extension modules: all others are opened like any file
            self._tell("read", file)

    def _run(self, file: Any) -> None:
        if file is not None:
            self._tell("read", file)

    def _connected(self, database: Any, *_rest: Any) -> None:
        if isinstance(database, (str, bytes)) and not os.fsdecode(database).startswith((":memory:", "file:")):
            self._tell("read", database)
            self._tell("write", database)

    def _moved(self, *_args: Any) -> None:
        self._folder = None

    def _made(self, path: Any, *_rest: Any) -> None:
        self._tell("mkdir", path)

    def _renamed(self, _source: Any, target: Any, *_rest: Any) -> None:
        self._tell("write", target)

    def _truncated(self, path: Any, *_rest: Any) -> None:
        if not isinstance(path, int):
            self._tell("write", path)

    def _listed(self, path: Any = None) -> None:
        if isinstance(path, int):
            return
        caller = sys._getframe(2).f_code.co_filename  # 0 is this, 1 audit.hook, 2 the Python code that lists
        if not caller.startswith(_SCANNERS) and not any(package in caller for package in _SCANNING_PACKAGES):
            self._tell("list", "." if path is None else path)

    def _tell(self, kind: str, path: Any) -> None:
        text = os.fsdecode(path)
        if not text.startswith("/"):
            if self._folder is None:
                self._folder = os.getcwd()
            text = os.path.join(self._folder, text)
        key = (kind, text)
        if key in self._seen or text.startswith(self._ignored):
            return
        if "/site-packages/" in text or "/dist-packages/" in text:
            return
        if kind == "read" and not self._is_file(text):
            return  # not there (yet), or nothing whose content could be taken again
        if len(self._seen) >= _MOST:
            if not self._full:
                self._full = True
                self._stream.write("failed", "files opened", f"more than {_MOST} of them; the rest is not recorded")
            return
        self._seen.add(key)
        self._stream.write(kind, os.path.normpath(text))

    @staticmethod
    def _is_file(path: str) -> bool:
        try:
            return stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            return False
