"""What can go wrong between us and the forge: each outcome its own class, with what was asked and what to do."""

from experiment.errors import InfrastructureFailed


class ForgeFailed(InfrastructureFailed):
    """The forge did not do what was asked. Reporting is best effort: this never changes a verdict."""

    def __init__(self, asked: str, found: str, remedy: str) -> None:
        self.reason = f"{asked}: {found}"
        super().__init__(f"{self.reason}\n  {remedy}")


class MayNot(ForgeFailed):
    """The token may not do this: a fork's token, or a permission the workflow does not give."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(
            asked,
            f"the token may not ({said})",
            "give the job the right under 'permissions' (workflows/reproduce.yml has them); "
            "a pull request from a fork has none, and workflows/report.yml posts for it",
        )


class NotThere(ForgeFailed):
    """What was asked about does not exist, or the token may not know."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(asked, f"not found ({said})", "it was deleted meanwhile, or the token may not see it")


class Conflict(ForgeFailed):
    """Somebody else was faster, or the forge holds the request to be wrong (409, 422)."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(asked, f"refused ({said})", "run it again; if it stays, a rule of the repository forbids it")


class Busy(ForgeFailed):
    """Too many requests, and the wait that is asked for is longer than we wait."""

    def __init__(self, asked: str, wait_s: float) -> None:
        super().__init__(
            asked,
            f"too many requests; asked to wait {wait_s:,.0f} s, which is longer than a report waits",
            "run the job again later, or let fewer jobs use the same token",
        )


class Unreachable(ForgeFailed):
    """No answer, or only faults of the server, for as long as we try."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(
            asked, f"no sound answer ({said})", "the forge's status page says whether it is down; run it again"
        )


class UnknownOutcome(ForgeFailed):
    """Something was to be made, and whether it was is not known. Look before asking again."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(asked, f"it may have been done or not ({said})", "look there before doing it again")


class NotUnderstood(ForgeFailed):
    """The answer is not what GitHub documents."""

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(asked, f"the answer is not understood: {said}", "check github-server-url and GITHUB_API_URL")
