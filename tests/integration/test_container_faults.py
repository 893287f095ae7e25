"""Runs whose engine, registry, disk or container goes away under them: each ends in its named outcome."""

import gc
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from container_bed import Bed
from container_place import Place, outcome
from private_engine import PrivateEngine, private_engine

from experiment.record import Status
from experiment.spec import Resources
from runner.container.engine import EngineFailed, find
from runner.container.image import CannotPull
from runner.container.watch import Watch
from runner.execute import Finished
from runner.runtime import Ears

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    # docker-py leaves the connections to an engine that died to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

COUNTS = """\
import time
for step in range(40):
    print("loss", step, flush=True)
    time.sleep(0.2)
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("container-cache")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Those connections are collected here, where they are expected, and not in somebody else's test."""
    yield
    gc.collect()


def at(engine: PrivateEngine, tmp_path: Path, cache: Path, bed: Bed) -> Place:
    """A repository whose runs are made in this engine, which has the image."""
    place = Place.make(tmp_path / "repo", cache, image=bed.base)
    place.inherited["DOCKER_HOST"] = engine.address
    engine.pull(bed.base)
    return place


def during(place: Place, engine: PrivateEngine, happens: Callable[[], None], script: str = COUNTS) -> Finished:
    """The run of a script, to whose engine something happens as soon as it has run for a second."""

    def once_it_runs() -> None:
        running = ["ps", "--quiet", "--filter", "label=ml-experiment.role=run"]
        while not engine.docker(*running, check=False).stdout:
            time.sleep(0.1)
        time.sleep(1)
        happens()

    other = threading.Thread(target=once_it_runs)
    other.start()
    try:
        return place.run(script, resources=Resources(timeout=120.0))
    finally:
        other.join()


def restarted(engine: PrivateEngine) -> None:
    """Killed, and started again after two seconds."""
    engine.kill()
    time.sleep(2)
    engine.start()


def test_an_engine_that_is_killed_and_started_again_costs_a_retry_that_is_told(
    tmp_path: Path, cache: Path, bed: Bed
) -> None:
    with private_engine() as engine:
        place = at(engine, tmp_path, cache, bed)

        found = during(place, engine, lambda: restarted(engine))
        assert outcome(found) == (Status.OK, "")
        assert found.record.retried == ("the engine was started again, and ended the run",)
        assert [curve.value.tolist() for curve in found.curves] == [list(range(40))]
        assert engine.docker("ps", "--all", "--quiet").stdout == ""
        assert engine.docker("volume", "ls", "--quiet").stdout == ""


def test_with_live_restore_a_run_ends_well_whether_or_not_the_engine_kept_its_files(
    tmp_path: Path, cache: Path, bed: Bed
) -> None:
    with private_engine("--live-restore") as engine:
        place = at(engine, tmp_path, cache, bed)
        found = during(place, engine, lambda: restarted(engine))
        assert outcome(found) == (Status.OK, "")
        assert found.record.retried in ((), ("the engine was started again, and lost what the run wrote",))
        assert [curve.value.tolist() for curve in found.curves] == [list(range(40))]


def test_with_live_restore_not_a_line_is_lost_and_none_is_told_twice(bed: Bed) -> None:
    with private_engine("--live-restore") as engine:
        engine.pull(bed.base)
        found = find({"DOCKER_HOST": engine.address})
        with found.api() as api:
            none = api.create_host_config(network_mode="none")
            made = api.create_container(bed.base, ["python3", "-c", COUNTS], host_config=none)["Id"]
        other = threading.Timer(2, restarted, [engine])
        other.start()
        said: list[str] = []
        ears = Ears(said.append, lambda _elapsed, _news: None, lambda: None)
        watched = Watch(found, made).run(120, ears, lambda: (), threading.Event())
        other.join()
        assert watched.away
        assert watched.end.exit_code == 0
        assert said == [f"loss {step}" for step in range(40)]


