from collections.abc import Callable
from typing import Any

import pytest

from common.published import Published
from reports.audit.finding import Finding
from reports.audit.layers import check

Rows = list[list[Any]]

LAST: Rows = [
    ["input", "InputLayer", "(None, 32, 20, 3)", 0],
    ["conv", "Conv2D", "(None, 32, 20, 16)", 448],
    ["norm", "BatchNormalization", "(None, 32, 20, 16)", 64],
    ["pool", "MaxPooling2D", "(None, 8, 5, 16)", 0],
    ["flatten", "Flatten", "(None, 640)", 0],
    ["dense", "Dense", "(None, 7)", 4487],
    ["mixer", "Mixer", "(None, 7)", 1234],
]


def found(paper: Callable[..., Published], rows: Rows, **fields: Any) -> dict[str, Finding]:
    table = {"id": "net", "experiments": ["small"], "section": "3", "known": "printed", "rows": rows, **fields}
    return {finding.id: finding for finding in check(paper(layers=[table]))}


def test_a_true_table_holds(paper: Callable[..., Published]) -> None:
    findings = found(paper, LAST, total=6233)
    assert {name: finding.holds for name, finding in findings.items()} == {
        "layers-sum-net": True,
        "layers-rows-net": True,
        "layers-axis-net": True,
    }
    assert "448 = 16 x (9 x 3 + 1)" in findings["layers-rows-net"].evidence
    assert findings["layers-rows-net"].numbers == {"wrong": 0, "of": 6}


@pytest.mark.parametrize(("row", "parameters"), [(1, 449), (2, 65), (3, 1), (5, 4488)])
def test_one_digit_changed_in_a_row_is_found(row: int, parameters: int, paper: Callable[..., Published]) -> None:
    rows = [list(cells) for cells in LAST]
    rows[row][3] = parameters
    finding = found(paper, rows, total=6233)["layers-rows-net"]
    assert not finding.holds
    assert rows[row][0] in finding.evidence


def test_a_total_that_is_not_the_sum_is_found(paper: Callable[..., Published]) -> None:
    finding = found(paper, LAST, total=6234)["layers-sum-net"]
    assert not finding.holds
    assert finding.numbers == {"total": 6233, "published": 6234}


def test_a_total_that_was_counted_from_the_rows_is_not_held_against_them(paper: Callable[..., Published]) -> None:
    assert "layers-sum-net" not in found(paper, LAST, total=6233, known="count")


@pytest.mark.parametrize(("frozen", "holds"), [(233, True), (234, False)])
def test_trainable_and_frozen_must_be_all(frozen: int, holds: bool, paper: Callable[..., Published]) -> None:
    assert found(paper, [], total=6233, trainable=6000, frozen=frozen)["layers-parts-net"].holds is holds


def test_normalisation_along_another_axis_than_the_channels_is_found(paper: Callable[..., Published]) -> None:
    rows = [
        ["input", "InputLayer", "[(None, 1, 128, 94)]", 0],
        ["conv", "Conv2D", "(None, 16, 128, 94)", 160],
        ["norm", "BatchNorm", "(None, 16, 128, 94)", 376],
    ]
    findings = found(paper, rows, total=536)
    assert findings["layers-rows-net"].holds
    assert not findings["layers-axis-net"].holds
    assert findings["layers-axis-net"].numbers == {"channels": 1, "normalised": 3}
    rows[2][3] = 64
    assert found(paper, rows, total=224)["layers-axis-net"].holds


def test_a_lost_shape_is_left_alone(paper: Callable[..., Published]) -> None:
    rows = [[*LAST[0]], ["conv", "Conv2D", "", 448], *LAST[2:]]
    assert found(paper, rows, total=6233)["layers-rows-net"].numbers["of"] == 5


def test_a_first_layer_without_an_input_row_may_have_any_input(paper: Callable[..., Published]) -> None:
    assert found(paper, [["dense", "Dense", "(None, 7)", 70]], total=70)["layers-rows-net"].holds
    assert not found(paper, [["dense", "Dense", "(None, 7)", 71]], total=71)["layers-rows-net"].holds


@pytest.mark.parametrize(("width", "holds"), [(640, True), (641, False)])
def test_flattening_keeps_every_number(width: int, holds: bool, paper: Callable[..., Published]) -> None:
    rows = [*LAST[:4], ["flatten", "Flatten", f"(None, {width})", 0]]
    assert found(paper, rows, total=512)["layers-rows-net"].holds is holds


@pytest.mark.parametrize(
    ("kind", "parameters", "holds"),
    [("LSTM", 33024, True), ("LSTM", 33000, False), ("GRU", 24960, True), ("GRU", 24768, True), ("GRU", 24769, False)],
)
def test_gates_give_the_parameters_of_a_recurrent_layer(
    kind: str, parameters: int, holds: bool, paper: Callable[..., Published]
) -> None:
    rows = [["input", "InputLayer", "(None, 10, 64)", 0], ["memory", kind, "(None, 64)", parameters]]
    assert found(paper, rows, total=parameters)["layers-rows-net"].holds is holds
