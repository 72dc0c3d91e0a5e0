import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from invented import paper
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from synthetic import classified

from common import files
from common.intervals import wilson
from common.published import Published, load, studies
from common.published.schema import ConfusionTable
from common.runs import records
from reports import figures, processes
from reports.audit import recovered
from reports.collect import collect
from reports.effects import effects
from reports.figures import changes, classes, confusion, cost, curves, headline, searches, seeds, sheet
from reports.figures.sheet import Picture
from reports.results import LEAKY, Group

Write = Callable[..., Path]
SER = load("ser_parallel")


def unrun(study: str) -> list[Picture]:
    known = load(study)
    return figures.pictures(known, [], [])


def listed(runs: Path) -> list[Picture]:
    groups = collect([runs]).groups
    return figures.pictures(SER, groups, effects(groups))


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def lines(axes: Axes, marker: str) -> list[Line2D]:
    return [line for line in axes.lines if line.get_marker() == marker]


def only_group(runs: Path) -> Group:
    (group,) = collect([runs]).groups
    return group


@pytest.fixture
def study_of_runs(write: Write, runs: Path) -> Path:
    """Three protocols, a switch, a demo, two configurations of one experiment, and five seeds."""
    for seed in range(5):
        write("single-cnn", seed=seed, accuracy=0.6 + 0.02 * seed, clips=1440)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=0.5, clips=1440)
    write("single-cnn", "corrected", accuracy=0.55, clips=1440)
    write("single-cnn", "independent", accuracy=0.43, clips=1440)
    write("dual-cnn", accuracy=0.62, clips=1440)
    write("single-cnn-clean", accuracy=0.62)
    write("parallel-mel", clips=280, demo=True, size="demo")
    write("parallel-mel-94", clips=280, demo=True, size="demo")
    write("parallel-mel-94", "independent", clips=280, demo=True, size="demo")
    return runs


@pytest.fixture(params=["runs", *studies()])
def pictures(request: pytest.FixtureRequest) -> list[Picture]:
    """Pictures of the runs above, and of each study's published numbers alone."""
    if request.param == "runs":
        return listed(request.getfixturevalue("study_of_runs"))
    return unrun(request.param)


def test_listing_draws_nothing(study_of_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "Figure", None)
    assert listed(study_of_runs)


def test_every_kind_of_picture_is_listed(study_of_runs: Path) -> None:
    names = {picture.name for picture in listed(study_of_runs)}
    assert {
        "headline",
        "headline-demo",
        "seeds",
        "errors",
        "protocols",
        "protocols-demo",
        "search-single-cnn",
        "class-distribution",
        "class-distribution-demo",
        "confusion-single-cnn-independent",
        "curves-single-cnn-corrected",
    } <= names


def test_names_are_unique_and_safe_in_a_file_name(pictures: list[Picture]) -> None:
    names = [picture.name for picture in pictures]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in names)


def test_groups_of_one_experiment_and_protocol_have_numbered_pictures(write: Write, runs: Path) -> None:
    write(clips=1440)
    write(seed=1, clips=12162)
    names = [picture.name for picture in listed(runs) if picture.name.startswith("curves")]
    assert names == ["curves-single-cnn-published-1", "curves-single-cnn-published-2"]


def test_nothing_is_cut_off_at_the_edge_and_no_names_of_rows_meet(pictures: list[Picture]) -> None:
    for picture in pictures:
        canvas = FigureCanvasAgg(picture.draw())
        canvas.draw()
        points = np.asarray(canvas.buffer_rgba())
        assert all((edge == 255).all() for edge in (points[0], points[-1], points[:, 0], points[:, -1])), picture.name
        for axes in canvas.figure.axes:
            boxes = sorted((label.get_window_extent() for label in axes.get_yticklabels()), key=lambda box: box.y0)
            assert all(low.y1 <= high.y0 for low, high in itertools.pairwise(boxes)), picture.name


def test_demo_and_only_demo_is_marked_in_the_picture_itself(study_of_runs: Path) -> None:
    pictures = listed(study_of_runs)
    assert any(picture.demo for picture in pictures)
    for picture in pictures:
        assert (figures.sheet.DEMO in words(picture.draw())) == picture.demo, picture.name


