"""Processor time and peak memory of commands that build no model, now and in an earlier checkout.

    python benchmarks/start_up.py [BEFORE]

Each command runs three times in a process of its own. The table, in Markdown, has the processor time of the first run
and the least of the three, in seconds, and the largest peak of memory, in MiB. The first `reports check` after a change
reads all records; the next ones read what it found. BEFORE is the folder of an earlier checkout, with the same
dependencies: its commands run once each, and those that it does not have are dashes. The target is less than 1 s for
each.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "encore --help",
    "encore list",
    "encore lsit",
    "encore run ser_parallel no-such-experiment",
    "reproductions list",
    "reproductions.ser_parallel list",
    "reproductions.ser_parallel --help",
    "reproductions.ser_parallel run --help",
    "reproductions.ser_parallel summary --help",
    "reproductions.ser_parallel predict --help",
    "reproductions.ser_parallel rnu",
    "reproductions.ser_parallel run no-such-experiment",
    "reproductions.ser_parallel run single-cnn --set no-such-switch=1",
    "reproductions.ser_parallel run --no-such-option",
    "reproductions.emotify_features list",
    "reproductions.valence_parallel_conv list",
    "reproductions.freesound_tagging list",
    "reproductions.music_mood_wavenet list",
    "common.corpora list",
    "common.corpora --help",
    "common.corpora scan no-such-folder",
    "reports --help",
    "reports check",
)
RUNS = 3
MISSING = "\N{EN DASH}"


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


def has(folder: Path, command: str) -> bool:
    """Return whether a checkout has the module of a command."""
    place = folder.joinpath(*command.split()[0].split("."))
    return place.is_dir() or place.with_name(f"{place.name}.py").is_file()


def line(cells: list[str]) -> None:
    """Print a row of the table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def main(now: Path, before: Path | None) -> None:
    """Measure and print."""
    earlier = ["before (s)", "before (MiB)"] if before else []
    line(["command", *earlier, "first (s)", "least (s)", "MiB"])
    line([":---", *["---:"] * (3 + len(earlier))])
    for command in COMMANDS:
        runs = [measured(command, now) for _ in range(RUNS)]
        seconds = [run[0] for run in runs]
        own = [f"{seconds[0]:.2f}", f"{min(seconds):.2f}", f"{max(run[1] for run in runs):.0f}"]
        line([f"`{command}`", *(_of(command, before) if before else []), *own])


def _of(command: str, before: Path) -> list[str]:
    if not has(before, command):
        return [MISSING, MISSING]
    seconds, memory = measured(command, before)
    return [f"{seconds:.2f}", f"{memory:.0f}"]


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[1], Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
