"""A page in a real headless Chromium, spoken to by its debugging protocol over a pipe: keys, pointer, media, PDF."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36}


class Page:
    """One open page."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = os.fdopen(send, "wb"), os.fdopen(receive, "rb")
        self._number, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []

    def open(self, url: str) -> None:
        """Load a page whole; what it logs and asks the network for is among `events`."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")
        self.ask("Page.navigate", url=url)
        self._loaded()

    def reload(self) -> None:
        """Load it again, whole."""
        self.events.clear()
        self.ask("Page.reload")
        self._loaded()

    def _loaded(self) -> None:
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def ask(self, method: str, **params: Any) -> Any:
        """One command and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        self._send.flush()
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                return found["result"]
            if "method" in found:
                self.events.append(found)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._receive.read1(65536)
            assert more, "Chromium ended"
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def value(self, expression: str) -> Any:
        """What a JavaScript expression, or a promise of one, comes to."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def emulate(self, what: str, **params: Any) -> None:
        """Another medium, size or wish of the reader; returns when the page is drawn so: what `content-visibility`
        hid is there only in a frame after it.
        """
        self.ask(f"Emulation.set{what}", **params)
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def texts(self, selector: str) -> list[str]:
        """The text of every element found, as a reader sees it."""
        shown: list[str] = self.value(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)")
        return shown

    def press(self, key: str) -> None:
        """A key, down and up."""
        for kind in ("keyDown", "keyUp"):
            text = {"Enter": "\r", " ": " "}.get(key, "") if kind == "keyDown" else ""
            code = {"windowsVirtualKeyCode": KEYS[key]}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text, **code)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self.ask("Input.insertText", text=text)

    def point(self, selector: str, x: float, y: float) -> None:
        """Move the pointer to fractions of an element."""
        box = self.value(
            f"(e => (e.scrollIntoView(), e.getBoundingClientRect().toJSON()))(document.querySelector({selector!r}))"
        )
        at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", **at)

    def accessible(self) -> list[dict[str, Any]]:
        """Role, name and value of all that a screen reader meets."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        parts = ("role", "name", "value")
        return [{part: n.get(part, {}).get("value", "") for part in parts} for n in nodes if not n.get("ignored")]

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.ask("Page.printToPDF")["data"])

    def screenshot(self, path: Path) -> None:
        """All of the page, for people."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def opened(file: Path, profile: Path) -> Iterator[Page]:
    """The file in a Chromium of its own, which keeps its things in `profile`."""
    (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
    # The protocol is spoken on descriptors 3 and 4, where the shell puts our ends.
    command = f'exec "$@" 3<&{their_in} 4>&{their_out}'
    process = subprocess.Popen(
        ["bash", "-c", command, "bash", "chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(their_in, their_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(their_in)
    os.close(their_out)
    page = Page(our_out, our_in)
    try:
        page.open(file.as_uri())
        yield page
    finally:
        process.terminate()
        process.wait(30)
        page._send.close()
        page._receive.close()
