"""What was really done? Trials of other labels and folds than those of the protocols.

    python -m reproductions.emotify_features evidence --data EMOTIFY --weights MOBILENET

The text says how the folds were made and nothing of the numbering; the printed matrices contradict both. So every way
is tried in which labels can have come to songs, and what it gives is kept as a confusion matrix, to be held against the
printed ones by `python -m reports`:

1. every order of the four genres in which the songs can have been numbered, folders listed by number;
2. the corpus' and the alphabetical order with the folders listed by name (1, 10, 100, 11, ...);
3. labels dealt out among the songs by chance: what is left when no song keeps its own, the control;
4. both numberings with whole songs and with single pieces in the folds, under other features and classifiers.

A trial is a run's five folds without its record; with the labels of a protocol it gives that run's matrix. Some minutes
on a core once the features are there; what is finished is kept, and the same command goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from common import cache, environment, trials
from common.cli import commands
from common.corpora import Scan, emotify
from common.errors import InputError
from common.learners import sklearn_learner
from common.progress import progress
from common.runs import identity
from common.seeds import derive
from common.study import Setting
from common.tasks.classification import group_confusions
from common.trials import Trial, Trials
from reproductions.emotify_features import CLASSES, PUBLISHED, STUDY, label_as, split

PRINTED = "handcrafted-bagged-trees"
"""The experiment whose matrix has most pieces right: it tells hypotheses apart best."""

OTHERS = (
    "handcrafted-bagged-trees-sqrt",
    "handcrafted-cubic-svm",
    "handcrafted-fine-knn",
    "mfcc-cubic-svm",
    "mfcc-fine-knn",
    "mobilenet-cubic-svm",
    "mobilenet-fine-knn",
)
"""Other features and classifiers, under the four ways."""

SAME = ("digest", "forms")
"""What an earlier call's trials must have been made from, to be gone on with."""

VERSIONS = ("scikit-learn", "numpy", "librosa")
"""Of what decides a trial."""

NO_WEIGHTS = "none"

KEEP_EVERY = 10
"""Trials after which the file is written again."""

SEEDS = range(2)
ORDER_SEEDS = range(4)
CONTROL_SEEDS = range(6)
BY_NAME = "listed by name"
CHANCE = "dealt by chance"


@dataclass(frozen=True)
class Hypothesis:
    """What can have been done: how labels came to songs (`trials.Trial.labels`), and what was kept together."""

    experiment: str
    labels: str
    folds: str
    seed: int


def hypotheses(pretrained: bool) -> list[Hypothesis]:
    """Return all that is tried; `pretrained` says whether what needs a network's weights is."""
    orders = [" ".join(order) for order in permutations(emotify.ORDERS["corpus"])]
    known = [" ".join(order) for order in emotify.ORDERS.values()]
    tried = [name for name in OTHERS if pretrained or not STUDY.experiment(name).pretrained]
    ways = [
        *product([PRINTED], orders, ["piece"], ORDER_SEEDS),
        *product([PRINTED], known, ["song"], SEEDS),
        *product([PRINTED], [f"{order}, {BY_NAME}" for order in known], ["piece"], SEEDS),
        *product([PRINTED], [CHANCE], ["piece", "song"], CONTROL_SEEDS),
        *product(tried, known, ["piece", "song"], SEEDS),
    ]
    return [Hypothesis(*way) for way in ways]


def track_of(labels: str, seed: int) -> Callable[[str, int], int]:
    """Return the function from genre and number of a song to the track whose listeners it is given."""
    if labels == CHANCE:
        dealt = np.random.default_rng(derive(seed, "dealt labels")).permutation(emotify.TRACKS)
        return lambda genre, number: int(dealt[emotify.track_id(genre, number) - 1]) + 1
    words, _, listing = labels.partition(", ")
    order = words.split()
    numbers = [str(number) for number in range(1, emotify.TRACKS_PER_GENRE + 1)]
    places = sorted(numbers) if listing == BY_NAME else numbers
    return lambda genre, number: emotify.TRACKS_PER_GENRE * order.index(genre) + places.index(str(number)) + 1


