"""`python -m reproductions`: list every experiment of every document with its published number.

`count` writes the parameters of every network beside its study; a test compares them with the models.
"""

import importlib
import json
import pkgutil
from pathlib import Path

import typer

import reproductions
from common.cli import console
from common.cli.commands import print_listing
from common.cli.describe import listing, parameters
from common.cli.options import Json
from common.cli.preparing import start_backend
from common.study import COUNTS, Study
from common.terminal import say

app = console.new_app("Every experiment of every document.")


def names() -> list[str]:
    """Return the names of the studies, which are the modules in this package, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(reproductions.__path__) if module.name != "__main__")


def studies() -> list[Study]:
    """Return all studies, sorted by name."""
    return [importlib.import_module(f"reproductions.{name}").STUDY for name in names()]


@app.callback(invoke_without_command=True)
def begin(context: typer.Context, as_json: Json = False) -> None:
    """List the experiments if no command is given."""
    if context.invoked_subcommand is None:
        list_all(as_json)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List every experiment of every document with its published numbers."""
    rows = [row for study in studies() for row in listing(study)]
    print_listing(rows, as_json=as_json, title="Encore: what is reproduced")


@app.command("count")
def count_all() -> None:
    """Count the parameters of every network, and write them beside the studies, for `list`."""
    start_backend()
    for study in studies():
        if counts := parameters(study):
            place = Path(reproductions.__path__[0]) / study.name / COUNTS
            place.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
            say(place)


if __name__ == "__main__":
    console.main(app)
