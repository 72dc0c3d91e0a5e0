"""Runs, reports and demo corpora on disks that are too small: what is full is named, and with room it goes on.

    sudo python tests/campaigns/disks.py --seed 0 --sizes 4

Each disk is a tmpfs, so this needs root and Linux. It holds the cache, the runs, the report or the demo corpus, in
random sizes below what is needed; then it is enlarged, and the same command must give what it gives on a large disk.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import children  # sets the path for the others
import synthetic
import tiny
import typer
from damage import result_of
from kills import contents

from common.cli import console
from common.corpora import demo
from common.files import UNFINISHED
from common.runs import records, runner
from reports.build import build
from reports.collect import collect

LARGE = 512 << 20
"""Bytes of a disk that is large enough."""
NAMES = {"cache": "cache folder", "runs": "disk is full", "out": "disk is full", "demo": "disk is full"}
"""Words of the message for each thing that lies on a full disk."""


@dataclass
class Outcome:
    """What became of the commands; lists have one entry each."""

    full: int = 0
    enough: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"{self.full} commands met a full disk, {self.enough} had room; wrong: {len(self.wrong)}"
        return "\n".join([head, *self.wrong])


@contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """Mount a tmpfs of so many bytes."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _command(work: Callable[[], Any]) -> None:
    """Do some work as a command does it, with its messages and exit codes."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def command() -> None:
        work()

    console.main(app, [])


@dataclass(frozen=True)
class Case:
    """A command, what must be the same in the end, and the largest size in bytes that is too small for it."""

    work: Callable[[Path], None]
    result: Callable[[Path], object]
    needed: int


def _run(place: Path, on_disk: str, mounted: Path) -> None:
    os.environ["ENCORE_CACHE"] = str(mounted if on_disk == "cache" else place / "cache")
    runner.run(tiny.job(place / "corpus", "patient", "published", runs=_runs(place, on_disk, mounted)))


def _runs(place: Path, on_disk: str, mounted: Path) -> Path:
    return mounted / "runs" if on_disk == "runs" else place / f"runs-of-{mounted.name}"


def cases(place: Path) -> dict[str, Case]:
    """Return the commands; each takes the folder of its disk."""

    def of_run(on_disk: str) -> Case:
        return Case(
            partial(_run, place, on_disk),
            lambda mounted: result_of(records.read(records.find(_runs(place, on_disk, mounted))[0])),
            {"cache": 40_000, "runs": 250_000}[on_disk],
        )

    return {
        "cache": of_run("cache"),
        "runs": of_run("runs"),
        "out": Case(partial(_build, place / "records"), contents, 3 << 20),
        "demo": Case(_synthesise, contents, 300_000),
    }


def _build(recorded: Path, mounted: Path) -> None:
    build(collect([recorded]), mounted / "report")


def _synthesise(mounted: Path) -> None:
    demo.write(mounted / "demo", clips_per_class=1, corpora=("tess",))


def fill(place: Path, *, seed: int, sizes: int) -> Outcome:
    """Do every command on disks of random sizes, then on the same disks enlarged.

    Args:
        place: an empty folder.
        seed: of the sizes.
        sizes: how many for each command.
    """
    draw, log, outcome = random.Random(seed), place / "log", Outcome()
    tiny.write_corpus(place / "corpus")
    synthetic.classified("single-cnn", clips=1440).write(place / "records")
    for name, case in cases(place).items():
        with disk(place / f"{name}-large", LARGE) as mounted:
            code, _ = children.done(partial(_command, partial(case.work, mounted)), log)
            assert code == 0, log.read_text()
            expected = case.result(mounted)
        for number in range(sizes):
            with disk(place / f"{name}-{number}", draw.randrange(4096, case.needed)) as mounted:
                _judge(f"{name} {number}", case, mounted, expected, outcome)
    return outcome


def _judge(what: str, case: Case, mounted: Path, expected: object, outcome: Outcome) -> None:
    log, work = mounted.parent / f"log of {what}", partial(_command, partial(case.work, mounted))
    code, _ = children.done(work, log)
    said = log.read_text()
    if code == 0:
        outcome.enough += 1
    else:
        outcome.full += 1
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        if code != 2 or "Traceback" in said or len(errors) != 1 or NAMES[what.split()[0]] not in errors[0]:
            outcome.wrong.append(f"{what}: exit code {code}: {said.splitlines()[-3:]}")
        subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(mounted)], check=True)
        if children.done(work, log)[0]:
            outcome.wrong.append(f"{what}, with room: {log.read_text().splitlines()[-1]}")
    if case.result(mounted) != expected:
        outcome.wrong.append(f"{what}: another result")
    outcome.wrong += [f"{what}: {path} is left" for path in mounted.rglob(f"{UNFINISHED}*")]


def main() -> None:
    """Fill disks, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, default=4, help="disks for each command")
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("mounting a small disk needs root; run it with sudo")
    with tempfile.TemporaryDirectory() as folder:
        outcome = fill(Path(folder), seed=given.seed, sizes=given.sizes)
    print(outcome)
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
