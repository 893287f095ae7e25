"""Why a Dockerfile cannot be used: each situation its own error, with place, line and remedy."""

from pathlib import Path

from experiment.errors import Refused
from runner.environment.refusals import at_line


class DockerfileRefused(Refused):
    """The Dockerfile cannot be used as it stands."""

    def __init__(self, path: Path, line: int, what: str, text: str, remedy: str) -> None:
        self.line = line
        super().__init__(at_line(path, line, what, text, remedy))


class DockerfileUnreadable(Refused):
    """No such file, not a file, no permission, not UTF-8."""


class DockerfileDoubtful(DockerfileRefused):
    """Something that builders may read in different ways: what is not certain is not built."""


class UnknownInstruction(DockerfileRefused):
    """A line that is no instruction of a Dockerfile."""


class StageMissing(DockerfileRefused):
    """The file has no FROM, or an instruction stands before the first one."""


class ImageNotPinned(DockerfileRefused):
    """An image is named without the digest of its content: it could be exchanged without anybody noticing."""


class DownloadNotPinned(DockerfileRefused):
    """ADD fetches something from the network without saying what its content is."""


class BuildArgumentMissing(DockerfileRefused):
    """A variable in an image's name has no value."""


class ForbiddenImageVariable(DockerfileRefused):
    """The image would set a variable that steers the loader or the GPU runtime outside of the container."""
