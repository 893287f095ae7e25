"""Imports into a real SQLite store, read back through MLflow's client, and stores that are down, slow or refusing."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from run_folders import STARTED_MS, a_run_folder

from experiment.record import Outcome, Status
from runner.tracking import Destination, destination_for, start

PATIENCE_S = 120  # far more than an import takes, on a machine that does much else

# Read back in this process: MLflow's own imports raise deprecation warnings of its libraries.
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class Imported:
    """Two good runs and a failed one, imported into the default store."""

    state: Path
    folders: list[Path]
    notes: tuple[str, ...]
    destination: Destination

    def again(self) -> tuple[str, ...]:
        return start(self.folders, self.destination).finish(PATIENCE_S)

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.destination.uri)

    def runs(self) -> list[Any]:
        experiment = self.client().get_experiment_by_name("digits")
        return list(self.client().search_runs([experiment.experiment_id], order_by=["attributes.run_name"]))


def an_import(state: Path) -> Imported:
    learning = {"test/accuracy": [step / 3000 for step in range(1, 2501)], "test/loss": (2.0, 1.0, 0.5)}
    failed = Outcome(status=Status.USER_ERROR, exit_code=3, reason="exit status 3")
    folders = [
        a_run_folder(state / "runs", 0, learning),
        a_run_folder(state / "runs", 1, learning, logged_params={"hidden": "", "note": "a=b"}),
        a_run_folder(state / "runs", 2, {}, outcome=failed),
    ]
    destination = destination_for("digits", state, {})
    return Imported(state, folders, start(folders, destination).finish(PATIENCE_S), destination)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return an_import(tmp_path_factory.mktemp("digits") / ".ml-experiment")


def test_an_import_that_went_well_says_nothing(imported: Imported) -> None:
    assert imported.notes == ()


def test_a_curve_reads_back_with_every_step_and_bit(imported: Imported) -> None:
    run = imported.runs()[0]
    history = imported.client().get_metric_history(run.info.run_id, "test/accuracy")
    expected = [(step, step / 3000, STARTED_MS + 500 * step) for step in range(1, 2501)]
    assert [(point.step, point.value, point.timestamp) for point in history] == expected


def test_status_name_and_times_are_those_of_the_run(imported: Imported) -> None:
    found = [(run.info.run_name, run.info.status, run.info.start_time, run.info.end_time) for run in imported.runs()]
    times = (STARTED_MS, STARTED_MS + 12_500)
    assert found == [("seed 0", "FINISHED", *times), ("seed 1", "FINISHED", *times), ("seed 2", "FAILED", *times)]


def test_params_and_tags_are_there(imported: Imported) -> None:
    run = imported.runs()[1]
    assert run.data.params == {"epochs": "200", "lr": "0.001", "seed": "1", "hidden": "", "note": "a=b"}
    assert run.data.tags["ml-experiment.key"] == imported.folders[1].name
    assert run.data.tags["ml-experiment.import"] == "complete"


def test_record_output_and_kept_artifacts_are_stored_below_the_state_folder(imported: Imported) -> None:
    run = imported.runs()[0]
    root = imported.state / "mlartifacts" / run.info.run_id / "artifacts"
    stored = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
    assert stored == {"run.json", "output.log", "curves.npz", "artifacts/out/model.npz", "environment/packages.txt"}
    assert (root / "run.json").read_bytes() == (imported.folders[0] / "run.json").read_bytes()


def test_a_second_import_starts_no_process_and_does_not_load_mlflow(imported: Imported) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from runner.tracking import destination_for, start\n"
        "def forbid(event, _):\n"
        "    assert event not in ('subprocess.Popen', 'os.fork', 'os.posix_spawn'), event\n"
        "sys.addaudithook(forbid)\n"
        "state = Path(sys.argv[1])\n"
        "print(start(list((state / 'runs').iterdir()), destination_for('digits', state, {})).finish(0))\n"
        "print('mlflow' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, imported.state], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["()", "False"]


def test_a_run_whose_mark_is_lost_is_found_in_the_store(imported: Imported) -> None:
    (imported.folders[0] / "imported").unlink()
    assert imported.again() == ()
    assert len(imported.runs()) == 3


def test_an_import_that_was_ended_in_the_middle_is_gone_on_with(imported: Imported) -> None:
    run = imported.runs()[0]
    imported.client().set_tag(run.info.run_id, "ml-experiment.import", "incomplete")
    (imported.folders[0] / "imported").unlink()
    assert imported.again() == ()
    assert len(imported.runs()) == 3
    assert len(imported.client().get_metric_history(run.info.run_id, "test/accuracy")) == 2500
    assert imported.client().get_run(run.info.run_id).data.tags["ml-experiment.import"] == "complete"


def test_a_damaged_record_costs_only_that_run_and_is_said_once(imported: Imported, tmp_path: Path) -> None:
    state = tmp_path / ".ml-experiment"
    good, bad = a_run_folder(state / "runs", 5), a_run_folder(state / "runs", 6)
    (bad / "run.json").write_text("{")
    (note,) = start([bad, good], imported.destination).finish(PATIENCE_S)
    assert note == f"run {bad.name[:12]} is not imported into MLflow: its record cannot be read: ValidationError"
    assert len(imported.runs()) == 4
    assert start([good], imported.destination).finish(0) == ()


def test_a_link_among_the_artifacts_is_not_followed_out_of_the_run(imported: Imported, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    folder = a_run_folder(tmp_path / ".ml-experiment" / "runs", 7)
    (folder / "artifacts" / "model").symlink_to(secret)
    assert start([folder], imported.destination).finish(PATIENCE_S) == ()
    (run,) = [run for run in imported.runs() if run.info.run_name == "seed 7"]
    assert run.data.tags["ml-experiment.artifacts-left-out"] == "artifacts/model"
    assert "artifacts/model" not in {
        file.path for file in imported.client().list_artifacts(run.info.run_id, "artifacts")
    }


def test_a_folder_with_modules_named_like_ours_does_not_take_their_place(tmp_path: Path) -> None:
    """The import runs in the user's folder: as a program, since the working folder is per process."""
    for name in ("runner", "experiment", "mlflow", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')")
    a_run_folder(tmp_path / ".ml-experiment" / "runs")
    script = (
        "from pathlib import Path\n"
        "from runner.tracking import destination_for, start\n"
        "state = Path('.ml-experiment')\n"
        "print(start(list((state / 'runs').iterdir()), destination_for('digits', state, {})).finish(120))\n"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "()\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".py") == [".ml-experiment"]


# --- stores that do not answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_run_folder(tmp_path / "runs")


def one_note(folder: Path, uri: str, deadline_s: float = PATIENCE_S) -> str:
    (note,) = start([folder], Destination(uri, "digits")).finish(deadline_s)
    assert note.endswith(f"; the run is kept in {folder.parent} and will be imported the next time")
    assert "hunter2" not in note
    return note.partition(";")[0]


def test_a_store_that_is_down_costs_a_note(folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        note = one_note(folder, f"http://me:hunter2@{address}")
    assert note == f"MLflow at http://{address}: it refuses connections"


def test_a_store_that_accepts_and_never_answers_is_waited_for_no_longer_than_asked(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        under_way = start([folder], Destination(f"http://me:hunter2@{address}", "digits"))
        server.settimeout(PATIENCE_S)
        connection = server.accept()[0]
        with connection:
            (note,) = under_way.finish(0.5)
    assert note.startswith(f"MLflow at http://{address}: no answer within 0.5 s; the run is kept in ")


class Refusing(BaseHTTPRequestHandler):
    """Wants other credentials than it gets."""

    def do_GET(self) -> None:
        self.send_error(401)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is not a server's log."""


@pytest.fixture
def refusing_address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_store_that_wants_other_credentials_says_so_without_showing_them(folder: Path, refusing_address: str) -> None:
    note = one_note(folder, f"http://me:hunter2@{refusing_address}")
    assert note == f"MLflow at http://{refusing_address}: it does not accept the credentials (401)"


@pytest.mark.parametrize("uri", ["ftp://me:hunter2@m.example", "me:hunter2@m.example"])
def test_an_address_mlflow_does_not_know_is_named(folder: Path, uri: str) -> None:
    assert one_note(folder, uri).endswith("MLflow does not know this kind of address")


def test_what_a_store_missed_is_imported_with_the_next_run(tmp_path: Path) -> None:
    destination = destination_for("digits", tmp_path, {})
    missed, later = a_run_folder(tmp_path / "runs", 0), a_run_folder(tmp_path / "runs", 1)
    start([missed], destination).finish(0)  # no import is that fast
    assert start([later], destination).finish(PATIENCE_S) == ()
    names = [run.info.run_name for run in Imported(tmp_path, [], (), destination).runs()]
    assert names == ["seed 0", "seed 1"]


def test_an_import_ends_with_the_process_that_began_it(folder: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from runner.tracking import Destination, start\n"
        "under_way = start([Path(sys.argv[1])], Destination(sys.argv[2], 'digits'))\n"
        "sys.stdin.read(1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        with subprocess.Popen([sys.executable, "-c", script, folder, uri], stdin=subprocess.PIPE) as parent:
            server.settimeout(PATIENCE_S)
            connection, _ = server.accept()  # the import stands in the middle of a call
            with connection:
                parent.communicate(b"x")
                connection.settimeout(PATIENCE_S)
                while connection.recv(65536):  # ends when the importing process is gone; else the time-out fails us
                    pass
    assert parent.returncode == -signal.SIGKILL
