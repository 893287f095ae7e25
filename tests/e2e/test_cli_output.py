"""Output that nobody reads, or that has no room: the exit code is still what was found, or says that it is lost."""

import os
from pathlib import Path

import pytest
from repositories import Repository

BASELINE = "baselines/tiny.json"
LIMIT_S = 60.0


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("baseline", "show", "--json"), 0),
        (("compare", BASELINE, BASELINE, "--json"), 0),
        (("--version",), 0),
        (("reproduce", "elsewhere"), 2),
        (("reproduce", "elsewhere", "--json"), 2),
        (("reproduce", "--nope"), 2),
        (("compare", BASELINE, "elsewhere", "--json"), 2),
        (("reproduce",), 130),
    ],
    ids=str,
)
def test_where_nobody_reads_the_exit_code_is_what_was_found(
    accepted: Repository, args: tuple[str, ...], code: int
) -> None:
    """1 would be a regression, and is what Python ends with where it cannot write."""
    reading, writing = os.pipe()
    os.close(reading)
    process = accepted.start(*args, stdout=writing, stderr=writing)
    os.close(writing)
    assert process.wait(LIMIT_S) == code


@pytest.mark.parametrize("args", [("reproduce",), ("reproduce", "--json"), ("baseline", "show", "--json")], ids=str)
def test_where_the_output_has_no_room_it_is_named_and_no_success(accepted: Repository, args: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = accepted.start(*args, stdout=full)
        _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 3
    assert "what is printed here cannot be written: No space left on device\n  make room where it goes" in err
    assert not list(accepted.state.glob("bug-*"))
