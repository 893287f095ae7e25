"""Running a tool: its words on failure, nothing left of it afterwards."""

import os
import sys
import time
from pathlib import Path

import pytest

from runner.process import TAIL_LINES, CommandFailed, CommandMissing, CommandTimedOut, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    """Whether the process ends within a minute; a zombie that waits for init has ended."""
    for _ in range(1200):
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_output_and_messages_are_kept_apart() -> None:
    done = run(python("import sys; print('out'); print('err', file=sys.stderr)"), env={}, cwd=Path("/"), timeout=60)
    assert (done.output, done.messages) == ("out\n", "err")


def test_a_tool_gets_the_variables_it_is_given_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    code = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"  # LC_CTYPE: Python's own, for UTF-8
    assert run(python(code), env={"A": "1"}, cwd=Path("/"), timeout=60).output == "['A']\n"


def test_a_failure_shows_status_and_the_last_lines() -> None:
    code = "import sys\nfor n in range(100): print('line', n, file=sys.stderr)\nsys.exit(7)"
    with pytest.raises(CommandFailed) as caught:
        run(python(code), env={}, cwd=Path("/"), timeout=60)
    assert caught.value.status == 7
    assert caught.value.messages.splitlines() == [f"line {n}" for n in range(100 - TAIL_LINES, 100)]
    assert "exit status 7" in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_signal_is_named() -> None:
    with pytest.raises(CommandFailed, match="killed by signal 9"):
        run(python("import os; os.kill(os.getpid(), 9)"), env={}, cwd=Path("/"), timeout=60)


def test_a_missing_tool_is_named() -> None:
    with pytest.raises(CommandMissing, match="no-such-tool cannot be started: No such file or directory"):
        run(["no-such-tool"], env={}, cwd=Path("/"), timeout=60)


def test_a_tool_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(CommandTimedOut, match="did not end within 3 s"):
        run(python(code), env={}, cwd=Path("/"), timeout=3)
    assert gone(int((tmp_path / "pid").read_text(encoding="ascii")))


def test_an_exception_while_listening_leaves_nothing_running() -> None:
    heard: list[int] = []

    def interrupted(line: str) -> None:
        heard.append(int(line))
        raise KeyboardInterrupt

    code = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run(python(code), env={}, cwd=Path("/"), timeout=60, hear=interrupted)
    assert gone(heard[0])


def test_a_held_file_is_open_in_the_tool(tmp_path: Path) -> None:
    with (tmp_path / "held").open("w") as file:
        code = f"import os; print(os.fstat({file.fileno()}).st_ino)"
        done = run(python(code), env={}, cwd=Path("/"), timeout=60, hold=[file.fileno()])
        assert int(done.output) == os.fstat(file.fileno()).st_ino
