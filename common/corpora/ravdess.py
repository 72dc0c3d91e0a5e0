"""RAVDESS, the speech part: 24 actors, two statements, eight emotions, 1440 clips.

File names are `03-01-EE-II-SS-RR-AA.wav`: modality (03 audio only), channel (01 speech, 02 song), emotion, intensity,
statement, repetition, actor (odd numbers male, even numbers female).
"""

import re
from pathlib import Path

from common.corpora.base import Archive, Clip, Corpus, Refusal

NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}


def recognise(path: Path) -> Clip | Refusal | None:
    """Read a RAVDESS file name; song and video are refused."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    modality, channel, emotion, *_, actor = match.groups()
    # The sung part and the videos have the same naming; the documents use the spoken audio only.
    if channel == "02":
        return Refusal("RAVDESS song, not speech")
    if modality != "03":
        return Refusal("RAVDESS video, not an audio-only clip")
    folder = f"Actor_{actor}"
    layout = "Actor_NN folders" if path.parent.name.lower() == folder.lower() else "flat, without Actor_NN folders"
    return Clip(f"{folder}/{path.stem}", EMOTIONS[emotion], actor, layout)


RAVDESS = Corpus(
    name="ravdess",
    title="Ryerson Audio-Visual Database of Emotional Speech and Song (speech, audio only)",
    citation=(
        "Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS). "
        "PLoS ONE 13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391"
    ),
    licence="CC BY-NC-SA 4.0",
    address="https://zenodo.org/records/1188976",
    how_to_get="one archive of 208 MB, Audio_Speech_Actors_01-24.zip; `download ravdess` fetches and unpacks it",
    # Neutral was recorded at one intensity only, every other emotion at two.
    expected={label: 96 if label == "neutral" else 192 for label in EMOTIONS.values()},
    speakers=24,
    folders=re.compile(r"Actor_\d\d|audio_speech_actors_01-24", re.IGNORECASE),
    recognise=recognise,
    source=Archive(
        "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
        "md5:bc696df654c87fed845eb13823edef8a",  # the MD5 of record 1188976 that public loaders quote
    ),
)
