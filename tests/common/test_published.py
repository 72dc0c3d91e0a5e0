import itertools
import re
from pathlib import Path

import pytest

from common.errors import InputError
from common.published import FOLDER, Published, load, studies

SEED = Path(__file__).parents[3] / "shared" / "seeds" / "004_b618576c558f6a58.txt"
LAYERED = ["single-cnn", "dual-cnn", "parallel-mfcc"]
PRINTED = ["single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mfcc-awgn", "parallel-mel", "parallel-mel-awgn"]


@pytest.fixture(scope="module")
def published() -> Published:
    return load("ser_parallel")


@pytest.fixture(scope="module")
def document() -> list[list[str]]:
    """Lines of chapter 4 of the document, as cells."""
    if not SEED.is_file():
        pytest.skip("the document is not beside the checkout")
    text = SEED.read_text(encoding="utf-8")
    chapter = text[text.index("4.3 First Model") : text.index("5 First pre-trained network")]
    return [line.split("\t") for line in chapter.splitlines()]


def letters(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def numbers(line: list[str]) -> list[float]:
    return [float(cell) for cell in line[1:] if re.fullmatch(r"[\d.]+", cell.strip())]


def test_every_per_class_number_is_the_printed_one_in_the_printed_order(published: Published, document: list) -> None:
    first = [place for place, line in enumerate(document) if line[0] == "Angry"]
    assert len(first) == len(PRINTED)
    for name, start in zip(PRINTED, first, strict=True):
        table = published.experiment(name).table
        stored = [[row.precision, row.recall, row.f1, row.support] for row in table.rows]
        stored += [[table.accuracy, table.n]]
        stored += [[*mean.values(), table.n] for mean in (table.macro, table.weighted)]
        assert [numbers(line) for line in document[start : start + 10]] == stored


def test_the_tuning_table_is_the_printed_one(published: Published, document: list) -> None:
    start = next(place for place, line in enumerate(document) if line[0] == "learning_rate")
    rows = published.tuning("single-cnn").rows
    assert [numbers(line) for line in document[start + 1 : start + 5]] == [list(row[1:]) for row in rows]
    assert [row[0] for row in rows] == [1e-5, 1e-4, 1e-3, 1e-2]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["single-cnn", "dual-cnn", "parallel-mfcc"])
def test_every_printed_layer_row_is_stored_cell_by_cell(number: int, published: Published, document: list) -> None:
    start = [place for place, line in enumerate(document) if "Param #" in line][number] + 1
    printed = list(itertools.takewhile(lambda line: len(line) > 2 and line[2], document[start:]))
    rows = [row for row in published.layers(LAYERED[number]).rows if row.restored != "row"]
    assert len(rows) == len(printed)
    for row, line in zip(rows, printed, strict=True):
        assert str(row.parameters) in [cell.strip() for cell in line[1:]]
        assert "name" in row.restored or letters(row.name)[1:] in letters(line[0])
        assert "shape" in row.restored or letters(row.shape.rpartition("None")[2]) in letters("".join(line))


def test_the_best_epoch_and_the_augmented_clips_are_printed(published: Published, document: list) -> None:
    text = "\n".join("\t".join(line) for line in document)
    assert f"equal to {published.experiment('single-cnn').table.best_epoch}" in text
    assert f"training samples is {published.data['training_clips_with_noisy_copies']}" in text


@pytest.mark.parametrize("name", PRINTED)
def test_f1_follows_from_precision_and_recall_within_rounding(name: str, published: Published) -> None:
    for row in published.class_table(name):
        low, high = (
            2 * (row.precision + half) * (row.recall + half) / (row.precision + row.recall + 2 * half)
            for half in (-0.005, 0.005)
        )
        assert low - 0.005 <= row.f1 <= high + 0.005


@pytest.mark.parametrize("name", PRINTED)
def test_means_and_accuracy_follow_from_the_rows_within_rounding(name: str, published: Published) -> None:
    table = published.experiment(name).table
    for score in ("precision", "recall", "f1"):
        values = [getattr(row, score) for row in table.rows]
        supports = [row.support for row in table.rows]
        assert table.macro[score] == pytest.approx(sum(values) / 7, abs=0.01 + 1e-9)
        weighted = sum(value * support for value, support in zip(values, supports, strict=True)) / table.n
        assert table.weighted[score] == pytest.approx(weighted, abs=0.01 + 1e-9)
    recalled = sum(row.recall * row.support for row in table.rows) / table.n
    assert table.accuracy == pytest.approx(recalled, abs=0.01 + 1e-9)


@pytest.mark.parametrize(
    ("name", "total"),
    [("single-cnn", 27495), ("dual-cnn", 54983), ("parallel-mfcc", 848967), ("parallel-mel", 860943)],
)
def test_totals_of_the_layer_tables_are_known(name: str, total: int, published: Published) -> None:
    assert published.layers(name).total == total


def test_an_experiment_without_a_table_has_no_published_number(published: Published) -> None:
    for name in ("single-cnn-clean", "parallel-mel-94"):
        assert published.metrics(name) == {}
        assert published.class_table(name) == ()


def test_metrics_have_the_names_of_the_records(published: Published) -> None:
    assert published.metrics("single-cnn") == {
        "accuracy": 0.67,
        "macro_f1": 0.68,
        "macro_precision": 0.70,
        "macro_recall": 0.69,
        "weighted_f1": 0.66,
        "weighted_precision": 0.68,
        "weighted_recall": 0.67,
    }


def test_corpora_add_up_to_all_clips(published: Published) -> None:
    assert sum(published.data["corpora"].values()) == published.data["clips"]


def test_every_file_reads() -> None:
    assert "ser_parallel" in studies()
    for study in studies():
        assert load(study).experiments


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("accuracy = 0.67", "acuracy = 0.67", "experiment single-cnn has an unknown field 'acuracy'"),
        ("accuracy = 0.67", "accuracy = 67.0", "experiment single-cnn, accuracy: 67.0 is no score"),
        ("accuracy = 0.67", 'accuracy = "0.67"', "accuracy is '0.67', not of type float"),
        ("0.63, 0.92, 0.75, 187", "0.63, 0.92, 187", "a row has class, precision, recall, F1, support"),
        ("0.63, 0.92, 0.75, 187", "0.63, 0.92, 0.75, 178", "the supports add up to 1208, n is 1217"),
        ('["disgust", 0.69, 0.51', '["angry", 0.69, 0.51', "the rows are not the classes"),
        ('id = "dual-cnn"', 'id = "single-cnn"', "two experiments have the same id"),
        ("total = 27495", "total = 27459", "layers single: the rows add up to 27495"),
        ('experiments = ["dual-cnn"]', 'experiments = ["two-cnn"]', "layers dual: no experiment has the id 'two-cnn'"),
        ("[resolution]", "[resolutions]", "unknown field 'resolutions'"),
        ("schema = 1", "schema = 0", "schema is 0"),
        ("schema = 1", "schema = ", "is not TOML"),
    ],
)
def test_a_typo_is_refused_with_its_file_and_field(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    text = (FOLDER / "ser_parallel.toml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "ser_parallel.toml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as error:
        load("ser_parallel", tmp_path)
    assert "ser_parallel.toml" in str(error.value)


def test_an_unknown_study_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known studies: none"):
        load("ser_paralel", tmp_path)


def test_an_unknown_experiment_is_refused_with_the_known_ones(published: Published) -> None:
    with pytest.raises(InputError, match="it has single-cnn"):
        published.metrics("triple-cnn")
