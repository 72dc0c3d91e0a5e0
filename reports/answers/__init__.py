"""What a document leaves to be asked: sections whose tables, pictures and conclusions code derives.

A study's answers are computed from its records, its trials and its printed numbers; no number and no conclusion is
typed by hand, and each says what remains open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.published import Published
from common.trials import Trials
from reports.answers import emotify_done, emotify_features
from reports.collect import Group
from reports.content import Section
from reports.figures import Picture

STUDIES = {"emotify_features": (emotify_done.answer, emotify_features.answer)}
COMPARED = {"emotify_features": emotify_features.compared}


@dataclass(frozen=True)
class Answers:
    """A study's answers.

    Attributes:
        sections: one for each question.
        pictures: that are shown in them.
        compared: experiments that have their place in these sections, and none of their own.
    """

    sections: tuple[Section, ...] = ()
    pictures: tuple[Picture, ...] = ()
    compared: frozenset[str] = frozenset()


def answers(
    published: Published, groups: Sequence[Group], trials: Trials | None, matrices: Mapping[str, np.ndarray]
) -> Answers:
    """Answer what a document leaves to be asked, as far as there are records and trials to answer it from."""
    told = [answer(published, groups, trials, matrices) for answer in STUDIES.get(published.study, ())]
    known = [one for one in told if one is not None]
    return Answers(
        tuple(section for section, _ in known),
        tuple(picture for _, of in known for picture in of),
        frozenset(COMPARED[published.study](published)) if published.study in COMPARED else frozenset(),
    )
