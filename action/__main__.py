"""The Action's entry point: `python -m action`."""

import os
import sys

from action.github import run

if __name__ == "__main__":
    sys.exit(run(os.environ, sys.stdout))
