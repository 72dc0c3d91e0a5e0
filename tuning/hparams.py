"""Writes trials for the HParams tab of TensorBoard. Only the TensorFlow backend can write them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import keras

from common.tasks import Task


def write_space(folder: Path, space: Mapping[str, Sequence[Any]], task: Task) -> None:
    """Write the search space and the names of the scores, for all trials below `folder`."""
    scores = [name.removeprefix("val_") for name in task.MONITORS]
    with _writer(folder) as api:
        if api:
            api.hparams_config(
                hparams=[api.HParam(name, api.Discrete(list(values))) for name, values in space.items()],
                metrics=[
                    # Keras' TensorBoard callback writes its curves under these names.
                    api.Metric(f"epoch_{name}", group=group, display_name=f"{group} {name}")
                    for group in ("validation", "train")
                    for name in scores
                ],
            )


def write_trial(folder: Path, values: Mapping[str, Any], name: str) -> None:
    """Write the values of a trial into the folder of its learning curves."""
    with _writer(folder) as api:
        if api:
            api.hparams(dict(values), trial_id=name)


@contextmanager
def _writer(folder: Path) -> Iterator[Any]:
    """Open an event file in a folder and yield TensorBoard's API, or None under another backend than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        yield None
        return
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    with closing(tf.summary.create_file_writer(str(folder))) as writer, writer.as_default():
        yield api
