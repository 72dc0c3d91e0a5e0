"""Every random choice is derived from the run's seed and from what is being chosen, never from what came before."""

import hashlib


def derive(seed: int, *purpose: object) -> int:
    """Return a seed in 0 .. 2**32 - 1 for one purpose, e.g. `derive(0, "fold", 3, "order", epoch)`.

    Equal arguments give equal seeds on every machine; purposes whose words differ give unrelated ones.
    """
    words = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "little")
