"""Figures as files on branches of the same repository, which its members can see and nobody has to host."""

import contextlib
from collections.abc import Mapping, Sequence

from action.forge.forge import Forge
from action.forge.refusals import Conflict, ForgeFailed
from action.forge.values import TreeEntry
from action.publish import Place

PREFIX = "ml-experiment-data-"
MOST_BYTES = 25 * 1024 * 1024
MOST_FILES = 300
_TRIES = 8
_README = b"""Figures of ml-experiment's reports. This branch has no history in common with the code. When it is full
the next one begins, and the one before it is deleted. Deleting it costs nothing but the pictures in earlier comments.
"""


class BranchUnsettled(ForgeFailed):
    """Others kept moving the branch for as long as we tried."""

    def __init__(self) -> None:
        super().__init__(
            f"branch {PREFIX}*", f"it was moved by others {_TRIES} times in a row", "run the job again for the figures"
        )


def folder_of(place: Place) -> str:
    """Where the figures of a report lie; the run's number makes it new each time."""
    about = f"pull-{place.pull}" if place.pull is not None else place.sha[:12]
    return f"{place.experiment}/{place.age.run:019d}.{place.age.attempt}/{about}"


def address(server_url: str, repository: str, branch: str, path: str) -> str:
    """A link that shows the file to whoever may see the repository."""
    return f"{server_url}/{repository}/blob/{branch}/{path}?raw=true"


def upload(forge: Forge, files: Mapping[str, bytes], title: str) -> str:
    """One commit with these files; the branch it is on.

    A branch only ever moves forward, so that of two reports at once none loses its files. A commit that takes files
    away would leave them in the history, which every clone fetches; so a full branch is followed by a new one, and only
    the one before is kept. Raises ForgeFailed; MayNot where the token may not write contents.
    """
    added = [TreeEntry(path=path, mode="100644", type="blob", sha="", size=len(data)) for path, data in files.items()]
    blobs: dict[str, str] = {}
    for _ in range(_TRIES):
        branches = {_number(name): commit for name, commit in forge.files.refs(PREFIX).items() if _number(name)}
        number = max(branches, default=1)
        tip = branches.get(number)
        there = forge.files.entries(tip) if tip else []
        if is_full(there, added):
            number, tip, there = number + 1, None, []
        for path, data in {"README.md": _README, **files}.items():
            if path not in blobs:
                blobs[path] = forge.files.add_blob(data)
        kept = [(entry.path, entry.sha) for entry in there if entry.path not in blobs]
        commit = forge.files.add_commit(forge.files.add_tree([*kept, *blobs.items()]), [tip] if tip else [], title)
        branch = f"{PREFIX}{number}"
        try:
            if tip is None:
                forge.files.create_ref(branch, commit)
            else:
                forge.files.move_ref(branch, commit)
        except Conflict:
            continue
        with contextlib.suppress(ForgeFailed):  # the figures are there; the next report tries it again
            for old in branches:
                if old < number - 1:
                    forge.files.delete_ref(f"{PREFIX}{old}")
        return branch
    raise BranchUnsettled


def is_full(
    there: Sequence[TreeEntry], added: Sequence[TreeEntry], most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
) -> bool:
    """Whether a branch that holds `there` has no room for `added`; one that is empty has room for anything."""
    return bool(there) and (
        len(there) + len(added) > most_files or sum(entry.size for entry in (*there, *added)) > most_bytes
    )


def _number(branch: str) -> int:
    """Which of the branches it is, from 1; 0 where it is none of ours."""
    rest = branch.removeprefix(PREFIX)
    return int(rest) if rest.isdecimal() and rest.isascii() and len(rest) < 10 else 0
