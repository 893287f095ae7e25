"""The test forge as a real HTTP server: tokens, pages, limits, faults, slow answers, and the description's check."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from forge.description import Description, Mismatch
from forge.endpoints import FAILURES, ROUTES, Call, Reply
from forge.repository import GitRepository
from forge.state import READ, WRITE, Fault, State, Token

LEVELS = {READ: 1, WRITE: 2}
PREFIX = "/api/v3"  # as an Enterprise Server has it; github.com's API stands at the root
_SLASHES = {"path", "ref", "basehead"}  # variables that may hold a slash


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(
        re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in _SLASHES else '[^/]+'})", template) + "$"
    )


_PATTERNS = [(method, template, _pattern(template)) for method, template in ROUTES]


@dataclass
class Forge:
    """A forge that is running."""

    url: str
    state: State
    git: GitRepository


@contextmanager
def serving(folder: Path, description: Description | None = None) -> Iterator[Forge]:
    """A forge with an empty repository, until the block ends."""
    state, git = State(), GitRepository.make(folder)

    class Handler(_Handler):
        pass

    Handler.state, Handler.git, Handler.description = state, git, description
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield Forge(f"http://127.0.0.1:{server.server_address[1]}{PREFIX}", state, git)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: State
    git: GitRepository
    description: Description | None
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the tests' output."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if parts.path.startswith("/download/"):
            return self._download(int(parts.path.rpartition("/")[2]))
        path = unquote(parts.path.removeprefix(PREFIX))
        body = json.loads(raw) if raw else None
        self.state.requests.append((method, path, body))
        fault = self._fault(method, path)
        if fault is not None and fault.kind in ("before", "drop"):
            return self._fail(fault)
        reply = self._reply(method, path, parts.query, body)
        if fault is not None:
            return self._fail(fault)
        return self._send(reply, path, parts.query)

    def _reply(self, method: str, path: str, query: str, body: Any) -> Reply:
        self._dawdle()
        matches = [(t, found) for known, t, p in _PATTERNS if known == method and (found := p.match(path))]
        if not matches:
            self.state.problems.append(f"{method} {path}: the test forge has no such endpoint")
            return Reply(404, {"message": "Not Found", "documentation_url": ""})
        template, found = matches[0]
        handler, permission, level = ROUTES[(method, template)]
        token = self._token()
        if token is None:
            return Reply(401, {"message": "Bad credentials", "documentation_url": ""})
        if not self._may(token, permission, level):
            return Reply(403, {"message": "Resource not accessible by integration", "documentation_url": ""})
        if self.description is not None:
            try:
                self.description.check_request(method, template, query, body)
            except Mismatch as error:
                self.state.problems.append(str(error))
        values = {name: several[0] for name, several in parse_qs(query).items()}
        base = f"http://{self.headers['Host']}"
        call = Call(self.state, self.git, token, found.groupdict(), values, body, base)
        try:
            with self.state.lock:
                reply = handler(call)
        except tuple(FAILURES) as error:
            status = next(code for kind, code in FAILURES.items() if isinstance(error, kind))
            return Reply(status, {"message": str(error) if status == 422 else "Not Found", "documentation_url": ""})
        self._dawdle()
        self._page(reply, values)
        self._describe(reply, method, template)
        return reply

    def _describe(self, reply: Reply, method: str, template: str) -> None:
        if self.description is not None:
            try:
                reply.body = self.description.complete_answer(method, template, reply.status, reply.body)
            except Mismatch as error:
                self.state.problems.append(str(error))

    def _page(self, reply: Reply, query: dict[str, str]) -> None:
        if reply.items is None:
            return
        size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
        shown = reply.items[(page - 1) * size : page * size]
        if len(reply.items) > page * size:
            reply.headers = {"Link": f'<http://{self.headers["Host"]}{self.path}&page={page + 1}>; rel="next"'}
        reply.body = {reply.under: shown, "total_count": len(reply.items)} if reply.under else shown

    def _token(self) -> Token | None:
        found = re.fullmatch(r"(?:token|Bearer) (.+)", self.headers.get("Authorization") or "")
        return self.state.tokens.get(found[1]) if found else None

    @staticmethod
    def _may(token: Token, permission: str, level: str) -> bool:
        if permission == "user":
            return token.app is None
        return LEVELS.get(token.may.get(permission, ""), 0) >= LEVELS[level]

    def _dawdle(self) -> None:
        if self.state.jitter_s:
            time.sleep(self.state.dice.random() * self.state.jitter_s)

    def _fault(self, method: str, path: str) -> Fault | None:
        with self.state.lock:
            for fault in self.state.faults:
                if fault.times > 0 and fault.method in (method, "*") and fault.path in path:
                    fault.times -= 1
                    return fault
        return None

    def _fail(self, fault: Fault) -> None:
        if fault.kind.startswith("drop"):
            self.close_connection = True
            self.connection.close()
            return
        self._send(Reply(fault.status, {"message": fault.message}, fault.headers), "", "")

    def _download(self, number: int) -> None:
        if self.headers.get("Authorization"):
            self.state.problems.append("the token was sent to another host")
        self._write(200, self.state.contents[number], {"Content-Type": "application/zip"})

    def _send(self, reply: Reply, path: str, query: str) -> None:
        if ".full+json" in (self.headers.get("Accept") or ""):
            for one in reply.body if isinstance(reply.body, list) else []:
                one |= {"body_html": one.get("body"), "body_text": one.get("body")}
        body = b"" if reply.status in (204, 302) else json.dumps(reply.body).encode()
        self._write(reply.status, body, {"Content-Type": "application/json; charset=utf-8", **(reply.headers or {})})

    def _write(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
