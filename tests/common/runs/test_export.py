import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import tiny_pieces
import tiny_tasks
from huggingface_hub import ModelCard

from common.corpora import DEMO_MARKER, scan
from common.errors import InputError
from common.runs import jobs, prediction, records, runner
from common.runs.export import card, export
from common.runs.records import Record
from common.study import Ensemble

PRINTED = """
[metric.accuracy]
kind = "proportion"
decimals = 3
percent = true

[[results]]
id = "all"
section = "7.1"
table = "Table 9"
columns = ["accuracy"]
rows = { patient = [0.4321] }
decimals = { patient = [2] }
"""


@pytest.fixture(autouse=True)
def printed(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "tiny.toml").write_text(tiny.published("tiny", ("patient", "retrained", "paired"), PRINTED))
    (folder / "tiny_pieces.toml").write_text(tiny.published("tiny_pieces", ("trees", "svm", "pictures"), clips=192))
    monkeypatch.setenv("ENCORE_PUBLISHED", str(folder))


@pytest.fixture
def finished(unbroken) -> Record:
    return unbroken("patient", "independent", folds=2)


def predicted(study: tiny.Study, record: Record, song: Path) -> np.ndarray:
    return prediction.Models(study, record).predict(song).outputs


def moved(folder: Path, elsewhere: Path) -> Record:
    elsewhere.mkdir(parents=True)
    return records.read(Path(shutil.move(folder, elsewhere)))


@pytest.mark.parametrize("kind", ["keras", "scikit-learn"])
def test_an_exported_and_moved_model_predicts_the_same_to_the_bit(kind, finished, of_pieces, corpus, tmp_path) -> None:
    study, record = (tiny.STUDY, finished) if kind == "keras" else (tiny_pieces.STUDY, of_pieces())
    song = corpus / "ann-0-0.wav"
    exported = moved(export(study, record, tmp_path / "models" / "mine"), tmp_path / "another machine")
    assert np.array_equal(predicted(study, exported, song), predicted(study, record, song))
    assert prediction.origin(exported) == prediction.origin(record)


def test_the_folder_is_a_complete_run_with_no_other_files_of_it(finished, tmp_path) -> None:
    exported = records.read(export(tiny.STUDY, finished, tmp_path / "mine"))
    assert exported.predictions().equals(finished.predictions())
    assert exported.history().equals(finished.history())
    names = {str(path.relative_to(exported.folder)) for path in exported.folder.rglob("*") if path.is_file()}
    folds = {f"fold-{fold}/{name}" for fold in (0, 1) for name in ("model.keras", "front_end.npz")}
    tables = {"history.csv", "predictions.csv", "split.csv"}
    assert names == {"README.md", "config.json", "record.json", "SHA256SUMS", *tables, *folds}
    assert not list(tmp_path.glob(".*"))


def test_the_configuration_says_what_goes_in_and_comes_out(finished, tmp_path) -> None:
    config = json.loads((export(tiny.STUDY, finished, tmp_path / "mine") / "config.json").read_text())
    assert config["id2label"] == {"0": "high", "1": "low", "2": "middle"}
    assert config["inputs"] == {"sample_rate": 8000, "duration_s": 0.016}
    assert config["switches"] == finished.data["switches"]
    assert "hardware" not in config["versions"]
    assert config["versions"]["keras"] == finished.data["environment"]["keras"]


def test_the_model_index_has_our_results_and_nothing_else(unbroken, tmp_path) -> None:
    record = unbroken("patient")
    loaded = ModelCard.load(export(tiny.STUDY, record, tmp_path / "mine") / "README.md").data
    metrics = record.data["metrics"]
    assert [one.metric_value for one in loaded.eval_results] == [score["value"] for score in metrics.values()]
    assert {one.dataset_split for one in loaded.eval_results} == {"test", "validation"}
    assert [one.dataset_split for one in loaded.eval_results if one.metric_name == "accuracy"] == ["test", "validation"]
    assert {one.verified for one in loaded.eval_results} == {False}
    assert loaded.library_name == "keras"
    assert loaded.pipeline_tag == "audio-classification"
    assert "demo" not in loaded.tags


