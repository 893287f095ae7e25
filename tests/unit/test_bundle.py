"""The bundle: one file from a run job to a report job, read on the other side as the bytes of a stranger."""

import bz2
import io
import json
import lzma
import struct
import zipfile
from pathlib import Path

import pytest
from builders import a_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment import bundle
from experiment.bundle import MEMBER, UnreadableBundle, dumps, load, loads
from experiment.untrusted import MAX_BYTES

BUNDLE = a_bundle()
GOOD = dumps(BUNDLE)
CONTENT = BUNDLE.to_json().encode()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableBundle) as caught:
        loads(data, name="b.zip")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_bundle_reads_back_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(GOOD)
    assert load(tmp_path / "b.zip") == BUNDLE


def test_equal_bundles_give_equal_bytes() -> None:
    assert dumps(a_bundle()) == GOOD


def test_a_bundle_another_tool_zipped_is_read() -> None:
    assert loads(zipped((MEMBER, CONTENT)), name="b.zip") == BUNDLE
    assert loads(zipped((MEMBER, CONTENT), method=zipfile.ZIP_STORED), name="b.zip") == BUNDLE


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableBundle) as caught:
        load(tmp_path / "b.zip")
    assert str(caught.value) == f"{tmp_path / 'b.zip'}: No such file or directory"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "found"),
    [
        ([], "found 0: "),
        ([(MEMBER, CONTENT), ("other.json", b"{}")], "found 2: 'bundle.json', 'other.json'"),
        ([(MEMBER, CONTENT), (MEMBER, b"{}")], "found 2: 'bundle.json', 'bundle.json'"),
        ([("../bundle.json", CONTENT)], "found 1: '../bundle.json'"),
        ([("/bundle.json", CONTENT)], "found 1: '/bundle.json'"),
        ([("bundle.json/", b"")], "found 1: 'bundle.json/'"),
        ([("a\n::error::", CONTENT)], r"found 1: 'a\n::error::'"),
    ],
)
def test_anything_but_the_one_member_is_refused(members: list[tuple[str, bytes]], found: str) -> None:
    assert refusal(zipped(*members)) == f"b.zip: not a bundle: expected the one member bundle.json, {found}"


def test_a_zip_bomb_is_refused_without_being_unpacked() -> None:
    assert refusal(zipped((MEMBER, b" " * (MAX_BYTES + 1)))) == "b.zip: not a bundle: it unpacks to more than is read"


def test_a_small_member_that_swells_a_hundredfold_is_refused() -> None:
    data = zipped((MEMBER, b" " * 1_000_000))
    assert len(data) < 2_000
    assert refusal(data) == "b.zip: not a bundle: it unpacks to more than is read"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_refused(method: int) -> None:
    assert refusal(zipped((MEMBER, CONTENT), method=method)) == (
        "b.zip: not a bundle: compressed by another method than deflate"
    )


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_other_archives_are_refused(compress: object) -> None:
    assert callable(compress)
    assert refusal(compress(CONTENT)) == "b.zip: not a bundle: File is not a zip file"


def _with_size(data: bytes, size: int) -> bytes:
    """The archive with its central directory claiming another unpacked size."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


def test_a_header_that_understates_the_size_is_not_believed() -> None:
    bomb = zipped((MEMBER, b" " * (MAX_BYTES + 1)))
    assert refusal(_with_size(bomb, 10)).startswith("b.zip: not a bundle: ")


def test_a_header_that_overstates_the_size_changes_nothing() -> None:
    assert loads(_with_size(GOOD, 2**32 - 2), name="b.zip") == BUNDLE


def test_an_encrypted_member_is_refused() -> None:
    at = GOOD.index(b"PK\x01\x02") + 8
    assert "encrypted" in refusal(GOOD[:at] + b"\x01" + GOOD[at + 1 :])


def test_more_bytes_than_are_read_are_refused_unread() -> None:
    assert refusal(b"PK" + bytes(MAX_BYTES)) == (
        f"b.zip: not a bundle: {MAX_BYTES + 2} bytes, more than the {MAX_BYTES} that are read"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"schema_version": 1, "schema_version": 1}', "not a bundle: key 'schema_version' appears twice"),
        (b"[" * 50 + b"]" * 50, "not a bundle: nested deeper than 12"),
        (CONTENT.replace(b'"wall_s": 61.6', b'"wall_s": 1e999'), "not a bundle: number 1e999 is not finite"),
        (CONTENT.replace(b'"wall_s": 61.6', b'"wall_s": NaN'), "not a bundle: number NaN is not finite"),
        (CONTENT.replace(b'"wall_s": 61.6', b'"wall_s": "61.6"'), "not a valid bundle: wall_s: "),
        (CONTENT.replace(b'"repeat"', b'"other"'), "not a valid bundle: repeat: Field required"),
        (
            CONTENT.replace(b'"steps": {', b'"steps": {"\\n::error::": "", ', 1),
            r"not a valid bundle: candidate.runs[0].steps.\n::error::: Input should be a valid integer",
        ),
        (
            CONTENT.replace(b'"schema_version": 1', b'"schema_version": 2', 1),
            "not a bundle: written by a newer ml-experiment",
        ),
        (b'{"schema_version": 0}', "not a valid bundle: schema_version: "),
        (b"[]", "not a valid bundle: the file: "),
        (b"\xff", "not a bundle: not UTF-8 text"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:40],
)
def test_hostile_content_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    assert refusal(zipped((MEMBER, content), method=zipfile.ZIP_STORED)).startswith(f"b.zip: {reason}")


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_bundle_is_read_as_it_was_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    flipped = GOOD[:at] + bytes([GOOD[at] ^ data.draw(st.integers(1, 255))]) + GOOD[at + 1 :]
    try:
        read = loads(data.draw(st.sampled_from([flipped, GOOD[:at], GOOD[at:]])), name="b.zip")
    except UnreadableBundle:
        return
    assert read == BUNDLE


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    assert refusal(data).startswith("b.zip: not a bundle: ")


def test_the_content_is_json_that_a_person_can_read() -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        assert json.loads(archive.read(MEMBER))["schema_version"] == bundle.SCHEMA_VERSION
