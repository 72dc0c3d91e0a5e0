"""`python -m reports`: pages, tables and pictures from records; `check`: verdicts on the published numbers."""

import gc
import json
import os
import re
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from common import published
from common.cli.console import main, new_app
from common.cli.tables import print_table
from common.errors import InputError, ResultError
from common.terminal import say
from reports import kept

if TYPE_CHECKING:
    from reports.results import Collected
    from reports.verdicts import Verdict

RUNS = Path("runs")
RESULTS = Path(__file__).parent / "results"
"""The records that are shipped."""

Runs = Annotated[list[Path] | None, typer.Option("--runs", help="Folder with records (repeatable).")]
Json = Annotated[bool, typer.Option("--json", help="Print the same facts for programs.")]

app = new_app(__doc__)


@app.command("build")
def build_command(
    runs: Runs = None,
    out: Annotated[Path, typer.Option(help="Folder for pages, tables and pictures.")] = Path("report"),
    as_json: Json = False,
) -> None:
    """Write pages, tables and pictures of every document, from `runs`, else `runs-demo`, else the records shipped."""
    write_pages(runs, out, as_json=as_json)


def write_pages(runs: list[Path] | None, out: Path, *, as_json: bool) -> None:
    """Collect, draw and write; say what was left out on standard error.

    Raises:
        InputError: there is no usable record.
    """
    folders = runs or [next((place for place in (RUNS, Path("runs-demo")) if place.is_dir()), RESULTS)]
    collected = _collect(folders)
    if not collected.groups and not collected.searches:
        places = ", ".join(str(folder) for folder in folders)
        raise InputError(f"no usable record in {places}; run an experiment first: python -m reproductions.ser_parallel")
    from reports.build import build

    built = build(collected, out)
    if as_json:
        files = {kind: [str(path) for path in getattr(built, kind)] for kind in ("pages", "tables", "pictures")}
        say(json.dumps({**files, "html": str(built.html), "skipped": list(collected.skipped)}))
        return
    records = sum(len(group.runs) for group in collected.groups) + len(collected.searches)
    for page in (*built.pages, built.html):
        say(page)
    counted = f"{len(built.pages)} pages, {len(built.tables)} files of tables and {len(built.pictures)} of pictures"
    say(f"{counted} from {records} record(s), in {out}; open {built.html}")


@app.command()
def check(
    runs: Runs = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail too if a number is not reproduced.")] = False,
    as_json: Json = False,
) -> None:
    """Judge every published number, from `runs`, else the records shipped.

    Fails if a committed page is stale or a record invalid.
    """
    from reports.verdicts import NOT_REPRODUCED, Verdict

    folders = runs or [RUNS if RUNS.is_dir() else RESULTS]
    find = partial(_checked, folders)
    found = kept.outcome(RESULTS, RESULTS.parent, find) if folders == [RESULTS] else find()
    for sentence in found["skipped"]:
        say(sentence, file=sys.stderr)
    rows, stale = [Verdict(**row) for row in found["rows"]], found["stale"]
    if as_json:
        say(json.dumps(found["rows"]))
    else:
        _print_verdicts(rows, folders)
    problems = [f"{len(found['skipped'])} record(s) invalid"] * bool(found["skipped"])
    problems += [f"{', '.join(stale)} stale: run `make report` and commit"] * bool(stale)
    missed = sum(row.verdict == NOT_REPRODUCED for row in rows)
    problems += [f"{missed} number(s) not reproduced"] * bool(strict and missed)
    if problems:
        raise ResultError("; ".join(problems))


@app.command()
def audit(
    file: Annotated[Path | None, typer.Argument(help="Published numbers of any paper, as reports/published.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on contradictions of our documents too.")] = False,
    as_json: Json = False,
) -> None:
    """Examine the published tables by code: whether they can be right, and support what is said of them.

    Fails if something in FILE is contradicted.
    """
    from reports.audit import command

    command.run(file, strict=strict, as_json=as_json)


