"""Every image a build would use is found and pinned by digest; variables that steer the host are refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.errors import Refused
from runner.environment import dockerfile
from runner.environment.dockerfile_checks import check_pinned
from runner.environment.dockerfile_images import Origin, Reference, references
from runner.environment.dockerfile_refusals import (
    BuildArgumentMissing,
    DockerfileDoubtful,
    DownloadNotPinned,
    ForbiddenImageVariable,
    ImageNotPinned,
)

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
PINNED = f"debian:bookworm@{DIGEST}"


def images(text: str, build_args: Mapping[str, str] = {}) -> list[str]:
    return [reference.image for reference in references(dockerfile.read(text, Path("Dockerfile")), build_args)]


def check(text: str, build_args: Mapping[str, str] = {}) -> tuple[Reference, ...]:
    return check_pinned(dockerfile.read(text, Path("Dockerfile")), build_args)


def refused(text: str, kind: type[Refused], build_args: Mapping[str, str] = {}) -> str:
    with pytest.raises(kind) as caught:
        check(text, build_args)
    return str(caught.value)


def test_every_place_that_names_an_image_is_found() -> None:
    text = f"""# syntax=docker/dockerfile:1@{DIGEST}
ARG BASE={PINNED}
FROM --platform=linux/amd64 ${{BASE}} AS base
FROM other@{DIGEST}
COPY --from=third@{DIGEST} /a /b
ADD --from=fourth@{DIGEST} /a /b
RUN --mount=type=bind,from=fifth@{DIGEST},target=/m --mount=type=cache,target=/c \\
    --mount=from=sixth@{DIGEST},target=/n x
