import keras
import tiny

from common.learners import keras3, memory
from common.runs import runner
from common.study import Setting

SETTING = Setting(tiny.PUBLISHED, 0)


def test_no_fold_leaves_a_graph_behind(graphs, corpus, tmp_path) -> None:
    before = graphs()
    runner.run(tiny.job(corpus, "retrained", "independent", runs=tmp_path, folds=2, overrides={"epochs": 1}))
    assert graphs() <= before


def test_releasing_memory_keeps_the_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with memory.released():
            pass
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_earlier_model_can_still_be_trained() -> None:
    given = tiny.noise(16)
    model = tiny.build(SETTING, 3)
    model.compile("adam", "categorical_crossentropy")
    model.fit(given.x, given.y, verbose=0)
    with memory.released():
        other = keras3.KerasLearner(lambda: tiny.build(SETTING, 3), tiny.STUDY.task, tiny.PATIENT)
        other.fit(given, None, epochs=1, stage="other")
    assert model.fit(given.x, given.y, verbose=0).history["loss"]
    assert model.predict(given.x, verbose=0).shape == (16, 3)
