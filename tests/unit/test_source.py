"""Which files make up an experiment's source tree, at which commit, and the private copy a run gets."""

import os
import subprocess
from pathlib import Path

import pytest

from runner import source
from runner.source import SourceTree

ODD = ("with space.py", "with\nnewline.py", os.fsdecode(b"not-utf-\xff8.py"), "übung.py", "-dash.py")


def git(folder: Path, *args: str) -> str:
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    command = ["git", "-c", "protocol.file.allow=always", "-C", str(folder), *args]
    return subprocess.run(command, check=True, capture_output=True, env={**os.environ, **names}).stdout.decode().strip()


def write(folder: Path, *names: str, text: str = "x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def committed(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def copied(tree: SourceTree, to: Path, *linked: str) -> Path:
    source.copy(tree, to, linked)
    return to


def test_a_commit_without_changes_is_clean(repo: Path) -> None:
    write(repo, "train.py", "pkg/model.py")
    commit = committed(repo)
    assert source.find(repo) == SourceTree(repo, ".", commit, False, ("pkg/model.py", "train.py"))


def test_a_repository_without_commits_has_files_and_no_commit(repo: Path) -> None:
    write(repo, "train.py")
    assert source.find(repo) == SourceTree(repo, ".", None, True, ("train.py",))


def test_outside_git_all_files_but_caches_are_the_tree(tmp_path: Path) -> None:
    write(tmp_path, "train.py", "pkg/a.py", "pkg/__pycache__/a.pyc", ".venv/x.py", ".ml-experiment/runs/x")
    (tmp_path / "to-folder").symlink_to("pkg")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert source.find(tmp_path) == SourceTree(
        tmp_path, ".", None, False, ("dangling", "pkg/a.py", "to-folder", "train.py")
    )


def test_an_experiment_in_a_subfolder_belongs_to_the_whole_repository(repo: Path) -> None:
    write(repo, "shared.py", "exp/one/train.py")
    committed(repo)
    tree = source.find(repo / "exp" / "one")
    assert (tree.root, tree.folder, tree.files) == (repo, "exp/one", ("exp/one/train.py", "shared.py"))
    assert tree.inside("data/x.npz") == "exp/one/data/x.npz"
    assert tree.inside("../../data/x.npz") == "data/x.npz"


def test_a_folder_that_git_ignores_is_a_tree_of_its_own(repo: Path) -> None:
    write(repo, ".gitignore", text="scratch/\n")
    write(repo, "scratch/train.py")
    committed(repo)
    tree = source.find(repo / "scratch")
    assert (tree.root, tree.commit, tree.files) == (repo / "scratch", None, ("train.py",))


def test_untracked_files_belong_to_the_tree_and_ignored_ones_do_not(repo: Path) -> None:
    write(repo, ".gitignore", text="*.npz\n")
    write(repo, "new.py", "big.npz", "__pycache__/new.pyc")
    tree = source.find(repo)
    assert tree.files == (".gitignore", "new.py")
    assert source.ignored(tree) == ("big.npz",)


@pytest.mark.parametrize("change", ["edit", "add", "delete", "stage"])
def test_any_change_makes_the_tree_dirty(repo: Path, change: str) -> None:
    write(repo, "train.py", "other.py")
    committed(repo)
    if change == "delete":
        (repo / "other.py").unlink()
    else:
        write(repo, "train.py" if change == "edit" else "new.py", text="changed")
    if change == "stage":
        git(repo, "add", "-A")
    assert source.find(repo).dirty


@pytest.mark.parametrize("folder", [".", "exp"])
def test_our_own_state_does_not_make_the_tree_dirty(repo: Path, folder: str) -> None:
    write(repo, "exp/train.py")
    committed(repo)
    write(repo, f"{folder}/.ml-experiment/runs/x/run.json")
    tree = source.find(repo / folder)
    assert (tree.dirty, tree.files) == (False, ("exp/train.py",))


def test_files_set_apart_do_not_make_the_tree_dirty(repo: Path) -> None:
    write(repo, "exp/train.py", "exp/base.json")
    committed(repo)
    write(repo, "exp/base.json", text="accepted")
    assert source.find(repo / "exp").dirty
    assert not source.find(repo / "exp", ["base.json"]).dirty


def test_a_deleted_file_that_is_still_tracked_is_not_copied(repo: Path, tmp_path: Path) -> None:
    write(repo, "train.py", "gone.py")
    committed(repo)
    (repo / "gone.py").unlink()
    tree = source.find(repo)
    assert tree.files == ("train.py",)
    assert [p.name for p in copied(tree, tmp_path / "copy").iterdir()] == ["train.py"]


def test_names_may_hold_spaces_newlines_and_bytes_that_are_no_text(repo: Path, tmp_path: Path) -> None:
    write(repo, *ODD)
    committed(repo)
    tree = source.find(repo)
    assert set(tree.files) == set(ODD)
    assert {p.name for p in copied(tree, tmp_path / "copy").iterdir()} == set(ODD)
    assert len(source.listing(tree.files, ".")) == 64


def test_a_repository_whose_own_name_ends_in_white_space_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "repo "
    folder.mkdir()
    git(folder, "init", "-q")
    write(folder, "train.py")
    assert source.find(folder).files == ("train.py",)


def test_executable_bits_are_kept(repo: Path, tmp_path: Path) -> None:
    write(repo, "train.sh", "plain.py")
    (repo / "train.sh").chmod(0o755)
    copy = copied(source.find(repo), tmp_path / "copy")
    assert os.access(copy / "train.sh", os.X_OK)
    assert not (copy / "plain.py").stat().st_mode & 0o111


def test_the_copy_is_private(repo: Path, tmp_path: Path) -> None:
    write(repo, "train.py", text="original")
    copy = copied(source.find(repo), tmp_path / "copy")
    (copy / "train.py").write_text("changed by the run")
    assert (repo / "train.py").read_text() == "original"


def test_files_of_a_submodule_and_of_a_repository_inside_belong_to_the_tree(repo: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    write(library, "lib/layers.py")
    committed(library)
    write(repo, "train.py")
    git(repo, "submodule", "--quiet", "add", str(library), "vendor/library")
    committed(repo)
    git(repo, "clone", "-q", str(library), "nested")
    inside = ("nested/lib/layers.py", "train.py", "vendor/library/lib/layers.py")
    tree = source.find(repo)
    assert set(tree.files) == {".gitmodules", *inside}
    assert (copied(tree, tmp_path / "copy") / "vendor/library/lib/layers.py").is_file()
    assert source.find(repo / "vendor" / "library").files == ("lib/layers.py",)


def test_a_submodule_that_was_not_fetched_is_an_empty_folder(repo: Path, tmp_path: Path) -> None:
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},vendor")
    (repo / "vendor").mkdir()
    write(repo, "train.py")
    assert source.find(repo).files == ("train.py",)


def test_links_inside_the_tree_lead_to_the_copy(repo: Path, tmp_path: Path) -> None:
    write(repo, "conf/a.yaml", "b.yaml", text="original")
    (repo / "folder").symlink_to("conf")
    (repo / "file.yaml").symlink_to("b.yaml")
    committed(repo)
    copy = copied(source.find(repo), tmp_path / "elsewhere" / "copy")
    assert (copy / "folder" / "a.yaml").resolve() == (copy / "conf" / "a.yaml").resolve()
    (copy / "file.yaml").write_text("changed")
    assert (repo / "b.yaml").read_text() == "original"


def test_links_out_of_the_tree_lead_to_the_same_place_from_the_copy(repo: Path, tmp_path: Path) -> None:
    write(tmp_path, "big/x.npz", text="data")
    (repo / "data").symlink_to("../big")
    (repo / "x.npz").symlink_to(tmp_path / "big" / "x.npz")
    committed(repo)
    copy = copied(source.find(repo), tmp_path / "some" / "where" / "deep", "data/x.npz")
    assert (copy / "data" / "x.npz").read_text() == (copy / "x.npz").read_text() == "data"
    assert sorted(p.name for p in (tmp_path / "big").iterdir()) == ["x.npz"]


def test_declared_data_is_linked_whether_tracked_ignored_or_itself_a_link(repo: Path, tmp_path: Path) -> None:
    write(tmp_path, "store/annexed")
    write(repo, ".gitignore", text="*.npz\nhidden/\n")
    write(repo, "exp/data/a.csv", "exp/data/b.npz", "hidden/c.npz")
    (repo / "exp" / "annexed.bin").symlink_to(tmp_path / "store" / "annexed")
    (repo / "exp" / "through").symlink_to("../hidden")
    committed(repo)
    declared = ["exp/data/a.csv", "exp/data/b.npz", "exp/annexed.bin", "exp/through/c.npz"]
    copy = copied(source.find(repo / "exp"), tmp_path / "a" / "b" / "copy", *declared)
    for name in declared:
        assert (copy / name).resolve() == (repo / name).resolve()
    assert (copy / "exp" / "data" / "a.csv").is_symlink()


def test_an_empty_tree_still_has_the_folder_of_the_experiment(repo: Path, tmp_path: Path) -> None:
    (repo / "exp").mkdir()
    assert (copied(source.find(repo / "exp"), tmp_path / "copy") / "exp").is_dir()


def test_a_hook_that_names_its_own_repository_does_not_mislead(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    write(repo, "train.py")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert source.find(repo).files == ("train.py",)


def test_without_git_the_folder_is_the_tree(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repo, "train.py")
    monkeypatch.setenv("PATH", "/nowhere")
    assert source.find(repo) == SourceTree(repo, ".", None, False, ("train.py",))


@pytest.mark.root
def test_a_repository_of_another_user_is_refused_with_the_remedy(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (repo, repo / ".git"):
        os.chown(path, 65534, 65534)
    with pytest.raises(source.NotOwned, match=r"git config --global --add safe\.directory"):
        source.find(repo)


def test_a_listing_is_what_a_program_sees_that_lists_the_folder() -> None:
    names = ["a/x.py", "a/b/y.py", "a/b/z.py", "c.py"]
    assert source.listing(names, "a") == source.listing(["a/b/other.py", "a/x.py"], "a")
    assert source.listing(names, ".") == source.listing(["a/anything", "c.py"], ".")
    assert source.listing(names, "a") != source.listing([*names, "a/new.py"], "a")


def test_only_regular_files_have_a_digest(tmp_path: Path) -> None:
    write(tmp_path, "file", text="")
    os.mkfifo(tmp_path / "pipe")
    assert source.sha256(tmp_path / "file") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [source.sha256(tmp_path / name) for name in (".", "pipe", "missing")] == [None, None, None]


def test_a_new_module_changes_what_every_import_looks_through_and_a_new_text_does_not() -> None:
    names = ["train.py", "pkg/model.py", "README.md"]
    before = source.listing(names, source.MODULES)
    assert source.listing([*names, "numpy.py"], source.MODULES) != before
    assert source.listing([*names, "NOTES.md", "out/curve.csv"], source.MODULES) == before
