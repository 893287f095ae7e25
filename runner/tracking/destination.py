"""Where runs are imported to, and how that is said without giving away its credentials."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

# Up to the last @, since a password may hold an unescaped slash; and where somebody forgot the scheme.
_USERINFO = re.compile(r"(?:(?<=://)|^(?!.*://)).*@")
_USERINFO_IN_TEXT = re.compile(r"(?<=://)[^/\s]*@")
_FILES = ("sqlite", "file:")
_QUERY = re.compile(r"\?\S*")
_SECRET_VARIABLES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Destination:
    """An MLflow store and the experiment in it. The URI may hold a password: it is in no repr and no note."""

    uri: str = field(repr=False)
    experiment: str
    artifact_root: str | None = None  # URI for a new experiment; None: MLflow's own default
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address without user, password and query."""
        return _QUERY.sub("", self.uri.replace(self._userinfo, "", 1) if self._userinfo else self.uri)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of address and experiment. Credentials are left out: changing them changes nothing."""
        return hashlib.sha256(f"{self.shown}\n{self.experiment}".encode("utf-8", "replace")).hexdigest()

    @property
    def lost(self) -> bool:
        """Whether it is a SQLite file that is not there (any more), so that nothing can have been imported."""
        if not self.uri.startswith("sqlite:///"):
            return False
        return not Path(self.shown.removeprefix("sqlite:///")).exists()

    def without_credentials(self, text: str) -> str:
        """One line of at most 200 characters in which neither the URI nor a secret of the environment is left."""
        for secret in sorted(self._secret_words(), key=len, reverse=True):
            text = text.replace(secret, "***")
        text = " ".join("".join(c if c.isprintable() else " " for c in _USERINFO_IN_TEXT.sub("***@", text)).split())
        return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"

    @property
    def _userinfo(self) -> str:
        found = None if self.uri.startswith(_FILES) else _USERINFO.search(self.uri)
        return found[0] if found else ""

    def _secret_words(self) -> set[str]:
        userinfo = self._userinfo[:-1]
        query = _QUERY.search(self.uri)
        words = {userinfo, *userinfo.split(":", 1)}
        words |= {query[0][1:], *(pair.partition("=")[2] for pair in query[0][1:].split("&"))} if query else set()
        words |= set(self.secrets)
        return {form for word in words for form in (word, unquote(word)) if len(form) > 2}


def destination_for(experiment: str, state: Path, environ: Mapping[str, str]) -> Destination:
    """`MLFLOW_TRACKING_URI` where it is set, else SQLite in the state folder (`.ml-experiment`).

    `MLFLOW_EXPERIMENT_NAME` names the MLflow experiment where it is set, else it is called as ours.
    """
    name = environ.get("MLFLOW_EXPERIMENT_NAME") or experiment
    secrets = tuple(value for variable in _SECRET_VARIABLES if (value := environ.get(variable)))
    if uri := environ.get("MLFLOW_TRACKING_URI", "").strip():
        return Destination(uri, name, _artifact_root(uri, state), secrets)
    folder = state.absolute()
    return Destination(f"sqlite:///{folder / 'mlflow.db'}", name, (folder / "mlartifacts").as_uri(), secrets)


def _artifact_root(uri: str, state: Path) -> str | None:
    """Where a new experiment keeps files; None where the store says so itself.

    For a database without a server MLflow's own answer is `mlruns` in whatever folder is the current one, which would
    litter the user's repository.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "sqlite":
        return (Path(rest.removeprefix("///").partition("?")[0]).absolute().parent / "mlartifacts").as_uri()
    if scheme.partition("+")[0] in ("postgresql", "mysql", "mssql", "oracle"):
        return (state.absolute() / "mlartifacts").as_uri()
    return None
