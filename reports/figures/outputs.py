"""Scores of each output of a tagging or a regression, as bars with their 95 % intervals."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from common.published import Published
from reports.figures.sheet import (
    BLACK,
    WIDTH,
    Picture,
    about,
    in_parts,
    left_of,
    look,
    name_of,
    name_rows,
    sheet,
    styled,
)
from reports.results import Group, whole_protocols
from reports.wording import in_words, title_of

SCORE = {"tagging": "lwlrap", "regression": "mae"}
"""The score of each output that is drawn."""
ROWS = 40
"""Outputs in one picture."""
PITCH = 0.24
"""Inches of a bar and its gap."""


def pictures(published: Published, groups: Sequence[Group]) -> Iterator[Picture]:
    """List the scores of each output, group by group, the best first; a single output has those of the whole."""
    for group in whole_protocols(groups):
        score = SCORE.get(group.kind, "") if len(group.outputs) > 1 else ""
        for number, part in in_parts(outputs_of(group, score), ROWS):
            yield Picture(
                name=name_of("per-tag" if group.kind == "tagging" else "per-output", group, groups) + number,
                title=f"{title_of(score)} of each output of {published.experiment(group.experiment).short}, protocol "
                f"{group.protocol}: bars with 95 % intervals",
                experiment=group.experiment,
                protocol=group.protocol,
                demo=group.demo,
                draw=partial(outputs_figure, published, group, score, part),
            )


def outputs_of(group: Group, score: str) -> list[str]:
    """Return the outputs whose score every seed has, from the largest score to the smallest."""
    known = {name: result.value for name in group.outputs if (result := group.result(score, name))}
    return sorted(known, key=lambda name: -known[name])


@styled
def outputs_figure(published: Published, group: Group, score: str, outputs: Sequence[str]) -> Figure:
    """Draw a bar for each output, with the interval of the score and the clips behind it."""
    results = [result for name in outputs if (result := group.result(score, name))]
    labels = [f"{name.replace('_', ' ')}, n {result.n:,}" for name, result in zip(outputs, results, strict=True)]
    lines = [*about(group, published), "Lines: 95 % intervals"]
    title = f"{published.experiment(group.experiment).short}: {in_words(score)} of each output"
    page = sheet(PITCH * len(outputs) + 0.45, title, lines, demo=group.demo)
    left = left_of(labels)
    axes = page.axes(left, 0, WIDTH - left - 0.25, PITCH * len(outputs))
    middles = PITCH * (np.arange(len(outputs)) + 0.5)
    colour, _ = look(group)
    axes.barh(middles, [result.value for result in results], height=0.75 * PITCH, color=colour, alpha=0.6)
    for middle, result in zip(middles, results, strict=True):
        axes.plot(result.interval, (middle, middle), color=BLACK, linewidth=1.2, solid_capstyle="butt")
    name_rows(axes, middles, labels, PITCH * len(outputs))
    axes.set_xlabel(in_words(score))
    return page.figure
