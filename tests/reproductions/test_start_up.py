"""Commands that build no model import no Keras, and what studies declare to be imported later is there."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from common.cli import describe
from common.later import Later
from common.study import Experiment, Study, Training
from reproductions.__main__ import studies

ROOT = Path(__file__).parents[2]
SLOW = ("keras", "tensorflow", "librosa", "numba", "scipy", "sklearn", "matplotlib", "pooch", "transformers", "jinja2")
STUDIES = {study.name: study for study in studies()}

PROGRAM = f"""
import atexit, os, runpy, sys
os._exit = sys.exit  # `reports` ends with it, which would skip the next line
sys.argv = sys.argv[1:]
atexit.register(lambda: print("imported:", [name for name in {SLOW} if name in sys.modules], file=sys.stderr))
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module as `python -m` does, and says which slow packages it imported."""


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (0, "reproductions list"),
        (0, "reproductions.ser_parallel list"),
        (0, "reproductions.emotify_features --help"),
        (0, "reproductions.freesound_tagging run --help"),
        (0, "reproductions.music_mood_wavenet summary --help"),
        (0, "reproductions.valence_parallel_conv tune --help"),
        (2, "reproductions.ser_parallel run no-such-experiment"),
        (2, "reproductions.ser_parallel run single-cnn --set no-such-switch=1"),
        (2, "reproductions.ser_parallel run single-cnn --no-such-option"),
        (2, "reproductions.emotify_features tune handcrafted-fine-knn"),
        (0, "common.corpora list"),
        (0, "common.corpora demo --help"),
        (2, "common.corpora scan no-such-folder"),
        (0, "reports --help"),
    ],
)
def test_a_command_that_builds_no_model_imports_nothing_slow(code, command) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (code, "imported: []")


def later_in(value: Any) -> Iterator[tuple[Later, dict[str, Any]]]:
    """Yield the functions that an experiment or study imports later, with the keywords that it sets."""
    if isinstance(value, Later):
        yield value, {}
    elif isinstance(value, partial):
        if isinstance(value.func, Later):
            yield value.func, value.keywords
        for keyword in value.keywords.values():
            yield from later_in(keyword)
    elif isinstance(value, Experiment):
        for one in (value, value.inputs):
            for field in fields(one):
                if field.name != "inputs":
                    yield from later_in(getattr(one, field.name))
    elif isinstance(value, Study):
        for field in fields(value):
            yield from later_in(getattr(value, field.name))
        for experiment in value.experiments:
            yield from later_in(experiment)


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_every_function_that_a_study_imports_later_is_there_and_takes_its_settings(study: Study) -> None:
    found = list(later_in(study))
    assert found
    for function, settings in found:
        assert callable(function.imported())
        assert set(settings) <= set(inspect.signature(function).parameters)


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)
def test_the_listed_parameters_are_those_of_the_models(study: Study) -> None:
    assert dict(study.parameters) == describe.parameters(study)
    assert set(study.parameters) == {one.id for one in study.experiments if isinstance(one.method, Training)}
