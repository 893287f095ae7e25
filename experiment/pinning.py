"""Writes digests into the text of `ml-experiment.yaml` at their places: every other character stays as it is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from experiment.errors import Refused
from experiment.file import parse
from experiment.names import SHA256
from experiment.spec import DataFile, Experiment


class NotWritableByRule(Refused):
    """The digest's place cannot be found in the text: an alias, a merge key, an unusual layout. Nothing was changed."""


@dataclass(frozen=True)
class Entry:
    """A place that holds a digest now: `line` of the file, from 1, the key, and what it names."""

    line: int
    key: str  # "environment.image", "data[0]"
    names: str  # the path of a data file, or the image as it was
    changed: bool


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str
    entry: Entry


def with_digests(text: str, name: Path, image: str | None, sha256: Mapping[str, str]) -> tuple[str, tuple[Entry, ...]]:
    """`text` with `image` as `environment.image`, and the SHA-256 of each path in `sha256` where data has none.

    Entries are in the order of the file, those included that had their digest. What comes out is read again and
    compared with what was meant. Raises NotWritableByRule, or WrongExperimentFile for a text that is no experiment.
    """
    before = parse(text, name=str(name), default_name=name.resolve().parent.name)
    tree = YAML(typ="rt").compose(text)
    edits = sorted({edit.start: edit for edit in _edits(text, tree, image, sha256)}.values(), key=lambda e: e.start)
    after = text
    for edit in reversed(edits):
        after = after[: edit.start] + edit.text + after[edit.end :]
    try:
        found = parse(after, name=str(name), default_name=name.resolve().parent.name)
    except Refused:
        found = None
    if found != _meant(before, image, sha256):
        missing = [f"    {path}: sha256: {digest}" for path, digest in sha256.items()]
        shown = "\n".join([*([f"    environment: {{image: {image}}}"] if image else []), *missing])
        raise NotWritableByRule(
            f"{name}: the place of a digest cannot be found in this file\n  write it by hand:\n{shown}\n"
            "nothing was changed"
        )
    return after, tuple(edit.entry for edit in edits)


def _meant(before: Experiment, image: str | None, sha256: Mapping[str, str]) -> Experiment:
    def filled(files: tuple[DataFile, ...]) -> tuple[DataFile, ...]:
        return tuple(f.model_copy(update={"sha256": f.sha256 or sha256.get(f.path)}) for f in files)

    changed: dict[str, object] = {"data": filled(before.data)}
    if image is not None:
        changed["environment"] = before.environment.model_copy(update={"image": image})
    if before.evaluate is not None:
        changed["evaluate"] = before.evaluate.model_copy(update={"data": filled(before.evaluate.data)})
    return before.model_copy(update=changed)


def _edits(text: str, tree: Node, image: str | None, sha256: Mapping[str, str]) -> Iterator[_Edit]:
    written = _at(tree, "environment", "image")
    if image is not None and isinstance(written, ScalarNode):
        quote = text[written.start_mark.index] if text[written.start_mark.index] in "'\"" else ""
        entry = Entry(written.start_mark.line + 1, "environment.image", written.value, written.value != image)
        yield _Edit(written.start_mark.index, written.end_mark.index, f"{quote}{image}{quote}", entry)
    for keys in (("data",), ("evaluate", "data")):
        files = _at(tree, *keys)
        for index, file in enumerate(files.value if isinstance(files, SequenceNode) else []):
            yield from _in_data(text, file, f"{'.'.join(keys)}[{index}]", sha256)


def _in_data(text: str, file: Node, key: str, sha256: Mapping[str, str]) -> Iterator[_Edit]:
    path, old = _at(file, "path"), _at(file, "sha256")
    if not isinstance(path, ScalarNode) or path.value not in sha256:
        return
    line, digest, end = path.start_mark.line + 1, sha256[path.value], path.end_mark.index
    entry = Entry(line, key, path.value, changed=True)
    if isinstance(old, ScalarNode) and re.fullmatch(SHA256, old.value):
        yield _Edit(end, end, "", replace(entry, changed=False))
    elif isinstance(old, ScalarNode):  # there without a value
        colon = text.index(":", next(n.end_mark.index for n, value in file.value if value is old)) + 1
        start, stop = old.start_mark.index, old.end_mark.index
        yield _Edit(start, stop, digest, entry) if stop > start else _Edit(colon, colon, f" {digest}", entry)
    elif isinstance(file, MappingNode) and file.flow_style:
        yield _Edit(end, end, f", sha256: {digest}", entry)
    else:
        first = next(name for name, value in file.value if value is path)
        stop = text.find("\n", end)
        stop = len(text) if stop < 0 else stop
        ending = "\r" if text[:stop].endswith("\r") else ""
        yield _Edit(stop, stop, f"\n{' ' * first.start_mark.column}sha256: {digest}{ending}", entry)


def _at(node: Node | None, *keys: str) -> Node | None:
    """The node below `keys`; None where there is none."""
    for key in keys:
        pairs = node.value if isinstance(node, MappingNode) else []
        node = next((value for name, value in pairs if isinstance(name, ScalarNode) and name.value == key), None)
    return node
