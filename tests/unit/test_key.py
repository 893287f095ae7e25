"""Content keys: the same run has the same key, and nothing that decides a result is left out."""

import pytest
from builders import a_sha
from hypothesis import given, settings
from run_folders import a_record
from strategies import bits, values

from experiment.key import can_stand_in, configuration_key, content_key, parts_digest, reads_of
from experiment.record import DataRead, FileDigest, KeyParts, MetricValue, Outcome, Status, result_digest

CODE, DATA, LISTING = a_sha("train.py"), a_sha("digits.npz"), a_sha("names")
RECORD = a_record(
    source={"train.py": FileDigest(size=1, sha256=CODE)},
    data={"data/digits.npz": DataRead(size=1, sha256=DATA)},
    listed={"data": LISTING},
)
TODAY = {"train.py": CODE, "data/digits.npz": DATA}


@settings(max_examples=200)
@given(values(KeyParts), values(KeyParts))
def test_parts_have_one_digest_exactly_when_they_are_equal(one: KeyParts, other: KeyParts) -> None:
    assert parts_digest(one) == parts_digest(one.model_copy())
    assert (parts_digest(one) == parts_digest(other)) == (_sorted(one) == _sorted(other))


def _sorted(parts: KeyParts) -> object:
    """The parts with mappings in one order: the order of keys does not decide a run."""
    fields = dict(parts)
    return [(n, bits(dict(sorted(v.items())) if isinstance(v, dict) else v)) for n, v in sorted(fields.items())]


@pytest.mark.parametrize("field", sorted(KeyParts.model_fields))
def test_every_part_changes_the_key(field: str) -> None:
    parts = RECORD.parts
    changed = {int: 1, str: "other", dict: {"other": "1"}, tuple: ("other",)}[type(getattr(parts, field))]
    assert parts_digest(parts.model_copy(update={field: changed})) != parts_digest(parts)


def test_what_was_read_and_listed_changes_the_key() -> None:
    reads, listed = reads_of(RECORD), RECORD.listed
    keys = {
        content_key(RECORD.parts, reads, listed),
        content_key(RECORD.parts, {**reads, "train.py": a_sha("edited")}, listed),
        content_key(RECORD.parts, {**reads, "new.py": CODE}, listed),
        content_key(RECORD.parts, reads, {"data": a_sha("one name more")}),
    }
    assert len(keys) == 4
    assert content_key(RECORD.parts, dict(reversed(reads.items())), listed) in keys


def test_seeds_alone_do_not_make_another_configuration() -> None:
    key = configuration_key(RECORD)
    other_seed = RECORD.model_copy(update={"parts": RECORD.parts.model_copy(update={"seed": 7})})
    assert configuration_key(other_seed) == key
    slower = RECORD.parts.model_copy(update={"params": {"lr": 0.1}})
    edited = {"train.py": FileDigest(size=1, sha256=a_sha("edited"))}
    assert configuration_key(RECORD.model_copy(update={"parts": slower})) != key
    assert configuration_key(RECORD.model_copy(update={"source": edited})) != key


def test_a_record_stands_in_while_everything_it_read_is_the_same() -> None:
    assert reads_of(RECORD) == TODAY
    assert can_stand_in(RECORD, TODAY.get, {"data": LISTING}.get)


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ({**TODAY, "train.py": a_sha("edited")}, {"data": LISTING}),
        ({"train.py": CODE}, {"data": LISTING}),
        (TODAY, {"data": a_sha("one name more")}),
        (TODAY, {}),
    ],
    ids=["edited code", "data gone", "a new file", "folder gone"],
)
def test_a_record_does_not_stand_in_when_something_it_read_changed(
    files: dict[str, str], folders: dict[str, str]
) -> None:
    assert not can_stand_in(RECORD, files.get, folders.get)


def test_a_file_whose_content_was_not_known_never_matches() -> None:
    record = RECORD.model_copy(update={"data": {"pipe": DataRead()}})
    assert not can_stand_in(record, {**TODAY}.get, {"data": LISTING}.get)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_a_run_that_did_not_end_well_never_stands_in(status: Status) -> None:
    record = RECORD.model_copy(update={"outcome": Outcome(status=status)})
    assert not can_stand_in(record, TODAY.get, {"data": LISTING}.get)


def test_the_result_digest_holds_bits_curves_and_artifacts_and_leaves_out_what_the_runner_measured() -> None:
    def result(value: float = 0.0, curve: str = "c", artifact: str = "a", seconds: float = 1.0) -> str:
        return result_digest(
            {
                "loss": MetricValue(value=value, step=1, source="output", curve_sha256=a_sha(curve)),
                "wall_s": MetricValue(value=seconds, source="runner"),
            },
            {"model": FileDigest(size=1, sha256=a_sha(artifact))},
        )

    assert result() == result(seconds=2.0)
    assert len({result(), result(value=-0.0), result(curve="d"), result(artifact="b")}) == 4
