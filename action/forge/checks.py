"""Check runs on the forge: one per experiment and run, made before the work and completed after it."""

from collections.abc import Mapping
from typing import Any

from action.forge.refusals import UnknownOutcome
from action.forge.transport import Transport, part
from action.forge.values import CheckRun, held

_MOST_TRIES = 3
SETTLE_S = 3.0
"""Before looking whether something was made whose answer was lost."""


class Checks:
    """The check runs of one repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._ask = transport
        self._at = f"/repos/{repository}"

    def of(self, sha: str, name: str) -> list[CheckRun]:
        """Every check run of this name on a commit, earlier ones too."""
        found = self._ask.pages(
            f"{self._at}/commits/{part(sha)}/check-runs", "check_runs", check_name=name, filter="all"
        )
        return [held(CheckRun, one, f"check runs of {sha[:7]}") for one in found]

    def one(self, check: int) -> CheckRun:
        """A check run as it is now."""
        return held(CheckRun, self._ask.get(f"{self._at}/check-runs/{check}"), f"check run {check}")

    def begin(self, sha: str, name: str, external_id: str, details_url: str) -> CheckRun:
        """A check run in progress. Where an answer is lost it is looked for, so that there is never a second one."""
        body = {
            "name": name,
            "head_sha": sha,
            "status": "in_progress",
            "external_id": external_id,
            "details_url": details_url,
        }
        for _ in range(_MOST_TRIES - 1):
            try:
                return self._begin(body)
            except UnknownOutcome:
                self._ask.clock.sleep(SETTLE_S)
                made = [run for run in self.of(sha, name) if run.external_id == external_id]
                if made:
                    return made[0]
        return self._begin(body)

    def _begin(self, body: Mapping[str, Any]) -> CheckRun:
        return held(CheckRun, self._ask.send("POST", f"{self._at}/check-runs", body), "the new check run")

    def change(self, check: int, body: Mapping[str, Any]) -> CheckRun:
        """Change a check run: its status, conclusion or output."""
        return held(CheckRun, self._ask.send("PATCH", f"{self._at}/check-runs/{check}", body), f"check run {check}")
