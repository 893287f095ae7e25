"""Runs of workflows on the forge, and what they left."""

from datetime import datetime

from action.forge.transport import Transport
from action.forge.values import Artifact, Run, held


class Runs:
    """The workflow runs of one repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._ask = transport
        self._at = f"/repos/{repository}/actions"

    def run(self, number: int) -> Run:
        """One run."""
        return held(Run, self._ask.get(f"{self._at}/runs/{number}"), f"run {number}")

    def first_at(self, sha: str) -> datetime | None:
        """When the forge first ran anything for a commit; None where it never did."""
        found = self._ask.pages(f"{self._at}/runs", "workflow_runs", head_sha=sha)
        return min((held(Run, one, f"runs of {sha[:7]}").created_at for one in found), default=None)

    def artifacts(self, run: int) -> list[Artifact]:
        """What a run left and still is there."""
        found = self._ask.pages(f"{self._at}/runs/{run}/artifacts", "artifacts")
        every = [held(Artifact, one, f"artifacts of run {run}") for one in found]
        return [artifact for artifact in every if not artifact.expired]

    def content(self, artifact: int) -> bytes:
        """The zip of an artifact: bytes of a stranger."""
        return self._ask.download(f"{self._at}/artifacts/{artifact}/zip")
