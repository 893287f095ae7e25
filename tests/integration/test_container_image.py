"""Images by digest and by Dockerfile, from a real registry and real builders."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_bed import Bed, builder_image
from container_place import Place, outcome

from experiment.record import Status
from experiment.spec import Build, EnvironmentSpec
from runner.container import builder
from runner.container.build import CannotBuild, NeedsBuildKit, NotBuildable, ReachesOut
from runner.container.builder import NoBuilder
from runner.container.engine import EngineMissing
from runner.container.image import CannotPull, HostileImage, NoSuchImage, NotPinned
from runner.container.opening import DirtyInCi
from runner.environment.dockerfile_refusals import BuildArgumentMissing, ImageNotPinned
from runner.environment.prepared import Prepared

pytestmark = pytest.mark.docker


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("image-cache")


@pytest.fixture
def place(tmp_path: Path, cache: Path) -> Place:
    made = Place.make(tmp_path / "repo", cache, dockerfile="Dockerfile")
    made.write("train.py", "print('loss 1')")
    return made


@pytest.fixture
def forgotten(bed: Bed) -> Iterator[str]:
    """The other image, which the engine does not have (any more)."""
    subprocess.run(["docker", "rmi", bed.other, bed.other_tag], capture_output=True, check=False)
    yield bed.other
    subprocess.run(["docker", "pull", "-q", bed.other_tag], capture_output=True, check=False)


def of_image(place: Place, image: str) -> None:
    place.spec["environment"] = EnvironmentSpec(image=image)


def prepare(place: Place) -> Prepared:
    with place.prepared(place.experiment()) as prepared:
        return prepared


def refused(place: Place, error: type[Exception]) -> str:
    place.said.clear()
    with pytest.raises(error) as caught:
        prepare(place)
    assert not (place.root / ".ml-experiment" / "runs").exists() or not list(place.store.runs.iterdir())
    return str(caught.value)


def test_an_image_the_engine_does_not_have_is_pulled_by_its_digest(place: Place, forgotten: str) -> None:
    of_image(place, forgotten)
    prepared = prepare(place)
    assert place.said == [f"pulling {forgotten}"]
    name, _, digest = forgotten.partition("@sha256:")
    assert prepared.label.startswith(f"container of {name}@{digest[:12]}, ")
    place.said.clear()
    prepare(place)
    assert place.said == []


def test_a_tag_is_refused_with_the_digest_it_has_now(place: Place, bed: Bed) -> None:
    of_image(place, bed.base_tag)
    said = refused(place, NotPinned)
    assert f"environment.image: {bed.base_tag}: a tag without a digest" in said
    assert f"image: {bed.base_tag}@{bed.base_digest}" in said


def test_a_tag_whose_registry_does_not_answer_and_what_is_no_image(place: Place) -> None:
    of_image(place, "127.0.0.1:1/no/registry:1")
    assert "its registry does not say which digest it has now" in refused(place, NotPinned)
    of_image(place, "Not An Image")
    assert "write name@sha256:" in refused(place, NotPinned)


def test_a_digest_the_registry_does_not_have_and_a_registry_that_is_away(place: Place, bed: Bed) -> None:
    of_image(place, f"{bed.repository}@sha256:{'0' * 64}")
    assert "the registry has no such image" in refused(place, NoSuchImage)
    of_image(place, f"127.0.0.1:1/away@sha256:{'0' * 64}")
    assert "is the registry reachable from here?" in refused(place, CannotPull)
    assert len([line for line in place.said if line.endswith("; trying again")]) == 2


def test_an_image_that_preloads_a_library_into_every_process_is_refused(place: Place, bed: Bed) -> None:
    name = f"{bed.registry}/ml-experiment-test/preload"
    recipe = f"FROM {bed.base}\nENV LD_PRELOAD=/evil.so\n"
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], input=recipe.encode(), capture_output=True, check=True)
    subprocess.run(["docker", "push", "-q", name], capture_output=True, check=True)
    digest = subprocess.run(
        ["docker", "image", "inspect", name, "--format", "{{index .RepoDigests 0}}"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    of_image(place, digest)
    assert "the image sets LD_PRELOAD=/evil.so" in refused(place, HostileImage)


def test_no_engine_is_named_with_what_to_do(place: Place, bed: Bed) -> None:
    of_image(place, bed.base)
    place.inherited["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    said = refused(place, EngineMissing)
    assert "no container engine answers at unix:///nowhere/docker.sock: [Errno 2] No such file or directory" in said
    assert "--environment lock" in said


def test_a_dockerfile_is_built_and_its_base_recorded(place: Place, bed: Bed) -> None:
    stamp = os.urandom(4).hex()
    place.write("Dockerfile", f"ARG BASE\nFROM ${{BASE}}\nRUN echo stamp {stamp} && echo {stamp} > /stamp\n")
    place.spec["environment"] = EnvironmentSpec(dockerfile="Dockerfile", build=Build(args={"BASE": bed.base}))
    experiment = place.experiment(command="cat /stamp; echo loss 1")
    with place.prepared(experiment) as prepared:
        assert place.said == [f"  [2/2] RUN echo stamp {stamp} && echo {stamp} > /stamp", f"    stamp {stamp}"]
        found = place.once(experiment, prepared)
    assert outcome(found) == (Status.OK, "")
    assert found.log_tail.startswith(stamp)
    environment = found.record.environment
    assert (environment.kind, environment.source) == ("dockerfile", "Dockerfile")
    assert environment.base_digests == {bed.base.partition("@")[0]: bed.base_digest}
    assert environment.build_args == {"BASE": bed.base}
    assert environment.layers[-1].made_by == f"RUN echo stamp {stamp} && echo {stamp} > /stamp"
    place.said.clear()
    with place.prepared(experiment) as again:
        assert place.said == []
        assert again.environment == prepared.environment


def test_a_build_from_nothing_has_the_same_fingerprint_and_names_the_layer_that_differs(place: Place, bed: Bed) -> None:
    place.write("Dockerfile", f"FROM {bed.base}\nRUN mkdir /same\nRUN date +%N > /stamp\nRUN mkdir /also\n")
    first = prepare(place).environment
    assert first.image_digest is not None
    subprocess.run(["docker", "rmi", "-f", first.image_digest], capture_output=True, check=True)
    subprocess.run(["docker", "builder", "prune", "-f", "--filter", "type=regular"], capture_output=True, check=True)
    second = prepare(place).environment
    assert second.image_digest != first.image_digest
    assert (second.packages, second.system_sha256, second.libraries) == (
        first.packages, first.system_sha256, first.libraries,
    )  # fmt: skip
    apart = [a.made_by for a, b in zip(first.layers, second.layers, strict=True) if a.digest != b.digest]
    assert "RUN date +%N > /stamp" in apart


def test_only_files_git_knows_are_in_the_context(place: Place, bed: Bed) -> None:
    place.write(".gitignore", "secret.txt\n")
    place.write("secret.txt", "secret")
    place.write("Dockerfile", f"FROM {bed.base}\nCOPY . /context\n")
    experiment = place.experiment(command="ls -A /context; echo loss 1")
    with place.prepared(experiment) as prepared:
        found = place.once(experiment, prepared)
    assert set(found.log_tail.split()) == {".gitignore", "Dockerfile", "train.py", "loss", "1"}


def test_an_unpinned_base_and_a_missing_argument_are_refused_before_any_build(place: Place) -> None:
    path = place.write("Dockerfile", "FROM debian:12\n")
    assert f"{path}:1: the image debian:12 has no digest" in refused(place, ImageNotPinned)
    place.write("Dockerfile", "ARG BASE\nFROM ${BASE}\n")
    assert f"{path}:2: " in refused(place, BuildArgumentMissing)


def test_a_step_that_fails_is_shown_with_what_it_said(place: Place, bed: Bed) -> None:
    place.write("Dockerfile", f"FROM {bed.base}\nRUN echo too bad >&2; exit 7\n")
    said = refused(place, NotBuildable)
    assert "too bad" in said
    assert "exit code: 7" in said


def test_a_build_without_a_network_that_needs_one_is_the_machines_fault(place: Place, bed: Bed) -> None:
    place.write(
        "Dockerfile", f"FROM {bed.base}\nRUN python3 -m venv /v && /v/bin/pip install --retries 1 six==1.17.0\n"
    )
    place.spec["environment"] = EnvironmentSpec(dockerfile="Dockerfile", build=Build(network="none"))
    assert "the build does not reach what it fetches" in refused(place, CannotBuild)


def test_a_step_may_not_take_more_rights_than_the_build(place: Place, bed: Bed) -> None:
    path = place.write("Dockerfile", f"FROM {bed.base}\nRUN --network=host true\n")
    assert f"{path}:2: RUN --network=host asks for more than the build may have" in refused(place, ReachesOut)
    place.write("Dockerfile", f"FROM {bed.base}\nRUN --security=insecure true\n")
    assert "asks for more than the build may have" in refused(place, ReachesOut)


def test_without_buildx_a_plain_file_is_built_and_one_that_needs_it_is_refused(
    place: Place, bed: Bed, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    docker = shutil.which("docker")
    assert docker is not None
    (tmp_path / "bin" / "docker").symlink_to(docker)
    # a configuration of its own has no plugin; the machine's folders of plugins are not this user's
    place.inherited |= {"DOCKER_CONFIG": str(tmp_path / "config"), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    place.inherited["HOME"] = str(tmp_path)
    place.write("Dockerfile", f"FROM {bed.base}\nRUN echo {os.urandom(4).hex()}\n")
    assert prepare(place).environment.kind == "dockerfile"
    path = place.write("Dockerfile", f"FROM {bed.base}\nRUN --mount=type=cache,target=/c true\n")
    said = refused(place, NeedsBuildKit)
    assert f"{path}:2: RUN --mount needs BuildKit, and docker buildx is not there" in said


def test_a_heredoc_is_refused_where_the_engine_would_take_its_text_for_instructions(place: Place, bed: Bed) -> None:
    if int(bed.engine.partition(".")[0]) >= 23:
        place.write("Dockerfile", f"FROM {bed.base}\nRUN <<EOF\necho hello\nEOF\n")
        prepare(place)
        return
    path = place.write("Dockerfile", f"FROM {bed.base}\nRUN <<EOF\necho hello\nEOF\n")
    assert f"{path}:2: RUN <<EOF: this engine cannot read it" in refused(place, NeedsBuildKit)


def test_the_docker_command_is_needed_to_build(place: Place, bed: Bed, tmp_path: Path) -> None:
    place.write("Dockerfile", f"FROM {bed.base}\n")
    place.inherited["PATH"] = str(tmp_path)
    assert "the docker command is not there" in refused(place, NoBuilder)


def test_without_the_docker_command_buildx_is_taken_out_of_a_pinned_image(
    place: Place, bed: Bed, tmp_path: Path
) -> None:
    place.inherited |= {"PATH": str(tmp_path), builder.VARIABLE: builder_image(bed)}
    place.write("Dockerfile", f"FROM {bed.base}\nRUN --mount=type=cache,target=/c echo {os.urandom(4).hex()}\n")
    assert prepare(place).environment.kind == "dockerfile"
    assert not list(place.root.rglob("buildx"))


@pytest.mark.parametrize(
    ("named", "kind", "told"),
    [
        ("docker/buildx-bin:latest", builder.NotPinned, "not an image by digest"),
        (f"127.0.0.1:1/buildx@sha256:{'0' * 64}", NoBuilder, "is its registry reachable from here?"),
        ("{base}", NoBuilder, "/buildx"),
    ],
)
def test_a_builder_that_cannot_be_had_is_told_apart(
    place: Place, bed: Bed, tmp_path: Path, named: str, kind: type[Exception], told: str
) -> None:
    place.inherited |= {"PATH": str(tmp_path), builder.VARIABLE: named.format(base=bed.base)}
    place.write("Dockerfile", f"FROM {bed.base}\n")
    assert told in refused(place, kind)


def test_uncommitted_changes_are_refused_in_ci(place: Place, bed: Bed) -> None:
    of_image(place, bed.base)
    place.inherited["CI"] = "true"
    assert "there are uncommitted changes, and this is CI" in refused(place, DirtyInCi)
    place.write(".gitignore", ".ml-experiment/\n")
    place.commit()
    prepare(place)
