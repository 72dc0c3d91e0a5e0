"""Seeds for every random choice, derived from the run's seed and the purpose and never from earlier choices.

So a resumed run, or one fold alone, draws the same random numbers as a complete run.
"""

import hashlib


def derive(seed: int, *purpose: object) -> int:
    """Return a seed in 0 .. 2**32 - 1 for one purpose, e.g. `derive(0, "fold", 3, "order", epoch)`.

    Equal arguments give equal seeds on every machine; different purposes give independent seeds.
    """
    # SHA-256 and not hash(), which differs from process to process for strings.
    words = "/".join(str(part) for part in (seed, *purpose))
    # 32 bits, because NumPy's and Keras' global seeds take no more.
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "little")
