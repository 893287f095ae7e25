"""Where things are inside a container."""

from pathlib import PurePosixPath

HOME = PurePosixPath("/ml-experiment")
KIT = HOME / "kit"  # ours, read-only: the recorder and what asks an image what it consists of
DATA = HOME / "data"  # declared data, read-only: a volume for each file
WORK = HOME / "work"  # of one run, in capped memory, the only place that is kept when it ends
TREE = WORK / "tree"
STREAM = WORK / "stream"

RECORDER = KIT / "recorder"
PROBE = KIT / "probe.py"
TOUCHED = KIT / "touched.py"
RELAY = KIT / "relay.py"
