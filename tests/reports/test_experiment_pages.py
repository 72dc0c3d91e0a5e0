"""What an experiment's page begins with: verdict, why, what touches it, how to repeat it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import Write

from common.published import load
from common.runs import store
from reports.audit import audit
from reports.blocks import File, Leads, Link, Section, Typed
from reports.build import study_of
from reports.collect import collect
from reports.experiment_pages import touches

SER, EMOTIFY = load("ser_parallel"), load("emotify_features")


def page(runs: Path, experiment: str = "single-cnn") -> Section:
    study = study_of("ser_parallel", collect([runs]).groups)
    (section,) = (one for one in study.chapter.sections if one.name == experiment)
    return section


def files(runs: Path) -> list[Path]:
    leads = page(runs).blocks[0]
    assert isinstance(leads, Leads)
    return [link.path for _, links in leads.rows for link in links if isinstance(link, File)]


def commands(runs: Path) -> list[str]:
    (typed,) = (block for block in page(runs).blocks if isinstance(block, Typed))
    return typed.text.split("\n")


def test_the_verdict_comes_first_then_why_then_what_touches_it(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6, clips=1440)
    leads = page(runs).blocks[0]
    assert isinstance(leads, Leads)
    verdict, why, findings, *_ = leads.rows
    assert all(part in verdict[0] for part in ("published 0.67", "not comparable"))
    assert "without SAVEE, TESS, CREMA-D" in why[0]
    assert "contradicted" in findings[0]
    assert "ser-savee-labels" in [link.section for link in findings[1] if isinstance(link, Link)]


def test_an_experiment_leads_to_its_record_where_the_runs_are_and_where_they_are_shipped(
    write: Write, runs: Path, tmp_path: Path
) -> None:
    write("single-cnn")
    assert files(runs) == [runs / "ser_parallel" / "single-cnn"]
    shipped = tmp_path / "shipped"
    store.keep(runs, shipped)
    (shipped / "README.md").write_text("How to read one")
    assert files(shipped) == [shipped / "ser_parallel" / "single-cnn.zip", shipped / "README.md"]
    assert all(file.exists() for file in files(shipped))


def test_an_experiment_is_repeated_by_the_command_that_made_it(
    write: Write, configure: Callable[..., Path], runs: Path
) -> None:
    for seed in range(5):
        write("single-cnn", seed=seed)
    configure(write("single-cnn", "independent"), overrides={"batch_size": 8})
    assert commands(runs) == [
        "python -m reproductions.ser_parallel run single-cnn --data DIR $(seq -f '--seed %g' 0 4)",
        "python -m reproductions.ser_parallel run single-cnn --data DIR --protocol independent --batch-size 8 --seed 0",
    ]


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"weights": "sha256:0a"}, "--weights WEIGHTS"),
        ({"weights": "none"}, "--weights none"),
        ({"identity": {"impulse_responses": "sha256:0a"}}, "--impulse-responses RESPONSES"),
        ({"identity": {"impulse_responses": "synthesised"}}, ""),
    ],
)
def test_files_that_a_run_was_given_are_part_of_its_command(
    settings: dict[str, object], options: str, write: Write, configure: Callable[..., Path], runs: Path
) -> None:
    configure(write("single-cnn"), **settings)
    (command,) = commands(runs)
    assert command.removeprefix("python -m reproductions.ser_parallel run single-cnn --data DIR").split() == [
        *options.split(),
        *("--seed", "0"),
    ]


def test_the_members_of_an_ensemble_are_made_first(write: Write, configure: Callable[..., Path], runs: Path) -> None:
    configure(write("single-cnn"), weights_of={"dual-cnn": 0.7, "vgg16-1": 0.3})
    first, command = commands(runs)
    assert first.startswith("#")
    assert all(name in first for name in ("dual-cnn", "vgg16-1"))
    assert command.endswith("run single-cnn --data DIR --seed 0")


@pytest.mark.parametrize(
    ("finding", "experiment", "touched"),
    [
        ("ser-savee-labels", "wav2vec2", True),
        ("ser-attention-axis", "parallel-mel", True),
        ("ser-attention-axis", "single-cnn", False),
        ("ser-gelu", "wav2vec2", True),
        ("ser-gelu", "single-cnn", False),
        ("proportions-vgg16-2", "vgg16-2", True),
        ("proportions-vgg16-2", "vgg16-1", False),
    ],
)
def test_a_finding_touches_what_it_names_or_what_is_under_its_heading(
    finding: str, experiment: str, touched: bool
) -> None:
    (one,) = (one for one in audit(SER) if one.id == finding)
    assert touches(one, SER.experiment(experiment), SER) is touched


def test_a_finding_on_the_data_touches_every_experiment() -> None:
    (one,) = (one for one in audit(EMOTIFY) if one.id == "emotify-track-numbering")
    assert all(touches(one, experiment, EMOTIFY) for experiment in EMOTIFY.experiments)
