"""T12: what a hostile run leaves where its results should be is named and not taken, and nothing of it is extracted."""

import os
from pathlib import Path

import pytest
from container_place import Place, outcome
from unharmed import attack

from experiment.record import Status
from experiment.spec import Metric, Resources

pytestmark = pytest.mark.docker

DISK = 64 * 2**20
RESOURCES = Resources(disk=DISK, timeout=60.0)


def taken(folder: Path) -> list[str]:
    """Artifacts that were kept."""
    return sorted(str(path.relative_to(folder / "artifacts")) for path in (folder / "artifacts").rglob("*"))


@pytest.mark.parametrize(
    ("makes", "found"),
    [
        ("os.symlink('/etc/shadow', 'model.bin')", "a symbolic link to '/etc/shadow'"),
        ("os.symlink('../../../../../../etc/shadow', 'model.bin')", "a symbolic link to '/etc/shadow'"),
        ("os.symlink('/proc/1/environ', 'model.bin')", "a symbolic link to '/proc/1/environ'"),
        ("os.symlink('x' + chr(10) + 'y' + chr(27) + '[31m', 'model.bin')", "a symbolic link to '/"),
        ("os.mkfifo('model.bin')", "a pipe"),
        ("socket.socket(socket.AF_UNIX).bind('model.bin')", "a socket"),
    ],
)
def test_what_is_no_file_is_named_and_not_taken(place: Place, makes: str, found: str) -> None:
    ran = attack(place, f"import os, socket; {makes}; print('loss 1')", artifacts=("model.bin",), resources=RESOURCES)
    status, reason = outcome(ran)
    assert status is Status.INVALID
    assert reason.startswith(f"model.bin: not taken out of the container: found {found}")
    assert reason.endswith("expected a regular file")
    assert reason.isprintable()
    assert taken(ran.folder) == []


def test_a_hard_link_to_another_file_of_the_run_is_that_file(place: Place) -> None:
    script = "import os; open('other', 'w').write('mine'); os.link('other', 'model.bin'); print('loss 1')"
    ran = attack(place, script, artifacts=("model.bin",))
    assert outcome(ran) == (Status.OK, "")
    assert (ran.folder / "artifacts" / "model.bin").read_text() == "mine"


def test_hard_links_and_devices_of_the_image_cannot_be_made(place: Place) -> None:
    script = """\
import os, stat
for make in (lambda: os.link("/etc/shadow", "a"), lambda: os.mknod("a", stat.S_IFBLK | 0o600, os.makedev(8, 0))):
    try:
        make()
    except OSError as error:
        print(error.strerror)
"""
    assert attack(place, script).log_tail.splitlines() == ["Invalid cross-device link", "Operation not permitted"]


@pytest.mark.parametrize("kind", ["artifacts", "metric_files"])
def test_a_folder_where_a_file_is_expected_is_no_file(place: Place, kind: str) -> None:
    script = "import os; os.makedirs('out.json/below'); open('out.json/below/x', 'w'); print('loss 1')"
    ran = attack(place, script, **{kind: ("out.json",)})
    assert taken(ran.folder) == []
    if kind == "metric_files":
        assert outcome(ran) == (Status.INVALID, "metric file out.json was not written")


def test_folders_on_the_way_that_lead_elsewhere_lead_only_into_the_image(place: Place) -> None:
    script = "import os; os.symlink('/', 'out'); os.symlink('/proc', 'proc'); print('loss 1')"
    ran = attack(place, script, artifacts=("out/etc/hostname", "out/etc/debian_version", "proc/1/environ"))
    assert outcome(ran)[0] is Status.OK
    assert taken(ran.folder) in ([], ["out", "out/etc", "out/etc/debian_version", "out/etc/hostname"])
    for name in taken(ran.folder):
        if name.endswith("debian_version"):
            assert (ran.folder / "artifacts" / name).read_text().strip() != ""


def test_a_tebibyte_that_takes_no_room_is_refused_by_its_header(place: Place) -> None:
    ran = attack(
        place, "open('model.bin', 'w').truncate(2**40); print('loss 1')", artifacts=("model.bin",), resources=RESOURCES
    )
    reason = f"model.bin: not taken out of the container: {2**40} bytes, at most {DISK} are read"
    assert outcome(ran) == (Status.INVALID, reason)


