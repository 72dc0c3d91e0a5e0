"""Changes one value of a record, its tables, a search or a file of published numbers, and counts what a report says.

    python tests/campaigns/changed_numbers.py --seed 0 --count 400 [--only KIND ...]

`--count` is the number of changes of each kind. A change of a record or a search is made twice: as an accident would,
and as somebody would who also writes new checksums (`resealed`), so that only what can be computed again
tells it. Each ends in one of

    named       left out, with one sentence
    no effect   accepted, and every page says what it said
    accepted    accepted, and a page says something else
    traceback   an error that is no sentence

Of published numbers, `differs` says that the file is read and that the audit finds something else. Each file is audited
in a process of its own, of at most 30 s and 1 GiB.
"""

import argparse
import copy
import json
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[number]) for number in (1, 2)]

from synthetic import classified, regressed, reseal, searched, tagged

from common import published
from common.errors import InputError
from common.runs import checksums, store
from reports.audit import audit
from reports.build import study_of
from reports.collect import collect
from reports.renderers import markdown

STUDY = "ser_parallel"
SECONDS, BYTES = 30, 1 << 30
"""What the audit of one file may take; memory counts from what this process has."""
HUGE, DEEP = 5_000, 100_000
"""Digits of a number, and brackets around one, that a careless reader stumbles on."""

Change = tuple[str, str, Callable[[], bytes]]
"""The place of a changed value, what became of it, and the new content of the file."""


def _numbers(value: float) -> dict[str, Any]:
    kept_type = type(value)
    return {
        "one more": value + 1,
        "one less": value - 1,
        "negative": -value - 1,
        "doubled": value * 2,
        "a little more": kept_type(value * 1.01) if kept_type is float else value + 1,
        "zero": kept_type(0),
        "1e19": 10**19,
        "1e308": 1e308,
    }


def _others(value: Any) -> dict[str, Any]:
    """Return what may take the place of a value, by name."""
    found: dict[str, Any] = {}
    if isinstance(value, bool):
        found = {"not": not value}
    elif isinstance(value, int | float):
        found = _numbers(value)
    elif isinstance(value, str):
        found = {"other word": f"{value}x", "empty": "", "control characters": "\x1b[31m\n", "surrogate": "\ud800"}
    elif isinstance(value, list) and value:
        found = {"shorter": value[:-1], "longer": [*value, value[-1]], "reversed": value[::-1]}
    elif isinstance(value, dict) and value:
        (first, inner), *rest = value.items()
        found = {
            "a key lost": dict(rest),
            "a key more": {**value, "zz": inner},
            "renamed": {f"{first}x": inner} | dict(rest),
        }
    types = {
        "null": None,
        "a word": "word",
        "a number": 7,
        "a fraction": 0.5,
        "a list": [],
        "a table": {},
        "true": True,
    }
    return {name: to for name, to in (found | types).items() if to is not value and repr(to) != repr(value)}


def json_changes(content: bytes) -> Iterator[Change]:
    """Yield every change of one value of a JSON file, then those of the whole file."""
    whole = json.loads(content)
    for path in _paths(whole):
        value = _at(whole, path)
        place = ".".join("*" if isinstance(step, int) else str(step) for step in path)
        for name, to in _others(value).items():
            yield place, name, lambda path=path, to=to: json.dumps(_with(whole, path, to)).encode()
        raw = {
            "NaN": "NaN",
            "Infinity": "1e999",
            "huge": "9" * HUGE,
            "deep": "[" * DEEP + "]" * DEEP,
        }
        for name, text in raw.items():
            yield (
                place,
                name,
                lambda path=path, text=text: json.dumps(_with(whole, path, "@@")).replace('"@@"', text).encode(),
            )
    yield from _of_the_file(content)


def _of_the_file(content: bytes) -> Iterator[Change]:
    yield "file", "not UTF-8", lambda: b"\xff" + content
    yield "file", "UTF-16", lambda: content.decode().encode("utf-16")
    yield "file", "cut off", lambda: content[: len(content) // 2]
    yield "file", "empty", lambda: b""
    yield "file", "zeros", lambda: bytes(len(content))
    yield "file", "only brackets", lambda: b"[" * DEEP


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for number in dict.fromkeys((0, 1, len(value) - 1)) if len(value) > 3 else range(len(value)):
            yield from _paths(value[number], (*path, number))


def _at(value: Any, path: Sequence[Any]) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Sequence[Any], to: Any) -> Any:
    changed = copy.deepcopy(value)
    _at(changed, path[:-1])[path[-1]] = to
    return changed


CELLS = ("", "x", "nan", "inf", "-1", "0", "1e19", "1e308", "9" * HUGE, "\x1b[31m", "=1+1")


