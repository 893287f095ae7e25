"""MLflow: every finished run is imported there by a process of its own; training and verdict never wait for it.

`start(folders, destination_for(...))` returns at once with an `Import`; its `finish` waits a bounded time and answers
with notes for the report. Nothing here raises because of MLflow.
"""

from runner.tracking.destination import Destination, destination_for
from runner.tracking.importing import Import, start

__all__ = ["Destination", "Import", "destination_for", "start"]
