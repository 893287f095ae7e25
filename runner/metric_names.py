"""Any text as a metric name that reports can show without escaping."""

import re

MAX_LENGTH = 64
_OTHER = re.compile(r"[^A-Za-z0-9_./:@%+=\-]+")


def metric_name(text: str) -> str:
    """`text` with every run of other characters as one `_`, cut to 64; "metric" where nothing is left."""
    return _OTHER.sub("_", text.strip()).strip("_")[:MAX_LENGTH] or "metric"
