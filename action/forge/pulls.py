"""Pull requests on the forge: their state, their comments, who labelled them and may."""

from typing import Any

from action.forge.refusals import MayNot, NotThere
from action.forge.transport import Transport, part
from action.forge.values import Comment, IssueEvent, Pull, User, held


class Pulls:
    """The pull requests of one repository, `owner/name`."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._ask = transport
        self._at = f"/repos/{repository}"

    def pull(self, number: int) -> Pull:
        """A pull request as it is now."""
        return held(Pull, self._ask.get(f"{self._at}/pulls/{number}"), f"pull request {number}")

    def open_from(self, owner: str, branch: str) -> list[Pull]:
        """Open pull requests whose head is `branch` of `owner`'s repository."""
        found = self._ask.pages(f"{self._at}/pulls", state="open", head=f"{owner}:{branch}")
        return [held(Pull, one, "open pull requests") for one in found]

    def open_request(self, title: str, body: str, head: str, base: str) -> Pull:
        """Ask for `head` to be merged into `base`."""
        asked = {"title": title, "body": body, "head": head, "base": base}
        return held(Pull, self._ask.send("POST", f"{self._at}/pulls", asked), "a new pull request")

    def change_request(self, number: int, title: str, body: str) -> Pull:
        """Another title and text for a pull request."""
        made = self._ask.send("PATCH", f"{self._at}/pulls/{number}", {"title": title, "body": body})
        return held(Pull, made, f"pull request {number}")

    def comments(self, number: int) -> list[Comment]:
        """Every comment, all pages, oldest first."""
        found = self._ask.pages(f"{self._at}/issues/{number}/comments")
        return [held(Comment, one, f"comments of {number}") for one in found]

    def comment(self, number: int, body: str) -> Comment:
        """A new comment. Raises UnknownOutcome where it may be there or not: look before asking again."""
        made = self._ask.send("POST", f"{self._at}/issues/{number}/comments", {"body": body})
        return held(Comment, made, "the new comment")

    def change_comment(self, comment: int, body: str) -> Comment:
        """Another text for a comment. Raises NotThere where it was deleted."""
        made = self._ask.send("PATCH", f"{self._at}/issues/comments/{comment}", {"body": body})
        return held(Comment, made, f"comment {comment}")

    def delete_comment(self, comment: int) -> None:
        """Take a comment away."""
        self._ask.delete(f"{self._at}/issues/comments/{comment}")

    def events(self, number: int) -> list[IssueEvent]:
        """What happened to a pull request, labels among it, oldest first."""
        found: list[Any] = list(self._ask.pages(f"{self._at}/issues/{number}/events"))
        return [held(IssueEvent, one, f"events of {number}") for one in found]

    def permission(self, login: str) -> str:
        """What somebody may do here: admin, write, read, none."""
        tree = self._ask.get_or_none(f"{self._at}/collaborators/{part(login)}/permission")
        found = tree.get("permission") if isinstance(tree, dict) else None
        return found if isinstance(found, str) else "none"

    def me(self) -> str | None:
        """The login behind the token; None for an application's, which may not ask."""
        try:
            return held(User, self._ask.get("/user"), "the token's user").login
        except (MayNot, NotThere):
            return None
