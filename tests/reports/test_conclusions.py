"""Claims of a document, judged by the runs, and models compared with each other."""

from pathlib import Path
from typing import Any

import pytest
from synthetic import Write, edit

from common.intervals import mean_interval
from common.published import load
from reports import conclusions
from reports.collect import collect
from reports.conclusions import Conclusion
from reports.results import Group

SER = load("ser_parallel")
DEMO = {"demo": True, "clips": 84, "n": 84}


def judged(groups: list[Group], claim: str, protocol: str = "published") -> Conclusion:
    (one,) = [one for one in conclusions.conclusions(SER, groups) if (one.claim.id, one.protocol) == (claim, protocol)]
    return one


def groups_of(runs: Path) -> list[Group]:
    return collect([runs]).of("ser_parallel")


AWGN, PLAIN = "parallel-mfcc-awgn", "parallel-mfcc"
OVER_THRESHOLD = next(claim for claim in SER.claims if claim.id == "surprise-above-0.93").experiments
NOISE, SIMILAR = "noise-helps-mfcc", "one-cnn-like-two"
CASES: list[tuple[str, dict[str, dict[str, Any]], str, list[str]]] = [
    (SIMILAR, {"single-cnn": {}}, "not run", ["no record of dual-cnn as described"]),
    # Similar: the interval lies within the resolution, or outside it.
    (SIMILAR, {"single-cnn": {"accuracy": 0.6, "n": 4000}, "dual-cnn": {"accuracy": 0.61, "n": 3999}}, "holds", []),
    (SIMILAR, {"single-cnn": {"accuracy": 0.6, "n": 144}, "dual-cnn": {"accuracy": 0.61, "n": 143}}, "not shown", []),
    (SIMILAR, {"single-cnn": {"accuracy": 0.6}, "dual-cnn": {"accuracy": 0.8, "n": 1216}}, "does not hold", []),
    # Greater, on other clips: beyond the interval of the difference only.
    (NOISE, {AWGN: {"accuracy": 0.7, "n": 1000}, PLAIN: {"accuracy": 0.6}}, "holds", [f"{AWGN} 0.700 against"]),
    (NOISE, {AWGN: {"accuracy": 0.5, "n": 1000}, PLAIN: {"accuracy": 0.6}}, "does not hold", [f"{PLAIN} 0.600"]),
    (NOISE, {AWGN: {"accuracy": 0.61, "n": 1000}, PLAIN: {"accuracy": 0.6}}, "not shown", []),
    # A demo, and runs on other data.
    (NOISE, {AWGN: {"accuracy": 0.9} | DEMO, PLAIN: {"accuracy": 0.5} | DEMO}, "not comparable", []),
    (NOISE, {AWGN: {"accuracy": 0.9}, PLAIN: {"accuracy": 0.5, "clips": 1440}}, "not run", []),
    # The best: of all, whatever was not run.
    (
        "wav2vec2-best",
        {"wav2vec2": {"accuracy": 0.5}, "dual-cnn": {"accuracy": 0.7}},
        "does not hold",
        ["wav2vec2 0.500 against dual-cnn 0.700", "no record of single-cnn, parallel-mfcc, "],
    ),
    (
        "wav2vec2-best",
        {"wav2vec2": {"accuracy": 0.9}, "dual-cnn": {"accuracy": 0.7}},
        "not shown",
        ["no record of single-cnn, parallel-mfcc, "],
    ),
    (
        "surprise-above-0.93",
        {name: {"accuracy": 0.6} for name in OVER_THRESHOLD},
        "does not hold",
        [f"{name} 0." for name in OVER_THRESHOLD],
    ),
    ("noise-helps-every-class", {AWGN: {"accuracy": 0.95}, PLAIN: {"accuracy": 0.5}}, "holds", ["7 of 7 "]),
]


@pytest.mark.parametrize(("claim", "records_of", "verdict", "evidence"), CASES)
def test_a_claim_is_judged_by_the_intervals_of_comparable_runs(
    claim: str, records_of: dict[str, dict[str, Any]], verdict: str, evidence: list[str], write: Write, runs: Path
) -> None:
    for name, options in records_of.items():
        write(name, **options)
    decided = verdict in ("holds", "does not hold")
    if decided:
        assert judged(groups_of(runs), claim).verdict in ("not shown", "not run")  # a single seed decides nothing
    for name, options in records_of.items() if decided else ():
        write(name, seed=1, **options)
    one = judged(groups_of(runs), claim)
    assert one.verdict == verdict
    assert [words for words in evidence if words not in one.evidence] == []


def test_a_protocol_that_was_run_is_judged_too(write: Write, runs: Path) -> None:
    for name, accuracy in ((AWGN, 0.9), (PLAIN, 0.5)):
        for seed in (0, 1):
            write(name, "independent", seed=seed, accuracy=accuracy)
    groups = groups_of(runs)
    assert judged(groups, NOISE).verdict == "not run"
    assert judged(groups, NOISE, "independent").verdict == "holds"


def test_seeds_that_both_sides_have_are_compared_one_by_one_in_any_metric(write: Write, runs: Path) -> None:
    for seed in range(3):
        write("single-cnn", seed=seed, accuracy=0.5 + 0.1 * seed)
        write("dual-cnn", seed=seed, accuracy=0.55 + 0.101 * seed)
    first, second = (
        next(one for one in groups_of(runs) if one.experiment == name) for name in ("dual-cnn", "single-cnn")
    )
    by = conclusions.lead(SER, "macro_f1", first, second)
    assert by is not None
    each = [first.result("macro_f1").seeds[seed] - second.result("macro_f1").seeds[seed] for seed in range(3)]
    assert by.value == pytest.approx(sum(each) / 3)
    assert by.interval == pytest.approx(mean_interval(each))
    assert by.interval[1] - by.interval[0] < 0.1  # the seeds themselves are 0.1 apart


def test_of_two_groups_the_one_with_its_weights_counts(write: Write, runs: Path) -> None:
    write("single-cnn", accuracy=0.6)
    for seed in (1, 2):
        edit(write("single-cnn", seed=seed, accuracy=0.9), {"configuration.weights": "none"})
    ((group,),) = [models.values() for models in conclusions.models_of(groups_of(runs), "published")]
    assert group.seeds == [0]


@pytest.mark.parametrize(("field", "to"), [("overrides", {"epochs": 1}), ("identity", {"folds": 1})])
def test_a_run_that_the_command_line_changed_supports_no_conclusion(
    field: str, to: dict[str, int], write: Write, runs: Path
) -> None:
    write("single-cnn", accuracy=0.9)
    edit(write("dual-cnn", accuracy=0.2), {f"configuration.{field}": to})
    one = judged(groups_of(runs), SIMILAR)
    assert (one.verdict, one.evidence) == ("not run", "no record of dual-cnn as described")
    assert [list(models) for models in conclusions.models_of(groups_of(runs), "published")] == [["single-cnn"]]
