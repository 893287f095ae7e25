"""JSON that others could have written is read within bounds, or refused with the rule it breaks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.untrusted import MAX_BYTES, MAX_DEPTH, MAX_KEYS, Untrusted, parse_json

NESTED = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "key 'c' appears twice"),
        (b"[" + NESTED + b"]", f"nested deeper than {MAX_DEPTH}"),
        (b"[" * 100_000, f"nested deeper than {MAX_DEPTH}"),
        (b'{"a":' * 100_000, f"nested deeper than {MAX_DEPTH}"),
        (b"[1e999]", "number 1e999 is not finite"),
        (b"[-1e999]", "number -1e999 is not finite"),
        (b"[NaN]", "number NaN is not finite"),
        (b"[Infinity]", "number Infinity is not finite"),
        (b"[-Infinity]", "number -Infinity is not finite"),
        (b"[" + b"9" * 400 + b"]", "an integer of 400 digits, more than 100"),
        (b"[" + b"9" * 5000 + b"]", "an integer of 5000 digits, more than 100"),
        (b'["\\ud800"]', "text '\\ud800' is not Unicode"),
        (b'{"\\udfff": 1}', "text '\\udfff' is not Unicode"),
        (b'"\xff"', "not UTF-8 text"),
        (b"\xef\xbb\xbf[]", "not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        (b"", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[1] [2]", "not JSON: Extra data: line 1 column 5 (char 4)"),
        (b" " * (MAX_BYTES + 1), f"{MAX_BYTES + 1} bytes, more than the {MAX_BYTES} that are read"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:30],
)
def test_hostile_json_is_refused_with_the_rule_it_breaks(data: bytes, reason: str) -> None:
    with pytest.raises(Untrusted) as caught:
        parse_json(data)
    assert str(caught.value) == reason


def test_an_object_of_too_many_keys_is_refused_before_its_keys_are_compared() -> None:
    pairs = [f'"{i}": 1' for i in range(300_000)]
    data = ("{" + ", ".join([*pairs, pairs[-1]]) + "}").encode()  # comparing each with each would take hours
    with pytest.raises(Untrusted, match=f"an object of 300001 keys, more than {MAX_KEYS}"):
        parse_json(data)


def test_what_is_just_allowed_is_read() -> None:
    assert parse_json(NESTED) is not None
    assert len(parse_json(json.dumps({str(i): 1 for i in range(MAX_KEYS)}).encode())) == MAX_KEYS


@given(JSON)
def test_honest_json_is_read_as_it_is(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text('[]{}:,"\\u0123456789eE+-.NaInfity ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        json.dumps(parse_json(data), allow_nan=False).encode()
    except Untrusted:
        return
