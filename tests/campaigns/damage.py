"""Damages what an interrupted run has kept, and resumes it: the result must be that of an unbroken run.

    python tests/campaigns/damage.py --seed 0 --count 90

A run of a tiny document is interrupted when its first fold is finished and its second one has some epochs. Then one
file is cut off, emptied, deleted, or one bit of it is flipped. Every pair of a file and a damage is there once before
any is there twice. The same seed gives the same damages.
"""

import argparse
import contextlib
import io
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import children  # noqa: F401 (sets the path for the others)
import tiny

from common.learners import callbacks
from common.learners.quiet import start_backend
from common.runs import records, runner

INTERRUPTED_AFTER = 8
"""Epochs: with early stopping, the first fold has fewer and both together have more."""


def _cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(1, len(content))])


def _flipped(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def _zeros(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    first = draw.randrange(len(content))
    path.write_bytes(content[:first] + bytes(len(content) - first))


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "one bit flipped": _flipped,
    "cut off": _cut,
    "emptied": lambda path, draw: path.write_bytes(b""),
    "zeros to its end": _zeros,
    "deleted": lambda path, draw: path.unlink(),
}


@dataclass
class Outcome:
    """What became of the resumed runs; lists have the damages."""

    resumed: int = 0
    said: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.resumed} runs resumed; the result is another in {len(self.different)}, "
                f"{len(self.errors)} ended with an error",
                f"a line says what is done again in {self.said.total()}: {dict(self.said)}",
                *self.different,
                *self.errors,
            ]
        )


def result_of(record: records.Record) -> dict[str, object]:
    """Return all of a finished run that must be the same every time."""
    tables = {name: (record.folder / name).read_bytes() for name in ("predictions.csv", "split.csv")}
    facts = {name: record.data[name] for name in ("metrics", "per_output", "baselines", "folds", "leaks", "data")}
    models = sorted(path.relative_to(record.folder).as_posix() for path in record.folder.glob("fold-*/*"))
    return {**tables, **facts, "history": tiny.without_seconds(record.history()).to_csv(), "models": models}


def interrupted(corpus: Path, runs: Path) -> Path:
    """Interrupt a run in its second fold and return its folder."""
    original, epochs = callbacks.Report.on_epoch_end, iter(range(1, 10**6))

    def interrupt(report: callbacks.Report, epoch: int, logs: dict[str, float] | None = None) -> None:
        original(report, epoch, logs)
        if next(epochs) == INTERRUPTED_AFTER:
            raise KeyboardInterrupt

    callbacks.Report.on_epoch_end = interrupt  # type: ignore[method-assign]
    job = _job(corpus, runs)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            runner.run(job)
    finally:
        callbacks.Report.on_epoch_end = original  # type: ignore[method-assign]
    assert (job.folder / "work" / "fold-0" / runner.FACTS).exists() and not (job.folder / "work" / "fold-1").exists()
    return job.folder


def _job(corpus: Path, runs: Path) -> runner.Job:
    return tiny.job(corpus, "patient", "independent", runs=runs, folds=2)


def work_files(folder: Path) -> list[Path]:
    """Return the files of an interrupted run that are read again, relative to its folder."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return sorted(path for path in found if path.parts[0] != "tensorboard")


def judge(place: Path, *, seed: int, count: int) -> Outcome:
    """Damage and resume one run again and again, in an empty folder.

    Args:
        place: the folder.
        seed: of the damages.
        count: how many.
    """
    corpus = tiny.write_corpus(place / "corpus")
    expected = result_of(runner.run(_job(corpus, place / "unbroken")))
    folder, outcome = interrupted(corpus, place / "interrupted"), Outcome()
    for number, (name, damage) in zip(range(count), _in_turn(work_files(folder), random.Random(seed)), strict=False):
        runs = place / f"damaged-{number}"
        job = _job(corpus, runs)
        shutil.copytree(folder, job.folder)
        DAMAGES[damage](job.folder / name, random.Random(f"{seed} {number}"))
        _resume(job, f"{number:03d} {name.as_posix()} {damage}", expected, outcome)
        shutil.rmtree(runs)
    return outcome


def _in_turn(names: list[Path], draw: random.Random) -> Iterator[tuple[Path, str]]:
    pairs = [(name, damage) for damage in DAMAGES for name in names]
    while True:
        draw.shuffle(pairs)
        yield from pairs


def _resume(job: runner.Job, what: str, expected: dict[str, object], outcome: Outcome) -> None:
    said = io.StringIO()
    outcome.resumed += 1
    try:
        with contextlib.redirect_stderr(said):
            found = result_of(runner.run(job, partial(print, file=said)))
    except Exception:
        outcome.errors.append(f"{what}: {traceback.format_exc().splitlines()[-1]}")
        return
    outcome.said.update(word for word in ("starts again", "done again") if word in said.getvalue())
    if wrong := [name for name, value in expected.items() if found[name] != value]:
        outcome.different.append(f"{what}: {', '.join(wrong)}")


def main() -> None:
    """Damage, resume, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=90, help="damaged files")
    given = parser.parse_args()
    start_backend()
    with tempfile.TemporaryDirectory() as folder:
        outcome = judge(Path(folder), seed=given.seed, count=given.count)
    print(outcome)
    sys.exit(bool(outcome.errors or outcome.different))


if __name__ == "__main__":
    main()
