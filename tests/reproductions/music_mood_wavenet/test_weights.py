"""What `--weights` says of the two pretrained networks of a WaveNet row."""

import pytest

from common.errors import InputError
from reproductions.music_mood_wavenet import weights


def test_a_name_or_a_file_is_the_backbones_and_the_encoder_is_untrained(tmp_path) -> None:
    (tmp_path / "b7.h5").write_bytes(b"")
    for name in ("none", "imagenet", str(tmp_path / "b7.h5")):
        assert weights.backbone_of(name, "b7") == name
        assert weights.encoder_of(name).notes == (weights.UNTRAINED,)


def test_a_folder_may_have_the_files_of_both_and_what_it_lacks_is_random(tmp_path) -> None:
    assert weights.backbone_of(str(tmp_path), "b7") == "none"
    for name in ("b7.h5", "mobilenetv2.weights.h5"):
        (tmp_path / name).write_bytes(b"")
    assert weights.backbone_of(str(tmp_path), "b7") == str(tmp_path / "b7.h5")
    assert weights.backbone_of(str(tmp_path), "mobilenetv2") == str(tmp_path / "mobilenetv2.weights.h5")
    (tmp_path / "efficientnet-b7.h5").write_bytes(b"")
    with pytest.raises(InputError, match="keep one"):
        weights.backbone_of(str(tmp_path), "b7")


def test_a_damaged_checkpoint_in_the_folder_is_refused_and_not_taken_for_none(tmp_path) -> None:
    (tmp_path / "model.ckpt-200000.index").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match=r"model\.ckpt-200000"):
        weights.encoder_of(str(tmp_path))
