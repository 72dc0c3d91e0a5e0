"""The page on what more machines bring: its arithmetic, and that it is of the shipped records."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import scaling  # noqa: E402 (the benchmarks are no package)

SECONDS = st.floats(0, 1000)
STAGES = st.lists(
    st.builds(
        scaling.Stage,
        name=st.just("a stage"),
        features=SECONDS,
        fold=SECONDS,
        folds=st.integers(1, 6),
        parameters=st.just(10),
        epochs=st.just(2),
        full=st.floats(1, 10),
    ),
    min_size=1,
    max_size=5,
)


@given(STAGES, st.integers(1, 40), st.booleans())
def test_no_plan_is_shorter_than_its_work_or_its_longest_way(
    stages: list[scaling.Stage], workers: int, full: bool
) -> None:
    times = [stage.full if full else 1.0 for stage in stages]
    work = sum(more * (one.features + one.tasks * one.fold) for one, more in zip(stages, times, strict=True))
    longest = max(more * one.fold for one, more in zip(stages, times, strict=True))
    planned = scaling.makespan(stages, workers, full=full)
    rounding = 1 + 1e-9
    assert max(work / workers, longest) <= planned * rounding
    assert planned <= work * rounding
    if workers == 1:
        assert planned == pytest.approx(work)


def test_folds_wait_for_their_features() -> None:
    stage = scaling.Stage("a stage", features=60, fold=10, folds=1, parameters=0, epochs=1, full=1)
    assert scaling.makespan([stage], 100) == 70


def test_the_page_is_of_the_shipped_records() -> None:
    assert (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8") == scaling.page(scaling.stages())
