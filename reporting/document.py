"""The values a report consists of: lines of marked-up words, tables, folded sections, charts."""

from enum import IntEnum, StrEnum
from typing import Literal

from experiment.snapshot import CurveBand
from experiment.value import Double, Value
from reporting.decision import GateResult, Judgement
from reporting.sweep_document import SweepChart

SCHEMA_VERSION: Literal[1] = 1


class Style(StrEnum):
    """How a span is set. What comes from data is never PLAIN or STRONG alone: `reporting.markdown` sees to it."""

    PLAIN = "plain"
    STRONG = "strong"
    CODE = "code"
    STRONG_CODE = "strong code"
    COMMIT = "commit"  # a git commit; GitHub makes a link of it


class Span(Value):
    """A few words in one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Span, ...]
"""A sentence or a table cell."""


def line(*parts: "str | Span | Line") -> Line:
    """One line of strings (our prose), spans and other lines."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            spans.append(Span(text=part))
        elif isinstance(part, Span):
            spans.append(part)
        else:
            spans.extend(part)
    return tuple(span for span in spans if span.text)


def told(pattern: str, *parts: "Span | Line") -> Line:
    """A sentence of ours with a part for each `{}`: told("Undo the change in {}.", code("train.py"))."""
    pieces = pattern.split("{}")
    joined = line(pieces[0])
    for part, piece in zip(parts, pieces[1:], strict=True):
        joined = line(joined, part, piece)
    return joined


def listed(items: "list[Line]", *, most: int | None = None, separator: str = ", ") -> Line:
    """Items in a row; those beyond `most` are counted."""
    joined: Line = ()
    for item in items[:most]:
        joined = line(joined, separator if joined else "", item)
    left = 0 if most is None else max(len(items) - most, 0)
    return line(joined, f" and {left:,} more" if left else "")


def strong(text: str) -> Span:
    """Words of ours that are read first."""
    return Span(text=text, style=Style.STRONG)


def code(text: str) -> Span:
    """Anything that comes from data, and what a person types."""
    return Span(text=text, style=Style.CODE)


def commit(text: str | None) -> Span:
    """The first seven digits of a commit."""
    return Span(text="outside git") if text is None else Span(text=text[:7], style=Style.COMMIT)


def text_of(words: Line) -> str:
    """The line without marks, for terminals, titles and alternative texts."""
    return "".join(span.text for span in words)


class Detail(IntEnum):
    """What is left out first when a report is too long, in this order. ESSENTIAL never is; PAGE stands on the HTML
    page alone."""

    PAGE = -1
    CURVES = 0
    LOGS = 1
    PACKAGES = 2
    UNGATED = 3
    RUNS = 4
    SURROUNDINGS = 5
    HELD = 6
    OTHERS = 7
    ESSENTIAL = 8


LEFT_OUT = {
    Detail.CURVES: "the numbers behind the figures",
    Detail.LOGS: "the ends of the logs",
    Detail.PACKAGES: "full lists of packages and files",
    Detail.UNGATED: "metrics that do not gate",
    Detail.RUNS: "the tables of single runs",
    Detail.SURROUNDINGS: "environment, data and hardware",
    Detail.HELD: "metrics that neither moved nor failed",
    Detail.OTHERS: "every metric but the one that decided",
}


class Row(Value):
    """A row of cells, and when it may be left out."""

    cells: tuple[Line, ...]
    detail: Detail = Detail.ESSENTIAL


class Table(Value):
    """A table; `right[i]` sets column i flush right (numbers)."""

    kind: Literal["table"] = "table"
    caption: str
    head: tuple[Line, ...]
    right: tuple[bool, ...]
    rows: tuple[Row, ...]
    detail: Detail = Detail.ESSENTIAL


class Paragraph(Value):
    """A sentence or more, possibly as one of several bullets."""

    kind: Literal["paragraph", "bullet"] = "paragraph"
    words: Line
    detail: Detail = Detail.ESSENTIAL


class Verbatim(Value):
    """Lines shown as they are: a command, the end of a log."""

    kind: Literal["verbatim"] = "verbatim"
    text: str
    detail: Detail = Detail.ESSENTIAL


class Picture(Value):
    """Where the chart with this number is shown."""

    kind: Literal["picture"] = "picture"
    chart: int
    detail: Detail = Detail.ESSENTIAL


Block = Table | Paragraph | Verbatim | Picture


class Section(Value):
    """Something folded below a title."""

    title: str
    blocks: tuple[Block, ...]
    detail: Detail = Detail.ESSENTIAL


class Side(Value):
    """One side of a chart: every finite final value, their mean and standard deviation, and the curve over seeds."""

    label: str  # "baseline", "this commit"
    values: tuple[Double, ...]
    mean: Double | None
    sd: Double | None
    not_finite: int = 0
    failed: int = 0
    curve: CurveBand | None = None


class Chart(Value):
    """Everything a figure of values shows; drawn by `reporting.figures`. Numbers are in units of the metric."""

    kind: Literal["values"] = "values"
    metric: str
    unit: str
    sides: tuple[Side, ...]
    margin: Double | None = None  # drawn as a band of ± margin around the mean of the first side
    margin_words: str = ""  # "margin ± 0.005"
    decimals: int
    exponent: int = 0
    alt: str  # what the figure shows, in words


class GapChart(Value):
    """How far two runs of one seed are apart, step by step: |a - b| / max(|a|, |b|), on a logarithmic axis."""

    kind: Literal["gap"] = "gap"
    metric: str
    label: str  # "seed 0, run twice"
    step: tuple[int, ...]
    gap: tuple[Double, ...]
    lasting: Double  # the gap above which it can be seen in a result
    alt: str


AnyChart = Chart | GapChart | SweepChart


class Document(Value):
    """All a report says, in the order it is said, whatever it is about."""

    experiment: str
    heading: Line
    lead: tuple[Line, ...]
    blocks: tuple[Block, ...]  # what stands in the open
    charts: tuple[AnyChart, ...]
    shown: int = 0  # how many of the charts, from the first on, stand in the open: those a comment needs as files
    sections: tuple[Section, ...]
    footer: Line
    whole: Line  # where the whole report is

    @property
    def tone(self) -> str:
        """Which of the page's classes it has: "passed", "failed" or another."""
        raise NotImplementedError


class Report(Document):
    """A training's report: in the open are the table of metrics, the figure, the three questions."""

    schema_version: Literal[1] = SCHEMA_VERSION
    judgement: Judgement
    gate: GateResult

    @property
    def tone(self) -> str:
        """What the gate says."""
        return self.gate.value.replace(" ", "-")


class SweepReport(Document):
    """A sweep's report. `found`: whether any trial ended well."""

    schema_version: Literal[1] = SCHEMA_VERSION
    found: bool

    @property
    def tone(self) -> str:
        """Green where there is a best trial."""
        return "passed" if self.found else "failed"
