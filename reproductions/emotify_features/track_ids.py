"""Which track of the listeners' table each song is taken for: the values of the switch `track_ids`.

The table numbers the tracks from 1 to 400. The songs lie in a folder per genre and are numbered from 1 to 100 there, so
a song's label depends on the order of the folders and on the order of the files within a folder:

- `corpus`, `alphabetical` and the other 22 orders of the genres, such as `rock-classical-electronic-pop`;
- `corpus-by-name` and `alphabetical-by-name`: each folder is listed by name (1, 10, 100, 11, ...);
- `permuted`: the labels are permuted among the songs. This is the control: whatever score is left does not come from
  the music.
"""

from collections.abc import Mapping

import numpy as np

from common.corpora import emotify
from common.seeds import derive

BY_NAME: Mapping[str, tuple[str, ...]] = {f"{name}-by-name": order for name, order in emotify.ORDERS.items()}
"""The two known orders of the genres, with folders listed by name."""

PERMUTED = "permuted"

OTHERS = tuple(value for value in (*emotify.ALL_ORDERS, *BY_NAME, PERMUTED) if value not in emotify.ORDERS)
"""The values that no protocol has."""


def tracks_of(track_ids: str, seed: int) -> dict[str, int]:
    """Return the track, 1..400, that each song `<genre>/<number>` is taken for.

    Args:
        track_ids: value of the switch.
        seed: of the permutation; the other values do not depend on it.
    """
    if track_ids == PERMUTED:
        return _permuted(seed)
    order = {**emotify.ALL_ORDERS, **BY_NAME}[track_ids]
    numbers = [str(number) for number in range(1, emotify.TRACKS_PER_GENRE + 1)]
    listed = sorted(numbers) if track_ids in BY_NAME else numbers
    return {
        f"{genre}/{number}": emotify.track_id(genre, place, order)
        for genre in order
        for place, number in enumerate(listed, start=1)
    }


def _permuted(seed: int) -> dict[str, int]:
    # The purpose is part of the seed: another wording would give other permutations than those of the shipped runs.
    drawn = np.random.default_rng(derive(seed, "dealt labels")).permutation(emotify.TRACKS)
    return {song: int(drawn[track - 1]) + 1 for song, track in tracks_of("corpus", seed).items()}
