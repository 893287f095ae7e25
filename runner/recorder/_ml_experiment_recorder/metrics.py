"""Points of curves and logged parameters on their way into the stream."""

from __future__ import annotations

from typing import Any

from .stream import Stream


def scalar(value: Any) -> float | None:
    """A Python, NumPy or framework number as a double; None for anything that is not one number."""
    if isinstance(value, (str, bytes, bool)) or value is None:
        return None
    if not isinstance(value, (int, float)) and getattr(value, "shape", None) != ():
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


class Metrics:
    """`group` keeps apart trainings that log the same names at the same time, such as two MLflow runs."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def point(self, source: str, group: str, name: str, step: int, value: Any) -> None:
        """One point; what is not a number is left out."""
        number = scalar(value)
        if number is not None:
            self._stream.write("metric", source, group, name[:256], step, number)

    def parameter(self, source: str, name: str, value: Any) -> None:
        """One parameter, as text."""
        self._stream.write("param", source, name[:256], str(value)[:500])
