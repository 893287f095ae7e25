"""How GitHub's runner reads a step's log, written from its documentation: what it would obey of what a step prints."""

import re


class Runner:
    """Reads lines; `obeyed` are the commands it carried out, `lines` what a person sees, `stopped` whether it waits."""

    _COMMANDS = (
        "set-env|set-output|add-path|add-mask|add-matcher|remove-matcher|group|endgroup|error|warning|notice|debug|"
        "save-state|echo|stop-commands|internal-set-repo-path"
    )

    def __init__(self) -> None:
        self.obeyed: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.stopped: str | None = None

    def read(self, text: str) -> None:
        """Every line of `text`, which ends with a line end."""
        for line in re.split(r"\r\n|\n|\r", text)[:-1]:
            self._line(line)

    def _line(self, line: str) -> None:
        found = self._command(line)
        if self.stopped is not None:
            if found is not None and found[0] == self.stopped:
                self.stopped = None
            else:
                self.lines.append(line)
        elif found is None or not re.fullmatch(self._COMMANDS, found[0]):
            self.lines.append(line)
        elif found[0] == "stop-commands":
            self.stopped = found[1]
        else:
            self.obeyed.append(found)

    def _command(self, line: str) -> tuple[str, str] | None:
        trimmed = line.lstrip()
        end = trimmed.find("::", 2)
        if trimmed.startswith("::") and end > 2:
            return trimmed[2:end].split(" ")[0].lower(), _decoded(trimmed[end + 2 :])
        first = re.search(r"##\[([a-z-]+)[^\]]*\](.*)", line, re.IGNORECASE)
        return (first[1].lower(), first[2]) if first else None


def _decoded(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
