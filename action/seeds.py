"""Which seeds are asked for: `0,1,2`, `0-9`, or both mixed; the same form on the command line and as an input."""

import re

MOST_SEEDS = 1000


class WrongSeeds(ValueError):
    """The text does not name seeds; says what would be right."""


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds in the order they are named. Raises WrongSeeds."""
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,10})(?:-([0-9]{1,10}))?\s*", part)
        if found is None:
            raise WrongSeeds(f"{part.strip()!r} is not a seed; write 0,1,2 or 0-9")
        first, last = int(found[1]), int(found[2] or found[1])
        seeds += range(first, min(last, first + MOST_SEEDS) + 1)
    if not seeds or len(set(seeds)) != len(seeds) or max(seeds) >= 2**32 or len(seeds) > MOST_SEEDS:
        raise WrongSeeds(f"give 1 to {MOST_SEEDS} different seeds below 2³²")
    return tuple(seeds)
