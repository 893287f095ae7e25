"""Writing parameters into an experiment file: the values are there afterwards, and nothing else changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.file import parse
from experiment.param_edit import CannotEdit, with_params

HEAD = "# mine\nenvironment: {lock: r.lock}\ncommand: python train.py\n"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)  # NUL is in no experiment file
SCALARS = st.one_of(
    st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
NAMES = st.from_regex(r"\A[a-z][a-z_]{0,7}\Z").filter(lambda name: name not in ("seed", "y", "n", "no", "yes", "on"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("params: {lr: 1e-3, n: 2}  # start\n", "params: {lr: 0.25, n: 2, act: relu}  # start\n"),
        ("params:\n  lr: 1e-3   # rate\n\n  n: 2\n", "params:\n  act: relu\n  lr: 0.25   # rate\n\n  n: 2\n"),
        ("", "params: {lr: 0.25, act: relu}\n"),
        ("params: {}\n", "params: {lr: 0.25, act: relu}\n"),
        ("params: {lr: '1'}\nseeds: [1]\n", "params: {lr: 0.25, act: relu}\nseeds: [1]\n"),
    ],
)
def test_values_are_written_where_they_stand_and_the_rest_is_left_alone(before: str, after: str) -> None:
    assert with_params(HEAD + before, {"lr": 0.25, "act": "relu"}) == HEAD + after


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "params: 3\n", "params: {lr: &x 1, n: *x}\n", "params: {lr: [1]}\n"])
def test_what_cannot_be_edited_with_certainty_is_refused(text: str) -> None:
    with pytest.raises(CannotEdit):
        with_params(text, {"lr": 0.25})


@given(
    there=st.dictionaries(NAMES, SCALARS, max_size=3),
    values=st.dictionaries(NAMES, SCALARS, min_size=1, max_size=3),
    flow=st.booleans(),
)
def test_every_value_reads_back_to_the_bit(there: dict[str, object], values: dict[str, object], flow: bool) -> None:
    start = with_params(HEAD, there) if there else HEAD  # type: ignore[arg-type]
    if not flow and there:
        start = HEAD + "params:\n" + "".join(f"  {name}: 0  # {name}\n" for name in there)
    found = parse(with_params(start, values), name="x", default_name="x").params  # type: ignore[arg-type]
    assert {name: (type(found[name]), found[name]) for name in values} == {n: (type(v), v) for n, v in values.items()}
    assert set(found) == {*there, *values}
