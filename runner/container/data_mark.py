"""Whether a data volume is complete, and when it was last used: a file of ours, as labels never change.

A volume is filled under a mark with `.filling` at its end, which loses that when all is there. Each use sets its time.
"""

import os
from pathlib import Path


def begin(mark: Path) -> None:
    """Before the volume is made. OSError passes through."""
    mark.parent.mkdir(parents=True, exist_ok=True)
    _filling(mark).touch()


def complete(mark: Path) -> None:
    """When the volume has all it should. OSError passes through."""
    _filling(mark).rename(mark)
    os.utime(mark)


def forget(mark: Path) -> None:
    """When the volume is gone."""
    mark.unlink(missing_ok=True)
    _filling(mark).unlink(missing_ok=True)


def is_filling(mark: Path) -> bool:
    """Whether somebody began and has not completed it."""
    return _filling(mark).exists()


def unused_s(mark: Path, now: float) -> float | None:
    """Seconds since the volume was last used; None where it is not known to be complete."""
    try:
        return now - mark.stat().st_mtime
    except OSError:
        return None


def _filling(mark: Path) -> Path:
    return mark.with_name(f"{mark.name}.filling")
