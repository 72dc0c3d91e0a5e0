"""Chapter 6: inputs, network, training and weights."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import soundfile
import tensorflow as tf
import transformers
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.numpy import save_file

from common.corpora import demo, scan
from common.errors import InputError
from common.learners.tf_keras import TfKerasLearner, generators
from common.runs import jobs, prediction, runner
from common.runs.estimate import estimate
from common.study import Setting
from reproductions.ser_parallel import CLASSES, STUDY, wav2vec2
from reproductions.ser_parallel import wav2vec2_network as network

EXPERIMENT = STUDY.experiment("wav2vec2")
SAMPLES = 4000
NO_DROPOUT = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout"), 0.0)
DROPOUT = dict.fromkeys(NO_DROPOUT, 0.5)


def setting(protocol: str = "published", **of: Any) -> Setting:
    return Setting(STUDY.protocols[protocol].switches, **{"seed": 0, **of})


def clips_and_targets(clips: int = 3) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(clips, SAMPLES)).astype(np.float32)
    x[0, SAMPLES // 2 :] = np.nan
    return x, np.eye(7, dtype=np.float32)[np.arange(clips)]


def tiny(config: dict[str, Any] | None = None, **options: Any) -> Any:
    def build() -> Any:
        return network.classifier({**wav2vec2.DEMO, **(config or {})}, 7, samples=SAMPLES, **options)

    return TfKerasLearner(build, STUDY.task, wav2vec2.TRAINING).model


def gradients(model: Any, seed: int = 0) -> list[np.ndarray | None]:
    """Return the gradient of each trainable variable after a pass in training mode, traced as in training."""
    x, y = clips_and_targets()
    for generator in generators(model):
        generator.reset_from_seed(seed)

    @tf.function
    def compute() -> list[tf.Tensor | None]:
        with tf.GradientTape() as tape:
            predicted = model(list(network.divided(x)), training=True)
            loss = tf.reduce_mean(-y * tf.math.log(predicted))
        return tape.gradient(loss, model.trainable_variables)

    return [None if gradient is None else gradient.numpy() for gradient in compute()]


@pytest.mark.parametrize("seconds", [0.7, 3.0])
def test_clips_are_normalised_as_by_the_feature_extractor(seconds: float) -> None:
    sound = (np.random.default_rng(0).normal(size=round(16_000 * seconds)) / 9 + 0.1).astype(np.float32)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    theirs = extractor(sound, sampling_rate=16_000, padding="max_length", max_length=48_000, return_tensors="np")
    padded = np.pad(sound, (0, 48_000 - len(sound)))
    mask, values = network.divided(wav2vec2.normalised(padded[np.newaxis], np.array([len(sound)])))
    np.testing.assert_array_equal(mask, theirs["attention_mask"])
    np.testing.assert_allclose(values, theirs["input_values"], atol=1e-6)


def test_three_seconds_are_149_frames_and_a_shorter_clip_has_fewer() -> None:
    classify = network.TFWav2Vec2ForAudioClassification(wav2vec2.DEMO, 7)
    lengths = [48_000, 24_000, 720, 400, 1]
    mask = tf.sequence_mask(lengths, maxlen=48_000, dtype=tf.int32)
    assert classify.valid_frames(mask).numpy().tolist() == [149, 74, 2, 1, 1]


def test_only_valid_frames_are_averaged() -> None:
    hidden = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    pooled = network.mean_of_valid(tf.constant(hidden), tf.constant([2, 5]))
    np.testing.assert_allclose(pooled, [hidden[0, :2].mean(axis=0), hidden[1].mean(axis=0)], atol=1e-6)


def test_every_layer_has_a_gradient_even_if_the_configuration_drops_all_layers() -> None:
    model = tiny({"layerdrop": 1.0, "apply_spec_augment": True, "mask_time_prob": 0.5})
    untrained = [
        variable.name
        for variable, gradient in zip(model.trainable_variables, gradients(model), strict=True)
        if gradient is None or not np.any(gradient)
    ]
    # The key's bias adds the same number to all scores of a query, which softmax cancels.
    assert [name for name in untrained if "k_proj/bias" not in name] == [
        name for name in untrained if "masked_spec_embed" in name
    ]
    assert sum("masked_spec_embed" in name for name in untrained) == 1


def test_without_dropout_training_passes_are_deterministic_because_masking_and_layerdrop_are_off() -> None:
    model = tiny({**NO_DROPOUT, "layerdrop": 0.5, "apply_spec_augment": True, "mask_time_prob": 0.5})
    inputs = list(network.divided(clips_and_targets()[0]))
    layer = network.backbone(model)
    first, second, still = (layer(inputs[1], training=training)[0] for training in (True, True, False))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, still, atol=1e-5)


def assert_same_gradients(one: Any, other: Any) -> None:
    """Compare two models without dropout, of which the second is given the weights of the first."""
    other.set_weights(one.get_weights())
    one.layers[-1].dropout.rate = other.layers[-1].dropout.rate = 0.0
    for ours, theirs in zip(gradients(one), gradients(other), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_on_a_cpu_the_gradients_are_those_of_the_library(monkeypatch) -> None:
    own = tiny(NO_DROPOUT)
    monkeypatch.setattr(network, "has_gpu", lambda: True)
    assert_same_gradients(own, tiny(NO_DROPOUT))


def test_recomputation_gives_the_same_gradients() -> None:
    assert_same_gradients(tiny(NO_DROPOUT, recompute=False), tiny(NO_DROPOUT))


def test_recomputation_drops_the_same_units(monkeypatch) -> None:
    model = tiny(DROPOUT)
    model.layers[-1].dropout.rate = 0.0
    recomputed, otherwise = gradients(model), gradients(model, seed=1)
    monkeypatch.setattr(tf, "recompute_grad", lambda compute: compute)
    kept = gradients(model)
    largest = max(
        float(np.abs(one - other).max()) for one, other in zip(kept, recomputed, strict=True) if one is not None
    )
    changed = max(
        float(np.abs(one - other).max()) for one, other in zip(kept, otherwise, strict=True) if one is not None
    )
    assert largest < 1e-5 < 1e-3 < changed


def test_a_step_on_a_cpu_changes_every_kind_of_weight() -> None:
    model = tiny()
    before = [weight.numpy() for weight in model.weights]
    x, y = clips_and_targets()
    model.train_on_batch(x, y)
    changed = [bool(np.any(old != new.numpy())) for old, new in zip(before, model.weights, strict=True)]
    still = [weight.name for weight, moved in zip(model.weights, changed, strict=True) if not moved]
    assert all("masked_spec_embed" in name or "k_proj/bias" in name for name in still)


# Files in the Hugging Face layout, with PyTorch's names and axis order.


def torch_layout(config: dict[str, Any], weight_norm: str) -> dict[str, np.ndarray]:
    """Return random weights of a network under the names, and in the shapes, of a PyTorch checkpoint."""
    hidden, inner, conv = config["hidden_size"], config["intermediate_size"], config["conv_dim"]
    kernel, groups = config["num_conv_pos_embeddings"], config["num_conv_pos_embedding_groups"]
    norm, direction = {
        "old": ("weight_g", "weight_v"),
        "new": ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    }[weight_norm]
    shapes: dict[str, tuple[int, ...]] = {
        "masked_spec_embed": (hidden,),
        "feature_extractor.conv_layers.0.layer_norm.weight": (conv[0],),
        "feature_extractor.conv_layers.0.layer_norm.bias": (conv[0],),
        "feature_projection.layer_norm.weight": (conv[-1],),
        "feature_projection.layer_norm.bias": (conv[-1],),
        "feature_projection.projection.weight": (hidden, conv[-1]),
        "feature_projection.projection.bias": (hidden,),
        f"encoder.pos_conv_embed.conv.{norm}": (1, 1, kernel),
        f"encoder.pos_conv_embed.conv.{direction}": (hidden, hidden // groups, kernel),
        "encoder.pos_conv_embed.conv.bias": (hidden,),
        "encoder.layer_norm.weight": (hidden,),
        "encoder.layer_norm.bias": (hidden,),
    }
    for number, (before, width, size) in enumerate(zip([1, *conv], conv, config["conv_kernel"], strict=False)):
        shapes[f"feature_extractor.conv_layers.{number}.conv.weight"] = (width, before, size)
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{number}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            shapes[f"{layer}.attention.{name}.weight"] = (hidden, hidden)
            shapes[f"{layer}.attention.{name}.bias"] = (hidden,)
        for name in ("layer_norm", "final_layer_norm"):
            shapes[f"{layer}.{name}.weight"] = shapes[f"{layer}.{name}.bias"] = (hidden,)
        shapes[f"{layer}.feed_forward.intermediate_dense.weight"] = (inner, hidden)
        shapes[f"{layer}.feed_forward.intermediate_dense.bias"] = (inner,)
        shapes[f"{layer}.feed_forward.output_dense.weight"] = (hidden, inner)
        shapes[f"{layer}.feed_forward.output_dense.bias"] = (hidden,)
    draw = np.random.default_rng(0)
    return {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write_folder(folder: Path, weight_norm: str = "new") -> dict[str, np.ndarray]:
    """Write a pretrained network as on the hub: with a prefix, and with a quantiser that fine-tuning ignores."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "wav2vec2", "layerdrop": 0.05, **wav2vec2.DEMO}
    (folder / "config.json").write_text(json.dumps(config))
    state = torch_layout(wav2vec2.DEMO, weight_norm)
    stored = {f"wav2vec2.{name}": value for name, value in state.items()}
    stored["quantizer.codevectors"] = np.zeros((1, 4, 2), np.float32)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    return state


