from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from common import files
from common.published import load
from common.runs import records
from reports import conclusions
from reports.blocks import MISSING, cell_text
from reports.collect import collect
from reports.columns import sides_of
from reports.conclusions import Conclusion
from reports.results import Group
from reports.wording import MINUS

Write = Callable[..., Path]

SER = load("ser_parallel")


def judged(groups: list[Group], claim: str, protocol: str = "published") -> Conclusion:
    (one,) = [one for one in conclusions.conclusions(SER, groups) if (one.claim.id, one.protocol) == (claim, protocol)]
    return one


def on_the_same_clips(first: Path, second: Path) -> None:
    """Give the clips of two records the same names."""
    tables = [records.read(folder).predictions() for folder in (first, second)]
    files.write_table(second / "predictions.csv", tables[1].assign(name=tables[0]["name"]))


def groups_of(runs: Path) -> list[Group]:
    return collect([runs]).of("ser_parallel")


def test_without_a_record_a_conclusion_is_not_run_and_says_what_is_missing(write: Write, runs: Path) -> None:
    write("single-cnn")
    one = judged(groups_of(runs), "one-cnn-like-two")
    assert (one.verdict, one.evidence) == ("not run", "no record of dual-cnn as described")


@pytest.mark.parametrize(("gain", "verdict"), [(0.1, "supported"), (-0.1, "contradicted"), (0.01, "undecided")])
def test_what_is_said_to_be_better_is_supported_only_beyond_chance(gain, verdict, write: Write, runs: Path) -> None:
    write("parallel-mfcc-awgn", accuracy=0.6 + gain, n=1000)  # on other clips than the next one
    write("parallel-mfcc", accuracy=0.6)
    one = judged(groups_of(runs), "noise-helps-mfcc")
    assert one.verdict == verdict
    assert f"parallel-mfcc-awgn {0.6 + gain:.3f} against parallel-mfcc 0.600" in one.evidence


@pytest.mark.parametrize(
    ("other", "n", "verdict"),
    [
        (0.61, 4000, "supported"),
        (0.63, 40000, "supported"),
        (0.64, 1217, "undecided"),
        (0.61, 144, "undecided"),
        (0.8, 1217, "contradicted"),
    ],
)
def test_similar_is_what_is_known_to_differ_little(other, n, verdict, write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6, n=n)
    write("dual-cnn", accuracy=other, n=n - 1)
    assert judged(groups_of(runs), "one-cnn-like-two").verdict == verdict


def test_the_best_is_contradicted_by_one_better_model_whatever_was_not_run(write: Write, runs: Path) -> None:
    write("wav2vec2", accuracy=0.5)
    write("dual-cnn", accuracy=0.7)
    one = judged(groups_of(runs), "wav2vec2-best")
    assert one.verdict == "contradicted"
    assert "wav2vec2 0.500 against dual-cnn 0.700" in one.evidence
    assert "no record of single-cnn, parallel-mfcc, " in one.evidence


def test_the_best_of_those_run_is_not_the_best_of_all(write: Write, runs: Path) -> None:
    write("wav2vec2", accuracy=0.9)
    write("dual-cnn", accuracy=0.7)
    assert judged(groups_of(runs), "wav2vec2-best").verdict == "not run"


def test_a_threshold_is_compared_with_the_interval_of_every_model(write: Write, runs: Path) -> None:
    names = next(claim for claim in SER.claims if claim.id == "surprise-above-0.93").experiments
    for name in names:
        write(name, accuracy=0.6)
    one = judged(groups_of(runs), "surprise-above-0.93")
    assert one.verdict == "contradicted"
    assert all(f"{name} 0." in one.evidence for name in names)


def test_every_class_is_counted_where_every_class_is_said_to_gain(write: Write, runs: Path) -> None:
    write("parallel-mfcc-awgn", accuracy=0.95)
    write("parallel-mfcc", accuracy=0.5)
    one = judged(groups_of(runs), "noise-helps-every-class")
    assert one.verdict == "supported"
    assert one.evidence.startswith("7 of 7 ")