@app.command("keep")
def keep_command(
    runs: Annotated[Path, typer.Option("--runs", help="Folder of all runs.")] = RUNS,
    out: Annotated[Path, typer.Option(help="Folder of the store.")] = RESULTS,
) -> None:
    """Add finished runs and searches to the shipped results, without models, splits and probabilities of classes.

    Fails if one of them is invalid: what is kept gets a checksum.
    """
    from common.runs import store

    if runs.is_dir() and (skipped := _collect([runs]).skipped):
        raise InputError(f"{len(skipped)} of the runs and searches in {runs} are invalid; nothing was kept")
    places = store.keep(runs, out)
    say(f"{len(places)} files written in {out}")


def _checked(folders: list[Path]) -> dict[str, Any]:
    """Return the verdicts on the records in folders, sentences on those left out, and the pages that are stale."""
    from reports.collect import collect

    collected = collect([folder for folder in folders if folder != RESULTS or RESULTS.is_dir()])
    rows = [asdict(row) for study in published.studies() for row in _verdicts(study, collected)]
    return {"rows": rows, "skipped": list(collected.skipped), "stale": stale_pages(RESULTS, RESULTS.parent)}


def _verdicts(study: str, collected: "Collected") -> "list[Verdict]":
    from reports.audit import recovered
    from reports.verdicts import Verdicts

    known = published.load(study)
    return list(Verdicts(known, collected.of(study), recovered(known)).all)


def _collect(folders: list[Path]) -> "Collected":
    from reports.collect import collect

    collected = collect(folders)
    for sentence in collected.skipped:
        say(sentence, file=sys.stderr)
    return collected


def stale_pages(results: Path, committed: Path) -> list[str]:
    """Return the committed pages that are not what the shipped records give, or whose pictures are not there.

    Texts are compared to the byte, pictures are not: those depend on the version of matplotlib.
    """
    from reports.build import page_texts
    from reports.collect import collect

    texts = page_texts(collect([results] if results.is_dir() else []), committed)
    return [name for name, text in texts.items() if _is_stale(committed / name, text)]


def _is_stale(page: Path, text: str) -> bool:
    if not page.is_file() or page.read_text(encoding="utf-8") != text:
        return True
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    return not all((page.parent / picture).is_file() for picture in pictures)


def _print_verdicts(rows: "list[Verdict]", folders: list[Path]) -> None:
    """Print the overall metrics one by one, and of classes and cells count those not reproduced."""
    from reports.verdicts import NOT_COMPARABLE, NOT_REPRODUCED, NOT_RUN

    ours = ", ".join(f"{folder}" for folder in folders)
    title = f"Published numbers against ours, from {ours} (difference with its 95 % interval)"
    table = Table(title=title, title_justify="left")
    for title in ("experiment", "metric", "published", "ours", "difference", "verdict", "why"):
        table.add_column(title, justify="right" if title in ("published", "ours", "difference") else "left")
    for row in rows:
        if row.scope == "overall":
            table.add_row(row.experiment, row.metric, f"{row.published:.4g}", *_ours(row), row.verdict, row.why)
    print_table(table)
    for scope, words in {"class": "class by class", "cell": "cell by cell of the recovered matrices"}.items():
        own = [row for row in rows if row.scope == scope]
        compared = [row for row in own if row.verdict not in (NOT_COMPARABLE, NOT_RUN)]
        missed = sum(row.verdict == NOT_REPRODUCED for row in compared)
        say(f"{words}: {len(compared)} of {len(own)} compared, {missed} not reproduced")


def _ours(row: "Verdict") -> tuple[str, str]:
    if row.obtained is None or row.difference_interval is None:
        return "", ""
    low, high = row.difference_interval
    return f"{row.obtained:.3f}", f"{row.difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def with_command(arguments: list[str]) -> list[str]:
    """Return the command line with `build` in front where it names no command."""
    named = next((word for word in arguments if word != "--debug"), "")
    return arguments if named in ("build", "check", "audit", "keep", "--help") else ["build", *arguments]


if __name__ == "__main__":
    gc.disable()  # a report frees little before its end, and looking for it takes a tenth of its time
    try:
        main(app, with_command(sys.argv[1:]))
    except SystemExit as end:
        # Everything is written; to free thousands of records one by one takes half a second.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 0)
