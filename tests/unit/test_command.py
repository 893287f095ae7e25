"""The command: which placeholders it has, and that each value reaches the program as one argument, unchanged."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from experiment.command import UnknownPlaceholder, UnquotablePlaceholder, check, fill, placeholders, text, variables

ARGUMENTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def shell(command: str) -> str:
    """What the shell prints for a command."""
    return subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout.decode()


@settings(max_examples=60)
@given(ARGUMENTS)
@example("'; echo injected; '")
@example('"$(echo injected)"')
@example("-n\n\\")
@example("")
def test_every_value_reaches_the_program_as_one_argument_whatever_quotes_it_stands_in(value: str) -> None:
    command = """printf '<%s>' {x} "a {x} b" 'a {x} b' a{x}b "it's {x}" '{"x": "{x}"}' # it's {x}"""
    expected = [value, f"a {value} b", f"a {value} b", f"a{value}b", f"it's {value}", f'{{"x": "{value}"}}']
    assert shell(fill(command, {"x": value}, 0)) == "".join(f"<{argument}>" for argument in expected)


@settings(max_examples=200)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_to_the_bit(value: float) -> None:
    assert float(text(value)).hex() == value.hex()


@pytest.mark.parametrize(
    ("command", "filled"),
    [
        ("python t.py --lr {lr} --seed {seed}", "python t.py --lr 0.001 --seed 7"),
        ("t --flag={on} --n {n}", "t --flag=true --n -3"),
        ("t {{lr}} {{ not }}", "t {lr} {{ not }}"),
        ("""t '{"a": {"lr": {lr}}}'""", """t '{"a": {"lr": '0.001'}}'"""),
        ("t ${HOME} \"${lr}\" '${lr}'", "t ${HOME} \"${lr}\" '${lr}'"),
        ("awk '{ print $1 }'", "awk '{ print $1 }'"),
        (r"t \{lr} '\{lr}'", r"t \{lr} '\'0.001''"),
        ("t # {lr} isn't\nu {lr}", "t # {lr} isn't\nu 0.001"),
        ("t $(echo {lr})", "t $(echo 0.001)"),
        ("t {name}", "t 'a b'"),
        ("t \\", "t \\"),
    ],
)
def test_placeholders_are_filled_and_all_else_is_left_alone(command: str, filled: str) -> None:
    assert fill(command, {"lr": 1e-3, "on": True, "n": -3, "name": "a b"}, 7) == filled


def test_placeholders_are_named_in_order() -> None:
    assert placeholders("t {b} '{a}' {{c}} ${d} # {e}") == ["b", "a"]


def test_an_unknown_placeholder_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownPlaceholder) as caught:
        check("t {epoch}", ["seed", "epochs"])
    assert str(caught.value) == (
        "unknown placeholder {epoch}; did you mean {epochs}? (write {{epoch}} for literal braces)"
    )
    assert caught.value.of == "command"


def test_an_unknown_placeholder_like_no_other_is_refused_with_all_known_ones() -> None:
    with pytest.raises(UnknownPlaceholder) as caught:
        fill("t {zzz}", {"lr": 1}, 0)
    assert str(caught.value) == "unknown placeholder {zzz}; known: {lr}, {seed} (write {{zzz}} for literal braces)"


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ('t "$(echo {lr})"', "a command substitution within double quotes"),
        ("t `echo {lr}`", "backquotes"),
        ("t <<END\n{lr}\nEND", "a here-document"),
        (r"t $'it\'s {lr}'", "$'…'"),
        ('t "${x:-{lr}}"', "${…}"),
    ],
)
def test_a_placeholder_that_cannot_be_quoted_is_refused_with_the_variable_to_use(command: str, place: str) -> None:
    with pytest.raises(UnquotablePlaceholder) as caught:
        check(command, ["lr"], of="evaluate.command")
    assert str(caught.value) == (
        f'placeholder {{lr}} inside {place} cannot be quoted safely; write "${{ML_EXPERIMENT_PARAM_LR}}" there'
        " (write {{lr}} for literal braces)"
    )
    assert caught.value.of == "evaluate.command"


def test_a_seed_that_cannot_be_quoted_is_refused_with_its_own_variable() -> None:
    with pytest.raises(UnquotablePlaceholder, match=r'write "\$\{ML_EXPERIMENT_SEED\}" there'):
        check("t `echo {seed}`", ["seed"])


def test_the_values_are_also_in_the_environment() -> None:
    assert variables({"lr": 1e-3, "layer.size-x": 3, "on": False, "name": "ü"}, 4) == {
        "ML_EXPERIMENT_SEED": "4",
        "ML_EXPERIMENT_PARAM_LR": "0.001",
        "ML_EXPERIMENT_PARAM_LAYER_SIZE_X": "3",
        "ML_EXPERIMENT_PARAM_ON": "false",
        "ML_EXPERIMENT_PARAM_NAME": "ü",
    }
