"""Events as GitHub writes them, as small as they may be, and the environment of a step."""

import json
from pathlib import Path
from typing import Any

OWNER, NAME = "acme", "train"
REPOSITORY = f"{OWNER}/{NAME}"
HEAD, BASE, MERGE = "a" * 40, "b" * 40, "c" * 40


def a_repository(name: str = REPOSITORY) -> dict[str, Any]:
    return {"full_name": name, "default_branch": "main", "private": True, "id": 1}


def a_pull_request(head: str = HEAD, base: str = BASE, source: str | None = REPOSITORY, **more: Any) -> dict[str, Any]:
    """An event's JSON: a pull request whose head lies in repository `source` (None: deleted)."""
    return {
        "action": "synchronize",
        "number": 7,
        "repository": a_repository(),
        "pull_request": {
            "number": 7,
            "title": "::error::not for us @everyone",
            "head": {"sha": head, "ref": "topic", "repo": None if source is None else a_repository(source)},
            "base": {"sha": base, "ref": "main", "repo": a_repository()},
            "labels": [],
        },
        **more,
    }


def a_workflow_run(head: str = HEAD, source: str | None = "stranger/train", **more: Any) -> dict[str, Any]:
    """A run of reproduce.yml ended."""
    return {
        "action": "completed",
        "repository": a_repository(),
        "workflow_run": {
            "id": 500,
            "run_attempt": 1,
            "event": "pull_request",
            "path": ".github/workflows/reproduce.yml",
            "head_sha": head,
            "head_branch": "topic",
            "head_repository": None if source is None else {"full_name": source},
            "conclusion": "success",
            **more,
        },
    }


def a_push() -> dict[str, Any]:
    return {"repository": a_repository(), "ref": "refs/heads/main", "after": HEAD}


def a_merge_group(head: str = HEAD, base: str = BASE) -> dict[str, Any]:
    return {
        "action": "checks_requested",
        "repository": a_repository(),
        "merge_group": {"head_sha": head, "base_sha": base, "base_ref": "refs/heads/main"},
    }


def environment(folder: Path, name: str, event: dict[str, Any], **inputs: str) -> dict[str, str]:
    """The variables of a step in `folder` that was started by `event`; inputs with `_` for `-`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "event.json"
    path.write_text(json.dumps(event), encoding="utf-8")
    (folder / "output").touch()
    (folder / "summary").touch()
    return {
        "GITHUB_ACTIONS": "true",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "1000",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_SHA": MERGE if name == "pull_request" else HEAD,
        "GITHUB_REF": "refs/pull/7/merge" if name == "pull_request" else "refs/heads/main",
        "GITHUB_API_URL": "http://127.0.0.1:9",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **{f"INPUT_{key.upper().replace('_', '-')}": value for key, value in inputs.items()},
    }
