"""lwlrap as a Keras metric. It is exact over an epoch, because it is a ratio of two sums over clips."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="encore")
class Lwlrap(keras.metrics.Metric):
    """Label-weighted label-ranking average precision (DCASE 2019, task 2).

    The mean precision at the rank of each true tag, over all true tags of all clips. `y_true` and `y_pred` have shape
    (clips, tags). Tie-breaking: tags with equal outputs all have the last of their ranks, as in
    `common.tasks.tagging.label_precisions`.
    """

    def __init__(self, name: str = "lwlrap", **settings: Any) -> None:
        super().__init__(name=name, **settings)
        self._precisions = self.add_weight(shape=(), initializer="zeros", name="precisions")
        self._tags = self.add_weight(shape=(), initializer="zeros", name="tags")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the clips of a batch."""
        true, outputs = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        # before[c, i, j] is 1 if tag j of clip c has no lower an output than tag i.
        before = ops.cast(outputs[:, None, :] >= outputs[:, :, None], self.dtype)
        hits = ops.sum(before * true[:, None, :], axis=2)
        # No sum is 0: every tag is at its own rank.
        self._precisions.assign_add(ops.sum(true * hits / ops.sum(before, axis=2)))
        self._tags.assign_add(ops.sum(true))

    def result(self) -> Any:
        """Return the mean so far; 0 before any clip has a tag."""
        return self._precisions / ops.maximum(self._tags, 1.0)