def table_changes(content: bytes, draw: random.Random) -> Iterator[Change]:
    """Yield changes of one cell, row or column of a CSV file."""
    head, *rows = [line.split(",") for line in content.decode().splitlines()]
    for column, title in enumerate(head):
        for number in draw.sample(range(len(rows)), min(4, len(rows))):
            old, other = rows[number][column], rows[draw.randrange(len(rows))][column]
            changed = _cell_changes(old) | {"another row's": other} | dict(zip(CELLS, CELLS, strict=True))
            for name, cell in changed.items():
                if cell != old:
                    yield (
                        title,
                        name[:20],
                        lambda number=number, column=column, cell=cell: _csv(head, _with(rows, (number, column), cell)),
                    )
        kept = [place for place in range(len(head)) if place != column]
        yield (
            title,
            "column lost",
            lambda kept=kept: _csv([head[at] for at in kept], [[row[at] for at in kept] for row in rows]),
        )
        yield title, "column renamed", lambda column=column: _csv(_with(head, (column,), "zz"), rows)
    yield "rows", "last lost", lambda: _csv(head, rows[:-1])
    yield "rows", "first lost", lambda: _csv(head, rows[1:])
    yield "rows", "last twice", lambda: _csv(head, [*rows, rows[-1]])
    yield "rows", "none", lambda: _csv(head, [])
    yield "rows", "one too long", lambda: _csv(head, [*rows, [*rows[-1], "1", "2"]])
    yield from _of_the_file(content)


def _cell_changes(cell: str) -> dict[str, str]:
    try:
        value = float(cell)
    except ValueError:
        return {"other word": f"{cell}x"}
    return {"one more": f"{value + 1:.9g}", "a little more": f"{value * 1.01:.9g}", "negative": f"{-value - 1:.9g}"}


def _csv(head: list[str], rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in [head, *rows]).encode()


NUMBER = re.compile(r"(?<![\w.\"-])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.\"])")
KEY = re.compile(r"^[a-z_]+(?= = )", re.MULTILINE)


def toml_changes(text: str, draw: random.Random) -> Iterator[Change]:
    """Yield changes of one number, key or word of a TOML file, and what nobody would print."""
    text = re.sub(r"\s+#.*", "", text)

    def put(found: re.Match[str], to: str) -> Callable[[], bytes]:
        return lambda: (text[: found.start()] + to + text[found.end() :]).encode()

    odd = {
        **{word: word for word in ("nan", "inf", "-inf", "1e308", "-1", "0", "true", "[]", "{}", '""', "1979-05-27")},
        "1e19": "1" + "0" * 19,
        "1e12": "1" + "0" * 12,
        "2 ** 63": str(2**63),
        "1e300": "1" + "0" * 300,
        "huge": "9" * HUGE,
        "hexadecimal": "0x" + "f" * 4000,
        "deep": "[" * DEEP + "]" * DEEP,
        "a little deep": "[" * 200 + "]" * 200,
        "deep tables": "{a=" * 20_000 + "1" + "}" * 20_000,
    }
    for found in NUMBER.finditer(text):
        place = _toml_place(text, found.start())
        yield place, "last digit", put(found, f"{found[0][:-1]}{(int(found[0][-1]) + draw.randrange(1, 9)) % 10}")
        for name, to in odd.items():
            yield place, name, put(found, to)
    for found in KEY.finditer(text):
        place = _toml_place(text, found.start())
        yield place, "key renamed", put(found, f"{found[0]}x")
        yield place, "absurd key", put(found, '"' + "a" * 50_000 + '"')
        yield place, "dotted key", put(found, ".".join(["a"] * 20_000))
        yield place, "key with an escape", put(found, r'"\u001b[31m\n"')
    for found in re.finditer(r'"[^"\n]*"', text):
        place = _toml_place(text, found.start())
        yield place, "word lost", put(found, '""')
        yield place, "long word", put(found, '"' + "x" * 200_000 + '"')
        yield place, "many braces", put(found, '"' + "{a}" * 10_000 + '"')
        yield place, "long expression", put(found, '"' + "1+" * 20_000 + '1 < 2"')
        yield place, "powers", put(found, '"9 ** 9 ** 9 ** 9 > 1"')
        yield place, "nested", put(found, '"' + "(" * 5000 + "1" + ")" * 5000 + ' < 2"')
    for name, extra in {
        "deep header": "[" + ".".join(["a"] * 50_000) + "]",
        "many tables": "[[experiment]]\nid = 'x'\n" * 50_000,
        "many keys": "\n".join(f"k{number} = {number}" for number in range(200_000)),
        "wide row": "a = [" + "1," * 2_000_000 + "]",
    }.items():
        yield "file", name, lambda extra=extra: f"{extra}\n{text}".encode()
        yield "file", f"{name} last", lambda extra=extra: f"{text}\n{extra}\n".encode()
    yield from _of_the_file(text.encode())


