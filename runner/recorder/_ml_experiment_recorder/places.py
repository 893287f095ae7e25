"""Where in the user's code a call comes from, and what the code calls its result."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any

from .settings import RECORDER_FOLDER, START_FOLDER, Settings

_STORES = ("STORE_NAME", "STORE_FAST", "STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR")
_FUSED = ("STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST", "STORE_FAST_MAYBE_NULL")


class Places:
    """Answers about frames; every answer is worked out once per place."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._users: dict[str, str | None] = {}
        self._names: dict[tuple[CodeType, int], str | None] = {}
        self._sites: dict[str, list[tuple[str, int, int]]] = {}
        self._counts: dict[tuple[str, str, int, int], int] = {}

    def user_file(self, frame: FrameType | None) -> str | None:
        """The user's file a frame runs, relative to the source tree; None for library code."""
        if frame is None:
            return None
        name = frame.f_code.co_filename
        try:
            return self._users[name]
        except KeyError:
            found = self._users[name] = self._relative(name)
            return found

    def _relative(self, name: str) -> str | None:
        if name in ("<string>", "<stdin>") or "ipykernel" in name or name.startswith("<ipython"):
            return name
        below = self._settings.below_root(os.path.normpath(os.path.join(START_FOLDER, name)))
        if below is None or "site-packages/" in below or "dist-packages/" in below:
            return None
        return None if name.startswith("<") else below

    def near_user(self, frame: FrameType | None, library_frames: int) -> str | None:
        """`train.py:12` of the nearest user frame at most so many library frames up; our own frames do not count."""
        while frame is not None and library_frames >= 0:
            file = self.user_file(frame)
            if file is not None:
                return f"{file}:{frame.f_lineno}"
            if not frame.f_code.co_filename.startswith(RECORDER_FOLDER):
                library_frames -= 1
            frame = frame.f_back
        return None

    def curve_point(self, frame: FrameType, base: str) -> tuple[str, int]:
        """Metric name and step (from 1) for a call at `frame`: the same place again is the next step of its curve.

        A second place that gives the same `base` is named `base/2`.
        """
        code = frame.f_code
        site = (code.co_filename, code.co_firstlineno, frame.f_lasti)
        sites = self._sites.setdefault(base, [])
        if site not in sites:
            sites.append(site)
        number = sites.index(site) + 1
        step = self._counts[(base, *site)] = self._counts.get((base, *site), 0) + 1
        return (base if number == 1 else f"{base}/{number}"), step

    def assigned_name(self, frame: FrameType) -> str | None:
        """The variable, attribute or key the value of the call now running in `frame` is assigned to, if it is."""
        key = (frame.f_code, frame.f_lasti)
        if key not in self._names:
            self._names[key] = next_store(frame.f_code, frame.f_lasti)
        return self._names[key]

    def __call__(self, depth: int = 1) -> FrameType:
        """The frame `depth` levels above the function that asks."""
        return sys._getframe(depth + 1)


def next_store(code: CodeType, last: int) -> str | None:
    """What the result of the call at byte `last` is stored in by the very next instructions, if by those."""
    import dis

    after = [i for i in dis.get_instructions(code) if i.offset > last and i.opname != "CACHE"][:4]
    if not after:
        return None
    first: Any = after[0]
    if first.opname in _STORES:
        return str(first.argval)
    if first.opname in _FUSED:
        return str(first.argval[0])
    if len(after) > 1 and first.opname.startswith("LOAD_") and after[1].opname == "STORE_ATTR":
        return str(after[1].argval)
    subscript = len(after) > 2 and after[2].opname == "STORE_SUBSCR" and after[1].opname == "LOAD_CONST"
    if subscript and first.opname.startswith("LOAD_") and isinstance(after[1].argval, str):
        return str(after[1].argval)
    return None
