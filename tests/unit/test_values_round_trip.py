"""Every value reads back from its JSON: equal in every field, type and bit."""

import inspect
import json
import pkgutil
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DOUBLES, bits, values

import experiment
import reporting.decision
from experiment import baseline, bundle, record
from experiment.baseline import Baseline
from experiment.bundle import Bundle
from experiment.record import RunRecord
from experiment.value import Double, Value, canonical, digest, double_bits


def all_values() -> list[type[Value]]:
    modules = [import_module(f"experiment.{module.name}") for module in pkgutil.iter_modules(experiment.__path__)]
    found = {
        member
        for module in [*modules, reporting.decision]
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Value) and member is not Value
    }
    return sorted(found, key=lambda model: model.__name__)


def test_all_values_are_found() -> None:
    names = {model.__name__ for model in all_values()}
    assert {"Experiment", "RunRecord", "EnvironmentRecord", "Snapshot", "Baseline", "Bundle", "Verdict"} <= names


@pytest.mark.parametrize("model", all_values(), ids=lambda model: model.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_a_value_reads_back_from_its_json(model: type[Value], data: st.DataObject) -> None:
    value = data.draw(values(model))
    text = value.to_json()
    assert bits(model.model_validate_json(text)) == bits(value)
    assert model.model_validate_json(text).to_json() == text


class Holder(Value):
    number: Double


@settings(max_examples=1000)
@given(DOUBLES)
def test_every_double_reads_back_to_the_bit(number: float) -> None:
    text = Holder(number=number).to_json()
    json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))
    assert double_bits(Holder.model_validate_json(text).number) == double_bits(number)


@pytest.mark.parametrize(
    "text", ['"nan"', '"NaN:"', '"NaN:7ff0000000000000"', '"NaN:zzz0000000000001"', '"1.5"', "true"]
)
def test_what_is_no_double_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="valid number"):
        Holder.model_validate_json(f'{{"number": {text}}}')


@settings(max_examples=50)
@given(values(Baseline))
def test_a_baseline_reads_back_from_its_file(value: Baseline) -> None:
    text = baseline.dumps(value)
    read = baseline.loads(text.encode(), name="b.json", experiment=value.snapshot.experiment)
    assert bits(read) == bits(value)
    assert baseline.dumps(read) == text


@settings(max_examples=50)
@given(values(Bundle))
def test_a_bundle_reads_back_from_its_bytes(value: Bundle) -> None:
    data = bundle.dumps(value)
    assert bits(bundle.loads(data, name="b.zip")) == bits(value)
    assert bundle.dumps(value) == data


@settings(max_examples=20)
@given(value=values(RunRecord))
def test_a_record_reads_back_from_its_folder(value: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    record.write(value, folder)
    assert bits(record.read(folder)) == bits(value)


class Named(Value):
    files: dict[str, str]


def test_a_file_name_that_is_not_unicode_is_written_with_replacement_characters() -> None:
    text = Named(files={"caf\udce9.npz": "0"}).to_json()
    assert Named.model_validate_json(text.encode()).files == {"caf\ufffd\ufffd\ufffd.npz": "0"}


def test_file_names_that_are_not_unicode_keep_different_digests() -> None:
    assert digest({"caf\udce9.npz": 0}) != digest({"caf\udcea.npz": 0})


def test_equal_data_have_one_canonical_form() -> None:
    assert canonical({"b": [1, 2.5], "a": "ü"}) == '{"a":"ü","b":[1,2.5]}'.encode()
