import gc

import keras
import pytest
import small_search

from tuning import grid, memory


def graphs() -> int:
    """Count the graphs that TensorFlow holds for training steps."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has graphs")
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    # By type: an instance check would follow weak proxies, and some of those lead nowhere any more.
    return sum(issubclass(type(thing), FuncGraph) for thing in gc.get_objects())


def test_no_trial_leaves_a_graph_behind(tmp_path) -> None:
    before = graphs()
    grid.search(small_search.search_in(tmp_path, space={"units": (2, 4, 8)}))
    assert graphs() <= before


def test_letting_go_keeps_the_precision() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with memory.released():
            pass
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_model_from_before_can_still_be_trained(tmp_path) -> None:
    clips = small_search.clips(0)
    model = small_search.build({})
    model.compile("adam", "categorical_crossentropy")
    model.fit(clips.x, clips.y, verbose=0)
    grid.search(small_search.search_in(tmp_path, space={"units": (2,)}))
    assert model.fit(clips.x, clips.y, verbose=0).history["loss"]
    assert model.predict(clips.x, verbose=0).shape == (16, 3)
