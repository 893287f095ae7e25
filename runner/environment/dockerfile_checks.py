"""What a Dockerfile must not have: images and downloads without a digest, variables that steer the host."""

import re
from collections.abc import Mapping

from runner.environment.dockerfile import Dockerfile, Instruction
from runner.environment.dockerfile_images import Origin, Reference, assignments, references
from runner.environment.dockerfile_refusals import DownloadNotPinned, ForbiddenImageVariable, ImageNotPinned

_FORBIDDEN = re.compile(r"LD_PRELOAD|LD_AUDIT|NVIDIA_.*")
_FROM_THE_NETWORK = re.compile(r"[a-z0-9+.\-]+://|[^/]+@[^/]+:|github\.com/|[^/]*\$|.*\.git(?:[#?]|$)", re.IGNORECASE)


def check_pinned(file: Dockerfile, build_args: Mapping[str, str]) -> tuple[Reference, ...]:
    """The images of `file`, after making sure that a build uses nothing that no digest covers.

    Raises ImageNotPinned, DownloadNotPinned, BuildArgumentMissing, ForbiddenImageVariable or DockerfileDoubtful.
    """
    found = references(file, build_args)
    for reference in found:
        if reference.digest is None:
            what = f"the image {reference.image} has no digest"
            raise ImageNotPinned(file.path, reference.line, what, file.text(reference.line), _remedy(reference))
    for instruction in file.instructions:
        if instruction.name == "ADD":
            _check_download(file, instruction)
        elif instruction.name in ("ENV", "ARG"):
            _check_variables(file, instruction)
    return found


def _remedy(reference: Reference) -> str:
    image = reference.image
    if reference.origin in (Origin.COPY, Origin.MOUNT) and "/" not in image and ":" not in image:
        return f"no stage above is called {image}, and an image needs its digest: {image}:TAG@sha256:…"
    pinned = f"{image.partition('@')[0]}@sha256:…"
    if "$" in reference.written and reference.argument is None:
        return f"a digest pins one version, so write the name out: FROM {pinned}"
    if reference.argument is not None:
        pinned = f"ARG {reference.argument}={pinned}"
    return f"write the digest it has now: {pinned}\nthis does it: ml-experiment pin"


def _check_download(file: Dockerfile, instruction: Instruction) -> None:
    """Anything ADD fetches has a checksum. A variable in a source may be an address: it is refused as well."""
    if any(re.match(r"--checksum=sha256:[0-9a-f]{64}$", flag) for flag in instruction.flags):
        return
    sources = re.sub(r"[\[\]\",']", " ", instruction.arguments).split()[:-1]
    fetched = next((source for source in sources if _FROM_THE_NETWORK.match(source)), None)
    if fetched is not None:
        what = f"ADD fetches {fetched} without saying what its content is"
        remedy = "say it: ADD --checksum=sha256:… ADDRESS TARGET\nfiles of the repository come by COPY"
        raise DownloadNotPinned(file.path, instruction.line, what, file.text(instruction.line), remedy)


def _check_variables(file: Dockerfile, instruction: Instruction) -> None:
    for name, _ in assignments(file, instruction):
        if _FORBIDDEN.fullmatch(name):
            line = next(n for n in range(instruction.line, instruction.last + 1) if name in file.text(n))
            what = f"{instruction.name} sets {name}, which steers programs outside of the container"
            remedy = "take it out: the run gets the GPUs that 'resources.gpus' asks for, and nothing is loaded ahead"
            raise ForbiddenImageVariable(file.path, line, what, file.text(line), remedy)
