"""How the questions of a document are answered: likelihoods of a published matrix, and differences over songs."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic import run_on

from common import published
from common.corpora.emotify import ALL_ORDERS, ORDERS
from common.intervals import mean_interval
from reports import audit, effects
from reports.blocks import Number, Table, Words
from reports.effects import paired_over_groups
from reports.results import Group, Run
from reports.studies import answers, of
from reports.studies.emotify_features.evidence import (
    HANDCRAFTED,
    Evidence,
    named_labels,
    ways_of,
)
from reports.studies.emotify_features.labelling import by_accuracy, by_permutation, control, on_folds
from reports.studies.emotify_features.likelihoods import (
    chi_square,
    expected,
    likeliest,
    log_likelihood,
    own_distances,
    own_places,
)
from reports.studies.emotify_features.presets import compared
from reports.studies.freesound_tagging import slowest

SURE = np.array([[90, 5, 5], [5, 90, 5], [5, 5, 90]])
LEANING = np.array([[90, 9, 1], [1, 90, 9], [9, 1, 90]])


def test_expected_answers_are_shares_of_each_class_and_never_nothing() -> None:
    shares = expected([np.array([[4, 0], [0, 4]])])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares.min() > 0


def test_the_way_that_made_a_matrix_is_the_likeliest() -> None:
    ways = {"sure": [SURE, SURE + 1], "leaning": [LEANING, LEANING + 1]}
    assert next(iter(likeliest(LEANING, ways))) == "leaning"
    assert own_places(ways) == [(1, 0.0)] * 4


def test_a_run_that_is_more_like_another_way_finds_its_own_behind() -> None:
    places = own_places({"sure": [SURE, SURE + 1, LEANING], "leaning": [LEANING, LEANING + 1]})
    assert [place for place, _ in places] == [1, 1, 2, 1, 1]
    assert places[2][1] > 0


def test_errors_alone_do_not_depend_on_how_many_are_right() -> None:
    fewer = LEANING - np.diag([40, 40, 40])
    alone = [log_likelihood(matrix, expected([LEANING]), errors=True) for matrix in (LEANING, fewer)]
    assert alone[0] == pytest.approx(alone[1])
    assert log_likelihood(fewer, expected([LEANING])) > log_likelihood(LEANING, expected([LEANING]))


def test_a_matrix_is_at_no_distance_from_itself_and_at_one_from_another() -> None:
    assert chi_square(LEANING, LEANING / LEANING.sum(axis=1, keepdims=True)) == 0
    assert chi_square(LEANING, expected([SURE])) > 10
    assert own_distances([SURE, SURE.copy()])[0] < 1


def run(seed: int, right: list[int]) -> Run:
    """Return a run on two pieces of each of as many songs as there are pairs."""
    pieces = [f"pop/{number // 2}#{number % 2}" for number in range(len(right))]
    predicted = ["calm" if hit else "tense" for hit in right]
    table = pd.DataFrame({"corpus": "emotify", "name": pieces, "true": "calm", "predicted": predicted})
    table["group"] = [piece.partition("#")[0] for piece in pieces]
    return run_on(table, {"seed": seed, "task": {"kind": "classification"}})


def test_a_difference_over_songs_is_of_the_seeds_that_both_have(monkeypatch) -> None:
    monkeypatch.setattr(effects, "FEW", 2)
    first = Group((run(0, [1, 1, 1, 0]), run(1, [1, 1, 1, 1])))
    second = Group((run(1, [0, 0, 1, 1]), run(2, [0, 0, 0, 0])))
    found = paired_over_groups(first, second)
    assert found is not None
    assert (found.value, found.n) == (0.5, 2)
    assert found.interval == (0.0, 1.0)  # one song decides: drawn never, or always


def test_a_difference_over_few_songs_has_students_interval_of_the_songs() -> None:
    first, second = [1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1], [0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0]
    found = paired_over_groups(Group((run(0, first),)), Group((run(0, second),)))
    assert found is not None
    of_songs = np.subtract(first, second).reshape(6, 2).mean(axis=1)
    assert found.interval == pytest.approx(mean_interval(of_songs.tolist()))
    certain = paired_over_groups(Group((run(0, [1, 1, 1, 0]),)), Group((run(0, [0, 0, 1, 1]),)))
    assert certain is not None
    assert certain.interval == (-1.0, 1.0)  # two songs say nothing, and no share changes by more


def test_a_song_that_one_side_lacks_is_drawn_too(monkeypatch) -> None:
    monkeypatch.setattr(effects, "FEW", 2)
    found = paired_over_groups(Group((run(0, [1, 1, 0, 0]),)), Group((run(0, [0, 0]),)))
    assert found is not None
    assert (found.value, found.n) == (0.5, 2)
    assert found.interval == (0.5, 1.0)  # without the second song, the first is all of both sides


def test_a_difference_without_a_seed_in_common_is_none() -> None:
    assert paired_over_groups(Group((run(0, [1, 1]),)), Group((run(1, [1, 1]),))) is None


def test_what_prints_a_number_keeps_its_own_section() -> None:
    known = published.load("emotify_features")
    assert not compared(known) & {"handcrafted-bagged-trees", "deep-cubic-svm"}
    assert "mfcc-fine-knn" in compared(known)


def test_without_records_nothing_is_answered() -> None:
    assert answers(published.load("emotify_features"), [], {}).sections == ()
    assert answers(published.load("ser_parallel"), [], {}).compared == frozenset()


def ours(
    track_ids: str, folds: str, matrices: Mapping[int, np.ndarray], experiment: str = HANDCRAFTED, **changes: Any
) -> Group:
    """Return runs with these confusion matrices, by seed; the majority-class baseline is 26 %."""
    data = {
        "study": "emotify_features",
        "task": {"kind": "classification", "outputs": list(range(len(next(iter(matrices.values())))))},
        "experiment": experiment,
        "protocol": f"published+folds={folds}+track_ids={track_ids}",
        "switches": {"track_ids": track_ids, "folds": folds, "ties": "random"},
        "data": {"demo": False, "corpora": {"emotify": {"form": "re-encoded"}}},
        "configuration": {},
        "per_output": {},
        "baselines": {"majority": {"accuracy": 0.26}},
    }
    scored = {
        seed: {"seed": seed, "confusion": matrix.tolist(), "metrics": {"accuracy": score(matrix)}}
        for seed, matrix in matrices.items()
    }
    return Group(tuple(run_on(predictions(matrices[seed]), {**data, **one, **changes}) for seed, one in scored.items()))


def predictions(matrix: np.ndarray) -> pd.DataFrame:
    """Return pieces that give a confusion matrix, each a song of its own."""
    cells = np.repeat(np.indices(matrix.shape).reshape(2, -1), matrix.ravel(), axis=1)
    table = pd.DataFrame(cells.T, columns=["true", "predicted"])
    names = [f"pop/{number}" for number in range(len(table))]
    return table.assign(corpus="emotify", name=names, speaker=names)


def score(matrix: np.ndarray) -> dict[str, Any]:
    return {
        "value": float(matrix.trace() / matrix.sum()),
        "interval": [0, 1],
        "n": int(matrix.sum()),
        "method": "Wilson",
    }


def right(*shares: float) -> dict[int, np.ndarray]:
    """Return matrices with these shares of 1000 pieces right, 500 of each of two classes, by seed."""
    hits = [divmod(round(1000 * share), 2) for share in shares]
    return {
        seed: np.array([[half, 500 - half], [500 - half - rest, half + rest]]) for seed, (half, rest) in enumerate(hits)
    }


def found(*groups: Group, accuracy: float = 0.5, matrix: np.ndarray | None = None) -> Evidence:
    """Return the evidence of groups, for a published accuracy and matrix."""
    matrix = right(accuracy)[0] if matrix is None else matrix
    return Evidence(accuracy, {HANDCRAFTED: matrix}, {}, ways_of(groups))


def test_whole_songs_are_judged_by_the_best_run_of_all_features() -> None:
    said = on_folds(
        found(
            ours("corpus", "song", right(0.3, 0.31)),
            ours("permuted", "song", right(0.2)),
            ours("corpus", "song", right(0.384), "mfcc-cubic-svm"),
            ours("corpus", "piece", right(0.9)),
        )
    )
    assert "strongly indicated" in said.sure
    assert "4 runs" in said.evidence
    assert "3 combinations" in said.evidence
    assert "38.4 % (mfcc-cubic-svm" in said.evidence


def test_one_run_of_whole_songs_near_the_published_accuracy_leaves_the_folds_open() -> None:
    said = on_folds(found(ours("corpus", "song", right(0.3, 0.49))))
    assert said.verdict.startswith("open")
    assert not said.sure


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"demo": True}},
        {"configuration": {"weights": "none"}},
        {"configuration": {"identity": {"folds": 1}}},
        {"switches": {"track_ids": "corpus", "folds": "song", "ties": "dropped"}},
    ],
)
def test_runs_that_cannot_be_compared_with_the_matrices_are_left_out(changes: dict[str, Any]) -> None:
    assert ways_of([ours("corpus", "song", right(0.3), **changes)]) == {}


def test_orders_are_compared_on_the_seeds_that_all_of_them_have() -> None:
    evidence = found(
        ours("corpus", "piece", right(0.1, 0.2, 0.3)),
        ours("rock-pop-classical-electronic", "piece", right(0.4, 0.5)),
        ours("corpus-by-name", "piece", right(0.6)),
        ours("corpus", "song", right(0.7, 0.8, 0.9)),
    )
    assert {name: len(runs) for name, runs in evidence.orders.items()} == {
        "corpus": 2,
        "rock-pop-classical-electronic": 2,
    }
    assert evidence.accuracies(HANDCRAFTED, "corpus", "song") == {0: 0.7, 1: 0.8, 2: 0.9}
    assert evidence.accuracies(HANDCRAFTED, "corpus-by-name", "piece") == {0: 0.6}
    assert evidence.accuracies(HANDCRAFTED, "permuted", "piece") == {}


def of_labels(*permuted: np.ndarray) -> Evidence:
    """Return runs under own, alphabetical and permuted labels, and a published matrix that leans like `LEANING`."""
    return found(
        ours("corpus", "piece", {0: SURE}),
        ours("alphabetical", "piece", {0: LEANING + 20}),
        ours("permuted", "piece", dict(enumerate(permuted))),
        matrix=LEANING,
    )


def test_permuted_labels_that_explain_the_matrix_better_speak_against_an_order() -> None:
    better, worse = by_permutation(of_labels(LEANING)), by_permutation(of_labels(SURE.T[::-1]))
    assert "better by all cells" in better.verdict
    assert "worse by all cells and worse" in worse.verdict
    assert (better.against, worse.against) == (True, False)


def test_permutations_some_of_which_are_better_and_some_worse_explain_the_matrix_equally_well() -> None:
    said = by_permutation(of_labels(LEANING, SURE.T[::-1]))
    assert "about equally well by all cells" in said.verdict
    assert "2 choices from 2 permutations" in said.evidence
    assert said.against


def test_the_control_gives_the_share_of_the_gain_that_is_left_with_permuted_labels() -> None:
    said = control(
        found(
            ours("alphabetical", "piece", right(0.46, 0.46)),
            ours("alphabetical", "song", right(0.30)),
            ours("corpus", "piece", right(0.64)),
            ours("corpus", "song", right(0.35)),
            ours("permuted", "piece", right(0.09, 0.81)),
            ours("permuted", "song", right(0.25)),
        )
    )
    assert "45.0 % (9.0 % to 81.0 %, 2 permutations)" in said
    alphabetical, own = said.partition("of the gain of alphabetical labels")[::2]
    assert "that is 95 %" in alphabetical  # (45 - 26) / (46 - 26)
    assert "50 %" in own.partition("of the gain of the corpus' own")[0]  # (45 - 26) / (64 - 26)
    assert "25.0 %" in said and "30.0 %" in said and "35.0 %" in said


@pytest.mark.parametrize(
    ("accuracy", "verdict", "against"),
    [(0.4, "neither", True), (0.46, "alphabetical", False), (0.52, "the corpus' own", True)],
)
def test_what_the_accuracy_says_of_the_order_follows_from_its_distance_to_our_seeds(
    accuracy: float, verdict: str, against: bool
) -> None:
    said = by_accuracy(
        found(
            ours("alphabetical", "piece", right(0.455, 0.465)),
            ours("corpus", "piece", right(0.515, 0.525)),
            accuracy=accuracy,
        )
    )
    assert verdict in said.verdict
    assert said.against is against


@pytest.mark.parametrize(
    ("track_ids", "words", "order"),
    [
        ("corpus", "the corpus' own", True),
        ("rock-pop-classical-electronic", "rock pop classical electronic", True),
        ("alphabetical-by-name", "alphabetical, listed by name", False),
        ("permuted", "permuted", False),
    ],
)
def test_a_value_of_the_switch_is_an_order_of_the_genres_or_not(track_ids: str, words: str, order: bool) -> None:
    assert named_labels(track_ids) == words
    assert (track_ids in ALL_ORDERS) is order


def every_way() -> list[Group]:
    """Return two runs with each order, and under each known order with whole songs, of which some matrix came out."""
    rng = np.random.default_rng(0)
    ways = [*product(ALL_ORDERS, ["piece"]), *product(ORDERS, ["song"])]
    return [ours(*way, {seed: rng.integers(1, 30, (8, 8)) for seed in range(2)}) for way in ways]


def test_the_section_needs_every_order_and_both_kinds_of_folds() -> None:
    known, groups = published.load("emotify_features"), every_way()
    matrices = audit.recovered(known)
    (section,) = answers(known, groups, matrices).sections
    first = [block.text.partition(":")[0] for block in section.blocks[:3] if isinstance(block, Words)]
    assert first == ["What", "How sure", "Against it"]
    orders = next(block for block in section.blocks if isinstance(block, Table) and len(block.rows) == 24)
    assert orders.folded
    assert {row[1] for row in orders.rows} == {"", "alphabetical", "the corpus' own"}
    for missing in (groups[5], groups[-1]):
        assert not answers(known, [group for group in groups if group is not missing], matrices).sections


def test_runs_in_other_orders_are_only_in_the_section_that_they_are_made_for() -> None:
    shown = [group.first["switches"]["track_ids"] for group in every_way() if of("emotify_features").shown(group)]
    assert sorted(set(shown)) == ["alphabetical", "corpus"]


def test_the_slowest_epoch_is_of_the_networks_we_ran_and_the_two_differ_most_by_their_ratio() -> None:
    def row(name: str, printed: float, own: float | None) -> tuple[Any, ...]:
        return name, None, None, Number(f"{printed}", printed), None if own is None else Number(f"{own}", own)

    text = slowest([row("Slow", 25.0, 54.0), row("Mixed", 76.0, 2.2), row("Unrun", 99.0, None)])
    as_published, ours, apart = text.split(" as published ")[0], text.split(" and ")[1], text.split("most for ")[1]
    assert "Mixed" in as_published
    assert ours.startswith("Slow")
    assert apart.startswith("Mixed: published 76.0 times, ours 2.2")
    assert slowest([row("Unrun", 99.0, None)]) == ""
