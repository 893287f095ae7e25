"""Files and history on the forge: reading at a commit, and writing whole trees to a branch of their own."""

import base64
import binascii
import contextlib
from collections.abc import Sequence
from typing import Any

from action.forge.refusals import Conflict, NotUnderstood
from action.forge.transport import Transport, part
from action.forge.values import TreeEntry, held

MAX_FILE = 16 * 1024 * 1024


class Files:
    """The files of one repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._ask = transport
        self._at = f"/repos/{repository}"

    def read(self, path: str, ref: str) -> bytes | None:
        """The bytes of a file at a commit; None where there is none."""
        quoted = "/".join(part(piece) for piece in path.split("/"))
        found = self._ask.get_or_none(f"{self._at}/contents/{quoted}", ref=ref)
        if found is None:
            return None
        if not isinstance(found, dict) or found.get("type") != "file":
            raise NotUnderstood(f"file {path}", "not a file")
        if int(found.get("size", 0)) > MAX_FILE:
            raise NotUnderstood(f"file {path}", f"more than the {MAX_FILE:,} bytes that are read")
        if found.get("encoding") == "base64":
            return _decoded(found.get("content"), path)
        return self.blob(str(found.get("sha")))

    def blob(self, sha: str) -> bytes:
        """The bytes of a blob."""
        found = self._ask.get(f"{self._at}/git/blobs/{part(sha)}")
        return _decoded(found.get("content"), f"blob {sha}")

    def sha_of(self, path: str, ref: str) -> str | None:
        """The blob a file is at a commit; None where there is none."""
        quoted = "/".join(part(piece) for piece in path.split("/"))
        found = self._ask.get_or_none(f"{self._at}/contents/{quoted}", ref=ref)
        return str(found["sha"]) if isinstance(found, dict) and found.get("type") == "file" else None

    def merge_base(self, base: str, head: str) -> str:
        """The commit that `base` and `head` grew from."""
        found = self._ask.get(f"{self._at}/compare/{part(base)}...{part(head)}", per_page=1)
        try:
            return str(found["merge_base_commit"]["sha"])
        except (KeyError, TypeError):
            raise NotUnderstood(f"compare {base}...{head}", "no merge base") from None

    def ref(self, branch: str) -> str | None:
        """The commit a branch points at; None where there is no such branch."""
        found = self._ask.get_or_none(f"{self._at}/git/ref/heads/{_ref(branch)}")
        return None if found is None else str(found["object"]["sha"])

    def refs(self, prefix: str) -> dict[str, str]:
        """Branches whose names begin with `prefix`, and the commits they point at."""
        found = self._ask.get(f"{self._at}/git/matching-refs/heads/{_ref(prefix)}")
        try:
            return {str(one["ref"]).removeprefix("refs/heads/"): str(one["object"]["sha"]) for one in found}
        except (KeyError, TypeError):
            raise NotUnderstood(f"branches {prefix}*", "no commit") from None

    def delete_ref(self, branch: str) -> None:
        """Delete a branch of ours; that it is gone already is as good."""
        with contextlib.suppress(Conflict):  # 422: Reference does not exist
            self._ask.delete(f"{self._at}/git/refs/heads/{_ref(branch)}")

    def create_ref(self, branch: str, commit: str) -> None:
        """A new branch. Raises Conflict where it is there already."""
        self._ask.send("POST", f"{self._at}/git/refs", {"ref": f"refs/heads/{branch}", "sha": commit})

    def move_ref(self, branch: str, commit: str) -> None:
        """Move a branch forward to a child of its tip. Raises Conflict where somebody else moved it."""
        self._ask.send("PATCH", f"{self._at}/git/refs/heads/{_ref(branch)}", {"sha": commit, "force": False})

    def reset_ref(self, branch: str, commit: str) -> None:
        """Move a branch of ours to any commit: what it held before is dropped."""
        self._ask.send("PATCH", f"{self._at}/git/refs/heads/{_ref(branch)}", {"sha": commit, "force": True})

    def set_ref(self, branch: str, commit: str) -> None:
        """A branch of ours at this commit, made where it is not there."""
        if self.ref(branch) is None:
            self.create_ref(branch, commit)
        else:
            self.reset_ref(branch, commit)

    def entries(self, commit: str) -> list[TreeEntry]:
        """Every file at a commit."""
        found = self._ask.get(f"{self._at}/git/trees/{part(commit)}", recursive="1")
        entries = [held(TreeEntry, one, f"tree of {commit[:7]}") for one in found.get("tree", [])]
        return [entry for entry in entries if entry.type == "blob"]

    def add_blob(self, content: bytes) -> str:
        """Store bytes; their name."""
        body = {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
        return str(self._ask.store(f"{self._at}/git/blobs", body)["sha"])

    def add_tree(self, files: Sequence[tuple[str, str]], base: str | None = None) -> str:
        """Store a tree of (path, blob); with `base`, on top of that commit's."""
        body: dict[str, Any] = {
            "tree": [{"path": path, "mode": "100644", "type": "blob", "sha": sha} for path, sha in files]
        }
        if base is not None:
            body["base_tree"] = base
        return str(self._ask.store(f"{self._at}/git/trees", body)["sha"])

    def add_commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Store a commit of a tree."""
        body = {"tree": tree, "parents": list(parents), "message": message}
        return str(self._ask.store(f"{self._at}/git/commits", body)["sha"])


def _ref(branch: str) -> str:
    return "/".join(part(piece) for piece in branch.split("/"))


def _decoded(content: object, name: str) -> bytes:
    try:
        return base64.b64decode(str(content).encode("ascii"), validate=False)
    except (binascii.Error, UnicodeEncodeError):
        raise NotUnderstood(name, "its content is not base64") from None
