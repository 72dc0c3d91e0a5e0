"""SAVEE: four male speakers (DC, JE, JK, KL), seven emotions, 480 clips.

The original has `a01.wav` in a folder per speaker; a common copy has all files in one folder, as `DC_a01.wav`.
`a01.wav` outside a speaker's folder fits neither and is not read: so short a name could be any recording.
"""

import re
from pathlib import Path

from common.corpora.base import Clip, Corpus

SPEAKERS = ("DC", "JE", "JK", "KL")
EMOTIONS = {"n": "neutral", "h": "happy", "sa": "sad", "a": "angry", "f": "fear", "d": "disgust", "su": "surprise"}
SENTENCE = r"(?P<code>sa|su|[adfhn])(?P<number>\d\d)"
NAME_IN_FOLDER = re.compile(SENTENCE)
NAME_WITH_SPEAKER = re.compile(rf"(?P<speaker>DC|JE|JK|KL)_{SENTENCE}")


def recognise(path: Path) -> Clip | None:
    """Read a SAVEE file name in either naming."""
    if match := NAME_WITH_SPEAKER.fullmatch(path.stem):
        speaker, layout = match["speaker"], "one folder, speaker in the name (DC_a01)"
    elif (match := NAME_IN_FOLDER.fullmatch(path.stem)) and path.parent.name in SPEAKERS:
        speaker, layout = path.parent.name, "speaker folders (DC/a01)"
    else:
        return None
    return Clip(f"{speaker}/{match['code']}{match['number']}", EMOTIONS[match["code"]], speaker, layout)


SAVEE = Corpus(
    name="savee",
    title="Surrey Audio-Visual Expressed Emotion",
    citation=(
        "Haq S, Jackson PJB (2010). Multimodal Emotion Recognition. In: Wang W (ed.), Machine Audition: Principles, "
        "Algorithms and Systems, 398-423, IGI Global. https://doi.org/10.4018/978-1-61520-919-4.ch017"
    ),
    licence="free for research, after registration with the University of Surrey",
    address="http://kahlan.eps.surrey.ac.uk/savee/",
    how_to_get="register on the corpus' page, then unpack AudioData.zip with its folders DC, JE, JK and KL",
    # Each speaker says 30 neutral sentences and 15 of each other emotion.
    expected={label: 120 if label == "neutral" else 60 for label in EMOTIONS.values()},
    speakers=4,
    folders=re.compile(r"DC|JE|JK|KL|AudioData"),
    recognise=recognise,
    source=None,
)
