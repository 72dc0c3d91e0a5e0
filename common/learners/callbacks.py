"""Callbacks of a training: seeds of each epoch, checkpoints, progress, and stopping for an error or a deadline."""

import errno
import io
import json
import math
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from common import files
from common.errors import BudgetSpentError, InputError, ResultError, reason_of
from common.learners import data_parallel
from common.seeds import derive
from common.terminal import say

STATE: Mapping[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
"""The attributes in which callbacks of Keras keep their state between epochs. Keras itself does not save them."""


class EpochSeeds(keras.callbacks.Callback):
    """Sets the state of every dropout layer at the beginning of each epoch; it depends on (seed, epoch, layer)."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the states."""
        # Keras advances these states with every batch, so a resumed training would start from other ones.
        states = [variable for variable in self.model.variables if "seed_generator_state" in variable.path]
        for number, state in enumerate(states):
            # A state of Keras is a seed and the number of draws so far.
            state.assign(np.array([derive(self._seed, "dropout", epoch, number), 0], np.uint32))


class Checkpoint(keras.callbacks.Callback):
    """Stores the last finished epoch in one file: weights, optimiser, state of other callbacks, history.

    Args:
        path: an `.npz` file. None: only the history is kept, in memory.
        remembering: callbacks whose state is part of the checkpoint, of the types in `STATE`.
    """

    def __init__(self, path: Path | None, remembering: Sequence[keras.callbacks.Callback] = ()) -> None:
        super().__init__()
        self._path, self._remembering = path, remembering
        self._restored: list[dict[str, Any]] = []
        self.history: list[dict[str, float]] = []
        self.stopped = False
        self._began = 0.0

    def restore(self, model: keras.Model) -> int:
        """Load the checkpoint, if there is one, into a model with a built optimiser.

        If it is damaged, a line says so, this training starts again, and its first epoch replaces the file. Of several
        processes that train together, the leading one has the checkpoint, and the others are given it.

        Returns:
            The number of finished epochs.

        Raises:
            InputError: the checkpoint is of another model.
            OSError: it cannot be read; it may be whole.
        """
        source = self._source()
        if source is None:
            return 0
        try:
            state, arrays = _read(source)
        except Exception as error:  # damaged headers of zip and NumPy files raise whatever there is
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a damaged zip seeks anywhere
                raise
            reason = reason_of(error)
            say(f"{self._path} is damaged ({reason}): this training starts again from its beginning", file=sys.stderr)
            return 0
        try:
            self._restore(model, state, arrays)
        except ValueError as error:
            raise InputError(
                f"{self._path} is of another model; delete it to repeat this training from its beginning"
            ) from error
        return len(self.history)

    def _source(self) -> Path | IO[bytes] | None:
        """Return the file, or None if there is none; of several processes, all are given its content."""
        path = self._path if self._path is not None and self._path.exists() else None
        if data_parallel.processes() == 1:
            return path
        content = data_parallel.shared(path.read_bytes() if path else b"")
        return io.BytesIO(content) if content else None

    def _restore(self, model: keras.Model, state: dict[str, Any], arrays: Mapping[str, list[np.ndarray]]) -> None:
        model.set_weights(arrays["weight"])
        for variable, value in zip(model.optimizer.variables, arrays["optimizer"], strict=True):
            variable.assign(value)
        self.history, self.stopped = state["history"], state["stopped"]
        self._restored = state["remembered"]
        for callback, memory in zip(self._remembering, self._restored, strict=True):
            if isinstance(callback, keras.callbacks.EarlyStopping):
                memory["best_weights"] = arrays["best"] or None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the state of the other callbacks."""
        # Not earlier: their own `on_train_begin`, which has just been called, resets it.
        if self._restored:
            for callback, memory in zip(self._remembering, self._restored, strict=True):
                vars(callback).update(memory)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Append to the history and write the file, atomically."""
        scores = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **scores, "seconds": round(time.monotonic() - self._began, 3)})
        self.stopped = bool(self.model.stop_training)
        if self._path is not None:
            self._write(self._path)

    def _write(self, path: Path) -> None:
        weights, optimizer = self.model.get_weights(), [np.asarray(v) for v in self.model.optimizer.variables]
        # The weights that early stopping restores at the end.
        best = [array for one in self._remembering for array in getattr(one, "best_weights", None) or []]
        remembered = [{name: _plain(getattr(one, name)) for name in STATE[type(one)]} for one in self._remembering]
        arrays = {"weight": weights, "optimizer": optimizer, "best": best}
        state = {
            "history": self.history,
            "stopped": self.stopped,
            "remembered": remembered,
            "weights": len(weights),
            "optimizer": len(optimizer),
            "best": len(best),
        }
        # One file, so that weights and history cannot be of different epochs.
        named = {f"{kind}_{i}": value for kind, values in arrays.items() for i, value in enumerate(values)}
        with files.replacing(path) as temporary:
            np.savez(temporary, state=np.array(json.dumps(state)), **named)


def _read(source: Path | IO[bytes]) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """Return the state and the arrays of a checkpoint.

    Raises:
        ValueError: a byte is not what was written. Damage can also raise other errors.
    """
    with zipfile.ZipFile(source) as archive:
        # NumPy reads as much of a member as its header says, and may not come to the end, where the checksum is tested.
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged} is another")
    if not isinstance(source, Path):
        source.seek(0)  # NumPy reads from where the last reader stopped
    with np.load(source) as stored:
        state = json.loads(str(stored["state"]))
        counts = {"weight": state["weights"], "optimizer": state["optimizer"], "best": state["best"]}
        return state, {kind: [stored[f"{kind}_{i}"] for i in range(count)] for kind, count in counts.items()}


class FiniteLoss(keras.callbacks.Callback):
    """Ends training with an error if the loss is not finite: no result is possible any more."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Raise ResultError if a loss of the epoch is not finite."""
        for name in ("loss", "val_loss"):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise ResultError(
                    f"{self._stage}, epoch {epoch + 1}: {name} is {value}; "
                    "try a lower learning_rate (--config, with --fresh), or leave out --mixed-precision"
                )


class Report(keras.callbacks.Callback):
    """Reports each finished epoch as progress."""

    def __init__(self, advance: Callable[..., None]) -> None:
        super().__init__()
        self._advance = advance

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch with its scores."""
        logs = logs or {}
        shown = [f"{name} {value:.3f}" for name, value in logs.items() if name not in ("loss", "learning_rate")]
        self._advance(1, ", ".join(shown))


def end_at(deadline: float | None) -> None:
    """Raise an error if the deadline has passed; finished work is kept.

    Processes that train together call this at the same point of their work, and the leading one's clock decides.

    Args:
        deadline: a time of `time.monotonic()` (s). None: never.

    Raises:
        BudgetSpentError: the deadline has passed.
    """
    if data_parallel.agreed(deadline is not None and time.monotonic() > deadline):
        raise BudgetSpentError("the time budget is spent; run the same command without --fresh to resume")


def _plain(value: Any) -> Any:
    """Return a NumPy number as a Python one, which JSON can write."""
    return float(value) if isinstance(value, np.floating) else value
