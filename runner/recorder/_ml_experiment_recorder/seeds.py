"""Seeds before the script's first line: a number per process, and a stream of fresh ones for unseeded generators."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any

from .guard import failed
from .lineage import Lineage
from .places import Places
from .settings import Settings

_MOST_CALLS = 1_000
_STDLIB = os.path.join(os.path.dirname(os.__file__), "")


class Seeds:
    """Derives every seed of this process from the run's seed and the process's lineage."""

    def __init__(self, settings: Settings, lineage: Lineage, places: Places) -> None:
        self._stream, self._seed, self._lineage, self._places = settings.stream, settings.seed, lineage, places
        self._fresh = itertools.count(1)
        self._calls: set[tuple[str, str, str]] = set()
        self.wanted = settings.determinism != "off"
        self.strict = settings.determinism == "strict"

    def own(self) -> int:
        """The seed of this process, below 2**32: the run's own in the first one."""
        return self._derive("", 32) if self._lineage.path else self._seed

    def fresh(self, bits: int) -> int:
        """As many random-looking bits, others at every call and in every process, the same in every run."""
        return self._derive(f"#{next(self._fresh)}", bits)

    def _derive(self, what: str, bits: int) -> int:
        import random

        return random.Random(f"{self._seed}:{self._lineage.path}{what}").getrandbits(bits)

    def applied(self, what: str) -> None:
        """Tell the runner that `what` was seeded or switched."""
        self._stream.write("seeded", what)

    def watch(self, name: str, native: Callable[..., Any], library_frames: int = 2) -> Callable[..., Any]:
        """`native`, but the call, its value and place are recorded when the user's code makes it.

        Libraries have one function that seeds everything, so a few of their frames may lie between.
        """

        @functools.wraps(native)
        def seed(*args: Any, **kwargs: Any) -> Any:
            try:
                given = args[0] if args else next(iter(kwargs.values()), None)
                if given is not None:
                    self._called(name, given, library_frames)
            except Exception as error:
                failed(self._stream, f"calls of {name}", error)
            return native(*args, **kwargs)

        seed.__module__, _, seed.__qualname__ = name.rpartition(".")  # pickled by reference, as the original is
        seed.__name__ = seed.__qualname__
        return seed

    def _called(self, name: str, given: Any, library_frames: int) -> None:
        place = self._places.near_user(sys._getframe(2), library_frames)
        if place is None or len(self._calls) >= _MOST_CALLS:
            return
        call = (name, repr(given)[:80], place)
        if call not in self._calls:
            self._calls.add(call)
            self._stream.write("seed", *call)

    def random_imported(self, module: Any) -> None:
        """Seed `random`, its unseeded generators, and again in each forked child, where Python seeds it anew."""
        native: Callable[..., None] = module.seed
        if self.wanted:
            self._replace_entropy(module.Random)
            native(self.own())
            os.register_at_fork(after_in_child=lambda: native(self.own()))
            self.applied("random")
        module.seed = self.watch("random.seed", native)

    def _replace_entropy(self, generator: Any) -> None:
        native = generator.seed

        @functools.wraps(native)
        def seed(self_: Any, a: Any = None, version: int = 2) -> None:
            # The standard library's own generators name temporary files; these stay unpredictable.
            if a is None and not _asked_by_stdlib(sys._getframe(1)):
                a = self.fresh(256)
            native(self_, a, version)

        generator.seed = seed


def _asked_by_stdlib(frame: Any) -> bool:
    while (
        frame is not None and frame.f_code.co_name in ("__init__", "seed") and "random.py" in frame.f_code.co_filename
    ):
        frame = frame.f_back
    name = "" if frame is None else frame.f_code.co_filename
    return name.startswith(_STDLIB) and "site-packages" not in name
