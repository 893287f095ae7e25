"""`ml-experiment pin` with a real engine and registry: digests come in, or nothing changes and the reason is named."""

import hashlib
import json
import urllib.request
import uuid
from pathlib import Path

import pytest
from container_bed import Bed
from repositories import Done, Repository

pytestmark = pytest.mark.docker

DATA = b"1,2\n3,4\n"
SHA256 = hashlib.sha256(DATA).hexdigest()


def moved(bed: Bed, digest: str, tag: str) -> str:
    """repository:tag, which the registry now has for the image with `digest`."""
    host, _, name = bed.repository.partition("/")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    place = f"http://{host}/v2/{name}/manifests"
    with opened(urllib.request.Request(f"{place}/{digest}", headers={"Accept": kind})) as answer:
        manifest = answer.read()
    with opened(
        urllib.request.Request(f"{place}/{tag}", manifest, headers={"Content-Type": kind}, method="PUT")
    ) as answer:
        assert answer.status == 201
    return f"{bed.repository}:{tag}"


@pytest.fixture
def tag() -> str:
    return f"moves-{uuid.uuid4().hex[:12]}"


def write(repository: Repository, dockerfile: str, environment: str = "{dockerfile: Dockerfile}") -> None:
    repository.write("Dockerfile", dockerfile)
    (repository.folder / "x.csv").write_bytes(DATA)
    experiment = (repository.folder / "ml-experiment.yaml").read_text()
    repository.write(
        "ml-experiment.yaml",
        experiment.replace("{lock: requirements.lock}", environment) + "data:\n  - path: x.csv  # small\n",
    )


def contents(repository: Repository) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in repository.folder.iterdir() if path.is_file()}


def refused(repository: Repository, code: int, *args: str) -> str:
    """What `pin` says when it ends with `code`; no file changed then."""
    before = contents(repository)
    done = repository.run("pin", *args)
    assert (done.code, done.out) == (code, ""), done
    assert contents(repository) == before
    return done.err


def test_digests_are_written_once(repository: Repository, bed: Bed) -> None:
    write(repository, f"# ours\nFROM {bed.base_tag} AS base  \nFROM base\nCOPY --from={bed.other_tag} /etc /x\n")
    done = repository.run("pin")
    assert done.code == 0, done.err
    base, other = f"{bed.base_tag}@{bed.base_digest}", f"{bed.other_tag}@{bed.other_digest}"
    assert (repository.folder / "Dockerfile").read_text() == (
        f"# ours\nFROM {base} AS base  \nFROM base\nCOPY --from={other} /etc /x\n"
    )
    assert (
        (repository.folder / "ml-experiment.yaml")
        .read_text()
        .endswith(f"data:\n  - path: x.csv  # small\n    sha256: {SHA256}\n")
    )
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        f"ml-experiment.yaml:10 data[0] x.csv → x.csv sha256 {SHA256}",
        f"Dockerfile:2 FROM {bed.base_tag} → {base}",
        f"Dockerfile:4 --from {bed.other_tag} → {other}",
        "3 written, 0 pinned already",
    ]
    before = contents(repository)
    again = repository.run("pin")
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing written, 3 pinned already")
    assert contents(repository) == before


def test_a_pinned_image_follows_its_tag_only_when_asked(repository: Repository, bed: Bed, tag: str) -> None:
    image = moved(bed, bed.base_digest, tag)
    write(repository, "FROM scratch\n", f"{{image: '{image}'}}  # from a friend")
    assert repository.run("pin").code == 0
    moved(bed, bed.other_digest, tag)
    done = repository.run("pin", "--json")
    assert (done.code, done.json["changed"], len(done.json["pinned"])) == (0, [], 2)
    done = repository.run("pin", "--update", "--json")
    assert done.json["changed"] == [
        {
            "file": "ml-experiment.yaml",
            "line": 2,
            "key": "environment.image",
            "old": f"{image}@{bed.base_digest}",
            "new": f"{image}@{bed.other_digest}",
        }
    ]
    text = (repository.folder / "ml-experiment.yaml").read_text()
    assert f"environment: {{image: '{image}@{bed.other_digest}'}}  # from a friend\n" in text


def test_an_argument_gets_the_digest_into_its_default(repository: Repository, bed: Bed) -> None:
    write(repository, f"ARG BASE={bed.base_tag}\nFROM ${{BASE}}\n")
    assert repository.run("pin").code == 0
    assert (repository.folder / "Dockerfile").read_text() == (
        f"ARG BASE={bed.base_tag}@{bed.base_digest}\nFROM ${{BASE}}\n"
    )


@pytest.mark.network
def test_a_list_of_versions_becomes_a_lock(repository: Repository) -> None:
    repository.write("requirements.lock", "six==1.16.0  # old\n")
    done = repository.run("pin")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 written, 0 pinned already")
    assert "--hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3" in (repository.folder / "requirements.lock").read_text()


def test_a_tag_that_does_not_exist(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.base_tag}\nFROM {bed.repository}:nowhere\n")
    assert refused(repository, 2).startswith(f"Dockerfile:2: {bed.repository}:nowhere: no such image in its registry: ")


def test_a_registry_that_does_not_answer(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.base_tag}\nFROM 127.0.0.1:9/a:b\n")
    text = refused(repository, 3)
    assert text.startswith("Dockerfile:2: 127.0.0.1:9/a:b: its registry cannot be reached: ")
    assert "connection refused" in text


def test_no_engine(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.base_tag}\n")
    alone = Repository(repository.folder, {**repository.environ, "DOCKER_HOST": "unix:///nowhere.sock"})
    assert refused(alone, 3).startswith("no container engine answers at unix:///nowhere.sock: ")


def test_what_is_pinned_needs_no_engine(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.base}\n")
    alone = Repository(repository.folder, {**repository.environ, "DOCKER_HOST": "unix:///nowhere.sock"})
    assert alone.run("pin").code == 0


def test_a_dockerfile_that_is_not_there(repository: Repository) -> None:
    write(repository, "", "{dockerfile: docker/Dockerfile}")
    assert refused(repository, 2).startswith("docker/Dockerfile: no such Dockerfile\n")


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.base_tag}\n")
    (repository.folder / "Dockerfile.part").mkdir()  # root may write anywhere; nobody writes over a folder
    text = refused(repository, 3)
    assert text.startswith("Dockerfile: cannot be written: ")
    assert text.endswith("nothing was changed\n")


def test_an_error_is_an_object_too(repository: Repository, bed: Bed) -> None:
    write(repository, f"FROM {bed.repository}:nowhere\n")
    done: Done = repository.run("pin", "--json")
    assert (done.code, json.loads(done.out)["exit_code"]) == (2, 2)


def test_doctor_judges_by_what_the_experiment_needs(repository: Repository, tmp_path: Path) -> None:
    alone = Repository(repository.folder, {**repository.environ, "DOCKER_HOST": f"unix://{tmp_path}/nowhere.sock"})
    ready = alone.run("doctor", "--json")
    assert (ready.code, ready.json["passed"]) == (0, True)
    write(repository, "FROM scratch\n")
    assert alone.run("doctor").code == 3
    assert repository.run("doctor").out.splitlines()[-1].startswith("ready: ")
