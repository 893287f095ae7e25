"""What counts as a lock: everything in it pinned and hashed; what does not is refused with line and remedy."""

import hashlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.errors import Refused
from runner.environment import lock
from runner.environment.lock import LockKind
from runner.environment.refusals import (
    LockEmpty,
    LockMissing,
    LockNotPinned,
    LockNotSealed,
    LockUnreadable,
    LockWithoutHashes,
)

SHA = "a" * 64
SIX = f"six==1.17.0 \\\n    --hash=sha256:{SHA} \\\n    --hash=sha256:{'b' * 64}\n    # via -r requirements.in\n"


def write(folder: Path, text: str, name: str = "requirements.lock") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, kind: type[Refused]) -> str:
    with pytest.raises(kind) as caught:
        lock.read(path)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert message.endswith("nothing was run")
    return message


def test_a_hashed_requirements_file_is_a_lock(tmp_path: Path) -> None:
    text = f"# made by hand\n--index-url https://index.example/simple\n\n{SIX}Foo_Bar==2.0 --hash=sha512:{'c' * 128}\n"
    read = lock.read(write(tmp_path, text))
    assert read.kind is LockKind.REQUIREMENTS
    assert read.names == ("six", "foo-bar")
    assert read.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert read.requires_python is None


def test_markers_extras_and_comments_belong_to_a_lock(tmp_path: Path) -> None:
    text = (
        f'uvicorn[standard]==0.30.1 ; python_version >= "3.8" and sys_platform != "win32" --hash=sha256:{SHA}  # why\n'
    )
    assert lock.read(write(tmp_path, text)).names == ("uvicorn",)


def test_an_https_address_with_a_hash_is_pinned_by_its_content(tmp_path: Path) -> None:
    text = f"torch @ https://download.example/torch-2.5.1%2Bcpu-cp311-cp311-linux_x86_64.whl --hash=sha256:{SHA}\n"
    assert lock.read(write(tmp_path, text)).names == ("torch",)


def test_a_lock_without_hashes_is_refused_naming_the_first_line(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, f"{SIX}numpy==2.1.0\nscipy==1.14.0\n"), LockWithoutHashes)
    assert message == (
        f"{tmp_path}/requirements.lock:5: numpy has no hash\n"
        "  5 │ numpy==2.1.0\n"
        "  write it again: uv pip compile --generate-hashes requirements.in -o requirements.lock\n"
        "nothing was run"
    )


def test_the_remedy_names_the_file_that_lies_beside_the_lock(tmp_path: Path) -> None:
    write(tmp_path, "numpy\n", "train.in")
    message = refusal(write(tmp_path, "numpy==2.1.0\n", "train.lock"), LockWithoutHashes)
    assert "uv pip compile --generate-hashes train.in -o train.lock" in message


def test_for_a_plain_requirements_txt_the_remedy_makes_a_lock_and_says_where_to_name_it(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "numpy\n", "requirements.txt"), LockWithoutHashes)
    assert "uv pip compile --generate-hashes requirements.txt -o requirements.lock" in message
    assert "environment: {lock: requirements.lock}" in message


@pytest.mark.parametrize("value", ["md5:" + "a" * 32, "sha256:abc", "sha256:" + "A" * 64, "sha256", "sha1:" + "a" * 40])
def test_a_hash_that_protects_nothing_is_no_hash(tmp_path: Path, value: str) -> None:
    message = refusal(write(tmp_path, f"six==1.17.0 --hash={value}\n"), LockWithoutHashes)
    assert "requirements.lock:1: six: " in message


@pytest.mark.parametrize("requirement", ["six", "six>=1.0", "six==1.*", "six~=1.17.0", "six!=1.0,<2"])
def test_a_requirement_that_may_mean_several_versions_is_refused(tmp_path: Path, requirement: str) -> None:
    message = refusal(write(tmp_path, f"\n{requirement} --hash=sha256:{SHA}\n"), LockNotPinned)
    assert f"requirements.lock:2: six is not pinned to one version (==)\n  2 │ {requirement}" in message


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--editable=./src",
        "git+https://github.com/acme/model@v1",
        f"model @ git+https://github.com/acme/model@v1 --hash=sha256:{SHA}",
        f"./wheels/six-1.17.0-py2.py3-none-any.whl --hash=sha256:{SHA}",
        f"six @ file:///srv/six.whl --hash=sha256:{SHA}",
        f"six @ http://index.example/six.whl --hash=sha256:{SHA}",
        "-c constraints.txt",
    ],
)
def test_a_source_whose_content_may_change_is_refused(tmp_path: Path, line: str) -> None:
    message = refusal(write(tmp_path, f"{SIX}{line}\n"), LockNotSealed)
    assert "requirements.lock:5: " in message
    assert line[:40] in message


def test_what_is_not_a_requirement_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "requirements.lock:1: not a requirement" in refusal(write(tmp_path, "six = 1.17.0\n"), LockUnreadable)


def test_what_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "six==1.0 \x1b[2J\n"), LockUnreadable)
    assert "\x1b" not in message


