"""The network of chapter 6: transformers' TFWav2Vec2Model with a classifier on top, as in the Keras example.

It is a separate module because it imports TensorFlow, which `wav2vec2` needs only to build a model.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
import tf_keras
import transformers
from transformers import TFWav2Vec2Model, Wav2Vec2Config

from common.environment import has_gpu

# Departure 6: left on, both would harm training without an error message.
NO_MASKING = {"apply_spec_augment": False, "layerdrop": 0.0}

# The example's dropout before the classifier.
HEAD_DROPOUT = 0.5


class HeldDropout(tf_keras.layers.Dropout):
    """Dropout that drops the same units until `draw` is called, so that recomputation gives the same values."""

    def __init__(self, rate: float, **settings: Any) -> None:
        super().__init__(rate, force_generator=True, **settings)

    def draw(self) -> None:
        """Draw other units to drop."""
        self._held_seed = self._random_generator.make_seed_for_stateless_op()

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Drop units in training."""
        if not training or self.rate == 0:
            return inputs
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=self._held_seed)


class Recomputed(tf_keras.layers.Layer):
    """An encoder layer whose activations are not stored for the gradient but computed again (departure 5).

    The recomputation calls the layer, not its method `call`, because its inner layers learn from the enclosing layer
    call whether they are in training.
    """

    def __init__(self, layer: tf_keras.layers.Layer) -> None:
        super().__init__(name=layer.name)
        self.layer = layer
        for part in (layer, layer.attention, layer.feed_forward):
            for name, value in list(vars(part).items()):
                if isinstance(value, tf_keras.layers.Dropout):
                    setattr(part, name, HeldDropout(value.rate))

    def call(
        self,
        hidden_states: tf.Tensor,
        attention_mask: tf.Tensor | None = None,
        output_attentions: bool = False,
        training: bool = False,
    ) -> tuple[tf.Tensor, ...]:
        """Return what the layer returns; in training without the attention weights."""
        if not training:
            return self.layer(hidden_states, attention_mask, output_attentions, training=False)
        for part in self.layer.submodules:
            if isinstance(part, HeldDropout):
                part.draw()
        compute = tf.recompute_grad(lambda states: self.layer(states, attention_mask, training=True)[0])
        return (compute(hidden_states),)


@tf_keras.saving.register_keras_serializable(package="encore")
class TFWav2Vec2ForAudioClassification(tf_keras.layers.Layer):
    """Section 6.2: wav2vec 2.0, its frames averaged, dropout, Dense, softmax.

    Args:
        config: fields of `Wav2Vec2Config`.
        n_classes: of the last layer.
        recompute: whether the encoder layers are `Recomputed`.
    """

    def __init__(self, config: Mapping[str, Any], n_classes: int, *, recompute: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        with quiet_transformers():
            self.wav2vec2 = TFWav2Vec2Model(Wav2Vec2Config(**{**config, **NO_MASKING}))
        if not has_gpu():
            # tf-keras has XLA compile grouped convolutions; with TensorFlow's own, a step takes a third of the time.
            positions = self.wav2vec2.wav2vec2.encoder.pos_conv_embed.conv
            positions._jit_compiled_convolution_op = positions.convolution_op
        self.wav2vec2.build_in_name_scope()
        self.recompute = recompute
        if recompute:
            encoder = self.wav2vec2.wav2vec2.encoder
            encoder.layer = [Recomputed(layer) for layer in encoder.layer]
        self.dropout = tf_keras.layers.Dropout(HEAD_DROPOUT)
        self.classifier = tf_keras.layers.Dense(n_classes, activation="softmax")

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """Return probabilities (clips, classes) of the attention mask and the values, both (clips, samples)."""
        attention_mask, input_values = inputs
        encode = tf.autograph.experimental.do_not_convert(self.wav2vec2)  # AutoGraph's search for branches is slow
        hidden = encode(input_values, training=training).last_hidden_state
        pooled = mean_of_valid(hidden, self.valid_frames(attention_mask))
        return self.classifier(self.dropout(pooled, training=training))

    def valid_frames(self, attention_mask: tf.Tensor) -> tf.Tensor:
        """Return the number of frames of each clip before the padding, at least one."""
        samples = tf.reduce_sum(attention_mask, axis=1)
        return tf.maximum(self.wav2vec2.wav2vec2._get_feat_extract_output_lengths(samples), 1)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        own = {"config": self.wav2vec2.config.to_diff_dict(), "n_classes": self.classifier.units}
        return {**super().get_config(), **own, "recompute": self.recompute}


def mean_of_valid(hidden: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
    """Average (clips, frames, units) over the first `frames` frames of each clip."""
    valid = tf.sequence_mask(frames, maxlen=tf.shape(hidden)[1], dtype=hidden.dtype)[..., tf.newaxis]
    return tf.reduce_sum(hidden * valid, axis=1) / tf.reduce_sum(valid, axis=1)


@tf_keras.saving.register_keras_serializable(package="encore")
class MaskedClips(tf_keras.Model):
    """A network of `input_values` and `attention_mask` that is fed one array of clips, NaN after their end."""

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Train on a batch of clips and targets."""
        clips, targets, _ = tf_keras.utils.unpack_x_y_sample_weight(data)
        return super().train_step((divided(clips), targets))

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Evaluate a batch of clips and targets."""
        clips, targets, _ = tf_keras.utils.unpack_x_y_sample_weight(data)
        return super().test_step((divided(clips), targets))

    def predict_step(self, data: Any) -> tf.Tensor:
        """Predict a batch of clips."""
        clips, _, _ = tf_keras.utils.unpack_x_y_sample_weight(data)
        return super().predict_step((divided(clips),))


def divided(clips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the attention mask, 1 before the end of each clip, and the samples, 0 after it."""
    own = tf.math.is_finite(clips)
    return tf.cast(own, tf.int32), tf.where(own, clips, tf.zeros_like(clips))


def classifier(config: Mapping[str, Any], n_classes: int, *, samples: int, recompute: bool = True) -> MaskedClips:
    """Return the model of section 6.2 with random weights.

    Args:
        config: fields of `Wav2Vec2Config`.
        n_classes: outputs of the last layer.
        samples: length of a clip.
        recompute: whether the encoder layers are recomputed in the backward pass, to save memory.
    """
    attention_mask = tf_keras.Input((samples,), dtype="int32", name="attention_mask")
    input_values = tf_keras.Input((samples,), name="input_values")
    classify = TFWav2Vec2ForAudioClassification(config, n_classes, recompute=recompute)
    return MaskedClips([attention_mask, input_values], classify([attention_mask, input_values]))


def backbone(model: MaskedClips) -> TFWav2Vec2Model:
    """Return the pretrained part of a classifier."""
    (layer,) = [layer for layer in model.layers if isinstance(layer, TFWav2Vec2ForAudioClassification)]
    return layer.wav2vec2


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Suppress transformers' warnings that its TensorFlow classes are old and cannot be trained on a CPU.

    The second is out of date: TensorFlow has the gradient of grouped convolutions on CPUs (a test trains one).
    """
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)
