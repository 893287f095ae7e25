"""Which file of the best trial is put into MLflow's registry of models, and under which name."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import StringConstraints, field_validator

from experiment.names import RelativePath
from experiment.value import Value

_ALIAS = re.compile(r"[A-Za-z0-9_\-]{1,255}")


class Registration(Value):
    """The best trial's model, as a version in MLflow's registry."""

    model: Annotated[str, StringConstraints(pattern=r"^[^/:@\x00-\x1f]{1,250}$")]
    """Name of the registered model; it is made where there is none."""
    alias: str | None = None
    """Alias that is set to the version, and taken from any other: `champion`."""
    file: RelativePath | None = None
    """The model's file, one of `artifacts`; default: the only one there."""

    @field_validator("alias")
    @classmethod
    def _an_alias(cls, alias: str | None) -> str | None:
        if alias is not None and (
            not _ALIAS.fullmatch(alias) or alias.lower() == "latest" or re.fullmatch(r"v\d+", alias, re.IGNORECASE)
        ):
            raise ValueError(f"alias {alias!r}: letters, digits, - and _; 'latest' and 'v1', 'v2' … are MLflow's own")
        return alias

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
