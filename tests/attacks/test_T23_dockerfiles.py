"""T23: a stranger's Dockerfile uses no image that is not pinned, gets no right, no secret, and is not read two ways."""

from collections.abc import Callable

import pytest
from container_bed import Bed
from container_place import Place, outcome
from unharmed import attack, unharmed

from experiment.errors import Refused
from experiment.record import Status
from runner.container.build import NotBuildable, ReachesOut
from runner.environment.dockerfile_refusals import DockerfileRefused, DownloadNotPinned

pytestmark = pytest.mark.docker
FINE = "print('loss 1')"


def refused(place: Place, kind: type[Refused]) -> str:
    """The refusal of this repository's Dockerfile, before anything is built, pulled or run."""
    place.write("train.py", FINE)
    with unharmed(place), pytest.raises(kind) as caught:
        place.run(FINE)
    assert place.said == []
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "image"),
    [
        ("FROM debian:bookworm\n", 1, "debian:bookworm"),
        ("FROM debian@sha256:beef\n", 1, "debian@sha256:beef"),
        ("FROM {base}\nCOPY --from=busybox:latest /bin/sh /x\n", 2, "busybox:latest"),
        ("FROM {base}\nRUN --mount=type=bind,from=busybox,target=/x true\n", 2, "busybox"),
        ("ARG BASE={base}\nARG BASE=debian\nFROM ${{BASE}}\n", 3, "debian"),
        ("# escape=`\nFROM {base}\nRUN echo \\\nFROM debian\n", 4, "debian"),
        ("FROM {base}\nRUN echo x \\\n\n# a comment between\n && true\nFROM evil\n", 6, "evil"),
        ("FROM {base} AS evil\nFROM Evil2\n", 2, "Evil2"),
        ("#syntax=evil/frontend\nFROM {base}\n", 1, "evil/frontend"),
        ("# syntax = evil/frontend:1\nFROM {base}\n", 1, "evil/frontend:1"),
        ("\ufeff# syntax=evil/frontend\nFROM {base}\n", 1, "evil/frontend"),
    ],
)
def test_an_image_without_a_digest_is_refused_with_its_line_wherever_it_hides(
    bed: Bed, dockerfile: Callable[[str], Place], text: str, line: int, image: str
) -> None:
    hostile = dockerfile(text.format(base=bed.base))
    told = refused(hostile, DockerfileRefused)
    assert told.startswith(f"{hostile.root}/Dockerfile:{line}: ")
    assert image in told


@pytest.mark.parametrize(
    "text",
    [
        "FROM {base}\nRUN <<EOF\ntrue\nEOF\nFROM evil\n",
        "FROM {base}\nRUN cat <<'A' <<-B\nFROM evil\nA\nFROM evil\n\tB\nRUN true\n",
        "FROM {base}\nCOPY <<EOF /x\nFROM evil\nEOF\n",
    ],
)
def test_a_heredoc_that_an_old_engine_takes_for_instructions_is_never_given_to_it(
    bed: Bed, dockerfile: Callable[[str], Place], text: str
) -> None:
    told = refused(dockerfile(text.format(base=bed.base)), Refused)
    assert "this engine cannot read it" in told or "has no digest" in told


@pytest.mark.parametrize(
    ("step", "asks"),
    [
        ("RUN --network=host curl http://127.0.0.1/", "RUN --network=host asks for more than the build may have"),
        (
            "RUN --security=insecure mount /dev/sda /mnt",
            "RUN --security=insecure asks for more than the build may have",
        ),
        ("RUN --mount=type=cache,target=/c --security=insecure true", "RUN --security=insecure asks for more"),
    ],
)
def test_a_step_that_asks_for_rights_is_refused_before_anything_is_built(
    bed: Bed, dockerfile: Callable[[str], Place], step: str, asks: str
) -> None:
    hostile = dockerfile(f"FROM {bed.base}\n{step}\n")
    told = refused(hostile, ReachesOut)
    assert told.startswith(f"{hostile.root}/Dockerfile:2: {asks}")


@pytest.mark.parametrize(
    "step",
    [
        "ADD https://example.org/x.tar /x",
        "ADD git@github.com:evil/evil.git /x",
        "ADD https://github.com/evil/evil.git#main /x",
        'ADD ["http://169.254.169.254/latest/meta-data/", "/x"]',
        "ADD $WHERE /x",
        "ADD --checksum=md5:1 https://example.org/x /x",
    ],
)
def test_what_would_be_fetched_unseen_is_refused(bed: Bed, dockerfile: Callable[[str], Place], step: str) -> None:
    assert "without saying what its content is" in refused(dockerfile(f"FROM {bed.base}\n{step}\n"), DownloadNotPinned)


def test_a_build_has_no_secret_no_agent_and_no_variable_of_ours(
    place: Place, bed: Bed, dockerfile: Callable[[str], Place], secret: str
) -> None:
    if not bed.buildx:
        pytest.skip("no buildx on this machine: mounts of a build are BuildKit's")
    steals = (
        "RUN --mount=type=secret,id=GITHUB_TOKEN --mount=type=secret,id=token,target=/t "
        "sh -c 'ls /run/secrets /t; env; ls /run/host-services; cat /t; true' >/seen 2>&1\n"
        'ARG GITHUB_TOKEN\nRUN echo "[$GITHUB_TOKEN]" >>/seen\n'
    )
    found = attack(dockerfile(f"FROM {bed.base}\n{steals}"), f"print(open('/seen').read()); {FINE}")
    assert outcome(found) == (Status.OK, "")
    assert "[]" in found.log_tail
    assert secret not in found.log_tail


def test_a_step_that_needs_an_agent_is_not_buildable(bed: Bed, dockerfile: Callable[[str], Place]) -> None:
    if not bed.buildx:
        pytest.skip("no buildx on this machine: mounts of a build are BuildKit's")
    hostile = dockerfile(f"FROM {bed.base}\nRUN --mount=type=ssh,required=true ssh-add -l\n")
    hostile.inherited["SSH_AUTH_SOCK"] = str(hostile.root / "agent")
    hostile.write("train.py", FINE)
    with unharmed(hostile), pytest.raises(NotBuildable) as caught:
        hostile.run(FINE)
    assert "ssh" in str(caught.value)


def test_a_dockerfile_that_is_a_link_out_of_the_repository_does_not_show_what_it_leads_to(
    place: Place, dockerfile: Callable[[str], Place], secret: str
) -> None:
    hostile = dockerfile("x")
    (hostile.root / "Dockerfile").unlink()
    (hostile.root / "Dockerfile").symlink_to(hostile.root.parent / "beside" / "token")
    assert secret not in refused(hostile, Refused)


def test_a_link_in_the_context_does_not_bring_a_file_of_the_host_in(
    bed: Bed, dockerfile: Callable[[str], Place], secret: str
) -> None:
    hostile = dockerfile(f"FROM {bed.base}\nCOPY . /all\nRUN cat /all/link >/seen 2>&1 || true\n")
    (hostile.root / "link").symlink_to(hostile.root.parent / "beside" / "token")
    found = attack(hostile, f"print(open('/seen').read()); {FINE}")
    assert secret not in found.log_tail
    assert "No such file or directory" in found.log_tail


def test_labels_of_an_image_do_not_make_its_containers_somebody_elses(
    bed: Bed, dockerfile: Callable[[str], Place]
) -> None:
    labels = "LABEL ml-experiment.session=theirs ml-experiment.lease=/etc/passwd ml-experiment.role=data"
    assert outcome(attack(dockerfile(f"FROM {bed.base}\n{labels}\n"), FINE)) == (Status.OK, "")
