"""Writing a report where a person and the next job find it: Markdown, HTML, figures, bundle."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiment import bundle as bundles
from experiment.atomic import write_whole
from experiment.bundle import Bundle
from reporting.decision import Verdict
from reporting.differences import Differences, differences
from reporting.document import Document, Report
from reporting.report import build
from runner.store import CannotStore

if TYPE_CHECKING:
    from reporting.render import Link


@dataclass(frozen=True)
class Published:
    """Paths of what was written."""

    report: Path
    html: Path
    bundle: Path


def differences_of(bundle: Bundle) -> Differences | None:
    """What differs from the baseline; None without one."""
    if bundle.baseline is None:
        return None
    return differences(bundle.baseline.snapshot.configuration, bundle.candidate.configuration)


def publish(bundle: Bundle, verdict: Verdict, folder: Path) -> Published:
    """Write `report.md`, `report.html`, their figures and `bundle.zip` into `folder`. Raises CannotStore."""
    return write(bundle, build(bundle, verdict, differences_of(bundle)), folder)


def write(bundle: Bundle, found: Report, folder: Path) -> Published:
    """The same for a report that is built already. Raises CannotStore."""
    made = Published(folder / "report.md", folder / "report.html", folder / "bundle.zip")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(made.bundle, bundles.dumps(bundle))
        write_pages(found, made.report, made.html, folder / "figures")
    except OSError as error:
        raise CannotStore(folder, error) from None
    return made


def write_pages(found: Document, report: Path, html: Path, figures: Path) -> None:
    """Write the Markdown, the page, and the figures that the Markdown shows as files. OSError passes through."""
    from reporting.render import to_html, to_markdown

    shutil.rmtree(figures, ignore_errors=True)  # those of an earlier report would be taken for this one's
    drawn, links = _draw(found, figures) if found.charts else ([], [])
    write_whole(report, to_markdown(found, links).encode())
    write_whole(html, to_html(found, drawn).encode())


def _draw(found: Document, folder: Path) -> tuple[list[str], list["Link"]]:
    """The page's figures, and the comment's as files: only those that the comment shows."""
    from reporting.figures import DARK, LIGHT, png, svg
    from reporting.render import Link

    links = []
    for number, chart in enumerate(found.charts[: found.shown]):
        folder.mkdir(exist_ok=True)
        for name, theme in (("light", LIGHT), ("dark", DARK)):
            write_whole(folder / f"{number}-{name}.png", png(chart, theme))
        links.append(Link(f"{folder.name}/{number}-light.png", f"{folder.name}/{number}-dark.png"))
    return [svg(chart, number) for number, chart in enumerate(found.charts)], links