def test_the_published_number_stands_beside_ours_with_its_place(unbroken) -> None:
    content = card(tiny.STUDY, unbroken("patient")).content
    (row,) = [line for line in content.splitlines() if line.startswith("| accuracy | test")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    value = unbroken("patient").data["metrics"]["accuracy"]["value"]
    assert cells[2] == f"{value:.4f}"
    assert cells[5:] == ["0.4321", "Table 9, section 7.1"]
    assert "0.4321" not in content.partition("\n---\n")[0]


def test_a_card_says_what_does_not_compare_and_what_was_shared(unbroken, finished) -> None:
    stratified = card(tiny.STUDY, unbroken("patient")).content
    assert "of tones instead of" in stratified
    assert "**shared**" in stratified
    assert "labels = document" in stratified
    independent = card(tiny.STUDY, finished).content
    assert "protocol `independent`" in independent
    assert "mean of their outputs, which was not tested" in independent
    assert "only the first 2 folds" in independent
    assert "labels = document" not in independent


def test_the_licence_is_that_of_the_corpora(unbroken) -> None:
    record = unbroken("patient")
    assert "not known to Encore" in card(tiny.STUDY, record).content
    facts = record.data["data"]["corpora"]["tones"]
    of_savee = {**record.data, "data": {**record.data["data"], "corpora": {"savee": facts}}}
    assert "University of Surrey" in card(tiny.STUDY, Record(record.folder, of_savee)).content


def test_a_demo_model_is_called_one_in_text_and_results(corpus, tmp_path) -> None:
    sounds = shutil.copytree(corpus, tmp_path / "sounds")
    (sounds / DEMO_MARKER).write_text("")
    experiment, protocol = tiny.STUDY.experiment("paired"), tiny.STUDY.protocol("published")
    options = jobs.Options(runs=tmp_path / "runs", size="demo", folds=1)
    record = runner.run(jobs.Job(tiny.STUDY, experiment, protocol, scan([sounds]), options))
    made = card(tiny.STUDY, record)
    assert "# DEMO" in made.content
    assert all(one.dataset_name.startswith("DEMO") for one in made.data.eval_results)
    assert "demo" in made.data.tags


@pytest.mark.parametrize("kind", ["tagging", "regression"])
def test_every_task_has_a_card(kind, corpus, tmp_path) -> None:
    record = runner.run(tiny_tasks.job(kind, corpus, runs=tmp_path / "runs"))
    (tmp_path / "published" / f"{record.data['study']}.toml").write_text(tiny_tasks.printed(kind))
    made = card(tiny_tasks.study(kind), record)
    assert len(made.data.eval_results) == len(record.data["metrics"])
    assert made.data.pipeline_tag == {"tagging": "audio-classification", "regression": None}[kind]


def test_no_model_is_a_pickle(of_pieces, finished) -> None:
    assert "`model.skops`" in card(tiny_pieces.STUDY, of_pieces()).content
    assert "`model.keras`" in card(tiny.STUDY, finished).content


def test_a_folder_that_exists_is_refused_and_kept(finished, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="--out"):
        export(tiny.STUDY, finished, tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


def test_a_run_without_its_model_leaves_no_folder(finished, tmp_path) -> None:
    cut = shutil.copytree(finished.folder, tmp_path / "cut")
    (cut / "fold-1" / "model.keras").unlink()
    with pytest.raises(InputError, match=r"fold-1/model\.keras"):
        export(tiny.STUDY, records.read(cut), tmp_path / "models" / "mine")
    assert not list((tmp_path / "models").iterdir())


def test_a_run_that_predict_refuses_is_refused(finished, tmp_path) -> None:
    changed = {**finished.data, "configuration": {**finished.data["configuration"], "inputs": {"sample_rate": 4000}}}
    with pytest.raises(InputError, match="sample_rate"):
        export(tiny.STUDY, Record(finished.folder, changed), tmp_path / "mine")


def test_an_ensemble_names_its_members_instead(finished, tmp_path) -> None:
    mean = replace(tiny.STUDY.experiment("patient"), method=Ensemble({"retrained": 1, "paired": 2}))
    with pytest.raises(InputError, match="retrained, paired"):
        export(replace(tiny.STUDY, experiments=(mean,)), finished, tmp_path / "mine")


def test_an_exported_run_beside_the_run_is_no_other_seed(corpus, tmp_path) -> None:
    record = runner.run(tiny_tasks.job("regression", corpus, "forest", runs=tmp_path / "runs"))
    study = tiny_tasks.study("regression")
    (tmp_path / "published" / f"{study.name}.toml").write_text(tiny_tasks.printed("regression"))
    beside = records.read(export(study, record, record.folder.with_name("seed-0-exported")))
    assert prediction.other_seeds(record) == []
    assert prediction.other_seeds(beside) == []
