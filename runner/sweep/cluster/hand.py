"""What Ray starts on a node: it says what is installed there, and passes what it is told to the office behind it.

Sent to the node by value, so that it can answer where ml-experiment is missing or another; it imports nothing of ours
before it is asked to open the office.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import socket
import threading
import traceback
from pathlib import Path
from typing import Any

LONGEST_S = 5.0  # that an answer is waited for before the question is asked again
_PACKAGES = ("experiment", "runner")


def about() -> dict[str, str]:
    """What has to be equal on both sides, and how this one is called."""
    import ray

    return {
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "Ray": ray.__version__,
        "ml-experiment": _ours(),
    }


def _ours() -> str:
    """Our version and a digest of our code, since a version under work has many; "none" where it is not installed."""
    try:
        version = importlib.metadata.version("ml-experiment")
        found = hashlib.sha256()
        for package in _PACKAGES:
            spec = importlib.util.find_spec(package)
            assert spec is not None
            assert spec.origin is not None
            folder = Path(spec.origin).parent
            for file in sorted(folder.rglob("*.py")):
                found.update(f"{package}/{file.relative_to(folder)}\0".encode() + file.read_bytes())
    except (importlib.metadata.PackageNotFoundError, AssertionError, OSError):
        return "none"
    return f"{version} ({found.hexdigest()[:12]})"


class Hand:
    """Lives as long as the sweep, in a process of its own. Several methods are called side by side.

    What goes out is (kind, value): "heard" what a run tells while it goes on, "made" its result, and "failed" (name of
    the error's class, its exit code, its text) where it could not be made.
    """

    def __init__(self) -> None:
        self._office: Any = None
        self._out: list[tuple[str, Any]] = []
        self._said: list[str] = []
        self._news = threading.Condition()
        self._ends: dict[int, threading.Event] = {}

    def about(self) -> dict[str, str]:
        """What is installed here."""
        return about()

    def missing(self, opener: str, assignment: bytes) -> Any:
        """Build the office (`opener`: `module:function`); what it still needs, by digest."""
        return self._answer(lambda: self._found(opener, assignment).missing())

    def _found(self, opener: str, assignment: bytes) -> Any:
        if self._office is None:
            module, _, name = opener.partition(":")
            self._office = getattr(importlib.import_module(module), name)(assignment, self._said.append)
        return self._office

    def fill(self, parcel: int, content: bytes, last: bool) -> Any:
        """Take the next part of a parcel of content."""
        return self._answer(lambda: self._office.fill(parcel, content, last))

    def open(self) -> Any:
        """Make the office ready; what its runs are made in."""
        return self._answer(self._office.open)

    def said(self) -> list[str]:
        """Lines since the last call about what takes long."""
        found, self._said[:] = list(self._said), []
        return found

    def work(self, number: int, errand: bytes | None) -> list[tuple[str, Any]]:
        """Begin run `number`, if one is given, and wait for what comes of it."""
        if errand is not None:
            threading.Thread(target=self._make, args=(errand, self._end(number)), daemon=True).start()
        with self._news:
            self._news.wait_for(lambda: self._out, LONGEST_S)
            found, self._out = self._out, []
            return found

    def stop(self, number: int) -> None:
        """End run `number`, whether or not it has begun."""
        self._end(number).set()

    def close(self) -> None:
        """Leave nothing here."""
        for event in list(self._ends.values()):
            event.set()
        if self._office is not None:
            self._office.close()

    def _end(self, number: int) -> threading.Event:
        return self._ends.setdefault(number, threading.Event())

    def _make(self, errand: bytes, ended: threading.Event) -> None:
        kind, found = self._answer(lambda: self._office.make(errand, lambda heard: self._put("heard", heard), ended))
        self._put("made" if kind == "ok" else kind, found)

    def _put(self, kind: str, value: Any) -> None:
        with self._news:
            self._out.append((kind, value))
            self._news.notify_all()

    def _answer(self, ask: Any) -> tuple[str, Any]:
        try:
            return "ok", ask()
        except Exception as error:
            code = getattr(error, "exit_code", None)
            text = str(error) if code is not None else "".join(traceback.format_exception(error)[-3:])
            return "failed", (type(error).__name__, code, text)
