import numpy as np

from common.learners.keras3 import KerasLearner
from common.study import Setting, Training
from reproductions.ser_parallel import CLASSES, PUBLISHED, STUDY


def test_a_saved_parallel_model_gives_the_same_predictions(tmp_path) -> None:
    setting = Setting(PUBLISHED, seed=0)
    training = Training(epochs=1, batch_size=4, learning_rate=1e-3)
    build = STUDY.experiment("parallel-mfcc").build
    learner = KerasLearner(lambda: build(setting, len(CLASSES)), STUDY.task, training, seed=1)
    clips = np.random.default_rng(0).normal(size=(6, 128, 94, 1)).astype(np.float32)
    expected = learner.predict(clips)
    learner.save(tmp_path / "model.keras")
    loaded = KerasLearner.load(tmp_path / "model.keras", STUDY.task, training)
    np.testing.assert_array_equal(loaded.predict(clips), expected)
    assert loaded.summary()["total"] == learner.summary()["total"]
