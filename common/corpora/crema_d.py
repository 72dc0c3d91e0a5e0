"""CREMA-D: 91 actors, twelve sentences, six emotions, 7442 clips.

Names are `1001_DFA_ANG_XX.wav`: actor, sentence, emotion, level (LO, MD, HI, or XX for unspecified). Many copies call
one file `1040_ITH_SAD_X.wav`; it is the published `1040_ITH_SAD_XX`.
"""

import re
from pathlib import Path

from common.corpora.base import Clip, Corpus, SingleFiles

EMOTIONS = {"NEU": "neutral", "HAP": "happy", "SAD": "sad", "ANG": "angry", "FEA": "fear", "DIS": "disgust"}
SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
NAME = re.compile(
    rf"(?P<actor>10[0-8]\d|109[01])_(?P<sentence>{'|'.join(SENTENCES)})_(?P<emotion>{'|'.join(EMOTIONS)})_(?P<level>LO|MD|HI|XX?)"
)


def recognise(path: Path) -> Clip | None:
    """Read a CREMA-D file name, in any folder."""
    match = NAME.fullmatch(path.stem)
    if not match or match["actor"] == "1000":  # actors are 1001 to 1091; the pattern alone would allow 1000
        return None
    stem = f"{path.stem}X" if match["level"] == "X" else path.stem
    folder = path.parent.name.lower()
    layout = "AudioWAV folder" if folder == "audiowav" else "flat, without the AudioWAV folder"
    return Clip(f"AudioWAV/{stem}", EMOTIONS[match["emotion"]], match["actor"], layout)


CREMA_D = Corpus(
    name="crema_d",
    title="Crowd-sourced Emotional Multimodal Actors Dataset",
    citation=(
        "Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014). CREMA-D: Crowd-sourced Emotional Multimodal "
        "Actors Dataset. IEEE Transactions on Affective Computing 5(4): 377-390. https://doi.org/10.1109/TAFFC.2014.2336244"
    ),
    licence="Open Database License 1.0, contents under the Database Contents License 1.0",
    address="https://github.com/CheyneyComputerScience/CREMA-D",
    how_to_get=(
        "`download crema_d` fetches the 7442 files of AudioWAV (606 MB) one by one; the repository's own zip contains "
        "git-lfs pointers instead of audio"
    ),
    expected={label: 1087 if label == "neutral" else 1271 for label in EMOTIONS.values()},
    speakers=91,
    folders=re.compile(r"AudioWAV|AudioMP3", re.IGNORECASE),
    recognise=recognise,
    # GitHub serves the audio behind git-lfs pointers from this host; raw.githubusercontent.com has the pointers only.
    source=SingleFiles("https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/"),
)