def trial(hypothesis: Hypothesis, scanned: Scan, weights: str) -> Trial:
    """Fit and test the five folds as a run would, with labels and folds as the hypothesis says."""
    experiment = STUDY.experiment(hypothesis.experiment)
    setting = Setting({**PUBLISHED, "folds": hypothesis.folds}, hypothesis.seed, weights=weights)
    clips = label_as(scanned.manifest, setting, track_of(hypothesis.labels, hypothesis.seed))
    targets = STUDY.task.targets(clips)
    truth = targets.argmax(axis=1)
    guessed = np.empty_like(truth)
    for number, fold in enumerate(split(clips, setting)):
        prepared = experiment.inputs.prepare(clips, fold, targets, setting)
        learner = sklearn_learner.SklearnLearner(
            experiment.build(setting, len(CLASSES)), STUDY.task, seed=derive(setting.seed, "fold", number)
        )
        learner.fit(prepared.train, stage=hypothesis.experiment)
        guessed[fold.test] = learner.predict(prepared.test.x).argmax(axis=1)
    confusion = group_confusions(truth, guessed, len(CLASSES))[0]
    return Trial(hypothesis.experiment, hypothesis.labels, hypothesis.folds, hypothesis.seed, confusion)


def evidence(
    data: Annotated[Path, typer.Option("--data", help="Folder of Emotify.")],
    runs: Annotated[Path, typer.Option("--runs", help="Folder of all runs.")] = Path("runs"),
    weights: Annotated[str | None, typer.Option(help="Of MobileNet: imagenet or a path. Default: without it.")] = None,
) -> None:
    """Try other labels and folds than those of the protocols, for the reports to hold against the printed matrices."""
    if weights == NO_WEIGHTS:
        raise InputError("random weights show nothing of a trained network; leave --weights out to try without it")
    place = runs / STUDY.name / trials.NAME
    found = try_all(commands.scan_clips(STUDY, [data]), weights, place)
    print(f"{place}: {len(found.all)} trials; python -m reports --runs {runs} holds them against the printed matrices")


def try_all(scanned: Scan, weights: str | None, place: Path) -> Trials:
    """Make every trial that `place` does not hold yet, and keep all there.

    Args:
        scanned: the corpus.
        weights: of MobileNet; None leaves its trials out.
        place: the file of trials.

    Raises:
        InputError: this is not Emotify, or `place` holds trials of other songs, weights or versions.
    """
    wanted = hypotheses(pretrained=weights is not None)
    done, made = _kept(place, _made_with(scanned, weights))
    left = [one for one in wanted if one not in done]
    with progress("trials", len(wanted), done=len(wanted) - len(left)) as advance:
        for number, one in enumerate(left, start=1):
            done[one] = trial(one, scanned, weights or NO_WEIGHTS)
            if number % KEEP_EVERY == 0 or number == len(left):
                trials.write(place, _in_order(done, made))
            advance()
    return _in_order(done, made)


def _in_order(done: dict[Hypothesis, Trial], made: dict[str, Any]) -> Trials:
    return Trials(STUDY.name, CLASSES, made, tuple(done[one] for one in hypotheses(pretrained=True) if one in done))


def _made_with(scanned: Scan, weights: str | None) -> dict[str, Any]:
    """Return what the trials are made with: the songs, the weights, the versions."""
    if not (scanned.manifest["corpus"] == "emotify").any():
        raise InputError("there are no songs of Emotify; name its folder with --data")
    paths = sorted(scanned.manifest["path"])
    return {
        "digest": cache.key(cache.file_digests(paths)),
        "forms": {found.corpus: found.form for found in scanned.found},
        "weights": identity.weights_in_words(weights or NO_WEIGHTS),
        "environment": environment.describe(),
    }


def _kept(place: Path, made: dict[str, Any]) -> tuple[dict[Hypothesis, Trial], dict[str, Any]]:
    """Return the trials that earlier calls finished, and what these and the new ones are made with."""
    if not place.is_file():
        return {}, made
    kept = trials.read(place)
    before, now = ({name: str(of["environment"].get(name)) for name in VERSIONS} for of in (kept.made, made))
    used = {kept.made["weights"], made["weights"]} - {NO_WEIGHTS}
    other = ["other songs"] * any(kept.made[name] != made[name] for name in SAME)
    other += ["other weights"] * (len(used) > 1)
    other += [f"{name} {before[name]}, not {now[name]}" for name in VERSIONS if before[name] != now[name]]
    if other:
        raise InputError(f"{place} holds trials of {', '.join(other)}; move it away, or name other --runs")
    done = {Hypothesis(one.experiment, one.labels, one.folds, one.seed): one for one in kept.all}
    return done, {**made, "weights": next(iter(used), NO_WEIGHTS)}