def test_runs_on_other_data_are_called_not_comparable_in_the_picture(study_of_runs: Path) -> None:
    for picture in listed(study_of_runs):
        if picture.experiment == "dual-cnn":
            assert any("1,440 of 12,162 clips" in line and "not comparable" in line for line in words(picture.draw()))


def test_what_was_not_run_is_said_not_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for study in studies():
        shown = [picture for picture in unrun(study) if picture.name.startswith("headline")]
        assert shown
        assert all("The published numbers alone" in words(picture.draw()) for picture in shown)


def test_the_same_picture_has_the_same_bytes(study_of_runs: Path, tmp_path: Path) -> None:
    for picture in [one for one in listed(study_of_runs) if one.experiment == "dual-cnn" or one.name == "headline"]:
        first, second = (figures.save(picture, tmp_path / name) for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes(), picture.name


@pytest.mark.parametrize("line", ["Accuracy", "- - -", "one,  two (n = 1,440); 95 % gap", "AV To. We", " ", "é + ü"])
@pytest.mark.parametrize(("size", "weight"), [(8.5, "normal"), (sheet.TITLE, "bold")])
def test_a_line_is_measured_as_matplotlib_does(line: str, size: float, weight: str) -> None:
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    expected = text_to_path.get_text_width_height_descent(line, font, ismath=False)
    assert sheet.measured(line, size, weight) == pytest.approx(expected, abs=1e-9)


def test_files_name_no_date(write: Write, runs: Path, tmp_path: Path) -> None:
    write("dual-cnn")
    for picture in listed(runs):
        assert not re.search(r"20\d\d-\d\d-\d\d", figures.save(picture, tmp_path).read_text())


def test_a_picture_drawn_in_another_process_has_the_same_bytes(
    write: Write, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("dual-cnn")
    chosen = [picture for picture in listed(runs) if picture.experiment == "dual-cnn"]
    alone = [figures.save(picture, tmp_path / "one") for picture in chosen]
    monkeypatch.setattr(processes, "threads", lambda: 2)
    with processes.processes() as others:
        shared = list(others.begin(partial(figures.save, folder=tmp_path / "two"), chosen, fewest=1))
    assert [(file.name, file.read_bytes()) for file in shared] == [(file.name, file.read_bytes()) for file in alone]


def test_a_matrix_shows_the_counts_and_row_percentages_of_the_record(write: Write, runs: Path) -> None:
    write(seed=0)
    write(seed=1)
    group = only_group(runs)
    (axes,) = confusion.matrix_figure(group, SER).axes
    (mesh,) = (child for child in axes.collections if isinstance(child, QuadMesh))
    total = np.sum([run.data["confusion"] for run in group.runs], axis=0)
    shares = total / total.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(mesh.get_array()), shares)
    assert axes.texts[8].get_text() == f"{total[1, 1]}\n{100 * shares[1, 1]:.0f} %"


def test_a_study_of_many_groups_shows_alone_only_what_is_printed(
    write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confusion, "ALONE", 1)
    write("single-cnn")
    write("single-cnn-clean")
    names = [picture.name for picture in listed(runs) if picture.name.startswith("confusion-")]
    assert names == ["confusion-single-cnn-published"]


def test_a_matrix_that_nobody_can_read_is_not_drawn(write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion, "MOST_CLASSES", 6)
    write()
    assert not [picture for picture in listed(runs) if picture.name.startswith("confusion")]


def printed_like(group: Group) -> ConfusionTable:
    """A column-normalised matrix published of a group's own counts, its classes in reverse."""
    names = tuple(reversed(group.first["task"]["outputs"]))
    counts = group.confusion[::-1, ::-1]
    percent = np.round(100 * counts / counts.sum(axis=0), 1)
    return ConfusionTable(
        experiment=group.experiment,
        section="1",
        table="matrix",
        normalised="columns",
        classes=names,
        rows={name: tuple(row) for name, row in zip(names, percent.tolist(), strict=True)},
        positive=tuple(np.diagonal(percent).tolist()),
        false=tuple(np.round(100 - np.diagonal(percent), 1).tolist()),
    )


def test_the_documents_form_puts_printed_beside_obtained_and_the_counts_below(write: Write, runs: Path) -> None:
    write()
    group = only_group(runs)
    table = printed_like(group)
    counts = group.confusion[::-1, ::-1]
    figure = confusion.as_printed_figure(SER, table, group, counts)
    printed, obtained, recovered, ours = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert printed[0] == f"{100 * counts[0, 0] / counts[:, 0].sum():.1f}"
    assert [text for text in printed if text not in ("PPV", "FDR")] == obtained
    assert recovered == ours == [str(count) for count in counts.flat if count]


def test_recovered_counts_stand_beside_the_printed_where_nothing_was_run() -> None:
    shown = [one for one in unrun("emotify_features") if one.name.startswith("confusion")]
    assert len(shown) == 2
    for picture in shown:
        titles = [axes.get_title("left") for axes in picture.draw().axes]
        assert titles == ["published, % of each predicted class", "counts behind the published: 1,580"]


def test_published_counts_are_drawn_in_percent_beside_themselves() -> None:
    known = paper(confusion={"normalised": "counts", "rows": {"lark": [45, 15], "owl": [0, 40]}})
    figure = confusion.as_printed_figure(known, known.confusions[0], None, recovered(known)["small"])
    shown = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert shown == [["75.0", "25.0", "100.0"], ["45", "15", "40"]]


def test_curves_are_those_of_the_history(write: Write, runs: Path) -> None:
    write("single-cnn")
    group = only_group(runs)
    history = group.runs[0].history
    searched = history[history["stage"] == "search"]
    for axes, quantity in zip(curves.curves_figure(group, SER).axes, ("loss", "accuracy"), strict=True):
        drawn = {str(one.get_label()): one for one in axes.collections if isinstance(one, LineCollection)}
        (validation,) = drawn["validation"].get_segments()
        np.testing.assert_allclose(validation[:, 1], searched[f"val_{quantity}"])
        assert len(drawn["again"].get_segments()) == 1
        assert lines(axes, "o")[0].get_xdata() == [37]


def test_an_empty_history_has_no_curves(write: Write, runs: Path) -> None:
    folder = write("dual-cnn")
    history = records.read(folder).history()
    files.write_table(folder / "history.csv", history.head(0))
    assert not [picture for picture in listed(runs) if picture.name.startswith("curves")]


def dots(published: Published, metric: str, groups: list[Group]) -> Iterator[tuple[str, headline.Dot]]:
    shown = headline.rows(published, metric, published.experiments, groups)
    return ((row.experiment.id, dot) for row in shown for dot in row.dots)


def test_the_printed_accuracy_has_wilsons_interval_and_ours_that_of_the_record(write: Write, runs: Path) -> None:
    write("dual-cnn", accuracy=0.62)
    group = only_group(runs)
    found = [dot for name, dot in dots(SER, "accuracy", [group]) if name == "dual-cnn"]
    assert [dot.interval for dot in found] == [wilson(0.70, 1217), group.result("accuracy").interval]
    (axes,) = headline.headline_figure(
        SER, "accuracy", headline.rows(SER, "accuracy", SER.experiments, [group]), [group]
    ).axes
    drawn = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert all(dot.interval in drawn for dot in found)
    assert group.result("accuracy").value in [line.get_xdata()[0] for line in lines(axes, "o")]


@pytest.mark.parametrize("study", studies())
def test_printed_numbers_stand_from_the_best_to_the_worst(study: str) -> None:
    published = load(study)
    values = [dot.value for _, dot in dots(published, published.headline, [])]
    assert values == sorted(values, reverse=not headline.smaller_is_better(published, published.headline))
    assert len(values) == sum(published.headline in published.numbers(one.id) for one in published.experiments)


def test_what_was_run_and_not_printed_comes_last_and_what_is_neither_not_at_all(write: Write, runs: Path) -> None:
    write("single-cnn-clean", accuracy=0.99)
    names = [name for name, _ in dots(SER, "accuracy", list(collect([runs]).groups))]
    assert names[-1] == "single-cnn-clean"
    assert "parallel-mel-94" not in names


def test_experiments_printed_in_another_metric_have_a_picture_of_their_own() -> None:
    names = [picture.name for picture in unrun("music_mood_wavenet")]
    assert names == ["headline", "headline-accuracy"]


def test_others_results_are_lines_across_the_picture() -> None:
    mood = load("music_mood_wavenet")
    held = {line.value for line in headline.references(mood, "macro_pr_auc", [])}
    assert held == {mood.stored["vggish_pr_auc"], mood.stored["popularity_pr_auc"]}


def test_many_rows_are_parted_evenly() -> None:
    parts = sheet.in_parts(range(25), 12)
    assert [(ending, len(part)) for ending, part in parts] == [("-1", 8), ("-2", 8), ("-3", 9)]
    assert sheet.in_parts(range(12), 12) == [("", range(12))]


def test_every_seed_is_a_dot_and_the_printed_value_a_line(write: Write, runs: Path) -> None:
    for seed in range(5):
        write("dual-cnn", seed=seed, accuracy=0.6 + 0.02 * seed)
    group = only_group(runs)
    (axes,) = seeds.seeds_figure(SER, [group]).axes
    (swarm,) = lines(axes, "o")
    np.testing.assert_allclose(swarm.get_xdata(), sorted(group.values("accuracy")))
    (printed,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert set(printed.get_xdata()) == {0.70}


def test_fewer_than_five_seeds_have_no_spread(write: Write, runs: Path) -> None:
    for seed in range(4):
        write("dual-cnn", seed=seed)
    assert "seeds" not in [picture.name for picture in listed(runs)]


def test_a_slip_shows_each_seed_its_mean_and_its_interval(write: Write, runs: Path) -> None:
    for seed in range(3):
        write(seed=seed, accuracy=0.6)
        write(protocol="published+normalise=channel", seed=seed, accuracy=0.5 + 0.01 * seed)
    (effect,) = effects(collect([runs]).groups)
    (axes,) = changes.effects_figure([effect], SER, "What each error was worth").axes
    each, mean = lines(axes, "o")
    np.testing.assert_allclose(each.get_xdata(), [pair.difference for pair in effect.pairs])
    np.testing.assert_allclose(mean.get_xdata(), [effect.mean])
    assert effect.interval in [tuple(line.get_xdata()) for line in axes.lines]


def test_bars_are_the_clips_of_each_class(write: Write, runs: Path) -> None:
    write("dual-cnn", clips=1440)
    groups = collect([runs]).groups
    series = classes.counts_of(SER, groups, {})
    (axes,) = classes.distribution_figure(SER, groups, series).axes
    ours = axes.containers[list(series).index("ours, published")]
    per_output = groups[0].first["data"]["per_output"]
    assert [bar.get_width() for bar in ours] == [per_output[name] for name in SER.data.classes]


def test_clips_with_other_classes_have_a_picture_of_their_own(write: Write, runs: Path) -> None:
    write("dual-cnn", clips=1440)
    run, renamed = classified("single-cnn", clips=700), {"surprise": "bored"}
    task, data = run.content["task"], run.content["data"]
    task["outputs"] = [renamed.get(name, name) for name in task["outputs"]]
    for part, name in ((data, "per_output"), (run.content, "per_output")):
        part[name] = {renamed.get(output, output): of for output, of in part[name].items()}
    table = run.predictions.replace({"true": renamed, "predicted": renamed})
    replace(run, predictions=table).write(runs)
    groups = collect([runs]).groups
    assert len(groups) == 2
    found = {picture.name: picture for picture in classes.pictures(SER, groups, {})}
    assert len(found) == 2
    (others,) = (picture for name, picture in found.items() if name != "class-distribution")
    assert [bar.get_width() for bar in others.draw().axes[0].containers[0]] == list(data["per_output"].values())
    assert len(others.draw().axes[0].containers) == 1


def test_a_leaky_number_is_marked_and_explained_in_the_picture(write: Write, runs: Path) -> None:
    write("dual-cnn")
    write("dual-cnn", "independent")
    (picture,) = (one for one in headline.pictures(SER, collect([runs]).groups))
    figure = picture.draw()
    dots = [text.get_text() for text in figure.axes[0].texts if LEAKY in text.get_text()]
    lines = [text.get_text() for text in figure.texts if LEAKY in text.get_text()]
    assert (len(dots), len(lines)) == (1, 1)
    assert "speakers" in lines[0]


def test_counts_that_agree_are_one_series() -> None:
    emotify = load("emotify_features")
    found = classes.counts_of(emotify, [], {})
    assert list(found) == ["published"]
    assert found["published"] == dict(zip(emotify.data.classes, emotify.stored["instances_deep"], strict=True))


def test_the_search_shows_its_printed_table() -> None:
    (search,) = (one for one in SER.searches if one.rows)
    panels = searches.search_figure(SER, search).axes
    drawn = [tuple(line.get_ydata()) for axes in panels for line in axes.lines if len(line.get_xdata()) > 1]
    assert drawn == [tuple(row[place] for row in search.rows) for place in range(1, 5)]
    assert [line.get_xdata() for line in panels[0].lines if line.get_marker() == "o"][-1] == [0.01]


def test_the_grid_shows_each_trial_and_the_test_score() -> None:
    valence = load("valence_parallel_conv")
    (search,) = valence.searches
    (axes,) = searches.grid_figure(valence, search).axes
    trials = [tuple(line.get_xdata()) for line in lines(axes, "o")]
    assert trials == [valence.numbers(one.id)["val_mae"].trials for one in valence.experiments if one.settings]
    assert [label.get_text() for label in axes.get_yticklabels() if label.get_fontweight() == "bold"] == [
        "0.5 / 16 / 20"
    ]
    assert 0.516 in [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]


def test_cost_puts_the_headline_metric_against_the_seconds() -> None:
    tagging = load("freesound_tagging")
    (axes,) = cost.cost_figure(tagging, []).axes
    (printed,) = lines(axes, "X")
    assert dict(zip(printed.get_xdata(), printed.get_ydata(), strict=True))[15.1] == 0.7876
    names = {text.get_text().replace("\n", " ") for text in axes.texts}
    assert names == {tagging.experiment(name).title for name in cost.points(tagging)}


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "10⁻⁵"), (3e-4, "3 \N{MULTIPLICATION SIGN} 10⁻⁴"), (0.5, "0.5"), (0.0, "0")]
)
def test_small_numbers_of_a_logarithmic_scale_are_powers_of_ten(value: float, text: str) -> None:
    assert sheet.power_of_ten(value) == text


