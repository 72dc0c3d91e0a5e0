"""The two histograms of the slides "Data analysis": lengths of the tracks, and tags of the training set.

They are drawn from counts of the corpus' own split files, which `reports/published/mtg_jamendo_tags.csv` holds: neither
audio nor a run is needed.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from common.published import Published
from common.splits import SETS
from reports.blocks import Section, Shown, Words
from reports.figures import Picture
from reports.figures.sheet import BLUE, GREEN, GREY, ORANGE, RED, SMALL, WIDTH, left_of, name_rows, sheet, styled
from reports.results import Group
from reports.studies.music_mood_wavenet.findings import tags

LENGTHS, TAGS = "lengths", "tags"
BIN_S, LAST_S = 30, 600
"""Tracks of ten minutes and more are in the last bin."""
NUMBERS = {"1": ("1 tag", GREEN), "2 to 3": ("2 or 3 tags", ORANGE), "4 to 8": ("more than 3 tags", RED)}
"""How many tags a track has, with the slides' colours: green, yellow, red."""
SET_COLOURS = dict(zip(SETS, (BLUE, ORANGE, GREY), strict=True))
ROW = 0.17


def answer(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]]:
    """Return the section with both histograms."""
    tracks = {part: sum(tags("tags of a track", part).values()) for part in SETS}
    labels = sum(int(number) * count for number, count in tags("tags of a track", "train").items())
    words = (
        f"Split-0 of MTG-Jamendo has {tracks['train']:,} training, {tracks['validation']:,} validation and "
        f"{tracks['test']:,} test tracks, and {len(tags('tag', 'train'))} tags; the training tracks have {labels:,} "
        "tags in all. The counts are from the corpus' own files."
    )
    titles = {LENGTHS: "Lengths of the tracks of split-0", TAGS: "Tags of the training tracks of split-0"}
    draw = {LENGTHS: _lengths, TAGS: _tags}
    pictures = [Picture(name, titles[name], None, None, False, partial(draw[name], titles[name])) for name in titles]
    shown = (Shown(picture.name, picture.title) for picture in pictures)
    title = "How long are the tracks, and which tags do they have?"
    return Section("data-analysis", title, (Words(words), *shown), apart=True), pictures


@styled
def _lengths(title: str) -> Figure:
    counted = {part: tags("seconds", part) for part in SETS}
    starts = np.arange(0, LAST_S + BIN_S, BIN_S)
    keys = [
        Patch(color=colour, label=f"{part} ({sum(counted[part].values()):,})") for part, colour in SET_COLOURS.items()
    ]
    page = sheet(
        2.6, title, ["Counted: the files of the split; the last bar is ten minutes and more"], demo=False, keys=keys
    )
    axes, below = page.axes(0.75, 0, WIDTH - 0.95, 2.1), np.zeros(len(starts))
    for part, colour in SET_COLOURS.items():
        counts = np.array([counted[part].get(str(start), 0) for start in starts])
        axes.bar(
            starts / 60, counts, BIN_S / 60, bottom=below, align="edge", color=colour, edgecolor="white", linewidth=0.5
        )
        below = below + counts
    axes.set_xticks(range(0, LAST_S // 60 + 1))
    axes.set_xlabel("minutes")
    axes.set_ylabel("tracks")
    return page.figure


@styled
def _tags(title: str) -> Figure:
    counted = {number: tags(f"tag among {number}", "train") for number in NUMBERS}
    totals = tags("tag", "train")
    names = sorted(totals, key=lambda name: -totals[name])
    keys = [Patch(color=colour, label=f"of a track with {words}") for words, colour in NUMBERS.values()]
    height = ROW * len(names)
    page = sheet(height + 0.45, title, ["Counted: the file of the split"], demo=False, keys=keys)
    left = left_of(names)
    axes = page.axes(left, 0, WIDTH - left - 0.4, height)
    places, before = ROW * (np.arange(len(names)) + 0.5), np.zeros(len(names))
    for number, (_, colour) in NUMBERS.items():
        counts = np.array([counted[number].get(name, 0) for name in names])
        axes.barh(places, counts, 0.75 * ROW, left=before, color=colour)
        before = before + counts
    for place, total in zip(places, before, strict=True):
        axes.text(total + 6, place, f"{total:.0f}", va="center", fontsize=SMALL - 1)
    name_rows(axes, places, names, height)
    axes.set_xlabel("training tracks")
    return page.figure
