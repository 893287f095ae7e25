"""Guesses, for `init`, which metrics a script prints, and a pattern that reads each of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from runner.metric_names import metric_name
from runner.printed import MAX_LINE, PatternReader

MAX_LINES = 100_000
MAX_GUESSES = 200
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)"
_END = r"(?![\w/]|[.:]\d)"  # neither a unit, nor a version, a clock time, a fraction
_WORD = r"[A-Za-z][\w/@.\-]*"
_NAME = rf"(?<![\w/.\-]){_WORD}(?: {_WORD}){{0,3}}"
_NOUNS = r"loss|acc|accuracy|auc|f1|mse|rmse|mae|error|perplexity|ppl|bleu|score|r2|iou|dice|reward|bpb|bpc|nll"
_PLAIN_VALUE = r"\s*[:=]\s*(?P<value>[-+.\w]+)"
# Accuracy: 9833/10000 (98%)
_RATIO = r"\s?[:=]\s{0,8}\d+/\d+ \((?P<value>" + _NUMBER + r")%\)"
_FORMS = (  # how the number follows the name; tried in this order at every name
    _RATIO,
    r"\s?[:=]\s{0,8}(?P<value>" + _NUMBER + r")(?=%(?!\s*[|\[]))",  # no progress bar
    r"\s?[:=]\s{0,8}(?P<value>" + _NUMBER + ")(?!%)" + _END,
)
_BARE = r"\s(?P<value>[-+]?\d*\.\d+(?:[eE][-+]?\d+)?)" + _END  # val loss 4.2823
_FOUND = [re.compile(f"(?P<name>{_NAME}){form}", re.I) for form in _FORMS]
_FOUND_BARE = re.compile(rf"(?P<name>(?<![\w/.\-])(?:{_WORD} ){{0,2}}(?:{_NOUNS})){_BARE}", re.I)
_SCOPE = re.compile(r"(?<![A-Za-z])(train|training|val|valid|validation|test|eval|dev)(?![A-Za-z])", re.I)
_STEP = r"(?<![A-Za-z])(?:epoch|step|iteration|iter)(?![A-Za-z])\W{1,3}"
_FIND_STEP = re.compile(rf"(?P<word>{_STEP})(?P<step>\d+)(?![\d.]*%)", re.I)
_NO_METRIC = re.compile(
    r"(?:^|[ _])(?:epochs?|steps?|iter|iterations?|batch|batch_size|size|time|elapsed|eta|duration|seconds|secs?|"
    r"minutes|ms|seed|lr|learning[ _]rate|params?|parameters|port|pid|version|device|workers|threads|samples|examples|"
    r"line|fps|it|throughput|memory|mem|gb|mb|gpu|shape|dim|hidden|layers|momentum|decay|patience)$",
    re.I,
)


_COMPLAINT = re.compile(r"\.py:\d+: |^\s*File \".*\", line \d+")


class Guess(NamedTuple):
    """A metric name of ours, the values its pattern reads from the lines, and the pattern."""

    name: str
    values: list[float]
    pattern: str


@dataclass
class _Seen:
    name: str
    scope: str | None
    form: str
    steps: list[tuple[str, int]] = field(default_factory=list)
    lines: int = 0


def guess(lines: Iterable[str]) -> list[Guess]:
    """Numbers printed as `name: value`, `name = value`, `name: 97.5%`, `val loss 4.28`, in the order first seen.

    A name that is printed for training and for testing alike is told apart by the word before it: `test/accuracy`.
    Where the epoch or step stands on the same line and only grows, the pattern reads it too. Every proposed pattern has
    been tried on the lines.
    """
    parts = [part[:MAX_LINE] for line in lines for part in line.replace("\r", "\n").splitlines()][:MAX_LINES]
    kept = list(_without_complaints(parts))
    seen: dict[tuple[str, str | None], _Seen] = {}
    for line in kept:
        for name, scope, form, start in dict.fromkeys(_in_line(line)):
            key = (name.lower(), scope and scope.lower())
            if key not in seen and len(seen) >= MAX_GUESSES:
                continue
            entry = seen.setdefault(key, _Seen(name, scope, form))
            entry.lines += 1
            before = _FIND_STEP.search(line, 0, start)
            if before is not None:
                entry.steps.append((before["word"].strip(" :[=(#\t"), int(before["step"])))
    found = (_proposal(entry, kept) for entry in seen.values())
    return [proposal for proposal in found if proposal.values]


def _without_complaints(lines: Iterable[str]) -> Iterable[str]:
    """Without Python's warnings and tracebacks, and the line of code that each of them quotes."""
    quoted = False
    for line in lines:
        complaint = _COMPLAINT.search(line) is not None
        if not complaint and not (quoted and line[:1].isspace()):
            yield line
        quoted = complaint


