"""A report as Markdown that fits a comment, and as one HTML file that needs nothing else."""

import base64
import hashlib
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from reporting import hover, markdown
from reporting.document import LEFT_OUT, Block, Detail, Document, Line, Picture, Span, Style, Table, text_of
from reporting.theme import COMMENT_WIDTH

if TYPE_CHECKING:
    from jinja2 import Environment

LIMIT = 65_000
"""UTF-8 bytes of Markdown; GitHub's own limit is 65,536 characters."""


@dataclass(frozen=True)
class Link:
    """Addresses of one figure for light and dark pages."""

    light: str
    dark: str


@dataclass(frozen=True)
class Drawing:
    """Mermaid text of one figure: GitHub draws it where the report stands, without a file."""

    sources: tuple[str, ...]
    legend: str


Shown = Link | Drawing
"""How a figure of a chart is shown in Markdown."""


def to_markdown(report: Document, links: Sequence[Shown] = (), limit: int = LIMIT) -> str:
    """The report as GitHub-flavoured Markdown of at most `limit` UTF-8 bytes.

    `links` show the first charts, `report.shown` of them or more; without them a figure is put in words. What is too
    long is rendered again with less in it, in the order of `Detail`; the text then says what was left out and where
    the whole is.
    """
    report = _with_pictures(report, len(links))
    text = ""
    for least in Detail:
        if least is Detail.PAGE:
            continue
        text = _markdown().get_template("report.md.j2").render(
            report=_without(report, least), links=links, left_out=_left_out(report, least)
        )  # fmt: skip
        if len(text.encode()) <= limit:
            break
    return text


def to_html(report: Document, figures: Sequence[str]) -> str:
    """The report as one HTML page that loads nothing; `figures` are `reporting.figures.svg` of each chart.

    Its one script is ours and is named by its digest in the page's policy: no other would run.
    """
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _html()
        .get_template("report.html.j2")
        .render(
            report=report,
            title=text_of(report.heading),
            figures=[Markup(svg) for svg in figures],
            hovers=[hover.as_json(chart) for chart in report.charts],
            script=Markup(script),
            script_hash=f"sha256-{digest}",
        )
    )


@cache
def _script() -> str:
    return files("reporting").joinpath("templates", "report.js").read_text(encoding="utf-8")


def _with_pictures(report: Document, linked: int) -> Document:
    """The report without folded pictures that have no address; what they show is among the numbers anyway."""
    sections = [
        section.model_copy(update={"blocks": blocks})
        for section in report.sections
        if (blocks := tuple(b for b in section.blocks if not isinstance(b, Picture) or b.chart < linked))
    ]
    return report.model_copy(update={"sections": tuple(sections)})


def _without(report: Document, least: Detail) -> Document:
    """The report without blocks and rows of less than `least`."""
    sections = [
        section.model_copy(update={"blocks": blocks})
        for section in report.sections
        if section.detail >= least and (blocks := _blocks(section.blocks, least))
    ]
    return report.model_copy(update={"blocks": _blocks(report.blocks, least), "sections": tuple(sections)})


def _blocks(blocks: Sequence[Block], least: Detail) -> tuple[Block, ...]:
    kept: list[Block] = []
    for block in blocks:
        if block.detail < least:
            continue
        if isinstance(block, Table):
            rows = tuple(row for row in block.rows if row.detail >= least)
            if rows:
                kept.append(block.model_copy(update={"rows": rows}))
        else:
            kept.append(block)
    return tuple(kept)


def _left_out(report: Document, least: Detail) -> str:
    """What is missing at this level, in words; only what the report would have had."""
    present = {section.detail for section in report.sections}
    for block in [*report.blocks, *(b for section in report.sections for b in section.blocks)]:
        present.add(block.detail)
        if isinstance(block, Table):
            present.update(row.detail for row in block.rows)
    return ", ".join(words for detail, words in LEFT_OUT.items() if detail < least and detail in present)


def _spans(words: Line) -> Markup:
    return Markup("".join(_STYLES[span.style](span) for span in words))


def _commit(span: Span) -> str:
    return span.text if markdown.is_commit(span.text) else markdown.code(span.text)


def _strong(span: Span) -> str:
    """Bold words; spaces at their ends go outside, where they do not undo the marks."""
    words = span.text.strip()
    before, after = span.text.partition(words)[::2]
    return f"{before}**{markdown.prose(words)}**{after}"


_STYLES: dict[Style, Callable[[Span], str]] = {
    Style.PLAIN: lambda span: markdown.prose(span.text),
    Style.STRONG: _strong,
    Style.CODE: lambda span: markdown.code(span.text),
    Style.STRONG_CODE: lambda span: f"**{markdown.code(span.text)}**",
    Style.COMMIT: _commit,
}


def _picture(link: Shown, alt: str) -> Markup:
    if isinstance(link, Drawing):
        drawn = [f"```mermaid\n{source}\n```\n" for source in link.sources]
        return Markup("\n".join([*drawn, f"{link.legend}. In words: {markdown.prose(alt)}.\n"]))
    light, dark, words = (html.escape(markdown.visible(text)) for text in (link.light, link.dark, alt))
    return Markup(
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{words}" src="{light}" width="{round(100 * COMMENT_WIDTH)}"></picture>'
    )


def _prose(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(markdown.prose(str(value)))


def _lines(text: str) -> str:
    return "\n".join(markdown.visible(line.replace("\t", "    ")) for line in text.splitlines())


@cache
def _markdown() -> "Environment":
    """Whatever a template prints without saying how passes `markdown.prose`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_prose,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "spans": _spans,
        "fence": lambda text: Markup(markdown.fence(text)),
        "picture": _picture,
        "ours": Markup,
    }
    return made


@cache
def _html() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else markdown.visible(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["lines"] = lambda text: Markup(html.escape(_lines(text)))
    return made
