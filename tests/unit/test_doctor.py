"""The doctor's findings: what is a problem depends on what the experiment needs, and every one says what to do."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from action.activities.doctor import exit_code, lines, outputs
from experiment.environment import Gpu
from runner.doctor.facts import Engine, Facts, Folder, Needs, NoEngine, Runner, Trouble
from runner.doctor.findings import Finding, Level, findings
from runner.doctor.gather import runner_of

GIB = 2**30
ENGINE = Engine(
    version="27.1",
    api=(1, 46),
    cgroup=2,
    memory_limit=True,
    swap_limit=True,
    pids_limit=True,
    seccomp=True,
    root="/var/lib/docker",
    free_bytes=100 * GIB,
    has_image=False,
)
READY = Facts(
    python="3.12.1",
    uv="0.13.9",
    uv_trouble="",
    engine=ENGINE,
    cli="27.1",
    buildx="0.38.2",
    gpus=(),
    toolkit="",
    runner=Runner.NONE,
    public=None,
    cache=Folder("/cache", 100 * GIB),
    state=Folder("/state", 100 * GIB),
    needs=None,
)
LOCK = Needs(container=False)
IMAGE = Needs(container=True)
BUILD = Needs(container=True, build=True)
GPUS = Needs(container=True, gpus=2)
GPU = Gpu(model="H100", memory_bytes=80 * GIB, driver="570.1")
ABSENT = NoEngine("unix:///run/docker.sock", Trouble.ABSENT, "")


def one(name: str, needs: Needs | None = None, **changed: Any) -> Finding:
    return next(found for found in findings(replace(READY, needs=needs, **changed)) if found.name == name)


def engine(name: str, needs: Needs | None = None, **changed: Any) -> Finding:
    return one(name, needs, engine=replace(ENGINE, **changed))


def test_a_ready_machine_has_neither_problems_nor_warnings() -> None:
    for needs in (None, LOCK, IMAGE, BUILD):
        assert {found.level for found in findings(replace(READY, needs=needs))} == {Level.OK}


@pytest.mark.parametrize(
    ("needs", "level"), [(None, Level.WARNING), (LOCK, Level.OK), (IMAGE, Level.PROBLEM), (BUILD, Level.PROBLEM)]
)
def test_without_an_engine_only_containers_do_not_run(needs: Needs | None, level: Level) -> None:
    found = one("engine", needs, engine=ABSENT)
    assert found.level is level
    assert found.found.startswith("no engine at unix:///run/docker.sock")


def test_why_no_engine_answers_decides_what_to_do() -> None:
    denied = one("engine", IMAGE, engine=replace(ABSENT, trouble=Trouble.DENIED))
    silent = one("engine", IMAGE, engine=replace(ABSENT, trouble=Trouble.SILENT, said="EOF"))
    assert (denied.found, "docker USER" in denied.remedy) == (
        f"no permission to use the engine at {ABSENT.address}",
        True,
    )
    assert silent.found.endswith("gives no sensible answer: EOF")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("engine", {"api": (1, 40)}),
        ("limits", {"memory_limit": False}),
        ("seccomp", {"seccomp": False}),
        ("disk", {"free_bytes": GIB // 2}),
    ],
)
def test_what_an_engine_lacks_is_a_problem_for_containers_only(name: str, changed: dict[str, Any]) -> None:
    assert [engine(name, needs, **changed).level for needs in (IMAGE, None, LOCK)] == list(Level)[::-1]


def test_without_swap_accounting_containers_run_less_safely() -> None:
    found = engine("limits", IMAGE, swap_limit=False, pids_limit=False)
    assert (found.level, found.found) == (Level.WARNING, "the engine cannot limit: swap, pids")
    assert "swapaccount=1" in found.remedy


def test_disk_is_measured_against_image_and_run() -> None:
    assert engine("disk", IMAGE, free_bytes=4 * GIB).level is Level.WARNING
    assert engine("disk", IMAGE, free_bytes=4 * GIB, has_image=True).level is Level.OK
    assert engine("disk", GPUS, free_bytes=10 * GIB).found.endswith("image and run may take 25.0 GiB")
    assert engine("disk", replace(IMAGE, disk_bytes=20 * GIB), free_bytes=20 * GIB).level is Level.PROBLEM
    assert engine("disk", IMAGE, free_bytes=None).level is Level.OK


def test_a_dockerfile_needs_what_is_in_it() -> None:
    classic = one("buildx", BUILD, buildx="")
    modern = one("buildx", replace(BUILD, buildkit="line 3, RUN --mount"), buildx="")
    assert (classic.level, modern.level) == (Level.OK, Level.PROBLEM)
    assert modern.found == "not installed; this Dockerfile needs it: line 3, RUN --mount"
    assert [one("docker command", needs, cli="").level for needs in (BUILD, None, IMAGE)] == list(Level)[::-1]
    assert [one("buildx", needs, buildx="").level for needs in (None, IMAGE)] == [Level.WARNING, Level.OK]


def test_gpus_are_a_problem_only_where_they_are_asked_for() -> None:
    assert one("gpu", None).level is Level.OK
    assert one("gpu", GPUS).found == "none; the experiment asks for 2"
    assert (one("gpu", GPUS, gpus=(GPU,)).level, one("gpu", GPUS, gpus=(GPU,)).found) == (
        Level.PROBLEM,
        "1 of 2: H100; driver 570.1",
    )
    assert one("gpu", GPUS, gpus=(GPU, GPU)).found == "H100, H100; driver 570.1"


def test_gpus_come_into_containers_by_a_safe_toolkit() -> None:
    def toolkit(needs: Needs | None, version: str) -> Level:
        return one("gpu toolkit", needs, gpus=(GPU, GPU), toolkit=version).level

    assert [toolkit(GPUS, version) for version in ("", "1.17.7", "1.17.8", "1.18")] == [
        Level.PROBLEM,
        Level.PROBLEM,
        Level.OK,
        Level.OK,
    ]
    assert [toolkit(None, version) for version in ("", "1.16.0")] == [Level.WARNING, Level.WARNING]
    assert toolkit(replace(LOCK, gpus=1), "") is Level.OK
    assert "gpu toolkit" not in [found.name for found in findings(READY)]


@pytest.mark.parametrize(
    ("runner", "public", "level"),
    [
        (Runner.HOSTED, True, Level.OK),
        (Runner.EPHEMERAL, True, Level.OK),
        (Runner.PERSISTENT, False, Level.WARNING),
        (Runner.PERSISTENT, None, Level.WARNING),
        (Runner.PERSISTENT, True, Level.PROBLEM),
        (Runner.UNKNOWN, True, Level.WARNING),
    ],
)
def test_strangers_need_one_machine_a_job(runner: Runner, public: bool | None, level: Level) -> None:
    assert one("runner", None, runner=runner, public=public).level is level


def test_outside_of_ci_there_is_no_runner() -> None:
    assert "runner" not in [found.name for found in findings(READY)]


def test_folders_need_permission_and_room() -> None:
    assert one("cache", cache=Folder("/cache", 100 * GIB, "Permission denied")).found == "/cache: Permission denied"
    assert one("cache", cache=Folder("/cache", 2 * GIB)).level is Level.WARNING
    assert one("state", state=Folder("/state", 10)).level is Level.PROBLEM
    assert "state" not in [found.name for found in findings(replace(READY, state=None))]


def test_python_and_uv_make_the_environment_of_a_lock() -> None:
    assert one("python", python="3.10.4").level is Level.PROBLEM
    missing = one("python", replace(LOCK, python_missing="made for Python 3.14, which is not on this machine"))
    assert missing.found == "3.12.1; made for Python 3.14, which is not on this machine"
    assert [one("uv", needs, uv="", uv_trouble="x").level for needs in (LOCK, None, IMAGE)] == [
        Level.PROBLEM,
        Level.PROBLEM,
        Level.WARNING,
    ]


EXTREMES = st.builds(
    Facts,
    python=st.sampled_from(["3.10.1", "3.12.0"]),
    uv=st.sampled_from(["", "0.13"]),
    uv_trouble=st.just("no uv"),
    engine=st.one_of(
        st.builds(NoEngine, st.just("unix:///x"), st.sampled_from(Trouble), st.just("said")),
        st.builds(
            Engine,
            version=st.just("1"),
            api=st.sampled_from([(1, 24), (1, 46)]),
            cgroup=st.sampled_from([1, 2]),
            memory_limit=st.booleans(),
            swap_limit=st.booleans(),
            pids_limit=st.booleans(),
            seccomp=st.booleans(),
            root=st.just("/r"),
            free_bytes=st.sampled_from([None, 0, GIB * 3, GIB * 500]),
            has_image=st.booleans(),
        ),
    ),
    cli=st.sampled_from(["", "1"]),
    buildx=st.sampled_from(["", "1"]),
    gpus=st.sampled_from([(), (GPU,)]),
    toolkit=st.sampled_from(["", "1.0", "2.0"]),
    runner=st.sampled_from(Runner),
    public=st.sampled_from([None, True, False]),
    cache=st.builds(Folder, st.just("/c"), st.sampled_from([0, GIB * 500]), st.sampled_from(["", "no"])),
    state=st.none() | st.builds(Folder, st.just("/s"), st.just(GIB), st.sampled_from(["", "no"])),
    needs=st.none()
    | st.builds(Needs, st.booleans(), st.booleans(), st.sampled_from(["", "x"]), st.sampled_from([0, 4])),
)


@given(EXTREMES)
def test_every_finding_that_is_not_well_says_what_to_do(facts: Facts) -> None:
    found = findings(facts)
    assert all(bool(finding.remedy) == (finding.level is not Level.OK) for finding in found)
    assert exit_code(found) == (3 if any(finding.level is Level.PROBLEM for finding in found) else 0)
    assert json.loads(json.dumps(outputs(found)))["passed"] is (exit_code(found) == 0)
    assert len({finding.name for finding in found}) == len(found)


def test_the_last_line_says_how_it_stands() -> None:
    shown = list(lines(findings(replace(READY, needs=IMAGE, engine=ABSENT))))
    assert "problem  engine  no engine at unix:///run/docker.sock" in shown
    assert shown[-1] == "not ready: 1 problem, no warnings"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ('{"agentName": "a", "Ephemeral": true}', Runner.EPHEMERAL),
        ('\ufeff{"ephemeral": true}', Runner.EPHEMERAL),
        ('{"agentName": "a"}', Runner.PERSISTENT),
        ("not json", Runner.UNKNOWN),
        ("[]", Runner.UNKNOWN),
        (None, Runner.UNKNOWN),
    ],
)
def test_the_runner_says_in_its_own_file_how_long_it_lives(tmp_path: Path, settings: str | None, kind: Runner) -> None:
    if settings is not None:
        (tmp_path / ".runner").write_text(settings, encoding="utf-8")
    job = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}
    assert runner_of({**job, "RUNNER_TOOL_CACHE": str(tmp_path / "_work" / "_tool")}) is kind
    assert runner_of({**job, "RUNNER_ENVIRONMENT": "github-hosted"}) is Runner.HOSTED
    assert runner_of({}) is Runner.NONE
