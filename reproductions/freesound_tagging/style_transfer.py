"""Audio-image style transfer: the mel spectrogram of a clip in the style of a picture, seen and heard.

    python -m reproductions.freesound_tagging style-transfer CLIP PICTURE --out DIR --weights imagenet

The document does it with a network that the authors trained; its weights are not public. Here:

- without further options, the clip's own spectrogram is optimised (Gatys et al. 2016);
- `--train CLIPS` trains the document's network on the clips of a folder, applies it, and keeps it as `network.keras`;
- `--model network.keras` applies a network that was kept.

Losses compare outputs of an image network (`--network`) with its ImageNet weights, those of a file, or random ones.
Random features respond to edges and textures too, so they make a style loss, but not that of trained features.

Choices: sound has one value per cell, so the style picture is made grey, and its centre is scaled to the 128 rows that
a clip has. By default the first 2 s of a clip are used, as by all models of the document: its picture is then a
square, as the style's is, and each step costs in proportion to the length. `--duration` takes more.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common import files
from common.corpora.files import duration_or_reason, files_below, make_folder
from common.errors import InputError
from common.learners import keras3
from common.runs import identity
from common.seeds import derive
from common.signals import audio, features
from common.signals.numba_cache import librosa
from common.terminal import say
from reproductions.freesound_tagging import inversion, style_losses
from reproductions.freesound_tagging.inversion import HIGHEST_DB, MEL, RANGE_DB, SAMPLE_RATE
from reproductions.freesound_tagging.style_command import (
    DURATION_S,
    NETWORK_STEPS,
    PICTURE_STEPS,
    SHORTEST_S,
    STYLE_WEIGHT,
)
from reproductions.freesound_tagging.style_losses import IMAGE_NETWORKS, Losses
from reproductions.freesound_tagging.style_network import style_network

# Choices; PyTorch's example of fast style transfer has the same batches and learning rate.
PICTURE_RATE = 0.02
NETWORK_RATE, BATCH_SIZE = 1e-3, 4

NETWORK_FILE = "network.keras"
RANDOM = (
    "the image network has random weights: its features make a style loss of edges and textures, but not that of a "
    "network trained on photographs"
)
SILENT = 2**-15
"""A sample below the smallest step of 16 bits."""
TICKS_HZ = (100, 500, 1000, 2000, 5000, 10_000, 20_000)


@dataclass(frozen=True)
class Styled:
    """A stylised picture.

    Attributes:
        image: float32 (bands, frames) of 0..1, the highest band first.
        settings: how it was made.
        history: the losses before each step of training; empty if there was none.
    """

    image: np.ndarray
    settings: Mapping[str, Any]
    history: tuple[Losses, ...] = ()


def transfer(
    clip: Path,
    picture: Path,
    out: Path,
    *,
    network: str,
    weights: str,
    train: Path | None,
    model: Path | None,
    steps: int | None,
    style_weight: float | None,
    duration: float,
    seed: int,
    as_json: bool,
) -> None:
    """Give the mel spectrogram of a clip the style of a picture, and make it audible again.

    Args:
        clip: audio file.
        picture: image file.
        out: folder of the results.
        network: image network of the losses, a key of `IMAGE_NETWORKS`.
        weights: of the image network.
        train: folder of the clips on which the document's network is trained; None: it is not.
        model: a trained network to apply; None: there is none.
        steps: of the optimisation or of the training. None: the default of either.
        style_weight: of the style loss relative to the content loss. None: the default.
        duration: seconds of the clip, from its start.
        seed: of everything random.
        as_json: print JSON.

    Raises:
        InputError: a file or the folder cannot be used, or options exclude each other.
    """
    if model is not None and (train is not None or steps is not None or style_weight is not None):
        raise InputError("--model applies a trained network; leave --train, --steps and --style-weight out")
    in_words = identity.weights_in_words(weights)
    waveform, style = load_clip(clip, duration), load_picture(picture)
    kept = None if model is None else load_network(model)
    clips = None if train is None else load_training_clips(train)
    refuse_unwritable(out)
    keras3.use_determinism(seed)
    judge = style_losses.features_of(network, weights, seed=seed)
    content = inversion.mel_image(waveform)
    weight = STYLE_WEIGHT if style_weight is None else style_weight
    if kept is not None:
        styled = Styled(style_losses.apply_network(kept, content), {"method": "network that was kept"})
    elif clips is not None:
        trained, styled = _by_network(judge, content, style, clips, steps or NETWORK_STEPS, weight, seed)
        _keep(trained, out / NETWORK_FILE)
    else:
        styled = _by_optimisation(judge, content, style, steps or PICTURE_STEPS, weight)
    sounds = {
        "round_trip": write_sound(out / "round_trip.wav", content, inversion.log_mel(waveform), len(waveform), seed),
        "stylised": write_sound(
            out / "stylised.wav", styled.image, inversion.to_level(styled.image), len(waveform), seed
        ),
    }
    title = f"{clip.name} in the style of {picture.name}"
    files.write_bytes(out / "style_transfer.png", drawn(content, style, styled.image, title))
    facts = {
        "clip": clip.name,
        "picture": picture.name,
        "seconds": len(waveform) / SAMPLE_RATE,
        "seed": seed,
        **styled.settings,
        "image_network": IMAGE_NETWORKS[network].title,
        "weights": in_words,
        "content_layer": IMAGE_NETWORKS[network].content,
        "style_layers": list(IMAGE_NETWORKS[network].style),
        "losses_before": asdict(style_losses.losses_between(judge, content, content, style)),
        "losses_after": asdict(style_losses.losses_between(judge, styled.image, content, style)),
        **sounds,
        "clipped_share": inversion.clipped_share(waveform),
        "history": [asdict(losses) for losses in styled.history],
        "notes": [RANDOM] if weights == "none" else [],
    }
    files.write_text(out / "style_transfer.json", json.dumps(facts, indent=1) + "\n")
    say(json.dumps(facts) if as_json else _in_words(facts, out))


def _by_optimisation(
    judge: keras.Model, content: np.ndarray, style: np.ndarray, steps: int, style_weight: float
) -> Styled:
    settings: dict[str, Any] = {"steps": steps, "style_weight": style_weight, "learning_rate": PICTURE_RATE}
    image, history = style_losses.optimise(judge, content, style, **settings)
    return Styled(image, {"method": "one picture optimised", **settings}, tuple(history))


def _by_network(
    judge: keras.Model,
    content: np.ndarray,
    style: np.ndarray,
    clips: np.ndarray,
    steps: int,
    style_weight: float,
    seed: int,
) -> tuple[keras.Model, Styled]:
    """Train the document's network on clips (clips, bands, frames), and apply it."""
    network = style_network()
    settings: dict[str, Any] = {"steps": steps, "style_weight": style_weight, "learning_rate": NETWORK_RATE}
    settings["batch_size"] = BATCH_SIZE
    history = style_losses.train_network(judge, network, clips, style, seed=seed, **settings)
    method = {"method": "network trained", "training_clips": len(clips), **settings}
    return network, Styled(style_losses.apply_network(network, content), method, tuple(history))


