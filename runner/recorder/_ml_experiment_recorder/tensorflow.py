"""TensorFlow: seed, and in strict runs deterministic ops."""

from __future__ import annotations

from typing import Any

from .seeds import Seeds


def imported(module: Any, seeds: Seeds) -> None:
    """For `tensorflow`."""
    if seeds.wanted:
        module.random.set_seed(seeds.own())
        seeds.applied("tensorflow")
    if seeds.strict and hasattr(module.config.experimental, "enable_op_determinism"):
        module.config.experimental.enable_op_determinism()
        seeds.applied("tensorflow.op_determinism")
    module.random.set_seed = seeds.watch("tensorflow.random.set_seed", module.random.set_seed)
