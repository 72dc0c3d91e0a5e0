"""Reports of records of every task: tables, pictures, differences; and that nothing is judged twice."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from synthetic import Synthetic, Write, edit, regressed, tagged

from common.published import load
from common.runs import records
from common.tasks import Pooled, Task
from reports import figures, verdicts
from reports.blocks import Number
from reports.build import page_texts
from reports.class_tables import output_table
from reports.collect import collect
from reports.columns import sides_of
from reports.conclusions import lead
from reports.effects import effects
from reports.figures import scatter
from reports.results import Group
from reports.tables import number_table
from reports.verdicts import Verdicts

TAGS = ["Accordion", "Applause", "Bark", "Bus"]
OF = {
    "tagging": ("freesound_tagging", "dcnn", lambda *of, **more: tagged(TAGS, *of, **more)),
    "regression": (
        "valence_parallel_conv",
        "combination-6",
        lambda *of, **more: regressed(["valence", "arousal"], *of, **more),
    ),
}


def written(kind: str, runs: Path, *of: str, seed: int = 0) -> Path:
    study, experiment, make = OF[kind]
    return make(study, experiment, *of, seed=seed).write(runs)


@pytest.mark.parametrize("kind", OF)
def test_a_table_has_the_scores_of_each_output_with_their_intervals(kind: str, runs: Path) -> None:
    written(kind, runs)
    study, experiment, _ = OF[kind]
    (group,) = collect([runs]).groups
    table = output_table(load(study), experiment, sides_of([group]))
    score = {"tagging": "Average precision", "regression": "MAE"}[kind]
    place = [column.title for column in table.columns].index(score)
    for output, row in zip(group.outputs, table.rows, strict=True):
        cell = row[place]
        assert isinstance(cell, Number)
        kept = group.first["per_output"][output]["scores"][score.lower().replace(" ", "_")]
        assert (cell.value, cell.n) == pytest.approx((kept["value"], kept["n"]))
        assert cell.interval == pytest.approx(kept["interval"])


@pytest.mark.parametrize("kind", OF)
def test_every_overall_metric_is_in_the_table_of_numbers(kind: str, runs: Path) -> None:
    written(kind, runs)
    study, experiment, _ = OF[kind]
    known, own = load(study), sides_of(collect([runs]).groups)
    table = number_table(known, experiment, own, Verdicts(known, [side.group for side in own]))
    assert len({row[0] for row in table.rows}) >= len(own[0].group.first["metrics"])


@pytest.mark.parametrize("kind", OF)
def test_pictures_are_those_of_the_task_and_none_is_a_confusion(kind: str, runs: Path) -> None:
    written(kind, runs)
    known, groups = load(OF[kind][0]), collect([runs]).groups
    shown = {one.name: one for one in figures.pictures(known, groups, []) if one.experiment}
    kinds = {name.partition(f"-{groups[0].experiment}")[0] for name in shown}
    assert kinds == {"tagging": {"per-tag", "curves"}, "regression": {"per-output", "scatter", "curves"}}[kind]
    for picture in shown.values():
        picture.draw()


def test_bars_are_the_scores_of_the_tags_from_the_best_to_the_worst(runs: Path) -> None:
    written("tagging", runs)
    known, groups = load("freesound_tagging"), collect([runs]).groups
    (picture,) = (one for one in figures.outputs.pictures(known, groups))
    (axes,) = picture.draw().axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == sorted((groups[0].result("lwlrap", tag).value for tag in TAGS), reverse=True)


def test_the_line_of_a_scatter_has_the_least_squares_slope() -> None:
    true = np.array([0.0, 1.0, 2.0, 3.0])
    assert scatter.slope_of(true, 0.5 * true + 2) == pytest.approx(0.5)
    assert scatter.slope_of(true, np.full(4, 1.3)) == pytest.approx(0.0)


@pytest.mark.parametrize("kind", OF)
def test_a_whole_page_is_written_of_each_task(kind: str, runs: Path) -> None:
    written(kind, runs)
    written(kind, runs, "independent")
    study, experiment = OF[kind][:2]
    text = page_texts(collect([runs]), Path())[f"pages/{study}/{experiment}.md"]
    baseline = {"tagging": "popularity lwlrap", "regression": "training mean MAE"}[kind]
    assert baseline in text


@pytest.mark.parametrize(("kind", "sign"), [("tagging", 1), ("regression", -1)])
def test_protocols_are_compared_by_the_score_of_each_clip_without_mcnemar(kind: str, sign: int, runs: Path) -> None:
    written(kind, runs)
    folder = written(kind, runs, "independent")
    better(folder)
    (effect,) = effects(collect([runs]).groups)
    assert effect.method == "paired bootstrap over clips"
    assert sign * effect.mean > 0
    assert effect.interval[0] <= effect.mean <= effect.interval[1]
    assert [pair.test for pair in effect.pairs] == [None]


def test_an_lwlrap_that_falls_has_an_interval_around_it_although_most_clips_gain(runs: Path) -> None:
    written("tagging", runs)
    folder = written("tagging", runs, "independent")
    record = records.read(folder)
    task, (true, said) = record.task, record.task.read({str(k): v for k, v in record.predictions().items()})
    single = true.sum(axis=1, keepdims=True) == 1
    scored_again(folder, task, true, np.where(single, true, 0.5 * said + 0.5 * (1 - true)).astype(np.float32))
    (effect,) = effects(collect([runs]).groups)
    gains = effect.other.runs[0].per_clip - effect.base.runs[0].per_clip
    assert effect.mean < 0
    assert effect.interval[0] <= effect.mean <= effect.interval[1]
    assert effect.mean == pytest.approx(np.average(gains, weights=effect.base.runs[0].weights))


def test_of_two_errors_the_smaller_one_leads(runs: Path) -> None:
    regressed(["valence"], "valence_parallel_conv", "combination-6").write(runs)
    better(regressed(["valence"], "valence_parallel_conv", "cnn-blstm").write(runs))
    groups = {group.experiment: group for group in collect([runs]).groups}
    known = load("valence_parallel_conv")
    ahead = lead(known, "mae", groups["cnn-blstm"], groups["combination-6"])
    behind = lead(known, "mae", groups["combination-6"], groups["cnn-blstm"])
    assert ahead is not None
    assert behind is not None
    assert 0 < ahead.interval[0] < ahead.value < ahead.interval[1]
    assert behind.value == pytest.approx(-ahead.value)


def better(folder: Path) -> None:
    """Write a run again whose predictions are halfway to what is true."""
    record = records.read(folder)
    task, (true, said) = record.task, record.task.read({str(k): v for k, v in record.predictions().items()})
    scored_again(folder, task, true, (true + said) / 2)


def scored_again(folder: Path, task: Task, true: np.ndarray, said: np.ndarray) -> None:
    """Write a run again with other predictions."""
    record = records.read(folder)
    run = Synthetic(record.data, record.history(), record.predictions().assign(**task.table(true, said)))
    scores = vars(task.scores(Pooled(true, said, np.zeros_like(true), np.full_like(true, 0.5))))
    run.content.pop("schema")
    Synthetic(run.content | scores, run.history, run.predictions).write(folder.parents[3])


@pytest.mark.parametrize(("kind", "metric", "says"), [("tagging", "lwlrap", "lwlrap"), ("regression", "mae", "mae")])
def test_a_record_with_another_headline_than_its_predictions_give_is_left_out(
    kind: str, metric: str, says: str, runs: Path
) -> None:
    folder = written(kind, runs)
    value = records.read(folder).data["metrics"][metric]["value"] + 0.01
    edit(folder, {f"metrics.{metric}.value": value, f"metrics.{metric}.interval": [value - 0.1, value + 0.1]})
    collected = collect([runs])
    assert not collected.groups
    assert says in collected.skipped[0]
    assert "predictions" in collected.skipped[0]


def test_each_verdict_is_computed_once_for_all_pages(write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(2):
        write("single-cnn", seed=seed)
    write("dual-cnn")
    write("dual-cnn", "corrected")
    calls: Counter[tuple[str, str, str, Group | None]] = Counter()
    once = verdicts._verdict

    def counted(known, experiment, metric, printed, ours, group, scope):
        calls[experiment, metric, scope, group] += 1
        return once(known, experiment, metric, printed, ours, group, scope)

    monkeypatch.setattr(verdicts, "_verdict", counted)
    page_texts(collect([runs]), Path())
    assert len(calls) > 100
    assert set(calls.values()) == {1}


def test_the_long_table_has_a_row_for_each_group_metric_and_output(write: Write, runs: Path) -> None:
    write("single-cnn", seed=0, accuracy=0.6)
    write("single-cnn", seed=1, accuracy=0.7)
    written("tagging", runs)
    table = collect([runs]).long_table()
    of_single = [row for row in table if row.experiment == "single-cnn"]
    assert len(of_single) == 7 + 7 * 3
    (accuracy,) = (row for row in of_single if row.metric == "accuracy")
    assert (accuracy.seeds, accuracy.n, accuracy.output) == (2, 2434, "")
    assert accuracy.value == pytest.approx(0.65, abs=0.001)
    assert {row.output for row in table if row.study == "freesound_tagging"} == {"", *TAGS}
