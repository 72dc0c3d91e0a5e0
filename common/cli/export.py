"""The command `export` of a study: a finished run as a Hugging Face model folder."""

import json
from pathlib import Path
from typing import Annotated

import typer

from common.cli import options
from common.study import Study
from common.terminal import say

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]
Out = Annotated[Path | None, typer.Option("--out", help="New folder. Default: named after the run.")]


def export_run(context: typer.Context, run: Run, out: Out = None, as_json: options.Json = False) -> None:
    """Write a finished run as a Hugging Face model folder with a model card. Nothing is uploaded."""
    # Imported here: the hub's library and Keras take seconds to import, which other commands need not wait for.
    from common.runs.export import export
    from common.runs.prediction import run_in

    study: Study = context.obj
    record = run_in(study, run)
    folder = export(study, record, out or Path("-".join(map(str, record.identity))))
    if as_json:
        say(json.dumps({"run": str(run), "folder": str(folder)}))
        return
    say(f"{folder}: its model card is README.md; try it with `predict FILE --run {folder}`")
