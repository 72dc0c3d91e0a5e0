"""The command `style-transfer` of document 003; `style_transfer` does it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from common.cli import preparing

DURATION_S = 2.0
SHORTEST_S, LONGEST_S = 0.5, 30.0
"""Shorter clips are padded with silence, because image networks halve pictures several times. FSDKaggle2019's longest
clips have 30 s."""

# Choices, by looking and listening.
STYLE_WEIGHT = 100.0
PICTURE_STEPS, NETWORK_STEPS = 300, 500


def style_transfer(
    clip: Annotated[Path, typer.Argument(help="Audio file.")],
    picture: Annotated[Path, typer.Argument(help="Image file, whose style the clip gets.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = Path("style-transfer"),
    network: Annotated[Literal["vgg16", "mobilenet"], typer.Option(help="Image network of the losses.")] = "vgg16",
    weights: Annotated[str, typer.Option(help="Of the image network: imagenet, a path, or none.")] = "imagenet",
    train: Annotated[Path | None, typer.Option(help="Train the document's network on the clips in a folder.")] = None,
    model: Annotated[Path | None, typer.Option(help="Apply a network that --train kept.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Default: {PICTURE_STEPS}, or {NETWORK_STEPS} with --train.")
    ] = None,
    style_weight: Annotated[
        float | None, typer.Option(min=0, help=f"Style loss relative to content loss. Default: {STYLE_WEIGHT:g}.")
    ] = None,
    duration: Annotated[
        float, typer.Option(min=SHORTEST_S, max=LONGEST_S, help="Seconds of the clip, from its start.")
    ] = DURATION_S,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything random.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Give the mel spectrogram of a clip the style of a picture, and make it audible again."""
    preparing.start_backend()
    from reproductions.freesound_tagging.style_transfer import transfer  # here and not above: it needs Keras

    transfer(
        clip,
        picture,
        out,
        network=network,
        weights=weights,
        train=train,
        model=model,
        steps=steps,
        style_weight=style_weight,
        duration=duration,
        seed=seed,
        as_json=as_json,
    )