def load_clip(path: Path, duration: float) -> np.ndarray:
    """Return the first `duration` seconds of a clip, or all of it if it is shorter: float32 (samples,).

    Raises:
        InputError: the file cannot be read, or this part of it is silent.
    """
    length = duration_or_reason(path)
    # Only what is used is read: what comes after it may be hours, or damaged. If it is a reason, `load` says it too.
    seconds = min(duration, length) if isinstance(length, float) else duration
    waveform = audio.load(path, sample_rate=SAMPLE_RATE, duration=seconds)
    # Not all zeros: a decoded pause of a compressed file is not exactly zero.
    if np.abs(waveform).max() < SILENT:
        raise InputError(f"the first {len(waveform) / SAMPLE_RATE:g} s of {path} are silent; take more with --duration")
    return np.pad(waveform, (0, max(0, round(SHORTEST_S * SAMPLE_RATE) - len(waveform))))


def load_picture(path: Path) -> np.ndarray:
    """Return the centre of a picture in grey: float32 (bands, bands) of 0..1.

    Raises:
        InputError: the file is missing or no picture.
    """
    if not path.is_file():
        raise InputError(f"the picture {path} does not exist; name an image file")
    size = (MEL["n_mels"], MEL["n_mels"])
    try:
        image = keras.utils.load_img(
            path, color_mode="grayscale", target_size=size, interpolation="bilinear", keep_aspect_ratio=True
        )
    except (OSError, ValueError, SyntaxError) as error:  # Pillow raises the last one for a damaged PNG
        raise InputError(f"the picture {path} is damaged or no image; name a PNG or JPEG file") from error
    return np.asarray(image, np.float32) / 255


def load_training_clips(folder: Path) -> np.ndarray:
    """Return the pictures of the first 2 s of all clips below a folder: float32 (clips, bands, frames).

    Shorter clips are padded at the front, as for the document's other networks.

    Raises:
        InputError: there are no clips, or some cannot be read.
    """
    paths = list(files_below(folder))
    if not paths:
        raise InputError(f"--train {folder} has no audio files; name a folder of clips")
    waveforms = audio.load_clips(paths, sample_rate=SAMPLE_RATE, duration=DURATION_S, pad="start")
    return inversion.to_image(features.extract(waveforms, inversion.LOG_MEL))


