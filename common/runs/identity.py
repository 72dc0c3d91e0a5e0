"""What decides the numbers of a run: an interrupted run resumes, and a finished one is read, only under the same."""

import re
from pathlib import Path
from typing import Any

import keras

from common import cache
from common.errors import InputError
from common.learners import keras3, summaries
from common.runs.digests import digest_of
from common.runs.jobs import Job, Material
from common.study import Fit, Training

HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[\w-][\w.-]*")
"""How a model on the Hugging Face hub is called: its owner, a slash, its name."""
FILES_OF_WEIGHTS = (".h5", ".hdf5", ".keras", ".safetensors", ".bin", ".npz")
"""What a file of weights ends with, and no name of a model."""


def identity_of(job: Job, material: Material) -> dict[str, Any]:
    """Return all that decides a run's numbers."""
    return _computed_otherwise(job) | {
        "switches": job.switches,
        **_learned(job, len(material.task.outputs)),
        "size": job.options.size,
        "folds": job.options.folds if material.left_out else None,
        "digest": labelled_digest(material),
    }


def labelled_digest(material: Material) -> str:
    """Return one digest of the clips and of what a run reads of them in the manifest: targets, speakers, groups."""
    columns = [*material.task.columns, "speaker", "group"]
    read = material.clips[columns].astype(str).agg("|".join, axis=1)
    return digest_of(material.clips["name"] + "|" + read, material.digests)


def _learned(job: Job, outputs: int) -> dict[str, Any]:
    """Return the method with its settings, and where the pretrained weights come from."""
    weights = {"weights": weights_in_words(job.options.weights)} if job.experiment.pretrained else {}
    method = job.method
    if isinstance(method, Fit):
        return {"estimator": summaries.steps(job.build(outputs)), **weights}
    model = {"model": dict(job.options.model)} if job.options.model else {}
    return {"training" if isinstance(method, Training) else "ensemble": method.facts(), **model, **weights}


def weights_in_words(weights: str) -> str:
    """Return a name as it is, and for a file, or the files of a folder, a digest: they may lie elsewhere tomorrow.

    Raises:
        InputError: it is not a name, and there is no such file.
    """
    path = Path(weights)
    named = HUB_NAME.fullmatch(weights) and path.suffix not in FILES_OF_WEIGHTS
    if weights in ("imagenet", "none") or (named and not path.exists()):
        return weights
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        return f"sha256:{digest_of([file.name for file in files], cache.file_digests(files))}"
    if not path.is_file():
        raise InputError(f"--weights {weights} cannot be read: there is no such file; name one, or imagenet, or none")
    return f"sha256:{cache.file_digests([weights])[0]}"


def _computed_otherwise(job: Job) -> dict[str, str]:
    """Return how the numbers are computed, as far as it is not as usual: by TensorFlow in float32, no strategy."""
    usual = {"backend": "tensorflow", "precision": "float32", "strategy": "none"}
    used = {"backend": keras.backend.backend(), "precision": keras3.precision(), "strategy": job.options.strategy}
    return {name: value for name, value in used.items() if value != usual[name]}
