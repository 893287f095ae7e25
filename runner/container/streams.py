"""Output of the engine that comes piece by piece, closed when it is no longer wanted."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def closing(stream: Any) -> Iterator[Iterator[bytes]]:
    """What docker-py's `attach`, `exec_start` and `logs` give with stream=True; its connection is closed at the end."""
    try:
        yield stream
    finally:
        stream.close()
        # docker-py shuts the connection, and leaves the file over it open until it is collected
        stream._response.close()