def test_a_sparse_file_within_the_limit_costs_what_its_limit_says(place: Place) -> None:
    script = f"open('model.bin', 'w').truncate({DISK}); print('loss 1')"
    ran = attack(place, script, artifacts=("model.bin",), resources=RESOURCES)
    assert outcome(ran) == (Status.OK, "")
    assert (ran.folder / "artifacts" / "model.bin").stat().st_size == DISK


STREAM = "import os, shutil\nstream = '/ml-experiment/work/stream'\nprint('loss 1')\n"


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("shutil.rmtree(stream)", "the run removed their folder"),
        ("shutil.rmtree(stream); os.symlink('/etc', stream)", "found a symbolic link to '/etc', expected a folder"),
        ("shutil.rmtree(stream); open(stream, 'w').write('x')", "found a file, expected a folder"),
        ("os.symlink('/etc/shadow', stream + '/1.jsonl')", "found a symbolic link to '/etc/shadow'"),
        ("os.mkfifo(stream + '/1.jsonl')", "found a pipe, expected a regular file"),
        ("open(stream + '/1.jsonl', 'w').truncate(2**40)", f"{2**40} bytes, at most"),
        ("open(stream + '/a' + chr(10) + 'b.jsonl', 'w')", "the name 'stream/a\\nb.jsonl' was not asked for"),
        ("open(stream + '/evil.sh', 'w')", "the name 'stream/evil.sh' was not asked for"),
        ("os.makedirs(stream + '/deep/er')", "the name 'stream/deep' was not asked for"),
        ("os.system(f'for i in $(seq 10001); do :>{stream}/$i.jsonl; done')", "it has more than 10000 files"),
    ],
)  # fmt: skip
def test_event_files_that_were_tampered_with_are_refused_whole(place: Place, does: str, reason: str) -> None:
    ran = attack(place, f"{STREAM}{does}\n", resources=RESOURCES)
    status, told = outcome(ran)
    assert status is Status.INVALID
    assert told.startswith("the recorder's event files: ")
    assert reason in told
    assert told.isprintable()


def test_lies_in_the_event_files_are_passed_over(place: Place) -> None:
    lies = """
with open(stream + "/0-lies.jsonl", "wb") as file:
    file.write(b"[" * 60000 + b"\\n" + b'["metric", 1e999, "loss", "x"]\\n' + b"\\xff\\xfe\\n")
    file.write(b'["read", 1, "/etc/shadow"]\\n')
    file.write(b'["read", 1, "../../../../etc/shadow"]\\n["write", 1, "/etc/passwd"]\\n["library", 1, {}]\\n')
"""
    ran = attack(place, STREAM + lies)
    assert outcome(ran) == (Status.OK, "")
    assert not [name for name in (*ran.record.source, *ran.record.data, *ran.record.written) if "etc" in name]


def test_thousands_of_files_and_names_with_line_breaks_beside_the_results_are_left_where_they_are(place: Place) -> None:
    script = """\
import os
for number in range(5000):
    open(f"file\\n{number}", "w")
os.makedirs("/".join(["deep"] * 200))
open(os.fsdecode(b"\\xff\\xfe"), "w")
open("model.bin", "w").write("model")
print("loss 1")
"""
    ran = attack(place, script, artifacts=("model.bin",))
    assert outcome(ran) == (Status.OK, "")
    assert taken(ran.folder) == ["model.bin"]


def test_a_metric_file_that_is_huge_or_nonsense_is_named(place: Place) -> None:
    script = "open('metrics.json', 'w').write('[' * 100000)"
    status, reason = outcome(
        attack(place, script, metric_files=("metrics.json",), metrics={"loss": Metric()}, resources=RESOURCES)
    )
    assert status is Status.INVALID
    assert reason.startswith("metric file cannot be read: metrics.json")


def test_output_that_would_steer_a_terminal_or_the_runner_is_kept_as_bytes_only(place: Place) -> None:
    script = "print('::set-output name=passed::true'); print('\\x1b]0;x\\x07##[command]'); print('loss 1')"
    ran = attack(place, script)
    assert outcome(ran) == (Status.OK, "")
    assert b"::set-output" in (ran.folder / "output.log").read_bytes()
    assert os.path.commonpath([ran.folder, place.root]) == str(place.root)
