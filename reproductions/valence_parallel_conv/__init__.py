"""Valence from speech with parallel convolutions (document 001, the report of Group 22).

How pleasant does a spoken clip sound? Four parallel convolutions with large kernels read a mel spectrogram and return
one number. The report trains twelve combinations of dropout, batch size and epochs with three seeds each, and names the
best (`combination-6`). Its corpus is a course's and not public; TAVA is the nearest public one.

    python -m reproductions.valence_parallel_conv                          the demo corpus, in two minutes
    python -m reproductions.valence_parallel_conv run combination-6 --data TAVA --seed 0 --seed 1 --seed 2
    python -m reproductions.valence_parallel_conv tune combination-6 --data TAVA     the grid and Hyperband (`searches`)
    python -m reproductions.valence_parallel_conv predict FILE             with the spread over seeds

Your own clips: a folder with a CSV of `path,valence[,speaker]`.

What to expect: results on TAVA are never comparable with the report's, whose scale is another (about 1 to 5; TAVA's is
-1 to 1). Compare the MAE with that of `mean-baseline`, which always answers the mean of the training clips.

Errors and unclear choices, each a switch:

1. `selection`: the report splits 80/20 into training and validation clips, chooses the combination by the validation
   MAE, and reports it too. What its test set is, it does not say. `published` tests on the validation clips;
   `corrected` chooses on other clips than it tests on.
2. `length`: six seconds are the 75th percentile of the report's durations, rounded up. TAVA's is 2.1 s: with
   `length=document` its clips are mostly padding; `percentile` takes that of the training clips.
3. `pool`: "2x2 max pooling layers" can leave a grid of 2 x 2 values per filter, or the maxima of windows of 2 x 2. The
   grid is the default: it is that of Tripathi et al. 2019, whom the report follows, and the windows need 9 GiB for one
   dense layer with Adam.

Departures and choices, where the report gives no details:

4. The two kernels between 12x16 and 30x40 are 18x24 and 24x32, as in Tripathi et al. 2019. The convolutions are valid,
   with a stride of 1 and ReLU.
5. The mel spectrogram is in decibels relative to the clip's maximum, down to -80 dB, divided by 80.
6. Dropout comes before each dense layer, then dense, normalisation, ReLU. The moving averages of the normalisation have
    a momentum of 0.9, PyTorch's default: with Keras' 0.99 they are still far off after the 360 steps that 20 epochs on
    TAVA have.
7. A file is normalised over the samples that are read, before silence (zeros) is added at its end.
8. Adam with a learning rate of 1e-3; the loss is the MAE, since the report calls it "validation loss". Training has no
   early stopping, and the weights of the last epoch are used.
9. `cnn-blstm`, tried first and given up (Yang & Hirschberg 2018), has convolutions of 32 and 64 filters (3 x 3, each
   with a 2 x 2 maximum) and two BLSTMs of 64 units; dropout, batch size and epochs are those of `combination-6`.
10. `corrected` trains on 64 %, chooses on 16 % and tests on the same 20 % as `published`; `independent` has 5 folds of
    speakers.
11. At demo size there are 20 filters per kernel and at most three epochs.
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from common import splits
from common.arrays import Arrays, FileInputs, Prepared
from common.corpora import tava
from common.later import Later
from common.study import Experiment, Fit, Inputs, Protocol, Setting, Study, Switch, Training, counted
from common.tasks import Regression
from reproductions.valence_parallel_conv.settings import DURATION_S, MEL, PERCENTILE

TASK = Regression(("valence",))

SWITCHES = (
    Switch(
        "selection",
        published="test",
        corrected="validation",
        acts_on="split",
        question="Are the clips by which a combination is chosen those of the reported score?",
        evidence="Experiments: an 80-20 split into training and validation; Results: the combination with the lowest "
        "validation loss, reported as its MAE. The test set of the MAE 0.516 is not described.",
    ),
    Switch(
        "length",
        published="document",
        corrected="percentile",
        acts_on="model",
        question="Are clips cut or padded to six seconds, or to the 75th percentile of the training clips?",
        evidence="Data loading: 5.74 seconds, rounded up to 6, is the percentile of the report's own corpus.",
        error=False,
    ),
    Switch(
        "pool",
        published="grid",
        corrected="grid",
        acts_on="model",
        question="Does a filter leave a grid of 2 x 2 values, or the maxima of windows of 2 x 2?",
        evidence="Architecture: 2x2 max pooling layers, inspired by Tripathi et al. 2019, who pool half of the map.",
        error=False,
        others=("window",),
    ),
    Switch(
        "split",
        published="random",
        corrected="speaker",
        acts_on="split",
        question="May a speaker be in both training and test set, or is the split speaker-disjoint?",
        evidence="Experiments: an 80-20 split; speakers are not mentioned.",
        error=False,
    ),
)
PUBLISHED = {switch.name: switch.published for switch in SWITCHES}
INDEPENDENT = {switch.name: switch.corrected for switch in SWITCHES}
PROTOCOLS = {
    "published": Protocol("published", PUBLISHED, "one random split, chosen and tested on the same clips, six seconds"),
    "corrected": Protocol("corrected", {**INDEPENDENT, "split": "random"}, "chosen on validation clips, own length"),
    "independent": Protocol("independent", INDEPENDENT, "as corrected, with speaker-disjoint folds"),
}


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Return the manifest with the valence of each clip; TAVA's is the mean of its raters."""
    return tava.rated(manifest)


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Experiments: 20 % are held out at random; or speaker-disjoint folds (departure 10)."""
    if setting.switches["split"] == "speaker":
        return splits.grouped_folds(clips, folds=5, seed=setting.seed)
    fold = splits.random_split(len(clips), test=0.2, validation=0.2, seed=setting.seed)
    if setting.switches["selection"] == "validation":
        return [fold]
    return [splits.Split(np.sort(np.concatenate([fold.train, fold.validation])), fold.test, fold.test)]


def nothing_of(clips: pd.DataFrame, fold: splits.Split, targets: np.ndarray, setting: Setting) -> Prepared:
    """Return inputs of zeros (clips, 1): the baseline looks at nothing but the training values."""
    x, nothing = np.zeros((len(clips), 1), np.float32), np.array([], int)
    train, validation, test = (Arrays(x[rows], targets[rows]) for rows in fold.sets().values())
    return Prepared(train, validation, test, nothing, nothing)


def mean_baseline(setting: Setting, outputs: int) -> Any:
    """Return what always answers the mean of the training clips."""
    from sklearn.dummy import DummyRegressor  # here and not above: it is slow to import

    return DummyRegressor(strategy="mean")


from_inputs = partial(Later, f"{__name__}.inputs")
from_network = partial(Later, f"{__name__}.network")
"""Functions of these modules, by name."""

INPUTS = Inputs(
    from_inputs("prepare"), from_inputs("of_file"), {**MEL, "duration_s": DURATION_S, "percentile": PERCENTILE}
)
NO_INPUTS = Inputs(nothing_of, lambda path, setting, front_end: FileInputs(np.zeros((1, 1), np.float32)))


def training(batch_size: int, epochs: int) -> Training:
    """Return the training of a row of Table 1 (departure 8)."""
    return Training(epochs, batch_size, learning_rate=1e-3, monitor="val_mae", loss="mean_absolute_error")


# Table 1: the combinations in their order, the epochs varying fastest.
TABLE_1 = tuple((dropout, batch, epochs) for dropout in (0.3, 0.5, 0.7) for batch in (16, 32) for epochs in (10, 20))
BEST = (0.5, 16, 20)


def combination(number: int, dropout: float, batch_size: int, epochs: int) -> Experiment:
    """Return a row of Table 1."""
    return Experiment(
        id=f"combination-{number}",
        title=f"Four parallel convolutions, dropout {dropout}, batch {batch_size}, {epochs} epochs",
        section="Results",
        build=partial(from_network("parallel_conv"), dropout=dropout),
        method=training(batch_size, epochs),
        inputs=INPUTS,
        switches=tuple(switch.name for switch in SWITCHES),
        demo={"epochs": 1 if epochs == 10 else 2},
        adjustable=("dropout",),
    )


EXPERIMENTS = (
    *(combination(number, *settings) for number, settings in enumerate(TABLE_1, start=1)),
    Experiment(
        "cnn-blstm",
        "Two convolutions and two bidirectional LSTM layers",
        "Architecture design",
        from_network("cnn_blstm"),
        training(*BEST[1:]),
        INPUTS,
        ("selection", "length", "split"),
        demo={"epochs": 3},
        adjustable=("dropout",),
    ),
    Experiment(
        "mean-baseline", "The mean of the training clips", "Results", mean_baseline, Fit(), NO_INPUTS,
        ("selection", "split"),
    ),
)  # fmt: skip

STUDY = Study(
    name="valence_parallel_conv",
    title="Valence from speech with parallel convolutions, report of Group 22",
    task=TASK,
    corpora=(tava.TAVA.name,),
    switches=SWITCHES,
    protocols=PROTOCOLS,
    experiments=EXPERIMENTS,
    label=label,
    split=split,
    examples=Later(f"{__name__}.examples", "examples"),
    diagrams={"combination-6": "Figure 1 (architecture)"},
    parameters=counted(__file__),
)
