"""Keeps the recorder's own failures out of the training: each is told to the runner once, then passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .stream import Stream

_told: set[tuple[str, str]] = set()


def failed(stream: Stream, what: str, error: BaseException) -> None:
    """Say once per kind of failure that `what` was not captured."""
    key = (what, type(error).__name__)
    if key not in _told and len(_told) < 100:
        _told.add(key)
        stream.write("failed", what, f"{type(error).__name__}: {error}"[:500])


def guarded(stream: Stream, what: str, function: Callable[..., None], *args: Any) -> None:
    """Call `function`; an exception becomes a line in the stream."""
    try:
        function(*args)
    except Exception as error:
        failed(stream, what, error)