def _toml_place(text: str, start: int) -> str:
    table = re.findall(r"^\[+([\w.]+)", text[:start], re.MULTILINE)
    key = re.findall(r"^(\w+) = ", text[:start], re.MULTILINE)
    return ".".join([table[-1] if table else "", key[-1] if key else ""])


@dataclass
class Outcome:
    """How the changes of one kind ended; the lists have a line for each: file, place, change, and what was said."""

    ends: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    def add(self, end: str, place: str, change: str, words: str = "") -> None:
        """Count one change."""
        self.ends[end] += 1
        line = f"{place}: {change}{': ' if words else ''}{words}"
        if end in ("accepted", "differs"):
            self.accepted.append(line)
        if end == "traceback":
            self.tracebacks.append(line)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.ends[end]} {end}" for end in sorted(self.ends))
        places = Counter(line.split(": ")[0] for line in self.accepted)
        accepted = ", ".join(f"{place} {count}" for place, count in places.most_common())
        return "\n".join([counts, *([f"    accepted: {accepted}"] if accepted else []), *self.tracebacks])


class Report:
    """The pages that a folder of runs gives."""

    def __init__(self, runs: Path) -> None:
        self._runs, self.said = runs, ""
        skipped, self.said = self.read()
        assert not skipped, skipped

    def read(self) -> tuple[list[str], str]:
        """Return the sentences on what is left out, and the text of all pages."""
        collected = collect([self._runs])
        if collected.skipped:
            return list(collected.skipped), ""
        study = study_of(STUDY, collected.of(STUDY), collected.searches_of(STUDY))
        pages = markdown.pages("title", [], [study.chapter], Path("out"))
        return [], "".join(pages.values()) + repr(collected.long_table())

    def judge(self, place: str, change: str, outcome: Outcome) -> None:
        """Read again, and say what became of a change."""
        try:
            skipped, said = self.read()
        except Exception:
            outcome.add("traceback", place, change, traceback.format_exc().strip().splitlines()[-1])
            return
        if skipped:
            sentence = "\n".join(skipped)
            fine = "\n" not in sentence and len(sentence) < 1000
            outcome.add("named" if fine else "traceback", place, change, sentence[:300])
            return
        outcome.add("no effect" if said == self.said else "accepted", place, change)


RUNS = {
    "classification": classified(clips=1440, protocol="independent"),
    "one split": classified(clips=1440),
    "tagging": tagged(["a", "b", "c"], STUDY, "single-cnn", n=60),
    "regression": regressed(["valence", "arousal"], STUDY, "single-cnn", n=60),
}
FILES = ("record.json", "predictions.csv", "history.csv", "split.csv")
OF_SEARCHES = ("search.json", "trials.csv", "curves.csv", "best.toml")


def of_folder(folder: Path, name: str, report: Report, draw: random.Random, count: int, *, resealed: bool) -> Outcome:
    """Change one file of a run or a search, time after time."""
    path, outcome = folder / name, Outcome()
    before = path.read_bytes()
    sums = (folder / checksums.NAME).read_bytes()
    every = list(json_changes(before) if name.endswith("json") else table_changes(before, draw))
    for place, change, content in draw.sample(every, min(count, len(every))):
        path.write_bytes(content())
        if resealed:
            reseal(folder)
        report.judge(place, change, outcome)
    path.write_bytes(before)
    (folder / checksums.NAME).write_bytes(sums)
    return outcome


def of_store(path: Path, member: str, report: Report, draw: random.Random, count: int, *, resealed: bool) -> Outcome:
    """Change one member of a zip file of the store, time after time."""
    outcome, before, sums = Outcome(), path.read_bytes(), (path.parent / checksums.NAME).read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    every = list(
        json_changes(members[member]) if member.endswith(("jsonl", "json")) else byte_changes(members[member], draw)
    )
    for place, change, content in draw.sample(every, min(count, len(every))):
        with zipfile.ZipFile(path, "w") as archive:
            for name, old in members.items():
                archive.writestr(name, content() if name == member else old)
        if resealed:
            reseal(path.parent)
        report.judge(place, change, outcome)
    path.write_bytes(before)
    (path.parent / checksums.NAME).write_bytes(sums)
    return outcome


