"""Whether a change touches what training reads: only what could not be seen by any run is left unrun."""

import pytest
from builders import a_baseline, a_policy, a_sha, an_environment
from hypothesis import given
from hypothesis import strategies as st

from action.untouched import Tree, untouched
from experiment.record import FileDigest
from experiment.snapshot import Snapshot
from experiment.spec import EnvironmentSpec, Experiment

STORED = a_baseline().snapshot
HEAD = a_policy()
FILES = {path: a_sha(path) for path in ("train.py", "model.py", "load.py")} | {"data/digits.npz": a_sha("digits")}


def a_tree(*changes: tuple[str, str], lock: str | None = a_sha("lock"), **files: str | None) -> Tree:
    found = {**FILES, **files}
    return Tree(changes, found.get, lock)


def seen(tree: Tree, head: Experiment = HEAD, stored: Snapshot = STORED, policy: Experiment = HEAD) -> bool:
    return not untouched(head, policy, stored, tree)


def test_a_changed_readme_is_not_read() -> None:
    assert not seen(a_tree())
    assert not seen(a_tree(("M", "README.md"), ("A", "docs/figure.png"), ("D", "NOTES.rst"), ("M", "other.py")))


@pytest.mark.parametrize("path", list(FILES))
def test_a_file_that_was_read_and_is_another_is_seen(path: str) -> None:
    assert seen(Tree([("M", path)], {**FILES, path: a_sha("changed")}.get, a_sha("lock")))
    assert seen(Tree([("D", path)], {**FILES, path: None}.get, a_sha("lock")))


@pytest.mark.parametrize(
    "change", [("A", "numpy.py"), ("D", "data/extra.csv"), ("A", "model/__init__.py"), ("T", "x.py")]
)
def test_what_came_or_went_may_be_imported_or_listed(change: tuple[str, str]) -> None:
    assert seen(a_tree(change))


@pytest.mark.parametrize(
    "head",
    [
        HEAD.model_copy(update={"command": "python train.py"}),
        HEAD.model_copy(update={"params": {"epochs": 100, "lr": 0.001}}),
        HEAD.model_copy(update={"determinism": "off"}),
        HEAD.model_copy(update={"seeds": (1,)}),
        HEAD.model_copy(update={"environment": EnvironmentSpec(dockerfile="Dockerfile")}),
    ],
)
def test_another_experiment_is_seen(head: Experiment) -> None:
    assert seen(a_tree(), head=head)


def test_another_environment_is_seen() -> None:
    assert seen(a_tree(lock=a_sha("other")))
    assert seen(a_tree(lock=None))
    nothing = STORED.configuration.model_copy(update={"environment": an_environment(lock_sha256=None)})
    assert seen(a_tree(lock=None), stored=STORED.model_copy(update={"configuration": nothing}))


def test_what_cannot_be_known_is_seen() -> None:
    unreadable = {**STORED.configuration.source, "gone.py": FileDigest()}
    unknown = STORED.configuration.model_copy(update={"source": unreadable})
    assert seen(a_tree(), stored=STORED.model_copy(update={"configuration": unknown}))
    assert seen(a_tree(), stored=STORED.model_copy(update={"dirty": True}))
    assert seen(a_tree(), stored=STORED.model_copy(update={"runs": ()}))


@given(st.dictionaries(st.sampled_from(sorted(FILES)), st.sampled_from(["same", "other", None]), min_size=1))
def test_one_byte_anywhere_in_what_was_read_is_enough(changed: dict[str, str | None]) -> None:
    files = {**FILES, **{path: FILES[path] if what == "same" else what for path, what in changed.items()}}
    assert seen(Tree([], files.get, a_sha("lock"))) == (files != FILES)
