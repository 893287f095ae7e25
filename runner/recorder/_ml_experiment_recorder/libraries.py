"""Which shared libraries do the arithmetic in this process, and with which kernel: asked of themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from .stream import Stream

_OPENMP = {"libgomp": "gomp", "libiomp5": "iomp", "libomp": "omp"}


class Libraries:
    """Tells each library once, and again when more can be said about it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._told: dict[str, Any] = {}

    def look(self) -> None:
        """Ask those that were set up when they were loaded; the others are only named, asking would set them up."""
        self._look(ask_all=())

    def look_closely(self) -> None:
        """Ask all, late enough that the user's code has set what it wants to set."""
        self._look(ask_all=("mkl", "iomp", "omp"))

    def _look(self, ask_all: tuple[str, ...]) -> None:
        for path in _loaded():
            found = _describe(path, ask_all)
            if found is not None:
                self._tell(path, found)
        torch: Any = sys.modules.get("torch")
        if hasattr(torch, "get_num_threads") and ask_all:
            capability = getattr(getattr(torch.backends, "cpu", None), "get_cpu_capability", lambda: None)()
            self._tell("torch", _library("blas", "torch", str(torch.__version__), capability, torch.get_num_threads()))

    def _tell(self, key: str, found: dict[str, Any]) -> None:
        if self._told.get(key) != found:
            self._told[key] = found
            self._stream.write("library", found)


def _loaded() -> list[str]:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            paths = {line.split(None, 5)[5].rstrip("\n") for line in file if "/" in line}
    except OSError:
        return []
    return sorted(path for path in paths if ".so" in os.path.basename(path))


def _library(  # noqa: PLR0917  # the columns of one table
    role: str, name: str, version: str | None, kernel: str | None, threads: int | None, path: str | None = None
) -> dict[str, Any]:
    file = None if path is None else os.path.basename(path)
    return {"role": role, "name": name, "version": version, "kernel": kernel, "threads": threads, "file": file}


def _describe(path: str, ask_all: tuple[str, ...]) -> dict[str, Any] | None:
    base = os.path.basename(path).lower()
    if "openblas" in base:
        return _openblas(path)
    if base.startswith("libmkl_rt") or base.startswith("libmkl_core"):
        return _mkl(path) if "mkl" in ask_all else _library("blas", "mkl", None, None, None, path)
    if base.startswith("libblis"):
        return _blis(path)
    for start, name in _OPENMP.items():
        if base.startswith((start + ".", start + "-")):
            late = name != "gomp" and name not in ask_all
            threads = None if late else _integer(_open(path), "omp_get_max_threads")
            return _library("openmp", name, None, None, threads, path)
    return _cuda(path, base)


def _cuda(path: str, base: str) -> dict[str, Any] | None:
    if base.startswith("libcudart.so"):
        return _library("cuda", "cudart", _cuda_version(path), None, None, path)
    if base.startswith("libcudnn.so"):
        number = _integer(_open(path), "cudnnGetVersion")
        return _library("cudnn", "cudnn", None if number is None else str(number), None, None, path)
    return None


def _open(path: str) -> Any:
    import ctypes

    return ctypes.CDLL(path, mode=getattr(os, "RTLD_NOLOAD", 4) | os.RTLD_NOW)


def _function(library: Any, *names: str) -> Callable[..., Any] | None:
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)


def _integer(library: Any, *names: str) -> int | None:
    function = _function(library, *names)
    return None if function is None else int(function())


def _text(library: Any, *names: str) -> str | None:
    import ctypes

    function = _function(library, *names)
    if function is None:
        return None
    function.restype = ctypes.c_char_p  # type: ignore[attr-defined]
    value = function()
    return value.decode("utf-8", "replace").strip() if value else None


def _openblas(path: str) -> dict[str, Any]:
    library = _open(path)

    def variants(name: str) -> list[str]:  # wheels rename the symbols so that two copies can live in one process
        return [f"{before}{name}{after}" for before in ("", "scipy_") for after in ("", "64_", "_64", "_64_")]

    words = (_text(library, *variants("openblas_get_config")) or "").split()
    version = words[1] if len(words) > 1 and words[0] == "OpenBLAS" else None
    kernel = _text(library, *variants("openblas_get_corename"))
    return _library("blas", "openblas", version, kernel, _integer(library, *variants("openblas_get_num_threads")), path)


def _mkl(path: str) -> dict[str, Any]:
    import ctypes

    library = _open(path)
    version = None
    if hasattr(library, "mkl_get_version_string"):
        buffer = ctypes.create_string_buffer(256)
        library.mkl_get_version_string(buffer, 256)
        version = buffer.value.decode("utf-8", "replace").strip()
    return _library("blas", "mkl", version, None, _integer(library, "MKL_Get_Max_Threads"), path)


def _blis(path: str) -> dict[str, Any]:
    import ctypes

    library, kernel = _open(path), None
    if hasattr(library, "bli_arch_query_id") and hasattr(library, "bli_arch_string"):
        library.bli_arch_string.restype = ctypes.c_char_p
        kernel = library.bli_arch_string(library.bli_arch_query_id()).decode("ascii", "replace")
    threads = _integer(library, "bli_thread_get_num_threads")
    return _library("blas", "blis", _text(library, "bli_info_get_version_str"), kernel, threads, path)


def _cuda_version(path: str) -> str | None:
    import ctypes

    library, number = _open(path), ctypes.c_int(0)
    if not hasattr(library, "cudaRuntimeGetVersion") or library.cudaRuntimeGetVersion(ctypes.byref(number)):
        return None
    return f"{number.value // 1000}.{number.value % 1000 // 10}"
