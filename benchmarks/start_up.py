"""Processor time and peak memory of commands that build no model.

    python benchmarks/start_up.py [FOLDER]

Each command runs three times in a process of its own. The table has the processor time of the first run and the least
of the three, in seconds, and the largest peak of memory, in MiB. The first `reports check` after a change reads all
records; the next ones read what it found. FOLDER is another checkout whose commands are measured, to compare with.
The target is less than 1 s for each.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "encore --help",
    "encore list",
    "reproductions list",
    "reproductions.ser_parallel list",
    "reproductions.ser_parallel --help",
    "reproductions.ser_parallel summary --help",
    "reproductions.ser_parallel run no-such-experiment",
    "reproductions.ser_parallel run single-cnn --set no-such-switch=1",
    "reproductions.ser_parallel run --no-such-option",
    "reproductions.emotify_features list",
    "reproductions.valence_parallel_conv list",
    "reproductions.freesound_tagging list",
    "reproductions.music_mood_wavenet list",
    "common.corpora list",
    "common.corpora scan no-such-folder",
    "reports --help",
    "reports check",
)
RUNS = 3


def measured(command: str, folder: Path) -> tuple[float, float]:
    """Return the processor time (s) and the peak memory (MiB) of one run."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    call = [sys.executable, "-m", *command.split()]
    process = subprocess.Popen(call, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime, peak_mib(used)


def peak_mib(used: resource.struct_rusage) -> float:
    """Return the peak resident memory of a process."""
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, KiB elsewhere


def main(folder: Path) -> None:
    """Measure and print."""
    print(f"{'command':<66} {'first':>6} {'least':>6} {'MiB':>6}")
    for command in COMMANDS:
        runs = [measured(command, folder) for _ in range(RUNS)]
        seconds = [run[0] for run in runs]
        print(f"{command:<66} {seconds[0]:6.2f} {min(seconds):6.2f} {max(run[1] for run in runs):6.0f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve())
