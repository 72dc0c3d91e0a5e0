import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import InputError
from common.published import FOLDER, Published, load, read, studies
from common.published.schema import SCORES, ClassTable

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"
SPEECH, MUSIC = "004_b618576c558f6a58.txt", "002_e531f734b5cfbc15.txt"
LAYERED = ["single-cnn", "dual-cnn", "parallel-mfcc", "vgg16-3", "wav2vec2"]
PRINTED = ["single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mfcc-awgn", "parallel-mel", "parallel-mel-awgn"]
PRINTED += ["vgg16-1", "vgg16-2", "vgg16-3", "vgg16-4", "vgg16-5", "wav2vec2"]


@pytest.fixture(scope="module")
def published() -> Published:
    return load("ser_parallel")


@pytest.fixture(scope="module")
def document() -> list[list[str]]:
    """Lines of the document on speech, as cells."""
    return cells(SPEECH)


def cells(name: str) -> list[list[str]]:
    if not (SEEDS / name).is_file():
        pytest.skip("the document is not beside the checkout")
    return [line.split("\t") for line in (SEEDS / name).read_text(encoding="utf-8").splitlines()]


def letters(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def numbers(line: list[str]) -> list[float]:
    return [float(cell) for cell in line[1:] if re.fullmatch(r"[\d.]+", cell.strip())]


# The document, cell by cell.


def test_every_per_class_number_is_the_printed_one_in_the_printed_order(published: Published, document: list) -> None:
    first = [place for place, line in enumerate(document) if line[0] == "Angry"]
    assert len(first) == len(PRINTED) == len(published.class_tables)
    for name, start in zip(PRINTED, first, strict=True):
        table = published.table(name)
        assert table
        stored = [list(row[1:]) for row in table.rows]
        stored += [[table.accuracy, table.n]]
        stored += [[*mean, table.n] for mean in (table.macro, table.weighted)]
        assert [numbers(line) for line in document[start : start + 10]] == stored


def test_the_tuning_table_is_the_printed_one(published: Published, document: list) -> None:
    start = next(place for place, line in enumerate(document) if line[0] == "learning_rate")
    search = published.search("single-cnn")
    assert search
    assert [numbers(line) for line in document[start + 1 : start + 5]] == [list(row[1:]) for row in search.rows]
    assert [row[0] for row in search.rows] == [1e-5, 1e-4, 1e-3, 1e-2]


@pytest.mark.parametrize("number", range(5), ids=LAYERED)
def test_every_printed_layer_row_is_stored_cell_by_cell(number: int, published: Published, document: list) -> None:
    start = [place for place, line in enumerate(document) if "Param #" in "\t".join(line)][number] + 1
    printed = list(
        itertools.takewhile(lambda line: len(line) > 2 and line[2] and "params" not in line[0], document[start:])
    )
    table = published.layers(LAYERED[number])
    assert table
    rows = [row for row in table.rows if row.restored != "row"]
    assert len(rows) == len(printed)
    for row, line in zip(rows, printed, strict=True):
        assert str(row.parameters) in [cell.strip() for cell in line[1:]]
        assert "name" in row.restored or letters(row.name)[1:] in letters(line[0])
        assert "shape" in row.restored or letters(row.shape.rpartition("None")[2]) in letters("".join(line))


@pytest.mark.parametrize("number", [0, 1], ids=["handcrafted-bagged-trees", "deep-cubic-svm"])
def test_every_cell_of_a_confusion_matrix_stands_in_its_place(number: int) -> None:
    lines = cells(MUSIC)
    start = [place for place, line in enumerate(lines) if line[0] == "True Class"][number]
    table = load("emotify_features").confusions[number]
    assert [line[1].lower() for line in lines[start : start + 8]] == list(table.classes)
    for line, row in zip(lines[start : start + 8], table.rows.values(), strict=True):
        assert [float(cell.rstrip("%") or 0) for cell in line[2:]] == list(row)


# What follows from what.


@pytest.mark.parametrize("name", PRINTED)
def test_f1_follows_from_precision_and_recall_within_rounding(name: str, published: Published) -> None:
    for row in published.class_table(name):
        low, high = (
            2 * (row.precision + half) * (row.recall + half) / (row.precision + row.recall + 2 * half)
            for half in (-0.005, 0.005)
        )
        assert low - 0.005 <= row.f1 <= high + 0.005


@pytest.mark.parametrize("table", load("ser_parallel").class_tables, ids=lambda table: table.experiment)
def test_means_and_accuracy_follow_from_the_rows_within_rounding(table: ClassTable) -> None:
    for score in SCORES:
        values = [getattr(row, score) for row in table.rows]
        supports = [row.support for row in table.rows]
        assert getattr(table.macro, score) == pytest.approx(sum(values) / 7, abs=0.01 + 1e-9)
        weighted = sum(value * support for value, support in zip(values, supports, strict=True)) / table.n
        assert getattr(table.weighted, score) == pytest.approx(weighted, abs=0.01 + 1e-9)
    recalled = sum(row.recall * row.support for row in table.rows) / table.n
    assert table.accuracy == pytest.approx(recalled, abs=0.01 + 1e-9)


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("single-cnn", 27_495),
        ("dual-cnn", 54_983),
        ("parallel-mfcc", 848_967),
        ("parallel-mel", 860_943),
        ("vgg16-1", 27_660_103),
        ("vgg16-3", 27_660_103),
        ("wav2vec2", 94_377_095),
    ],
)
def test_totals_of_the_layer_tables_are_known(name: str, total: int, published: Published) -> None:
    table = published.layers(name)
    assert table
    assert table.total == total


