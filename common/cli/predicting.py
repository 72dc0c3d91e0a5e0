"""The command `predict` of a study: the classes, tags or values of audio files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer
from rich.bar import Bar
from rich.table import Table

from common.cli import options, preparing
from common.cli.tables import print_table
from common.errors import InputError
from common.files import write_table
from common.study import Study
from common.terminal import say

if TYPE_CHECKING:
    from common.runs.prediction import Prediction


BAR_WIDTH = 30
"""Length in characters of the bar for a probability of 1."""


def predict(
    context: typer.Context,
    files: options.Files,
    run: options.Run = None,
    weights: options.Weights = None,
    out: options.Predicted = None,
    as_json: options.Json = False,
) -> None:
    """Predict the classes, tags or values of audio files with a finished run's model."""
    study: Study = context.obj
    if out:  # now, and not when all files are predicted
        preparing.refuse_place(out)
    preparing.start_backend()
    from common.runs import prediction

    newest = (Path("runs"), Path("runs-demo"))
    record = prediction.run_in(study, run) if run else prediction.newest_run(study, newest)
    if not as_json:
        say(f"model: {prediction.origin(record)}; {record.folder}")
    # Values have no probability that says how sure they are: the spread over seeds does.
    beside = prediction.other_seeds(record) if record.task.MEANING == "value" else []
    models, *others = [prediction.Models(study, one, weights=weights) for one in (record, *beside)]
    made: list[Prediction] = []
    refused: dict[Path, str] = {}
    for path in files:
        try:
            made.append(prediction.with_seeds(models, others, path))
        except InputError as error:  # one bad file does not hide the results of the others
            refused[path] = str(error)
            continue
        if as_json:
            say(json.dumps({**made[-1].facts(), "run": str(record.folder), "model": prediction.origin(record)}))
        elif len(files) == 1:
            _print_prediction(made[-1])
    if len(files) > 1 and made and not as_json:
        _print_predictions(made)
    if out:
        write_table(out, prediction.table(made, refused))
        preparing.announce(f"a row per part of each file: {out}")
    if refused:
        raise InputError("\n".join(refused.values()))


def _print_predictions(made: Sequence["Prediction"]) -> None:
    """Print a row per file, and each note once."""
    table = Table("file", "predicted", made[0].task.MEANING, "parts")
    for one in made:
        table.add_row(one.file, one.predicted, f"{one.outputs.max():.3f}", str(one.parts))
    print_table(table)
    of_notes: dict[str, list[str]] = {}
    for one in made:
        for note in one.notes:
            of_notes.setdefault(note, []).append(one.file)
    for note, files in of_notes.items():
        others = f" and {len(files) - 1} more" if len(files) > 1 else ""
        say(f"note: {note} ({'all files' if len(files) == len(made) else files[0] + others})")


def _print_prediction(one: "Prediction") -> None:
    several = [f"share of its {one.parts} parts"] if one.shares is not None and one.parts > 1 else []
    say(f"{one.file}: {one.predicted}" + (f" ({one.spread})" if one.spread else ""))
    probabilities = one.task.MEANING == "probability"
    bars = [""] if probabilities else []
    table = Table("class" if one.shares is not None else "output", one.task.MEANING, *bars, *several)
    for place in np.argsort(-one.outputs, kind="stable"):  # the highest output first
        value, name = float(one.outputs[place]), one.task.outputs[place]
        bar = [Bar(1, 0, value, width=BAR_WIDTH)] if probabilities else []
        share = [f"{one.shares[place]:.0%}"] if several and one.shares is not None else []
        table.add_row(name, f"{value:.3f}", *bar, *share)
    print_table(table)
    if one.begins:
        over_time = Table("from", "parts", "predicted")
        for begin, parts, predicted in one.over_time:
            over_time.add_row(f"{begin:.1f} s", str(parts), predicted)
        print_table(over_time)
    for note in one.notes:
        say(f"note: {note}")
