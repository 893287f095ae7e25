"""How many runs go side by side, and in which share of the machine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.environment import Gpu, HardwareRecord
from experiment.spec import Resources
from runner.runtime import Slot
from runner.schedule import NotEnough, slots, usable_processors

GIB = 1 << 30


def machine(cpus: int = 8, gpus: int = 0, memory: int = 64 * GIB) -> HardwareRecord:
    cards = tuple(Gpu(model="H200", memory_bytes=140 * GIB, driver="570") for _ in range(gpus))
    return HardwareRecord(cpu_model="EPYC", cpus=cpus, simd="avx2", memory_bytes=memory, gpus=cards)


def test_without_declared_processors_runs_go_one_after_another_on_all() -> None:
    assert slots(Resources(), machine(), range(8)) == (Slot(),)


def test_processors_are_shared_out() -> None:
    assert [slot.cpus for slot in slots(Resources(cpus=3), machine(), range(8))] == [(0, 1, 2), (3, 4, 5)]


def test_only_processors_we_may_use_are_given_away() -> None:
    assert [slot.cpus for slot in slots(Resources(cpus=1), machine(cpus=2), (4, 7))] == [(4,), (7,)]


def test_memory_bounds_how_many_fit() -> None:
    assert len(slots(Resources(cpus=1, memory=20 * GIB), machine(), range(8))) == 3


def test_every_run_has_gpus_of_its_own() -> None:
    shares = slots(Resources(cpus=1, gpus=2), machine(gpus=5), range(8))
    assert [slot.gpus for slot in shares] == [(0, 1), (2, 3)]


def test_runs_share_a_gpu_where_each_asks_for_a_part_of_one() -> None:
    assert [slot.gpus for slot in slots(Resources(cpus=1, gpus=0.5), machine(gpus=2), range(8))] == [
        (0,),
        (1,),
        (0,),
        (1,),
    ]
    assert [slot.gpus for slot in slots(Resources(cpus=1, gpus=0.4), machine(gpus=1), range(8))] == [(0,), (0,)]
    with pytest.raises(NotEnough, match=r"resources\.gpus: 0\.5 asked for, this machine has none"):
        slots(Resources(cpus=1, gpus=0.5), machine(), range(8))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"cpus": 9}, "resources.cpus: 9 asked for, this machine has 8"),
        ({"gpus": 2}, "resources.gpus: 2 asked for, this machine has H200"),
        ({"memory": 65 * GIB}, "resources.memory"),
    ],
)
def test_what_the_machine_does_not_have_is_refused(wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(NotEnough, match=said):
        slots(Resources(**wanted), machine(gpus=1), range(8))


@given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 8), st.integers(0, 8), st.integers(1, 64))
def test_shares_never_overlap_and_fit_the_machine(have: int, cpus: int, cards: int, gpus: int, gib: int) -> None:
    hardware = machine(have, cards)
    try:
        shares = slots(Resources(cpus=cpus, gpus=gpus, memory=gib * GIB), hardware, range(have))
    except NotEnough:
        assert cpus > have or gpus > cards or gib > 64
        return
    taken = [cpu for slot in shares for cpu in slot.cpus or ()]
    given_gpus = [gpu for slot in shares for gpu in slot.gpus or ()]
    assert len(shares) >= 1
    assert len(taken) == len(set(taken)) == len(shares) * cpus
    assert len(given_gpus) == len(set(given_gpus)) == len(shares) * gpus <= cards
    assert len(shares) * gib <= 64


def test_the_processors_of_this_process_are_known() -> None:
    assert usable_processors() == sorted(set(usable_processors()))
    assert usable_processors()
