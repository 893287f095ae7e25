"""The figure of importances: a bar for each parameter, and a line over what resampled sweeps gave."""

from typing import TYPE_CHECKING

from reporting.numbers import count
from reporting.sweep_document import ImportanceChart
from reporting.theme import Theme, style
from reporting.trial_marks import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR, _AROUND = 0.25, 0.78  # inches


def draw(figure: "Figure", chart: ImportanceChart, theme: Theme) -> None:
    """Greatest first."""
    k = len(chart.names)
    height = _AROUND + _BAR * k
    figure.set_figheight(height)
    axes = figure.add_axes((0.19, 0.44 / height, 0.645, _BAR * k / height))
    style(axes, theme)
    axes.set_ylim(k - 0.4, -0.6)
    axes.set_xlim(0.0, max(*chart.high, *chart.share, 0.1) * 1.04)
    axes.set_yticks(range(k), [short(name, 24) for name in chart.names])
    axes.barh(range(k), chart.share, height=0.62, color=theme.sides[0], alpha=0.75, linewidth=0, zorder=2)
    axes.hlines(range(k), chart.low, chart.high, colors=theme.ink, linewidth=1.4, zorder=3)
    axes.scatter([*chart.low, *chart.high], [*range(k), *range(k)], marker="|", s=34, color=theme.ink, linewidths=1.2,
                 zorder=3)  # fmt: skip
    for row, (share, low, high) in enumerate(zip(chart.share, chart.low, chart.high, strict=True)):
        text = f"{share:.2f} [{low:.2f} … {high:.2f}]"
        axes.text(1.01, row, text, transform=axes.get_yaxis_transform(), va="center", color=theme.faint, fontsize=7.5)
    axes.set_xlabel("share of the importance; all parameters together are 1", color=theme.ink)
    title = f"PED-ANOVA, n = {count(chart.trials, 'complete trial')}; line: 90 % of {chart.resamples} resamples"
    axes.set_title(title, loc="left", color=theme.ink, fontsize=9)
