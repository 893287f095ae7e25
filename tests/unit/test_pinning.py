"""Digests come into the experiment file at their places; every other character stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.file import parse
from experiment.pinning import NotWritableByRule, with_digests

NAME = Path("ml-experiment.yaml")
A, B = "a" * 64, "b" * 64
IMAGE = f"debian:12@sha256:{A}"


def test_layout_and_comments_stay() -> None:
    before = f"""# the experiment
command:   python train.py   # as always

environment: {{ image: 'debian:12' }} # pinned by a machine
data:
  - path: x.csv   # the small one
  - {{path: y.csv}}
  -   path: "z.csv"
      sha256: {B}
"""
    after, entries = with_digests(before, NAME, IMAGE, {"x.csv": A, "y.csv": B})
    assert (
        after
        == f"""# the experiment
command:   python train.py   # as always

environment: {{ image: '{IMAGE}' }} # pinned by a machine
data:
  - path: x.csv   # the small one
    sha256: {A}
  - {{path: y.csv, sha256: {B}}}
  -   path: "z.csv"
      sha256: {B}
"""
    )
    assert [(e.line, e.key, e.names, e.changed) for e in entries] == [
        (4, "environment.image", "debian:12", True),
        (6, "data[0]", "x.csv", True),
        (7, "data[1]", "y.csv", True),
    ]


@pytest.mark.parametrize(
    "data",
    [
        "data:\n- path: x.csv",
        "data:\n- path: x.csv\r",
        "data:\n-\n  path: x.csv\n",
        "data:\n- path: x.csv\n  sha256:\n",
        "data:\n- {path: x.csv, sha256: }\n",
        "data:\n- {sha256: null, path: x.csv}\n",
        "data: [{path: x.csv},\n  {path: y.csv}]",
        "data: &files\n- &one {path: x.csv}\n- {path: y.csv}\nevaluate: {command: e, data: *files}",
        'data:\n- {"path": "x.csv"}',
    ],
)
def test_every_way_to_write_a_data_file(data: str) -> None:
    text = f"command: c\nenvironment: {{lock: l}}\n{data}"
    after, entries = with_digests(text, NAME, None, {"x.csv": A})
    assert parse(after, name="n", default_name="d").data[0].sha256 == A
    assert [entry.names for entry in entries] == ["x.csv"]


def test_what_has_no_place_of_its_own_is_left_to_the_user() -> None:
    text = "command: c\nenvironment: {lock: l}\ndata: [path: x.csv]\n"
    with pytest.raises(NotWritableByRule):
        with_digests(text, NAME, None, {"x.csv": A})
    text = "command: c\nenvironment: &e\n  <<: {image: debian:12}\n"
    with pytest.raises(NotWritableByRule) as caught:
        with_digests(text, NAME, IMAGE, {})
    assert str(caught.value) == (
        "ml-experiment.yaml: the place of a digest cannot be found in this file\n  write it by hand:\n"
        f"    environment: {{image: {IMAGE}}}\nnothing was changed"
    )


def test_nothing_to_write_changes_nothing() -> None:
    text = f"command: c\nenvironment: {{image: {IMAGE}}}\ndata: [{{path: x, sha256: {B}}}]\n"
    after, entries = with_digests(text, NAME, IMAGE, {"x": A})
    assert after == text
    assert [(entry.names, entry.changed) for entry in entries] == [(IMAGE, False), ("x", False)]


PATHS = st.text(alphabet="abc/._ -#:'\"{}é", min_size=1, max_size=12).filter(lambda p: p.strip() == p)


@given(st.lists(PATHS, min_size=1, max_size=4, unique=True), st.sampled_from(["flow", "block"]))
def test_any_path_gets_its_digest(paths: list[str], style: str) -> None:
    quoted = ["'" + path.replace("'", "''") + "'" for path in paths]
    entries = [f"- {{path: {path}}}" if style == "flow" else f"- path: {path}" for path in quoted]
    text = "\n".join(["command: c", "environment: {lock: l}", "data:", *entries])
    after, _ = with_digests(text, NAME, None, dict.fromkeys(paths, A))
    assert {file.path: file.sha256 for file in parse(after, name="n", default_name="d").data} == dict.fromkeys(paths, A)
