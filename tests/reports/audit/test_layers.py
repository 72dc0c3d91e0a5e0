"""Checks of layer tables: sums, parameters by types and shapes, axes of normalisation."""

from typing import Any

import keras
import pytest
from invented import found, outcomes

Rows = list[list[Any]]

TRUE: Rows = [
    ["input", "InputLayer", "(None, 32, 20, 3)", 0],
    ["conv", "Conv2D", "(None, 32, 20, 16)", 448],
    ["norm", "BatchNormalization", "(None, 32, 20, 16)", 64],
    ["pool", "MaxPooling2D", "(None, 8, 5, 16)", 0],
    ["flatten", "Flatten", "(None, 640)", 0],
    ["dense", "Dense", "(None, 7)", 4487],
    ["mixer", "Mixer", "(None, 7)", 1234],
]
MEMORY: Rows = [["input", "InputLayer", "(None, 10, 64)", 0]]
SPECTRA: Rows = [["input", "InputLayer", "[(None, 1, 128, 94)]", 0], ["conv", "Conv2D", "(None, 16, 128, 94)", 160]]


def test_a_true_table_holds() -> None:
    findings = found(layers={"rows": TRUE, "total": 6233})
    assert outcomes(findings, "layers") == {"layers-sum-net": True, "layers-rows-net": True}
    assert "448 = 16 x (9 x 3 + 1)" in findings["layers-rows-net"].evidence
    assert findings["layers-rows-net"].numbers == {"wrong": 0, "of": 6}


@pytest.mark.parametrize(("row", "parameters"), [(1, 449), (2, 65), (3, 1), (5, 4488)])
def test_one_digit_changed_in_a_row_is_found(row: int, parameters: int) -> None:
    rows = [[*cells[:3], parameters if place == row else cells[3]] for place, cells in enumerate(TRUE)]
    finding = found(layers={"rows": rows, "total": 6233})["layers-rows-net"]
    assert not finding.holds
    assert rows[row][0] in finding.evidence


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        ([["dense", "Dense", "(None, 7)", 70]], True),  # without an input row, a first layer may have any input
        ([["dense", "Dense", "(None, 7)", 71]], False),
        ([*TRUE[:4], ["flatten", "Flatten", "(None, 640)", 0]], True),
        ([*TRUE[:4], ["flatten", "Flatten", "(None, 641)", 0]], False),
        ([*MEMORY, ["memory", "LSTM", "(None, 64)", 33024]], True),
        ([*MEMORY, ["memory", "LSTM", "(None, 64)", 33000]], False),
        ([*MEMORY, ["memory", "GRU", "(None, 64)", 24960]], True),  # Keras' GRU has two biases
        ([*MEMORY, ["memory", "GRU", "(None, 64)", 24768]], True),
        ([*MEMORY, ["memory", "GRU", "(None, 64)", 24769]], False),
    ],
)
def test_parameters_follow_from_types_and_shapes(rows: Rows, holds: bool) -> None:
    total = sum(row[3] for row in rows)
    assert found(layers={"rows": rows, "total": total})["layers-rows-net"].holds is holds


BARE: Rows = [["input", "InputLayer", "(None, 48, 40, 3)", 0], ["conv", "Conv2D", "(None, 24, 20, 32)", 864]]
"""The first convolution of MobileNetV2: 3 x 3, without a bias."""


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (["norm", "BatchNormalization", "(None, 24, 20, 32)", 96], True),  # without a scale
        (["norm", "BatchNormalization", "(None, 24, 20, 32)", 97], False),
        (["deep", "DepthwiseConv2D", "(None, 24, 20, 32)", 288], True),
        (["deep", "DepthwiseConv2D", "(None, 24, 20, 32)", 320], True),
        (["deep", "DepthwiseConv2D", "(None, 24, 20, 32)", 289], False),
        (["next", "Conv2D", "(None, 24, 20, 16)", 512], True),
        (["next", "Conv2D", "(None, 24, 20, 16)", 513], False),
    ],
)
def test_convolutions_without_a_bias_and_normalisation_without_a_scale_are_recomputed(
    row: list[Any], holds: bool
) -> None:
    finding = found(layers={"rows": [*BARE, row], "total": 864 + row[3]})["layers-rows-net"]
    assert (finding.holds, finding.numbers["of"]) == (holds, 3)


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0", "InceptionV3"])
def test_tables_of_keras_applications_hold(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))
    rows = [[layer.name, type(layer).__name__, str(layer.output.shape), layer.count_params()] for layer in model.layers]
    assert all(outcomes(found(layers={"rows": rows, "total": model.count_params()}), "layers").values())


def test_a_lost_shape_is_left_alone() -> None:
    rows = [TRUE[0], ["conv", "Conv2D", "", 448], *TRUE[2:]]
    assert found(layers={"rows": rows, "total": 6233})["layers-rows-net"].numbers["of"] == 5


def test_a_total_that_is_not_the_sum_is_found_unless_it_was_counted_from_the_rows() -> None:
    finding = found(layers={"rows": TRUE, "total": 6234})["layers-sum-net"]
    assert (finding.holds, finding.numbers) == (False, {"total": 6233, "published": 6234})
    assert "layers-sum-net" not in found(layers={"rows": TRUE, "total": 6233, "known": "count"})


@pytest.mark.parametrize(("frozen", "holds"), [(233, True), (234, False)])
def test_trainable_and_frozen_must_be_all(frozen: int, holds: bool) -> None:
    table = {"rows": [], "total": 6233, "trainable": 6000, "frozen": frozen}
    assert found(layers=table)["layers-parts-net"].holds is holds


@pytest.mark.parametrize(("parameters", "channels"), [(376, False), (64, True)])
def test_normalisation_along_another_axis_than_the_channels_is_found(parameters: int, channels: bool) -> None:
    rows = [*SPECTRA, ["norm", "BatchNorm", "(None, 16, 128, 94)", parameters]]
    findings = found(layers={"rows": rows, "total": 160 + parameters})
    assert findings["layers-rows-net"].holds
    assert ("layers-axis-net" in findings) is not channels
    assert channels or findings["layers-axis-net"].numbers == {"channels": 1, "normalised": 3}
