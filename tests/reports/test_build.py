import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from common.published import load
from reports import __main__ as commands
from reports.build import build, page_texts
from reports.collect import collect
from reports.compare import MINUS
from reports.tables import MISSING, class_table

Write = Callable[..., Path]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def study_of_runs(write: Write, runs: Path) -> Path:
    """Two experiments and protocols, and a switch over two seeds."""
    for seed in range(2):
        write("single-cnn", seed=seed, accuracy=0.6 + 0.02 * seed, clips=1440)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=0.5, clips=1440)
    write("single-cnn", "independent", accuracy=0.43, clips=1440)
    write("dual-cnn", accuracy=0.62, clips=1440)
    return runs


def test_the_same_records_give_the_same_bytes(study_of_runs: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(collect([study_of_runs]), tmp_path / name)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_every_picture_of_the_page_is_drawn_and_none_besides(study_of_runs: Path, tmp_path: Path) -> None:
    built = build(collect([study_of_runs]), tmp_path)
    page = (tmp_path / "ser_parallel.md").read_text()
    linked = {part.partition(")")[0] for part in page.split("](")[1:]}
    assert linked == {str(path.relative_to(tmp_path)) for path in built.figures}
    assert "figures/ser_parallel/slips.png" in linked
    assert "figures/ser_parallel/confusions-published.png" in linked


def test_pictures_name_no_software_and_no_date(study_of_runs: Path, tmp_path: Path) -> None:
    for path in build(collect([study_of_runs]), tmp_path).figures:
        with Image.open(path) as picture:
            assert set(picture.info) <= {"dpi"}


def test_the_class_table_has_the_printed_left_of_ours(write: Write, runs: Path) -> None:
    write("single-cnn")
    (group,) = collect([runs]).groups
    lines = class_table(load("ser_parallel").experiment("single-cnn"), group).splitlines()
    assert lines[0].startswith("|  | Precision, printed | Precision, obtained | Recall, printed")
    angry = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    row = group.first["per_class"]["angry"]
    assert angry[::2] == ["Angry", f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", "187"]
    assert angry[1::2] == ["0.63", "0.92", "0.75", "187"]
    assert [line.split("|")[1].strip() for line in lines[-3:]] == ["Accuracy", "Macro AVG", "Weighted AVG"]


def test_several_seeds_show_mean_deviation_and_each_value(study_of_runs: Path) -> None:
    text = page_texts(collect([study_of_runs]))["ser_parallel"]
    assert "mean of 2 seeds, deviation" in text
    assert "(seed 0: 0.597, seed 1: 0.618)" in text


def test_the_page_says_what_is_missing_leaks_and_was_not_run(study_of_runs: Path) -> None:
    text = page_texts(collect([study_of_runs]))["ser_parallel"]
    assert "1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent" in text
    assert "speaker: **leaks**, 24 speakers in train and test" in text
    assert f"| `parallel-mel` | 4.5.2 | {MISSING} | not run | 0.64 |" in text
    assert f"Against `published`: {MINUS}" in text


def test_a_demo_says_so_on_the_page(write: Write, runs: Path) -> None:
    write("single-cnn", clips=280, demo=True, size="demo")
    text = page_texts(collect([runs]))["ser_parallel"]
    assert text.count("**Demo corpus: synthesised sounds.") == 2
    assert "| not comparable |" in text


def test_a_demo_says_so_in_every_picture(
    write: Write, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("single-cnn", clips=280, demo=True, size="demo")
    write("single-cnn", "published+normalise=channel", clips=280, demo=True, size="demo")
    write("dual-cnn", clips=280, demo=True, size="demo")
    texts = []
    from reports import figures

    def note(draw: Callable, path: Path) -> Path:
        texts.append([text.get_text() for text in draw().texts])
        return path

    monkeypatch.setattr(figures, "_save", note)
    build(collect([runs]), tmp_path)
    assert len(texts) == 7
    assert all(figures.DEMO in words for words in texts)


def test_a_class_without_clips_is_a_dash_not_a_crash(write: Write, runs: Path, tmp_path: Path) -> None:
    write("single-cnn", clips=280, demo=True, n=20)
    path = next(runs.rglob("record.json"))
    record = json.loads(path.read_text())
    record["classes"].append("calm")
    record["confusion"] = [[*row, 0] for row in record["confusion"]] + [[0] * 8]
    names = ("precision", "recall", "f1")
    nothing = {key: None for name in names for key in (name, f"{name}_interval")}
    record["per_class"]["calm"] = {"support": 0, **nothing}
    path.write_text(json.dumps(record))
    build(collect([runs]), tmp_path)
    assert f"| Calm |{f' {MISSING} |' * 7} 0 |" in (tmp_path / "ser_parallel.md").read_text()


def test_build_writes_a_page_and_says_what_it_left_out(write: Write, runs: Path, tmp_path: Path) -> None:
    write("single-cnn")
    (write("dual-cnn") / "record.json").write_text("{")
    result = CliRunner().invoke(commands.app, ["build", "--runs", str(runs), "--out", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0
    listing = json.loads(result.stdout)
    assert [Path(page).name for page in listing["pages"]] == ["ser_parallel.md"]
    assert len(listing["skipped"]) == 1
    assert "dual-cnn" in result.stderr


def test_build_without_any_record_is_refused(runs: Path) -> None:
    result = CliRunner().invoke(commands.app, ["build", "--runs", str(runs)])
    assert "no usable record" in str(result.exception)


def test_check_prints_the_contracted_fields(
    write: Write, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "results")
    write("single-cnn", clips=1440)
    result = CliRunner().invoke(commands.app, ["check", "--runs", str(runs), "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    contract = "study experiment protocol metric published obtained interval n data verdict why"
    assert all(set(contract.split()) <= set(row) for row in rows)
    assert rows[0]["data"] == "1,440 of 12,162 clips: SAVEE, TESS, CREMA-D absent"


def test_check_fails_on_an_invalid_record(
    write: Write, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "results")
    (write() / "record.json").write_text("{")
    result = CliRunner().invoke(commands.app, ["check", "--runs", str(runs)])
    assert "1 record(s) invalid" in str(result.exception)


def test_check_fails_on_a_number_not_reproduced_only_when_strict(
    write: Write, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "results")
    write(accuracy=0.3)
    assert CliRunner().invoke(commands.app, ["check", "--runs", str(runs)]).exit_code == 0
    strict = CliRunner().invoke(commands.app, ["check", "--runs", str(runs), "--strict"])
    assert "not reproduced" in str(strict.exception)


def test_a_committed_page_is_stale_when_its_records_change(write: Write, tmp_path: Path) -> None:
    results = tmp_path / "results"
    write(into=results)
    assert commands.stale_pages(results, tmp_path) == ["ser_parallel.md"]
    build(collect([results]), tmp_path)
    assert commands.stale_pages(results, tmp_path) == []
    write(seed=1, into=results)
    assert commands.stale_pages(results, tmp_path) == ["ser_parallel.md"]


def test_a_committed_page_without_its_pictures_is_stale(write: Write, tmp_path: Path) -> None:
    write(into=tmp_path / "results")
    build(collect([tmp_path / "results"]), tmp_path)
    (tmp_path / "figures" / "ser_parallel" / "accuracy.png").unlink()
    assert commands.stale_pages(tmp_path / "results", tmp_path) == ["ser_parallel.md"]


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ([], ["build"]),
        (["--out", "x"], ["build", "--out", "x"]),
        (["check", "--strict"], ["check", "--strict"]),
        (["--debug", "check"], ["--debug", "check"]),
    ],
)
def test_build_is_the_command_where_none_is_named(given: list[str], understood: list[str]) -> None:
    assert commands.with_command(given) == understood


def test_the_committed_pages_are_what_the_shipped_records_give() -> None:
    assert commands.stale_pages(commands.RESULTS, commands.RESULTS.parent) == []


def test_reports_need_neither_keras_nor_tensorflow() -> None:
    program = (
        "import sys, reports.__main__, reports.figures, reports.tables\n"
        "found = {'keras', 'tensorflow', 'torch', 'librosa', 'reproductions', 'tuning'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
