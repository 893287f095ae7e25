"""Reading the experiment file: what is written is what is meant, and every refusal is a text one would thank for."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.environment import EnvironmentKind
from experiment.file import MAX_VALUES, NoExperimentFile, WrongExperimentFile, load, parse
from experiment.spec import Experiment

BASE = "command: python train.py\nenvironment: {lock: r.lock}\n"

DESIGN = """\
experiment: primaries                    # name; default: the folder's
environment:
  image: ghcr.io/acme/train@sha256:0f3d1c2b4a5968778695a4b3c2d1e0f00f1e2d3c4b5a69788796a5b4c3d2e1f0
command: python train.py --epochs {epochs} --lr {lr}
params: {epochs: 20, lr: 1e-3}
seeds: [0, 1, 2, 3, 4]
determinism: strict                      # strict | seeds | off
data:
  - {path: data/events.npz, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
metrics:
  test/auc:  {goal: maximize, margin: 0.005}
  test/loss: {goal: minimize, tolerance: {rel: 1e-3}}
  runtime_s: {goal: minimize, gate: false}
metric_files: [metrics.json]
artifacts: [model.keras]
evaluate:
  command: python evaluate.py --model model.keras
  data: [{path: data/heldout.npz, sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752}]
resources: {gpus: 1, cpus: 8, memory: 16GiB, shm: 2GiB, disk: 20GiB, timeout: 2h, network: none}
gate: {reproduce: required, baseline: non-inferior, no_baseline: fail}
baseline: {file: baselines/primaries.json}
sweep:
  trials: 60
  parallelism: 4
  sampler: tpe
  order: recorded
  objective: {test/auc: maximize}
  space: {lr: {float: [1e-4, 1e-1], log: true}, hidden: {int: [16, 256]}, act: {choice: [relu, tanh]}}
notify: [{on: [regressed, error], url: "${SLACK_URL}"}]
hooks: [my_package.hooks]
"""


def read(text: str) -> Experiment:
    return parse(text, name="ml-experiment.yaml", default_name="folder")


def refusal(text: str) -> str:
    with pytest.raises(WrongExperimentFile) as caught:
        read(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).endswith("\nnothing was run")
    return str(caught.value).removesuffix("\nnothing was run")


def test_the_file_of_the_design_is_read_as_it_is_meant() -> None:
    experiment = read(DESIGN)
    assert experiment.environment.chosen == EnvironmentKind.IMAGE.value
    assert experiment.params == {"epochs": 20, "lr": 0.001}
    assert experiment.resources.memory == 16 * 1024**3
    assert experiment.resources.timeout == 7200
    assert experiment.metrics["test/loss"].tolerance is not None
    assert experiment.metrics["test/loss"].tolerance.rel == 0.001
    assert experiment.evaluate is not None
    assert experiment.evaluate.data[0].path == "data/heldout.npz"
    assert experiment.sweep is not None
    assert experiment.sweep.space["lr"].float_ == (1e-4, 1e-1)
    assert experiment.sweep.space["hidden"].int_ == (16, 256)
    assert experiment.notify[0].url == "${SLACK_URL}"


def test_the_folder_is_read_and_names_the_experiment(tmp_path: Path) -> None:
    folder = tmp_path / "my digits (2)"
    folder.mkdir()
    (folder / "ml-experiment.yaml").write_text("\ufeff" + BASE, encoding="utf-8")
    assert load(folder).experiment == "my-digits-2"
    assert load(folder / "ml-experiment.yaml") == load(folder)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("digits", "digits"), ("ü", "experiment"), ("", "experiment"), ("_a" * 60, "a" + "_a" * 31 + "_")],
)
def test_any_folder_gives_a_name(folder: str, name: str) -> None:
    assert parse(BASE, name="e", default_name=folder).experiment == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1e-3", 0.001), ("1e3", 1000.0), ("1_000", 1000), ("0x1f", 31), ("-0.0", -0.0), ("1.", 1.0), ("true", True),
        ("&anchor true", True), ("yes", "yes"), ("off", "off"), ("2020-01-01", "2020-01-01"), ("'3'", "3"),
        ("!!str 3", "3"), ("!own 3", "3"), ("|\n    two\n    lines\n", "two\nlines\n"),
    ],
)  # fmt: skip
def test_a_parameter_is_what_yaml_1_2_says(written: str, meant: object) -> None:
    value = read(f"{BASE}params:\n  x: {written}").params["x"]
    assert (value, type(value)) == (meant, type(meant))


def test_anchors_and_merges_are_followed() -> None:
    experiment = read(BASE + "metrics:\n  a: &a {goal: maximize, margin: 1}\n  b: {<<: *a, margin: 2}\n")
    assert experiment.metrics["b"].goal == experiment.metrics["a"].goal
    assert experiment.metrics["b"].margin == 2


def test_a_missing_file_is_refused_with_the_command_that_writes_one(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "ml-experiment.yaml"):
        with pytest.raises(NoExperimentFile) as caught:
            load(path)
        assert caught.value.exit_code == 2
        assert str(caught.value) == (
            f"{tmp_path / 'ml-experiment.yaml'}: no experiment file\n"
            "  write one with: ml-experiment init\n"
            "  or name the folder that holds one: ml-experiment reproduce FOLDER\n"
            "nothing was run"
        )


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ml-experiment.yaml"
    path.write_bytes(b"command: caf\xe9")
    with pytest.raises(WrongExperimentFile) as caught:
        load(path)
    assert str(caught.value) == f"{path}: not UTF-8 text: unexpected end of data\nnothing was run"


def test_a_file_that_cannot_be_read_is_refused_with_the_systems_reason(tmp_path: Path) -> None:
    path = tmp_path / "ml-experiment.yaml"
    path.symlink_to(path)
    with pytest.raises(WrongExperimentFile) as caught:
        load(path)
    assert str(caught.value) == f"{path}: cannot be read: Too many levels of symbolic links\nnothing was run"


def test_messages_name_the_file_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ml-experiment.yaml").write_text(BASE + "sedes: [0]\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongExperimentFile, match=r"^ml-experiment\.yaml:3: unknown key 'sedes'"):
        load(Path())
    with pytest.raises(WrongExperimentFile, match=f"^{tmp_path}/ml-experiment.yaml:3: unknown key 'sedes'"):
        load(tmp_path)


SMALLEST = "\n  the smallest file:\n    command: python train.py\n    environment: {lock: requirements.lock}"
TEXTS = {
    # Not YAML, or not a mapping.
    "": f"ml-experiment.yaml: expected keys with values, found nothing{SMALLEST}",
    "[1]": f"ml-experiment.yaml: expected keys with values, found the list [1]{SMALLEST}",
    "train": f"ml-experiment.yaml: expected keys with values, found the text 'train'{SMALLEST}",
    "a: [0\n": "ml-experiment.yaml:2: not YAML: expected ',' or ']', but got '<stream end>'",
    "a: b: c\n": """\
        ml-experiment.yaml:1: not YAML: mapping values are not allowed here
          1 │ a: b: c
            │     ^""",
    "a: 1\n\tb: 1": """\
        ml-experiment.yaml:2: not YAML: found character '\\t' that cannot start any token
          2 │ \tb: 1
            │ ^""",
    "a: 1\na: 2": """\
        ml-experiment.yaml:2: not YAML: found duplicate key "a" with value "2" (original value: "1")
          2 │ a: 2
            │ ^""",
    "a: 1\n---\nb: 1": """\
        ml-experiment.yaml:2: not YAML: found another document
          2 │ ---
            │ ^""",
    "a: &x 1\nb: &x 2\n": """\
        ml-experiment.yaml:2: found duplicate anchor 'x'; give each anchor a name of its own
          2 │ b: &x 2
            │    ^""",
    "a: 1\nb: \x1b[31m": "ml-experiment.yaml:2: not YAML: the character U+001B is not allowed",
    "a: " + "[" * 5000: "ml-experiment.yaml: not YAML: nested too deeply",
    "a: " + "[" * 40 + "]" * 40: """\
        ml-experiment.yaml:1: nested deeper than 32
          1 │ a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
            │                                   ^""",
    "a: !!binary aGk=": """\
        ml-experiment.yaml:1: a: a YAML type that has no meaning here
          1 │ a: !!binary aGk=
            │ ^""",
    'a: "b\\0c"': """\
        ml-experiment.yaml:1: a: text with a NUL character
          1 │ a: "b\\0c"
            │ ^""",
    # Keys.
    "command: t": """\
        ml-experiment.yaml: missing key 'environment'
          for example: environment: {lock: requirements.lock}""",
    "environment: {lock: l}": """\
        ml-experiment.yaml: missing key 'command'
          for example: command: python train.py""",
    f"{BASE}sedes: [0, 1, 2]": """\
        ml-experiment.yaml:3: unknown key 'sedes'
          3 │ sedes: [0, 1, 2]
            │ ^^^^^ did you mean 'seeds'?""",
    f"{BASE}gate: {{wibble: 1}}": """\
        ml-experiment.yaml:3: unknown key 'gate.wibble'
          3 │ gate: {wibble: 1}
            │        ^^^^^^ known here: baseline, no_baseline, reproduce""",
    f"{BASE}data:\n  - path: a\n    sha265: b": """\
        ml-experiment.yaml:5: unknown key 'data[0].sha265'
          5 │     sha265: b
            │     ^^^^^^ did you mean 'sha256'?""",
    f"{BASE}sweep:\n  objective: {{a: maximize}}": """\
        ml-experiment.yaml:3: missing key 'sweep.space'
          3 │ sweep:
            │ ^^^^^""",
    f"{BASE}sweep: {{objective: {{a: maximize}}, space: {{x: {{float: [1]}}}}}}": """\
        ml-experiment.yaml:3: sweep.space.x.float: an entry is missing
          3 │ sweep: {objective: {a: maximize}, space: {x: {float: [1]}}}
            │                                               ^^^^^ for example: [0.1, 0.5]""",
    f'{BASE}"\\e[31m\\n::error::": 1': """\
        ml-experiment.yaml:3: unknown key '\\x1b[31m\\n::error::'
          3 │ "\\e[31m\\n::error::": 1
            │ ^^^^^^^^^^^^^^^ known here: alpha, artifacts, baseline, command, data, determinism, environment, \
evaluate, experiment, gate, hooks, metric_files, metrics, notify, pairing, params, resources, seeds, stages, sweep""",
    # Types.
    f"{BASE}seeds: 5": """\
        ml-experiment.yaml:3: seeds: expected a list, found 5
          3 │ seeds: 5
            │ ^^^^^ write [5]""",
    f"{BASE}artifacts: model.keras": """\
        ml-experiment.yaml:3: artifacts: expected a list, found the text 'model.keras'
          3 │ artifacts: model.keras
            │ ^^^^^^^^^ write ['model.keras']""",
    f"{BASE}seeds:": """\
        ml-experiment.yaml:3: seeds: expected a list, found nothing
          3 │ seeds:
            │ ^^^^^""",
    f"{BASE}seeds: [a, 1.5]": """\
        ml-experiment.yaml:3: seeds[0]: expected a whole number, found the text 'a'
          3 │ seeds: [a, 1.5]
            │         ^
        ml-experiment.yaml:3: seeds[1]: expected a whole number, found 1.5
          3 │ seeds: [a, 1.5]
            │            ^^^""",
    f"{BASE}params: [1]": """\
        ml-experiment.yaml:3: params: expected names with values, found the list [1]
          3 │ params: [1]
            │ ^^^^^^""",
    f"{BASE}params: {{lr: [1]}}": """\
        ml-experiment.yaml:3: params.lr: expected true, false, a number or text, found the list [1]
          3 │ params: {lr: [1]}
            │          ^^""",
    f"{BASE}gate: required": """\
        ml-experiment.yaml:3: gate: expected keys with values, found the text 'required'
          3 │ gate: required
            │ ^^^^ keys here: baseline, no_baseline, reproduce""",
    f"{BASE}metrics: {{a: {{gate: maybe}}}}": """\
        ml-experiment.yaml:3: metrics.a.gate: expected true or false, found the text 'maybe'
          3 │ metrics: {a: {gate: maybe}}
            │               ^^^^""",
    f"{BASE}resources: {{network: hst}}": """\
        ml-experiment.yaml:3: resources.network: expected 'none', 'host' or a list, found the text 'hst'
          3 │ resources: {network: hst}
            │             ^^^^^^^ did you mean 'host'?""",
    f"{BASE}sweep: {{objective: {{a: maximize}}, space: {{int: {{int: [1, b]}}}}}}": """\
        ml-experiment.yaml:3: sweep.space.int.int[1]: expected a whole number, found the text 'b'
          3 │ sweep: {objective: {a: maximize}, space: {int: {int: [1, b]}}}
            │                                                          ^""",
    "command: [python, train.py]\nenvironment: {lock: l}": """\
        ml-experiment.yaml:1: command: expected text, found the list ["python", "train.py"]
          1 │ command: [python, train.py]
            │ ^^^^^^^""",
    # Values.
    f"{BASE}metrics: {{a: {{goal: maximise}}}}": """\
        ml-experiment.yaml:3: metrics.a.goal: expected 'maximize' or 'minimize', found the text 'maximise'
          3 │ metrics: {a: {goal: maximise}}
            │               ^^^^ did you mean 'maximize'?""",
    f"{BASE}metrics: {{a: {{margin: -1}}}}": """\
        ml-experiment.yaml:3: metrics.a.margin: expected a number above 0, found -1
          3 │ metrics: {a: {margin: -1}}
            │               ^^^^^^""",
    f"{BASE}metrics: {{a: {{margin: .nan}}}}": """\
        ml-experiment.yaml:3: metrics.a.margin: expected a finite number, found NaN
          3 │ metrics: {a: {margin: .nan}}
            │               ^^^^^^""",
    f"{BASE}params: {{lr: .inf}}": """\
        ml-experiment.yaml:3: params.lr: expected a finite number, found Infinity
          3 │ params: {lr: .inf}
            │          ^^""",
    f"{BASE}params: {{1st: 3}}": """\
        ml-experiment.yaml:3: params.1st: expected a name that starts with a letter or '_', then letters, digits, '.', \
'_' and '-', at most 64, found the text '1st'
          3 │ params: {1st: 3}
            │          ^^^""",
    f"{BASE}data: [{{path: a, sha256: abc}}]": """\
        ml-experiment.yaml:3: data[0].sha256: expected a SHA-256: 64 hexadecimal digits in lower case, found the text \
'abc'
          3 │ data: [{path: a, sha256: abc}]
            │                  ^^^^^^""",
    f"{BASE}resources: {{memory: 16XB, cpus: 0}}": """\
        ml-experiment.yaml:3: resources.cpus: expected at least 1, found 0
          3 │ resources: {memory: 16XB, cpus: 0}
            │                           ^^^^
        ml-experiment.yaml:3: resources.memory: not a size: '16XB'; write for example 512MiB, 16GiB or 2GB
          3 │ resources: {memory: 16XB, cpus: 0}
            │             ^^^^^^""",
    f"{BASE}seeds: [4294967296]": """\
        ml-experiment.yaml:3: seeds[0]: expected at most 4294967295, found 4294967296
          3 │ seeds: [4294967296]
            │         ^^^^^^^^^^""",
    f"{BASE}seeds: []": """\
        ml-experiment.yaml:3: seeds: expected at least 1 entry, found the list []
          3 │ seeds: []
            │ ^^^^^""",
    f"{BASE}artifacts: ['']": """\
        ml-experiment.yaml:3: artifacts[0]: expected text that is not empty, found the text ''
          3 │ artifacts: ['']
            │             ^""",
    f"{BASE}sweep: {{objective: {{a: maximize}}, space: {{x: {{int: [1, 2, 3]}}}}}}": """\
        ml-experiment.yaml:3: sweep.space.x.int: expected at most 2 entries, found the list [1, 2, 3]
          3 │ sweep: {objective: {a: maximize}, space: {x: {int: [1, 2, 3]}}}
            │                                               ^^^""",
    # What only shows when keys are seen together.
    "command: t\nenvironment: {lock: l, image: i}": """\
        ml-experiment.yaml:2: environment: image and lock are both given; keep one, or add 'prefer: image'
          2 │ environment: {lock: l, image: i}
            │ ^^^^^^^^^^^""",
    "environment: {lock: l}\ncommand: python train.py --epochs {epoch}\nparams: {epochs: 3}": """\
        ml-experiment.yaml:2: command: unknown placeholder {epoch}; did you mean {epochs}? (write {{epoch}} for \
literal braces)
          2 │ command: python train.py --epochs {epoch}
            │ ^^^^^^^""",
    f"{BASE}evaluate:\n  command: e {{zzz}}": """\
        ml-experiment.yaml:4: evaluate.command: unknown placeholder {zzz}; known: {seed} (write {{zzz}} for literal \
braces)
          4 │   command: e {zzz}
            │   ^^^^^^^""",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.removeprefix(BASE)[:40])
def test_a_wrong_file_is_refused_with_line_key_finding_and_remedy(text: str) -> None:
    assert refusal(text) == dedent(TEXTS[text])


def test_problems_come_in_the_order_of_their_lines_and_not_without_end() -> None:
    lines = refusal(BASE + "".join(f"wrong{i}: 1\n" for i in range(30))).splitlines()
    numbers = [int(line.split(":")[1]) for line in lines if line.startswith("ml-experiment.yaml:")]
    assert numbers == list(range(3, 23))
    assert lines[-1] == "and 10 more"


def test_a_long_value_is_cut_in_the_message() -> None:
    assert "found the text '" + "x" * 56 + "...\n" in refusal(BASE + f"seeds: {'x' * 500}")


def test_a_value_that_is_merged_from_elsewhere_is_placed_where_it_is_merged() -> None:
    text = BASE + "metrics:\n  a: &a {margin: -1}\n  b:\n    <<: *a\n"
    assert "ml-experiment.yaml:5: metrics.b.margin: expected a number above 0, found -1\n" in refusal(text)


def test_aliases_that_multiply_are_refused_in_time() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert refusal("\n".join(levels)) == f"ml-experiment.yaml: more than {MAX_VALUES} values, aliases followed"


def test_a_value_that_holds_itself_is_refused() -> None:
    assert "unknown key 'a'" in refusal("a: &a\n  b: *a\n")


def test_a_wide_file_within_the_bounds_is_read() -> None:
    assert len(read(f"{BASE}seeds: [{', '.join(map(str, range(20_000)))}]").seeds) == 20_000


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from([*"{}[]:,-&*!|>'\"#%@`?\n \t", "a", "<<: ", "command: ", "seeds: ", "1", "---\n"]), max_size=25
    ).map("".join)
)
def test_any_text_is_an_experiment_or_refused(text: str) -> None:
    try:
        read(text)
    except WrongExperimentFile as error:
        assert_printable(str(error), text)


def assert_printable(message: str, text: str) -> None:
    """Nothing in a message can steer a terminal, but what stands in the quoted line itself."""
    shown = [line for line in message.split("\n") if "│" not in line]
    allowed: Any = set(text)
    assert all(character.isprintable() or character in allowed for line in shown for character in line)


def test_a_link_that_leads_out_of_the_folder_is_refused_and_nothing_of_its_target_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password: hunter2\n")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "ml-experiment.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(WrongExperimentFile) as caught:
        load(tmp_path / "repository")
    assert "a link that leads out of its folder" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_link_within_the_folder_is_as_good_as_the_file(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "digits.yaml").write_text(BASE)
    (tmp_path / "ml-experiment.yaml").symlink_to("conf/digits.yaml")
    load(tmp_path)
