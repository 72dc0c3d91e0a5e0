"""The two pretrained networks of the WaveNet rows, and what `--weights` says of them.

`--weights` names the backbone's weights, as for the other rows, or a folder with the files of both: the encoder's
checkpoint (`model.ckpt-200000.index` and its data) and of the backbones, with `b7` or `mobilenetv2` in their names
(`*.h5`). What a folder does not have is random, and the record says so.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import keras

from common import cache
from common.errors import InputError
from reproductions.music_mood_wavenet import nsynth

UNTRAINED = "the WaveNet encoder is untrained: its checkpoint was not given (--weights FOLDER)"


@dataclass(frozen=True, eq=False)
class Encoder:
    """The WaveNet encoder.

    Attributes:
        model: ready to encode.
        identity: what its weights are, for the cache of features.
        notes: what a record says of it.
    """

    model: keras.Model
    identity: str
    notes: tuple[str, ...]


@functools.cache
def encoder_of(weights: str) -> Encoder:
    """Return the encoder with the checkpoint in the folder `weights`; without one, it is untrained.

    Raises:
        InputError: the checkpoint is damaged, of another network, or one of several.
    """
    model, checkpoint = nsynth.encoder(), _only_file(weights, "*.index")
    if checkpoint is None:
        return Encoder(model, f"untrained {nsynth.SEED}", (UNTRAINED,))
    nsynth.load_checkpoint(model, checkpoint)
    # Of the checkpoint's own files: another file in the folder changes no feature.
    files = sorted(checkpoint.parent.glob(f"{checkpoint.stem}.*"))
    return Encoder(model, cache.key(cache.file_digests(files)), ())


def backbone_of(weights: str, name: str) -> str:
    """Return the weights of a backbone: those of the folder that have its name in theirs, else `weights` as it is.

    Raises:
        InputError: the folder has several.
    """
    if not Path(weights).is_dir():
        return weights
    return str(_only_file(weights, f"*{name}*.h5") or "none")


def _only_file(weights: str, pattern: str) -> Path | None:
    found = sorted(Path(weights).glob(pattern)) if Path(weights).is_dir() else []
    if len(found) > 1:
        raise InputError(f"--weights {weights} has several files {pattern}; keep one")
    return found[0] if found else None
