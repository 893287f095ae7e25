"""What two sides may differ in: environments, machines, and the values of their runs."""

import pytest
from builders import a_configuration, a_failed_run, a_run, a_snapshot, an_environment

from experiment.environment import Gpu, HardwareRecord, Library, hardware_class

MACHINE = HardwareRecord(cpu_model="AMD EPYC 7763", cpus=2, simd="avx2", memory_bytes=8_000_000_000)
H100 = Gpu(model="H100", memory_bytes=80_000_000_000, driver="560.35")
HASWELL = Library(role="blas", name="openblas", version="0.3.29", kernel="Haswell", threads=1)


def test_a_machines_class_is_a_sentence_of_what_changes_bits() -> None:
    assert hardware_class(MACHINE, an_environment()) == "AMD EPYC 7763, avx2, openblas Zen, no GPU"
    assert a_configuration(hardware=MACHINE).hardware_class() == hardware_class(MACHINE, an_environment())


@pytest.mark.parametrize(
    ("machine", "libraries", "expected"),
    [
        (
            MACHINE.model_copy(update={"gpus": (H100, H100)}),
            (),
            "AMD EPYC 7763, avx2, H100 (driver 560.35), H100 (driver 560.35)",
        ),
        (
            MACHINE,
            (HASWELL, HASWELL, HASWELL.model_copy(update={"role": "openmp"})),
            "AMD EPYC 7763, avx2, openblas Haswell, no GPU",
        ),
        (MACHINE, (HASWELL.model_copy(update={"kernel": None}),), "AMD EPYC 7763, avx2, no GPU"),
        (MACHINE.model_copy(update={"cpus": 64, "memory_bytes": 1}), (), "AMD EPYC 7763, avx2, no GPU"),
    ],
    ids=["gpus", "kernel once", "kernel unknown", "size does not matter"],
)
def test_kernels_and_gpus_decide_the_class_and_the_machines_size_does_not(
    machine: HardwareRecord, libraries: tuple[Library, ...], expected: str
) -> None:
    assert hardware_class(machine, an_environment(libraries=libraries)) == expected


def test_what_is_installed_has_a_digest_and_where_it_ran_or_is_named_does_not_change_it() -> None:
    digest = an_environment().installed_digest()
    assert an_environment(libraries=(HASWELL,), source="other.lock").installed_digest() == digest
    assert an_environment(packages=dict(reversed(an_environment().packages.items()))).installed_digest() == digest


@pytest.mark.parametrize("change", [{"python": "3.12.1"}, {"packages": {}}, {"variables": {}}, {"lock_sha256": None}])
def test_whatever_is_installed_or_set_otherwise_changes_the_digest(change: dict[str, object]) -> None:
    assert an_environment(**change).installed_digest() != an_environment().installed_digest()


def test_the_values_of_a_metric_are_those_of_runs_that_ended_well_and_have_it() -> None:
    runs = (a_run(0, {"loss": 0.5}), a_run(1, {"other": 1.0}), a_failed_run(2), a_run(3, {"loss": float("inf")}))
    assert a_snapshot(runs=runs).values("loss") == {0: 0.5, 3: float("inf")}
