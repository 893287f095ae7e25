"""The declared data: there, and the bytes that were declared."""

from pathlib import Path

from experiment.errors import Refused
from experiment.spec import DataFile
from runner import source


class DataMissing(Refused):
    """A declared file is not there."""


class DataMismatch(Refused):
    """A declared file has other bytes than the experiment file says."""


def check(files: tuple[DataFile, ...], folder: Path) -> dict[str, str]:
    """Declared path -> SHA-256 of the file as it is now. Raises DataMissing, DataMismatch."""
    found = {}
    for file in files:
        sha256 = source.sha256(folder / file.path)
        if sha256 is None:
            raise DataMissing(
                f"ml-experiment.yaml: data: {file.path} {_instead(folder / file.path)} (looked in {folder})\n"
                "  put the file there, or take it out of 'data'\nnothing was run"
            )
        if file.sha256 is not None and file.sha256 != sha256:
            raise DataMismatch(
                f"ml-experiment.yaml: data: {file.path} is not the declared file\n"
                f"  expected sha256 {file.sha256}\n  found    sha256 {sha256}\n"
                "  get the declared file, or write the new digest if the change is meant\nnothing was run"
            )
        found[file.path] = sha256
    return found


def _instead(path: Path) -> str:
    if path.is_dir():
        return "is a folder, name the files in it"
    return "cannot be read" if path.exists() else "is not there"
