"""Which process of the run this is, as a path of counters that is the same in every run: "", "1", "1/f2".

The first Python process is "". Each started child gets the next number through the environment, each forked one
through a hook; a second process that shows up under a name already taken (two scripts of one shell line) adds "+k".
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any

from .guard import failed
from .stream import Stream

VARIABLE = "ML_EXPERIMENT_LINEAGE"


class Lineage:
    """`path` names this process; it changes in a forked child."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._started = itertools.count(1)
        self._forked = itertools.count(1)
        self._next_fork = 0
        self.path = self._claim(os.environ.get(VARIABLE, ""))
        os.environ[VARIABLE] = self.path

    def install(self) -> None:
        """Watch every way to make a child that Python offers."""
        os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)
        self._wrap_fork_exec()

    def start_child(self) -> str:
        """The next child's path, put into the environment it will inherit."""
        path = f"{self.path}/{next(self._started)}" if self.path else str(next(self._started))
        os.environ[VARIABLE] = path  # always there from the start: only replaced, so native getenv stays safe
        return path

    def child_starts(self, *_args: Any) -> None:
        """For the audit events of calls whose child inherits the environment."""
        self.start_child()

    def _claim(self, wanted: str) -> str:
        path, folder = wanted, f"{self._stream.folder}-claims"  # in it, all is events
        os.makedirs(folder, exist_ok=True)
        for again in itertools.count(1):
            try:
                name = "-" + path.replace("/", "_")[-200:]
                os.close(
                    os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                )
                return path
            except FileExistsError:
                path = f"{wanted}+{again}"
        return path

    def _before_fork(self) -> None:
        self._next_fork = next(self._forked)

    def _after_fork(self) -> None:
        try:
            self.path = f"{self.path}/f{self._next_fork}" if self.path else f"f{self._next_fork}"
            self._started, self._forked = itertools.count(1), itertools.count(1)
            os.environ[VARIABLE] = self.path
        except Exception as error:
            failed(self._stream, "fork", error)

    def _wrap_fork_exec(self) -> None:
        # The one C function below subprocess, multiprocessing's spawn and forkserver, and joblib's loky.
        import _posixsubprocess

        native = _posixsubprocess.fork_exec

        def fork_exec(*args: Any) -> int:
            try:
                path = self.start_child()
                if len(args) > 5 and isinstance(args[5], (list, tuple)):  # an environment of its own, bytes NAME=VALUE
                    head = VARIABLE.encode() + b"="
                    entries = [head + path.encode() if entry.startswith(head) else entry for entry in args[5]]
                    args = (*args[:5], entries, *args[6:])
            except Exception as error:
                failed(self._stream, "child processes", error)
            return native(*args)

        _posixsubprocess.fork_exec = fork_exec
        loaded = sys.modules.get("subprocess")
        for name in ("_fork_exec", "_posixsubprocess"):
            if loaded is not None and getattr(loaded, name, None) is native:
                setattr(loaded, name, fork_exec)
