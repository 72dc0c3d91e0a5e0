from hypothesis import given
from hypothesis import strategies as st

from common.seeds import derive


@given(st.integers(), st.lists(st.text() | st.integers()))
def test_a_derived_seed_is_in_the_range_that_every_library_accepts(seed, purpose) -> None:
    assert 0 <= derive(seed, *purpose) < 2**32


def test_derived_seeds_are_the_same_on_every_machine() -> None:
    assert derive(0, "fold", 3, "order", 7) == 878203472


def test_different_purposes_and_seeds_give_different_seeds() -> None:
    derived = {
        derive(seed, "fold", fold, what) for seed in range(5) for fold in range(6) for what in ("order", "noise")
    }
    assert len(derived) == 60