def _in_line(line: str) -> Iterable[tuple[str, str | None, str, int]]:
    taken = 0
    while taken < len(line):
        tried = [(match, form) for match, form in _candidates(line, taken) if match is not None]
        if not tried:
            return
        match, form = min(tried, key=lambda found: (found[0].start("value"), found[0].start()))
        taken = match.end()
        name = match["name"]
        if not _NO_METRIC.search(name):
            scopes = [] if _SCOPE.search(name) else _SCOPE.findall(line, 0, match.start())
            yield name, scopes[-1] if scopes else None, form, match.start()


def _candidates(line: str, start: int) -> Iterable[tuple[re.Match[str] | None, str]]:
    for pattern, form in zip(_FOUND, _FORMS, strict=True):
        yield pattern.search(line, start), form
    yield _FOUND_BARE.search(line, start), _BARE


def _proposal(entry: _Seen, lines: list[str]) -> Guess:
    """The plainest pattern that reads just what the strict one reads: people will have it in their file."""
    name = metric_name(f"{entry.scope}/{entry.name}" if entry.scope else entry.name).lower()
    strict = _strict(entry)
    wanted = _points(name, strict, lines)
    pattern = next((plain for plain in _plain(entry) if _points(name, plain, lines) == wanted), strict)
    return Guess(name, [float(value) for _, value in wanted], pattern)


def _points(name: str, pattern: str, lines: list[str]) -> list[tuple[int, str]]:
    reader = PatternReader({name: pattern})
    return [(point.step, repr(point.value)) for line in lines for point in reader.feed(line, 0.0)]


def _step_word(entry: _Seen) -> str | None:
    """The word before the step, where every line has one, the same, and the step only grows."""
    words, steps = {word for word, _ in entry.steps}, [step for _, step in entry.steps]
    grows = len(steps) == entry.lines > 1 and all(a < b for a, b in pairwise(steps))
    return words.pop() if grows and len(words) == 1 else None


def _plain(entry: _Seen) -> Iterable[str]:
    value = {_RATIO: r".*?\((?P<value>[-+.\w]+)%", _BARE: r"\s+(?P<value>[-+.\w]+)"}
    body = rf"\b{_literal(entry.name)}{value.get(entry.form, _PLAIN_VALUE)}"
    scope = "" if entry.scope is None else rf"\b{entry.scope}\b.*?"
    word = _step_word(entry)
    step = "" if word is None else rf"\b{word}\W+(?P<step>\d+).*?"
    for flags in ("", "(?i)"):
        yield f"{flags}{step}{scope}{body}"
        yield f"{flags}{step}{scope}(?<!\\w ){body}"


def _literal(text: str) -> str:
    return re.escape(text).replace("\\ ", " ").replace("\\-", "-")


def _strict(entry: _Seen) -> str:
    body = rf"(?<![\w/.\-])(?<![A-Za-z] ){_literal(entry.name)}{entry.form}"
    if entry.scope is not None:
        body = rf"(?<![A-Za-z]){entry.scope}(?![A-Za-z])(?:(?!{_SCOPE.pattern}).)*?{body}"
    word = _step_word(entry)
    if word is not None:
        body = rf"(?<![A-Za-z]){word}(?![A-Za-z])\W{{1,3}}(?P<step>\d+).*?{body}"
    return f"(?i){body}"
