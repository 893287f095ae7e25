"""Figures as files on a branch of the same repository, which its members can see and nobody has to host."""

from collections.abc import Mapping

from action.forge.forge import Forge
from action.forge.refusals import Conflict, ForgeFailed
from action.forge.values import TreeEntry
from action.publish import Place

BRANCH = "ml-experiment-data"
MOST_BYTES = 50 * 1024 * 1024
MOST_FILES = 600
_TRIES = 8
_README = b"""Figures of ml-experiment's reports. This branch has no history in common with the code; older figures are
taken away as new ones come. Deleting it costs nothing but the pictures in earlier comments.
"""


class BranchUnsettled(ForgeFailed):
    """Others kept moving the branch for as long as we tried."""

    def __init__(self) -> None:
        super().__init__(
            f"branch {BRANCH}", f"it was moved by others {_TRIES} times in a row", "run the job again for the figures"
        )


def folder_of(place: Place) -> str:
    """Where the figures of a report lie; the run's number makes it new each time."""
    about = f"pull-{place.pull}" if place.pull is not None else place.sha[:12]
    return f"{place.experiment}/{place.age.run:019d}.{place.age.attempt}/{about}"


def address(server_url: str, repository: str, path: str) -> str:
    """A link that shows the file to whoever may see the repository."""
    return f"{server_url}/{repository}/blob/{BRANCH}/{path}?raw=true"


def upload(forge: Forge, files: Mapping[str, bytes], title: str) -> None:
    """One commit with these files, and without the oldest where it would be too much.

    The branch only ever moves forward, so that of two reports at once none loses its files. Raises ForgeFailed; MayNot
    where the token may not write contents.
    """
    added = [TreeEntry(path=path, mode="100644", type="blob", sha="", size=len(data)) for path, data in files.items()]
    blobs: dict[str, str] = {}
    for _ in range(_TRIES):
        tip = forge.files.ref(BRANCH)
        kept = pruned(forge.files.entries(tip) if tip else [], added)
        for path, data in {"README.md": _README, **files}.items():
            if path not in blobs:
                blobs[path] = forge.files.add_blob(data)
        tree = forge.files.add_tree([*((entry.path, entry.sha) for entry in kept), *blobs.items()])
        commit = forge.files.add_commit(tree, [tip] if tip else [], title)
        try:
            if tip is None:
                forge.files.create_ref(BRANCH, commit)
            else:
                forge.files.move_ref(BRANCH, commit)
        except Conflict:
            continue
        return
    raise BranchUnsettled


def pruned(
    there: list[TreeEntry], added: list[TreeEntry], most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
) -> list[TreeEntry]:
    """What of `there` stays beside `added`: the newest runs' files, as far as they fit."""
    new = {entry.path for entry in added}
    files, size = len(added), sum(entry.size for entry in added)
    kept = []
    for entry in sorted(there, key=_run, reverse=True):
        if entry.path in new or entry.path == "README.md":
            continue
        files, size = files + 1, size + entry.size
        if files > most_files or size > most_bytes:
            break
        kept.append(entry)
    return kept


def _run(entry: TreeEntry) -> str:
    """The run a file is of: the second part of its path, of one width."""
    parts = entry.path.split("/")
    return parts[1] if len(parts) > 2 else ""
