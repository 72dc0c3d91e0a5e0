import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest
from synthetic import edit, reseal
from typer.testing import CliRunner

from common import published
from common.errors import InputError
from common.intervals import McNemar
from common.published import load, studies
from common.published.schema import Metric
from common.runs import store
from reports import __main__ as commands
from reports import figures
from reports.blocks import MISSING
from reports.build import build, page_texts
from reports.collect import collect
from reports.columns import difference
from reports.effects import PairedRun
from reports.experiment_pages import steps_in_words
from reports.study_page import mcnemar_in_words, seed_by_seed

Write = Callable[..., Path]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pictures_of(pages: Iterable[Path]) -> set[Path]:
    """Return the pictures that pages show."""
    return {
        (page.parent / link).resolve()
        for page in pages
        for link in re.findall(r"!\[.*?\]\((.*?)\)", page.read_text(encoding="utf-8"))
    }


@pytest.fixture
def study_of_runs(write: Write, runs: Path) -> Path:
    """Two experiments and protocols, and a switch over two seeds."""
    for seed in range(2):
        write("single-cnn", seed=seed, accuracy=0.6 + 0.02 * seed, clips=1440)
        write("single-cnn", "published+normalise=channel", seed=seed, accuracy=0.5, clips=1440)
    write("single-cnn", "independent", accuracy=0.43, clips=1440)
    write("dual-cnn", accuracy=0.62, clips=1440)
    return runs


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write white pictures: what is drawn is tested where the pictures are."""

    def white(picture: figures.Picture, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{picture.name}.svg"
        file.write_text('<svg viewBox="0 0 2 1" xmlns="http://www.w3.org/2000/svg"/>')
        return file

    monkeypatch.setattr(figures, "save", white)


def test_the_same_records_give_the_same_bytes(study_of_runs: Path, undrawn: None, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(collect([study_of_runs]), tmp_path / name)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_every_study_has_a_page_and_the_front_page_leads_to_each(
    undrawn: None, write: Write, runs: Path, tmp_path: Path
) -> None:
    write("single-cnn")
    built = build(collect([runs]), tmp_path)
    names = [f"{study}.md" for study in published.studies()]
    overviews = [path.name for path in built.pages if path.parent == tmp_path]
    assert sorted(overviews) == sorted(["README.md", "findings.md", *names])
    front = (tmp_path / "README.md").read_text()
    assert all(f"({name})" in front for name in names)


def test_studies_that_were_run_come_first(study_of_runs: Path) -> None:
    front = page_texts(collect([study_of_runs]), Path())["README.md"]
    assert front.index("ser_parallel.md") < front.index("emotify_features.md")


def test_every_picture_of_the_pages_is_drawn_and_none_besides(
    study_of_runs: Path, undrawn: None, tmp_path: Path
) -> None:
    built = build(collect([study_of_runs]), tmp_path)
    assert pictures_of(built.pages) == set(built.pictures)
    linked = {path.relative_to(tmp_path).as_posix() for path in built.pictures}
    assert "pictures/ser_parallel/errors.svg" in linked


def test_every_table_is_there_as_latex_and_csv(study_of_runs: Path, undrawn: None, tmp_path: Path) -> None:
    built = build(collect([study_of_runs]), tmp_path)
    names = {path.relative_to(tmp_path / "tables").with_suffix("").as_posix() for path in built.tables}
    assert {"ser_parallel/classes-single-cnn", "ser_parallel/errors", "valence_parallel_conv/results-table-1"} <= names
    assert {path.suffix for path in built.tables} == {".tex", ".csv"}
    assert len(built.tables) == 2 * len(names - {"results"}) + 1


def test_the_long_table_is_written_whole(study_of_runs: Path, undrawn: None, tmp_path: Path) -> None:
    collected = collect([study_of_runs])
    build(collected, tmp_path)
    written = pd.read_csv(tmp_path / "tables" / "results.csv", keep_default_na=False)
    assert len(written) == sum(len(group.results) for group in collected.groups)
    assert set(written["experiment"]) == {group.experiment for group in collected.groups}


def test_the_html_page_holds_every_study(study_of_runs: Path, undrawn: None, tmp_path: Path) -> None:
    html = build(collect([study_of_runs]), tmp_path).html.read_text()
    assert all(f'<section id="{study}"' in html for study in published.studies())
    assert html.count("data:image/svg+xml;base64,") > len(published.studies())


def test_the_page_says_what_is_missing_leaks_and_was_not_run(study_of_runs: Path) -> None:
    pages = page_texts(collect([study_of_runs]), Path())
    text, apart = pages["ser_parallel.md"], pages["pages/ser_parallel/single-cnn.md"]
    assert "1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D" in text
    assert "1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D" in apart
    assert "| published | speaker | leaks | 24 speakers in train and test |" in apart
    assert "pages/ser_parallel/vgg16-1.md" not in pages
    assert f"| not run | 0.64 | {MISSING} | Accuracy |" in text


def test_the_page_says_what_a_slip_and_a_protocol_were_worth(study_of_runs: Path) -> None:
    text = page_texts(collect([study_of_runs]), Path())["ser_parallel.md"]
    slips, _, protocols = text.partition('<a id="effects"></a>')[2].partition("with another protocol")
    name = "| [One CNN block, MFCC](pages/ser_parallel/single-cnn.md)"
    assert f"{name} | normalise=channel | published | \N{MINUS SIGN}0.1" in slips
    assert "0.597 → 0.500, 0.618 → 0.500" in slips
    assert f"{name} | independent | published | \N{MINUS SIGN}0.1" in protocols


def pair(seed: int, *, same_clips: bool = True) -> PairedRun:
    test = McNemar(3, 9, 0.15 + seed / 100) if same_clips else None
    return PairedRun(seed, 0.5 + seed / 100, 0.6 + seed / 100, test, same_clips)


def test_many_seeds_are_told_from_where_to_where_they_go_and_few_one_by_one() -> None:
    share, percent = (Metric(kind="proportion", decimals=3 - 2 * percent, percent=percent) for percent in (False, True))
    assert seed_by_seed([pair(0), pair(1)], share) == "0.500 → 0.600, 0.510 → 0.610"
    assert seed_by_seed([pair(0)], percent) == "50.0 → 60.0"
    assert seed_by_seed([pair(seed) for seed in range(20)], share) == "0.500 to 0.690 → 0.600 to 0.790"


def test_a_difference_of_shares_in_percent_is_in_percentage_points() -> None:
    assert difference(load("emotify_features"), "accuracy", -0.0213) == "\N{MINUS SIGN}2.1"
    assert difference(load("ser_parallel"), "accuracy", 0.0213) == "+0.021"


def test_the_tests_of_many_seeds_are_a_range_and_without_any_one_dash() -> None:
    assert mcnemar_in_words([pair(seed) for seed in range(20)]) == "0.15 to 0.34"
    assert mcnemar_in_words([pair(seed, same_clips=seed < 6) for seed in range(20)]) == "0.15 to 0.2 (6 of 20 seeds)"
    assert mcnemar_in_words([pair(0), pair(1, same_clips=False)]) == f"0.15, {MISSING}"
    assert mcnemar_in_words([pair(seed, same_clips=False) for seed in range(20)]) == MISSING


def test_an_estimator_is_told_as_its_steps_with_what_it_is_made_of() -> None:
    trees = {"estimator": "DecisionTreeClassifier", "estimator__max_depth": None, "estimator__criterion": "gini"}
    steps = [
        {"type": "StandardScaler", "settings": {"with_std": False}},
        {"type": "BaggingClassifier", "settings": {**trees, "n_estimators": 30, "random_state": None}},
    ]
    expected = "StandardScaler, then BaggingClassifier (n_estimators = 30) of DecisionTreeClassifier (criterion = gini)"
    assert steps_in_words(steps) == expected


def test_a_demo_says_so_on_the_page(write: Write, runs: Path) -> None:
    write("single-cnn", clips=280, demo=True, size="demo")
    pages = page_texts(collect([runs]), Path())
    text = pages["ser_parallel.md"]
    for page in (text, pages["README.md"], pages["pages/ser_parallel/single-cnn.md"]):
        assert page.count("**DEMO corpus: synthesised sounds.") == 1
    assert "| not comparable |" in text


def test_what_the_shipped_runs_had_is_said_of_them_and_not_of_a_readers_own(
    write: Write, runs: Path, tmp_path: Path
) -> None:
    write("single-cnn", clips=1440)
    store.keep(runs, tmp_path / "kept")
    own, shipped = (page_texts(collect([folder]), Path())["ser_parallel.md"] for folder in (runs, tmp_path / "kept"))
    tested = load("ser_parallel").tested.splitlines()[0]
    assert tested and tested in shipped
    assert tested not in own


def test_a_class_without_clips_is_a_dash_not_a_crash(write: Write, runs: Path) -> None:
    write("single-cnn", clips=280, demo=True, n=20)
    path = next(runs.rglob("record.json"))
    record = json.loads(path.read_text())
    record["task"]["outputs"].append("calm")
    record["data"]["per_output"]["calm"] = 0
    record["confusion"] = [[*row, 0] for row in record["confusion"]] + [[0] * 8]
    record["per_output"]["calm"] = {"support": 0, "scores": dict.fromkeys(("precision", "recall", "f1"))}
    record["baselines"]["chance"]["accuracy"] = 1 / 8
    path.write_text(json.dumps(record))
    reseal(path.parent)
    assert (
        f"| Calm |{f' {MISSING} |' * 7} 0 |" in page_texts(collect([runs]), Path())["pages/ser_parallel/single-cnn.md"]
    )


def test_what_is_fitted_at_once_has_no_epochs(write: Write, runs: Path) -> None:
    write("single-cnn")
    path = next(runs.rglob("record.json"))
    record = json.loads(path.read_text())
    record["folds"][0] |= {"best_epoch": None, "epochs": None}
    record["timings"]["epoch_s"] = None
    record["parameters"] = {"total": None, "trainable": None}
    path.write_text(json.dumps(record))
    pd.read_csv(path.parent / "history.csv").head(0).to_csv(path.parent / "history.csv", index=False)
    reseal(path.parent)
    text = page_texts(collect([runs]), Path())["pages/ser_parallel/single-cnn.md"]
    assert "- Epochs: none: fitted at once" in text
    assert "- Parameters: none" in text


def test_build_writes_its_files_and_says_what_it_left_out(
    undrawn: None, write: Write, runs: Path, tmp_path: Path
) -> None:
    write("single-cnn")
    (write("dual-cnn") / "record.json").write_text("{")
    result = CliRunner().invoke(commands.app, ["build", "--runs", str(runs), "--out", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0
    listing = json.loads(result.stdout)
    assert all(Path(path).is_file() for kind in ("pages", "tables", "pictures") for path in listing[kind])
    assert Path(listing["html"]).is_file()
    assert len(listing["skipped"]) == 1
    assert "dual-cnn" in result.stderr


def test_keep_takes_nothing_while_a_run_is_invalid(write: Write, runs: Path, tmp_path: Path) -> None:
    write("single-cnn")
    edit(write("dual-cnn"), {"metrics.accuracy.value": 0.123})
    result = CliRunner().invoke(commands.app, ["keep", "--runs", str(runs), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()


def test_build_without_any_record_is_refused(runs: Path) -> None:
    result = CliRunner().invoke(commands.app, ["build", "--runs", str(runs)])
    assert "no usable record" in str(result.exception)


def test_check_prints_the_contracted_fields(write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "stale_pages", lambda results, committed: [])
    write("single-cnn", clips=1440)
    result = CliRunner().invoke(commands.app, ["check", "--runs", str(runs), "--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    contract = "study experiment protocol metric published obtained interval n data verdict why"
    assert all(set(contract.split()) <= set(row) for row in rows)
    data = {row["data"] for row in rows if row["experiment"] == "single-cnn"}
    assert data == {"1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D"}


def test_check_judges_the_users_own_runs_where_there_are_any(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "stale_pages", lambda results, committed: [])
    monkeypatch.setattr(commands, "RESULTS", tmp_path / "shipped")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)

    def judged() -> set[str]:
        rows = json.loads(CliRunner().invoke(commands.app, ["check", "--json"]).stdout)
        return {row["experiment"] for row in rows if row["obtained"] is not None}

    write("single-cnn", into=tmp_path / "shipped")
    assert judged() == {"single-cnn"}
    write("dual-cnn", into=home / "runs")
    assert judged() == {"dual-cnn"}


def test_check_fails_on_an_invalid_record(write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "stale_pages", lambda results, committed: [])
    (write() / "record.json").write_text("{")
    result = CliRunner().invoke(commands.app, ["check", "--runs", str(runs)])
    assert "1 record(s) invalid" in str(result.exception)


def test_check_fails_on_a_number_not_reproduced_only_when_strict(
    write: Write, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "stale_pages", lambda results, committed: [])
    write(accuracy=0.3)
    assert CliRunner().invoke(commands.app, ["check", "--runs", str(runs)]).exit_code == 0
    strict = CliRunner().invoke(commands.app, ["check", "--runs", str(runs), "--strict"])
    assert "not reproduced" in str(strict.exception)


def test_a_committed_page_is_stale_when_its_records_change(undrawn: None, write: Write, tmp_path: Path) -> None:
    results = tmp_path / "results"
    write(into=results)
    assert "valence_parallel_conv.md" in commands.stale_pages(results, tmp_path)
    build(collect([results]), tmp_path)
    assert commands.stale_pages(results, tmp_path) == []
    write("dual-cnn", into=results)
    stale = commands.stale_pages(results, tmp_path)
    assert {"README.md", "ser_parallel.md", "pages/ser_parallel/dual-cnn.md"} <= set(stale)
    assert not [page for page in stale if "emotify" in page]


def test_a_committed_page_without_its_pictures_is_stale(undrawn: None, write: Write, tmp_path: Path) -> None:
    write(into=tmp_path / "results")
    build(collect([tmp_path / "results"]), tmp_path)
    (tmp_path / "pictures" / "ser_parallel" / "headline.svg").unlink()
    assert commands.stale_pages(tmp_path / "results", tmp_path) == ["README.md", "ser_parallel.md"]


def test_check_fails_on_a_stale_page(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    monkeypatch.setattr(commands, "stale_pages", lambda results, committed: ["README.md"])
    result = CliRunner().invoke(commands.app, ["check", "--runs", str(runs)])
    assert str(result.exception) == "README.md stale: run `make report` and commit"


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ([], ["build"]),
        (["--out", "x"], ["build", "--out", "x"]),
        (["check", "--strict"], ["check", "--strict"]),
        (["audit", "paper.toml"], ["audit", "paper.toml"]),
        (["--debug", "check"], ["--debug", "check"]),
    ],
)
def test_build_is_the_command_where_none_is_named(given: list[str], understood: list[str]) -> None:
    assert commands.with_command(given) == understood


def test_the_committed_pages_are_what_the_shipped_records_give() -> None:
    assert commands.stale_pages(commands.RESULTS, commands.RESULTS.parent) == []


def test_every_committed_picture_is_on_a_page() -> None:
    committed = commands.RESULTS.parent
    shown = pictures_of([*committed.glob("*.md"), *committed.glob("pages/*/*.md")])
    assert set(committed.glob("pictures/*/*.svg")) == shown


def test_every_committed_page_is_linked_and_every_link_leads_to_something() -> None:
    committed = commands.RESULTS.parent
    pages = {
        page: page.read_text(encoding="utf-8") for page in (*committed.glob("*.md"), *committed.glob("pages/*/*.md"))
    }
    pages[committed.parent / "README.md"] = (committed.parent / "README.md").read_text(encoding="utf-8")
    reached = set()
    for page, text in pages.items():
        for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
            if "://" in link:  # of others
                continue
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            reached.add(target)
            assert target.exists(), (page, link)
            assert not anchor or f'id="{anchor}"' in pages[target], (page, link)
    assert reached >= set(committed.glob("pages/*/*.md"))


@pytest.mark.parametrize("study", studies())
def test_every_committed_page_of_an_experiment_leads_up_and_to_its_record_and_says_its_command(study: str) -> None:
    folder = commands.RESULTS.parent / "pages" / study
    pages = {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("*.md")}
    shown = [one.id for one in load(study).experiments if one.id in pages]
    assert shown
    for name in shown:
        assert f"](../../{study}.md)" in pages[name]
        assert f"](../../results/{study}/{name}.zip)" in pages[name]
        assert f"python -m reproductions.{study} run {name} " in pages[name]


def test_reports_need_neither_keras_nor_tensorflow() -> None:
    program = (
        "import sys, reports.__main__\n"
        "found = {'keras', 'tensorflow', 'torch', 'librosa', 'reproductions', 'tuning'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_the_program_leaves_with_the_codes_of_the_contract_and_all_that_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reports", "audit"]
    root = Path(__file__).parents[2]
    wrong = subprocess.run([*command, str(tmp_path / "no.toml")], capture_output=True, text=True, cwd=root)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: cannot read")
    right = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=root)
    assert right.returncode == 0
    assert len(json.loads(right.stdout)) > 200
