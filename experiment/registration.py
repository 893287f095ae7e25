"""Which file of the best trial is put into MLflow's registry of models, and under which name."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from experiment.names import REGISTERED_ALIAS, REGISTERED_MODEL, RelativePath
from experiment.value import Value


class Registration(Value):
    """The best trial's model, as a version in MLflow's registry."""

    model_config = ConfigDict(regex_engine="python-re")  # the alias is all but two words, which Rust's cannot say

    model: Annotated[str, StringConstraints(pattern=REGISTERED_MODEL)]
    """Name of the registered model; it is made where there is none."""
    alias: Annotated[str, StringConstraints(pattern=REGISTERED_ALIAS)] | None = None
    """Alias that is set to the version, and taken from any other: `champion`."""
    file: RelativePath | None = None
    """The model's file, one of `artifacts`; default: the only one there."""

    def chosen(self, artifacts: Sequence[str]) -> str:
        """The model's file. ValueError where it is not clear which one."""
        if self.file is not None and self.file in artifacts:
            return self.file
        if self.file is not None:
            raise ValueError(f"{self.file} is not under 'artifacts': add it there, so that trials keep it")
        if len(artifacts) != 1:
            named = f"{len(artifacts)} files are under 'artifacts'" if artifacts else "'artifacts' names no file"
            remedy = "say which one: file: PATH" if artifacts else "add the model's file there"
            raise ValueError(f"{named}; {remedy}")
        return artifacts[0]
