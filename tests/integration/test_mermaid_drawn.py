"""Mermaid's own package draws every chart we write, in a real browser: no syntax error, nothing cut."""

import html
import os
import re
import subprocess
from pathlib import Path

import pytest
import sweep_cases
from chart_cases import CHARTS

from action.mermaid import diagrams
from reporting.document import AnyChart
from reporting.sweep_report import build

VERSION = "11.12.0"
"""GitHub names its version nowhere but in the answer to an `info` diagram; it follows the 11th."""
PAGE = """<!doctype html><meta charset=utf-8><script src="{script}"></script><body>{blocks}<script>
mermaid.initialize({{startOnLoad: false}});
(async () => {{
  for (const block of document.querySelectorAll("pre")) {{
    const out = document.createElement("p");
    try {{ await mermaid.parse(block.textContent);
      out.innerHTML = (await mermaid.render("g" + block.id, block.textContent)).svg;
      out.className = "drawn"; }}
    catch (error) {{ out.className = "failed"; out.textContent = error.message; }}
    out.title = block.title; document.body.append(out);
  }}
  document.body.append(Object.assign(document.createElement("i"), {{id: "end"}}));
}})();
</script>
"""


def package() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "ml-experiment-tests" / f"mermaid-{VERSION}"
    script = folder / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *options, f"mermaid@{VERSION}"], check=True, cwd=folder, timeout=300)
    return script


@pytest.mark.browser
@pytest.mark.network
@pytest.mark.node
def test_mermaid_draws_every_chart(tmp_path: Path) -> None:
    charts: dict[str, AnyChart] = {**CHARTS}
    for name, study in sweep_cases.CASES.items():  # what a sweep's step summary draws
        report = build(study())
        charts |= {f"sweep {name} {chart.kind}": chart for chart in report.charts[: report.shown]}
    every = [(name, text) for name, chart in charts.items() for text in diagrams(chart)]
    assert sum(name.startswith("sweep ") for name, _ in every) > 5
    blocks = "".join(
        f'<pre id="{i}" title="{html.escape(name)}">{html.escape(text)}</pre>' for i, (name, text) in enumerate(every)
    )
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(script=package().as_uri(), blocks=blocks), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"]
    done = subprocess.run(
        ["chromium", *options, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    assert 'id="end"' in done.stdout
    assert re.findall(r'<p class="failed" title="([^"]*)">([^<]*)', done.stdout) == []
    assert done.stdout.count('<p class="drawn"') == len(every) > 20
