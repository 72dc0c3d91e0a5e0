"""Imports every module of `common` and trains; run where an import of TensorFlow fails, with KERAS_BACKEND=jax."""

import importlib
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "common"))

import numpy as np  # noqa: E402
import tiny  # noqa: E402
import tiny_tasks  # noqa: E402

from common import environment  # noqa: E402
from common.learners import keras3  # noqa: E402
from common.study import Setting, Training  # noqa: E402

for module in sorted((ROOT / "common").rglob("*.py")):
    if "__" not in module.stem:
        importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts))

assert environment.describe()["backend"] == "jax"


def trained(folder: Path, *epochs: int) -> np.ndarray:
    for upto in epochs:
        learner = keras3.KerasLearner(
            lambda: tiny.build(Setting(tiny.PUBLISHED, 0), 3),
            tiny.STUDY.task,
            Training(3, 8, 0.01, patience=2),
            seed=1,
            augment=tiny_tasks.shaken,
            folder=folder,
        )
        assert len(learner.fit(tiny.noise(seed=0), tiny.noise(seed=1), epochs=upto, stage="a")) == upto
    return learner.predict(tiny.noise(seed=2).x)


with tempfile.TemporaryDirectory() as folder:
    unbroken, resumed = trained(Path(folder) / "whole", 3), trained(Path(folder) / "parts", 1, 2, 3)
np.testing.assert_array_equal(unbroken, resumed)