def test_an_included_file_is_part_of_the_lock(tmp_path: Path) -> None:
    main = write(tmp_path, f"-r other.lock\n{SIX}")
    other = write(tmp_path, f"attrs==24.1.0 --hash=sha256:{SHA}\n", "other.lock")
    before = lock.read(main)
    assert before.names == ("attrs", "six")
    other.write_text(f"attrs==24.2.0 --hash=sha256:{SHA}\n", encoding="utf-8")
    assert lock.read(main).sha256 != before.sha256


def test_an_included_file_without_hashes_is_refused_at_its_own_line(tmp_path: Path) -> None:
    main = write(tmp_path, f"{SIX}-r other.txt\n")
    write(tmp_path, "\nattrs==24.1.0\n", "other.txt")
    assert f"{tmp_path}/other.txt:2: attrs has no hash" in refusal(main, LockWithoutHashes)


def test_an_included_file_that_is_missing_is_named(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, f"{SIX}-r gone.txt\n"), LockMissing)
    assert "requirements.lock:5: " in message
    assert "gone.txt" in message


def test_a_lock_that_includes_itself_is_refused(tmp_path: Path) -> None:
    main = write(tmp_path, "-r other.lock\n")
    write(tmp_path, "-r requirements.lock\n", "other.lock")
    assert "other.lock:1: includes itself" in refusal(main, LockUnreadable)


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_an_empty_lock_is_refused_and_told_how_to_mean_it(tmp_path: Path, text: str) -> None:
    assert "# no packages" in refusal(write(tmp_path, text), LockEmpty)


def test_a_lock_that_says_it_has_no_packages_has_none(tmp_path: Path) -> None:
    assert lock.read(write(tmp_path, "# no packages\n")).names == ()


def test_a_missing_lock_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "requirements.lock", LockMissing)
    assert f"{tmp_path}/requirements.lock: no such lock" in message


def test_a_folder_is_no_lock(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in refusal(tmp_path, LockUnreadable)


@pytest.mark.parametrize("name", ["requirements.lock", "uv.lock", "pylock.toml"])
def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"# first\n# \xff\n")
    assert f"{name}:2: not UTF-8 text" in refusal(path, LockUnreadable)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("poetry.lock", "poetry export"),
        ("Pipfile.lock", "pipenv requirements --hash"),
        ("pdm.lock", "pdm export"),
        ("pyproject.toml", "uv pip compile --generate-hashes pyproject.toml"),
    ],
)
def test_another_tools_file_is_refused_with_the_command_that_makes_a_lock(
    tmp_path: Path, name: str, remedy: str
) -> None:
    assert remedy in refusal(write(tmp_path, "x = 1\n", name), LockUnreadable)


@pytest.mark.parametrize(
    ("header", "python"),
    [
        ("#    uv pip compile --generate-hashes --python-version 3.12 r.in -o r.lock\n", "==3.12.*"),
        ("#    uv pip compile --universal --python-version 3.11 r.in -o r.lock\n", ">=3.11"),
        ("# This file is autogenerated by pip-compile with Python 3.10\n", "==3.10.*"),
        ("#    uv pip compile --generate-hashes r.in\n", None),
    ],
)
def test_the_header_says_which_python_a_lock_was_made_for(tmp_path: Path, header: str, python: str | None) -> None:
    assert lock.read(write(tmp_path, header + SIX)).requires_python == python


def test_a_python_version_file_beside_the_lock_decides(tmp_path: Path) -> None:
    write(tmp_path, "3.12.4\n", ".python-version")
    assert lock.read(write(tmp_path, SIX)).requires_python == "==3.12.*"


UV_LOCK = f"""version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "digits"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [{{ name = "six" }}]

[[package]]
name = "six"
version = "1.17.0"
source = {{ registry = "https://index.example/simple" }}
sdist = {{ url = "https://files.example/six-1.17.0.tar.gz", hash = "sha256:{SHA}", size = 1 }}
wheels = [
    {{ url = "https://files.example/six-1.17.0-py3-none-any.whl", hash = "sha256:{SHA}", size = 1 }},
]
"""


def uv_lock(folder: Path, text: str = UV_LOCK) -> Path:
    write(folder, '[project]\nname = "digits"\n', "pyproject.toml")
    return write(folder, text, "uv.lock")


def test_a_uv_lock_is_a_lock_and_the_project_itself_is_no_package_of_it(tmp_path: Path) -> None:
    read = lock.read(uv_lock(tmp_path))
    assert (read.kind, read.names, read.requires_python) == (LockKind.UV, ("six",), ">=3.11")


def test_a_uv_lock_with_a_file_without_hash_is_refused_naming_package_and_file(tmp_path: Path) -> None:
    text = UV_LOCK.replace(f'any.whl", hash = "sha256:{SHA}"', 'any.whl"')
    message = refusal(uv_lock(tmp_path, text), LockWithoutHashes)
    assert 'uv.lock:12: six: six-1.17.0-py3-none-any.whl has no hash\n  12 │ name = "six"\n' in message
    assert "write it again: uv lock" in message


