"""tf-keras (Keras 2) models, which transformers' TensorFlow classes need. They are trained like Keras 3 models.

The code of `common.learners.keras3` trains both: tf.data works with both, and the callbacks use only what both
libraries have. This module has the differences: compiling, seeds of dropout, TensorBoard, saving and loading. tf-keras
models need the TensorFlow backend; here they are trained in float32 on one device.
"""

import functools
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras

from common.errors import LONGEST, InputError
from common.learners.keras3 import KerasLearner, precision
from common.learners.learner import file_name
from common.seeds import derive
from common.study import Training
from common.tasks import Task

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
"""Files of a saved model. Others would be unpacked into a temporary folder."""

MODULES = {None, "keras.layers", "keras.initializers", "tf_keras.src.engine.functional"}
TRUSTED = {
    *("Functional", "InputLayer", "Dense", "Dropout", "BatchNormalization"),
    *("GlorotUniform", "Zeros", "Ones"),
}
"""Classes that a saved model may have, of these modules, beside Encore's own: they only compute with their weights."""


class TfKerasLearner(KerasLearner):
    """A tf-keras model, trained with Adam; its arguments are those of `KerasLearner`.

    Raises:
        InputError: the backend is not TensorFlow, the precision is not float32, or there is a strategy.
    """

    FILE: ClassVar[str] = "model.tf_keras.keras"

    def __init__(
        self,
        build: Callable[[], Any],
        task: Task,
        training: Training,
        *,
        seed: int = 0,
        strategy: str = "none",
        **kept: Any,
    ) -> None:
        self.refuse(strategy)
        super().__init__(functools.partial(_seeded, build, seed), task, training, seed=seed, **kept)

    @classmethod
    def refuse(cls, strategy: str = "none") -> None:
        """Refuse a backend, precision or strategy that tf-keras models cannot be trained with.

        Raises:
            InputError: the backend is not TensorFlow, the precision is not float32, or there is a strategy.
        """
        if keras.backend.backend() != "tensorflow":
            raise InputError(f"tf-keras models need KERAS_BACKEND=tensorflow, not {keras.backend.backend()}")
        if strategy != "none" or precision() != "float32":
            raise InputError(
                "tf-keras models train on one device, in float32; leave out --strategy and --mixed-precision"
            )

    def _divide(self) -> None:
        """Return None: `common.learners.frozen` can divide only models of Keras 3."""

    def _compile(self, model: Any) -> None:
        import tf_keras

        model.compile(
            optimizer=tf_keras.optimizers.Adam(self.training.learning_rate, amsgrad=self.training.amsgrad),
            loss=self.training.loss or self.task.LOSS,
            metrics=self.task.keras_metrics(),
        )

    def _make_variables(self, model: Any) -> None:
        import tensorflow as tf

        # tf-keras builds losses and metrics when it first sees targets and outputs; one row of zeros is enough.
        some = tf.zeros((1, *model.output_shape[1:]))
        model.optimizer.build(model.trainable_variables)
        model.compiled_loss.build(some)
        model.compiled_metrics.build(some, some)

    def _epoch_seeds(self) -> keras.callbacks.Callback:
        return EpochSeeds(self.seed)

    def _callbacks(self, callbacks: Sequence[Any]) -> list[Any]:
        return [self._adapted(one) if isinstance(one, keras.callbacks.Callback) else one for one in callbacks]

    def _adapted(self, callback: keras.callbacks.Callback) -> Any:
        """Return a tf-keras callback that calls the methods of a Keras 3 callback."""
        import tf_keras

        callback.set_model(self.model)  # here, because tf-keras sets the model of its own callbacks only
        hooks = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")
        return tf_keras.callbacks.LambdaCallback(**{hook: getattr(callback, hook) for hook in hooks})

    def _tensorboard(self, stage: str) -> list[Any]:
        if self._folder is None:
            return []
        import tf_keras

        logs = self._folder.parent / "tensorboard" / file_name(stage)
        return [tf_keras.callbacks.TensorBoard(str(logs), write_graph=False)]

    def save(self, path: Path) -> None:
        """Write the model in tf-keras' own format; the file is whole or absent."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # saving reads all attributes of a model, also deprecated ones
            super().save(path)

    @classmethod
    def _load_model(cls, path: Path) -> Any:
        cls.refuse()
        _refuse_untrusted(path)
        import tf_keras

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tf_keras.models.load_model(path, compile=False, safe_mode=True)


def _refuse_untrusted(path: Path) -> None:
    """Refuse a saved model with a file or a class that a model of Encore does not have.

    Raises:
        ValueError: names it.
    """
    # tf-keras' safe mode refuses a Lambda's byte code alone. A file could still name a function of any module, which
    # is imported and called on the first input (`os.system`), or any operation of TensorFlow, such as one that writes
    # a file.
    with zipfile.ZipFile(path) as file:
        if foreign := set(file.namelist()) - MEMBERS:
            raise ValueError(f"it has a file {min(foreign)[:LONGEST]!r}, which no saved model needs")
        config = json.loads(file.read("config.json"))
    config["compile_config"] = None  # the optimiser, which is not loaded
    for one in _classes(config):
        if not _is_trusted(one):
            named = ".".join(str(part) for part in (one.get("module"), one["class_name"]) if part)
            raise ValueError(f"it has a {named[:LONGEST]!r}, which is not among the trusted layers")


def _classes(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a configuration that names a class or a function."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _classes(part)


def _is_trusted(config: dict[str, Any]) -> bool:
    import tf_keras

    module, name, registered = (config.get(key) for key in ("module", "class_name", "registered_name"))
    # tf-keras looks for a registered class first; one of ours is registered when its study is imported. The names must
    # be equal, because a `class_name` such as `function` is not looked up among the registered classes.
    if registered == f"encore>{name}":
        return tf_keras.saving.get_registered_object(registered) is not None
    return module in MODULES and name in TRUSTED and registered in (None, name)


class EpochSeeds(keras.callbacks.Callback):
    """Sets the state of every dropout layer of a tf-keras model at the beginning of each epoch.

    It depends on (seed, epoch, layer), as in `common.learners.callbacks.EpochSeeds`.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the states."""
        for number, generator in enumerate(generators(self.model)):
            generator.reset_from_seed(derive(self._seed, "dropout", epoch, number))


def generators(model: Any) -> list[Any]:
    """Return the random generators of a tf-keras model's dropout layers, in a fixed order."""
    sources = [source for layer in model.submodules if (source := getattr(layer, "_random_generator", None))]
    return [source._generator for source in sources if source._generator is not None]


def _seeded(build: Callable[[], Any], seed: int) -> Any:
    """Build a model whose initial weights depend on the seed, and whose dropout layers have states that can be set."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    tf_keras.backend.experimental.enable_tf_random_generator()
    return build()
