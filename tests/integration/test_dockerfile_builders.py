"""What is read as an instruction is what builders read as one: both builders of a real engine are asked.

A file of LABELs on nothing builds in a moment, and the image says which of its lines were instructions.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.errors import Refused
from runner.environment import dockerfile

pytestmark = pytest.mark.docker

BUILDERS = {"classic": "0", "buildkit": "1"}


def as_read(text: str) -> set[str] | None:
    """The labels by our reading; None where it refuses."""
    try:
        file = dockerfile.read(text, Path("Dockerfile"))
        return {
            label.split("=")[0]
            for found in file.instructions
            if found.name == "LABEL"
            for label in found.arguments.split()
        }
    except Refused:
        return None


def as_built(text: str, builder: str) -> set[str] | None:
    """The labels of the image that the builder makes; None where it refuses."""
    image = f"ml-experiment-bed-test:{uuid.uuid4().hex}"
    environ = {**os.environ, "DOCKER_BUILDKIT": BUILDERS[builder]}
    built = subprocess.run(
        ["docker", "build", "--quiet", "--tag", image, "-"],
        input=text.encode(), capture_output=True, env=environ, timeout=120, check=False,
    )  # fmt: skip
    if built.returncode != 0:
        return None
    try:
        told = subprocess.run(["docker", "inspect", image], capture_output=True, check=True, timeout=60).stdout
        return set(json.loads(told)[0]["Config"]["Labels"] or {})
    finally:
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=True, timeout=60)


TRICKY = [
    "FROM scratch\nLABEL a=1 \\\n # LABEL b=1\n LABEL=1\nLABEL c=1\n",
    "FROM scratch\nLABEL a=1 \\\n\nLABEL=1\n",
    "FROM scratch\nLABEL a=1 \\ \t\nb=1\n",
    "FROM scratch\nLABEL a=1 \\\n# LABEL b=1 \\\nc=1\n",
    "FROM scratch\n# comment \\\nLABEL a=1\n",
    "# escape=`\nFROM scratch\nLABEL a=1 `\nb=1\nLABEL c=\\\nLABEL d=1\n",
    "\n# escape=`\nFROM scratch\nLABEL a=1 \\\nb=1\n",
    "FROM scratch\r\nLABEL a=1 \\\r\nb=1\r\nLABEL c=1\r\n",
    "\ufeffFROM scratch\nLABEL a=1\n",
    "  from scratch\n  label a=1\n\tLABEL b=1\n",
    "FROM scratch\nLABEL a=<<EOF\nLABEL b=1\nLABEL EOF=1\n",
    "ARG X=1\nFROM scratch\nARG X\nLABEL a=1",
    "FROM scratch\nLABEL a=1 \\\n",
    "FROM scratch\nLABEL a=1\n\\\nLABEL b=1\n",
    "FROM scratch\nLABEL a=1 \\\n\\\nb=1\n",
]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("text", TRICKY)
def test_builders_read_the_same_instructions(text: str, builder: str) -> None:
    read = as_read(text)
    assert read is not None
    assert as_built(text, builder) == read


PIECES = st.sampled_from(
    [
        "LABEL a=1",
        "LABEL b=2",
        " c=3",
        "\\\n",
        "\\ \n",
        "\n",
        "\n",
        "# x",
        "# x \\\n",
        "\t",
        "\r\n",
        "\\",
        "`",
        " # y",
        "=1",
    ]
)


@given(st.lists(PIECES, min_size=2, max_size=8).map("".join), st.sampled_from(sorted(BUILDERS)))
@settings(max_examples=25)
def test_whatever_a_builder_accepts_is_read_as_the_builder_reads_it_or_refused(tail: str, builder: str) -> None:
    text = f"FROM scratch\nLABEL z=0\n{tail}\n"
    read = as_read(text)
    if read is not None:
        assert as_built(text, builder) in (None, read)
