"""Layers of models and what each takes, and illustrations of a study."""

from dataclasses import replace
from pathlib import Path

import keras
import tiny
from keras import layers, ops

from common.cli import describe
from common.corpora import scan
from common.learners import summaries


def taken(model: keras.Model) -> dict[str, list[str]]:
    return {layer["name"]: layer["inputs"] for layer in summaries.connected(model)}


def test_branches_and_operations_say_what_they_take() -> None:
    inputs = keras.Input((6, 4), name="in")
    left = layers.Dense(3, name="left")(inputs)
    right = layers.Dense(3, name="right")(ops.transpose(inputs, (0, 2, 1)))
    joined = layers.Concatenate(axis=1, name="joined")([left, right])
    found = taken(keras.Model(inputs, layers.MultiHeadAttention(1, 2, name="mixed")(joined, joined)))
    (turned,) = set(found) - {"in", "left", "right", "joined", "mixed"}
    assert found == {
        "in": [],
        "left": ["in"],
        turned: ["in"],
        "right": [turned],
        "joined": ["left", "right"],
        "mixed": ["joined"],
    }


def test_a_model_inside_a_model_is_replaced_by_its_layers() -> None:
    entry = keras.Input((4,), name="entry")
    inner = keras.Model(entry, layers.Dense(3, name="last")(layers.Dense(2, name="first")(entry)), name="inner")
    inputs = keras.Input((4,), name="in")
    model = keras.Model(inputs, layers.Dense(5, name="out")(inner(layers.Dropout(0.1, name="drop")(inputs))))
    assert taken(model) == {"in": [], "drop": ["in"], "first": ["drop"], "last": ["first"], "out": ["last"]}
    assert sum(layer["parameters"] for layer in summaries.connected(model)) == model.count_params()


def test_a_diagram_has_the_shapes_that_the_document_prints() -> None:
    study = replace(tiny.STUDY, printed_shape=lambda shape: shape[::-1])
    diagram = describe.diagram(study, study.experiment("patient"), "Figure 7")
    assert [(layer["type"], layer["shape"]) for layer in diagram.layers][:2] == [
        ("InputLayer", [65, None]),
        ("Dense", [4, None]),
    ]


def test_a_study_without_figures_of_clips_illustrates_its_models_alone(corpus) -> None:
    made = describe.illustrate(replace(tiny.STUDY, examples=None), scan([corpus]), Path())
    assert (made.examples, [one.experiment for one in made.diagrams]) == ((), ["patient"])


def test_parameters_are_counted_of_networks_alone() -> None:
    assert describe.parameters(tiny.STUDY) == {"patient": 295, "retrained": 295, "paired": 295}
