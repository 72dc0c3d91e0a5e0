"""TESS: two actresses (OAF older, YAF younger), 200 words, seven emotions, 2800 clips.

Names are `OAF_back_angry.wav`, in folders per speaker and emotion whose spelling varies (`OAF_Fear`, `YAF_fear`), or
all in one folder, as the university's repository serves them. One original is called `OA_bite_neutral.wav`.
"""

import re
from functools import cache
from pathlib import Path

from common.corpora.base import Archive, Clip, Corpus
from common.corpora.checksums import originals

EMOTIONS = {
    "neutral": "neutral",
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "fear",
    "disgust": "disgust",
    "ps": "surprise",  # "pleasant surprise"
}
NAME = re.compile(rf"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>{'|'.join(EMOTIONS)})", re.IGNORECASE)


def recognise(path: Path) -> Clip | None:
    """Read a TESS file name, in any folder."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, emotion = match["speaker"].upper(), match["emotion"].lower()
    speaker = "OAF" if speaker == "OA" else speaker
    # Canonical names come from the index: a copy may spell the folder or the emotion in other letter case.
    folder = folders()[speaker, emotion]
    name = names().get((speaker, match["word"].lower(), emotion), f"{folder}/{path.stem}")
    nested = path.parent.name.lower() == folder.lower()
    return Clip(name, EMOTIONS[emotion], speaker, "folders per speaker and emotion" if nested else "one folder for all")


@cache
def names() -> dict[tuple[str, str, str], str]:
    """Return the canonical name of each published clip by (speaker, word, emotion)."""
    parts = {name: NAME.fullmatch(name.split("/")[1]) for name in originals("tess")}
    return {(name[:3], match["word"].lower(), match["emotion"]): name for name, match in parts.items() if match}


@cache
def folders() -> dict[tuple[str, str], str]:
    """Return the original folder of each (speaker, emotion)."""
    return {(speaker, emotion): name.split("/")[0] for (speaker, _, emotion), name in names().items()}


TESS = Corpus(
    name="tess",
    title="Toronto Emotional Speech Set",
    citation=(
        "Pichora-Fuller MK, Dupuis K (2020). Toronto emotional speech set (TESS). Scholars Portal Dataverse "
        "(Borealis), V1. https://doi.org/10.5683/SP2/E8H2MF"
    ),
    licence="Creative Commons, non-commercial; the dataset's page states the exact terms",
    address="https://doi.org/10.5683/SP2/E8H2MF",
    how_to_get="`download tess` fetches the archive (280 MB) that the university's repository packs on request",
    expected=dict.fromkeys(EMOTIONS.values(), 400),
    speakers=2,
    folders=re.compile(r"(OAF|YAF)_\w+", re.IGNORECASE),
    recognise=recognise,
    source=Archive("https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF"),
)
