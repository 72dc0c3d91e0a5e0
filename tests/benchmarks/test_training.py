"""The benchmark of training steps: which networks it has, what it measures, and the table in the README."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import training
from matrix_rate import Measured, in_turns
from speed import measure, results
from speed.profile import shares_of_operations
from speed.results import Speed

from common.study import Experiment, Training
from reproductions.__main__ import studies

STUDIES = {study.name: study for study in studies()}
TRAINED = [
    (study.name, experiment)
    for study in STUDIES.values()
    for experiment in study.experiments
    if isinstance(experiment.method, Training)
]


def built_by(experiment: Experiment) -> Any:
    """Return what distinguishes a network from others, except for rates of dropout."""
    build = experiment.build
    if not isinstance(build, partial):
        return build
    return build.func, tuple(sorted((name, value) for name, value in build.keywords.items() if name != "dropout"))


def test_every_network_of_every_study_is_measured() -> None:
    measured = [name.split("/") for name in training.NETWORKS]
    covered = [built_by(STUDIES[study].experiment(experiment)) for study, experiment in measured]
    assert [(study, each.id) for study, each in TRAINED if built_by(each) not in covered] == []
    assert len(training.NETWORKS) == len(set(training.NETWORKS)) <= len(TRAINED)


def test_a_network_is_measured_beside_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "AT_LEAST_S", 0.0)
    monkeypatch.setattr(measure, "find_spec", lambda name: None)  # without PyTorch, which takes long to compile
    speed = measure.measure("valence_parallel_conv/cnn-blstm")
    assert (speed.clips, speed.parameters, speed.backend) == (16, 1_199_617, "tensorflow")
    assert speed.pytorch_ms is None
    assert "PyTorch" in speed.note
    assert 0 < sum(speed.operations.values()) <= 1
    # Medians of ratios and of times are not of the same round.
    assert speed.share == pytest.approx(speed.multiplications / speed.limit / (speed.ms / 1e3), rel=0.9)
    assert Speed(**json.loads(json.dumps(vars(speed)))) == speed


def test_a_network_too_large_beside_pytorch_is_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(ThreadPoolExecutor):
        """Ends as a process does that the system ends for its memory, unless PyTorch is left out."""

        def submit(self, function: Any, name: str, beside_pytorch: bool) -> Any:
            if beside_pytorch:
                raise BrokenProcessPool
            return super().submit(speed, name)

    monkeypatch.setattr(training, "ProcessPoolExecutor", lambda number, context: Killed(number))
    assert training.measured("a/first") == speed("a/first")


def test_steps_take_turns_and_a_short_one_is_repeated_within_its_turn() -> None:
    turns: list[str] = []
    steps = {name: partial(turns.append, name) for name in ("one", "other")}
    limit, measured = in_turns(steps, 1e6, rounds=2, at_least=1e-3)
    changes = [name for place, name in enumerate(turns) if place == 0 or turns[place - 1] != name]
    assert changes == ["one", "other", "one", "other"]
    assert len(turns) > 4
    assert limit > 0
    assert all(len(found.rounds) == 2 for found in measured.values())


def test_a_ratio_is_the_median_over_rounds_that_other_load_slows_down_alike() -> None:
    ours, theirs = (Measured(0.0, 0.0, rounds) for rounds in ((1.0, 10.0, 2.0), (3.0, 30.0, 8.0)))
    assert ours.ratio(theirs) == 3.0


def speed(network: str, **changes: Any) -> Speed:
    made_with: Mapping[str, Any] = {"backend": "tensorflow", "hardware": "Some CPU", "threads": 2, "keras": "3.1"}
    made = Speed(network, 32, 27_191, 10**9, 1e11, 20.0, 0.5, "2026-01-02", made_with, 30.0, 1.5)
    return replace(made, **changes)


def test_a_new_measurement_takes_the_place_of_the_old_one_and_others_are_kept(tmp_path: Path) -> None:
    order = ("a/first", "a/second")
    for one in (speed("a/second"), speed("a/first"), speed("a/second", ms=40.0)):
        results.keep(one, order, tmp_path)
    kept = results.read(tmp_path)
    assert list(kept["tensorflow"].values()) == [speed("a/first"), speed("a/second", ms=40.0)]
    assert kept["jax"] == {}


def test_the_table_has_both_backends_the_machine_and_why_something_is_missing() -> None:
    on_jax = speed("a/first", environment={"backend": "jax", "hardware": "Other CPU", "threads": 4}, ratio=2.25)
    speeds = {
        "tensorflow": {"a/first": speed("a/first"), "a/second": speed("a/second", ratio=None, note="no compiler")},
        "jax": {"a/first": on_jax},
    }
    text = results.with_table("# A\n<!-- speed, generated -->\nold\n<!-- end -->\nB\n", speeds, ("a/first", "a/second"))
    assert text.startswith("# A\n<!-- speed, generated -->\n|")
    assert text.endswith("\n<!-- end -->\nB\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert [row[0] for row in cells] == ["`a/first`", "`a/second`"]
    assert cells[0][1:] == ["32", "0.03", "1", "20", "0.50", "1.50", "20", "0.50", "2.25"]
    assert cells[1][4:] == ["20", "0.50", "-", "-", "-", "-"]
    for words in ("Some CPU", "Other CPU", "2026-01-02", "no compiler", "0 of 1 networks"):
        assert words in text
    speeds["jax"] = {"a/first": replace(on_jax, share=0.75)}
    assert "1 of 1 networks (`a/first`)" in results.with_table(text, speeds, ("a/first", "a/second"))
    without_jax = results.with_table(text, {**speeds, "jax": {}}, ("a/first", "a/second"))
    assert "JAX" not in without_jax


def test_the_operations_of_a_step_are_those_that_it_runs() -> None:
    matrix = tf.random.normal((512, 512), seed=0)

    @tf.function
    def step() -> tf.Tensor:
        return tf.nn.relu(matrix @ matrix @ matrix)

    step()
    shares = shares_of_operations(step, most=2)
    assert next(iter(shares)) == "MatMul"
    assert shares["MatMul"] > 0.5


def test_what_xla_compiled_counts_although_its_operations_leave_no_trace() -> None:
    matrix = tf.random.normal((800, 800))
    products = tf.function(lambda: matrix @ matrix @ matrix, jit_compile=True)

    @tf.function
    def step() -> tf.Tensor:
        return tf.nn.relu(products())

    step()
    shares = shares_of_operations(step)
    assert next(iter(shares)) == "compiled by XLA"
    assert "MatMul" not in shares


@pytest.mark.parametrize(
    ("network", "ratio", "below"),
    [
        ("ser_parallel/single-cnn", 1.9, True),
        ("ser_parallel/single-cnn", 2.0, False),
        ("freesound_tagging/gru", 0.9, True),
        ("freesound_tagging/gru", 1.0, False),
        ("freesound_tagging/gru", None, False),
    ],
)
def test_a_network_below_its_goal_is_listed_with_what_takes_its_time(network, ratio, below) -> None:
    measured = speed(network, ratio=ratio, operations={"Conv2D": 0.625, "Mul": 0.25})
    text = results.with_table(
        "<!-- speed, generated -->\n<!-- end -->", {"tensorflow": {network: measured}, "jax": {}}, (network,)
    )
    assert (f"- `{network}`" in text) == below
    assert ("Conv2D 62 %, Mul 25 %" in text) == below


def test_the_table_in_the_readme_is_that_of_the_kept_results() -> None:
    readme = results.README.read_text(encoding="utf-8")
    assert len(results.MARKED.findall(readme)) == 1
    assert results.with_table(readme, results.read(), training.NETWORKS) == readme


def test_kept_results_are_of_networks_that_are_measured() -> None:
    for backend, speeds in results.read().items():
        assert set(speeds) <= set(training.NETWORKS)
        assert {one.backend for one in speeds.values()} <= {backend}
