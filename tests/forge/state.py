"""What the test forge remembers: comments, checks, pull requests, runs, artifacts; and what each token may."""

import random
import threading
from dataclasses import dataclass, field
from typing import Any

READ, WRITE = "read", "write"
OWN_TOKEN = {
    "contents": WRITE, "pull_requests": WRITE, "issues": WRITE, "checks": WRITE, "actions": READ, "metadata": READ,
}  # fmt: skip
FORK_TOKEN = dict.fromkeys(OWN_TOKEN, READ)


@dataclass
class Fault:
    """Something that goes wrong for the next `times` matching requests."""

    method: str
    path: str  # found anywhere in the path
    kind: str  # "before", "after" (done, then the fault), "drop" (no answer), "drop-after"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    times: int = 1


@dataclass
class Token:
    """A token: who it is and what it may."""

    login: str
    may: dict[str, str]
    app: str | None = "github-actions"


@dataclass
class State:
    """Everything the forge holds. Change it under `lock`."""

    repository: str = "acme/train"
    lock: threading.RLock = field(default_factory=threading.RLock)
    tokens: dict[str, Token] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was not as GitHub documents it; a test ends with none."""
    jitter_s: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    pages_link: bool = True
    _next: int = 100

    def new_id(self) -> int:
        with self.lock:
            self._next += 1
            return self._next

    def token(self, name: str = "ghs_own", may: dict[str, str] | None = None, **more: Any) -> str:
        """A token of the workflow; may write unless told."""
        self.tokens[name] = Token("github-actions[bot]", dict(may or OWN_TOKEN), **more)
        return name

    def a_pull(self, number: int, head: str, base: str, source: str | None = None, **more: Any) -> dict[str, Any]:
        """A pull request that is open."""
        made: dict[str, Any] = {
            "number": number,
            "state": "open",
            "head": {"sha": head, "ref": more.pop("branch", "topic"), "repo": {"full_name": source or self.repository}},
            "base": {"sha": base, "ref": "main", "repo": {"full_name": self.repository}},
            "labels": [],
            "html_url": f"https://github.com/{self.repository}/pull/{number}",
            **more,
        }
        self.pulls[number] = made
        self.events.setdefault(number, [])
        return made

    def labelled(self, number: int, label: str, by: str, at: str) -> None:
        """Somebody sets a label."""
        self.pulls[number]["labels"].append({"name": label})
        self.events[number].append(
            {"event": "labeled", "created_at": at, "actor": {"login": by}, "label": {"name": label, "color": "fff"}}
        )

    def a_comment(self, number: int, body: str, login: str) -> dict[str, Any]:
        """A comment somebody writes."""
        with self.lock:
            made: dict[str, Any] = {
                "id": self.new_id(),
                "body": body,
                "user": {"login": login},
                "author_association": "NONE",
                "pull": number,
                "created_at": "2026-11-24T12:00:00Z",
                "updated_at": "2026-11-24T12:00:00Z",
            }
            made["html_url"] = f"https://github.com/{self.repository}/pull/{number}#issuecomment-{made['id']}"
            self.comments[made["id"]] = made
            return made

    def an_artifact(self, run: int, name: str, content: bytes) -> int:
        """A file a run left."""
        number = self.new_id()
        self.artifacts.setdefault(run, []).append(
            {"id": number, "name": name, "size_in_bytes": len(content), "expired": False}
        )
        self.contents[number] = content
        return number

    def written(self) -> list[tuple[str, str, Any]]:
        """Every request that would have changed something."""
        return [request for request in self.requests if request[0] != "GET"]
