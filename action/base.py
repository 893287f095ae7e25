"""What a change is held against: the commit it grew from, and the policy and baseline as they are there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from action.event import Event
from experiment import baseline as baselines
from experiment import file
from experiment.baseline import Baseline
from experiment.errors import InfrastructureFailed
from experiment.spec import FILE_NAME, Experiment
from runner.process import CommandFailed, run
from runner.sweep.lockfile import name_of

_TIMEOUT_S = 120.0


class NoBase(InfrastructureFailed):
    """The commit a pull request grew from cannot be read, so there is nothing it may be held against."""


class Reader(Protocol):
    """Reads files at commits."""

    def read(self, path: str, ref: str) -> bytes | None:
        """The bytes of a file; None where there is none."""


@dataclass(frozen=True)
class Checkout:
    """The git checkout a step works in: its commit and that commit's parents; None and () outside git."""

    root: Path
    commit: str | None
    parents: tuple[str, ...]

    def read(self, path: str, ref: str) -> bytes | None:
        """The bytes of a file at a commit that is here; None where there is no such file."""
        listed = _git(self.root, "ls-tree", "--name-only", "--end-of-options", ref, "--", path)
        return _git(self.root, "cat-file", "blob", f"{ref}:{path}").encode() if listed.strip() else None

    def has(self, commit: str) -> bool:
        """Whether the commit was fetched."""
        try:
            _git(self.root, "cat-file", "-e", f"{commit}^{{commit}}")
        except CommandFailed:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """The commit both grew from; None where the history that was fetched does not reach it."""
        try:
            return _git(self.root, "merge-base", one, other).strip()
        except CommandFailed:
            return None

    def changes(self, since: str) -> tuple[tuple[str, str], ...]:
        """(status, path) of every file that differs from commit `since`: M, A, D."""
        flags = ["--name-status", "--no-renames", "-z", "--end-of-options"]
        listed = _git(self.root, "diff", *flags, since, "--").split("\0")
        return tuple(zip(listed[0::2], listed[1::2], strict=False))


def checkout(folder: Path) -> Checkout:
    """What is checked out around `folder`."""
    try:
        root = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
        commit, *parents = _git(root, "rev-list", "--parents", "-n", "1", "HEAD").split()
    except CommandFailed:
        return Checkout(folder, None, ())
    return Checkout(root, commit, tuple(parents))


def base_commit(event: Event, here: Checkout, merge_base: "MergeBase") -> str | None:
    """The commit a change grew from; None where the event is no change to be held against another.

    For GitHub's merge of a pull request it is the merge's first parent; for its head the merge base, since the base
    that the event names goes stale. Raises NoBase.
    """
    if event.merge_group is not None:
        return event.merge_group.base_sha
    request = event.pull_request
    if request is None:
        return None
    if len(here.parents) == 2 and here.parents[1] == request.head.sha:
        return here.parents[0]
    found = here.merge_base(request.base.sha, request.head.sha) if here.has(request.base.sha) else None
    return found or merge_base(request.base.ref, request.head.sha)


class MergeBase(Protocol):
    """Asks the forge where two commits part."""

    def __call__(self, base: str, head: str, /) -> str:
        """The merge base."""


def no_merge_base(base: str, head: str) -> str:
    """Without a token the forge cannot be asked."""
    raise NoBase(
        f"{base}...{head[:12]}: the commit they grew from is not in this checkout\n"
        "  check out with 'fetch-depth: 0', or give the step 'github-token'\nnothing was run"
    )


@dataclass(frozen=True)
class Held:
    """Policy and baseline at the base commit, None where there is none; and their own bytes.

    `record_bytes` are the sweep's record, read only where the policy has a pull request verify it.
    """

    commit: str
    policy: Experiment | None
    baseline: Baseline | None
    baseline_bytes: bytes | None
    record_bytes: bytes | None = None


def held_at(commit: str, path: str, reader: Reader) -> Held:
    """What lies at a commit for the experiment in `path` (its folder or file, below the repository's root).

    Raises WrongExperimentFile and UnreadableBaseline for what the base branch itself has wrong.
    """
    text = reader.read(file_of(path), commit)
    if text is None:
        return Held(commit, None, None, None)
    policy = parse_policy(text, path, commit)
    where = baseline_path(path, policy)
    data = None if where.startswith("..") else reader.read(where, commit)
    stored = None
    if data is not None:
        stored = baselines.loads(data, name=f"{where} at {commit[:7]}", experiment=policy.experiment)
    verified = policy.sweep is not None and policy.sweep.on_pull_request != "none"
    return Held(commit, policy, stored, data, reader.read(record_path(path, policy), commit) if verified else None)


def baseline_path(path: str, policy: Experiment) -> str:
    """The stored baseline below the repository's root."""
    folder = file_of(path).rpartition("/")[0]
    return os.path.normpath(f"{folder}/{policy.baseline_file}" if folder else policy.baseline_file)


def record_path(path: str, policy: Experiment) -> str:
    """The record of the sweep below the repository's root."""
    folder = file_of(path).rpartition("/")[0]
    return f"{folder}/{name_of(policy)}" if folder else name_of(policy)


def parse_policy(text: bytes, path: str, commit: str) -> Experiment:
    """The experiment file at a commit. Raises WrongExperimentFile."""
    named = file_of(path)
    default = named.rpartition("/")[0].rpartition("/")[2] or "experiment"
    return file.parse(text.decode("utf-8-sig", "replace"), name=f"{named} at {commit[:7]}", default_name=default)


def file_of(path: str) -> str:
    """The experiment file, where `path` is that or its folder."""
    if path.endswith((".yaml", ".yml")):
        return path
    return FILE_NAME if path == "." else f"{path}/{FILE_NAME}"


def _git(folder: Path, *args: str) -> str:
    kept = ("PATH", "HOME")
    env: Mapping[str, str] = {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
    trusted = ["-c", f"safe.directory={folder}", "-c", "core.fsmonitor=false"]
    return run(["git", *trusted, "-C", str(folder), *args], env=env, cwd=folder, timeout=_TIMEOUT_S).output