def byte_changes(content: bytes, draw: random.Random) -> Iterator[Change]:
    """Yield changes of one byte behind the header of an array."""
    for at in draw.sample(range(128, len(content)), min(200, len(content) - 128)):
        for to in (content[at] ^ 1, 0, 255, draw.randrange(256)):
            if to != content[at]:
                yield "array", f"byte {at}", lambda at=at, to=to: content[:at] + bytes([to]) + content[at + 1 :]


def of_published(text: str, draw: random.Random, count: int) -> Outcome:
    """Change a file of published numbers, time after time; each is audited in its own process."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paper.toml"
        path.write_text(text, encoding="utf-8")
        before = _audited(path)
        for place, change, content in _sampled(toml_changes(text, draw), draw, count):
            path.write_bytes(content())
            end = _audited(path)
            kind, _, words = end.partition(": ")
            kind = kind if kind != "audited" else "no effect" if end == before else "differs"
            outcome.add(kind, place, change, words[:200] if kind == "traceback" else "")
    return outcome


def _sampled(changes: Iterator[Change], draw: random.Random, count: int) -> list[Change]:
    """Return some changes, every kind of change once before any is there twice."""
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        by_name.setdefault(change[1], []).append(change)
    for of_name in by_name.values():
        draw.shuffle(of_name)
    found: list[Change] = []
    while by_name and len(found) < count:
        for name in list(by_name):
            found.append(by_name[name].pop())
            if not by_name[name]:
                del by_name[name]
    return found[:count]


def _audited(path: Path) -> str:
    """Audit a file in a forked process and return how that ended."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_audit, args=(path, theirs))
    process.start()
    theirs.close()
    said = ours.recv() if ours.poll(SECONDS) else "traceback: more than 30 s"
    process.kill()
    process.join()
    return said


def _audit(path: Path, pipe: Any) -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    try:
        findings = audit(published.read(path))
        shown = json.dumps([[finding.id, finding.verdict, finding.evidence, finding.numbers] for finding in findings])
        pipe.send(f"audited: {shown}")
    except InputError as error:
        fine = "\n" not in str(error) and len(str(error)) < 1000
        pipe.send(f"{'named' if fine else 'traceback'}: {str(error)[:2000]}")
    except BaseException:
        pipe.send("traceback: " + traceback.format_exc().strip().splitlines()[-1][:300])


def kinds() -> dict[str, Callable[[random.Random, int], Outcome]]:
    """Return every kind of change by its name."""
    found: dict[str, Callable[[random.Random, int], Outcome]] = {}
    for task in RUNS:
        for name in FILES:
            for resealed in (False, True):
                found[f"{task}, {name}{', resealed' * resealed}"] = _run(task, name, resealed=resealed)
    for name in OF_SEARCHES:
        for resealed in (False, True):
            found[f"search, {name}{', resealed' * resealed}"] = _search(name, resealed=resealed)
    for task in ("classification", "tagging"):
        for member in ("runs.jsonl", "splits.json", "predicted.npy"):
            for resealed in (False, True):
                found[f"store of {task}, {member}{', resealed' * resealed}"] = _store(task, member, resealed=resealed)
    for study in published.studies():
        found[f"published, {study}"] = _published(study)
    return found


Kind = Callable[[random.Random, int], Outcome]


def _run(task: str, name: str, *, resealed: bool) -> Kind:
    def changed(draw: random.Random, count: int) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            run = RUNS[task].write(Path(folder))
            return of_folder(run, name, Report(Path(folder)), draw, count, resealed=resealed)

    return changed


def _search(name: str, *, resealed: bool) -> Kind:
    def changed(draw: random.Random, count: int) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            search = searched().write(Path(folder))
            return of_folder(search, name, Report(Path(folder)), draw, count, resealed=resealed)

    return changed


def _store(task: str, member: str, *, resealed: bool) -> Kind:
    def changed(draw: random.Random, count: int) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            RUNS[task].write(Path(folder) / "runs")
            (path,) = store.keep(Path(folder) / "runs", Path(folder) / "out")
            return of_store(path, member, Report(Path(folder) / "out"), draw, count, resealed=resealed)

    return changed


def _published(study: str) -> Kind:
    text = (published.FOLDER / f"{study}.toml").read_text(encoding="utf-8")
    return lambda draw, count: of_published(text, draw, count)


def main() -> None:
    """Make the changes and print how they ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=400, help="changes of each kind")
    parser.add_argument("--only", nargs="+", default=[""], help="kinds whose names begin so")
    given = parser.parse_args()
    for name, changed in kinds().items():
        if name.startswith(tuple(given.only)):
            print(f"{name}: {changed(random.Random(given.seed), given.count)}", flush=True)


if __name__ == "__main__":
    main()