def test_a_demo_supports_nothing(write: Write, runs: Path) -> None:
    for name, accuracy in (("parallel-mfcc-awgn", 0.9), ("parallel-mfcc", 0.5)):
        write(name, accuracy=accuracy, demo=True, clips=84, n=84)
    assert judged(groups_of(runs), "noise-helps-mfcc").verdict == "not comparable"


def test_runs_on_other_data_are_never_compared_with_each_other(write: Write, runs: Path) -> None:
    write("parallel-mfcc-awgn", accuracy=0.9)
    write("parallel-mfcc", accuracy=0.5, clips=1440)
    assert judged(groups_of(runs), "noise-helps-mfcc").verdict == "not run"


def test_a_protocol_that_was_run_is_judged_too(write: Write, runs: Path) -> None:
    for name, accuracy in (("parallel-mfcc-awgn", 0.9), ("parallel-mfcc", 0.5)):
        write(name, "independent", accuracy=accuracy)
    groups = groups_of(runs)
    assert judged(groups, "noise-helps-mfcc").verdict == "not run"
    assert judged(groups, "noise-helps-mfcc", "independent").verdict == "supported"


def test_mcnemar_counts_the_clips_that_only_one_model_has_right(write: Write, runs: Path) -> None:
    first, second = write("single-cnn", accuracy=0.5), write("dual-cnn", accuracy=0.8)
    on_the_same_clips(first, second)
    groups = groups_of(runs)
    *_, table = conclusions.section(SER, groups, sides_of(groups), []).blocks
    ((model, best, protocol, difference, mine, theirs, p, how),) = [map(cell_text, row) for row in table.rows]
    right = pd.DataFrame({group.experiment: group.runs[0].per_clip for group in groups})
    assert (model, best, protocol, how) == ("single-cnn", "dual-cnn", "published", "paired bootstrap over clips")
    assert int(mine) == (right["single-cnn"] & ~right["dual-cnn"]).sum()
    assert int(theirs) == (right["dual-cnn"] & ~right["single-cnn"]).sum()
    assert difference.startswith(f"{MINUS}0.3")
    assert float(p) < 1e-6


def test_models_on_other_clips_have_no_such_test(write: Write, runs: Path) -> None:
    write("single-cnn", n=1217)
    write("dual-cnn", n=1000)
    groups = groups_of(runs)
    blocks = conclusions.section(SER, groups, sides_of(groups), []).blocks
    assert [block.name for block in blocks[1:]] == ["conclusions", "models"]


def test_the_models_stand_side_by_side_with_parameters_and_protocols(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6)
    write("single-cnn", "independent", accuracy=0.5)
    groups = groups_of(runs)
    _, _, models, *_ = conclusions.section(SER, groups, sides_of(groups), []).blocks
    first, second, *_ = [[cell_text(cell) for cell in row] for row in models.rows]
    headings = [column.heading for column in models.columns]
    assert headings[1:5] == [
        "Parameters",
        "Accuracy, published",
        "Accuracy, ours, published",
        "Accuracy, ours, independent",
    ]
    assert (first[1], first[2], first[3][:5], first[4][:5]) == ("27,495", "0.67", "0.600", "0.500")
    assert (second[1], second[3]) == ("54,983", MISSING)


def test_of_two_groups_the_one_with_its_weights_counts(write: Write, configure: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6)
    for seed in (1, 2):
        configure(write("single-cnn", seed=seed, accuracy=0.9), weights="none")
    ((group,),) = [models.values() for models in conclusions.models_of(groups_of(runs), "published")]
    assert group.seeds == [0]


@pytest.mark.parametrize("changed", [{"overrides": {"epochs": 1}}, {"identity": {"folds": 1}}], ids=["epochs", "folds"])
def test_a_run_that_the_command_line_changed_supports_no_conclusion(
    changed: dict[str, dict[str, int]], write: Write, configure: Write, runs: Path
) -> None:
    write("single-cnn", accuracy=0.9)
    configure(write("dual-cnn", accuracy=0.2), **changed)
    one = judged(groups_of(runs), "one-cnn-like-two")
    assert (one.verdict, one.evidence) == ("not run", "no record of dual-cnn as described")
    assert [list(models) for models in conclusions.models_of(groups_of(runs), "published")] == [["single-cnn"]]
