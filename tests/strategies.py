"""Hypothesis strategies for every value of the project, made from the types of its fields."""

import math
import struct
import types
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from hypothesis import strategies as st
from pydantic import AllowInfNan, BaseModel, PlainSerializer, StringConstraints
from pydantic.fields import FieldInfo

from experiment.claim import Claim
from experiment.search import Bound, Range, Sweep
from experiment.spec import BaselineSpec, EnvironmentSpec, Experiment, Metric
from experiment.value import double_bits

DOUBLES = st.one_of(
    st.integers(0, 2**64 - 1).map(lambda bits: float(struct.unpack(">d", bits.to_bytes(8))[0])),
    st.floats(),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.inf, -math.inf]),
)
"""Every double is possible: all bit patterns of NaN, infinities, signed zeros, subnormals."""

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def values(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Values of a model: every field drawn from its type, in a way that its validators accept."""
    special = SPECIAL.get(model)
    return special() if special else _drawn(model)


def _drawn(model: type[BaseModel], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = {
        field.alias or name: given[name] if name in given else _of_field(field)
        for name, field in model.model_fields.items()
    }
    needed = {f.alias or n for n, f in model.model_fields.items() if f.is_required()} | given.keys()
    required = {n: s for n, s in fields.items() if n in needed}
    optional = {n: s for n, s in fields.items() if n not in needed}
    return st.fixed_dictionaries(required, optional=optional).map(lambda made: model(**made))


def _of_field(field: FieldInfo) -> st.SearchStrategy[Any]:
    annotation: Any = field.annotation
    for note in reversed(field.metadata):
        annotation = Annotated[annotation, note]
    return of_type(annotation)


def of_type(annotation: Any, notes: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of a type as pydantic understands it; `notes` are the constraints that stand around it."""
    if annotation is float and any(isinstance(note, PlainSerializer) for note in notes):
        return DOUBLES  # what makes experiment.value.Double one
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return of_type(arguments[0], (*arguments[1:], *notes))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([of_type(argument) for argument in arguments])
    if origin is tuple:
        if arguments[-1] is not Ellipsis:
            return st.tuples(*[of_type(argument) for argument in arguments])
        return st.lists(of_type(arguments[0]), min_size=_least(notes), max_size=4).map(tuple)
    if origin is dict:
        keys, inner = (of_type(argument) for argument in arguments)
        return st.dictionaries(keys, inner, min_size=_least(notes), max_size=4)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return st.deferred(lambda: values(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return _scalar(annotation, _flat(notes))


def _least(notes: tuple[Any, ...]) -> int:
    return max([note.min_length for note in _flat(notes) if isinstance(note, MinLen)], default=0)


def _flat(notes: tuple[Any, ...]) -> list[Any]:
    """Constraints as annotated_types, whatever pydantic wrapped them in."""
    return [inner for note in notes for inner in (note.metadata if isinstance(note, FieldInfo) else [note])]


def _number(bound: Any) -> float:
    assert isinstance(bound, (int, float))
    return bound


def _scalar(kind: type, notes: list[Any]) -> st.SearchStrategy[Any]:
    low: Any = max(
        [_number(n.ge if isinstance(n, Ge) else n.gt) for n in notes if isinstance(n, (Ge, Gt))], default=None
    )
    high: Any = min(
        [_number(n.le if isinstance(n, Le) else n.lt) for n in notes if isinstance(n, (Le, Lt))], default=None
    )
    if kind is types.NoneType:
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is int:
        above = low + 1 if any(isinstance(n, Gt) for n in notes) else low
        return st.integers(above, high)
    if kind is float:
        finite = any(isinstance(n, AllowInfNan) and not n.allow_inf_nan for n in notes)
        below, above = (any(isinstance(n, open_end) for n in notes) for open_end in (Gt, Lt))
        return st.floats(low, high, exclude_min=below, exclude_max=above, allow_nan=False, allow_infinity=not finite)
    assert kind is str, kind
    constraints = next((n for n in notes if isinstance(n, StringConstraints)), None)
    if constraints and constraints.pattern:
        return st.from_regex(constraints.pattern, fullmatch=True).filter(lambda text: not text.endswith("\n"))
    shortest = max(
        [constraints.min_length or 0 if constraints else 0, *(n.min_length for n in notes if isinstance(n, MinLen))]
    )
    return st.text(min_size=shortest, max_size=20)


def _environments() -> st.SearchStrategy[EnvironmentSpec]:
    paths = st.fixed_dictionaries(
        {}, optional={key: st.text(min_size=1, max_size=10) for key in ("image", "dockerfile", "lock")}
    ).filter(bool)

    def choose(given: dict[str, str]) -> st.SearchStrategy[EnvironmentSpec]:
        prefer = st.sampled_from(sorted(given)) if len(given) > 1 else st.sampled_from([None, *given])
        return st.builds(
            EnvironmentSpec,
            **{k: st.just(v) for k, v in given.items()},
            prefer=prefer,
            variables=of_type(tuple[str, ...]),
        )

    return paths.flatmap(choose)


def _ranges() -> st.SearchStrategy[Range]:
    def bounds(kind: str, ends: st.SearchStrategy[Any]) -> st.SearchStrategy[Range]:
        pairs = st.tuples(ends, ends).map(sorted).map(tuple)
        plain = pairs.map(lambda pair: Range.model_validate({kind: pair}))
        positive = pairs.filter(lambda pair: pair[0] > 0)
        stepped = st.tuples(st.integers(-50, 50), st.integers(0, 20), st.integers(1, 9)).map(
            lambda made: Range.model_validate({kind: (made[0], made[0] + made[1] * made[2]), "step": made[2]})
        )
        return plain | stepped | positive.map(lambda pair: Range.model_validate({kind: pair, "log": True}))

    scalars = of_type(bool | int | str) | FINITE
    choices = st.lists(scalars, min_size=1, max_size=4, unique=True).map(lambda made: Range(choice=tuple(made)))
    return bounds("float", FINITE) | bounds("int", st.integers(-(2**53), 2**53)) | choices


def _sweeps() -> st.SearchStrategy[Sweep]:
    names = st.from_regex(r"of_[a-z0-9]{1,4}", fullmatch=True)  # no parameter of an experiment here is called so
    return _drawn(
        Sweep,
        space=st.dictionaries(names, _ranges(), min_size=1, max_size=3),
        sampler=st.sampled_from(["tpe", "nsga2"]),
        pruner=st.just("none"),
        start=st.sampled_from(["sampler", "baseline"]),
        register_=st.none(),  # it has to go with the artifacts; tried by itself
    )


def _bounds() -> st.SearchStrategy[Bound]:
    pairs = st.tuples(FINITE, FINITE).map(sorted)
    return pairs.map(lambda pair: Bound(min=pair[0], max=pair[1])) | FINITE.map(lambda high: Bound(max=high))


def _metrics() -> st.SearchStrategy[Metric]:
    patterns = st.sampled_from([None, r"loss = (?P<value>[-+.0-9eE]+)", r"(?P<step>\d+): (?P<value>.*)"])
    return _drawn(Metric, pattern=patterns)


def _experiments() -> st.SearchStrategy[Experiment]:
    names = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True).filter(lambda name: name != "seed")
    params = st.dictionaries(names, of_type(bool | int | str) | FINITE, max_size=4)
    seeds = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5, unique=True).map(tuple)

    def with_command(made: dict[str, Any]) -> st.SearchStrategy[Experiment]:
        words = st.sampled_from(
            ["train.py", "'quoted'", "{{literal}}", "${HOME}", "{seed}", *(f"{{{p}}}" for p in made)]
        )
        commands = st.lists(words, min_size=1, max_size=5).map(" ".join)
        return _drawn(Experiment, params=st.just(made), command=commands, seeds=seeds, evaluate=st.none())

    return params.flatmap(with_command)


def _claims() -> st.SearchStrategy[Claim]:
    rows = st.lists(st.tuples(st.integers(0, 2**32 - 1), DOUBLES, st.text(max_size=8)), min_size=1, max_size=5,
                    unique_by=lambda row: row[0])  # fmt: skip

    def of(made: list[tuple[int, float, str]]) -> st.SearchStrategy[Claim]:
        seeds, values, results = (st.just(tuple(column)) for column in zip(*made, strict=True))
        return _drawn(Claim, seeds=seeds, values=values, results=results)

    return rows.flatmap(of)


SPECIAL: dict[type[BaseModel], Callable[[], st.SearchStrategy[Any]]] = {
    EnvironmentSpec: _environments,
    BaselineSpec: lambda: _drawn(BaselineSpec, mlflow=st.none()) | st.just(BaselineSpec(mlflow="models:/m@baseline")),
    Range: _ranges,
    Metric: _metrics,
    Sweep: _sweeps,
    Bound: _bounds,
    Claim: _claims,
    Experiment: _experiments,
}


def bits(value: Any) -> Any:
    """A value in a form that is equal exactly when all of it is, types and the bits of doubles included."""
    if isinstance(value, BaseModel):
        return type(value).__name__, {name: bits(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return [(key, bits(inner)) for key, inner in value.items()]  # their order is part of the value
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [bits(inner) for inner in value]
    return type(value).__name__, double_bits(value) if isinstance(value, float) else value