@pytest.mark.parametrize("source", ['git = "https://github.com/acme/six"', 'path = "six.whl"'])
def test_a_uv_lock_that_takes_a_package_from_elsewhere_is_refused(tmp_path: Path, source: str) -> None:
    text = UV_LOCK.replace('registry = "https://index.example/simple"', source)
    assert "uv.lock:12: six comes from" in refusal(uv_lock(tmp_path, text), LockNotSealed)


def test_a_uv_lock_of_another_version_is_refused(tmp_path: Path) -> None:
    assert "version 9" in refusal(
        uv_lock(tmp_path, UV_LOCK.replace("version = 1\n", "version = 9\n", 1)), LockUnreadable
    )


def test_a_uv_lock_without_its_project_is_refused(tmp_path: Path) -> None:
    path = uv_lock(tmp_path)
    (tmp_path / "pyproject.toml").unlink()
    assert "pyproject.toml: no such file" in refusal(path, LockMissing)


def test_what_selects_packages_of_a_uv_lock_is_part_of_its_identity(tmp_path: Path) -> None:
    before = lock.read(uv_lock(tmp_path))
    write(tmp_path, '[project]\nname = "digits"\n[tool.uv]\ndefault-groups = ["gpu"]\n', "pyproject.toml")
    after = lock.read(tmp_path / "uv.lock")
    assert (after.sha256, after.selection != before.selection) == (before.sha256, True)


PYLOCK = f"""lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11.7"

[[packages]]
name = "six"
version = "1.17.0"
wheels = [{{ url = "https://files.example/six-1.17.0-py3-none-any.whl", hashes = {{ sha256 = "{SHA}" }} }}]
"""


def test_a_pylock_is_a_lock(tmp_path: Path) -> None:
    read = lock.read(write(tmp_path, PYLOCK, "pylock.toml"))
    assert (read.kind, read.names, read.requires_python) == (LockKind.PYLOCK, ("six",), ">=3.11.7")
    assert lock.read(write(tmp_path, PYLOCK, "pylock.gpu.toml")).kind is LockKind.PYLOCK


def test_a_pylock_file_without_hash_is_refused(tmp_path: Path) -> None:
    text = PYLOCK.replace(f'sha256 = "{SHA}"', "")
    message = refusal(write(tmp_path, text, "pylock.toml"), LockWithoutHashes)
    assert "pylock.toml:6: six: six-1.17.0-py3-none-any.whl has no hash" in message


@pytest.mark.parametrize("source", ['vcs = { type = "git", url = "https://x.example" }', 'directory = { path = "." }'])
def test_a_pylock_that_takes_a_package_from_elsewhere_is_refused(tmp_path: Path, source: str) -> None:
    text = PYLOCK.replace('version = "1.17.0"', source)
    assert "pylock.toml:6: six comes from" in refusal(write(tmp_path, text, "pylock.toml"), LockNotSealed)


def test_a_package_that_names_no_file_is_refused(tmp_path: Path) -> None:
    text = "\n".join(line for line in PYLOCK.splitlines() if not line.startswith("wheels"))
    assert "six names no file to install" in refusal(write(tmp_path, text, "pylock.toml"), LockNotPinned)


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_that_is_not_toml_is_refused_with_the_line(tmp_path: Path, name: str) -> None:
    assert f"{name}:2: not TOML" in refusal(write(tmp_path, "version = 1\nthis is not\n", name), LockUnreadable)


@pytest.mark.parametrize("tables", ["package = 3", "[[package]]\nversion = '1'", "package = [1]"])
def test_a_uv_lock_whose_tables_have_another_form_is_refused(tmp_path: Path, tables: str) -> None:
    assert "expected [[package]] tables" in refusal(uv_lock(tmp_path, f"version = 1\n{tables}\n"), LockUnreadable)


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
FILLING = st.lists(st.sampled_from(["", "# a comment", "    # via x", "--index-url https://index.example/simple"]))


@given(names=st.lists(NAMES, min_size=1, max_size=6), filling=FILLING, data=st.data())
def test_the_one_requirement_without_a_hash_is_always_found_at_its_line(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], filling: list[str], data: st.DataObject
) -> None:
    bare = data.draw(st.integers(0, len(names) - 1))
    lines: list[str] = []
    for position, name in enumerate(names):
        lines += filling
        if position == bare:
            line = len(lines) + 1
            lines.append(f"{name}==1.0")
        else:
            lines += [f"{name}==1.0 \\", f"    --hash=sha256:{SHA}"]
    folder = tmp_path_factory.mktemp("lock")
    with pytest.raises(LockWithoutHashes, match=rf"requirements\.lock:{line}: {names[bare]} has no hash"):
        lock.read(write(folder, "\n".join(lines)))
    lines[line - 1] += f" --hash=sha256:{SHA}"
    assert lock.read(write(folder, "\n".join(lines))).names == tuple(dict.fromkeys(names))
    shutil.rmtree(folder)
