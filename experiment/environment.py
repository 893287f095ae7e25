"""What a run was computed with: packages, libraries that do the arithmetic, processor, GPUs."""

from enum import StrEnum

from experiment.value import Value, digest


class EnvironmentKind(StrEnum):
    """How the environment is described in the experiment file."""

    LOCK = "lock"
    IMAGE = "image"
    DOCKERFILE = "dockerfile"


class Library(Value):
    """A shared library that computes.

    `kernel` is what it chose for this processor (OpenBLAS: "SkylakeX", "Zen", "Haswell"), the part that changes bits
    between two machines with the same wheels; None where the library does not say.
    """

    role: str  # "blas", "openmp", "cuda", "cudnn"
    name: str  # "openblas", "mkl", "gomp"
    version: str | None = None
    kernel: str | None = None
    threads: int | None = None
    file: str | None = None  # base name of the shared object


class Layer(Value):
    """One layer of an image: the digest of its files, and the instruction that made it where that is known."""

    digest: str  # "sha256:…"
    made_by: str = ""


class EnvironmentRecord(Value):
    """Everything installed that could change a result. Secrets cannot get in: variables are recorded by allow-list."""

    kind: EnvironmentKind
    source: str  # path of the lock or Dockerfile, or the image reference, as the experiment file names it
    lock_sha256: str | None = None
    image_digest: str | None = None
    base_digests: dict[str, str] = {}
    build_args: dict[str, str] = {}
    layers: tuple[Layer, ...] = ()
    system_sha256: str | None = None  # of the names and versions of the image's system packages
    python: str  # "3.11.7"
    implementation: str = "CPython"
    os: str  # "Debian GNU/Linux 12 (bookworm)"
    libc: str | None = None
    packages: dict[str, str]  # normalised distribution name -> version, sorted
    libraries: tuple[Library, ...] = ()
    variables: dict[str, str] = {}  # those that change arithmetic or are declared: OMP_NUM_THREADS, OPENBLAS_CORETYPE…

    def installed_digest(self) -> str:
        """SHA-256 of what is installed and how it is set, apart from the libraries as seen on one processor."""
        return digest(self.model_dump(mode="json", exclude={"libraries", "source", "layers"}))


class Gpu(Value):
    """One GPU the run could use."""

    model: str
    memory_bytes: int
    driver: str
    cuda: str | None = None


class HardwareRecord(Value):
    """The machine under a run, as far as it can change a result or its time."""

    cpu_model: str
    cpus: int  # logical processors the run could use
    simd: str  # widest level: "avx512", "avx2", "sse4_2", "neon", …
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()


def hardware_class(hardware: HardwareRecord, environment: EnvironmentRecord) -> str:
    """Machines of one class are expected to give equal bits: processor model, SIMD level, BLAS kernel, GPU models.

    A sentence a person can read: "AMD EPYC, avx512, openblas SkylakeX, no GPU".
    """
    kernels = sorted({f"{lib.name} {lib.kernel}" for lib in environment.libraries if lib.role == "blas" and lib.kernel})
    gpus = sorted(f"{gpu.model} (driver {gpu.driver})" for gpu in hardware.gpus)
    return ", ".join([hardware.cpu_model, hardware.simd, *kernels, *(gpus or ["no GPU"])])
