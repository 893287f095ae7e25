"""The one audit hook of a process: a dictionary look-up for events nobody here listens to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .guard import failed
from .stream import Stream


def install(stream: Stream, handlers: dict[str, Callable[..., None]]) -> None:
    """Call `handlers[event](*args)`; what one raises would stop the user's call, so it becomes a line in the stream."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is not None:
            try:
                handler(*args)
            except Exception as error:
                failed(stream, f"audit event {event}", error)

    sys.addaudithook(hook)
