"""A tiny document of each task, on the tones of `tiny`: which class, which tags, what value.

Each has a network that augments, lowers its learning rate and stops early, one that trains again, a scikit-learn
estimator, and an ensemble of two. The file is imported by the tests and by the processes that they start and kill.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tiny
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from common.runs import jobs
from common.study import Ensemble, Experiment, Fit, Inputs, Plateau, Setting, Study, Training
from common.tasks import Classification, Regression, Tagging, Task

TASKS: Mapping[str, Task] = {
    "classification": Classification(tiny.CLASSES),
    "tagging": Tagging(("high", "low", "middle", "early")),
    "regression": Regression(("valence",)),
}
ACTIVATION = {"classification": "softmax", "tagging": "sigmoid", "regression": "linear"}
FORESTS = (
    *(f"sklearn.ensemble._forest.RandomForest{kind}" for kind in ("Classifier", "Regressor")),
    "sklearn.tree._classes.DecisionTreeRegressor",
)
MONITOR = {"classification": "val_accuracy", "tagging": "val_lwlrap", "regression": "val_mae"}


def label(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """Relabel as `tiny` does; an early take has a second tag, and valence rises with pitch and takes."""
    clips = tiny.label(manifest, setting)
    takes = clips["name"].str.rpartition("-")[2].astype(int)
    pitch = clips["label"].map(list(tiny.PITCH_HZ).index).astype(float)
    return clips.assign(valence=pitch + takes / 8, takes=takes)


def tagged(manifest: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    clips = label(manifest, setting)
    return clips.assign(label=clips["label"] + np.where(clips["takes"] < 4, ",early", ""))


def shaken(x: Any, y: Any, random: Any, setting: Any = None) -> tuple[Any, Any]:
    """Add a little noise."""
    return x + 0.1 * keras.random.normal(keras.ops.shape(x), seed=random), y


def study(kind: str) -> Study:
    """Return the document of a task."""

    def build(setting: Setting, outputs: int, *, units: int = 8) -> keras.Model:
        bands = keras.Input((65,))
        hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(units, "relu")(bands))
        return keras.Model(bands, keras.layers.Dense(outputs, ACTIVATION[kind])(hidden))

    def forest(setting: Setting, outputs: int) -> Any:
        return (RandomForestRegressor if kind == "regression" else RandomForestClassifier)(5, max_depth=3)

    inputs = Inputs(tiny.prepare, tiny.inputs_of, {"sample_rate": 8000, "duration_s": 0.016, "features": 65})
    switches = ("labels", "split")
    training = Training(
        epochs=4,
        batch_size=8,
        learning_rate=0.01,
        monitor=MONITOR[kind],
        patience=2,
        amsgrad=True,
        plateau=Plateau(0.5, 1),
        drop_remainder=True,
    )
    again = Training(epochs=2, batch_size=8, learning_rate=0.01, retrain=True)
    shaking = replace(inputs, augment=shaken)
    return Study(
        name=f"tiny_{kind}",
        title=f"A tiny document of {kind}",
        task=TASKS[kind],
        corpora=("savee",),
        switches=tuple(switch for switch in tiny.SWITCHES if switch.name in switches),
        protocols={
            name: replace(one, switches={key: one.switches[key] for key in switches})
            for name, one in tiny.PROTOCOLS.items()
        },
        experiments=(
            Experiment("network", "Network", "1", build, training, shaking, switches, adjustable=("units",)),
            Experiment("again", "Network, trained again", "1", build, again, inputs, switches),
            Experiment("forest", "Forest", "1", forest, Fit(FORESTS), inputs, switches),
            Experiment("both", "Both", "1", build, Ensemble({"again": 2.0, "forest": 1.0}), inputs, switches),
        ),
        label=tagged if kind == "tagging" else label,
        split=tiny.split,
        examples=tiny.examples,
        diagrams={"network": "Figure 1"},
    )


def printed(kind: str) -> str:
    """Return the published numbers of a task's document, made up."""
    metric = study(kind).task.HEADLINE
    how = {"accuracy": "proportion", "lwlrap": "score", "mae": "error"}[metric]
    names = ("network", "again", "forest", "both")
    results = f"""
[metric.{metric}]
kind = "{how}"
decimals = 2
resolution = 0.05

[[results]]
id = "all"
section = "1"
table = "1"
split = "test"
columns = ["{metric}"]
n = {{ {metric} = 20 }}
rows = {{ network = [0.5], again = [0.5], forest = [0.5], both = [0.5] }}
"""
    classes = TASKS[kind].outputs if kind != "regression" else ()
    return tiny.published(f"tiny_{kind}", names, results, classes=classes, top=f'headline = "{metric}"')


def job(kind: str, corpus: Path, *of: str, **options: Any) -> jobs.Job:
    """Return a run of one of the experiments of a task on the clips in `corpus`."""
    return tiny.jobs_of(study(kind))(corpus, *of, **options)
