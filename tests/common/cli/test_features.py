"""The features of a large corpus, file by file, before anything is trained."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from common.cli import commands, console, features
from common.errors import BudgetSpentError
from common.study import Setting
from reproductions import music_mood_wavenet

SETTING = Setting({}, seed=0)


def computed(path: Path, setting: Setting) -> bool:
    """Leave a file beside `path`, and say whether it is new."""
    new = not path.with_suffix(".done").exists()
    path.with_suffix(".done").touch()
    return new


class Here:
    """A cluster that runs its tasks in this process."""

    def work(self, tasks, label, total):
        for task in tasks:
            yield task, task.function(task.shared, task.own)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [tmp_path / f"{number}.wav" for number in range(25)]


@pytest.mark.parametrize("cluster", [None, Here()])
def test_each_file_is_computed_once_in_order_or_on_a_cluster(paths: list[Path], cluster) -> None:
    assert len(features.compute(computed, SETTING, paths[:12], cluster, None)) == 12
    assert len(features.compute(computed, SETTING, paths, cluster, None)) == 13
    assert features.compute(computed, SETTING, paths, cluster, None) == []


@pytest.mark.parametrize("cluster", [None, Here()])
def test_a_spent_budget_keeps_what_is_computed(paths: list[Path], cluster, monkeypatch) -> None:
    clock = iter([0.0, 2.0])
    monkeypatch.setattr("common.learners.callbacks.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(BudgetSpentError):
        features.compute(computed, SETTING, paths, cluster, deadline=1.0)
    assert len(features.compute(computed, SETTING, paths, cluster, None)) == 25 - features.FILES_PER_TASK


@pytest.fixture
def ran(capsys):
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            console.main(commands.study_app(music_mood_wavenet.STUDY), ["features", *words])
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_track_of_which_the_mel_spectrogram_is_cached_is_not_computed_again(
    ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCORE_CACHE", str(tmp_path / "cache"))
    rows = ["path,label"]
    for number in range(4):
        tone = np.sin(np.arange(24_000) * (0.05 + 0.02 * number))
        soundfile.write(tmp_path / f"{number}.wav", 0.3 * tone, 12_000)
        rows.append(f"{number}.wav,{'happy' if number % 2 else 'dark'}")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    for computed_now in (4, 0):
        code, out, err = ran("mel-b0", "--data", str(tmp_path), "--json")
        assert code == 0, err
        facts = json.loads(out)
        assert (facts["files"], facts["computed"]) == (4, computed_now)


def test_an_experiment_that_computes_all_clips_together_is_refused_with_those_that_do_not(ran) -> None:
    code, _, err = ran("emodb-wavenet")
    assert code == 2
    assert "mel-b0" in err
