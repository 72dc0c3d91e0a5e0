import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import InputError
from common.published import FOLDER, Published, load, read, studies

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"
SPEECH, MUSIC = "004_b618576c558f6a58.txt", "002_e531f734b5cfbc15.txt"
LAYERED = ["single-cnn", "dual-cnn", "parallel-mfcc", "vgg16-3", "wav2vec2"]
PRINTED = ["single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mfcc-awgn", "parallel-mel", "parallel-mel-awgn"]
PRINTED += ["vgg16-1", "vgg16-2", "vgg16-3", "vgg16-4", "vgg16-5", "wav2vec2"]


def load_from(folder: Path, study: str) -> Published:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCORE_PUBLISHED", str(folder))
        return load(study)


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


def test_wav2vec2_is_its_base_and_a_dense_layer(published: Published) -> None:
    table = published.layers("wav2vec2")
    assert table
    assert published.stored["wav2vec2_base_parameters"] + 768 * 7 + 7 == table.total


def test_the_head_on_vgg16_is_its_dense_layers(published: Published) -> None:
    table = published.layers("vgg16-3")
    assert table
    head = sum(row.parameters for row in table.rows if row.type == "Dense")
    assert published.stored["vgg16_head_parameters"] == head


@pytest.mark.parametrize("study", studies())
def test_corpora_add_up_to_all_clips(study: str) -> None:
    data = load(study).data
    assert sum(data.corpora.values()) == (data.clips or 0)


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


# What is refused, with its file and place.


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        # what the types refuse
        ("accuracy = 0.82", "acuracy = 0.82", "classes, 1 (large-cnn), acuracy"),
        ('title = "Small CNN"', 'title = "Small"\nbest = 67', "experiment, 1 (small-cnn), best"),
        ("accuracy = 0.82", "accuracy = 82.0", "classes, 1 (large-cnn), accuracy"),
        ('["lark", 0.79, 0.87', '["lark", 0.79', "classes, 1 (large-cnn), rows, 1"),
        ("76.7] }", "-76.7] }", "confusion, 1 (small-cnn), rows, owl, 2"),
        ("[0.783, 0.61]", "[nan, 0.61]", "results, 1 (table-2), rows, small-cnn, 1"),
        ("overall = 0.05", "overall = inf", "resolution, overall"),
        ("decimals = 3", "decimals = 400", "metric, accuracy, decimals"),
        ('study = "moon_birds"', 'study = ""', "study"),
        ('["large-cnn", "small-cnn"]', "[]", "claim, 1 (larger-is-better), experiments"),
        # names that nothing has, and names that two have
        ('["lark", 0.79', '["larks", 0.79', "large-cnn: the rows are not lark, owl"),
        ('classes = ["lark", "owl"]', 'classes = ["lark", "lark"]', "'lark'"),
        ('id = "large-cnn"\ntitle', 'id = "small-cnn"\ntitle', "'small-cnn'"),
        ('experiments = ["large-cnn"]', 'experiments = ["two-cnn"]', "'two-cnn'"),
        ("[metric.loss]", "[metric.lost]", "[metric.loss]"),
        ("n = { accuracy = 60, loss", "n = { acuracy = 60, loss", "'acuracy'"),
        ('headline = "accuracy"', 'headline = "acuracy"', "'acuracy'"),
        ('headline = "accuracy"', 'headline = "lark_f1"', "'lark_f1'"),
        ('metric = "accuracy"\nexperiments', 'metric = "acuracy"\nexperiments', "'acuracy'"),
        ("overall = 0.05\n", "", "overall"),
        ("per_class = 0.12\n", "", "per_class"),
        # what does not fit together
        ("small-cnn = [0.783, ", "small-cnn = [", "row small-cnn has 1 numbers for 2 columns"),
        ("total = 674", "total = 647", "layers, 1 (large-cnn)"),
        ("0.83, 30]", "0.83]", "the support of lark"),
        ("accuracy = 0.82", "", "classes, 1 (large-cnn)"),
        ("owl = [23.3, 76.7] }", "owl = [23, 177] }", "the row of owl adds up to 200, more than 100"),
        ('normalised = "rows"', 'normalised = "counts"', "Figure 1, owl: 23.3"),
        ("chosen = { learning_rate = 0.001 }", "chosen = { learning_rate = 0.1 }", "chosen learning_rate"),
        ('kind = "greater"', 'kind = "greater"\nthreshold = 0.5', "threshold"),
        ('["large-cnn", "small-cnn"]', '["large-cnn"]', "compares two"),
        ('["large-cnn", "small-cnn"]', '["large-cnn", "large-cnn"]', "with itself"),
        ("small-cnn = [0.783,", "small-cnn = [78.3,", "78.3 is not between 0 and 1"),
        ("small-cnn = [0.783,", "small-cnn = [-0.783,", "-0.783 is not between 0 and 1"),
        # more decimals than the column is said to have
        ("[0.783, 0.61]", "[0.7826, 0.61]", "Table 2, small-cnn, accuracy: 0.7826"),
        ("0.48] }", "0.48] }\ndecimals = { small-cnn = [2, 2] }", "0.783"),
        ("decimals = 3", "decimals = 0\npercent = true", "78.3 %"),
        ('["lark", 0.79', '["lark", 0.791', "Table 3, lark: 0.791"),
        ("weighted = [0.82", "weighted = [0.821", "Table 3, weighted: 0.821"),
        ("owl = [23.3,", "owl = [23.33,", "Figure 1, owl: 23.33"),
        ("[0.01, 0.74]", "[0.01, 0.745]", "Table 1, 2, val_loss: 0.745"),
        ("value = 3.4", "value = 3.45", "3.45"),
        # findings
        ('"abs(points - gain) < 0.05"', '"open(1) < 0.05"', "finding gain: 'open(1)'"),
        ('"abs(points - gain) < 0.05"', '"abs(points - gains) < 0.05"', "'gains'"),
        ('"abs(points - gain) < 0.05"', '"points - gain"', "is no comparison"),
        ('"abs(points - gain) < 0.05"', '"sets < gain"', "mixes numbers and tuples"),
        ("a gain of {points:+.1}", "a gain of {point:+.1}", "'point'"),
        ("a gain of {points:+.1}", "a gain of {points:,d}", "',d'"),
        ("a gain of {points:+.1}", "a gain of {points!r}", "'!r'"),
        ("a gain of {points:+.1}", "a gain of {points:+.1", "finding, 1 (gain)"),
        ('quote = "a gain of 3.4 points"\n', "", "finding, 1 (gain)"),
        ("schema = 2", "schema = 1", "schema is 1"),
        ("schema = 2", "schema = ", "is not TOML"),
    ],
)
def test_an_error_is_refused_with_its_place(
    right: str, wrong: str, place: str, example: Callable[..., Published]
) -> None:
    with pytest.raises(InputError, match=re.escape(place)) as error:
        example(right, wrong)
    assert "moon_birds.toml" in str(error.value)


