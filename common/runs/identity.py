"""The identity of a run: all that decides its numbers.

An interrupted run is resumed, and a finished one is read, only if the identity is the same.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from common import cache
from common.errors import InputError
from common.learners import keras3, summaries
from common.runs.digests import digest_of
from common.runs.jobs import Job, Material
from common.signals import impulse_responses
from common.study import Ensemble, Fit, Training

HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[\w-][\w.-]*")
"""The name of a model on the Hugging Face hub: owner/name."""
FILES_OF_WEIGHTS = (".h5", ".hdf5", ".keras", ".safetensors", ".bin", ".npz")
"""File name endings of weights; names of models do not end like this."""


def identity_of(job: Job, material: Material) -> dict[str, Any]:
    """Return all that decides a run's numbers."""
    return _computed_otherwise(job) | {
        "switches": job.switches,
        **_learned(job, len(material.task.outputs)),
        **({"split": job.options.split.digest} if job.options.split else {}),
        "size": job.options.size,
        "folds": job.options.folds if material.left_out else None,  # --folds 9 of 6 folds is a run of all
        "digest": labelled_digest(material),
    }


def labelled_digest(material: Material) -> str:
    """Return one digest of the clips and of the columns of the manifest that a run uses: targets, speaker, group, set.

    The set counts where the corpus publishes one; folds that a corpus publishes are in the names of its clips.
    """
    # Labels decide targets; speakers, groups and sets decide splits, the first two intervals too.
    sets = ["set"] if "set" in material.clips and material.clips["set"].astype(bool).any() else []
    columns = [*material.task.columns, "speaker", "group", *sets]
    read = material.clips[columns].astype(str).agg("|".join, axis=1)
    return digest_of(material.clips["name"] + "|" + read, material.digests)


def _learned(job: Job, outputs: int) -> dict[str, Any]:
    """Return the method with its settings, and the source of pretrained weights."""
    method = job.method
    # An ensemble has the weights of its members.
    pretrained = job.experiment.pretrained and not isinstance(method, Ensemble)
    weights = {"weights": weights_in_words(job.options.weights)} if pretrained else {}
    if job.experiment.inputs.convolved:
        weights["impulse_responses"] = _responses_in_words(job.options.impulse_responses)
    if isinstance(method, Fit):
        return {"estimator": summaries.steps(job.build(outputs)), **weights}
    # The document's own settings of the model are left out, so that a new adjustable setting changes no identity.
    model = {"model": dict(job.options.model)} if job.options.model else {}
    return {"training" if isinstance(method, Training) else "ensemble": method.facts(), **model, **weights}


def weights_in_words(weights: str) -> str:
    """Return what identifies weights: a name as it is; for a file or a folder, a digest of its content.

    Raises:
        InputError: `weights` is neither a name nor the path of a file or folder.
    """
    path = Path(weights)
    if weights in ("imagenet", "none") or (_names_a_model(weights) and not path.exists()):
        return weights
    if path.is_dir():
        # Hidden files, such as those of a version control system, are not part of the model.
        return _digest_of_files(sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != "."))
    if not path.is_file():
        raise InputError(f"--weights {weights} cannot be read: there is no such file; name one, or imagenet, or none")
    # Not its path: the same file may be in another folder tomorrow.
    return f"sha256:{cache.file_digests([weights])[0]}"


def refuse_absent_weights(weights: str, default: str) -> None:
    """Refuse weights that are neither a file or folder nor a name that the network's library knows.

    Args:
        weights: of `--weights`.
        default: the name of the network's own pretrained weights: `imagenet`, or a model of the hub.

    Raises:
        InputError: there are no such weights.
    """
    known = weights in (default, "none") or (_names_a_model(weights) and _names_a_model(default))
    if not known and not Path(weights).exists():
        raise InputError(f"--weights {weights}: there is no such file or folder; name one, or {default}, or none")


def _names_a_model(weights: str) -> bool:
    """Return whether this may be the name of a model of the hub, such as `facebook/wav2vec2-base`."""
    return bool(HUB_NAME.fullmatch(weights)) and Path(weights).suffix not in FILES_OF_WEIGHTS


def _responses_in_words(folder: str) -> str:
    """Return what identifies impulse responses: `synthesised`, or a digest of the files in the folder."""
    return _digest_of_files(impulse_responses.files_in(folder)) if folder else "synthesised"


def _digest_of_files(files: Sequence[Path]) -> str:
    return f"sha256:{digest_of([file.name for file in files], cache.file_digests(files))}"


def _computed_otherwise(job: Job) -> dict[str, str]:
    """Return the backend, precision and strategy if they are not the usual ones: TensorFlow, float32, none."""
    usual = {"backend": "tensorflow", "precision": "float32", "strategy": "none"}
    used = {"backend": keras.backend.backend(), "precision": keras3.precision(), "strategy": job.options.strategy}
    return {name: value for name, value in used.items() if value != usual[name]}
