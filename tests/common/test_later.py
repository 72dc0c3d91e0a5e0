import inspect
import sys

import pytest

from common.later import Later


@pytest.fixture
def written(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text("def product(a, b=2):\n    return a * b\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("slow_to_import", None)


def test_the_module_is_imported_by_the_first_call(written) -> None:
    product = Later("slow_to_import", "product")
    assert "slow_to_import" not in sys.modules
    assert (product(3), product(3, b=5)) == (6, 15)
    assert "slow_to_import" in sys.modules


def test_its_signature_is_that_of_the_function(written) -> None:
    assert inspect.signature(Later("slow_to_import", "product")).parameters["b"].default == 2


def test_the_same_function_is_equal_and_another_is_not() -> None:
    assert Later("a", "f") == Later("a", "f") != Later("a", "g")
    assert len({Later("a", "f"), Later("a", "f"), Later("b", "f")}) == 2
