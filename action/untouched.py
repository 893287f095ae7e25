"""Whether a change touches anything that training reads, decided from what the baseline's runs did read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from experiment.environment import EnvironmentRecord
from experiment.snapshot import Snapshot
from experiment.spec import Experiment

_WORDS = (".md", ".rst", ".adoc")
_ASIDE = (".github", "docs")
REASON = "nothing that training reads has changed"


@dataclass(frozen=True)
class Tree:
    """What is checked out, beside the commit the baseline was made at.

    `changes`: (status, path) of every file that differs, paths below the root; M is a changed file, anything else one
    that came or went. `sha256_of` reads a file by such a path; `lock_sha256` is the environment's lock.
    """

    changes: Sequence[tuple[str, str]]
    sha256_of: Callable[[str], str | None]
    lock_sha256: str | None


def untouched(head: Experiment, policy: Experiment, stored: Snapshot, tree: Tree) -> bool:
    """True only if a run could not tell the change from the baseline's commit.

    A file that came or went counts as touched unless it is text for people: a program may import it or list its folder.
    """
    there = stored.configuration
    if head != policy or stored.dirty or not any(run.ok for run in stored.runs):
        return False
    if there.command != head.command or dict(there.params) != dict(head.params):
        return False
    if there.seeding.determinism != head.determinism or not _same_environment(
        head, there.environment, tree.lock_sha256
    ):
        return False
    reads = {**there.source, **there.data}
    if any(found.sha256 is None or tree.sha256_of(path) != found.sha256 for path, found in reads.items()):
        return False
    return all(status == "M" or _for_people(path) for status, path in tree.changes)


def _same_environment(head: Experiment, there: EnvironmentRecord, lock_sha256: str | None) -> bool:
    chosen = head.environment
    if chosen.chosen == "image":
        digest = (chosen.image or "").partition("@")[2]
        return bool(digest) and there.image_digest == digest
    if chosen.chosen == "lock":
        return there.lock_sha256 is not None and lock_sha256 == there.lock_sha256
    return False  # what a Dockerfile gives is known only once it is built


def _for_people(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix.lower() in _WORDS or pure.parts[0] in _ASIDE
