"""The options of the commands of a study, as typer reads them from a signature."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from common.cli.config_file import MOST
from common.study import Study


def _begun_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of a study's experiments that begin with some letters, for the shell's completion."""
    study: Study = getattr(context.obj, "study", context.obj)  # `tune` has an object with the study in it
    return [experiment.id for experiment in study.experiments if experiment.id.startswith(incomplete)]


def _begun_changes(context: typer.Context, incomplete: str) -> list[str]:
    """Return the values of a study's switches, as `--set` takes them, that begin with some letters."""
    study: Study = context.obj
    changes = [f"{switch.name}={value}" for switch in study.switches for value in switch.values]
    return [change for change in changes if change.startswith(incomplete)]


Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[EXPERIMENT]...", help="Ids; default: all.", autocompletion=_begun_ids),
]
Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", autocompletion=_begun_ids)]
Data = Annotated[list[Path] | None, typer.Option("--data", help="Folder of corpora; repeatable. Default: demo corpus.")]
ProtocolNames = Annotated[str, typer.Option("--protocol", help="published, corrected, independent or all.")]
ProtocolName = Annotated[str, typer.Option("--protocol", help="published, corrected or independent.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SWITCH=VALUE", help="Change one switch.", autocompletion=_begun_changes),
]
# NumPy and Keras take seeds of 32 bits.
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of everything random; repeatable.")
]
Epochs = Annotated[int | None, typer.Option(min=1, max=MOST, help="Largest number of epochs.")]
BatchSize = Annotated[int | None, typer.Option(min=1, max=MOST, help="Clips per training step.")]
Folds = Annotated[int | None, typer.Option(min=1, help="Only the first N folds.")]
Weights = Annotated[
    str | None, typer.Option(help="Pretrained weights: a name such as imagenet, a path, or none for random weights.")
]
ImpulseResponses = Annotated[
    Path | None, typer.Option("--impulse-responses", help="Folder of them; default: synthesised ones.")
]
SplitPlace = Annotated[
    Path | None,
    typer.Option("--split", help="Split of others: a table of clips and sets, or a folder of EmoBox's lists."),
]
SizeName = Annotated[
    Literal["full", "demo"] | None, typer.Option("--size", help="Default: full with --data, else demo.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with a table training, of epochs, batch_size, learning_rate and patience, or a table model."
    ),
]
MixedPrecision = Annotated[bool, typer.Option("--mixed-precision", help="Compute in half precision.")]
Strategy = Annotated[
    str,
    typer.Option(help="none, mirrored (TensorFlow, GPUs of one host) or data-parallel (JAX, devices of any hosts)."),
]
Runs = Annotated[Path | None, typer.Option(help="Folder of all runs. Default: runs, or runs-demo without --data.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Delete the files of an earlier run or search first.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only estimate time, memory and disk space.")]
Budget = Annotated[str | None, typer.Option(help="Pause after this time, such as 90s, 30m or 2h.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Divide the work (folds, trials or files) among this many processes, which share the cores."
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE.json",
        help="Divide the work (folds, trials or files) among the machines of a Dask scheduler.",
    ),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.")]
Predicted = Annotated[
    Path | None, typer.Option("--out", help="CSV file for the predictions: a row per part of each file.")
]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of a finished run. Default: the newest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
