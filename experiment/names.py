"""The forms of names and numbers in an experiment file, and which way a metric is good."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, FiniteFloat, StringConstraints

EXPERIMENT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"
METRIC_NAME = r"^[A-Za-z0-9_./:@%+=\-]{1,64}$"  # as reports can show it without escaping
PARAM_NAME = r"^[A-Za-z_][A-Za-z0-9_.\-]{0,63}$"
ARGUMENT_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
SHA256 = r"^[0-9a-f]{64}$"
REGISTERED_MODEL = r"^[^/:@\x00-\x1f]{1,250}$"
REGISTERED_ALIAS = r"^(?!([Ll][Aa][Tt][Ee][Ss][Tt]|[vV][0-9]+)$)[A-Za-z0-9_\-]{1,255}$"
MODEL_ALIAS = r"^models:/[^/@]+@[^/@]+$"

MetricName = Annotated[str, StringConstraints(pattern=METRIC_NAME)]
ParamName = Annotated[str, StringConstraints(pattern=PARAM_NAME)]
ArgumentName = Annotated[str, StringConstraints(pattern=ARGUMENT_NAME)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Goal(StrEnum):
    """Which way is good."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"