@pytest.mark.parametrize("part", ["results", "layers", "confusion", "search", "number", "counts", "claim", "finding"])
def test_a_table_that_is_there_twice_is_refused(part: str, example: Callable[..., Published]) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    entry = re.search(rf"\[\[{part}\]\]\n.*?(?=\n\n|\n```)", text, flags=re.DOTALL)
    assert entry
    with pytest.raises(InputError, match=r"two .* entries are called"):
        example(entry[0], f"{entry[0]}\n\n{entry[0]}")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("positive = [45.8, ", "positive = [", "one cell per class"),
        ('restored = ["tension"]', 'restored = ["tensions"]', "'tensions'"),
        ("14.3, 80.0, 50.0]", "14.3, 80.0, 51.0]", "the restored cell of tension"),
    ],
)
def test_lines_under_a_matrix_fit_to_it(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    text = (FOLDER / "emotify_features.toml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "emotify_features.toml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_from(tmp_path, "emotify_features")


def test_a_finding_whose_numbers_give_no_result_is_read(example: Callable[..., Published]) -> None:
    assert example('"100 * (', '"100 / (gain - gain) * (').findings[0].id == "gain"


def test_a_percentage_may_have_the_decimals_that_it_is_published_with(example: Callable[..., Published]) -> None:
    shown = example("decimals = 3", "decimals = 1\npercent = true")
    assert shown.numbers("small-cnn")["accuracy"].value == 0.783


def test_supports_that_do_not_add_up_are_read_as_published(example: Callable[..., Published]) -> None:
    assert example("0.83, 30]", "0.83, 31]").class_table("large-cnn")[0].support == 31


def test_a_file_of_another_study_is_refused(tmp_path: Path) -> None:
    text = (FOLDER / "music_mood_wavenet.toml").read_text(encoding="utf-8")
    (tmp_path / "moods.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"'music_mood_wavenet'.*'moods'"):
        load_from(tmp_path, "moods")


def test_a_missing_file_or_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*paper.toml"):
        read(tmp_path / "paper.toml")
    with pytest.raises(InputError, match="ser_paralel"):
        load_from(tmp_path, "ser_paralel")


@pytest.mark.parametrize(
    "wrong",
    [
        "1" + "0" * 19,
        "9" * 5000,
        "0x" + "f" * 4000,
        "[" * 100_000 + "]" * 100_000,
        "[" * 100 + "]" * 100,
        "{a = " * 20_000 + "1" + "}" * 20_000,
        "60\n" + ".".join(["a"] * 20_000) + " = 1",
        "60\n" + '"' + "a" * 50_000 + '" = 1',
        "60\n" + r'"\u001b[31m\n" = 1',
        "60\nextra = [" + "1," * 600_000 + "]",
    ],
    ids=["1e19", "digits", "hexadecimal", "deep", "nested", "tables", "dotted", "long key", "escape", "wide"],
)
def test_what_no_paper_has_ends_in_one_short_sentence(wrong: str, example: Callable[..., Published]) -> None:
    with pytest.raises(InputError, match=r"moon_birds\.toml") as error:
        example("n = 60", f"n = {wrong}")
    assert len(str(error.value)) < 900
    assert str(error.value).isprintable()


@pytest.mark.parametrize("text", ["sets * 1000000000 < 1", " + ".join(["1"] * 5000) + " < 1"], ids=["repeated", "long"])
def test_an_expression_that_would_take_all_memory_is_refused(text: str, example: Callable[..., Published]) -> None:
    with pytest.raises(InputError, match="finding gain"):
        example('"abs(points - gain) < 0.05"', f'"{text}"')
