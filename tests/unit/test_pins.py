"""Pinning: digests come into a Dockerfile at their places, and what is pinned stays unless it is to follow its tag."""

from pathlib import Path

import pytest

from runner.environment import dockerfile
from runner.environment.dockerfile_checks import check_pinned
from runner.environment.dockerfile_refusals import BuildArgumentMissing, DockerfileDoubtful
from runner.environment.pins import Name, Pin, Which, pinned, with_digests

OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


def new(*_: str) -> str:
    return NEW


def pin(text: str, which: Which = Which.MISSING) -> tuple[str, tuple[Pin, ...]]:
    return with_digests(dockerfile.read(text, Path("Dockerfile")), {}, new, which)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("debian", ("debian", "", "")),
        ("debian:12", ("debian", "12", "")),
        ("host:5000/a/b", ("host:5000/a/b", "", "")),
        (f"host:5000/a/b:c@{OLD}", ("host:5000/a/b", "c", OLD)),
    ],
)
def test_a_name_comes_apart(image: str, parts: tuple[str, str, str]) -> None:
    name = Name.of(image)
    assert (name.repository, name.tag, name.digest) == parts


@pytest.mark.parametrize(
    ("image", "missing", "everything"),
    [
        ("debian", f"debian:latest@{NEW}", f"debian:latest@{NEW}"),
        ("debian:12", f"debian:12@{NEW}", f"debian:12@{NEW}"),
        ("debian:12@sha256:abc", f"debian:12@{NEW}", f"debian:12@{NEW}"),
        (f"debian:12@{OLD}", f"debian:12@{OLD}", f"debian:12@{NEW}"),
        (f"debian@{OLD}", f"debian@{OLD}", f"debian@{OLD}"),
    ],
)
def test_what_is_pinned_stays_unless_it_follows_its_tag(image: str, missing: str, everything: str) -> None:
    assert pinned(image, "here", new, Which.MISSING) == missing
    assert pinned(image, "here", new, Which.ALL) == everything


def test_a_dockerfile_keeps_its_layout() -> None:
    before = """# syntax = docker/dockerfile:1 \r
ARG  A=1 BASE="debian:12"  # not a comment
FROM   --platform=linux/amd64 $BASE   AS debian
FROM ${BASE}
from \\
  python:3.12  # x
"""
    with pytest.raises(DockerfileDoubtful):
        pin(before)
    before = before.replace("  # not a comment", "").replace("  # x", " AS python")
    before += (
        "COPY --from=debian x y\nCOPY  --from=nginx:1 nginx:1 y\nRUN --mount=type=bind,from=a:1,to=/x a:1 \\\n --x\n"
    )
    after, pins = pin(before)
    assert after == (
        before.replace("dockerfile:1 ", f"dockerfile:1@{NEW} ")
        .replace('"debian:12"', f'"debian:12@{NEW}"')
        .replace("python:3.12 ", f"python:3.12@{NEW} ")
        .replace("--from=nginx:1", f"--from=nginx:1@{NEW}")
        .replace("from=a:1", f"from=a:1@{NEW}")
    )
    assert [(found.line, found.key, found.old) for found in pins] == [
        (1, "syntax", "docker/dockerfile:1"),
        (2, "ARG BASE", "debian:12"),
        (6, "FROM", "python:3.12"),
        (8, "--from", "nginx:1"),
        (9, "--mount", "a:1"),
    ]
    check_pinned(dockerfile.read(after, Path("Dockerfile")), {})
    assert pin(after)[0] == after


def test_the_name_of_a_stage_is_not_taken_for_an_image() -> None:
    after, _ = pin("FROM debian AS debian\nFROM scratch\nCOPY --from=debian a b\n")
    assert after == f"FROM debian:latest@{NEW} AS debian\nFROM scratch\nCOPY --from=debian a b\n"


def test_all_that_have_a_tag_follow_it() -> None:
    text = f"FROM debian:12@{OLD}\nFROM debian@{OLD}\n"
    after, pins = pin(text, Which.ALL)
    assert after == f"FROM debian:12@{NEW}\nFROM debian@{OLD}\n"
    assert [found.old == found.new for found in pins] == [False, True]


@pytest.mark.parametrize(
    "text", ["ARG V=12\nFROM debian:$V", "ARG A=debian:12\nARG B=$A\nFROM $B", "ARG A\nFROM ${A:-x}"]
)
def test_a_name_put_together_from_parts_is_left_to_the_user(text: str) -> None:
    with pytest.raises(DockerfileDoubtful) as caught:
        pin(text)
    assert f"write it by hand: {'x:latest' if ':-' in text else 'debian:12'}@{NEW}" in str(caught.value)


def test_an_image_that_only_a_build_argument_names_cannot_be_looked_up() -> None:
    with pytest.raises(BuildArgumentMissing):
        pin("ARG A\nFROM $A")


def test_a_value_from_the_experiment_file_is_pinned_there() -> None:
    file = dockerfile.read("ARG A=x\nFROM $A\n", Path("Dockerfile"))
    with pytest.raises(DockerfileDoubtful) as caught:
        with_digests(file, {"A": "debian:12"}, new, Which.MISSING)
    assert str(caught.value).startswith("Dockerfile:2: A is given by the experiment file\n")
    assert f"write it by hand: debian:12@{NEW}" in str(caught.value)
