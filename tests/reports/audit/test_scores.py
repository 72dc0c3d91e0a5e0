"""Checks of scores that bind one another: what a classifier can give holds, and what none can is found."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import EMPTY, Content, found
from mlscorecheck.check.binary import check_1_testset_no_kfold
from sklearn.metrics import precision_recall_fscore_support

from common.published import Printed
from reports.audit.scores import binary_possible, deviation_possible

LABELS = st.lists(st.integers(0, 2), min_size=30, max_size=30)


def row(**values: float) -> Content:
    """A table of one experiment, a column per score; `rmse` and `mae` are errors."""
    return rows({name: [value] for name, value in values.items()})


def rows(columns: dict[str, list[float]], **fields: Any) -> Content:
    kinds = {name: "error" if name.endswith(("mae", "rmse", "loss", "_std")) else "score" for name in columns}
    metric = EMPTY["metric"] | {name: {"kind": kind, "decimals": 2} for name, kind in kinds.items()}
    names = ("small", "large", "third", "fourth", "fifth")
    cells = dict(zip(names, map(list, zip(*columns.values(), strict=True)), strict=False))
    experiment = [{"id": name, "title": name, "section": "4"} for name in names]
    return {"metric": metric, "experiment": experiment, "results": {"columns": [*columns], "rows": cells} | fields}


def printed(value: float, n: int | None = None, step: float = 0.01, kind: Any = "proportion") -> Printed:
    return Printed(value, kind, n, step, None, "4", "Table 2", (value,))


@given(LABELS, LABELS, st.sampled_from(["macro", "weighted", "micro"]))
@settings(max_examples=60, deadline=None)
def test_every_mean_of_a_classifier_holds(truth: list[int], guesses: list[int], mean: Any) -> None:
    scores = precision_recall_fscore_support(truth, guesses, average=mean, zero_division=0)[:3]
    names = (f"{mean}_{score}" for score in ("precision", "recall", "f1"))
    table = row(**dict(zip(names, (round(float(score), 2) for score in scores), strict=True)))
    assert found(**table)["scores-f1-t2"].holds


@pytest.mark.parametrize(
    "scores",
    [
        {"precision": 0.8, "recall": 0.7, "f1": 0.9},
        {"precision": 0.8, "recall": 0.7, "f1": 0.45},
        {"macro_precision": 0.8, "macro_recall": 0.7, "macro_f1": 0.77},
        {"micro_precision": 0.8, "micro_recall": 0.7, "micro_f1": 0.7},
    ],
)
def test_an_f1_that_precision_and_recall_do_not_allow_is_found(scores: dict[str, float]) -> None:
    finding = found(**row(**scores))["scores-f1-t2"]
    assert (finding.holds, finding.numbers) == (False, {"wrong": 1, "of": 1})


@pytest.mark.parametrize(("rmse", "mae", "holds"), [(0.62, 0.5, True), (0.5, 0.5, True), (0.48, 0.5, False)])
def test_an_rmse_below_the_mae_is_found(rmse: float, mae: float, holds: bool) -> None:
    assert found(**row(val_rmse=rmse, val_mae=mae))["scores-rmse-t2"].holds is holds


N = 20
CLASSIFIERS = [(p, hits, spared) for p in range(1, N) for hits in range(p + 1) for spared in range(N - p + 1)]


@given(st.sampled_from(CLASSIFIERS), st.integers(0, N))
@settings(max_examples=60, deadline=None)
def test_accuracy_sensitivity_and_specificity_are_possible_if_some_classifier_has_them(
    classifier: tuple[int, int, int], right: int
) -> None:
    """Compared with all classifiers of 20 items, whose scores are rounded or cut."""
    p, hits, spared = classifier
    sensitivity, specificity = round(hits / p, 2), round(spared / (N - p), 2)
    ours = [binary_possible(printed(k / N, N), printed(sensitivity, N), printed(specificity, N)) for k in range(N + 1)]
    assert ours[hits + spared]
    rounded = {k + s for p, k, s in CLASSIFIERS if near(k / p, sensitivity) and near(s / (N - p), specificity)}
    cut = {k + s for p, k, s in CLASSIFIERS if below(k / p, sensitivity) and below(s / (N - p), specificity)}
    assert ours[right] is (right in rounded | cut)


def by_mlscorecheck(accuracy: float, sensitivity: float, specificity: float, n: int, eps: float) -> bool:
    """Whether some split of n clips allows the scores, each known to plus or minus `eps`."""
    scores = {"acc": accuracy, "sens": sensitivity, "spec": specificity}
    checked = (
        check_1_testset_no_kfold(testset={"p": p, "n": n - p}, scores=scores, eps=eps, prefilter_by_pairs=False)
        for p in range(1, n)
    )
    return any(not result["inconsistency"] for result in checked)


@given(st.sampled_from(CLASSIFIERS), st.integers(-2, 2))
@settings(max_examples=60, deadline=None)
def test_binary_scores_are_possible_where_mlscorecheck_says_so(classifier: tuple[int, int, int], more: int) -> None:
    # Ours also allows digits that were cut, so it lies between mlscorecheck at half a step and at a whole one.
    p, hits, spared = classifier
    right = min(max(hits + spared + more, 0), N)
    scores = right / N, round(hits / p, 2), round(spared / (N - p), 2)
    ours = binary_possible(printed(scores[0], N), printed(scores[1]), printed(scores[2]))
    assert ours or not by_mlscorecheck(*scores, N, eps=0.005)
    assert not ours or by_mlscorecheck(*scores, N, eps=0.01)


def near(share: float, value: float) -> bool:
    return abs(share - value) <= 0.005 + 1e-9


def below(share: float, value: float) -> bool:
    return -1e-9 <= share - value < 0.01 - 1e-9


@pytest.mark.parametrize(
    ("accuracy", "n", "holds"), [(0.85, 40, True), (0.85, None, True), (0.95, None, False), (0.81, 40, False)]
)
def test_an_accuracy_that_no_classes_give_is_found(accuracy: float, n: int | None, holds: bool) -> None:
    parts = row(accuracy=accuracy, sensitivity=0.8, specificity=0.9)
    parts["metric"]["accuracy"]["kind"] = "proportion"
    parts["results"]["n"] = {"accuracy": n} if n else {}
    assert found(**parts)["scores-binary-t2"].holds is holds


def test_of_many_items_accuracy_must_lie_between_sensitivity_and_specificity() -> None:
    many = 10**9
    assert binary_possible(printed(0.85, many), printed(0.8, many), printed(0.9, many))
    assert not binary_possible(printed(0.95, many), printed(0.8, many), printed(0.9, many))


@given(st.lists(st.integers(0, 10), min_size=5, max_size=5), st.booleans())
def test_means_and_deviations_of_folds_are_possible(hits: list[int], estimated: bool) -> None:
    shares = np.array(hits) / 10
    mean, deviation = round(float(shares.mean()), 3), round(float(shares.std(ddof=int(estimated))), 3)
    assert deviation_possible(printed(mean, 50, 0.001), printed(deviation, step=0.001), 5)


@pytest.mark.parametrize(
    ("mean", "deviation", "n", "possible"),
    [
        (0.9, 0.1, None, True),
        (0.9, 0.4, None, False),  # five shares with this mean differ less
        (0.5, 0.1, 50, True),
        (0.52, 0.0, 50, False),  # 26 hits cannot be shared out evenly
        (0.52, 0.04, 50, True),
        (0.5, 0.02, 50, False),
    ],
)
def test_a_deviation_that_no_folds_have_is_found(mean: float, deviation: float, n: int | None, possible: bool) -> None:
    parts = rows({"accuracy": [mean], "accuracy_std": [deviation]}, folds=5, n={"accuracy": n} if n else {})
    parts["metric"]["accuracy"]["kind"] = "proportion"
    assert found(**parts)["deviations-t2"].holds is possible


@pytest.mark.parametrize(
    ("losses", "holds"),
    [
        ([0.61, 0.48, 0.55, 0.52], True),
        ([0.61, 0.48, 0.55, 5.2], False),
        ([0.61, 0.48, 0.05, 0.52], False),
        ([0.61, 0.48, 0.55, 2.1], True),  # worse, and no slipped decimal point
        ([0.01, 0.5, 3.2, 0.9], True),  # of no common magnitude
    ],
)
def test_a_loss_with_a_slipped_decimal_point_is_found(losses: list[float], holds: bool) -> None:
    assert found(**rows({"loss": losses}))["magnitude-loss"].holds is holds


def test_too_few_losses_say_nothing() -> None:
    assert "magnitude-loss" not in found(**rows({"loss": [0.61, 0.48, 5.2]}))
