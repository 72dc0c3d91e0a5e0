"""Image networks that are fast."""

import sys
from pathlib import Path

import pytest

from reproductions.freesound_tagging import style_losses

sys.path.insert(0, str(Path(__file__).parent))

import tiny_network


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace VGG16 by a network of two convolutions."""
    monkeypatch.setitem(style_losses.IMAGE_NETWORKS, "vgg16", tiny_network.TINY)
