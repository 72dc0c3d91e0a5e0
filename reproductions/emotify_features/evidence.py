"""How were the songs labelled and divided? Runs under other values of `track_ids` and `folds` than the protocols have.

    python -m reproductions.emotify_features evidence --data EMOTIFY --weights MOBILENET

The document says how the folds were made and nothing about the numbering, and its confusion matrices contradict both.
So this command makes the runs of `BATCHES`, and `python -m reports` compares their matrices with the published ones.

They are ordinary runs: `run --set track_ids=... --set folds=...` makes one of them. A finished run is not repeated, so
an interrupted command resumes. With features in the cache, all of them take some minutes on one core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common.cli import preparing
from common.corpora import Scan, emotify
from common.errors import InputError
from common.progress import progress
from common.study import Protocol
from common.terminal import say
from reproductions.emotify_features import STUDY
from reproductions.emotify_features.track_ids import BY_NAME, PERMUTED

if TYPE_CHECKING:
    from common.runs.jobs import Job

PUBLISHED = "handcrafted-bagged-trees"
"""The published experiment with the higher accuracy: its matrix distinguishes best between ways of labelling."""

KNOWN = tuple(emotify.ORDERS)
FOLDS = ("piece", "song")


@dataclass(frozen=True)
class Batch:
    """Runs of each experiment under each combination of switch values, with seeds 0, 1, ...

    Attributes:
        why: what they are made for.
        experiments: ids.
        track_ids: values of the switch.
        folds: values of the switch.
        seeds: how many.
    """

    why: str
    experiments: Sequence[str]
    track_ids: Sequence[str]
    folds: Sequence[str]
    seeds: int


BATCHES = (
    Batch(
        "In which order were the genres numbered? The published matrix is compared with ours under each order.",
        (PUBLISHED,),
        tuple(emotify.ALL_ORDERS),
        ("piece",),
        seeds=4,
    ),
    Batch(
        "Can folds of whole songs give the published accuracy under one of the two known orders?",
        (PUBLISHED,),
        KNOWN,
        ("song",),
        seeds=2,
    ),
    Batch(
        "Were the files of a folder listed by name? Programs often list them like that.",
        (PUBLISHED,),
        tuple(BY_NAME),
        ("piece",),
        seeds=2,
    ),
    Batch(
        "The control: how much accuracy is left if labels have nothing to do with the music? Each seed is another "
        "permutation, so there are more of them.",
        (PUBLISHED,),
        (PERMUTED,),
        FOLDS,
        seeds=6,
    ),
    Batch(
        "Do other features and classifiers lead to the same conclusions? The document does not list its features.",
        (
            "handcrafted-bagged-trees-sqrt",
            "handcrafted-cubic-svm",
            "handcrafted-fine-knn",
            "mfcc-cubic-svm",
            "mfcc-fine-knn",
            "mobilenet-cubic-svm",
            "mobilenet-fine-knn",
        ),
        KNOWN,
        FOLDS,
        seeds=2,
    ),
)


def protocol_of(track_ids: str, folds: str) -> Protocol:
    """Return the protocol with these values: a named one if it has them, else `published` with changes."""
    changed = STUDY.protocol("published", {"track_ids": track_ids, "folds": folds})
    # So that `corrected` is not run a second time as `published+folds=song+track_ids=corpus`.
    return next((named for named in STUDY.protocols.values() if named.switches == changed.switches), changed)


def jobs_of(batches: Sequence[Batch], scanned: Scan, runs: Path, weights: str | None) -> "list[Job]":
    """Return the runs of batches.

    Args:
        batches: what to run.
        scanned: the corpus.
        runs: folder of all runs.
        weights: of MobileNet; None leaves out what needs them.
    """
    from common.runs import jobs  # here and not above: help and lists need no Keras

    found = []
    for batch in batches:
        for name, track_ids, folds, seed in product(
            batch.experiments, batch.track_ids, batch.folds, range(batch.seeds)
        ):
            experiment = STUDY.experiment(name)
            if weights or not experiment.pretrained:
                options = jobs.Options(runs, seed, weights=(experiment.pretrained and weights) or "none")
                found.append(jobs.Job(STUDY, experiment, protocol_of(track_ids, folds), scanned, options))
    return found


def evidence(
    data: Annotated[Path, typer.Option("--data", help="Folder of Emotify.")],
    runs: Annotated[Path, typer.Option("--runs", help="Folder of all runs.")] = Path("runs"),
    weights: Annotated[str | None, typer.Option(help="Of MobileNet: imagenet or a path. Default: without it.")] = None,
) -> None:
    """Run other ways of labelling and dividing the songs, to be compared with the published matrices."""
    if weights == "none":
        raise InputError("runs with random weights say nothing about a pretrained network; leave --weights out")
    preparing.start_backend()
    from common.runs import identity, runner

    if weights:
        identity.weights_in_words(weights)  # an absent file is an error now, not when its turn comes
    scanned = preparing.scan_clips(STUDY, STUDY.experiments, [data])
    if not (scanned.manifest["corpus"] == "emotify").any():
        raise InputError("there are no songs of Emotify; name its folder with --data")
    wanted = jobs_of(BATCHES, scanned, runs, weights)
    with progress("runs", len(wanted)) as advance:
        for job in wanted:
            runner.run(job)
            advance()
    say(f"{len(wanted)} runs in {runs}; python -m reports --runs {runs} compares them with the published matrices")
