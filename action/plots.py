"""How the figures of a report get into a comment: as files on a branch, as Mermaid text, or in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from action import data_branch, mermaid
from action.forge.forge import Forge
from action.forge.refusals import ForgeFailed, MayNot
from action.inputs import Plots
from action.publish import Place
from reporting.document import AnyChart, Document
from reporting.render import Drawing, Link, Shown


@dataclass(frozen=True)
class Figures:
    """What shows the first charts of a report, and what could not be done."""

    shown: tuple[Shown, ...] = ()
    notes: tuple[str, ...] = ()


def figures(report: Document, plots: Plots, forge: Forge | None, place: Place, server_url: str) -> Figures:
    """The figures that the comment shows, in the way the input `plots` asks for.

    auto: on the branch if the token may write there, else Mermaid. A branch that cannot be written is never a failure.
    """
    charts = report.charts[: report.shown]
    if not charts or plots is Plots.NONE:
        return Figures()
    if plots is Plots.MERMAID or forge is None:
        return Figures(_drawn(charts))
    try:
        return Figures(_uploaded(charts, forge, place, server_url))
    except MayNot as error:
        note = () if plots is Plots.AUTO else (f"figures are drawn in the comment: {error.reason}",)
        return Figures(_drawn(charts), note)
    except ForgeFailed as error:
        return Figures(_drawn(charts), (f"figures are drawn in the comment: {error.reason}",))


def _drawn(charts: Sequence[AnyChart]) -> tuple[Shown, ...]:
    """Drawings of the charts up to the first that has none: the report then puts the rest in words."""
    drawn = [(chart, mermaid.diagrams(chart)) for chart in charts]
    return tuple(Drawing(sources, mermaid.legend(chart)) for chart, sources in takewhile(lambda pair: pair[1], drawn))


def _uploaded(charts: Sequence[AnyChart], forge: Forge, place: Place, server_url: str) -> tuple[Shown, ...]:
    folder = data_branch.folder_of(place)
    pairs = [
        {f"{folder}/{number}-{theme}.png": content for theme, content in _pngs(chart).items()}
        for number, chart in enumerate(charts)
    ]
    files = {path: content for pair in pairs for path, content in pair.items()}
    branch = data_branch.upload(forge, files, f"Figures of {place.experiment}, run {place.age.run}")
    return tuple(Link(*(data_branch.address(server_url, forge.repository, branch, path) for path in p)) for p in pairs)


def _pngs(chart: AnyChart) -> Mapping[str, bytes]:
    from reporting.figures import DARK, LIGHT, png

    return {"light": png(chart, LIGHT), "dark": png(chart, DARK)}
