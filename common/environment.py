"""Where a run was made: versions, hardware, threads, commit, memory."""

import importlib.metadata
import os
import platform
import resource
import subprocess
from pathlib import Path
from typing import Any, Literal

PACKAGES = (
    *("tensorflow", "keras", "keras-nlp", "keras-tuner", "tf-keras", "transformers", "jax", "torch"),
    *("numpy", "librosa", "soxr", "scikit-learn"),
)


def describe() -> dict[str, Any]:
    """Return what a record keeps of the machine: plain values, nothing that names its user or its folders."""
    import keras

    versions = {name: version for name in PACKAGES if (version := _version(name))}
    return {
        "python": platform.python_version(),
        "encore": _version("encore-emotion") or "not installed",
        "backend": keras.backend.backend(),
        "precision": keras.mixed_precision.global_policy().name,
        **versions,
        "system": f"{platform.system()} {platform.machine()}",
        "hardware": ", ".join([_processor(), *accelerators()]),
        "threads": threads(),
        "commit": _commit(),
    }


def accelerators() -> list[str]:
    """Return the devices, other than CPUs, that Keras computes on, e.g. `gpu:0`; asking starts its backend."""
    import keras

    if keras.backend.backend() not in ("tensorflow", "jax"):
        return []  # the others do not tell
    return [device for device in keras.distribution.list_devices() if not device.startswith("cpu")]


def jit_compile() -> bool | Literal["auto"]:
    """Return what models are to be compiled with: no XLA under TensorFlow on a CPU, elsewhere what Keras prefers."""
    import keras

    # XLA's convolutions on a CPU are several times slower than TensorFlow's own.
    slow_xla = keras.backend.backend() == "tensorflow" and not has_gpu()
    return False if slow_xla else "auto"


def has_gpu() -> bool:
    """Return whether Keras computes on a GPU."""
    return any(device.startswith("gpu") for device in accelerators())


def threads() -> int:
    """Return the number of cores that this process may use, which is what TensorFlow goes by."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mib() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if platform.system() == "Darwin" else 1024), 1)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Return the commit that this file is at, `-dirty` where the checkout was changed since."""
    here = Path(__file__)
    try:
        # Installed below somebody's own checkout, the commit around this file is theirs and not ours.
        _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
        return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", folder=here.parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str, folder: Path) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
