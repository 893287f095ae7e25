"""What a run job hands to a report job: one JSON document, read on the other side as bytes of a stranger."""

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from experiment.baseline import Baseline
from experiment.claim import Verification
from experiment.errors import Refused
from experiment.snapshot import RunSummary, Snapshot
from experiment.spec import Experiment
from experiment.untrusted import MAX_BYTES, Untrusted, parse_json
from experiment.value import Double, Value
from experiment.wording import first_fault

SCHEMA_VERSION: Literal[1] = 1
MEMBER = "bundle.json"
FILE = "bundle.zip"
MAX_MEMBERS = 200
MAX_ARTIFACT_BYTES = 4 * MAX_BYTES
"""Of an artifact, which holds the page and its figures too."""

_NOT_AN_ARCHIVE = (zipfile.BadZipFile, zlib.error, RuntimeError)  # RuntimeError: a bit says "encrypted"


class CurveGap(Value):
    """How two curves of one metric and seed part: where they first differ, and how far apart they are later.

    `gap` holds |a - b| / max(|a|, |b|, tiny) at up to 100 of the steps from the first difference on.
    """

    metric: str
    start: int | None = None  # first step both have; None where they have none in common
    first_bits: int  # first step whose bits differ
    first_lasting: int | None  # first step of a numeric gap that holds for three steps
    steps: int  # steps both have
    step: tuple[int, ...]
    gap: tuple[Double, ...]


class FileGap(Value):
    """Where two files of one name first differ: offset in bytes from 0, and both sizes."""

    path: str
    first: int
    sizes: tuple[int, int]


class Replicate(Value):
    """The A/A run: same configuration, same seed, same machine, run again.

    `first` is the run it repeats where that is none of the candidate's: a configuration that was run twice before
    need not be run twice for every seed.
    """

    run: RunSummary
    first: RunSummary | None = None
    gaps: tuple[CurveGap, ...] = ()
    files: tuple[FileGap, ...] = ()


class Bundle(Value):
    """Everything a report needs, and nothing that has to be trusted."""

    schema_version: Literal[1] = SCHEMA_VERSION
    tool_version: str
    policy: Experiment  # what the runs are judged by
    candidate: Snapshot
    baseline: Baseline | None
    replicate: Replicate | None = None
    later: tuple[RunSummary, ...] = ()  # of the baseline's configuration, made after it
    sweep: Verification | None = None  # of the sweep's record, where the policy has a pull request verify it
    files: tuple[FileGap, ...] = ()  # artifacts of equal seeds that differ from the baseline's, where both are at hand
    planned: tuple[int, ...]  # seeds of the first stage
    possible: int  # runs the plan could have spent
    stage_note: str = ""  # why it stopped or went on after the first stage
    wall_s: Double
    notes: tuple[str, ...] = ()  # what went wrong without changing the verdict: MLflow not reached
    repeat: str  # the command that does this again locally


class UnreadableBundle(Refused):
    """The file is not a bundle we are willing to read."""


def dumps(bundle: Bundle) -> bytes:
    """A zip with one deflated member, `bundle.json`; equal bundles give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), bundle.to_json().encode(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def loads(data: bytes, *, name: str) -> Bundle:
    """Read a bundle without extracting anything. Raises UnreadableBundle."""
    try:
        tree = parse_json(_member(data))
        version = tree.get("schema_version") if isinstance(tree, dict) else None
        if type(version) is int and version > SCHEMA_VERSION:
            raise Untrusted(f"written by a newer ml-experiment (schema {version}, this one reads {SCHEMA_VERSION})")
        return Bundle.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise UnreadableBundle(f"{name}: not a valid bundle: {first_fault(error)}") from None
    except (ValueError, EOFError, OSError, *_NOT_AN_ARCHIVE) as error:
        raise UnreadableBundle(f"{name}: not a bundle: {error}") from None


def from_artifact(data: bytes, *, name: str) -> Bundle:
    """The bundle among the files of a workflow artifact (a zip), read as bytes of a stranger. Raises UnreadableBundle.

    Nothing but `bundle.zip` at its top is looked at, and nothing is extracted.
    """
    try:
        return loads(_read(data, FILE, MAX_ARTIFACT_BYTES, _one_of_few), name=f"{FILE} of {name}")
    except (ValueError, EOFError, OSError, *_NOT_AN_ARCHIVE) as error:
        raise UnreadableBundle(f"{name}: not an artifact with a bundle: {error}") from None


def _member(data: bytes) -> bytes:
    return _read(data, MEMBER, MAX_BYTES, _alone)


def _read(data: bytes, wanted: str, most: int, check: Callable[[list[str], str], None]) -> bytes:
    if len(data) > most:
        raise Untrusted(f"{len(data)} bytes, more than the {most} that are read")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check(archive.namelist(), wanted)
        info = archive.getinfo(wanted)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Untrusted("compressed by another method than deflate")  # the others unpack without a bound
        with archive.open(info) as member:
            content = member.read(MAX_BYTES + 1)  # the header's size is the sender's word: read no more than allowed
    if len(content) > MAX_BYTES or len(content) > 100 * max(len(data), 1024):
        raise Untrusted("it unpacks to more than is read")
    return content


def _alone(names: list[str], wanted: str) -> None:
    if names != [wanted]:
        raise Untrusted(f"expected the one member {wanted}, found {len(names)}: {', '.join(map(repr, names))[:80]}")


def _one_of_few(names: list[str], wanted: str) -> None:
    if len(names) > MAX_MEMBERS:
        raise Untrusted(f"{len(names)} members, more than the {MAX_MEMBERS} that are looked at")
    if names.count(wanted) != 1:
        raise Untrusted(f"expected {wanted} once, found it {names.count(wanted)} times")


def load(path: Path) -> Bundle:
    """Read the bundle at `path`. Raises UnreadableBundle."""
    try:
        return loads(path.read_bytes(), name=str(path))
    except OSError as error:
        raise UnreadableBundle(f"{path}: {error.strerror}") from None
