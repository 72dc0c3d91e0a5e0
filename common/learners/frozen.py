"""Frozen layers run once: their outputs are computed per clip, cached, and used for training.

A pretrained model is often frozen up to some layer. In every epoch those layers would give the same outputs for the
same clip. Here they run once, and the remaining layers are trained on the cached outputs. The result is the same
(`tests/common/learners/test_frozen.py`), many times faster (`benchmarks/frozen.py`). A model that starts with random
layers, such as augmentation, or whose layers are not in sequence, is trained as a whole. A nested model that is not a
sequence, such as an encoder with residual connections, counts as one layer if all of it is frozen.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as remember
from typing import Any

import keras
import numpy as np

from common import cache, environment
from common.arrays import Parts, Rows
from common.progress import progress
from common.terminal import say

VERSION = 1
"""Part of the cache key; increase it when a change gives other outputs for the same layers."""

LIMIT_GIB = 32.0
"""Outputs of one model that need more disk space than this are not cached."""

CLIPS_IN_A_PART = 256
"""Clips whose outputs are stored in one file: a killed process loses at most this many."""

CLIPS_AT_ONCE = 16
"""Batch size of the frozen layers."""

FLOAT32_BYTES, GIB = 4, 2**30

Step = Any
"""A layer, or an operation of `keras.ops`."""


@dataclass(frozen=True)
class Divided:
    """A model cut after its last frozen layer; both parts share their weights with it.

    Attributes:
        steps: the frozen layers in sequence.
        digests: for each step, a digest of the settings and weights of it and all steps before it.
        trunk: the frozen layers as a model, from clips to outputs.
        rest: the remaining layers as a model, from those outputs to the end; this part is trained.
    """

    steps: tuple[Step, ...]
    digests: tuple[str, ...]
    trunk: keras.Model
    rest: keras.Model

    def gib(self, clips: int) -> float:
        """Return the disk space in GiB that the outputs for this number of clips need."""
        return clips * float(np.prod(self.trunk.output.shape[1:])) * FLOAT32_BYTES / GIB

    def fits(self, clips: int) -> bool:
        """Return whether the outputs for this number of clips are within `LIMIT_GIB`."""
        return self.gib(clips) <= LIMIT_GIB

    def can_be_kept(self, *parts: np.ndarray | Rows) -> bool:
        """Return whether the outputs are within `LIMIT_GIB`, and print a message if they are not.

        Args:
            parts: the inputs of the model, one array per set.
        """
        clips = max(len(_rows(part).source) for part in parts)
        if self.fits(clips):
            return True
        say(
            f"the outputs of the frozen layers for {clips:,} clips need {self.gib(clips):,.1f} GiB of disk space, more "
            f"than the limit of {LIMIT_GIB:g} GiB: they are not cached but computed again in every epoch",
            file=sys.stderr,
        )
        return False

    def outputs(self, x: np.ndarray | Rows, between: Callable[[], None] = lambda: None) -> Rows:
        """Return the outputs of the frozen layers for clips, from the cache if they are there.

        For `Rows`, the outputs of all rows of their source are computed, so that other sets of the same clips find
        theirs in the cache.

        Args:
            x: (clips, ...), inputs of the model.
            between: called after each file is stored; if it raises an error, finished files are kept.

        Returns:
            float32 (clips, ...), memory-mapped.

        Raises:
            InputError: the cache cannot be written, or the disk is full.
        """
        rows, running = _rows(x), remember(_in_a_row)
        source: Any = rows.source
        with progress("frozen layers", len(source)) as advance:
            parts = []
            for start in range(0, len(source), CLIPS_IN_A_PART):
                parts.append(self._part(source[start : start + CLIPS_IN_A_PART], running))
                advance(len(parts[-1]))
                between()
        cache.release(source)
        return Rows(Parts(tuple(parts)), rows.index)

    def _part(self, clips: np.ndarray, running: Callable[..., keras.Model]) -> np.ndarray:
        """Return the outputs for some clips, stored in a file of their own, so that an interruption loses little."""
        read = [
            VERSION,
            list(clips.shape),
            str(clips.dtype),
            hashlib.sha256(np.ascontiguousarray(clips).data).hexdigest(),
        ]
        names = [f"frozen-{cache.key(*read, digest)}" for digest in self.digests]
        return cache.array(names[-1], len(clips), lambda: self._computed(clips, names, running))

    def _computed(
        self, clips: np.ndarray, names: Sequence[str], running: Callable[..., keras.Model]
    ) -> Iterator[np.ndarray]:
        """Yield the outputs, starting from the cached outputs of the last possible step.

        Such outputs exist if a model with fewer frozen layers was trained before on the same clips.
        """
        found = [clips, *(cache.find(name, len(clips)) for name in names)]
        done = max(place for place, values in enumerate(found) if values is not None)
        reached: Any = found[done]
        model = running(self.steps[done:], reached.shape[1:], reached.dtype.name)
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            batch = np.asarray(reached[start : start + CLIPS_AT_ONCE])
            yield np.asarray(model.predict_on_batch(batch), np.float32)


def divide(model: keras.Model) -> Divided | None:
    """Cut a model after its last frozen layer.

    Args:
        model: built; `trainable` of its layers is set as for training.

    Returns:
        None if there is nothing to gain: the model does not start with frozen layers, all of it is frozen, or its
        layers are not in sequence.
    """
    steps = _steps(model) if model.trainable_weights and _has_frozen_layers(model) else []
    cut = next((place for place, step in enumerate(steps) if not _is_fixed(step)), 0)
    if not any(getattr(step, "weights", []) for step in steps[:cut]):  # only reshaping, which is not worth caching
        return None
    trunk = _in_a_row(tuple(steps[:cut]), model.inputs[0].shape[1:], model.inputs[0].dtype)
    rest = _in_a_row(tuple(steps[cut:]), trunk.output.shape[1:], "float32")
    # A layer that is used twice, or a weight of the model itself, would not be trained: then nothing is divided.
    same = {id(weight) for weight in model.trainable_weights} == {id(weight) for weight in rest.trainable_weights}
    return Divided(tuple(steps[:cut]), tuple(_digests(steps[:cut])), trunk, rest) if same else None


def _has_frozen_layers(model: keras.Model) -> bool:
    return any(
        not layer.trainable or (isinstance(layer, keras.Model) and _has_frozen_layers(layer)) for layer in model.layers
    )


def _steps(model: keras.Model) -> list[Step]:
    """Return the layers and operations of a model in sequence, those of nested models included; [] if they branch."""
    if type(model) is keras.Sequential:
        return [opened for layer in model.layers for opened in _opened(layer, layer.input)]
    calls: list[tuple[Step, tuple[Any, ...], dict[str, Any], Any]] = []

    def note(step: Step, *arguments: Any, **named: Any) -> Any:
        calls.append((step, arguments, named, step(*arguments, **named)))
        return calls[-1][-1]

    # Cloning without copying: Keras calls every layer and operation in order, and `note` records the calls.
    keras.models.clone_model(model, clone_function=lambda step: step, call_function=note)
    for before, (_, arguments, named, _) in zip([None, *calls[:-1]], calls, strict=True):
        more = [value for name, value in named.items() if name != "training" and value is not None]
        if len(arguments) != 1 or more or (before is not None and arguments[0] is not before[-1]):
            return []
    return [opened for step, (reaching,), *_ in calls for opened in _opened(step, reaching)]


def _opened(step: Step, reaching: Any) -> list[Step]:
    """Return the steps of a nested model that is a sequence; any other step as it is."""
    steps = _steps(step) if isinstance(step, keras.Model) else []
    if steps and step.inputs[0].dtype != reaching.dtype:
        return [keras.layers.Rescaling(1.0, dtype=step.inputs[0].dtype), *steps]  # the cast that its input makes
    return steps or [step]


def _is_fixed(step: Step) -> bool:
    """Return whether a step gives the same output for the same clip throughout training."""
    if not isinstance(step, keras.layers.Layer):
        return True
    random = any("seed_generator_state" in variable.path for variable in step.variables)  # dropout, augmentation
    return not random and (not step.variables or not step.trainable)


def _in_a_row(steps: tuple[Step, ...], shape: tuple[int | None, ...], dtype: str) -> keras.Model:
    inputs = outputs = keras.Input(shape, dtype=dtype)
    for step in steps:
        outputs = step(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=environment.jit_compile())
    return model


def _rows(x: np.ndarray | Rows) -> Rows:
    return x if isinstance(x, Rows) else Rows(x, np.arange(len(x)))


def _digests(steps: Sequence[Step]) -> Iterator[str]:
    """Yield, for each step, a digest of the settings and weights of it and all steps before it."""
    digest = hashlib.sha256()
    for step in steps:
        # Without the name, which differs from model to model, and `trainable`, which does not change outputs.
        settings = {name: value for name, value in step.get_config().items() if name not in ("name", "trainable")}
        digest.update(json.dumps([type(step).__name__, settings], sort_keys=True, default=str).encode())
        for weight in getattr(step, "weights", []):
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).data)
        yield digest.hexdigest()
