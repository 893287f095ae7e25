"""What the runner asks of the recorder, and the process-wide stream everything is written to."""

from __future__ import annotations

import json
import os

from .stream import Stream

RECORDER_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_FOLDER = os.getcwd()  # code objects of a script keep the relative name it was started by


class Settings:
    """Parsed ML_EXPERIMENT_RECORDER. `determinism` is strict, seeds or off; `root` the source tree's folder."""

    def __init__(self, text: str) -> None:
        given = json.loads(text)
        self.stream = Stream(str(given["stream"]))
        self.root: str = os.path.join(str(given["root"]), "")
        self.real_root: str = os.path.join(os.path.realpath(self.root), "")
        self.seed = int(given["seed"])
        self.determinism = str(given["determinism"])

    def below_root(self, path: str) -> str | None:
        """`path` (absolute) relative to the source tree, or None."""
        for root in (self.root, self.real_root):
            if path.startswith(root):
                return path[len(root) :]
        return None
