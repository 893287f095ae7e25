"""A worker of the cluster as the driver sees it: made by Ray somewhere, given its work, made anew where it was lost."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner.sweep.cluster import hand
from runner.sweep.cluster.connect import other_versions
from runner.sweep.cluster.demand import Demand
from runner.sweep.cluster.refusals import ClusterLost, NodeFailed, NodeRefused
from runner.sweep.crew import WorkerLost

_LOOK_S = 0.1
_CLOSE_S = 4.0
_STOP_S = 30.0  # for a container to end, and for what it left to be read
_REFUSED = 2


class Luggage(Protocol):
    """What a worker's office is made with."""

    @property
    def opener(self) -> str:
        """`module:function` that makes the office, on the node."""

    @property
    def assignment(self) -> Any:
        """What that is given: bytes, or a reference to them."""

    def parts(self, parcel: int) -> Sequence[tuple[Any, bool]]:
        """The parts of a parcel of content (or references to them), each with whether it is the last."""


@dataclass(frozen=True)
class Asking:
    """What all workers of a cluster share."""

    luggage: Luggage
    demand: Demand
    say: Callable[[str], None]
    waited: Callable[[], None]  # told, now and then, by a worker that waits for room
    lost: Callable[[], bool] = lambda: False  # whether the whole cluster is gone


class Worker:
    """One worker; used by one thread at a time, but for `close`."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._actor: Any = None
        self._errands = 0
        self.name = ""
        self.opened: Any = None

    def ready(self, closing: threading.Event) -> bool:
        """Have Ray make it, and open its office; False where `closing` was set first.

        A worker that is lost meanwhile is asked for again. Raises OtherVersions, NodeRefused, NodeFailed, ClusterLost.
        """
        while not closing.is_set():
            try:
                if self._actor is None:
                    self._actor = self._asked_for()
                if self.opened is not None or self._open(closing):
                    return True
            except WorkerLost as lost:
                self._asking.say(f"{lost}; another worker is asked for")
                closing.wait(1.0)
        self.close()  # what was only half begun is begun anew
        return False

    def _asked_for(self) -> Any:
        import ray
        from ray import cloudpickle

        cloudpickle.register_pickle_by_value(hand)  # type: ignore[no-untyped-call]
        asked = self._asking.demand
        actor = ray.remote(hand.Hand)
        options = {
            "num_cpus": asked.cpus,
            "num_gpus": asked.gpus,
            "max_concurrency": 8,
            "scheduling_strategy": "SPREAD",
        }
        return actor.options(**options, **({"memory": asked.memory} if asked.memory else {})).remote()

    def _open(self, closing: threading.Event) -> bool:
        luggage = self._asking.luggage
        there = self._wait(self._actor.about.remote(), closing, self._asking.waited)
        if there is None:
            return False
        self.name = f"node {there['host']}"
        here = hand.about()
        if any(there[name] != here[name] for name in ("Python", "Ray", "ml-experiment")):
            raise other_versions(self.name, there, here)
        missing = self._told(self._wait(self._actor.missing.remote(luggage.opener, luggage.assignment), closing))
        if missing is None:
            return False
        for parcel in missing:
            for part, last in luggage.parts(parcel):
                self._told(self._wait(self._actor.fill.remote(parcel, part, last), closing))
        self.opened = self._told(self._wait(self._actor.open.remote(), closing, self._listen))
        return self.opened is not None

    def _listen(self) -> None:
        import ray

        with self._speaking():
            lines = ray.get(self._actor.said.remote())
        for line in lines:
            self._asking.say(f"{self.name}: {line.strip()}")

    def _wait(self, ref: Any, closing: threading.Event, meanwhile: Callable[[], None] = lambda: None) -> Any:
        """What comes of a call; None where `closing` was set first."""
        import ray

        asked = time.monotonic()
        while not closing.is_set():
            self._check_cluster()
            with self._speaking():
                if ray.wait([ref], timeout=_LOOK_S)[0]:
                    return ray.get(ref)
            if time.monotonic() - asked > 1.0:
                asked = time.monotonic()
                meanwhile()
        return None

    def work(self, errand: bytes, hear: Callable[[Any], None], ended: threading.Event) -> Any:
        """Have it make one run; what `make` of its office gives. `hear` gets what comes meanwhile.

        Raises WorkerLost, NodeRefused, NodeFailed.
        """
        import ray

        self._errands += 1
        number, until = self._errands, math.inf
        with self._speaking():
            ref = self._actor.work.remote(number, errand)
            while True:
                self._check_cluster()
                if ended.is_set() and until == math.inf:
                    until = time.monotonic() + _STOP_S
                    self._actor.stop.remote(number)
                if time.monotonic() > until:
                    self._give_up()
                if not ray.wait([ref], timeout=_LOOK_S)[0]:
                    continue
                for kind, value in ray.get(ref):
                    if kind != "heard":
                        return self._told(("ok" if kind == "made" else kind, value))
                    hear(value)
                ref = self._actor.work.remote(number, None)

    def _give_up(self) -> None:
        name = self.name
        self.close()
        raise WorkerLost(f"{name}: the worker did not end its run within {_STOP_S:g} s")

    def fetch(self, ref: Any) -> bytes:
        """The content of a reference that came with a result. Raises WorkerLost."""
        import ray

        with self._speaking():
            found: bytes = ray.get(ref)
            return found

    def close(self) -> None:
        """End it, and what it runs; its guardian cleans up what it cannot itself any more."""
        import ray

        if self._actor is None:
            return
        try:
            ray.wait([self._actor.close.remote()], timeout=_CLOSE_S)
            if not self._asking.lost():  # else there is nobody whom Ray could tell
                ray.kill(self._actor)
        except Exception:  # lost, with its node or with the whole cluster: that is its end too
            return
        finally:
            self._actor = self.opened = None

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        """What Ray says went wrong, in our words."""
        from ray import exceptions

        try:
            yield
        except exceptions.RayTaskError as error:
            raise NodeFailed(f"{self.name or 'a node'}: {str(error)[-1000:]}") from None
        except exceptions.RayError as error:
            actor, self._actor, self.opened = self._actor, None, None
            raise WorkerLost(_lost(self.name, error, actor)) from None
        except ConnectionError as error:
            raise _cluster_lost(f"the connection to it broke: {' '.join(str(error).split())[:300]}") from None

    def _check_cluster(self) -> None:
        if self._asking.lost():
            raise _cluster_lost("its head does not answer any more")

    def _told(self, answer: Any) -> Any:
        if answer is None:
            return None
        kind, value = answer
        if kind == "ok":
            return value
        name, code, text = value
        if code == _REFUSED:
            raise NodeRefused(f"{self.name}: {text}")
        if code is not None:
            raise NodeFailed(f"{self.name}: {text}")
        raise NodeFailed(f"{self.name}: {name} in ml-experiment itself:\n{text}\n  all before is kept")


def _cluster_lost(why: str) -> ClusterLost:
    return ClusterLost(
        f"the Ray cluster was lost: {why}\n"
        "  all trials before are kept; run the same command again when it is back: it goes on from there"
    )


def _lost(name: str, error: Exception, actor: Any) -> str:
    import ray

    with contextlib.suppress(Exception):  # where it still runs somewhere, cut off from us, it has to end
        ray.kill(actor)
    text = " ".join(str(error).split())
    node = "node" in type(error).__name__.lower() or ("node" in text and ("died" in text or "dead" in text))
    return f"{name or 'a worker'}: {'the node' if node else 'the worker'} was lost ({type(error).__name__})"