def test_trainable_and_frozen_parameters_add_up(published: Published) -> None:
    told = [table for table in published.layer_tables if table.trainable is not None and table.frozen is not None]
    assert [table.id for table in told] == ["vgg16-4", "vgg16-5", "wav2vec2"]
    assert all(table.trainable + table.frozen == table.total for table in told)


def test_wav2vec2_is_its_base_and_a_dense_layer(published: Published) -> None:
    table = published.layers("wav2vec2")
    assert table
    assert published.number("wav2vec2-base-parameters") + 768 * 7 + 7 == table.total


def test_the_head_on_vgg16_is_its_dense_layers(published: Published) -> None:
    table = published.layers("vgg16-3")
    assert table
    head = sum(row.parameters for row in table.rows if row.type == "Dense")
    assert published.number("vgg16-head-parameters") == head


@pytest.mark.parametrize("study", studies())
def test_corpora_add_up_to_all_clips(study: str) -> None:
    data = load(study).data
    assert sum(data.corpora.values()) == (data.clips or 0)


def test_validation_accuracies_of_vgg16_are_shares_of_the_validation_set(published: Published) -> None:
    shown = [published.numbers(f"vgg16-{number}")["val_accuracy"] for number in range(1, 6)]
    for n, fits in {1216: 5, 1217: 0}.items():
        assert sum(abs(round(one.value * n) / n - one.value) <= one.step / 2 for one in shown) == fits
    assert {one.n for one in shown} == {1216}


@pytest.mark.parametrize("number", range(1, 6))
def test_test_accuracy_and_loss_of_vgg16_rest_on_the_clips_of_its_per_class_table(
    number: int, published: Published
) -> None:
    table, shown = published.table(f"vgg16-{number}"), published.numbers(f"vgg16-{number}")
    assert table
    assert (shown["accuracy"].n, shown["loss"].n, shown["val_loss"].n) == (table.n, table.n, 1216)


# How numbers are read.


def test_an_experiment_without_a_table_has_no_published_number(published: Published) -> None:
    for name in ("single-cnn-clean", "parallel-mel-94", "vgg16-0"):
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


