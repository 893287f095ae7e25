"""PyTorch: seed, and in strict runs deterministic algorithms where there are any."""

from __future__ import annotations

import sys
from typing import Any

from .seeds import Seeds
from .stream import Stream


def imported(module: Any, seeds: Seeds) -> None:
    """For `torch`."""
    if seeds.wanted:
        module.manual_seed(seeds.own())
        seeds.applied("torch")
    if seeds.strict:
        module.use_deterministic_algorithms(True, warn_only=True)
        seeds.applied("torch.deterministic_algorithms")
        module.backends.cudnn.deterministic = True
        module.backends.cudnn.benchmark = False
        seeds.applied("torch.cudnn.deterministic")
    module.manual_seed = module.random.manual_seed = seeds.watch("torch.manual_seed", module.manual_seed)


def tell_gpu_memory(stream: Stream) -> None:
    """Peak bytes PyTorch has reserved on all GPUs so far, if it uses any."""
    torch: Any = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_initialized():
        stream.write("gpu", sum(int(cuda.max_memory_reserved(i)) for i in range(cuda.device_count())))
