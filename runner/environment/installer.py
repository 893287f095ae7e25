"""Runs uv, which makes venvs and installs into them, and turns what it says into errors a person can act on."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from experiment.errors import InfrastructureFailed
from runner.environment.refusals import HashMismatch, NotInstallable
from runner.process import CommandFailed, CommandMissing, Completed, run

TIMEOUT_S = 2 * 3600.0  # a large framework over a slow line

_HANDED_ON = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "NETRC", "XDG_CACHE_HOME"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_CACHE_DIR", "UV_LINK_MODE", "UV_OFFLINE", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_CONFIG_FILE"),
    *("UV_KEYRING_PROVIDER", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_PYTHON_INSTALL_DIR"),
    *("UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_INSTALLS"),
}
"""What uv may know: where packages come from, never tokens of the CI machine: packages built from source run code."""

_INDEX_CREDENTIALS = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")


class IndexUnreachable(InfrastructureFailed):
    """The package index does not answer, and uv's own cache does not hold everything the lock needs."""


class DiskFull(InfrastructureFailed):
    """No space is left for the environment."""


class NotWritable(InfrastructureFailed):
    """The environment's folder, or uv's cache, may not be written."""


class InstallerFailed(InfrastructureFailed):
    """uv ended badly in a way that has no name yet; its own words are in the message."""


def uv(
    args: Sequence[str],
    inherited: Mapping[str, str],
    *,
    cwd: Path,
    hear: Callable[[str], None] = lambda _line: None,
    hold: Collection[int] = (),
) -> Completed:
    """Run uv with `args` in `cwd`, with the few variables of `inherited` it may know; it downloads no Python.

    `hear` and `hold` as in `runner.process.run`.
    Raises CommandFailed, CommandMissing or CommandTimedOut.
    """
    from uv import find_uv_bin

    try:
        program = find_uv_bin()
    except FileNotFoundError as error:
        raise CommandMissing(f"uv is not installed beside ml-experiment ({error}): pip install uv") from None
    known = {k: v for k, v in inherited.items() if k in _HANDED_ON or _INDEX_CREDENTIALS.fullmatch(k)}
    env = {**known, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    return run([program, *args], env=env, cwd=cwd, timeout=TIMEOUT_S, hear=hear, hold=hold)


def without_wheels(failed: CommandFailed) -> set[str]:
    """The packages uv could not install because they have no wheel for this Python and building was not allowed."""
    return set(
        re.findall(r"Wheels are required for `([^`]+)`", failed.messages)
        + re.findall(r"Package `([^`]+)` can't be installed because it is marked as `--no-build`", failed.messages)
    )


def is_network(failed: CommandFailed) -> bool:
    """Whether uv failed because it could not reach the index."""
    return _matches(
        failed, r"error sending request|dns error|tcp connect error|Could not connect|timed? ?out|Failed to fetch"
    )


def explained(failed: CommandFailed, lock: Path) -> Exception:
    """The error that names what happened when uv installed `lock`."""
    words = _relevant(failed.messages)
    for pattern, error in _SITUATIONS:
        if _matches(failed, pattern):
            return error(lock, words)
    return InstallerFailed(f"{lock}: uv could not build the environment\n{words}\nnothing was run")


def _matches(failed: CommandFailed, pattern: str) -> bool:
    return re.search(pattern, failed.messages, re.IGNORECASE) is not None


def _relevant(messages: str) -> str:
    """What uv said from its first error on, indented; without it, its last lines."""
    lines = [line for line in messages.splitlines() if line.strip()]
    start = next((n for n, line in enumerate(lines) if line.startswith("error:")), max(0, len(lines) - 10))
    return "\n".join(f"  {line}" for line in lines[start : start + 20])


def _hash_mismatch(lock: Path, words: str) -> Exception:
    return HashMismatch(
        f"{lock}: a downloaded file is not the one the lock names\n{words}\n"
        "  either the lock was edited, or the file was exchanged after locking: find out which before locking again\n"
        "nothing was run"
    )


def _disk_full(lock: Path, words: str) -> Exception:
    remedy = "make room, or move the caches with ML_EXPERIMENT_CACHE and UV_CACHE_DIR"
    return DiskFull(f"{lock}: no space left for the environment\n{words}\n  {remedy}\nnothing was run")


def _not_writable(lock: Path, words: str) -> Exception:
    remedy = "the caches may lie elsewhere: ML_EXPERIMENT_CACHE for environments, UV_CACHE_DIR for packages"
    return NotWritable(f"{lock}: no permission to build the environment\n{words}\n  {remedy}\nnothing was run")


def _unreachable(lock: Path, words: str) -> Exception:
    return IndexUnreachable(
        f"{lock}: could not reach the package index, and not every package of this lock is in uv's cache\n{words}\n"
        "  check the network or the proxy; an environment built once is used again without network\n"
        "nothing was run"
    )


def _incomplete(lock: Path, words: str) -> Exception:
    remedy = "the lock leaves out a package that another one needs: lock again, with all dependencies"
    return NotInstallable(f"{lock}: the lock is not complete\n{words}\n  {remedy}\nnothing was run")


def _not_buildable(lock: Path, words: str) -> Exception:
    remedy = "lock versions that have wheels for this Python, or install what the build asks for"
    return NotInstallable(f"{lock}: a package could not be built from source\n{words}\n  {remedy}\nnothing was run")


def _unsatisfiable(lock: Path, words: str) -> Exception:
    remedy = "the versions in the lock do not exist, do not fit together, or have no file for this Python: lock again"
    return NotInstallable(f"{lock}: the lock cannot be installed here\n{words}\n  {remedy}\nnothing was run")


_SITUATIONS: tuple[tuple[str, Callable[[Path, str], Exception]], ...] = (
    (r"hash mismatch", _hash_mismatch),
    (r"no space left on device|os error 28\b|disk quota exceeded", _disk_full),
    (r"permission denied|read-only file system|os error (?:13|30)\b", _not_writable),
    (r"no trusted hash was provided", _incomplete),
    (r"failed to build|build backend", _not_buildable),
    (r"network (?:connectivity )?(?:was|is) disabled|error sending request|dns error|failed to fetch", _unreachable),
    (r"no solution found|no wheel|can't be installed|no matching|incompatible with", _unsatisfiable),
)
"""What uv says -> what it means; the first that fits."""