def load_network(path: Path) -> keras.Model:
    """Return a network that `--train` kept.

    Raises:
        InputError: the file is missing or holds another model.
    """
    try:
        network = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"--model {path} is no Keras model; name the {NETWORK_FILE} that --train kept") from error
    if network.name != style_network.__name__:
        raise InputError(f"--model {path} is another model; name the {NETWORK_FILE} that --train kept")
    return network


def _keep(network: keras.Model, path: Path) -> None:
    temporary = path.with_name(f".{path.name}")  # the same suffix, by which Keras chooses the format
    network.save(temporary)
    temporary.replace(path)


def refuse_unwritable(folder: Path) -> None:
    """Make the folder of the results; refuse it now, and not after minutes of training, if nothing can be written.

    Raises:
        InputError: it cannot be made or written.
    """
    try:
        make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written ({error.strerror}); name another folder") from error


def write_sound(path: Path, image: np.ndarray, expected: np.ndarray, samples: int, seed: int) -> dict[str, float]:
    """Write what a picture sounds like, and measure the file.

    Args:
        path: of the WAV file.
        image: float32 (bands, frames) of 0..1.
        expected: the mel spectrogram that the sound should have, (bands, frames) in dB, the lowest band first.
        samples: length of the sound.
        seed: of the phases.

    Returns:
        `quieter_db`, by how much the sound was made quieter to fit in 16 bits; and `mel_error_db`, the mean absolute
        difference of its mel spectrogram to the expected one, apart from that.
    """
    waveform = inversion.invert(image, samples, seed=derive(seed, "phases"))
    quieter_db = inversion.excess_db(waveform)
    files.write_bytes(path, inversion.wav(waveform))
    written = inversion.log_mel(audio.load(path, sample_rate=SAMPLE_RATE))
    return {"quieter_db": quieter_db, "mel_error_db": inversion.mel_error(expected, written + quieter_db)}


def drawn(content: np.ndarray, style: np.ndarray, styled: np.ndarray, title: str) -> bytes:
    """Return a PNG file: the mel spectrogram of a clip, the style picture, the stylised mel spectrogram.

    Args:
        content: float32 (bands, frames) of 0..1, the highest band first.
        style: float32 (height, width) of 0..1.
        styled: like `content`.
        title: of the whole figure.
    """
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    figure.suptitle(title, parse_math=False)
    before, middle, after = figure.subplots(1, 3)
    _draw_mel(before, content, "mel spectrogram of the clip")
    middle.imshow(style, cmap="gray", vmin=0, vmax=1)
    middle.set(title="style", xticks=[], yticks=[])
    image = _draw_mel(after, styled, "stylised mel spectrogram")
    figure.colorbar(image, ax=after, label="dB")
    content_of_file = io.BytesIO()
    figure.savefig(content_of_file, format="png", dpi=120)
    return content_of_file.getvalue()


def _draw_mel(axes: Axes, image: np.ndarray, title: str) -> Any:
    bands, frames = image.shape
    centres = librosa.mel_frequencies(bands + 2, fmin=MEL["fmin"], fmax=SAMPLE_RATE / 2)[1:-1]
    seconds = frames * MEL["hop_length"] / SAMPLE_RATE
    place: Any = {"origin": "lower", "aspect": "auto", "extent": (0, seconds, -0.5, bands - 0.5)}
    colours: Any = {"cmap": "magma", "vmin": HIGHEST_DB - RANGE_DB, "vmax": HIGHEST_DB}
    axes.set(title=title, xlabel="time in s", ylabel="frequency in Hz")
    axes.set_yticks(np.interp(TICKS_HZ, centres, np.arange(bands)), [f"{hertz:,}" for hertz in TICKS_HZ])
    return axes.imshow(inversion.to_level(image), **place, **colours, interpolation="nearest")


def _in_words(facts: Mapping[str, Any], out: Path) -> str:
    before, after, trip, sound = (facts[name] for name in ("losses_before", "losses_after", "round_trip", "stylised"))
    lines = [
        f"style loss {before['style']:.4f} -> {after['style']:.4f}, content loss {after['content']:.4f} "
        f"(relative; {facts['image_network']}, weights {facts['weights']}; {facts['method']})",
        f"round trip without style: within {trip['mel_error_db']:.2f} dB of the clip's mel spectrogram (mean absolute "
        f"error over cells at most {inversion.AUDIBLE_DB:g} dB below the loudest)",
        f"stylised sound: within {sound['mel_error_db']:.2f} dB of the stylised picture, measured likewise",
    ]
    if facts["clipped_share"] > 0:
        lines.append(f"{facts['clipped_share']:.2%} of the clip's cells were clipped to the picture's range")
    if sound["quieter_db"] > 0:
        lines.append(f"stylised.wav was made {sound['quieter_db']:.1f} dB quieter to fit in 16 bits")
    return "\n".join([*lines, *(f"note: {note}" for note in facts["notes"]), f"results: {out}"])