def test_an_engine_that_stays_away_is_an_infrastructure_error(
    tmp_path: Path, cache: Path, bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.container.watch.ENGINE_WAIT_S", 3.0)
    with private_engine() as engine:
        place = at(engine, tmp_path, cache, bed)
        found = during(place, engine, engine.kill)
        status, reason = outcome(found)
        assert status is Status.INFRA_ERROR
        assert "engine" in reason
        assert found.record.retried[0] == "the engine did not answer for 3 s"


def test_a_container_that_somebody_removes_is_made_again(tmp_path: Path, cache: Path, bed: Bed) -> None:
    with private_engine() as engine:
        place = at(engine, tmp_path, cache, bed)

        def remove() -> None:
            running = engine.docker("ps", "--quiet", "--filter", "label=ml-experiment.role=run").stdout.split()
            engine.docker("rm", "--force", *running)

        found = during(place, engine, remove)
        assert outcome(found) == (Status.OK, "")
        assert len(found.record.retried) == 1
        assert found.record.retried[0] in (
            "the container was removed by somebody else",
            "killed from outside with SIGKILL, through the engine",
        )


def test_the_holder_of_its_files_that_somebody_removes_costs_a_retry(tmp_path: Path, cache: Path, bed: Bed) -> None:
    with private_engine() as engine:
        place = at(engine, tmp_path, cache, bed)

        def remove() -> None:
            holding = engine.docker("ps", "--quiet", "--filter", "label=ml-experiment.role=holder").stdout.split()
            engine.docker("rm", "--force", *holding)

        found = during(place, engine, remove)
        assert outcome(found) == (Status.OK, "")
        assert len(found.record.retried) == 1
        assert found.record.retried[0].startswith("the engine failed: ")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 320 MiB: the base image fits, and hardly anything else."""
    image, at = tmp_path / "disk", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(320 * 2**20)
    at.mkdir()
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def test_a_full_disk_of_the_engine_is_named_and_what_to_do(
    tmp_path: Path, cache: Path, bed: Bed, small_disk: Path
) -> None:
    with private_engine(data=small_disk) as engine:
        place = at(engine, tmp_path, cache, bed)
        place.write("train.py", COUNTS)
        with (small_disk / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(2**16)):
                    pass
            except OSError:
                pass
        with pytest.raises(EngineFailed) as failed:
            place.run(COUNTS)
        assert "no space left on device" in str(failed.value)
        assert "make room" in str(failed.value)


def test_an_image_that_does_not_fit_is_named(tmp_path: Path, cache: Path, bed: Bed, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(200 * 2**20))
    with private_engine(data=small_disk) as engine:
        place = Place.make(tmp_path / "repo", cache, image=bed.base)
        place.inherited["DOCKER_HOST"] = engine.address
        place.write("train.py", COUNTS)
        with engine.registry(), pytest.raises(CannotPull) as failed:
            place.run(COUNTS)
        assert "no space left on device" in str(failed.value)
        assert "make room for the engine: docker system df" in str(failed.value)


def test_a_disk_that_fills_up_meanwhile_does_not_lose_the_run(
    tmp_path: Path, cache: Path, bed: Bed, small_disk: Path
) -> None:
    with private_engine(data=small_disk) as engine:
        place = at(engine, tmp_path, cache, bed)

        def fill() -> None:
            with (small_disk / "filler").open("wb", buffering=0) as filler:
                try:
                    while filler.write(bytes(2**16)):
                        pass
                except OSError:
                    pass

        found = during(place, engine, fill)
        assert outcome(found)[0] is Status.OK
        assert [curve.value.tolist() for curve in found.curves] == [list(range(40))]


def test_a_registry_that_goes_away_during_the_pull_is_named(tmp_path: Path, cache: Path, bed: Bed) -> None:
    with private_engine() as engine, engine.registry() as registry:
        place = Place.make(tmp_path / "repo", cache, image=bed.base)
        place.inherited["DOCKER_HOST"] = engine.address
        place.write("train.py", COUNTS)

        def end_it() -> None:
            while not place.said:
                time.sleep(0.01)
            registry.kill()

        other = threading.Thread(target=end_it)
        other.start()
        with pytest.raises(CannotPull) as failed:
            place.run(COUNTS)
        other.join()
        assert str(failed.value).startswith(f"environment.image: {bed.base}: cannot be pulled: ")
        assert str(failed.value).endswith("is the registry reachable from here?")
