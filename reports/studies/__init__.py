"""What belongs to one document alone: the findings that need a program, and the sections that answer it.

Each document has a module or package of its name here, with a value `ABOUT`; one without has nothing of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the modules of the documents import these, and the audit imports the findings
    import numpy as np

    from common.published import Published
    from reports.audit.finding import Computed
    from reports.blocks import Section
    from reports.figures import Picture
    from reports.results import Group


@dataclass(frozen=True)
class About:
    """What a document has of its own.

    Attributes:
        findings: by the id of a `[[finding]]` in the document's file: whether it holds, and its numbers.
        answers: each returns a section with its pictures, or None where its records are missing.
        compared: returns the experiments that have their place in these sections, and none of their own.
        shown: whether a group of runs belongs in the tables and pictures that every document has; else it is only in
            these sections.
    """

    findings: "Mapping[str, Callable[[Published], Computed]]" = field(default_factory=dict)
    answers: "tuple[Callable[..., tuple[Section, list[Picture]] | None], ...]" = ()
    compared: "Callable[[Published], Iterable[str]]" = lambda published: ()
    shown: "Callable[[Group], bool]" = lambda group: True


def by_id(*functions: "Callable[[Published], Computed]") -> "dict[str, Callable[[Published], Computed]]":
    """Return functions by the id of the `[[finding]]` that they compute: `class_table` is that of `class-table`."""
    return {function.__name__.replace("_", "-"): function for function in functions}


@cache
def of(study: str) -> About:
    """Return what a document has of its own, found by its name."""
    name = f"{__name__}.{study}"
    found = find_spec(name)
    if found is None or found.origin is None:  # a folder that only has a cache of bytecode has no origin
        return About()
    about: About = import_module(name).ABOUT
    return about


@dataclass(frozen=True)
class Answers:
    """A document's answers.

    Attributes:
        sections: one for each question.
        pictures: that are shown in them.
        compared: experiments that have their place in these sections, and none of their own.
    """

    sections: "tuple[Section, ...]" = ()
    pictures: "tuple[Picture, ...]" = ()
    compared: frozenset[str] = frozenset()


def answers(
    published: "Published",
    groups: "Sequence[Group]",
    matrices: "Mapping[str, np.ndarray]",
) -> Answers:
    """Answer the questions that a document raises, as far as there are records to answer them from."""
    about = of(published.study)
    known = [one for answer in about.answers if (one := answer(published, groups, matrices)) is not None]
    return Answers(
        tuple(section for section, _ in known),
        tuple(picture for _, pictures in known for picture in pictures),
        frozenset(about.compared(published)),
    )
