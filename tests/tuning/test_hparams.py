from pathlib import Path

import keras
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="only TensorFlow writes for TensorBoard"
)


def written(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_tensorboard_knows_the_space_and_the_curves(brackets) -> None:
    summary = written(brackets.folder / "tensorboard").SummaryMetadata(metadata.EXPERIMENT_TAG)
    experiment = metadata.parse_experiment_plugin_data(summary.plugin_data.content)
    assert [setting.name for setting in experiment.hparam_infos] == ["learning_rate", "units"]
    assert list(experiment.hparam_infos[1].domain_discrete) == [2, 4, 8, 16, 32]
    for metric in experiment.metric_infos:
        curves = written(brackets.folder / "tensorboard" / "trial-0004" / metric.name.group)
        assert metric.name.tag in curves.Tags()["tensors"]


def test_tensorboard_knows_the_values_of_each_trial(brackets) -> None:
    for row in brackets.data["rows"]:
        events = written(brackets.folder / "tensorboard" / f"trial-{row['trial']}")
        summary = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG)
        session = metadata.parse_session_start_info_plugin_data(summary.plugin_data.content)
        assert {name: value.number_value for name, value in session.hparams.items()} == row["values"]
