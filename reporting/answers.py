"""The three questions of a report in words: does it reproduce, what differs, what now; the last names a file."""

from experiment.bundle import Bundle
from experiment.record import Status
from experiment.snapshot import Configuration, RunSummary
from experiment.spec import FILE_NAME
from reporting.decision import Decision, GateResult, Judgement, MarginKind, Reproduction, Verdict
from reporting.differences import Change, Differences, Factor
from reporting.document import Line, code, line, listed, strong, told
from reporting.numbers import count, size
from reporting.words import broken, decisive, metric, sentence, shortened

_MOST_NAMED = 3
_OWN = (Factor.CODE, Factor.PARAMETERS)  # what the author of a commit changes on purpose
_ACCEPT = code("ml-experiment baseline accept")
_AGAIN = code("ml-experiment reproduce")
_FILE = code(FILE_NAME)
_REPRODUCES = {
    Reproduction.IDENTICAL: "Yes: ",
    Reproduction.WITHIN_TOLERANCE: "Yes, within tolerance: ",
    Reproduction.DIFFERS: "No: ",
    Reproduction.NOT_ASKED: "Not asked: ",
    Reproduction.UNVERIFIABLE: "Not known: ",
}


def reproduces(verdict: Verdict) -> Line:
    """The first question and its answer."""
    reason = sentence(shortened(verdict.reproduction_reason))
    return line(strong("Does it reproduce?"), " ", _REPRODUCES[verdict.reproduction], reason)


def differs(bundle: Bundle, found: Differences | None) -> Line | None:
    """What differs from the baseline, and what was compared and is the same; None without a baseline."""
    said = difference(bundle, found)
    return line(strong("What differs from the baseline?"), " ", said) if said else None


def difference(bundle: Bundle, found: Differences | None) -> Line | None:
    """The answer alone: "`train.py`, 1 of the 3 source files that were read. Same: environment (24 packages), …"."""
    if found is None or bundle.baseline is None:
        return None
    here = bundle.candidate.configuration
    named = [_named(found.of(factor), here) for factor in Factor if found.of(factor)]
    same = [_counted(factor, here) for factor in Factor if not found.of(factor) and factor is not Factor.SEEDING]
    unknown = listed([_short(path) for path in found.unknown], most=_MOST_NAMED)
    return line(
        listed(named, separator="; ") if named else "Nothing that is recorded",
        ".",
        f" Same: {', '.join(same)}." if same else "",
        line(" Not known: ", unknown, ", which could not be read.") if unknown else "",
    )


def _named(changes: tuple[Change, ...], here: Configuration) -> Line:
    names = listed([_short(change.words) for change in changes], most=_MOST_NAMED)
    files = [change for change in changes if change.kind == "file"]
    if changes[0].factor is Factor.CODE and files:
        read = len({*here.source, *(change.name for change in files)})
        if read == 1:
            return line(names, ", the one source file that was read")
        return line(names, f", {len(files)} of the {read} source files that were read")
    return line(f"{changes[0].factor}: ", names)


def _counted(factor: Factor, here: Configuration) -> str:
    match factor:
        case Factor.CODE:
            return f"code ({count(len(here.source), 'file')})"
        case Factor.ENVIRONMENT:
            return f"environment ({count(len(here.environment.packages), 'package')})"
        case Factor.DATA if here.data:
            total = size(sum(read.size or 0 for read in here.data.values()))
            return f"data ({count(len(here.data), 'file')}, {total})"
        case Factor.HARDWARE:
            return "processor and BLAS kernel"
        case _:
            return str(factor)


def what_now(bundle: Bundle, verdict: Verdict, found: Differences | None) -> Line | None:
    """What a person does next, with the file to open; None where there is nothing to do."""
    advice = _advice(bundle, verdict, found)
    return line(strong("What now?"), " ", advice) if advice else None


def _advice(bundle: Bundle, verdict: Verdict, found: Differences | None) -> Line:  # noqa: PLR0911 one per outcome
    decision, file = decisive(verdict), code(bundle.policy.baseline_file)
    if verdict.gate is GateResult.INFRASTRUCTURE:
        return told("Mend the machine, then run {} again; what finished is taken from the cache.", _AGAIN)
    if broken(bundle, verdict):
        return _unstable(bundle, decision)
    failed = next((run for run in bundle.candidate.runs if not run.ok), None)
    match verdict.judgement:
        case Judgement.UNVERIFIABLE if failed is not None:
            return _failure(bundle, failed)
        case Judgement.UNVERIFIABLE:
            return _missing(bundle, decision)
        case Judgement.NO_BASELINE:
            return told("{} writes {}; commit it, and later runs are held against this level.", _ACCEPT, file)
        case Judgement.REGRESSED | Judgement.CHANGED:
            return _mend(bundle, found)
        case Judgement.IMPROVED:
            return told("To hold the new level from now on: {} writes it to {}.", _ACCEPT, file)
        case Judgement.INCONCLUSIVE if decision is not None:
            return _settle(bundle, decision)
        case _ if verdict.gate is not GateResult.PASSED:
            again = code("ml-experiment reproduce --no-cache")
            return told("Run {}, or ask for less under {} in {}.", again, code("gate"), _FILE)
        case _:
            return ()