@pytest.mark.parametrize("weight_norm", ["old", "new"])
def test_every_weight_of_a_folder_is_loaded(weight_norm: str, tmp_path) -> None:
    state = write_folder(tmp_path, weight_norm)
    main = network.backbone(EXPERIMENT.build(setting(weights=str(tmp_path)), 7)).wav2vec2
    layer, conv = main.encoder.layer[1].layer, main.encoder.pos_conv_embed.conv
    norm, direction = (
        value for name, value in state.items() if name.startswith("encoder.pos_conv_embed.conv.") and value.ndim == 3
    )
    pairs = [
        (main.masked_spec_embed, state["masked_spec_embed"]),
        (
            main.feature_extractor.conv_layers[0].layer_norm.gamma,
            state["feature_extractor.conv_layers.0.layer_norm.weight"],
        ),
        (main.feature_extractor.conv_layers[6].conv.kernel, state["feature_extractor.conv_layers.6.conv.weight"].T),
        (main.feature_projection.projection.kernel, state["feature_projection.projection.weight"].T),
        (conv.weight_g, norm.T),
        (conv.weight_v, direction),
        (conv.bias, state["encoder.pos_conv_embed.conv.bias"]),
        (main.encoder.layer_norm.beta, state["encoder.layer_norm.bias"]),
        (layer.attention.k_proj.kernel, state["encoder.layers.1.attention.k_proj.weight"].T),
        (layer.attention.out_proj.bias, state["encoder.layers.1.attention.out_proj.bias"]),
        (layer.layer_norm.gamma, state["encoder.layers.1.layer_norm.weight"]),
        (layer.final_layer_norm.gamma, state["encoder.layers.1.final_layer_norm.weight"]),
        (
            layer.feed_forward.intermediate_dense.kernel,
            state["encoder.layers.1.feed_forward.intermediate_dense.weight"].T,
        ),
        (layer.feed_forward.output_dense.kernel, state["encoder.layers.1.feed_forward.output_dense.weight"].T),
    ]
    for variable, value in pairs:
        np.testing.assert_array_equal(variable.numpy(), value)
    assert sum(value.size for value in state.values()) == sum(int(np.prod(w.shape)) for w in main.weights)


