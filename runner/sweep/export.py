"""A finished study written to a storage of Optuna, for optuna-dashboard: a copy, the event log stays the truth."""

from typing import TYPE_CHECKING

from experiment.errors import InfrastructureFailed

if TYPE_CHECKING:
    from optuna import Study


class CannotExport(InfrastructureFailed):
    """The storage cannot be written."""


def export(study: "Study", url: str, name: str) -> str:
    """Write the study as `name` to the storage at `url`, unless it is there already; what was done, in words.

    Raises CannotExport. The address may hold a password, so that no message shows it.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        there = name in optuna.get_all_study_names(storage=url)
        if not there:
            copy = optuna.create_study(study_name=name, storage=url, directions=study.directions)
            copy.add_trials(study.get_trials(deepcopy=False))
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, ValueError, OSError) as error:
        raise CannotExport(
            f"--export: the storage cannot be written: {type(error).__name__}\n"
            "  the sweep itself is kept and recorded; correct the address (sqlite:///study.db), and run this again"
        ) from None
    return f"Optuna study {name} was there already" if there else f"Optuna study {name} written"
