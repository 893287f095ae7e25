"""NumPy: the global generator, and the entropy that unseeded ones ask for."""

from __future__ import annotations

import sys
from typing import Any

from .seeds import Seeds


def random_imported(module: Any, seeds: Seeds) -> None:
    """For `numpy.random`."""
    if seeds.wanted:
        # default_rng(), RandomState() and SeedSequence() without a seed all draw from this module global.
        source = sys.modules.get("numpy.random.bit_generator") or sys.modules.get("numpy.random._bit_generator")
        if source is not None and hasattr(source, "randbits"):
            source.randbits = seeds.fresh  # type: ignore[attr-defined]
            seeds.applied("numpy.unseeded_generators")
        module.seed(seeds.own())
        seeds.applied("numpy")
    module.seed = seeds.watch("numpy.random.seed", module.seed)
    if hasattr(module, "default_rng"):
        module.default_rng = seeds.watch("numpy.random.default_rng", module.default_rng, 0)
