"""Pretrained weights of wav2vec 2.0, from a folder in the Hugging Face layout or from the hub, without torch.

The layout is `config.json`, and `model.safetensors` with the weights under PyTorch's names and in its axis order.
transformers maps the names; the norm and direction of the positional convolution may be called `weight_g` and
`weight_v` (older files) or `parametrizations.weight.original0` and `original1`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.tensorflow import load_file
from transformers import TFWav2Vec2Model
from transformers.modeling_tf_pytorch_utils import load_pytorch_state_dict_in_tf2_model

from common.errors import InputError

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
MODEL_TYPE = "wav2vec2"
INSTEAD = f"name a folder with {CONFIG_FILE} and {WEIGHTS_FILE}, or use random weights with --weights none"
Network = TypeVar("Network")

UNUSED = "masked_spec_embed"
"""The vector that time masking puts in place of frames; some files lack it, and it is not used here."""


def fetch(weights: str) -> Path:
    """Return the folder `weights`, or that of the model `weights` on the hub, which is downloaded once.

    Raises:
        InputError: there is neither such a folder nor such a model, the hub cannot be reached, or a file is missing.
    """
    folder = Path(weights) if Path(weights).is_dir() else _downloaded(weights)
    absent = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"--weights {weights} has no {' and no '.join(absent)}; {INSTEAD}. If a model has only pytorch_model.bin, "
            "transformers and torch can write that folder: AutoModel.from_pretrained(NAME).save_pretrained(FOLDER)"
        )
    return folder


def _downloaded(name: str) -> Path:
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=[CONFIG_FILE, WEIGHTS_FILE]))
    except (OSError, HFValidationError) as error:
        unreachable = isinstance(error, LocalEntryNotFoundError)
        reason = "it cannot be reached, and there is no copy in the cache" if unreachable else _first_sentence(error)
        raise InputError(
            f"--weights {name} is not a folder and cannot be downloaded from the Hugging Face hub ({reason}); {INSTEAD}"
        ) from error


def read(
    folder: Path, make: Callable[[dict[str, Any]], Network], part: Callable[[Network], TFWav2Vec2Model]
) -> Network:
    """Return a network with a folder's configuration and weights.

    Args:
        folder: as `fetch` returns it.
        make: returns the network, given the fields of `Wav2Vec2Config`.
        part: returns its pretrained part.

    Raises:
        InputError: a file of the folder is damaged or of another network.
    """
    config = read_config(folder)
    try:
        network = make(config)
    except (TypeError, ValueError) as error:
        reason = _first_sentence(error)
        raise InputError(
            f"the network that {folder / CONFIG_FILE} describes cannot be built ({reason}); download it again"
        ) from error
    load(part(network), folder)
    return network


def read_config(folder: Path) -> dict[str, Any]:
    """Return the fields of `Wav2Vec2Config` that a folder's `config.json` has.

    Raises:
        InputError: the file is not a JSON object, or it is of another kind of model.
    """
    path = folder / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        found = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = _first_sentence(error)
        raise InputError(f"{path} is not the configuration of a model ({reason}); download it again") from error
    if found != MODEL_TYPE:
        raise InputError(f"{path} is of a model of type {found!r}, not {MODEL_TYPE!r}; name another folder")
    return dict(config)


def load(model: TFWav2Vec2Model, folder: Path) -> None:
    """Set the weights of a network to those of a folder; other weights in the file (a quantiser) are ignored.

    Raises:
        InputError: the file is damaged, lacks weights, or has weights of other shapes.
    """
    path = folder / WEIGHTS_FILE
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is damaged ({_first_sentence(error)}); download it again") from error
    _, loaded = load_pytorch_state_dict_in_tf2_model(
        model,
        stored,
        tf_inputs=False,
        allow_missing_keys=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        skip_logger_warnings=True,
    )
    unfit = [name for name in loaded["missing_keys"] if not name.endswith(UNUSED)]
    unfit += [name for name, *_ in loaded["mismatched_keys"]]
    if unfit:
        raise InputError(
            f"{path} does not fit {CONFIG_FILE} beside it: {len(unfit)} of the network's {len(model.weights)} weights "
            f"are absent or have another shape (the first is {unfit[0]}); name another folder"
        )


def _first_sentence(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