def test_a_result_table_is_more_exact_than_the_per_class_table_beside_it(published: Published) -> None:
    accuracy = published.numbers("vgg16-3")["accuracy"]
    assert (accuracy.value, accuracy.n, accuracy.step, accuracy.table) == (0.6549, 1217, 0.0001, "Table 1")


def test_a_number_of_a_class_rests_on_its_clips(published: Published) -> None:
    recall = published.class_numbers("wav2vec2")["sad_recall"]
    assert (recall.value, recall.kind, recall.n, recall.resolution) == (0.54, "proportion", 92, 0.12)


def test_trials_of_one_metric_are_read_as_their_mean() -> None:
    printed = load("valence_parallel_conv").numbers("combination-6")["val_mae"]
    assert printed.trials == (0.5583, 0.5532, 0.5580)
    assert printed.value == pytest.approx(0.5565)
    assert printed.n is None


def test_a_row_may_be_printed_with_other_decimals_than_its_column() -> None:
    slides = load("music_mood_wavenet")
    assert slides.numbers("mel-b0")["macro_pr_auc"].step == 0.001
    assert slides.numbers("ensemble-ce")["macro_pr_auc"].step == 0.0001


def test_a_percentage_is_kept_as_a_share_and_written_as_printed() -> None:
    slides = load("emotify_features")
    accuracy = slides.numbers("deep-cubic-svm")["accuracy"]
    assert (accuracy.value, accuracy.n, accuracy.step) == (0.337, 1580, 0.001)
    assert slides.metric["accuracy"].printed(accuracy.value) == "33.7"


