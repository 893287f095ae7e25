"""What differs between two configurations, in one sentence and in full."""

from typing import Any

from builders import a_configuration, a_sha, an_environment
from hypothesis import given
from strategies import values

from experiment.environment import EnvironmentKind, Gpu, HardwareRecord, Layer, Library
from experiment.record import DataRead, FileDigest, SeedCall, Seeding
from experiment.snapshot import Configuration
from reporting.differences import Change, Factor, differences

BASE = a_configuration()


def said(**changes: Any) -> str:
    return differences(BASE, a_configuration(**changes)).sentence


def environment(**changes: Any) -> str:
    return said(environment=an_environment(**changes))


def changed(**changes: Any) -> tuple[Change, ...]:
    return differences(BASE, a_configuration(**changes)).changes


def source(**files: str) -> dict[str, FileDigest]:
    return {**BASE.source, **{f"{name}.py": FileDigest(size=1, sha256=a_sha(text)) for name, text in files.items()}}


def test_nothing_differs() -> None:
    assert said() == "same: code, environment, data, parameters, hardware"


def test_a_changed_file_is_named_and_all_else_is_said_to_be_the_same() -> None:
    assert said(source=source(train="new")) == "differs: train.py · same: environment, data, parameters, hardware"


def test_added_and_removed_files_are_marked() -> None:
    files = source(extra="x")
    del files["model.py"]
    assert said(source=files).startswith("differs: + extra.py, − model.py · ")


def test_many_files_are_counted() -> None:
    assert said(source=source(a="1", b="2", c="3", d="4", e="5")).startswith(
        "differs: + a.py, + b.py, + c.py and 2 more"
    )


def test_packages_are_named_with_both_versions() -> None:
    packages = {**BASE.environment.packages, "numpy": "2.2.0", "einops": "0.8"}
    del packages["joblib"]
    assert environment(packages=packages) == (
        "differs: + einops 0.8, − joblib, numpy 2.1.3 → 2.2.0 · same: code, data, parameters, hardware"
    )


def test_python_and_variables_belong_to_the_environment() -> None:
    assert "differs: python CPython 3.11.7 → CPython 3.12.1" in environment(python="3.12.1")
    assert "OMP_NUM_THREADS 1 → 4" in environment(variables={"OMP_NUM_THREADS": "4"})


def image(**changes: Any) -> dict[str, Any]:
    layers = (Layer(digest="sha256:" + "1" * 64), Layer(digest="sha256:" + "2" * 64, made_by="RUN make"))
    made = {"image_digest": "sha256:" + "a" * 64, "layers": layers, "base_digests": {"python": "sha256:" + "b" * 64}}
    return {"environment": an_environment(kind=EnvironmentKind.DOCKERFILE, **{**made, **changes})}


def apart(**changes: Any) -> list[str]:
    one, other = a_configuration(**image()), a_configuration(**image(image_digest="sha256:" + "c" * 64, **changes))
    return [change.words for change in differences(one, other).changes]


def test_another_kind_of_environment_is_said_first_and_what_only_one_has_is_not() -> None:
    found = differences(BASE, a_configuration(**image()))
    assert found.sentence == (
        "differs: environment locked venv → container built from a Dockerfile · same: code, data, parameters, hardware"
    )


def test_an_image_that_was_built_again_names_the_layer_that_is_another() -> None:
    layers = (Layer(digest="sha256:" + "1" * 64), Layer(digest="sha256:" + "3" * 64, made_by="RUN make"))
    assert apart(layers=layers) == ["image layer 2 of 2 222222222222 (RUN make) → 333333333333 (RUN make)"]
    assert apart(layers=layers[:1]) == ["− image layer 2 of 2"]
    assert apart() == ["image settings aaaaaaaaaaaa → cccccccccccc"]


def test_bases_system_packages_and_build_arguments_are_named() -> None:
    found = apart(base_digests={"python": "sha256:" + "d" * 64}, system_sha256="e" * 64, build_args={"CUDA": "12"})
    assert "base python bbbbbbbbbbbb → dddddddddddd" in found
    assert "+ system packages eeeeeeeeeeee" in found
    assert "+ build argument CUDA 12" in found


