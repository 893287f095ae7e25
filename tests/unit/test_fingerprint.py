"""What a run's environment may hold, what of it is recorded, and what the machine says of itself."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.environment import hardware
from runner.environment.refusals import ForbiddenVariable
from runner.environment.variables import HIDDEN, for_run, recorded

PYTHON = Path("/cache/venv/bin/python")
TOKENS = {
    "GITHUB_TOKEN": "ghs_secret",
    "ACTIONS_RUNTIME_TOKEN": "secret",
    "INPUT_GITHUB-TOKEN": "secret",
    "RUNNER_TEMP": "/tmp",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "TF_VAR_password": "secret",
    "PYTHONPATH": "/elsewhere",
    "PYTHONHOME": "/elsewhere",
    "LD_PRELOAD": "evil.so",
}


def test_a_run_gets_what_it_needs_and_nothing_that_is_not_listed() -> None:
    given_ones = {
        "HOME": "/home/ada",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "KERAS_BACKEND": "jax",
        "https_proxy": "http://p",
    }
    variables = for_run(PYTHON, {**given_ones, **TOKENS, "EDITOR": "vi"}, (), None)
    assert variables == {
        **given_ones,
        "PATH": f"/cache/venv/bin:{os.defpath}",
        "VIRTUAL_ENV": "/cache/venv",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def test_who_names_a_switch_of_ours_has_it_as_they_set_it() -> None:
    named = ("DO_NOT_TRACK",)
    assert for_run(PYTHON, {"DO_NOT_TRACK": "0"}, named, None)["DO_NOT_TRACK"] == "0"
    assert for_run(PYTHON, {"DO_NOT_TRACK": "0"}, (), None)["DO_NOT_TRACK"] == "1"


@given(st.dictionaries(st.from_regex(r"(GITHUB|ACTIONS|INPUT|RUNNER)_[A-Z]{1,9}", fullmatch=True), st.just("secret")))
def test_no_variable_of_the_ci_machine_reaches_a_run(inherited: dict[str, str]) -> None:
    assert not set(inherited) & set(for_run(PYTHON, inherited, (), 2))


@pytest.mark.parametrize(
    "name", ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "INPUT_X", "RUNNER_NAME", "github_token"]
)
def test_asking_for_a_variable_of_the_ci_machine_is_refused(name: str) -> None:
    with pytest.raises(ForbiddenVariable, match=rf"environment\.variables: {name} is not handed to a run"):
        for_run(PYTHON, {}, (name,), None)


def test_a_named_variable_is_handed_on_and_recorded() -> None:
    variables = for_run(PYTHON, {"DATA_ROOT": "/data", "EDITOR": "vi"}, ("DATA_ROOT", "NOT_SET"), None)
    assert variables["DATA_ROOT"] == "/data"
    assert recorded(variables, ("DATA_ROOT", "NOT_SET")) == {"DATA_ROOT": "/data"}


def test_a_named_secret_reaches_the_run_but_not_the_record() -> None:
    inherited = {"HF_TOKEN": "hf_abc", "WANDB_API_KEY": "abc", "STORE": "s3://ada:pw@host/bucket"}
    variables = for_run(PYTHON, inherited, tuple(inherited), None)
    assert variables["HF_TOKEN"] == "hf_abc"
    assert recorded(variables, tuple(inherited)) == {
        "HF_TOKEN": HIDDEN,
        "STORE": "s3://…@host/bucket",
        "WANDB_API_KEY": HIDDEN,
    }


def test_declared_processors_set_every_thread_count_and_are_recorded() -> None:
    variables = for_run(PYTHON, {"OMP_NUM_THREADS": "64"}, (), 2)
    kept = recorded(variables, ())
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        assert variables[name] == kept[name] == "2"


def test_a_thread_count_the_experiment_file_names_wins_over_declared_processors() -> None:
    variables = for_run(PYTHON, {"OMP_NUM_THREADS": "1"}, ("OMP_NUM_THREADS",), 8)
    assert (variables["OMP_NUM_THREADS"], variables["MKL_NUM_THREADS"]) == ("1", "8")


def test_without_declared_processors_thread_counts_stay_as_the_user_set_them() -> None:
    assert for_run(PYTHON, {"OMP_NUM_THREADS": "3"}, (), None)["OMP_NUM_THREADS"] == "3"
    assert "OMP_NUM_THREADS" not in for_run(PYTHON, {}, (), None)


def test_programs_of_an_active_venv_and_of_ml_experiment_are_not_found() -> None:
    inherited = {"PATH": f"{sys.prefix}/bin:/home/ada/venv/bin::/usr/bin", "VIRTUAL_ENV": "/home/ada/venv"}
    assert sys.prefix != sys.base_prefix  # tests run in a venv, as ml-experiment does
    assert for_run(PYTHON, inherited, (), None)["PATH"] == "/cache/venv/bin:/usr/bin"


def test_this_machine_describes_itself_as_its_kernel_does() -> None:
    described = hardware.describe({})
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    assert described.cpu_model in cpuinfo
    assert described.simd != "none"
    assert 1 <= described.cpus <= len(os.sched_getaffinity(0))
    assert 2**28 < described.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert described.gpus == ()  # nvidia-smi is not on an empty PATH


SMI = """<?xml version="1.0" ?>
<nvidia_smi_log>
    <driver_version>570.86.15</driver_version>
    <cuda_version>12.8</cuda_version>
    <gpu id="00000000:19:00.0">
        <product_name>NVIDIA H200</product_name>
        <uuid>GPU-aaaa-1</uuid>
        <fb_memory_usage><total>143771 MiB</total><used>4 MiB</used></fb_memory_usage>
    </gpu>
    <gpu id="00000000:3B:00.0">
        <product_name>NVIDIA L4</product_name>
        <uuid>GPU-bbbb-2</uuid>
        <fb_memory_usage><total>23034 MiB</total><used>1 MiB</used></fb_memory_usage>
    </gpu>
</nvidia_smi_log>
"""


def smi(folder: Path, script: str) -> dict[str, str]:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_gpus_are_those_the_driver_lists(tmp_path: Path) -> None:
    first, second = hardware.describe(smi(tmp_path, f"cat <<'END'\n{SMI}END")).gpus
    assert (first.model, first.memory_bytes, first.driver, first.cuda) == (
        "NVIDIA H200",
        143771 * 2**20,
        "570.86.15",
        "12.8",
    )
    assert second.model == "NVIDIA L4"


@pytest.mark.parametrize(
    ("visible", "models"),
    [("1", ["NVIDIA L4"]), ("GPU-aaaa", ["NVIDIA H200"]), ("", []), ("-1", []), ("1,0", ["NVIDIA H200", "NVIDIA L4"])],
)
def test_hidden_gpus_are_not_listed(tmp_path: Path, visible: str, models: list[str]) -> None:
    inherited = {**smi(tmp_path, f"cat <<'END'\n{SMI}END"), "CUDA_VISIBLE_DEVICES": visible}
    assert [gpu.model for gpu in hardware.describe(inherited).gpus] == models


@pytest.mark.parametrize("script", ["echo 'NVIDIA-SMI has failed' >&2; exit 9", "echo no xml"])
def test_a_driver_that_does_not_answer_means_no_gpu(tmp_path: Path, script: str) -> None:
    assert hardware.describe(smi(tmp_path, script)).gpus == ()
