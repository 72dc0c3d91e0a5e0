"""What is frozen runs once: the outputs of the layers that training does not change, computed per clip and kept.

A model that was trained before is often frozen up to some layer. In every step of every epoch those layers would give
the same numbers for the same clip; here they run once, and training starts from what they gave, to the same result
(`tests/common/test_frozen.py`) and many times faster (`benchmarks/frozen.py`). A model that begins with something
random, such as augmentation, or whose layers do not follow one another, is trained as a whole.
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

VERSION = 1
"""Part of the cache key: to be raised when the same layers are to give other numbers."""

LIMIT_GIB = 32.0
"""Outputs of one model that would take more than this on the disk are not kept."""

CLIPS_IN_A_PART = 256
"""Clips whose outputs are one file: what a killed process loses at most."""

CLIPS_AT_ONCE = 16
"""Clips that run through the layers together."""

FLOAT32_BYTES, GIB = 4, 2**30

Step = Any
"""A layer, or an operation of `keras.ops`."""


@dataclass(frozen=True)
class Divided:
    """A model cut behind its last frozen layer; both parts share their weights with it.

    Attributes:
        steps: what is frozen, one after another.
        digests: of each step with all before it: what they are, and their weights.
        trunk: the same as a model: from the clips to what reaches the rest.
        rest: from there to the end: what is trained.
    """

    steps: tuple[Step, ...]
    digests: tuple[str, ...]
    trunk: keras.Model
    rest: keras.Model

    def gib(self, clips: int) -> float:
        """Return what the outputs for so many clips take on the disk."""
        return clips * float(np.prod(self.trunk.output.shape[1:])) * FLOAT32_BYTES / GIB

    def fits(self, clips: int) -> bool:
        """Return whether the outputs for so many clips are within `LIMIT_GIB`."""
        return self.gib(clips) <= LIMIT_GIB

    def can_be_kept(self, *parts: np.ndarray | Rows) -> bool:
        """Return whether the outputs are within `LIMIT_GIB`, and say so where they are not.

        Args:
            parts: what the model is to be fed.
        """
        clips = max(len(_rows(part).source) for part in parts)
        if self.fits(clips):
            return True
        print(
            f"the frozen layers' outputs for {clips:,} clips would take {self.gib(clips):,.1f} GiB, more than the "
            f"{LIMIT_GIB:g} GiB that are kept: they are computed again in every epoch",
            file=sys.stderr,
        )
        return False

    def outputs(self, x: np.ndarray | Rows, between: Callable[[], None] = lambda: None) -> Rows:
        """Return what the frozen layers make of clips, from the cache where they ran before.

        Of `Rows`, every row of their source is computed, so that other sets of the same clips find theirs.

        Args:
            x: (clips, ...), what the model takes.
            between: called after each file; what it raises loses nothing.

        Returns:
            float32 (clips, ...), on the disk.

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
        """Return the outputs for some clips, in a file of their own: what is finished is kept if the rest is not."""
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
        """Yield the outputs, beginning with those of the last step that were kept for a model frozen less far."""
        found = [clips, *(cache.find(name, len(clips)) for name in names)]
        done = max(place for place, values in enumerate(found) if values is not None)
        reached: Any = found[done]
        model = running(self.steps[done:], reached.shape[1:], reached.dtype.name)
        for start in range(0, len(clips), CLIPS_AT_ONCE):
            batch = np.asarray(reached[start : start + CLIPS_AT_ONCE])
            yield np.asarray(model.predict_on_batch(batch), np.float32)


def divide(model: keras.Model) -> Divided | None:
    """Cut a model behind its last frozen layer.

    Args:
        model: built, its layers' `trainable` set as it is to be trained.

    Returns:
        None where there is nothing to gain: the model does not begin with frozen layers, everything in it is frozen,
        or its layers do not follow one another.
    """
    steps = _steps(model) if model.trainable_weights and _has_frozen_layers(model) else []
    cut = next((place for place, step in enumerate(steps) if not _is_fixed(step)), 0)
    if not any(getattr(step, "weights", []) for step in steps[:cut]):
        return None
    trunk = _in_a_row(tuple(steps[:cut]), model.inputs[0].shape[1:], model.inputs[0].dtype)
    rest = _in_a_row(tuple(steps[cut:]), trunk.output.shape[1:], "float32")
    same = {id(weight) for weight in model.trainable_weights} == {id(weight) for weight in rest.trainable_weights}
    return Divided(tuple(steps[:cut]), tuple(_digests(steps[:cut])), trunk, rest) if same else None


def _has_frozen_layers(model: keras.Model) -> bool:
    return any(
        not layer.trainable or (isinstance(layer, keras.Model) and _has_frozen_layers(layer)) for layer in model.layers
    )


def _steps(model: keras.Model) -> list[Step]:
    """Return a model's layers and operations, models in it opened; nothing where they do not follow one another."""
    if type(model) is keras.Sequential:
        return [opened for layer in model.layers for opened in _opened(layer, layer.input)]
    calls: list[tuple[Step, tuple[Any, ...], dict[str, Any], Any]] = []

    def note(step: Step, *arguments: Any, **named: Any) -> Any:
        calls.append((step, arguments, named, step(*arguments, **named)))
        return calls[-1][-1]

    keras.models.clone_model(model, clone_function=lambda step: step, call_function=note)
    for before, (_, arguments, named, _) in zip([None, *calls[:-1]], calls, strict=True):
        more = [value for name, value in named.items() if name != "training" and value is not None]
        if len(arguments) != 1 or more or (before is not None and arguments[0] is not before[-1]):
            return []
    return [opened for step, (reaching,), *_ in calls for opened in _opened(step, reaching)]


def _opened(step: Step, reaching: Any) -> list[Step]:
    """Return the steps of a model, or the step that is none."""
    steps = _steps(step) if isinstance(step, keras.Model) else []
    if steps and step.inputs[0].dtype != reaching.dtype:
        return [keras.layers.Rescaling(1.0, dtype=step.inputs[0].dtype), *steps]  # the cast that its input makes
    return steps or [step]


def _is_fixed(step: Step) -> bool:
    """Return whether a step gives the same for the same clip throughout training."""
    if not isinstance(step, keras.layers.Layer):
        return True
    random = any("seed_generator_state" in variable.path for variable in step.variables)
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
    """Yield a digest of the steps up to each one: what they are, and their weights."""
    digest = hashlib.sha256()
    for step in steps:
        settings = {name: value for name, value in step.get_config().items() if name not in ("name", "trainable")}
        digest.update(json.dumps([type(step).__name__, settings], sort_keys=True, default=str).encode())
        for weight in getattr(step, "weights", []):
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(weight)).data)
        yield digest.hexdigest()