ONBUILD COPY --from=seventh@{DIGEST} /a /b
"""
    assert [(found.origin, found.line, found.image.split("@")[0]) for found in check(text)] == [
        (Origin.SYNTAX, 1, "docker/dockerfile:1"),
        (Origin.FROM, 3, "debian:bookworm"),
        (Origin.FROM, 4, "other"),
        (Origin.COPY, 5, "third"),
        (Origin.COPY, 6, "fourth"),
        (Origin.MOUNT, 7, "fifth"),
        (Origin.MOUNT, 8, "sixth"),
        (Origin.COPY, 9, "seventh"),
    ]
    assert {found.digest for found in check(text)} == {DIGEST}


def test_stages_and_scratch_are_no_images() -> None:
    text = f"FROM {PINNED} AS Base\nFROM scratch\nCOPY --from=base a b\nCOPY --from=0 a b\nFROM BASE\nFROM base AS c\n"
    assert images(text) == [PINNED]


def test_a_stage_is_known_only_below_its_own_line() -> None:
    assert images(f"FROM later\nFROM {PINNED} AS later\nCOPY --from=later a b") == ["later", PINNED, "later"]


def test_an_argument_knows_the_line_that_would_hold_the_digest() -> None:
    (found,) = references(dockerfile.read("ARG BASE=debian:12\nFROM $BASE", Path("Dockerfile")), {})
    assert (found.argument, found.written, found.image, found.digest) == ("BASE", "$BASE", "debian:12", None)


@pytest.mark.parametrize(
    ("declared", "word", "given", "image"),
    [
        ("ARG A=x", "$A", {}, "x"),
        ("ARG A=x", "${A}:1", {"A": "y"}, "y:1"),
        ("ARG A='x y'", "b${A:+c}", {}, "bc"),
        ("ARG A", "${A:-x}", {}, "x"),
        ("ARG A=", "${A:-x}", {}, "x"),
        ("ARG A=", "z${A-x}", {}, "z"),
        ("ARG A", "z${A+x}", {}, "z"),
        ("ARG A=x B=${A}/y", "$B", {}, "x/y"),
        ('ARG A=x\nARG B="${A}z"', "$B", {}, "xz"),
        ("ARG A=x\nARG A=y", "$A", {}, "y"),
        ("ARG A", "${B:-${A:-x}}", {"A": "y"}, "y"),
        ("ARG A=x", "${A:-${NOWHERE}}", {}, "x"),
        ("ARG A=x", "${B:-y}", {"B": "z"}, "y"),
    ],
)
def test_variables_have_the_values_the_builder_gives_them(
    declared: str, word: str, given: dict[str, str], image: str
) -> None:
    assert images(f"{declared}\nFROM {word}\n", given) == [image]


def test_an_argument_of_a_stage_is_none_of_a_name() -> None:
    text = f"FROM {PINNED}\nARG B=x\nFROM $B"
    assert refused(text, BuildArgumentMissing).split("\n")[0] == (
        "Dockerfile:3: B has no value: no ARG before the first FROM declares it"
    )


def test_a_missing_build_argument_is_named() -> None:
    assert refused("ARG BASE\nFROM ${BASE}", BuildArgumentMissing) == (
        "Dockerfile:2: BASE has no value: --build-arg BASE is missing\n"
        "  2 │ FROM ${BASE}\n"
        "  pass one, or give it a default above the first FROM: ARG BASE=…\n"
        "nothing was run"
    )


@pytest.mark.parametrize("default", ["we'i'rd", "a\\ b", "$NOWHERE", "${X##y}", "'$"])
def test_a_default_that_cannot_be_followed_is_never_taken_as_none(default: str) -> None:
    text = f"ARG A={default}\nARG B=${{A}}\nFROM ${{B:-{PINNED}}}"
    with pytest.raises((BuildArgumentMissing, DockerfileDoubtful)):
        check(text)


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ("FROM debian", "debian"),
        ("FROM debian:12 AS x", "debian:12"),
        (f"FROM debian@{DIGEST[:-1]}", f"debian@{DIGEST[:-1]}"),
        (f"FROM debian@{DIGEST.upper()}", f"debian@{DIGEST.upper()}"),
        (f"FROM {PINNED}\nCOPY --from=nginx:1 a b", "nginx:1"),
        (f"FROM {PINNED}\nRUN --mount=type=bind,FROM=busybox,target=/x y", "busybox"),
        (f"# syntax=docker/dockerfile:1\nFROM {PINNED}", "docker/dockerfile:1"),
        (f"FROM {PINNED} AS one\nCOPY --from=two a b", "two"),
    ],
)
def test_an_image_without_its_digest_is_refused(line: str, image: str) -> None:
    assert refused(line, ImageNotPinned).split("\n")[0].endswith(f": the image {image} has no digest")


def test_a_refusal_shows_the_line_and_what_would_be_right() -> None:
    assert refused("# hello\nFROM \\\n  python:3.12-slim\n", ImageNotPinned) == (
        "Dockerfile:3: the image python:3.12-slim has no digest\n"
        "  3 │ python:3.12-slim\n"
        "  write the digest it has now: python:3.12-slim@sha256:…\n"
        "  this does it: ml-experiment pin\n"
        "nothing was run"
    )
    assert "ARG BASE=debian:12@sha256:…" in refused("ARG BASE=debian:12\nFROM $BASE", ImageNotPinned)
    assert "write the name out: FROM python:3@sha256:…" in refused("ARG V=3\nFROM python:$V", ImageNotPinned)
    assert "no stage above is called build" in refused(f"FROM {PINNED}\nCOPY --from=build a b", ImageNotPinned)


@pytest.mark.parametrize(
    "text",
    [
        f"FROM 'debian@{DIGEST}'",
        f"FROM {PINNED} x",
        f"FROM {PINNED} AS $X",
        f"FROM {PINNED} AS 1",
        "FROM golang:$TARGETARCH",
        "ARG A=''\nFROM $A",
        "ARG A='b c'\nFROM $A",
        f"FROM {PINNED}\nCOPY --from=$X a b",
        f"FROM {PINNED}\nCOPY --from= a b",
        f"FROM {PINNED}\nCOPY --from=0 a b",
        f"FROM {PINNED}\nENV 'A=b' LD_PRELOAD=x'",
        f"FROM {PINNED}\nENV $X=y",
        f"FROM {PINNED}\nENV A=b C",
        f"FROM {PINNED}\nENV A='\\' B='x'",
    ],
)
def test_what_is_not_certain_is_refused(text: str) -> None:
    refused(text, DockerfileDoubtful)


def test_a_build_argument_cannot_choose_another_frontend() -> None:
    assert "BUILDKIT_SYNTAX" in refused(f"FROM {PINNED}", DockerfileDoubtful, {"BUILDKIT_SYNTAX": "evil"})


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ENV LD_PRELOAD=/evil.so", "LD_PRELOAD"),
        ("ENV LD_PRELOAD /evil.so", "LD_PRELOAD"),
        ("ENV A=1 \\\n  LD_AUDIT=/evil.so", "LD_AUDIT"),
        ('ENV A="x y" NVIDIA_VISIBLE_DEVICES=all', "NVIDIA_VISIBLE_DEVICES"),
        ("ARG NVIDIA_DRIVER_CAPABILITIES\nENV NVIDIA_DRIVER_CAPABILITIES=$X", "NVIDIA_DRIVER_CAPABILITIES"),
        ("ONBUILD ENV LD_PRELOAD=x", "LD_PRELOAD"),
    ],
)
def test_variables_that_steer_programs_outside_are_refused(line: str, name: str) -> None:
    text = refused(f"FROM {PINNED}\n{line}\n", ForbiddenImageVariable)
    assert f"sets {name}, which steers programs outside of the container" in text
    assert name in text.split("\n")[1]


def test_other_variables_are_not() -> None:
    check(f"FROM {PINNED}\nENV PATH=/x:$PATH A='b c' \\\n C=d\nENV OLD form of it\nARG X\nARG Y=1 Z")


@pytest.mark.parametrize(
    "line",
    [
        "ADD https://example.org/x /x",
        'ADD ["HTTP://example.org/x", "/x"]',
        "ADD git@example.org:a/b.git /x",
        "ADD a ${WHERE} /x",
        "ADD --checksum=sha256:abc https://example.org/x /x",
        "ADD --chown=1 github.com/a/b.git#main /x",
    ],
)
def test_a_download_without_its_checksum_is_refused(line: str) -> None:
    assert "without saying what its content is" in refused(f"FROM {PINNED}\n{line}", DownloadNotPinned)


def test_files_and_checked_downloads_may_be_added() -> None:
    check(f"FROM {PINNED}\nADD a/b.tar.gz c /x\nADD --checksum={DIGEST} https://example.org/x /x\nADD x ${{TARGET}}/")


PIECES = st.sampled_from(
    [
        *("FROM ", "COPY --from=", "RUN --mount=from=", "ARG B=", " AS a", "a", "0", "$B", "${B:-", "}", "evil", "\\"),
        *("\n", "\n", " ", "'", '"', "<<E", "\nE\n", "# syntax=", f"x@{DIGEST}", ",", "scratch"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_passes_names_nothing_but_pinned_images(text: str) -> None:
    try:
        found = check(text)
    except Refused:
        return
    assert all(reference.image.endswith(f"x@{DIGEST}") for reference in found)
