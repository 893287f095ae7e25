"""A run's output: every line heard once, a log that keeps head and tail, no reader left behind."""

import itertools
import os
import threading
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from runner.output import HEAD_BYTES, TAIL_BYTES, BoundedLog, Lines, follow

KIB64 = 64 * 1024


def a_log(*chunks: bytes) -> BoundedLog:
    log = BoundedLog()
    for chunk in chunks:
        log.add(chunk)
    return log


def heard(chunks: Iterable[bytes]) -> tuple[list[str], BoundedLog]:
    """The lines of what a process writes piece by piece before it closes its end."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for chunk in chunks:
                pipe.write(chunk)

    lines: list[str] = []
    log, writer = BoundedLog(), threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        follow(pipe, Lines(log, lines.append), threading.Event())
    writer.join()
    return lines, log


def test_a_short_log_is_kept_whole() -> None:
    assert a_log(b"one\n", b"two\n").content() == b"one\ntwo\n"


def test_a_long_log_keeps_head_and_tail_and_says_how_much_is_missing() -> None:
    log = a_log(b"H" * HEAD_BYTES, b"m" * 1000, b"T" * TAIL_BYTES)
    gap = "\n[… 1000 bytes left out by ml-experiment …]\n".encode()
    assert log.content() == b"H" * HEAD_BYTES + gap + b"T" * TAIL_BYTES


@given(st.lists(st.integers(1, 700_000), max_size=12))
def test_however_output_is_cut_the_log_is_the_same(sizes: list[int]) -> None:
    data = (b"0123456789" * (sum(sizes) // 10 + 1))[: sum(sizes)]
    cuts = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    pieces = a_log(*(data[a:b] for a, b in itertools.pairwise(cuts)))
    assert pieces.total == len(data)
    assert pieces.content() == a_log(data).content()
    assert pieces.last_lines(1) == data[-8192:].decode()


def test_the_last_lines_span_head_and_tail() -> None:
    assert a_log(b"a" * (HEAD_BYTES - 3) + b"\nx", b"y\nz\n").last_lines(2) == "xy\nz"


def test_last_lines_of_a_progress_bar_are_its_states() -> None:
    assert a_log(b"10%\r50%\r100%\n").last_lines(2) == "50%\n100%"


def test_every_line_is_heard_once_however_it_arrives() -> None:
    lines, log = heard([b"epo", b"ch 1\nepoch 2\n", b"\n", b"epoch 3"])
    assert lines == ["epoch 1", "epoch 2", "epoch 3"]
    assert log.content() == b"epoch 1\nepoch 2\n\nepoch 3"


def test_a_progress_bar_is_heard_state_by_state() -> None:
    bar = [f"\rstep {i}: loss 0.5".encode() for i in range(5000)]
    assert heard(bar)[0] == [f"step {i}: loss 0.5" for i in range(5000)]
    assert heard([b"dos\r\nlines\r\n"])[0] == ["dos", "lines"]


def test_a_line_without_end_is_cut_at_64_kib() -> None:
    lines, log = heard([b"x" * 50_000, b"x" * 50_000, b"tail\nnext\n"])
    assert lines == ["x" * KIB64, "next"]
    assert log.total == 100_010


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert heard([b"\xff\xfe loss\n"])[0] == ["�� loss"]


def test_what_a_pipe_holds_at_the_end_is_read_though_another_keeps_it_open() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"last words\nand")
    ended, lines = threading.Event(), list[str]()
    ended.set()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        follow(pipe, Lines(BoundedLog(), lines.append), ended)
    os.close(writing)
    assert lines == ["last words", "and"]


def test_one_that_got_away_and_writes_for_ever_is_not_followed() -> None:
    reading, writing = os.pipe()
    ended, log = threading.Event(), BoundedLog()
    ended.set()

    def flood() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            try:
                while True:
                    pipe.write(b"spam\n" * 1000)
            except BrokenPipeError:
                pass

    writer = threading.Thread(target=flood)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        os.write(writing, b"first")
        writer.start()
        follow(pipe, Lines(log, lambda _: None), ended)
    writer.join()
    assert log.content().startswith(b"first")
