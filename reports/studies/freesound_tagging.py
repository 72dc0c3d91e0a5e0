"""Audio tagging of Freesound clips (document 003): what an epoch costs, and whether augmented clips are overfitted."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from common.intervals import mean_interval
from common.published import Published
from reports.blocks import Block, Cell, Column, Number, Section, Shown, Table, Words
from reports.columns import notes_on, origin, ours, printed_number, sides_of
from reports.figures import Picture
from reports.figures.curves import curves_figure
from reports.results import Group
from reports.studies import About

SECONDS = "seconds_per_epoch"
UNIT = "dcnn"
"""The experiment whose epoch the others' are compared with, since machines differ."""
PLAIN, AUGMENTED = "mcnn", "mcnn-aug"


def plain_groups(groups: Sequence[Group]) -> dict[str, Group]:
    """Return the groups of the protocol `published` on recordings, by experiment."""
    return {group.experiment: group for group in groups if group.protocol == "published" and not group.demo}


def costs(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the seconds of an epoch of each experiment, also as a multiple of DCNN's."""
    known = plain_groups(groups)
    if UNIT not in known:
        return None
    names = [one.id for one in published.experiments if SECONDS in published.numbers(one.id)]
    columns = (
        Column("Experiment"),
        *(Column("Seconds per epoch", side, "number") for side in ("published", "ours")),
        *(Column("Times DCNN", side, "number") for side in ("published", "ours")),
    )
    own = sides_of([known[name] for name in names if name in known])
    notes = (*notes_on(published, own), "Our machine is another one than the document's.")
    rows = tuple((published.experiment(name).short, *_cost(published, known, name)) for name in names)
    text = (
        f"{slowest(rows)}Seconds depend on the machine, on what else it does, and on the number of clips; the "
        "multiple of one network's epoch less so. The document's augmented clips are mixed and filtered on the CPU "
        "while the network waits (its code)."
    )
    table = Table("costs", "Seconds of an epoch, and as a multiple of DCNN's", columns, rows, notes=notes)
    return Section("costs", "What does an epoch cost?", (Words(text), table), apart=True), []


def _cost(published: Published, known: Mapping[str, Group], name: str) -> list[Cell]:
    theirs = [printed_number(published, one, SECONDS) for one in (name, UNIT)]
    own = [ours(published, known[one], SECONDS) if one in known else None for one in (name, UNIT)]
    return [theirs[0], own[0], _multiple(theirs), _multiple(own)]


def slowest(rows: Sequence[Sequence[Cell]]) -> str:
    """Say which network's epoch takes longest, as published and ours, and where the two differ most, of those we ran.

    Args:
        rows: of the table of costs; the last two cells are the multiples of DCNN's epoch, as published and ours.
    """
    every = [(row[0], *row[-2:]) for row in rows]
    multiples = [(name, a, b) for name, a, b in every if isinstance(a, Number) and isinstance(b, Number)]
    if not multiples:
        return ""
    printed, own = (max(multiples, key=lambda row: (row[1], row[2])[side].value) for side in (0, 1))
    apart, theirs, ours_ = max(multiples, key=lambda row: abs(np.log(row[1].value / row[2].value)))
    return (
        f"Of those we ran, {printed[0]} has the slowest epoch as published ({printed[1].text} times DCNN's) and "
        f"{own[0]} in our runs ({own[2].text} times). The two differ most for {apart}: published {theirs.text} times, "
        f"ours {ours_.text}. "
    )


def _multiple(pair: Sequence[Number | None]) -> Number | None:
    one, of = pair
    return Number(f"{one.value / of.value:.1f}", one.value / of.value) if one and of and of.value else None


def overfitting(
    published: Published, groups: Sequence[Group], matrices: Mapping[str, np.ndarray]
) -> tuple[Section, list[Picture]] | None:
    """Return the learning curves of MCNN without and with augmentation, and how far they fall apart."""
    known = plain_groups(groups)
    if PLAIN not in known or AUGMENTED not in known:
        return None
    pair = {"without augmentation": known[PLAIN], "with augmentation": known[AUGMENTED]}
    pictures = [
        Picture(
            name=words.replace(" ", "-"),
            title=f"MCNN {words}: learning curves",
            experiment=None,
            protocol=None,
            demo=False,
            draw=partial(curves_figure, group, published),
        )
        for words, group in pair.items()
    ]
    said = "; ".join(f"{words} {_gap_in_words(group)}" for words, group in pair.items())
    text = (
        f"The slides say of augmentation: no overfitting. The gap between training and validation lwlrap in the last "
        f"epoch is {said}. Augmented clips are mixtures, which are harder than the validation clips, so the gap "
        "is smaller or negative by itself: what counts is the validation lwlrap."
    )
    notes = "; ".join(f"{words}: {origin(published, group.first, group.seeds)}" for words, group in pair.items())
    shown = [Shown(picture.name, picture.title) for picture in pictures]
    blocks: tuple[Block, ...] = (Words(text), *shown, Words(f"Ours {notes}."))
    return Section("overfitting", "Does augmentation prevent overfitting?", blocks), pictures


def _gap_in_words(group: Group) -> str:
    gaps = [_gap(run.history) for run in group.runs]
    low, high = mean_interval(gaps) if len(gaps) > 1 else (None, None)
    interval = f" [{low:+.3f}, {high:+.3f}]" if low is not None else ""
    seeds = f"{len(gaps)} seeds" if len(gaps) > 1 else "one seed"
    return f"{np.mean(gaps):+.3f}{interval} ({seeds})"


def _gap(history: pd.DataFrame) -> float:
    """Return by how much the training lwlrap is above the validation lwlrap in the last epoch."""
    last = history.iloc[-1]
    return float(last["lwlrap"] - last["val_lwlrap"])


ABOUT = About(answers=(costs, overfitting))
