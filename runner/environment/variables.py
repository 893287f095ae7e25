"""Which environment variables a run gets, and which of them are recorded: both by allow-list, never all."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.environment.refusals import ForbiddenVariable

HIDDEN = "(not recorded: looks like a secret)"

_ARITHMETIC = re.compile(
    r"(?:OMP|GOMP|KMP|OPENBLAS|GOTO|MKL|BLIS|VECLIB|NUMEXPR|NUMBA|CUDA|CUBLAS|CUDNN|NCCL|XLA|JAX|ONEDNN|DNNL|NPY)_\w+"
    r"|TF_(?:\w*DETERMIN\w*|\w*ONEDNN\w*|\w*XLA\w*|CUDNN_\w+|GPU_\w+|NUM_\w+_THREADS|\w*TF32\w*|USE_LEGACY_KERAS)"
    r"|NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|PYTORCH_\w*CONF|KERAS_BACKEND|GLIBC_TUNABLES|LD_LIBRARY_PATH"
)
"""Variables that change what is computed, or with how many threads: inherited, and recorded.

Of TF_* only some: the same prefix belongs to Terraform, whose TF_VAR_* hold secrets.
"""

_ORDINARY = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|MPLBACKEND"
    r"|XDG_(?:CACHE|CONFIG|DATA)_HOME|(?:HF|TORCH|KERAS)_HOME|HF_HUB_CACHE|HF_DATASETS_CACHE|TFDS_DATA_DIR"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|(?:HTTP|HTTPS|ALL|NO|http|https|all|no)_(?:PROXY|proxy)"
)
"""Variables a program needs to find its files and the network: inherited, not recorded."""

_CI = re.compile(r"(?:GITHUB|ACTIONS|INPUT|RUNNER)_.*|RAY_AUTH_.*", re.IGNORECASE)
_SECRET = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|AUTH", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")

_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "RAYON_NUM_THREADS"),
    *("POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT"),
)

_OF_THIS_MACHINE = {"LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH", "CUDA_CACHE_PATH"}
_OF_EVERY_RUN = {
    "PYTHONUNBUFFERED": "1",  # lines appear, and are timed, as they are printed
    # A run made again is nobody's use of a library, and counters read files and call hosts that are not the training's.
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def for_run(python: Path, inherited: Mapping[str, str], named: Sequence[str], cpus: int | None) -> dict[str, str]:
    """The complete environment of a run with the venv's `python`.

    `named`: the experiment file's own list. `cpus`: processors declared for one run, which sets thread counts (their
    number changes sums, hence bits); what is named wins over it. Raises ForbiddenVariable.
    """
    _check(named)
    handed_on = {
        name: value
        for name, value in inherited.items()
        if name in named or _ORDINARY.fullmatch(name) or _ARITHMETIC.fullmatch(name)
    }
    return {
        **_OF_EVERY_RUN,
        **handed_on,
        **_threads(inherited, named, cpus),
        "PATH": _path(python.parent, inherited),
        "VIRTUAL_ENV": str(python.parent.parent),
    }


def for_container(inherited: Mapping[str, str], named: Sequence[str], cpus: int | None) -> dict[str, str]:
    """What a container gets on top of its image's own variables: what is named, and what changes arithmetic.

    Nothing that names places or devices of this machine: those of the container are others. Raises ForbiddenVariable.
    """
    _check(named)
    handed_on = {
        name: value
        for name, value in inherited.items()
        if name in named or (_ARITHMETIC.fullmatch(name) and name not in _OF_THIS_MACHINE)
    }
    return {**_OF_EVERY_RUN, **handed_on, **_threads(inherited, named, cpus), "LANG": "C.UTF-8"}


def sent_to_nodes(inherited: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """What a node of a cluster is told of this machine's variables: what is named, and what changes arithmetic.

    Raises ForbiddenVariable.
    """
    _check(named)
    return {
        name: value
        for name, value in inherited.items()
        if name in named or (_ARITHMETIC.fullmatch(name) and name not in _OF_THIS_MACHINE)
    }


def on_node(own: Mapping[str, str], sent: Mapping[str, str]) -> dict[str, str]:
    """A node's own variables, with those it was sent in place of all that change arithmetic.

    Ray sets some of them for its workers: thread counts, and the GPUs they see, which a run's share says again.
    """
    kept = {
        name: value
        for name, value in own.items()
        if name != "CUDA_VISIBLE_DEVICES" and (name in _OF_THIS_MACHINE or not _ARITHMETIC.fullmatch(name))
    }
    return {**kept, **sent}


def _check(named: Sequence[str]) -> None:
    for name in named:
        if _CI.fullmatch(name):
            raise ForbiddenVariable(
                f"environment.variables: {name} is not handed to a run: such variables hold tokens, of the CI machine "
                "or of a cluster\n"
                "  give the run a variable of its own, with only the rights it needs\nnothing was run"
            )


def _threads(inherited: Mapping[str, str], named: Sequence[str], cpus: int | None) -> dict[str, str]:
    kept = set(named) & inherited.keys()
    return {} if cpus is None else {name: str(cpus) for name in _THREADS if name not in kept}


def recorded(variables: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """Those of a run's variables that belong into its record. What is named like a secret is hidden."""
    wanted = {name for name in variables if _ARITHMETIC.fullmatch(name) or name in _THREADS or name in named}
    return {name: HIDDEN if _SECRET.search(name) else _USERINFO.sub("…@", variables[name]) for name in sorted(wanted)}


def _path(first: Path, inherited: Mapping[str, str]) -> str:
    """The search path: the venv's programs, then the machine's; not those of ml-experiment or of an active venv."""
    others = {Path(inherited["VIRTUAL_ENV"]) / first.name} if inherited.get("VIRTUAL_ENV") else set()
    if sys.prefix != sys.base_prefix:
        others.add(Path(sys.prefix) / first.name)
    inherited_path = inherited.get("PATH") or os.defpath
    kept = [entry for entry in inherited_path.split(os.pathsep) if entry and Path(entry) not in others]
    return os.pathsep.join([str(first), *kept])
