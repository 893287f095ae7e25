"""Requests to the forge: PyGithub's requester under our patience; one answer or one named outcome."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Never
from urllib.parse import quote

from action.forge import patience, refusals
from action.forge.clock import Clock, SystemClock
from action.forge.patience import Again, Answer, Meaning, NoAnswer

if TYPE_CHECKING:
    from action.inputs import Token

PER_PAGE = 100
MOST_PAGES = 100
TIMEOUT_S = 30
_LARGEST_DOWNLOAD = 64 * 1024 * 1024


class Transport:
    """Asks one forge with one token. Paths are relative to the API's base; what they hold from data is quoted."""

    def __init__(self, api_url: str, token: "Token", clock: Clock | None = None, timeout_s: int = TIMEOUT_S) -> None:
        from github import Auth
        from github.Requester import Requester

        self._clock = clock or SystemClock()
        self._timeout_s = timeout_s
        self._waited_s = 0.0
        self._last_write: float | None = None
        self._skipped = 0
        self._requester = Requester(
            auth=Auth.Token(token.reveal()),
            base_url=api_url,
            timeout=timeout_s,
            user_agent="ml-experiment",
            per_page=PER_PAGE,
            verify=True,
            retry=None,  # PyGithub's own repeats a POST whose answer was lost
            pool_size=None,
        )

    @property
    def clock(self) -> Clock:
        """What waits."""
        return self._clock

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON at `path`. Raises ForgeFailed."""
        return _json(f"GET {path}", self._ask("GET", path, parameters, None).body)

    def get_or_none(self, path: str, **parameters: str | int) -> Any | None:
        """The JSON at `path`, None where there is nothing."""
        try:
            return self.get(path, **parameters)
        except refusals.NotThere:
            return None

    def pages(self, path: str, under: str = "", **parameters: str | int) -> Iterator[Any]:
        """Every entry of a list, page by page; `under` names the key of the list where it is not the whole answer."""
        for page in range(1, MOST_PAGES + 1):
            asked = f"GET {path} page {page}"
            answer = self._ask("GET", path, {**parameters, "per_page": PER_PAGE, "page": page}, None)
            tree = _json(asked, answer.body)
            entries = tree.get(under) if under and isinstance(tree, dict) else tree
            if not isinstance(entries, list):
                raise refusals.NotUnderstood(asked, "expected a list")
            yield from entries
            if 'rel="next"' not in answer.headers.get("link", ""):
                return

    def send(self, verb: str, path: str, body: Mapping[str, Any]) -> Any:
        """Make or change something; the answer's JSON. Raises ForgeFailed, UnknownOutcome among them."""
        answer = self._ask(verb, path, {}, body)
        return _json(f"{verb} {path}", answer.body) if answer.body else None

    def store(self, path: str, body: Mapping[str, Any]) -> Any:
        """Store what is named by its own content (git's objects): asked twice, there is still one."""
        return _json(f"POST {path}", self._ask("POST", path, {}, body, patient_as="PUT").body)

    def delete(self, path: str) -> None:
        """Delete something; that it is gone already is as good."""
        try:
            self._ask("DELETE", path, {}, None)
        except refusals.NotThere:
            return

    def download(self, path: str) -> bytes:
        """The bytes that `path` redirects to, fetched without the token. Raises ForgeFailed."""
        import requests

        answer = self._ask("GET", path, {}, None)
        where = answer.headers.get("location", "")
        if answer.status != 302 or not where.startswith(("http://", "https://")):
            raise refusals.NotUnderstood(f"GET {path}", f"expected a redirect, found {answer.status}")
        try:
            with requests.get(where, stream=True, timeout=self._timeout_s) as got:
                if got.status_code != 200:
                    raise refusals.Unreachable(f"GET {path}", f"its download answered {got.status_code}")
                return _bounded(got.iter_content(1024 * 1024), path)
        except requests.RequestException as error:
            raise refusals.Unreachable(f"GET {path}", type(error).__name__) from None

    def _ask(
        self,
        verb: str,
        path: str,
        parameters: Mapping[str, str | int],
        body: Mapping[str, Any] | None,
        patient_as: str = "",
    ) -> Answer:
        asked, tries = f"{verb} {path}", 0
        while True:
            tries += 1
            if verb != "GET":
                self._pace()
            found = self._once(verb, path, parameters, body)
            then = patience.decide(patient_as or verb, found, tries + self._skipped, self._waited_s, self._clock.now())
            if isinstance(then, Again):
                self._waited_s += then.wait_s
                self._clock.sleep(then.wait_s)
                continue
            if then.meaning is Meaning.DONE and isinstance(found, Answer):
                return found
            if then.meaning is Meaning.UNREACHABLE:
                self._skipped = (
                    patience.MOST_TRIES - 1
                )  # a forge that was down for so long is asked once more each time
            _give_up(asked, then, found.why if isinstance(found, NoAnswer) else found.message)

    def _pace(self) -> None:
        now = self._clock.now()
        if self._last_write is not None and now - self._last_write < patience.BETWEEN_WRITES_S:
            self._clock.sleep(patience.BETWEEN_WRITES_S - (now - self._last_write))
        self._last_write = self._clock.now()

    def _once(
        self, verb: str, path: str, parameters: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> Answer | NoAnswer:
        import requests

        headers = {"Accept": "application/vnd.github+json"}
        try:
            status, found, text = self._requester.requestJson(verb, path, dict(parameters), headers, body)
        except requests.RequestException as error:
            return NoAnswer(type(error).__name__)  # its text can hold an address with a token
        return Answer(status, {name.lower(): str(value) for name, value in found.items()}, text or "")


def part(text: str) -> str:
    """One part of a path, from data."""
    return quote(text, safe="")


def _give_up(asked: str, then: patience.Stop, said: str) -> Never:
    match then.meaning:
        case Meaning.MAY_NOT:
            raise refusals.MayNot(asked, said)
        case Meaning.NOT_THERE:
            raise refusals.NotThere(asked, said)
        case Meaning.BUSY:
            raise refusals.Busy(asked, then.wait_s)
        case Meaning.UNREACHABLE:
            raise refusals.Unreachable(asked, said)
        case Meaning.UNKNOWN:
            raise refusals.UnknownOutcome(asked, said)
        case _:
            raise refusals.Conflict(asked, said)


def _json(asked: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise refusals.NotUnderstood(asked, f"not JSON: {text[:60]!r}") from None


def _bounded(chunks: Iterator[bytes], path: str) -> bytes:
    got = bytearray()
    for chunk in chunks:
        got += chunk
        if len(got) > _LARGEST_DOWNLOAD:
            raise refusals.NotUnderstood(f"GET {path}", f"more than the {_LARGEST_DOWNLOAD:,} bytes that are read")
    return bytes(got)