def test_a_librarys_version_is_environment_and_its_kernel_is_hardware() -> None:
    def blas(**change: Any) -> dict[str, Any]:
        fields = {"role": "blas", "name": "openblas", "version": "0.3.29", "kernel": "Zen", "threads": 1}
        return {"environment": an_environment(libraries=(Library(**{**fields, **change}),))}

    (version,) = changed(**blas(version=None, threads=2))
    assert (version.factor, version.words) == (
        Factor.ENVIRONMENT, "openblas (blas) 0.3.29, 1 thread → unknown version, 2 threads",
    )  # fmt: skip
    (kernel,) = changed(**blas(kernel="SkylakeX"))
    assert (kernel.factor, kernel.words) == (Factor.HARDWARE, "kernel openblas Zen → openblas SkylakeX")
    (silent,) = changed(**blas(threads=None))
    assert silent.after == "0.3.29"


def test_another_machine_is_described() -> None:
    gpu = Gpu(model="H200", memory_bytes=1, driver="570")
    machine = HardwareRecord(cpu_model="Xeon", cpus=64, simd="avx512", memory_bytes=1, gpus=(gpu,))
    assert said(hardware=machine) == (
        "differs: GPU none → H200 (driver 570), SIMD avx2 → avx512, processor AMD EPYC 7763 → Xeon"
        " · same: code, environment, data, parameters"
    )


def test_memory_and_number_of_processors_change_no_result() -> None:
    machine = BASE.hardware.model_copy(update={"cpus": 64, "memory_bytes": 1})
    assert said(hardware=machine).startswith("same: ")


def test_parameters_are_shown_as_the_command_gets_them() -> None:
    assert said(params={"epochs": 200, "lr": 0.01}).startswith("differs: lr 0.001 → 0.01 · ")
    assert said(command="python other.py").startswith("differs: command python train.py")


def test_data_is_compared_by_digest_and_undeclared_reads_are_listed() -> None:
    data = {"data/digits.npz": DataRead(sha256=a_sha("new"), declared=True), "extra.csv": DataRead(sha256=a_sha("x"))}
    found = differences(BASE, a_configuration(data=data))
    assert found.sentence.startswith("differs: data/digits.npz, + extra.csv · ")
    assert found.undeclared == ("extra.csv",)


def test_files_outside_the_tree_count_only_where_both_sides_read_them() -> None:
    def with_outside(digest: str, path: str) -> Configuration:
        return a_configuration(data={**BASE.data, path: DataRead(sha256=a_sha(digest))})

    one, other = with_outside("a", "/cache/model.bin"), with_outside("b", "/cache/model.bin")
    assert differences(one, other).sentence.startswith("differs: /cache/model.bin")
    assert differences(one, with_outside("a", "/elsewhere/model.bin")).sentence.startswith("same: ")


def test_a_file_that_could_not_be_hashed_is_not_said_to_be_the_same() -> None:
    data = {**BASE.data, "scratch.bin": DataRead()}
    found = differences(a_configuration(data=data), a_configuration(data=data))
    assert found.unknown == ("scratch.bin",)
    assert found.sentence.endswith(" · not known: scratch.bin")


def test_seeding_is_spoken_of_only_where_it_differs() -> None:
    call = SeedCall(function="random.seed", value="1", place="a.py:1")
    seeding = Seeding(determinism="off", applied=(), by_user=(call,))
    words = [change.words for change in changed(seeding=seeding)]
    assert words == [
        "determinism strict → off",
        "seeded before the start numpy, random → nothing",
        "seeded by the script numpy.random.seed(7) → random.seed(1)",
    ]


@given(values(Configuration), values(Configuration))
def test_differences_are_the_same_from_both_sides_with_before_and_after_exchanged(
    one: Configuration, other: Configuration
) -> None:
    there, back = differences(one, other), differences(other, one)
    turned = [c.model_copy(update={"before": c.after, "after": c.before}) for c in back.changes]
    assert list(there.changes) == turned
    assert not differences(one, one).changes
    assert there.sentence