def test_an_experiment_may_work_on_other_data_than_the_document() -> None:
    slides = load("music_mood_wavenet")
    assert slides.data_of("mel-b0") is slides.data
    assert slides.data_of("emodb-wavenet").corpora == {"emodb": 339}


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Published]:
    """Read the example of the form, after replacing one text by another."""
    text = re.search(r"```toml\n(.*?)```", (FOLDER / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert text

    def reading(right: str = "", wrong: str = "") -> Published:
        assert right in text[1]
        (tmp_path / "moon_birds.toml").write_text(text[1].replace(right, wrong, 1), encoding="utf-8")
        return read(tmp_path / "moon_birds.toml")

    return reading


def test_the_example_of_the_form_is_read(example: Callable[..., Published]) -> None:
    assert example().metrics("large-cnn")["loss"] == 0.48


# What is refused.


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("accuracy = 0.67", "acuracy = 0.67", "classes, 1 (single-cnn), accuracy: Field required"),
        ('title = "One CNN block, MFCC"', 'title = "One"\nbest = 67', "experiment, 1 (single-cnn), best: Extra inputs"),
        ("decimals = 3", "decimal = 3", "metric, train_epoch_accuracy, decimals: Field required"),
        (
            "accuracy = 0.67",
            "accuracy = 67.0",
            "classes, 1 (single-cnn), accuracy: Input should be less than or equal to 1",
        ),
        ("accuracy = 0.67", 'accuracy = "0.67"', "accuracy: Input should be a valid number (found '0.67')"),
        ("0.63, 0.92, 0.75, 187", "0.63, 0.92, 187", "classes, 1 (single-cnn), rows, 1"),
        ('["disgust", 0.69, 0.51', '["angry", 0.69, 0.51', "single-cnn: the rows are not angry, disgust"),
        ('id = "dual-cnn"', 'id = "single-cnn"', "two experiment entries are called 'single-cnn'"),
        ("total = 27495", "total = 27459", "layers, 1 (single): the rows add up to 27495"),
        ('experiments = ["dual-cnn"]', 'experiments = ["two-cnn"]', "no experiment has the id 'two-cnn'"),
        ("[metric.loss]", "[metric.lost]", "no [metric.loss] says how to read that column"),
        ("vgg16-1 = [0.5987, ", "vgg16-1 = [", "row vgg16-1 has 3 numbers for 4 columns"),
        ("n = { val_accuracy", "n = { val_acuracy", "there is no column 'val_acuracy'"),
        (
            "chosen = { learning_rate = 0.01 }",
            "chosen = { learning_rate = 0.1 }",
            "the chosen learning_rate is not among",
        ),
        ("value = 0.7050\ndecimals = 4", "value = 0.7050\ndecimals = 2", "0.705 has more than 2 decimals"),
        ('metric = "surprise_f1"', 'metric = "suprise_f1"', "there is no metric 'suprise_f1'"),
        ("threshold = 0.93", "", "a threshold belongs to kind above, and to it alone"),
        ('experiments = ["vgg16-2", "vgg16-1"]', 'experiments = ["vgg16-2"]', "kind similar compares two experiments"),
        ("rows = { train = 9728", "rows = { train = 9729", "(sets-of-chapter-4): the rows add up to 12163"),
        ("[resolution]", "[resolutions]", "resolution: Field required"),
        ("schema = 2", "schema = 1", "schema is 1, this Encore reads 2"),
        ("schema = 2", "schema = ", "is not TOML"),
    ],
)
def test_a_typo_is_refused_with_its_file_and_field(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    text = (FOLDER / "ser_parallel.toml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "ser_parallel.toml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as error:
        load("ser_parallel", tmp_path)
    assert "ser_parallel.toml" in str(error.value)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("positive = [45.8, ", "positive = [", "a row has not one percentage per class"),
        ('restored = ["tension"]', 'restored = ["tensions"]', "there is no class 'tensions'"),
        ("14.3, 80.0, 50.0]", "14.3, 80.0, 51.0]", "the restored cell of tension is not the one on the diagonal"),
        ("16.1, 7.7, 28.6, 10.0, 12.5]", "16.1, 7.7, 28.6, 10.0, 125]", "less than or equal to 100"),
    ],
)
def test_a_typo_in_a_confusion_matrix_is_refused(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    text = (FOLDER / "emotify_features.toml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "emotify_features.toml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        load("emotify_features", tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("[0.783, 0.61]", "[0.7826, 0.61]", "Table 2, small-cnn, accuracy: 0.7826 has more than 3 decimals"),
        ("0.48] }", "0.48] }\ndecimals = { small-cnn = [2, 2] }", "accuracy: 0.783 has more than 2 decimals"),
        (
            "decimals = 3",
            "decimals = 0\npercent = true",
            "Table 2, small-cnn, accuracy: 0.783 (78.3 %) has more than 0 decimals",
        ),
        ('["lark", 0.79', '["lark", 0.791', "Table 3, lark: 0.791 has more than 2 decimals"),
        ("accuracy = 0.82", "accuracy = 0.817", "Table 3, accuracy: 0.817 has more than 2 decimals"),
        ("weighted = [0.82", "weighted = [0.821", "Table 3, weighted: 0.821 has more than 2 decimals"),
        ("owl = [23.3,", "owl = [23.33,", "Figure 1, owl: 23.33 has more than 1 decimal;"),
        ("[0.01, 0.74]", "[0.01, 0.745]", "Table 1, 2, val_loss: 0.745 has more than 2 decimals"),
    ],
)
def test_a_value_with_more_decimals_than_are_printed_is_refused(
    right: str, wrong: str, message: str, example: Callable[..., Published]
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        example(right, wrong)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("[0.783, 0.61]", "[nan, 0.61]", "results, 1 (table-2), rows, small-cnn, 1: Input should be a finite number"),
        ("[0.783, 0.61]", "[0.783, -inf]", "rows, small-cnn, 2: Input should be a finite number (found -inf)"),
        ("[0.001, 0.52]", "[0.001, inf]", "search, 1 (large-cnn), rows, 1, 2: Input should be a finite number"),
        ('["lark", 0.79', '["lark", nan', "classes, 1 (large-cnn), rows, 1, 2: Input should be a finite number"),
        ("value = 3.4", "value = nan", "number, 1 (gain), value: Input should be a finite number"),
        ("overall = 0.05", "overall = inf", "resolution, overall: Input should be a finite number"),
        ("decimals = 3", "decimals = 400", "metric, accuracy, decimals: Input should be less than or equal to 15"),
        ("overall = 0.05\n", "", "[resolution] has no overall"),
        ("per_class = 0.12\n", "", "[resolution] has no per_class"),
        ('kind = "greater"', 'kind = "above"\nthreshold = nan', "threshold: Input should be a finite number"),
        ('["large-cnn", "small-cnn"]', "[]", "claim, 1 (larger-is-better), experiments: Tuple should have at least 1"),
        ('["large-cnn", "small-cnn"]', '["large-cnn", "large-cnn"]', "kind greater compares large-cnn with itself"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    right: str, wrong: str, message: str, example: Callable[..., Published]
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        example(right, wrong)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("small-cnn = [0.783,", "small-cnn = [78.3,", "78.3 is not between 0 and 1; write a percentage as a share"),
        ('classes = ["lark", "owl"]', 'classes = ["lark", "lark"]', "two class entries are called 'lark'"),
        ('study = "moon_birds"', 'study = ""', "study: String should match pattern"),
        ('document = "Nobody et al., 2099"', "document = 2099-01-01", "a date or time stands where none can"),
    ],
)
def test_what_no_paper_can_print_is_refused(
    right: str, wrong: str, message: str, example: Callable[..., Published]
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        example(right, wrong)


TWICE = [("results", "result table", "table-2"), ("layers", "layer table", "large-cnn")]
TWICE += [("confusion", "confusion matrix", "small-cnn"), ("search", "search", "large-cnn")]


@pytest.mark.parametrize(("part", "what", "name"), TWICE)
def test_a_table_that_is_there_twice_is_refused(
    part: str, what: str, name: str, example: Callable[..., Published]
) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    entry = re.search(rf"\[\[{part}\]\]\n.*?\n\n", text, flags=re.DOTALL)
    assert entry
    with pytest.raises(InputError, match=f"two {what} entries are called '{name}'"):
        example(entry[0], entry[0] * 2)


@pytest.mark.parametrize("wrong", ["acuracy", "lark_f1"])
def test_a_headline_that_is_no_overall_metric_is_refused(wrong: str, example: Callable[..., Published]) -> None:
    with pytest.raises(InputError, match=f"there is no headline metric '{wrong}'"):
        example('headline = "accuracy"', f'headline = "{wrong}"')


def test_a_percentage_may_have_the_decimals_that_it_is_printed_with(example: Callable[..., Published]) -> None:
    shown = example("decimals = 3", "decimals = 1\npercent = true")
    assert shown.numbers("small-cnn")["accuracy"].value == 0.783


def test_supports_that_do_not_add_up_are_read_as_printed(tmp_path: Path) -> None:
    text = (FOLDER / "ser_parallel.toml").read_text(encoding="utf-8")
    (tmp_path / "ser_parallel.toml").write_text(text.replace("0.75, 187]", "0.75, 178]", 1), encoding="utf-8")
    assert load("ser_parallel", tmp_path).class_table("single-cnn")[0].support == 178


def test_a_file_of_another_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "moods.toml").write_text(
        (FOLDER / "music_mood_wavenet.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises(InputError, match="study is 'music_mood_wavenet', the file's name says 'moods'"):
        load("moods", tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*paper.toml \(no such file or directory\)"):
        read(tmp_path / "paper.toml")


def test_an_unknown_study_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="known studies: none"):
        load("ser_paralel", tmp_path)


def test_an_unknown_experiment_among_many_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"it has 72, .*handcrafted-fine-knn.* nearest; `list` names all$"):
        load("emotify_features").experiment("handcrafted-fine-kn")


def test_an_unknown_experiment_is_refused_with_the_known_ones(published: Published) -> None:
    with pytest.raises(InputError, match="it has single-cnn"):
        published.metrics("triple-cnn")
