"""What answers are drawn from: likelihoods of a printed matrix, and differences over songs."""

import numpy as np
import pandas as pd
import pytest
from synthetic import run_on

from common import published
from common.trials import Trial, Trials
from reports.compare import paired_over_groups
from reports.results import Group, Run
from reports.studies import answers
from reports.studies.emotify_features.evidence import ALPHABETICAL, CORPUS, HANDCRAFTED, Evidence
from reports.studies.emotify_features.likelihoods import (
    chi_square,
    expected,
    likeliest,
    log_likelihood,
    own_distances,
    own_places,
)
from reports.studies.emotify_features.question import compared
from reports.studies.emotify_features.really_done import by_accuracy, by_chance, control, on_folds

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
    return run_on(table, {"seed": seed})


def test_a_difference_over_songs_is_of_the_seeds_that_both_have() -> None:
    first = Group((run(0, [1, 1, 1, 0]), run(1, [1, 1, 1, 1])))
    second = Group((run(1, [0, 0, 1, 1]), run(2, [0, 0, 0, 0])))
    found = paired_over_groups(first, second)
    assert found is not None
    assert (found.value, found.n) == (0.5, 2)
    assert found.interval == (0.0, 1.0)  # one song decides: drawn never, or always


def test_a_song_that_one_side_lacks_is_drawn_too() -> None:
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
    assert answers(published.load("emotify_features"), [], None, {}).sections == ()
    assert answers(published.load("ser_parallel"), [], None, {}).compared == frozenset()


def folded(experiment: str, accuracies: dict[int, float], folds: str = "song") -> Group:
    """Return runs with the corpus' own labels, of which only the accuracy is known, by seed."""
    shared = {"experiment": experiment, "switches": {"folds": folds, "track_ids": "corpus"}, "data": {"demo": False}}
    scored = {
        seed: {**shared, "seed": seed, "metrics": {"accuracy": {"value": value, "interval": [0, 1], "n": 100}}}
        for seed, value in accuracies.items()
    }
    none = pd.DataFrame(columns=["name", "corpus", "speaker", "true", "predicted"])
    return Group(tuple(run_on(none, data) for data in scored.values()))


def of_whole_songs(*groups: Group) -> str:
    """Say it of these groups, a trial that repeats a run of 30 %, and a printed accuracy of 50 % of 1000 pieces."""
    again = Trial(HANDCRAFTED, CORPUS, "song", 0, np.array([[30, 70], [0, 0]]))
    matrices = {HANDCRAFTED: np.array([[500, 500], [0, 0]])}
    return on_folds(Evidence(0.5, matrices, {}, {}, groups, Trials("emotify_features", ("a", "b"), {}, (again,))))


def test_whole_songs_are_judged_by_every_set_of_features_and_a_repeated_run_counts_once() -> None:
    said = of_whole_songs(folded(HANDCRAFTED, {0: 0.3, 1: 0.31}), folded("mfcc-cubic-svm", {1: 0.384}))
    assert said.startswith("Shown")
    assert "best of 3 runs and trials (" in said
    assert "; 2 combinations of labels, features and classifier)" in said
    assert "38.4 % (mfcc-cubic-svm, the corpus' own labels, seed 1)" in said


def test_one_run_of_whole_songs_that_comes_near_the_printed_accuracy_leaves_the_folds_open() -> None:
    assert of_whole_songs(folded("mobilenet-cubic-svm", {0: 0.49})).startswith("Open")


@pytest.mark.parametrize(("dealt", "better"), [(LEANING, True), (SURE.T[::-1], False)])
def test_labels_dealt_by_chance_that_explain_the_matrix_better_speak_against_an_order(dealt, better: bool) -> None:
    made = {CORPUS: SURE, ALPHABETICAL: LEANING + 20, "dealt by chance": dealt}
    tried = tuple(Trial(HANDCRAFTED, labels, "piece", 0, matrix) for labels, matrix in made.items())
    said = by_chance(
        Evidence(0.5, {HANDCRAFTED: LEANING}, {}, {}, [], Trials("emotify_features", ("a", "b", "c"), {}, tried))
    )
    assert ("better by all cells" in said) == better
    assert ("which order those had" in said) == better


def test_deals_that_explain_the_matrix_now_better_now_worse_explain_it_as_well() -> None:
    made = [
        (CORPUS, SURE),
        (ALPHABETICAL, LEANING + 20),
        ("dealt by chance", LEANING),
        ("dealt by chance", SURE.T[::-1]),
    ]
    tried = tuple(Trial(HANDCRAFTED, labels, "piece", seed, matrix) for seed, (labels, matrix) in enumerate(made))
    said = by_chance(
        Evidence(0.5, {HANDCRAFTED: LEANING}, {}, {}, [], Trials("emotify_features", ("a", "b", "c"), {}, tried))
    )
    assert "(1 trials each, in the 2 choices of 2 deals), as well by all cells" in said


def test_the_control_is_held_against_our_own_runs_and_told_with_its_spread() -> None:
    cells = {(ALPHABETICAL, folds): folded(HANDCRAFTED, {0: 0.46, 1: 0.46}, folds) for folds in ("piece", "song")}
    for group in cells.values():
        for run in group.runs:
            run.data["baselines"] = {"majority": {"accuracy": 0.26}}
    deals = [np.array([[9, 91], [0, 0]]), np.array([[81, 19], [0, 0]])]
    tried = [Trial(HANDCRAFTED, "dealt by chance", "piece", seed, deal) for seed, deal in enumerate(deals)]
    tried.append(Trial(HANDCRAFTED, "dealt by chance", "song", 0, deals[0]))
    said = control(Evidence(0.5, {}, {}, cells, [], Trials("emotify_features", ("a", "b"), {}, tuple(tried))))
    assert "45.0 % with single pieces in the folds (9.0 % to 81.0 %, 2 deals)" in said
    assert "So 95% of what ours have" in said


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (0.4, "Against it: by accuracy alone neither order is confirmed"),
        (0.46, "Accuracy alone fits alphabetical labels only"),
        (0.52, "Against it: accuracy alone fits the corpus' own labels only"),
    ],
)
def test_what_the_accuracy_says_of_the_order_follows_from_its_distance_to_our_seeds(printed: float, said: str) -> None:
    cells = {
        (ALPHABETICAL, "piece"): folded(HANDCRAFTED, {0: 0.455, 1: 0.465}, "piece"),
        (CORPUS, "piece"): folded(HANDCRAFTED, {0: 0.515, 1: 0.525}, "piece"),
    }
    none = Trials("emotify_features", ("a", "b"), {}, ())
    assert by_accuracy(Evidence(printed, {}, {}, cells, [], none)).startswith(said)
