"""Content keys: what makes two runs the same run.

What a run reads is known only afterwards, so a key has two halves (as compiler caches do it): the `parts` known before
the run find earlier records that could stand in; the files and folder listings such a record read are then hashed
again, and only if all are unchanged is it the same run.
"""

from collections.abc import Callable, Mapping

from experiment.record import FileDigest, KeyParts, RunRecord, Status
from experiment.value import digest


def parts_digest(parts: KeyParts) -> str:
    """SHA-256 (hex) of what is known before the run."""
    return digest(parts.model_dump(mode="json"))


def content_key(parts: KeyParts, reads: Mapping[str, str | None], listed: Mapping[str, str]) -> str:
    """SHA-256 (hex) of what decides a run: parts, path -> SHA-256 of files read, folder -> digest of its listing."""
    return digest({"parts": parts.model_dump(mode="json"), "reads": dict(reads), "listed": dict(listed)})


def configuration_key(record: RunRecord) -> str:
    """SHA-256 (hex) of all that decides a run but its seed: two runs of one configuration differ by seed noise alone.

    Runs of one configuration that read different files, since a seed chose them, have different keys and are not
    pooled: to miss a run is harmless.
    """
    return content_key(record.parts.model_copy(update={"seed": 0}), reads_of(record), record.listed)


def reads_of(record: RunRecord) -> dict[str, str | None]:
    """Path -> SHA-256 of every file the run read."""
    files: dict[str, FileDigest] = {**record.source, **record.data}
    return {path: file.sha256 for path, file in files.items()}


def can_stand_in(
    record: RunRecord, sha256_of: Callable[[str], str | None], listing_of: Callable[[str], str | None]
) -> bool:
    """Whether an earlier record of the same parts is still the same run.

    `sha256_of(path)` and `listing_of(folder)` give today's digests, None where there is nothing to read. A file that
    could not be hashed after the earlier run never matches: its content is not known.
    """
    return (
        record.outcome.status is Status.OK
        and all(sha256 is not None and sha256_of(path) == sha256 for path, sha256 in reads_of(record).items())
        and all(listing_of(folder) == names for folder, names in record.listed.items())
    )
