"""Searches on a cluster of two processes, whose results are those of one process."""

from collections.abc import Iterator
from functools import partial

import pandas as pd
import pytest
import tiny

from common.cluster import Cluster, connected
from tuning import making
from tuning.plan import Plan

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

SPACE = {"learning_rate": (1e-3, 1e-2, 0.1), "dropout": (0.1, 0.2, 0.3, 0.5)}
PLANS = (
    Plan("rounds", "patient", "1", "by Hyperband", "hyperband", SPACE, 4, "val_loss"),
    Plan("whole", "patient", "1", "to the end", "grid", {"dropout": (0.1, 0.5)}, 2, "val_loss"),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with connected(2, None) as cluster:
        assert cluster
        yield cluster


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_search_on_a_cluster_is_that_of_one_process_to_the_bit(plan, cluster, corpus, tmp_path) -> None:
    said: list[str] = []
    job = partial(tiny.job, corpus)
    spread, alone = (
        making.make(plan, given, making.Clips(given), announce=said.append, cluster=on)
        for given, on in ((job(runs=tmp_path / "two"), cluster), (job(runs=tmp_path / "one"), None))
    )
    for one, other in ((spread.table, alone.table), (spread.curves(), alone.curves())):
        pd.testing.assert_frame_equal(*(frame.drop(columns="seconds") for frame in (one, other)), check_exact=True)
    assert spread.chosen == alone.chosen
    assert not (spread.folder / "work").exists()
    assert len([line for line in said if line.startswith("trial ")]) == 2 * len(alone.table)
