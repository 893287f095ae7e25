"""Runs inside, after a training: prints which files of the tree were read or replaced, by their access times.

    python -I touched.py TREE NEVER

Names relative to TREE, each ended by a zero byte: those whose access time is not the NEVER (seconds) we gave them.
"""

import os
import sys


def main(tree: str, never: float) -> None:
    """Print the names."""
    out = sys.stdout.buffer
    folders = [tree]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_atime != never:
                    out.write(os.fsencode(os.path.relpath(entry.path, tree)) + b"\0")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
