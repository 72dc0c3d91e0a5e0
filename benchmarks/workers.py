"""Wall time of six speaker-independent folds of `single-cnn`: two workers, beside one process on one core and on two.

    python benchmarks/workers.py [RAVDESS] [EPOCHS]

Without a folder the demo corpus is used; without EPOCHS each fold has one. Features are computed before anything is
timed. It prints the wall times, and ends with exit code 1 if two workers did not give the bytes of one process on one
core. On two cores the sums are others, so that the bytes need not be the same.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

STUDY, EXPERIMENT = "reproductions.ser_parallel", "single-cnn"
COMMAND = (sys.executable, "-m", STUDY, "run", EXPERIMENT, "--protocol", "independent", "--json")
CORES = sorted(os.sched_getaffinity(0))[:2]
ONE_CORE, TWO_CORES, WORKERS = "one process, one core", "one process, two cores", "two workers"


def run(folder: Path, name: str, cores: list[int], *words: str) -> float:
    """Run the folds on some cores, and return the seconds that it took."""
    began = time.monotonic()
    subprocess.run(
        (*COMMAND, "--runs", str(folder / name), *words),
        check=True,
        env={**os.environ, "ENCORE_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return time.monotonic() - began


def same(one: Path, other: Path) -> bool:
    """Return whether two runs have the same predictions, splits, metrics and learning curves (but for seconds)."""
    curves = [pd.read_csv(folder / "history.csv").drop(columns="seconds") for folder in (one, other)]
    metrics = [json.loads((folder / "record.json").read_text())["metrics"] for folder in (one, other)]
    files = ("predictions.csv", "split.csv")
    equal = all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
    return equal and curves[0].equals(curves[1]) and metrics[0] == metrics[1]


def main(words: list[str]) -> int:
    """Measure, compare and print; return the exit code."""
    data = ["--data", words[0], "--size", "full"] if words else []
    folds = [*data, "--epochs", words[1] if len(words) > 1 else "1"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(folder, "features", CORES, *data, "--epochs", "1", "--folds", "1")
        for name, cores, more in (
            (ONE_CORE, CORES[:1], ()),
            (TWO_CORES, CORES, ()),
            (WORKERS, CORES, ("--workers", "2")),
        ):
            print(f"{name}: {run(folder, name, cores, *folds, *more):.0f} s", flush=True)
        runs = {name: next((folder / name).rglob("record.json")).parent for name in (ONE_CORE, TWO_CORES, WORKERS)}
        for name in (ONE_CORE, TWO_CORES):
            print(f"two workers and {name}: {'the same' if same(runs[WORKERS], runs[name]) else 'other'} bytes")
        return 0 if same(runs[WORKERS], runs[ONE_CORE]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
