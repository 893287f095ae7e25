"""What each endpoint of the test forge does to its state, and answers."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forge.repository import GitRepository, NotFound, Refused
from forge.state import READ, WRITE, State, Token


@dataclass
class Call:
    """One request that was understood."""

    state: State
    git: GitRepository
    token: Token | None
    variables: dict[str, str]
    query: dict[str, str]
    body: Any
    base: str  # address of the server

    def number(self, name: str) -> int:
        return int(self.variables[name])


@dataclass
class Reply:
    """What is answered; a list is cut into pages."""

    status: int
    body: Any = None
    headers: dict[str, str] | None = None
    items: list[Any] | None = None
    under: str = ""


Handler = Callable[[Call], Reply]
ROUTES: dict[tuple[str, str], tuple[Handler, str, str]] = {}
"""(method, template) -> handler, permission, level."""
REPO = "/repos/{owner}/{repo}"


def route(method: str, template: str, permission: str, level: str = READ) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        ROUTES[(method, template)] = (handler, permission, level)
        return handler

    return register


@route("GET", "/user", "user")
def _user(call: Call) -> Reply:
    return Reply(200, {"login": call.token.login if call.token else ""})


@route("GET", f"{REPO}/pulls/{{pull_number}}", "pull_requests")
def _pull(call: Call) -> Reply:
    return Reply(200, call.state.pulls[call.number("pull_number")])


@route("GET", f"{REPO}/pulls", "pull_requests")
def _pulls(call: Call) -> Reply:
    owner, _, branch = call.query.get("head", ":").partition(":")
    found = [
        pull for pull in call.state.pulls.values()
        if pull["state"] == call.query.get("state", "open")
        and pull["head"]["ref"] == branch
        and pull["head"]["repo"] and pull["head"]["repo"]["full_name"].split("/")[0] == owner
    ]  # fmt: skip
    return Reply(200, items=found)


@route("POST", f"{REPO}/pulls", "pull_requests", WRITE)
def _open(call: Call) -> Reply:
    head = call.git.branch(call.body["head"])
    base = call.git.branch(call.body["base"])
    if any(pull["state"] == "open" and pull["head"]["ref"] == call.body["head"] for pull in call.state.pulls.values()):
        raise Refused(f"A pull request already exists for {call.body['head']}.")
    made = call.state.a_pull(call.state.new_id(), head, base, branch=call.body["head"])
    made |= {"title": call.body["title"], "body": call.body["body"]}
    made["base"]["ref"] = call.body["base"]
    return Reply(201, made)


@route("PATCH", f"{REPO}/pulls/{{pull_number}}", "pull_requests", WRITE)
def _change_request(call: Call) -> Reply:
    pull = call.state.pulls[call.number("pull_number")]
    pull |= {key: call.body[key] for key in ("title", "body") if key in call.body}
    return Reply(200, pull)


@route("GET", f"{REPO}/issues/{{issue_number}}/comments", "pull_requests")
def _comments(call: Call) -> Reply:
    number = call.number("issue_number")
    return Reply(200, items=[dict(one) for one in call.state.comments.values() if one["pull"] == number])


@route("POST", f"{REPO}/issues/{{issue_number}}/comments", "pull_requests", WRITE)
def _comment(call: Call) -> Reply:
    assert call.token is not None
    return Reply(201, dict(call.state.a_comment(call.number("issue_number"), call.body["body"], call.token.login)))


@route("PATCH", f"{REPO}/issues/comments/{{comment_id}}", "pull_requests", WRITE)
def _change(call: Call) -> Reply:
    comment = call.state.comments[call.number("comment_id")]
    comment["body"] = call.body["body"]
    return Reply(200, dict(comment))


@route("DELETE", f"{REPO}/issues/comments/{{comment_id}}", "pull_requests", WRITE)
def _delete(call: Call) -> Reply:
    del call.state.comments[call.number("comment_id")]
    return Reply(204)


@route("GET", f"{REPO}/issues/{{issue_number}}/events", "pull_requests")
def _events(call: Call) -> Reply:
    return Reply(200, items=call.state.events.get(call.number("issue_number"), []))


@route("GET", f"{REPO}/collaborators/{{username}}/permission", "metadata")
def _permission(call: Call) -> Reply:
    found = call.state.permissions[call.variables["username"]]
    return Reply(200, {"permission": found, "role_name": found, "user": {"login": call.variables["username"]}})


@route("GET", f"{REPO}/commits/{{ref}}/check-runs", "checks")
def _checks(call: Call) -> Reply:
    found = [
        dict(run) for run in call.state.checks.values()
        if run["head_sha"] == call.variables["ref"] and call.query.get("check_name") in (None, run["name"])
    ]  # fmt: skip
    return Reply(200, items=found, under="check_runs")


@route("POST", f"{REPO}/check-runs", "checks", WRITE)
def _check(call: Call) -> Reply:
    number = call.state.new_id()
    made = {
        "conclusion": None, "completed_at": None, "output": {"title": None, "summary": None, "text": None},
        **call.body, "id": number, "html_url": f"https://github.com/{call.state.repository}/runs/{number}",
        "app": {"slug": (call.token and call.token.app) or "github-actions", "name": "GitHub Actions"},
        "annotations": [], "check_suite": {"id": 1},
    }  # fmt: skip
    call.state.checks[number] = made
    return Reply(201, _seen(made))


@route("GET", f"{REPO}/check-runs/{{check_run_id}}", "checks")
def _check_now(call: Call) -> Reply:
    return Reply(200, _seen(call.state.checks[call.number("check_run_id")]))


@route("PATCH", f"{REPO}/check-runs/{{check_run_id}}", "checks", WRITE)
def _check_change(call: Call) -> Reply:
    made = call.state.checks[call.number("check_run_id")]
    body = dict(call.body)
    output = dict(body.pop("output", {}))
    made["annotations"] = [*made["annotations"], *output.pop("annotations", [])]
    made["output"] = made["output"] | output
    made |= body
    if made["conclusion"]:
        made["status"] = "completed"
    return Reply(200, _seen(made))


def _seen(check: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in check.items() if key != "annotations"}


@route("GET", f"{REPO}/contents/{{path}}", "contents")
def _contents(call: Call) -> Reply:
    sha, content = call.git.file(call.variables["path"], call.query.get("ref", "main"))
    small = len(content) <= 1024 * 1024
    return Reply(
        200,
        {
            "type": "file", "encoding": "base64" if small else "none", "size": len(content), "sha": sha,
            "name": call.variables["path"].split("/")[-1], "path": call.variables["path"],
            "content": call.git.encoded(content) if small else "",
        },
    )  # fmt: skip


@route("GET", f"{REPO}/compare/{{basehead}}", "contents")
def _compare(call: Call) -> Reply:
    base, _, head = call.variables["basehead"].partition("...")
    return Reply(200, {"merge_base_commit": {"sha": call.git.merge_base(base, head)}})


@route("GET", f"{REPO}/git/ref/{{ref}}", "contents")
def _ref(call: Call) -> Reply:
    name = call.variables["ref"].removeprefix("heads/")
    return Reply(200, {"ref": f"refs/heads/{name}", "object": {"sha": call.git.branch(name), "type": "commit"}})


@route("GET", f"{REPO}/git/matching-refs/{{ref}}", "contents")
def _matching_refs(call: Call) -> Reply:
    found = call.git.branches(call.variables["ref"].removeprefix("heads/"))
    return Reply(200, [{"ref": f"refs/heads/{name}", "object": {"sha": sha, "type": "commit"}} for name, sha in found])


@route("DELETE", f"{REPO}/git/refs/{{ref}}", "contents", WRITE)
def _delete_ref(call: Call) -> Reply:
    call.git.delete_branch(call.variables["ref"].removeprefix("heads/"))
    return Reply(204)


@route("POST", f"{REPO}/git/refs", "contents", WRITE)
def _new_ref(call: Call) -> Reply:
    name = call.body["ref"].removeprefix("refs/heads/")
    call.git.create_branch(name, call.body["sha"])
    return Reply(201, {"ref": call.body["ref"], "object": {"sha": call.body["sha"], "type": "commit"}})


@route("PATCH", f"{REPO}/git/refs/{{ref}}", "contents", WRITE)
def _move_ref(call: Call) -> Reply:
    name = call.variables["ref"].removeprefix("heads/")
    if name in call.state.protected:
        raise Refused("Changes must be made through a pull request.")
    call.git.move_branch(name, call.body["sha"], call.body.get("force", False))
    return Reply(200, {"ref": f"refs/heads/{name}", "object": {"sha": call.body["sha"], "type": "commit"}})


@route("GET", f"{REPO}/git/trees/{{tree_sha}}", "contents")
def _tree(call: Call) -> Reply:
    found = call.git.tree(call.variables["tree_sha"])
    return Reply(200, {"sha": call.variables["tree_sha"], "tree": found, "truncated": False})


@route("POST", f"{REPO}/git/blobs", "contents", WRITE)
def _blob(call: Call) -> Reply:
    return Reply(201, {"sha": call.git.blob(base64.b64decode(call.body["content"]))})


@route("GET", f"{REPO}/git/blobs/{{file_sha}}", "contents")
def _blob_content(call: Call) -> Reply:
    content = call.git.blob_content(call.variables["file_sha"])
    sha = call.variables["file_sha"]
    return Reply(200, {"sha": sha, "content": call.git.encoded(content), "encoding": "base64", "size": len(content)})


@route("POST", f"{REPO}/git/trees", "contents", WRITE)
def _new_tree(call: Call) -> Reply:
    files = [(entry["path"], entry["sha"]) for entry in call.body["tree"]]
    sha = call.git.make_tree(files, call.body.get("base_tree"))
    return Reply(201, {"sha": sha, "tree": [], "truncated": False})


@route("POST", f"{REPO}/git/commits", "contents", WRITE)
def _commit(call: Call) -> Reply:
    return Reply(201, {"sha": call.git.commit(call.body["tree"], call.body["parents"], call.body["message"])})


@route("GET", f"{REPO}/actions/runs/{{run_id}}", "actions")
def _run(call: Call) -> Reply:
    return Reply(200, call.state.runs[call.number("run_id")])


@route("GET", f"{REPO}/actions/runs", "actions")
def _runs(call: Call) -> Reply:
    sha = call.query.get("head_sha")
    found = [run for run in call.state.runs.values() if sha in (None, run["head_sha"])]
    return Reply(200, items=found, under="workflow_runs")


@route("GET", f"{REPO}/actions/runs/{{run_id}}/artifacts", "actions")
def _artifacts(call: Call) -> Reply:
    return Reply(200, items=call.state.artifacts.get(call.number("run_id"), []), under="artifacts")


@route("GET", f"{REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}", "actions")
def _zip(call: Call) -> Reply:
    where = call.base.replace("127.0.0.1", "127.1") + f"/download/{call.number('artifact_id')}"
    return Reply(302, headers={"Location": where})


FAILURES: dict[type[Exception], int] = {NotFound: 404, KeyError: 404, Refused: 422}
