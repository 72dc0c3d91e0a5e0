from dataclasses import replace

import keras
import numpy as np
import pytest
import tiny

from common import environment
from common.learners import keras3
from common.runs.estimate import estimate, total_s
from common.splits import Split
from common.study import Setting


def test_an_estimate_is_made_of_what_the_run_is_made_of(corpus, tmp_path) -> None:
    job = tiny.job(corpus, "retrained", "independent", runs=tmp_path / "runs")
    found = estimate(job)
    assert (found.clips, found.folds) == (96, 3)
    assert found.parameters == tiny.build(job.setting, 3).count_params()
    assert 0 < found.epoch_s < found.total_s
    trained = [len(fold.train) for fold in job.folds(job.clips())]
    epochs = 2 * job.method.epochs * sum(trained) / max(trained)
    assert found.total_s == pytest.approx(found.epoch_s * epochs)
    decoded = 96 * tiny.SAMPLE_RATE * tiny.DURATION_S * 4
    models = 3 * (3 + 2 * 4) * found.parameters * 4
    assert found.disk_mib * 2**20 == pytest.approx(decoded + models)
    assert found.memory_mib > 100
    assert not (tmp_path / "runs").exists()


def test_workers_divide_the_folds_of_a_run_and_each_takes_memory(corpus, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(keras3, "steps_per_second", lambda *_: 10.0)
    monkeypatch.setattr(environment, "peak_memory_mib", lambda: 100.0)
    job = tiny.job(corpus, "retrained", "independent", runs=tmp_path / "runs")
    one, two, many = (estimate(job, workers) for workers in (1, 2, 9))
    first, second, third = one.fold_s
    assert one.total_s == pytest.approx(first + second + third)
    assert two.total_s == pytest.approx(max(first, second, min(first, second) + third))
    assert many.total_s == max(one.fold_s)
    assert (two.memory_mib, many.memory_mib) == pytest.approx((2 * one.memory_mib, 9 * one.memory_mib))
    assert two.disk_mib == one.disk_mib
    # Runs of one fold, which two workers do at the same time.
    alone = replace(two, fold_s=[8.0], frozen_s=1.0)
    assert total_s([alone, alone, replace(alone, fold_s=[3.0])]) == 8 + 3 + 3


def test_a_clip_of_each_set_is_prepared_and_none_of_an_empty_set(corpus, tmp_path) -> None:
    job = tiny.job(corpus, "patient", runs=tmp_path / "runs")
    inputs, prepared = job.experiment.inputs, []

    def prepare(clips, fold, targets, setting):
        prepared.append((len(clips), len(targets), [list(rows) for rows in fold.sets().values()]))

    def split(clips, setting):
        return [Split(np.arange(9), np.array([], int), np.arange(9, 12))]

    experiment = replace(job.experiment, inputs=replace(inputs, prepare=prepare), split=split)
    estimate(replace(job, experiment=experiment))
    assert prepared == [(2, 2, [[0], [], [1]])]


def begins_frozen(setting: Setting, outputs: int) -> keras.Model:
    bands = keras.Input((65,))
    hidden = keras.layers.Dense(512, trainable=False)(bands)
    return keras.Model(bands, keras.layers.Dense(outputs, "softmax")(hidden))


def test_frozen_layers_are_counted_once_and_their_outputs_on_the_disk(corpus, tmp_path) -> None:
    job = tiny.job(corpus, runs=tmp_path / "runs")
    found = estimate(replace(job, experiment=replace(job.experiment, build=begins_frozen)))
    head = 512 * 3 + 3
    assert found.parameters == 65 * 512 + 512 + head
    assert found.frozen_s is not None
    assert found.total_s == pytest.approx(found.frozen_s + found.epoch_s * job.method.epochs)
    decoded, outputs = 96 * tiny.SAMPLE_RATE * tiny.DURATION_S * 4, 96 * 512 * 4
    assert found.disk_mib * 2**20 == pytest.approx(decoded + outputs + 4 * (4 * head + 3 * found.parameters))
