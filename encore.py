"""`encore`: the commands of all studies, corpora and reports as one program.

    encore list                                               every experiment with its published number
    encore run ser_parallel single-cnn --data RAVDESS         as `python -m reproductions.ser_parallel run ...`
    encore predict ser_parallel FILE
    encore corpora scan DIR                                   as `python -m common.corpora scan DIR`
    encore reports check                                      as `python -m reports check`
    encore --install-completion                               completion in your shell, of experiments too

A command of a study is followed by the name of the study.
"""

import common

# isort: split

import importlib
import sys
from typing import Any, NoReturn

import typer

import common.corpora.__main__
import reports.__main__
import reproductions.__main__
from common.cli import console
from common.cli.options import Json


def encore_app() -> typer.Typer:
    """Return all commands: those of the studies by their name, then by the name of the study."""
    app = console.new_app("Reproductions of documents on emotion in audio, number by number.", complete=True)
    verbs: dict[str, typer.Typer] = {}
    for name in reproductions.__main__.names():
        study = importlib.import_module(f"reproductions.{name}").STUDY
        for command in importlib.import_module(f"reproductions.{name}.__main__").app.registered_commands:
            verb = str(command.name)
            if verb not in verbs:
                verbs[verb] = _listing() if verb == "list" else _group_of(command)
                app.add_typer(verbs[verb], name=verb)
            # A command with an object of its own, such as `tune`, keeps it.
            settings: dict[str, Any] = {"obj": study, **(command.context_settings or {})}
            verbs[verb].command(name, short_help=study.title, context_settings=settings)(command.callback)
    app.add_typer(common.corpora.__main__.app, name="corpora")
    app.add_typer(reports.__main__.app, name="reports")
    return app


def _group_of(command: Any) -> typer.Typer:
    """Return a group for one command of every study."""
    group = console.new_app(command.callback.__doc__)

    @group.callback()
    def choose_study() -> None:
        pass

    return group


def _listing() -> typer.Typer:
    """Return the command that lists every experiment or, with the name of a study, those of a study."""
    group = console.new_app("List experiments with their published numbers: all, or those of a study.")

    @group.callback(invoke_without_command=True)
    def list_all(context: typer.Context, as_json: Json = False) -> None:
        if context.invoked_subcommand is None:
            reproductions.__main__.list_all(as_json)

    return group


def main() -> NoReturn:
    """Run `encore` and leave with the exit code of the contract."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["reports"]:
        arguments = ["reports", *reports.__main__.with_command(arguments[1:])]
    console.main(encore_app(), arguments or ["--help"])


if __name__ == "__main__":
    main()
