"""Kills runs and reports at random moments and lets the next one go on: nothing may be lost, torn or left behind.

    python tests/campaigns/kills.py run --seed 0 --kills 24      three times each, then to the end
    python tests/campaigns/kills.py changes --every 5            before every 5th change of the run's folder
    python tests/campaigns/kills.py report --seed 0 --kills 12   over an older report, beside a file of the user's

SIGKILL and SIGTERM are sent in turn. The run is that of a tiny document, with two folds; the records of the report are
invented. The same seed gives the same moments, but a busy machine is not equally far at them.
"""

import argparse
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import children  # sets the path for the others
import synthetic
import tiny
from damage import result_of

from common.files import UNFINISHED
from common.runs import records, runner
from reports.build import build
from reports.collect import collect

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
"""What changes a folder, beside opening a file for writing."""


@dataclass
class Outcome:
    """What became of what was killed; lists have one entry each."""

    kills: int = 0
    orphans: int = 0
    resumed: int = 0
    wrong: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.kills} killed at work, {self.orphans} processes outlived them",
                f"{self.resumed} went on to the end",
                f"wrong afterwards: {len(self.wrong)}; temporary files left: {len(self.left_behind)}; "
                f"reports partly old and partly new: {len(self.mixed)}",
                *self.wrong,
                *self.left_behind,
                *self.mixed,
            ]
        )


def _work(corpus: Path, runs: Path) -> None:
    runner.run(tiny.job(corpus, "patient", "independent", runs=runs, folds=2))


def _compare(runs: Path, expected: dict[str, object], what: str, outcome: Outcome) -> None:
    """Compare a run that went on to its end with an unbroken one."""
    found = result_of(records.read(records.find(runs)[0])) if records.find(runs) else {}
    if wrong := [name for name, value in expected.items() if found.get(name) != value]:
        outcome.wrong.append(f"{what}: {', '.join(wrong)}")
    outcome.left_behind += [f"{what}: {path}" for path in sorted(runs.rglob(f"{UNFINISHED}*"))]
    outcome.resumed += 1


def kill_runs(place: Path, *, seed: int, kills: int) -> Outcome:
    """Kill runs at random moments, three times each, and let them go on to the end.

    Args:
        place: an empty folder.
        seed: of the moments.
        kills: how many.
    """
    corpus, log, draw, outcome = tiny.write_corpus(place / "corpus"), place / "log", random.Random(seed), Outcome()
    code, took = children.done(partial(_work, corpus, place / "unbroken"), log)
    assert code == 0, log.read_text()
    expected = result_of(records.read(records.find(place / "unbroken")[0]))
    for first in range(0, kills, 3):
        runs = place / f"run-{first}"
        for number in range(first, min(first + 3, kills)):
            child = children.Child.of(partial(_work, corpus, runs), log)
            outcome.kills += child.kill_after(draw.uniform(0.2, 0.95) * took, SIGNALS[number % 2])
            outcome.orphans += child.orphans()
        _go_on(partial(_work, corpus, runs), runs, expected, f"run {first}", outcome, log)
    return outcome


def _go_on(
    work: Callable[[], Any], runs: Path, expected: dict[str, object], what: str, outcome: Outcome, log: Path
) -> None:
    code, _ = children.done(work, log)
    if code:
        outcome.wrong.append(f"{what}: exit code {code}: {log.read_text().splitlines()[-1:]}")
    _compare(runs, expected, what, outcome)
    shutil.rmtree(runs)


def kill_at_changes(place: Path, *, every: int) -> Outcome:
    """Kill a run before the n-th change of its folder, for every n in steps, and let it go on to the end.

    Args:
        place: an empty folder.
        every: the steps.
    """
    corpus, log, outcome = tiny.write_corpus(place / "corpus"), place / "log", Outcome()
    code, _ = children.done(partial(_work, corpus, place / "unbroken"), log)
    assert code == 0, log.read_text()
    expected = result_of(records.read(records.find(place / "unbroken")[0]))
    for number in itertools.count(every, every):
        runs = place / f"change-{number}"
        if children.done(partial(_killed_at, number, corpus, runs), log)[0] != -signal.SIGKILL:
            return outcome
        outcome.kills += 1
        _go_on(partial(_work, corpus, runs), runs, expected, f"change {number}", outcome, log)
    raise AssertionError


def _killed_at(number: int, corpus: Path, runs: Path) -> None:
    left = itertools.count(number - 1, -1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            changes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            path, changes = (arguments[0] if event in CHANGES else None), True
        if changes and isinstance(path, (str, Path)) and str(path).startswith(str(runs)) and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    _work(corpus, runs)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _report(runs: Path, out: Path) -> None:
    build(collect([runs]), out)


def kill_reports(place: Path, *, seed: int, kills: int) -> Outcome:
    """Kill reports over an older one at random moments, and build each again.

    Args:
        place: an empty folder.
        seed: of the moments.
        kills: how many.
    """
    log, draw, outcome = place / "log", random.Random(seed), Outcome()
    reports, took = {}, 0.0
    for kind, accuracy in (("old", 0.5), ("new", 0.6)):
        for name in ("single-cnn", "dual-cnn"):
            synthetic.classified(name, accuracy=accuracy, clips=1440).write(place / f"{kind}-runs")
        code, took = children.done(partial(_report, place / f"{kind}-runs", place / kind), log)
        assert code == 0, log.read_text()
        reports[kind] = contents(place / kind)
    for number in range(kills):
        out = place / f"report-{number}"
        shutil.copytree(place / "old", out)
        (out / "pictures" / "own.svg").write_text("of the user")
        child = children.Child.of(partial(_report, place / "new-runs", out), log)
        outcome.kills += child.kill_after(draw.uniform(0.2, 1.0) * took, SIGNALS[number % 2])
        outcome.orphans += child.orphans()
        _judge_report(out, reports, f"report {number}", outcome)
        if children.done(partial(_report, place / "new-runs", out), log)[0] or contents(out) != {
            **reports["old"],
            **reports["new"],
            "pictures/own.svg": b"of the user",
        }:
            outcome.wrong.append(f"report {number}, built again")
        outcome.left_behind += [f"report {number}: {path}" for path in sorted(out.rglob(f"{UNFINISHED}*"))]
        outcome.resumed += 1
        shutil.rmtree(out)
    return outcome


def _judge_report(out: Path, reports: dict[str, dict[str, bytes]], what: str, outcome: Outcome) -> None:
    """Note what is neither old nor new, and whether a report is partly old and partly new."""
    found = {name: content for name, content in contents(out).items() if not name.startswith(UNFINISHED)}
    outcome.wrong += [] if found.pop("pictures/own.svg") == b"of the user" else [f"{what}: the user's file"]
    kinds = {name: {kind for kind in reports if reports[kind].get(name) == content} for name, content in found.items()}
    outcome.wrong += [f"{what}: {name} is torn" for name, of in kinds.items() if not of]
    if {"old"} in kinds.values() and {"new"} in kinds.values():
        outcome.mixed.append(what)


def main() -> None:
    """Kill, go on, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "changes", "report"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--every", type=int, default=5, help="changes from one kill to the next")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ENCORE_CACHE"] = str(Path(folder) / "cache")
        place = Path(folder)
        if given.what == "changes":
            outcome = kill_at_changes(place, every=given.every)
        else:
            kill = kill_runs if given.what == "run" else kill_reports
            outcome = kill(place, seed=given.seed, kills=given.kills)
    print(outcome)
    sys.exit(bool(outcome.orphans or outcome.wrong or outcome.left_behind))


if __name__ == "__main__":
    main()
