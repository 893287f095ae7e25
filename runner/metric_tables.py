"""Tables of metrics, CSV and TSV: which columns are numbers, and what a line of them says."""

import csv
import io
from collections.abc import Iterator

STEP_NAMES = ("step", "epoch", "iteration", "iter", "batch", "global_step", "epochs", "steps")
"""Columns and keys that say when a point was measured, in lower case."""


class BadTable(ValueError):
    """A line that does not fit the others; `line` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def table_rows(text: str, separator: str) -> Iterator[dict[str, float]]:
    """Each line below the header as the numbers in it; columns that hold other text than numbers are left out.

    An empty cell is no point. A last line without its end of line that is too short was cut off, and is passed over.
    """
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise BadTable(reader.line_num, f"not a table: {error}") from None
    if not lines:
        raise BadTable(1, "expected a header with the names of the columns, found nothing")
    header = [cell.strip() for cell in lines[0][1]]
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise BadTable(1, f"column {twice!r} appears twice")
    body = lines[1:]
    if body and len(body[-1][1]) < len(header) and not text.endswith(("\n", "\r")):
        body.pop()
    for line, cells in body:
        if len(cells) != len(header):
            raise BadTable(line, f"expected {len(header)} columns, found {len(cells)}")
    columns = [i for i, name in enumerate(header) if name and all(_fits(cells[i]) for _, cells in body)]
    for _, cells in body:
        yield {header[i]: float(cells[i]) for i in columns if cells[i].strip()}


def _fits(cell: str) -> bool:
    if not cell.strip():
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python takes 1_000, tables do not mean it
