"""What is frozen runs once: the outputs of the layers that training does not change, computed per clip and kept.

A model that was trained before is often frozen up to some layer. In every step of every epoch those layers would give
the same numbers for the same clip; here they run once, and training starts from what they gave, to the same result
(`tests/common/test_frozen.py`) and many times faster (`benchmarks/frozen.py`). A model that begins with something
random, such as augmentation, or whose layers do not follow one another, is trained as a whole.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import keras
import numpy as np

from common import cache, environment
from common.progress import progress
from common.study import Rows

VERSION = 1
"""Part of the cache key: to be raised when the same layers are to give other numbers."""

LIMIT_GIB = 32.0
"""Outputs that would take more than this on the disk are not kept."""

CLIPS_AT_ONCE = 16
FLOAT32_BYTES, GIB = 4, 2**30

Step = Any
"""A layer, or an operation of `keras.ops`."""


@dataclass(frozen=True)
class Divided:
    """A model cut behind its last frozen layer; both parts share their weights with it.

    Attributes:
        steps: what is frozen, one after another.
        trunk: the same as a model: from the clips to what reaches the rest.
        rest: from there to the end: what is trained.
    """

    steps: tuple[Step, ...]
    trunk: keras.Model
    rest: keras.Model

    def gib(self, clips: int) -> float:
        """Return what the outputs for so many clips take on the disk."""
        return clips * float(np.prod(self.trunk.output.shape[1:])) * FLOAT32_BYTES / GIB

    def can_be_kept(self, *parts: np.ndarray | Rows) -> bool:
        """Return whether the outputs are within `LIMIT_GIB`, and say so where they are not.

        Args:
            parts: what the model is to be fed.
        """
        clips = max(len(_rows(part).source) for part in parts)
        if self.gib(clips) <= LIMIT_GIB:
            return True
        print(
            f"the frozen layers' outputs for {clips:,} clips would take {self.gib(clips):,.1f} GiB, more than the "
            f"{LIMIT_GIB:g} GiB that are kept: they are computed again in every epoch",
            file=sys.stderr,
        )
        return False

    def outputs(self, x: np.ndarray | Rows) -> Rows:
        """Return what the frozen layers make of clips, from the cache where they ran before.

        Of `Rows`, every row of their source is computed, so that other sets of the same clips find theirs.

        Args:
            x: (clips, ...), what the model takes.

        Returns:
            float32 (clips, ...), on the disk.

        Raises:
            InputError: the cache cannot be written, or the disk is full.
        """
        rows = _rows(x)
        names = self._names(rows.source)
        kept = cache.array(names[-1], len(rows.source), lambda: self._computed(rows.source, names))
        return Rows(kept, rows.index)

    def _names(self, source: np.ndarray) -> list[str]:
        """Return what the output of each step is called in the cache."""
        clips = hashlib.sha256()
        for start in range(0, len(source), CLIPS_AT_ONCE):
            clips.update(np.ascontiguousarray(source[start : start + CLIPS_AT_ONCE]).data)
        read = [VERSION, list(source.shape), str(source.dtype), clips.hexdigest()]
        return [f"frozen-{cache.key(*read, digest)}" for digest in _digests(self.steps)]

    def _computed(self, source: np.ndarray, names: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield the outputs, beginning with those of the last step that were kept for a model frozen less far."""
        found = [cache.find(name, len(source)) for name in names]
        done, values = max(
            ((place, kept) for place, kept in enumerate([source, *found]) if kept is not None), key=itemgetter(0)
        )
        model = _in_a_row(self.steps[done:], values.shape[1:], values.dtype)
        model.compile(jit_compile=environment.jit_compile())
        with progress("frozen layers", len(source)) as advance:
            for start in range(0, len(source), CLIPS_AT_ONCE):
                batch = np.asarray(values[start : start + CLIPS_AT_ONCE])
                yield np.asarray(model.predict_on_batch(batch), np.float32)
                advance(len(batch))
        cache.release(values)


def divide(model: keras.Model) -> Divided | None:
    """Cut a model behind its last frozen layer.

    Args:
        model: built, its layers' `trainable` set as it is to be trained.

    Returns:
        None where there is nothing to gain: the model does not begin with frozen layers, everything in it is frozen,
        or its layers do not follow one another.
    """
    steps = _steps(model) if _has_frozen_layers(model) else []
    cut = next((place for place, step in enumerate(steps) if not _is_fixed(step)), 0)
    if not any(getattr(step, "weights", []) for step in steps[:cut]):
        return None
    trunk = _in_a_row(steps[:cut], model.inputs[0].shape[1:], model.inputs[0].dtype)
    rest = _in_a_row(steps[cut:], trunk.output.shape[1:], "float32")
    same = {id(weight) for weight in model.trainable_weights} == {id(weight) for weight in rest.trainable_weights}
    return Divided(tuple(steps[:cut]), trunk, rest) if same else None


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


def _in_a_row(steps: Sequence[Step], shape: Sequence[int | None], dtype: Any) -> keras.Model:
    inputs = outputs = keras.Input(shape, dtype=keras.backend.standardize_dtype(dtype))
    for step in steps:
        outputs = step(outputs)
    return keras.Model(inputs, outputs)


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
