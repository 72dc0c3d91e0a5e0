"""The environment of a run: versions, hardware, threads, commit, memory."""

import importlib.metadata
import os
import platform
import re
import resource
import subprocess
from pathlib import Path
from typing import Any, Literal

# Those whose version can change a number.
PACKAGES = (
    *("tensorflow", "keras", "keras-nlp", "keras-tuner", "tf-keras", "transformers", "jax", "torch"),
    *("numpy", "scipy", "librosa", "soxr", "soundfile"),
    *("scikit-learn", "imbalanced-learn", "iterative-stratification"),
)


def describe() -> dict[str, Any]:
    """Return the facts about this machine that a record stores: plain values, without user or folder names."""
    import keras  # here and not above: `list` and `reports` run without Keras

    return {
        **software(),
        "backend": keras.backend.backend(),
        "precision": keras.mixed_precision.global_policy().name,
        "system": f"{platform.system()} {platform.machine()}",
        "hardware": hardware(),
        "threads": threads(),
    }


def software() -> dict[str, str]:
    """Return the versions that can change a number: of Python, Encore with its commit, and the packages installed."""
    versions = {name: version for name in PACKAGES if (version := _version(name))}
    encore = _version("encore-emotion") or "not installed"
    return {"python": platform.python_version(), "encore": encore, **versions, "commit": commit()}


def hardware() -> str:
    """Return the processor and the devices that Keras uses. The call starts Keras' backend."""
    return ", ".join([_processor(), *accelerators()])


def accelerators() -> list[str]:
    """Return the devices other than CPUs that Keras uses, e.g. `gpu:0`. The call starts Keras' backend."""
    import keras

    if keras.backend.backend() not in ("tensorflow", "jax"):
        return []  # Keras cannot list the devices of other backends
    return [device for device in keras.distribution.list_devices() if not device.startswith("cpu")]


def jit_compile() -> bool | Literal["auto"]:
    """Return the value of `jit_compile` for `Model.compile`: no XLA under TensorFlow on a CPU, else Keras' default."""
    import keras

    # On a CPU, XLA's convolutions are several times slower than TensorFlow's own.
    slow_xla = keras.backend.backend() == "tensorflow" and not has_gpu()
    return False if slow_xla else "auto"


def has_gpu() -> bool:
    """Return whether Keras uses a GPU."""
    return any(device.startswith("gpu") for device in accelerators())


def threads() -> int:
    """Return the number of cores that this process may use; TensorFlow starts as many threads."""
    if hasattr(os, "sched_getaffinity"):  # Linux: less than cpu_count in a container or a batch job
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    # On Linux, ru_maxrss begins with the peak of the process that started this one.
    if status.exists() and (found := re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)):
        return round(int(found[1]) / 1024, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB, on macOS in bytes
    return round(peak / (1024 * 1024 if platform.system() == "Darwin" else 1024), 1)


def commit() -> str:
    """Return the git commit of this checkout, with `-dirty` if files have been changed since."""
    here = Path(__file__)
    try:
        # If Encore is installed inside a checkout of something else, that commit is not Encore's.
        _git("ls-files", "--error-unmatch", here.name, folder=here.parent)
        # --exclude: not the name of a tag, which may be moved to another commit.
        return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", folder=here.parent)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    information = Path("/proc/cpuinfo")  # on Linux, platform.processor() is empty or only the architecture
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _git(*words: str, folder: Path) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
