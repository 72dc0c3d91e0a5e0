"""Chapter 4 of document 004: one CNN block on MFCC, two in parallel, and two beside a transformer encoder.

`from_scratch_inputs` has the features and `from_scratch_networks` the models, which need Keras.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from common import splits
from common.later import Later
from common.seeds import derive
from common.study import Experiment, Inputs, Setting, Training

# Section 4.1: sample rate. Three seconds are 94 frames of 512 samples (count). The offset is departure 5.
SAMPLE_RATE = 16_000
DURATION_S = 3.0
OFFSET_S = 0.5

# Section 4.3.1: 128 coefficients at 94 frames. Section 4.5.2: 188 frames of mel spectrogram. The rest is departure 5.
BANDS = 128
FRAMES = {"n_fft": 1024, "win_length": 512, "window": "hamming", "sample_rate": SAMPLE_RATE, "n_mels": BANDS}
MFCC = {"feature": "mfcc", "n_mfcc": BANDS, "hop_length": 512, **FRAMES}
MEL_188 = {"feature": "log_mel", "ref": "max", "hop_length": 256, **FRAMES}
MEL_94 = {"feature": "log_mel", "ref": "max", "hop_length": 512, **FRAMES}

# Section 4.2.1 and 4.3.3: SNR range in dB, upper end excluded (departure 7); two noisy copies of each training clip.
SNR_DB = (15, 30)
NOISY_COPIES = 2


def split(clips: pd.DataFrame, setting: Setting) -> list[splits.Split]:
    """Section 4.3.3: 10 % test, a ninth of the rest validation, stratified; or speaker-disjoint folds.

    The run's seed is scikit-learn's `random_state`: with `split=document`, on the complete corpora, 42 gives the
    published supports of each class.
    """
    if setting.switches["split"] == "speaker":
        folds = splits.grouped_folds(clips.assign(label=clips["stratum"]), folds=6, seed=setting.seed)
    else:
        folds = [splits.stratified_split(clips["stratum"], test=0.1, validation=1 / 9, seed=setting.seed)]
    # With `attention=batch` a prediction depends on the other clips of its batch; in the manifest's order these would
    # be of the same corpus and speaker.
    return [fold.shuffled(seed=derive(setting.seed, "order of the sets")) for fold in folds]


from_inputs = partial(Later, f"{__name__}_inputs")
from_networks = partial(Later, f"{__name__}_networks")
"""Functions of these modules, by name."""

single_cnn, dual_cnn, parallel = (from_networks(name) for name in ("single_cnn", "dual_cnn", "parallel"))


def experiment(
    name: str,
    title: str,
    section: str,
    model: Later,
    inputs: Mapping[str, Any],
    training: Training,
    *,
    augmented: bool,
) -> Experiment:
    """Put one row of the document together."""
    frames = 1 + round(SAMPLE_RATE * DURATION_S) // int(inputs["hop_length"])
    copies = NOISY_COPIES if augmented else 0
    switches = ("labels", "normalise", *(("attention",) if model == parallel else ()), "split")
    return Experiment(
        id=name,
        title=title,
        section=section,
        build=partial(model, frames=frames),
        method=training,
        inputs=Inputs(
            prepare=partial(from_inputs("prepare"), inputs=inputs, noisy_copies=copies),
            of_file=partial(from_inputs("inputs_of"), inputs=inputs),
            settings={**inputs, "duration_s": DURATION_S, "offset_s": OFFSET_S, "noisy_copies": copies},
            copies=copies,
        ),
        switches=switches,
        demo={**DEMO, "epochs": DEMO_EPOCHS[training.retrain, augmented]},
    )


# Section 4.3.2 and 4.3.3: 100 epochs at 1e-2, then retrained for the number of epochs with the highest validation
# accuracy, as in keras-tuner's tutorial, whose words the document uses (departure 9).
RETRAINED = Training(epochs=100, batch_size=32, learning_rate=1e-2, monitor="val_accuracy", retrain=True)
# Sections 4.4.1 and 4.5.2: 1e-4, patience 10 with augmentation, 20 without.
PATIENT_10 = Training(epochs=100, batch_size=32, learning_rate=1e-4, patience=10)
PATIENT_20 = replace(PATIENT_10, patience=20)

# At demo size batches are small, because the moving averages of batch normalisation need some hundred steps.
DEMO = {"batch_size": 8, "learning_rate": 3e-3}
DEMO_EPOCHS = {(True, False): 12, (True, True): 5, (False, False): 6, (False, True): 2}
"""By whether it is retrained and whether it has noisy copies, with which an epoch has three times as many steps."""

ENCODED = "Two CNN blocks and a transformer encoder"

EXPERIMENTS = (
    experiment("single-cnn", "One CNN block, MFCC", "4.3.3", single_cnn, MFCC, RETRAINED, augmented=True),
    experiment(
        "single-cnn-clean", "One CNN block, MFCC, not augmented", "4.3", single_cnn, MFCC, RETRAINED, augmented=False
    ),
    experiment("dual-cnn", "Two CNN blocks in parallel, MFCC", "4.4.1", dual_cnn, MFCC, PATIENT_10, augmented=True),
    experiment("parallel-mfcc", f"{ENCODED}, MFCC", "4.5.2", parallel, MFCC, PATIENT_20, augmented=False),
    experiment(
        "parallel-mfcc-awgn", f"{ENCODED}, MFCC, noisy copies", "4.5.2", parallel, MFCC, PATIENT_10, augmented=True
    ),
    experiment("parallel-mel", f"{ENCODED}, mel spectrogram", "4.5.2", parallel, MEL_188, PATIENT_20, augmented=False),
    experiment(
        "parallel-mel-awgn",
        f"{ENCODED}, mel spectrogram, noisy copies",
        "4.5.2",
        parallel,
        MEL_188,
        PATIENT_10,
        augmented=True,
    ),
    experiment(
        "parallel-mel-94",
        f"{ENCODED}, mel spectrogram of 94 frames",
        "4.5",
        parallel,
        MEL_94,
        PATIENT_20,
        augmented=False,
    ),
)
