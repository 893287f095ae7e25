"""The environment variables that put the recorder into a training process, and nothing else does."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

RECORDER = Path(__file__).parent / "recorder"
"""The folder a process needs on PYTHONPATH; may be mounted read-only."""


def variables(
    stream: Path, root: Path, seed: int, determinism: str, base: Mapping[str, str], *, recorder: Path = RECORDER
) -> dict[str, str]:
    """What to add to `base`, the environment the run gets anyway.

    `stream` is an existing folder the run may write to, `root` the folder of its copy of the source tree, both and
    `recorder` as the process sees them. Seeds and switches the user sets in `base` are left as they are.
    """
    asked = {"stream": str(stream.absolute()), "root": str(root.absolute()), "seed": seed, "determinism": determinism}
    path = [str(recorder.absolute()), *filter(None, [base.get("PYTHONPATH")])]
    added = {
        "PYTHONPATH": os.pathsep.join(path),
        "ML_EXPERIMENT_RECORDER": json.dumps(asked),
        "ML_EXPERIMENT_LINEAGE": "",
    }
    wanted = {} if determinism == "off" else {"PYTHONHASHSEED": str(seed)}
    if determinism == "strict":
        wanted["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    return added | {name: value for name, value in wanted.items() if name not in base}