def ids_in(text: str, known: Published) -> list[str]:
    """Return the ids of experiments that a text has, of those that are no plain words."""
    return [one.id for one in known.experiments if "-" in one.id and re.search(rf"(?<![\w-]){one.id}(?![\w-])", text)]


@pytest.mark.parametrize("study", studies())
def test_pictures_and_their_words_have_names_not_ids(study: str) -> None:
    known = load(study)
    for picture in unrun(study):
        assert not ids_in(" ".join([picture.title, *words(picture.draw())]), known), picture.name


def test_pictures_of_runs_and_their_words_have_names_not_ids(study_of_runs: Path) -> None:
    for picture in listed(study_of_runs):
        assert not ids_in(" ".join([picture.title, *words(picture.draw())]), SER), picture.name


def test_a_number_of_changed_runs_says_what_was_changed(write: Write, configure: Write, runs: Path) -> None:
    configure(write("dual-cnn", accuracy=0.3), overrides={"epochs": 1})
    dot = headline.obtained_dot(SER, "accuracy", only_group(runs), 0)
    assert dot is not None
    assert dot.text == f"0.300 {LEAKY}, n 1,217, epochs = 1"


def test_networks_without_their_weights_are_in_no_picture(write: Write, configure: Write, runs: Path) -> None:
    configure(write("vgg16-1"), weights="none")
    assert {picture.experiment for picture in listed(runs)} <= {None, "single-cnn"}


def test_a_picture_turns_dark_where_its_reader_likes_it(tmp_path: Path) -> None:
    drawn = figures.save(unrun("freesound_tagging")[0], tmp_path).read_text()
    assert drawn.count("prefers-color-scheme: dark") == 1