def without(folder: Path, name: str) -> None:
    state = torch_layout(wav2vec2.DEMO, "new")
    del state[name]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def configured(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"config\.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), r"config\.json"),
        (lambda folder: configured(folder, model_type="bert"), r"config\.json.* 'bert'"),
        (lambda folder: configured(folder, num_attention_heads=3), r"config\.json.*embed_dim"),
        (lambda folder: configured(folder, num_hidden_layers=3), r" 16 of .*wav2vec2\.encoder\.layers"),
        (lambda folder: configured(folder, intermediate_size=64), r" 6 of .*intermediate_dense\.weight"),
        (lambda folder: without(folder, "encoder.layer_norm.bias"), r" 1 of .*encoder\.layer_norm\.bias"),
        (lambda folder: os.truncate(folder / "model.safetensors", 9999), r"model\.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), r"model\.safetensors"),
    ],
    ids=[
        "no config", "no weights", "half a config", "a list", "another model", "odd heads", "more layers", "wider",
        "one weight less", "cut off", "empty",
    ],
)  # fmt: skip
def test_an_unusable_folder_is_refused_in_one_line(spoil: Callable[[Path], Any], named, tmp_path) -> None:
    write_folder(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError, match=named) as caught:
        EXPERIMENT.build(setting(weights=str(tmp_path)), 7)
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_reported_with_the_option_for_random_weights(monkeypatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("An error happened. Please check your internet connection and try again.")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(InputError, match=r"wav2vec2-base .*--weights none"):
        EXPERIMENT.build(setting(weights=wav2vec2.HUB_NAME), 7)


def test_a_name_on_the_hub_loads_the_weights_of_the_downloaded_folder(tmp_path, monkeypatch) -> None:
    state = write_folder(tmp_path)
    asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: asked.append(name) or str(tmp_path))
    main = network.backbone(EXPERIMENT.build(setting(weights="owner/name"), 7)).wav2vec2
    np.testing.assert_array_equal(main.masked_spec_embed.numpy(), state["masked_spec_embed"])
    assert asked == ["owner/name"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run on a small part of the demo corpus."""
    folder = tmp_path_factory.mktemp("wav2vec2")
    clips = demo.write(folder / "demo", clips_per_class=3, corpora=("ravdess",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCORE_CACHE", str(folder / "cache"))
        options = jobs.Options(runs=folder / "runs", size="demo", overrides={"epochs": 1})
        return runner.run(jobs.Job(STUDY, EXPERIMENT, STUDY.protocol("published"), scan([clips]), options)), clips


def test_the_saved_model_repeats_the_predictions_of_its_run(finished) -> None:
    record, folder = finished
    clips = scan([folder]).manifest.set_index("name")
    row = record.predictions().iloc[0]
    predicted = prediction.Models(STUDY, record).predict(Path(clips.loc[row["name"], "path"]))
    np.testing.assert_allclose(predicted.outputs, row[list(CLASSES)].to_numpy(float), atol=1e-6)


def test_a_dry_run_measures_a_network_of_mask_and_values(finished, tmp_path) -> None:
    options = jobs.Options(runs=tmp_path, size="demo")
    job = jobs.Job(STUDY, EXPERIMENT, STUDY.protocol("published"), scan([finished[1]]), options)
    measured = estimate(job)
    assert (measured.parameters, measured.clips) == (7975, 24)
    assert 0 < measured.epoch_s < measured.total_s


def test_a_record_says_that_the_weights_are_random(finished) -> None:
    record, _ = finished
    assert record.data["configuration"]["weights"] == "none"
    assert any("random weights" in note for note in record.data["notes"])
    assert record.data["parameters"] == {"total": 7975, "trainable": 7975}


@pytest.mark.parametrize(("seconds", "named"), [(9, "9.0 s"), (0.01, "0.0 s")])
def test_a_file_of_any_rate_and_length_is_classified(seconds, named, finished, tmp_path) -> None:
    sound = np.random.default_rng(0).normal(size=(round(44_100 * seconds), 2)) / 9
    soundfile.write(tmp_path / "a.flac", sound, 44_100)
    predicted = prediction.Models(STUDY, finished[0]).predict(tmp_path / "a.flac")
    assert predicted.outputs.sum() == pytest.approx(1, abs=1e-5)
    assert named in predicted.notes[0]


def test_a_saved_network_predicts_as_before(tmp_path) -> None:
    model = TfKerasLearner(lambda: network.classifier(wav2vec2.DEMO, 7, samples=SAMPLES), STUDY.task, wav2vec2.TRAINING)
    x, _ = clips_and_targets()
    model.save(tmp_path / "model.keras")
    loaded = TfKerasLearner.load(tmp_path / "model.keras", STUDY.task, wav2vec2.TRAINING)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.summary() == model.summary()
    assert isinstance(network.backbone(loaded.model).wav2vec2.encoder.layer[0], network.Recomputed)
