"""EMO-DB: ten German speakers say ten sentences; of its seven emotions, the 339 clips of four (document 000).

The file is `wav/03a01Fa.wav`: two digits of the speaker, three characters of the sentence, the emotion, the version.
"""

import re
from pathlib import Path

from common.corpora.base import Clip, Corpus, Refusal

EMOTIONS = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}
"""The emotions of the table in document 000, by their letters (Wut, Freude, neutral, Trauer)."""
OTHERS = {"L": "boredom", "E": "disgust", "A": "fear"}
WOMEN = ("08", "09", "13", "14", "16")
NAMES = {
    "03": (
        "a01Fa a01Nc a01Wa a02Fc a02Nc a02Ta a02Wb a02Wc a04Fd a04Nc a04Ta a04Wc a05Fc a05Nd a05Tc a05Wa "
        "a05Wb a07Fa a07Fb a07Nc a07Wc b01Fa b01Nb b01Td b01Wa b01Wc b02Na b02Tb b02Wb b03Nb b03Tc b03Wc "
        "b09Nc b09Tc b09Wa b10Na b10Nc b10Wb b10Wc"
    ),
    "08": (
        "a01Fd a01Na a01Wa a01Wc a02Fe a02Na a02Tb a02Wc a04Ff a04Nc a04Tb a04Wc a05Fe a05Nb a05Ta a05Wa "
        "a07Fd a07Na a07Ta a07Tb a07Wc b01Fd b01Fe b01Na b01Wa b02Ff b02Nb b02Tc b02Wd b03Fe b03Nb b03Tc "
        "b03Wd b09Fd b09Nb b09Tb b09Wa b09Wc b10Fd b10Nc b10Tc b10Wa"
    ),
    "09": (
        "a01Fa a01Nb a01Wb a02Wb a04Fd a04Nb a04Wa a05Nb a05Tb a05Wb a05Wc a07Na a07Ta a07Wb a07Wd b01Na "
        "b01Wb b02Na b02Tb b02Wc b02Wd b03Fa b03Fd b03Nb b03Ta b03Wb b09Nd b09Wa b10Nd b10Wa"
    ),
    "10": (
        "a01Nb a01Wa a02Fa a02Na a02Wa a04Fd a04Nb a04Wa a04Wb a05Tb a05Wb a07Ta a07Wb b01Fa b02Na b02Wb "
        "b03Tb b03Wb b09Wb b10Fc b10Wa"
    ),
    "11": (
        "a01Nd a01Wc a02Fb a02Nc a02Tc a02Wc a04Fd a04Nd a04Wc a05Fb a05Fc a05Na a05Td a05Wd a07Ta a07Wc "
        "b01Fc b01Nc b01Wd b02Fd b02Na b02Td b02Wb b03Fc b03Nb b03Td b03Wa b03Wb b09Fd b09Na b09Td b09Wa "
        "b10Nc b10Td b10Wa"
    ),
    "12": (
        "a01Fb a01Nb a01Wc a02Nb a02Wa a02Wc a04Wc a05Nd a05Ta a05Wb a07Wa b01Ta b01Wa b02Fb b02Na b02Wa "
        "b02Wb b02Wd b03Ta b09Td b09Wc b10Wa"
    ),
    "13": (
        "a01Fd a01Nb a01Wb a02Fa a02Nc a02Ta a02Wa a04Fc a04Ta a04Wc a05Nb a05Tc a05Wa a05Wc a07Fd a07Na "
        "a07Tc a07Wb b01Fc b01Nc b01Wa b02Fb b02Nb b02Wa b03Fd b03Na b03Td b03Wc b09Fb b09Fc b09Na b09Wa "
        "b10Fa b10Nc b10Wa b10Wc"
    ),
    "14": (
        "a01Na a01Wa a01Wc a02Fd a02Nc a02Tb a02Wa a02Wc a04Tb a04Tc a04Wb a04Wc a05Fa a05Fb a05Na a05Ta "
        "a05Tc a05Wa a05Wb a07Fd a07Na a07Tc a07Wc b01Fa b01Fc b01Na b01Wc b02Fb b02Na b02Tc b02Wb b02Wd "
        "b03Ta b03Wb b09Fc b09Td b09Wa b09Wc b10Nb b10Tc b10Wc"
    ),
    "15": (
        "a01Fb a01Nb a01Wa a02Na a02Ta a02Wb a02Wd a04Fd a04Nc a04Wa a04Wb a05Fb a05Na a05Wa a07Fa a07Fb "
        "a07Nc b01Na b01Wc b02Nd b02Tc b02Wa b02Wc b03Nb b03Tc b03Wa b03Wb b09Fa b09Nb b09Ta b09Wb b10Nb "
        "b10Nc b10Wa"
    ),
    "16": (
        "a01Fc a01Nc a01Tb a01Wb a02Nb a02Tc a02Wb a04Fa a04Nc a04Tc a04Wb a04Wc a05Fc a05Tb a05Wb a05Wc "
        "a07Fa a07Fb a07Nb a07Td a07Wa b01Fa b01Tb b01Wa b01Wb b02Fd b02Wb b03Fa b03Fd b03Nb b03Ta b03Wb "
        "b09Fb b09Wb b10Fb b10Tb b10Td b10Wa b10Wb"
    ),
}
"""The clips of the four emotions, by speaker. No checksums of the original files are at hand."""
NAME = re.compile(rf"({'|'.join(NAMES)})(a0[12457]|b0[1239]|b10)([{''.join([*EMOTIONS, *OTHERS])}])[a-f]")


def recognise(path: Path) -> Clip | Refusal | None:
    """Read a file name: speaker, sentence, emotion and version."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    speaker, _, letter = match.groups()
    if letter in OTHERS:
        return Refusal(f"{OTHERS[letter]}, which is not one of the four emotions that are used")
    return Clip(f"wav/{path.stem}", EMOTIONS[letter], speaker, "speaker, sentence and emotion in the name (03a01Fa)")


EMODB = Corpus(
    name="emodb",
    title="Berlin Database of Emotional Speech (four emotions)",
    citation=(
        "Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A database of German emotional speech. "
        "Interspeech 2005: 1517-1520. https://doi.org/10.21437/Interspeech.2005-446"
    ),
    licence="free for research",
    address="http://emodb.bilderbar.info/",
    how_to_get="download the audio from the corpus' page and unpack its folder wav",
    expected={"angry": 127, "happy": 71, "neutral": 79, "sad": 62},
    speakers=len(NAMES),
    folders=re.compile(r"emo-?db", re.IGNORECASE),
    recognise=recognise,
    source=None,
    names=tuple(f"wav/{speaker}{rest}" for speaker, said in NAMES.items() for rest in said.split()),
)