def _unstable(bundle: Bundle, decision: Decision | None) -> Line:
    which = metric(decision.metric) if decision else line("the metric")
    loosen = told("or, if that much is meant to vary, give {} a {} in {}.", which, code("tolerance"), _FILE)
    if bundle.candidate.configuration.seeding.determinism != "strict":
        return told("Set {} in {} and run again; {}", code("determinism: strict"), _FILE, loosen)
    where = "Look in {} for what is not seeded, or depends on time, threads or the order of files; {}"
    return told(where, _script(bundle), loosen)


def _failure(bundle: Bundle, run: RunSummary) -> Line:
    here = _script(bundle)
    match run.outcome.status:
        case Status.OUT_OF_MEMORY:
            return told("Allow more under {} in {}, or make {} need less.", code("resources.memory"), _FILE, here)
        case Status.TIMEOUT:
            return told("Allow more under {} in {}, or make {} end sooner.", code("resources.timeout"), _FILE, here)
        case Status.CANCELLED:
            return told("Run {} again; what finished is taken from the cache.", _AGAIN)
        case Status.INVALID:
            return told("Mend what {} leaves behind, so that it can be read.", here)
        case _:
            return told("Mend {}; what it printed last is above." if run.log_tail.strip() else "Mend {}.", here)


def _missing(bundle: Bundle, decision: Decision | None) -> Line:
    here = _script(bundle)
    if decision is None or not decision.gated:
        return told("Name a metric to judge by under {} in {}.", code("metrics"), _FILE)
    missing = metric(decision.metric)
    if decision.candidate.not_finite:
        return told("Find in {} why {} is not finite.", here, missing)
    if decision.candidate.n and not decision.baseline.n:
        file = code(bundle.policy.baseline_file)
        return told("Store a baseline that has {}: {} writes {}.", missing, _ACCEPT, file)
    correct = "Print or write {} in {}, or correct its name under {} in {}."
    return told(correct, missing, here, code("metrics"), _FILE)


def _mend(bundle: Bundle, found: Differences | None) -> Line:
    file = code(bundle.policy.baseline_file)
    accept = told("; or, if this is the intended new level, {} writes it to {}.", _ACCEPT, file)
    factors = {change.factor for change in found.changes} if found is not None else set()
    if found is not None and factors & {*_OWN}:
        others = [str(factor) for factor in Factor if factor in factors - {*_OWN}]
        also = f" (or in {' and '.join(others)}, which changed too)" if others else ""
        return line(told("Undo or mend the change in {}", _names(found, *_OWN)), also, accept)
    if found is not None and Factor.ENVIRONMENT in factors:
        source = code(bundle.candidate.configuration.environment.source)
        return line(told("Set {} back in {}", _names(found, Factor.ENVIRONMENT), source), accept)
    if found is not None and Factor.DATA in factors:
        return line(told("Bring back {}", _names(found, Factor.DATA)), accept)
    if factors:
        elsewhere = "Run it where the baseline was made, or store a baseline of this machine: {} writes {}."
        return told(elsewhere, _ACCEPT, file)
    unseen = "Nothing recorded explains it: look in {} for what it reads unseen, such as the network or the clock{}"
    return told(unseen, _script(bundle), accept)


def _names(found: Differences, *factors: Factor) -> Line:
    names = dict.fromkeys(change.name for change in found.changes if change.factor in factors)
    return listed([_short(name) for name in names], most=_MOST_NAMED)


def _settle(bundle: Bundle, decision: Decision) -> Line:
    which = metric(decision.metric)
    if decision.seeds_to_settle is not None:
        seeds = line(count(decision.seeds_to_settle, "seed"))
        wider = told(", or bear a wider {} for {}", code("margin"), which) if decision.seeds_to_settle > 20 else ()
        return told("List {} under {} in {} and run {} again{}.", seeds, code("seeds"), _FILE, _AGAIN, wider)
    if decision.margin_kind is not MarginKind.DECLARED:
        return told("Say what you would not mind losing: a {} for {} in {}.", code("margin"), which, _FILE)
    file = code(bundle.policy.baseline_file)
    return told("Store a baseline of more runs: {} writes {}.", _ACCEPT, file)


def _short(text: str) -> Line:
    return line(code(shortened(text, 80)))


def _script(bundle: Bundle) -> Line:
    return _short(script(bundle.policy.command))


def script(command: str) -> str:
    """The script a command runs: its first word that ends like one, else its first word."""
    words = command.split()
    return next((w for w in words if w.endswith((".py", ".sh", ".ipynb"))), words[0] if words else command)
