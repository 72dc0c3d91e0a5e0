"""The mask of the conditional layers of MCNN, a masked conditional neural network (Medhat et al. 2017)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


def mask(inputs: int, nodes: int, *, bandwidth: int, overlap: int) -> np.ndarray:
    """Return 1 where a node sees an input and 0 elsewhere, float32 (inputs, nodes).

    Source: Medhat et al. 2017, equation of the linear indices. In the matrix laid out node by node, a band of
    `bandwidth` ones begins every `inputs + bandwidth - overlap` places. So each node sees the inputs from
    `bandwidth - overlap` above those of the node before; a band that reaches the last input goes on at the next node.

    Args:
        inputs: number of inputs of a frame: mel bands or channels.
        nodes: number of nodes of the layer.
        bandwidth: number of inputs in a band, at most `inputs`.
        overlap: number of inputs that the bands of neighbouring nodes share.
    """
    places = np.arange(inputs * nodes)
    by_node = places % (inputs + bandwidth - overlap) < bandwidth
    return by_node.reshape(nodes, inputs).T.astype(np.float32)


@keras.saving.register_keras_serializable(package="encore")
class MaskedConv1D(layers.Conv1D):
    """A convolution over time in which each node sees only the inputs in its mask, the same at every tap.

    Masked weights are 0 from the start. The gradient of a masked weight is 0 too, so that training leaves it at 0.

    Shapes: input `(clips, frames, inputs)`, output `(clips, frames, filters)`.

    Args:
        filters: number of nodes.
        kernel_size: number of taps.
        bandwidth: number of inputs in a band of the mask.
        overlap: number of inputs that the bands of neighbouring nodes share.
    """

    def __init__(self, filters: int, kernel_size: int, *, bandwidth: int, overlap: int, **settings: Any) -> None:
        super().__init__(filters, kernel_size, **settings)
        self.bandwidth, self.overlap = bandwidth, overlap

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Add the weights of `Conv1D`, and set the masked ones to 0."""
        super().build(input_shape)
        kernel, *bias = self.get_weights()
        self.set_weights([kernel * self._mask(), *bias])

    @property
    def kernel(self) -> Any:
        """The weights times the mask, which `Conv1D` convolves with (taps, inputs, nodes)."""
        return super().kernel * ops.cast(self._mask(), self.compute_dtype)

    def _mask(self) -> np.ndarray:
        inputs, nodes = super().kernel.shape[1:]
        return mask(inputs, nodes, bandwidth=self.bandwidth, overlap=self.overlap)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, so that a saved model can be loaded."""
        return {**super().get_config(), "bandwidth": self.bandwidth, "overlap": self.overlap}
