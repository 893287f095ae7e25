"""The commented `ml-experiment.yaml` that `init` writes, and the table of what it guessed."""

import re

from action.activities.init_draft import MAX_DATA, Draft, Written
from runner.discovery import directions
from runner.discovery.metrics import Proposal

_COLUMN = 44  # where comments begin
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_PLAIN = re.compile(r"[A-Za-z_./][\w./+=@{}$\-]*(?: [\w./+=@{}$\-]+)*")
_MODEL = re.compile(r".*\.(?:keras|h5|hdf5|pt|pth|ckpt|pkl|pickle|joblib|npz|npy|onnx|safetensors|bin|model|msgpack)")
MAX_ARTIFACTS = 10


def scalar(text: str) -> str:
    """`text` as a YAML scalar, plain where that reads back as it is."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and text.isascii():
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def file_text(draft: Draft) -> str:
    """The whole file. It reads back as the experiment that was guessed."""
    return (
        "\n".join(
            [
                "# Written by ml-experiment init from a look at the repository and two trial runs of seed 0.",
                "# Lines marked (guess) are worth a look. All keys are in the manual's page on the experiment file.",
                _line(f"experiment: {scalar(draft.name)}", "the folder's name"),
                "",
                "environment:",
                _line(f"  lock: {scalar(draft.lock)}", _lock_words(draft)),
                "",
                *_command(draft),
                _line("seeds: [0, 1, 2, 3, 4]", "one run each; more say more about the noise"),
                *_determinism(draft),
                *_data(draft),
                "",
                *_metrics(draft),
                *_artifacts(draft),
                "",
                *_resources(draft),
                *_gate(draft),
            ]
        )
        + "\n"
    )


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COLUMN}} # {_safe(comment)}" if len(text) < _COLUMN else f"{text}  # {_safe(comment)}"


def _safe(comment: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in comment)


def _lock_words(draft: Draft) -> str:
    return "every package with its hash" if draft.lock_from is None else f"made from {draft.lock_from}"


def _command(draft: Draft) -> list[str]:
    lines = [f"# (guess) {_safe(draft.command_why)}"] if draft.command_why else []
    lines.append(f"command: {scalar(draft.command)}")
    if "{seed}" not in draft.command:
        by_user = f"; it sets {draft.seeded_by[0]} itself" if draft.seeded_by else ""
        lines.append(f"# no {{seed}} in it: each run is seeded from outside before the first line{_safe(by_user)}")
    return lines


def _determinism(draft: Draft) -> list[str]:
    if draft.determinism == "strict":
        return []
    return [_line(f"determinism: {draft.determinism}", "strict made the script fail: seeds are set, nothing else")]


def _data(draft: Draft) -> list[str]:
    inside = [read for read in draft.data if not read.outside]
    outside = [read for read in draft.data if read.outside]
    lines = ["", "data:" + " " * (_COLUMN - 5) + " # files the trial read, with their content"] if inside else []
    for read in inside[:MAX_DATA]:
        lines += [_line(f"  - path: {scalar(read.path)}", size_words(read.size)), f"    sha256: {read.sha256}"]
    if len(inside) > MAX_DATA:
        lines.append(f"  # and {len(inside) - MAX_DATA} more files, which are recorded without being declared")
    if outside:
        lines += ["", "# read from outside the repository; another machine needs them too:"]
        lines += [f"#   {_safe(read.path)}  {size_words(read.size)}" for read in outside[:20]]
    return lines


def _metrics(draft: Draft) -> list[str]:
    lines = []
    if draft.metric_files:
        lines.append("metric_files:" + " " * (_COLUMN - 13) + " # results the script writes itself")
        lines += [f"  - {scalar(path)}" for path in draft.metric_files]
    if not draft.metrics:
        return [
            *lines,
            "# No metric was found: the script printed none, wrote none to a JSON, YAML or CSV file, and told none to",
            "# MLflow, Keras or scikit-learn. Name one here, for example from a printed line `test loss: 0.3`:",
            "#   test/loss: {goal: minimize, pattern: 'test loss: (?P<value>[-+.0-9eE]+)'}",
            "metrics: {}",
        ]
    lines.append("metrics:" + " " * (_COLUMN - 8) + " # goals are guessed from the names")
    for metric in draft.metrics:
        lines += _metric(metric)
    lines.append(_line("  runtime_s: {goal: minimize, gate: false}", "shown, never gates"))
    return lines if all(m.name != "runtime_s" for m in draft.metrics) else lines[:-1]


def _metric(metric: Proposal) -> list[str]:
    lines = [_line(f"  {scalar(metric.name)}:", f"{metric.value:.6g} in the trial, from {metric.source}")]
    if metric.goal is not None:
        lines.append(_line(f"    goal: {metric.goal.value}", "(guess)"))
    else:
        lines.append("    # goal: maximize  or minimize; the name does not say which way is good")
    if not metric.gate:
        lines.append(_line("    gate: false", _why_not(metric)))
    if metric.last is not None:
        lines.append(_line(f"    last: {metric.last}", "(guess) the curve's end jitters: its mean is judged"))
    if metric.pattern is not None:
        lines.append(f"    pattern: {scalar(metric.pattern)}")
    return lines


def _why_not(metric: Proposal) -> str:
    if metric.goal is None:
        return "only shown, until it has a goal"
    if directions.is_cost(metric.name):
        return "only shown: a time never repeats"
    return "only shown: of the training data"


def _artifacts(draft: Draft) -> list[str]:
    models = _models(draft)
    same = [output for output in models if output.repeats]
    other = [output for output in models if not output.repeats]
    lines = [""] if models else []
    if same:
        lines.append("artifacts:" + " " * (_COLUMN - 10) + " # equal bytes in both trials; hashed and kept")
        lines += [_line(f"  - {scalar(output.path)}", size_words(output.size)) for output in same]
    if other:
        lines.append("# written too, with other bytes in the second trial; declared, they would never reproduce:")
        lines += [f"#   - {_safe(scalar(output.path))}" for output in other]
    return lines


def _models(draft: Draft) -> list[Written]:
    return [output for output in draft.outputs if _MODEL.fullmatch(output.path.lower())][:MAX_ARTIFACTS]


def _resources(draft: Draft) -> list[str]:
    used = f"; at most {size_words(draft.memory)} of memory" if draft.memory else ""
    return [
        "resources:",
        _line(f"  cpus: {draft.cpus}", f"(guess) kept busy by one run; this machine has {draft.machine_cpus}"),
        *([_line(f"  gpus: {draft.gpus}", "the trial used one")] if draft.gpus else []),
        _line(f"  timeout: {draft.timeout_min}m", f"a trial took {seconds_words(draft.wall_s)}{used}"),
    ]


def _gate(draft: Draft) -> list[str]:
    if draft.unequal:
        names = ", ".join(draft.unequal[:5])
        return [
            "gate:",
            f"  # two trials of the same seed differed in {_safe(names)}: something is not seeded or not deterministic",
            _line("  reproduce: report", "required, once equal seeds give equal results"),
        ]
    words = "two trials of the same seed were equal" if draft.metrics else "a second run has to give the same"
    return ["gate:", _line("  reproduce: required", words)]


def size_words(size: int | None) -> str:
    """Bytes for people: 1.5 MiB."""
    amount, units = float(size or 0), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "B" or amount >= 100 else f"{amount:.1f} {units[0]}"


def seconds_words(seconds: float) -> str:
    """A duration for people: 4.2 s, 3 min 20 s."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def table(draft: Draft) -> list[str]:
    """What was guessed, a line each, for the terminal."""
    rows = [("command", draft.command), ("", draft.command_why)]
    rows.append(("lock", f"{draft.lock} ({_lock_words(draft)})"))
    for number, metric in enumerate(draft.metrics):
        facts = [metric.goal.value if metric.goal else "no goal", f"{metric.value:.6g}", f"from {metric.source}"]
        facts += [f"mean of the last {metric.last}"] if metric.last else []
        facts += ["not equal in both runs"] if metric.repeats is False else []
        facts += [] if metric.gate else ["only shown"]
        rows.append(("metrics" if number == 0 else "", f"{metric.name}: {', '.join(facts)}"))
    if not draft.metrics:
        rows.append(("metrics", "none found: name them in ml-experiment.yaml"))
    for number, read in enumerate(draft.data[:10]):
        place = ", outside the repository" if read.outside else ""
        rows.append(("data" if number == 0 else "", f"{read.path} ({size_words(read.size)}{place})"))
    if len(draft.data) > 10:
        rows.append(("", f"and {len(draft.data) - 10} more files"))
    for number, output in enumerate(_models(draft)):
        same = "equal bytes in both runs" if output.repeats else "other bytes in the second run, so not declared"
        rows.append(("artifacts" if number == 0 else "", f"{output.path} ({same})"))
    memory = f", {size_words(draft.memory)} of memory" if draft.memory else ""
    rows.append(("one run", f"{seconds_words(draft.wall_s)}, {draft.cpus} of {draft.machine_cpus} processors{memory}"))
    equal = "no" if draft.unequal else "yes" if draft.metrics else "nothing to compare"
    differ = f": {', '.join(draft.unequal[:5])} differed" if draft.unequal else ""
    rows.append(("same seed,", f"same result: {equal}{differ}"))
    return [f"  {head:<11}{_safe(text)}" for head, text in rows if text]
