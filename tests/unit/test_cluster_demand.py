"""What a run asks of a cluster's nodes."""

import pytest

from experiment.spec import Resources
from runner.sweep.cluster.demand import Demand, Node, check, demand
from runner.sweep.cluster.refusals import NoNodeOffers

SMALL, LARGE = Node("a (10.0.0.1)", 4, 0, 8 * 2**30), Node("b (10.0.0.2)", 16, 2, 64 * 2**30)


def test_without_declared_processors_a_run_gets_all_of_the_smallest_node_that_has_the_rest() -> None:
    assert demand(Resources(), [SMALL, LARGE]) == Demand(4, 0, 0)
    assert demand(Resources(gpus=1), [SMALL, LARGE]) == Demand(16, 1, 0)
    assert demand(Resources(cpus=2, gpus=1), [SMALL, LARGE]) == Demand(2, 1, 0)


def test_shares_of_a_gpu_make_room_for_several() -> None:
    assert Demand(1, 0.5, 0).side_by_side(LARGE) == 4
    assert Demand(1, 0.1, 0).side_by_side(LARGE) == 16
    assert Demand(1, 1, 0).side_by_side(SMALL) == 0
    assert Demand(1, 0, 3 * 2**30).side_by_side(SMALL) == 2


def test_more_than_any_node_has_is_refused_with_what_there_is() -> None:
    check(Demand(16, 2, 2**30), [SMALL, LARGE], "x:1")
    with pytest.raises(NoNodeOffers) as refused:
        check(Demand(17, 0, 2**30), [SMALL, LARGE], "x:1")
    assert "a run asks for 17 CPUs, 1 GiB, and no node of x:1 has that" in str(refused.value)
    assert "a (10.0.0.1): 4 CPUs, 8 GiB" in str(refused.value)
    with pytest.raises(NoNodeOffers, match="found: no node"):
        check(Demand(1, 0, 0), [], "x:1")
