"""The git side of the test forge: a real bare repository behind GitHub's endpoints for objects, files and branches."""

import base64
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FACTS = {"NAME": "a", "EMAIL": "a@example.org", "DATE": "1700000000 +0000"}
_WHO = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _FACTS.items()}


class NotFound(Exception):
    """There is no such object."""


class Refused(Exception):
    """GitHub would answer 409 or 422."""


@dataclass(frozen=True)
class GitRepository:
    """A bare repository."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "GitRepository":
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
        return cls(folder)

    def git(self, *args: str, data: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *args], input=data, capture_output=True, check=False,
            env={**os.environ, **_WHO},
        )  # fmt: skip
        if done.returncode:
            raise NotFound(done.stderr.decode())
        return done.stdout

    def line(self, *args: str, data: bytes | None = None) -> str:
        return self.git(*args, data=data).decode().strip()

    def commit_files(self, files: dict[str, bytes], *parents: str, branch: str | None = None) -> str:
        """A commit with these files on top of the first parent's."""
        entries = {} if not parents else {e["path"]: e["sha"] for e in self.tree(parents[0])}
        entries |= {path: self.blob(content) for path, content in files.items()}
        commit = self.commit(self.make_tree(list(entries.items()), None), list(parents), "x")
        if branch is not None:
            self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def blob(self, content: bytes) -> str:
        return self.line("hash-object", "-w", "--stdin", data=content)

    def blob_content(self, sha: str) -> bytes:
        return self.git("cat-file", "blob", sha)

    def make_tree(self, files: list[tuple[str, str]], base: str | None) -> str:
        whole = {e["path"]: e["sha"] for e in self.tree(base)} if base else {}
        whole |= dict(files)
        return self._nested(whole)

    def _nested(self, files: dict[str, str]) -> str:
        here: list[str] = []
        below: dict[str, dict[str, str]] = {}
        for path, sha in files.items():
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, {})[rest] = sha
            else:
                here.append(f"100644 blob {sha}\t{first}")
        here += [f"040000 tree {self._nested(inner)}\t{name}" for name, inner in below.items()]
        return self.line("mktree", data="".join(f"{line}\n" for line in sorted(here)).encode())

    def commit(self, tree: str, parents: list[str], message: str) -> str:
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.line("commit-tree", tree, *flags, "-m", message or "x")

    def tree(self, ref: str) -> list[dict[str, Any]]:
        found = []
        for line in self.git("ls-tree", "-r", "-l", self.resolve(ref)).decode().splitlines():
            facts, path = line.split("\t", 1)
            mode, kind, sha, size = facts.split()
            found.append({"path": path, "mode": mode, "type": kind, "sha": sha, "size": int(size)})
        return found

    def resolve(self, ref: str) -> str:
        for candidate in (ref, f"refs/heads/{ref}"):
            try:
                return self.line("rev-parse", "--verify", "-q", f"{candidate}^{{commit}}")
            except NotFound:
                continue
        try:
            return self.line("rev-parse", "--verify", "-q", f"{ref}^{{tree}}")
        except NotFound:
            raise NotFound(ref) from None

    def file(self, path: str, ref: str) -> tuple[str, bytes]:
        sha = self.line("rev-parse", "--verify", "-q", f"{self.resolve(ref)}:{path}")
        return sha, self.blob_content(sha)

    def branch(self, name: str) -> str:
        return self.line("rev-parse", "--verify", "-q", f"refs/heads/{name}")

    def branches(self, prefix: str) -> list[tuple[str, str]]:
        """Names that begin with `prefix`, and their commits."""
        found = self.line("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/").splitlines()
        pairs = [line.split(" ") for line in found]
        return [(name, sha) for name, sha in pairs if name.startswith(prefix)]

    def delete_branch(self, name: str) -> None:
        self._old(name)
        self.git("update-ref", "-d", f"refs/heads/{name}")

    def _old(self, name: str) -> str:
        try:
            return self.branch(name)
        except NotFound:
            raise Refused("Reference does not exist") from None

    def create_branch(self, name: str, commit: str) -> None:
        if re.fullmatch("0+", commit):
            raise Refused("invalid sha")
        try:
            self.git("update-ref", f"refs/heads/{name}", self.resolve(commit), "0" * 40)
        except NotFound:
            raise Refused("Reference already exists") from None

    def move_branch(self, name: str, commit: str, force: bool) -> None:
        old = self._old(name)
        if (
            not force
            and subprocess.run(
                ["git", "-C", str(self.folder), "merge-base", "--is-ancestor", old, commit], check=False
            ).returncode
        ):
            raise Refused("Update is not a fast forward")
        try:
            self.git("update-ref", f"refs/heads/{name}", commit, old)
        except NotFound:
            raise Refused("Update is not a fast forward") from None

    def merge_base(self, base: str, head: str) -> str:
        return self.line("merge-base", self.resolve(base), self.resolve(head))

    @staticmethod
    def encoded(content: bytes) -> str:
        return base64.encodebytes(content).decode("ascii")
