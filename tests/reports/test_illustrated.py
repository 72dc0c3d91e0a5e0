"""Pictures of single clips and of models."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from common import illustrations
from common.illustrations import Diagram, Example, Illustrations, Panel, waveform_panel
from common.published import load
from reports import figures
from reports.build import study_of
from reports.collect import collect
from reports.figures import examples, networks
from reports.figures.networks import boxes_of, placed
from reports.figures.sheet import DEMO, STYLE

Write = Callable[..., Path]
SER = load("ser_parallel")


def layer(name: str, kind: str, inputs: Sequence[str] = (), parameters: int = 0, shape: Any = (None, 8)) -> Any:
    return {"name": name, "type": kind, "shape": list(shape), "parameters": parameters, "inputs": list(inputs)}


BRANCHES = (
    layer("in", "InputLayer"),
    layer("a1", "Conv2D", ["in"], 10),
    layer("b1", "Squeeze", ["in"], shape=(None,)),
    layer("a2", "BatchNormalization", ["a1"], 4),
    layer("b2", "TransformerEncoder", ["b1"], 7, (None,)),
    layer("a3", "MaxPooling2D", ["a2"]),
    layer("b3", "TransformerEncoder", ["b2"], 7, (None,)),
    layer("a4", "Conv2D", ["a3"], 20),
    layer("c", "Concatenate", ["a4", "b3"]),
    layer("d", "Dense", ["c"], 30),
)


def panel(rows: int = 4, unit: str = "dB") -> Panel:
    return Panel("mel", np.arange(rows * 3, dtype=np.float32).reshape(rows, 3), 3.0, "mel band", rows, unit)


def some(*panels: Panel, demo: bool = False) -> Illustrations:
    example = Example("mel", "Figure 2", "A happy clip", panels or (panel(),))
    return Illustrations("ser_parallel", demo, ("ravdess",), (example,), (Diagram("dual-cnn", "Figure 6", BRANCHES),))


def test_pictures_are_what_matplotlib_saves(tmp_path: Path) -> None:
    for picture in figures.pictures(SER, [], [], illustrations=some()):
        with mpl.rc_context(STYLE):
            picture.draw().savefig(tmp_path / "expected.svg", metadata=figures.NO_NAMES)
        expected = (tmp_path / "expected.svg").read_text()
        assert figures.save(picture, tmp_path).read_text().replace(figures.DARK, "") == expected, picture.name


def test_layers_without_weights_and_repetitions_share_a_box() -> None:
    assert [(box.words, box.inputs, box.parameters) for box in boxes_of(BRANCHES)] == [
        ("InputLayer", (), 0),
        ("Conv2D, BatchNormalization, MaxPooling2D", ("in",), 14),
        ("Squeeze", ("in",), 0),
        ("2 TransformerEncoder", ("b1",), 14),
        ("Conv2D", ("a3",), 20),
        ("Concatenate", ("a4", "b3"), 0),
        ("Dense", ("c",), 30),
    ]


def test_no_parameter_is_lost_between_layers_and_boxes() -> None:
    assert sum(box.parameters for box in boxes_of(BRANCHES)) == sum(row["parameters"] for row in BRANCHES)


def test_what_keeps_its_size_is_one_stage_whatever_goes_around_it() -> None:
    large, small = (None, 8, 8, 3), (None, 4, 4, 6)
    layers = (
        layer("in", "InputLayer", shape=large),
        layer("a", "Conv2D", ["in"], 10, large),
        layer("pad", "ZeroPadding2D", ["a"], shape=(None, 9, 9, 3)),
        layer("b", "Conv2D", ["pad"], 20, small),
        layer("squeeze", "GlobalAveragePooling2D", ["b"], shape=(None, 6)),
        layer("excite", "Dense", ["squeeze"], 30, (None, 6)),
        layer("c", "Multiply", ["b", "excite"], shape=small),
        layer("d", "Dense", ["c"], 40, (None, 2)),
    )
    stages = networks.stages_of(boxes_of(layers))
    assert [(one.inputs, one.shape, one.parameters) for one in stages] == [
        ((), large, 0),
        (("in",), small, 60),
        (("c",), (None, 2), 40),
    ]


def test_branches_stand_side_by_side_and_join_below_the_longest() -> None:
    found = placed(boxes_of(BRANCHES), 6.0)
    assert (found["a3"].left, found["a3"].right) == (0, 0.5)
    assert (found["b3"].left, found["b3"].right) == (0.5, 1)
    assert (found["c"].left, found["c"].right) == (0, 1)
    assert found["c"].row == 1 + max(found["a4"].row, found["b3"].row)


def test_a_diagram_says_the_parameters_of_the_whole_model_and_of_each_box() -> None:
    figure = networks.network_figure(SER, Diagram("dual-cnn", "Figure 6", BRANCHES))
    said = "\n".join(text.get_text() for text in figure.findobj(Text))
    assert "78 parameters" in said
    assert "2 TransformerEncoder\nclips\n14 parameters" in said


def test_a_picture_shows_the_values_lowest_row_at_the_bottom() -> None:
    (example,) = some().examples
    image = examples.example_figure(SER, some(), example).axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), panel().values)
    assert (image.origin, list(image.get_extent())) == ("lower", [0, 3.0, 0, 4])


def test_panels_of_one_figure_share_their_colours_and_only_values_with_a_unit_have_a_scale() -> None:
    louder = Panel("mel", panel().values + 100, 3.0, "mel band", 4, "dB")
    sound = waveform_panel("waveform", np.sin(np.arange(9000, dtype=np.float32)), 3000)
    shown = some(sound, panel(), louder)
    axes = examples.example_figure(SER, shown, shown.examples[0]).axes
    limits = {image.get_clim() for one in axes[:3] for image in one.images}
    assert len(limits) == 1
    assert len(axes) == 3 + 2
    grey = some(panel(unit=""))
    assert len(examples.example_figure(SER, grey, grey.examples[0]).axes) == 1


def test_synthesised_clips_are_marked_in_the_picture_and_its_name() -> None:
    shown = some(demo=True)
    (picture,) = examples.pictures(SER, shown)
    assert (picture.name, picture.demo) == ("figure-mel-demo", True)
    assert "Clips: RAVDESS" in [text.get_text() for text in picture.draw().findobj(Text)]
    assert DEMO in [text.get_text() for text in picture.draw().findobj(Text)]


def test_they_have_a_section_of_their_own(write: Write, runs: Path) -> None:
    write("dual-cnn")
    illustrations.write(illustrations.path_of(runs, "ser_parallel"), some())
    collected = collect([runs])
    study = study_of("ser_parallel", collected.groups, illustrations=collected.illustrations["ser_parallel"])
    (section,) = (section for section in study.chapter.sections if section.name == "figures")
    assert [block.name for block in section.blocks[1:]] == ["class-distribution", "figure-mel", "figure-dual-cnn-model"]
    assert study.chapter.pictures.count("figure-mel") == 1


def test_a_damaged_file_is_named_and_left_out(write: Write, runs: Path) -> None:
    write("dual-cnn")
    place = illustrations.path_of(runs, "ser_parallel")
    place.write_bytes(b"PK")
    collected = collect([runs])
    assert not collected.illustrations
    (skipped,) = collected.skipped
    assert str(place) in skipped


@pytest.mark.parametrize("study", ["ser_parallel", "emotify_features"])
def test_what_is_shipped_has_the_figures_of_the_document(study: str) -> None:
    shipped = collect([Path(figures.__file__).parents[1] / "results" / study]).illustrations[study]
    assert not shipped.demo
    known = load(study)
    for one in shipped.diagrams:
        table = known.layers(one.experiment)
        assert table
        assert sum(row["parameters"] for row in one.layers) == table.total
