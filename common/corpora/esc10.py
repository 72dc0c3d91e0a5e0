"""ESC-10: 400 environmental sounds of 5 s in ten classes and five folds; it is also a part of ESC-50.

A clip is `001 - Dog bark/1-100032-A.ogg` in ESC-10's own repository: fold, source recording (its number on Freesound)
and take. In ESC-50 it is `audio/1-100032-A-0.wav`, with the number of its class at the end. All takes of a recording
are in one fold.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from common.corpora.base import Clip, Corpus, Refusal


@dataclass(frozen=True)
class Class:
    """A class: its name in ESC-50, its folder in ESC-10, and its number in ESC-50 (`target` in `meta/esc50.csv`)."""

    label: str
    folder: str
    target: int


CLASSES = (
    Class("dog", "001 - Dog bark", 0),
    Class("rain", "002 - Rain", 10),
    Class("sea_waves", "003 - Sea waves", 11),
    Class("crying_baby", "004 - Baby cry", 20),
    Class("clock_tick", "005 - Clock tick", 38),
    Class("sneezing", "006 - Person sneeze", 21),
    Class("helicopter", "007 - Helicopter", 40),
    Class("chainsaw", "008 - Chainsaw", 41),
    Class("rooster", "009 - Rooster", 1),
    Class("crackling_fire", "010 - Fire crackling", 12),
)
BY_FOLDER = {one.folder.lower(): one for one in CLASSES}
BY_TARGET = {one.target: one for one in CLASSES}

CLIPS_PER_CLASS = 40
"""Eight of them in each of the five folds."""
OTHER_CLASS = "one of ESC-50's other 40 classes"

NAME = re.compile(r"(?P<clip>[1-5]-(?P<source>[1-9]\d{2,})-[A-Z])(-(?P<target>\d|[1-4]\d))?", re.ASCII)

NAMES = {
    "001 - Dog bark": (
        "1-100032-A 1-110389-A 1-30226-A 1-30344-A 1-32318-A 1-59513-A 1-85362-A 1-97392-A 2-114280-A 2-114587-A "
        "2-116400-A 2-117271-A 2-118072-A 2-118964-A 2-122104-A 2-122104-B 3-136288-A 3-144028-A 3-155312-A "
        "3-157695-A 3-163459-A 3-170015-A 3-180256-A 3-180977-A 4-182395-A 4-183992-A 4-184575-A 4-191687-A "
        "4-192236-A 4-194754-A 4-199261-A 4-207124-A 5-203128-A 5-203128-B 5-208030-A 5-212454-A 5-213855-A "
        "5-217158-A 5-231762-A 5-9032-A"
    ),
    "002 - Rain": (
        "1-17367-A 1-21189-A 1-26222-A 1-29561-A 1-50060-A 1-54958-A 1-56311-A 1-63871-A 2-101676-A 2-117625-A "
        "2-72970-A 2-73027-A 2-73260-A 2-81731-A 2-82367-A 2-87781-A 3-132852-A 3-140774-A 3-142005-A 3-142006-A "
        "3-143929-A 3-157149-A 3-157487-A 3-157615-A 4-160999-A 4-161127-A 4-163264-A 4-164206-A 4-166661-A "
        "4-177250-A 4-180380-A 4-181286-A 5-181766-A 5-188655-A 5-193339-A 5-194892-A 5-195710-A 5-198321-A "
        "5-202898-A 5-203739-A"
    ),
    "003 - Sea waves": (
        "1-28135-A 1-28135-B 1-39901-A 1-39901-B 1-43760-A 1-61252-A 1-91359-A 1-91359-B 2-102852-A 2-124662-A "
        "2-125966-A 2-132157-A 2-132157-B 2-133863-A 2-137162-A 2-155801-A 3-144827-A 3-144827-B 3-155642-A "
        "3-155642-B 3-164120-A 3-164630-A 3-166422-A 3-187710-A 4-167063-A 4-167063-B 4-167063-C 4-182613-A "
        "4-182613-B 4-195497-A 4-195497-B 4-204618-A 5-200461-A 5-200461-B 5-208810-A 5-208810-B 5-213077-A "
        "5-219379-A 5-219379-B 5-219379-C"
    ),
    "004 - Baby cry": (
        "1-187207-A 1-211527-A 1-211527-B 1-211527-C 1-22694-A 1-22694-B 1-60997-A 1-60997-B 2-107351-A 2-107351-B "
        "2-151079-A 2-50665-A 2-50666-A 2-66637-A 2-66637-B 2-80482-A 3-151080-A 3-151081-A 3-151081-B 3-152007-A "
        "3-152007-B 3-152007-C 3-152007-D 3-152007-E 4-167077-A 4-167077-B 4-167077-C 4-185575-A 4-185575-B "
        "4-185575-C 4-59579-A 4-59579-B 5-151085-A 5-198411-A 5-198411-B 5-198411-C 5-198411-D 5-198411-E 5-198411-F "
        "5-198411-G"
    ),
    "005 - Clock tick": (
        "1-21934-A 1-21935-A 1-35687-A 1-42139-A 1-48413-A 1-57163-A 1-62849-A 1-62850-A 2-119748-A 2-127108-A "
        "2-131943-A 2-134700-A 2-135728-A 2-140147-A 2-141584-A 2-88724-A 3-142593-A 3-143933-A 3-150363-A 3-164688-A "
        "3-170377-A 3-170383-A 3-171012-A 3-171041-A 4-175945-A 4-179984-A 4-181035-A 4-181865-A 4-188033-A "
        "4-191327-A 4-194711-A 4-198965-A 5-201194-A 5-208624-A 5-209698-A 5-209833-A 5-210571-A 5-212181-A "
        "5-219342-A 5-235671-A"
    ),
    "006 - Person sneeze": (
        "1-26143-A 1-29680-A 1-31748-A 1-47273-A 1-47274-A 1-54505-A 1-59324-A 1-81883-A 2-109505-A 2-118104-A "
        "2-119102-A 2-128631-A 2-130978-A 2-130979-A 2-82538-A 2-93030-A 3-141684-A 3-142601-A 3-142605-A 3-143119-A "
        "3-144692-A 3-148330-A 3-150231-A 3-156558-A 4-156843-A 4-156844-A 4-157297-A 4-167642-A 4-171519-A "
        "4-184434-A 4-185415-A 4-185619-A 5-187979-A 5-194533-A 5-201274-A 5-202220-A 5-220026-A 5-220027-A "
        "5-221518-A 5-221593-A"
    ),
    "007 - Helicopter": (
        "1-172649-A 1-172649-B 1-172649-C 1-172649-D 1-172649-E 1-172649-F 1-181071-A 1-181071-B 2-188822-A "
        "2-188822-B 2-188822-C 2-188822-D 2-37806-A 2-37806-B 2-37806-C 2-37806-D 3-150979-A 3-150979-B 3-150979-C "
        "3-154926-A 3-154926-B 3-68630-A 3-68630-B 3-68630-C 4-125929-A 4-161579-A 4-161579-B 4-175000-A 4-175000-B "
        "4-175000-C 4-193480-A 4-193480-B 5-177957-A 5-177957-B 5-177957-C 5-177957-D 5-177957-E 5-191131-A "
        "5-205898-A 5-220955-A"
    ),
    "008 - Chainsaw": (
        "1-116765-A 1-19898-A 1-19898-B 1-19898-C 1-47250-A 1-47250-B 1-64398-A 1-64398-B 2-50667-A 2-50667-B "
        "2-50668-A 2-50668-B 2-68391-A 2-68391-B 2-77945-A 2-77945-B 3-118656-A 3-118657-A 3-118657-B 3-118658-A "
        "3-118658-B 3-118972-A 3-118972-B 3-165856-A 4-149294-A 4-149294-B 4-157611-A 4-157611-B 4-165823-A "
        "4-165823-B 4-169127-A 4-169127-B 5-170338-A 5-170338-B 5-171653-A 5-185579-A 5-185579-B 5-216370-A "
        "5-216370-B 5-222524-A"
    ),
    "009 - Rooster": (
        "1-26806-A 1-27724-A 1-34119-A 1-34119-B 1-39923-A 1-40730-A 1-43382-A 1-44831-A 2-100786-A 2-65750-A "
        "2-71162-A 2-81270-A 2-95035-A 2-95258-A 2-95258-B 2-96460-A 3-107219-A 3-116135-A 3-134049-A 3-137152-A "
        "3-145382-A 3-149189-A 3-154957-A 3-163288-A 4-164021-A 4-164064-A 4-164064-B 4-164064-C 4-164859-A "
        "4-170078-A 4-183487-A 4-208021-A 5-194930-A 5-194930-B 5-200334-A 5-200334-B 5-200339-A 5-233160-A "
        "5-234879-A 5-234879-B"
    ),
    "010 - Fire crackling": (
        "1-17150-A 1-17565-A 1-17742-A 1-17808-A 1-17808-B 1-4211-A 1-46272-A 1-7057-A 2-18766-A 2-18766-B 2-28314-A "
        "2-28314-B 2-30322-A 2-30322-B 2-61311-A 2-65747-A 3-104632-A 3-104958-A 3-120644-A 3-145774-A 3-147965-A "
        "3-157187-A 3-158476-A 3-65748-A 4-164661-A 4-164661-B 4-170247-A 4-170247-B 4-171207-A 4-181563-A 4-182368-A "
        "4-182369-A 5-186924-A 5-189212-A 5-189237-A 5-193473-A 5-193473-B 5-213802-A 5-215658-A 5-215658-B"
    ),
}
"""The clips of each class. No checksums of the original files are at hand."""


def recognise(path: Path) -> Clip | Refusal | None:
    """Read a name of ESC-10 in the folder of a class, or a name of ESC-50."""
    match = NAME.fullmatch(path.stem)
    if not match:
        return None
    if match["target"]:
        found = BY_TARGET.get(int(match["target"]))
        if not found:
            return Refusal(OTHER_CLASS)
        layout = "ESC-50, class in the name (1-100032-A-0)"
    else:
        found = BY_FOLDER.get(path.parent.name.lower())
        if not found:
            return None
        layout = "class folders (001 - Dog bark/1-100032-A)"
    return Clip(f"{found.folder}/{match['clip']}", found.label, "", layout, group=match["source"])


def folded(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest with a new column `fold`: the published fold of each clip of ESC-10, 1 to 5; 0 for others."""
    # "001 - Dog bark/1-100032-A": the fold is the first digit after the folder.
    folds = manifest["name"].where(manifest["corpus"] == ESC10.name, "/0").str.rpartition("/")[2].str[0]
    return manifest.assign(fold=folds.astype(int))


ESC10 = Corpus(
    name="esc10",
    title="ESC-10: environmental sound classification, ten classes",
    citation=(
        "Piczak KJ (2015). ESC: Dataset for Environmental Sound Classification. ACM Multimedia 2015: 1015-1018. "
        "https://doi.org/10.1145/2733373.2806390"
    ),
    licence="CC BY 3.0",
    address="https://github.com/karolpiczak/ESC-50",
    how_to_get="clone the repository of ESC-50, whose folder audio has it, or unpack ESC-10 with its ten class folders",
    expected={one.label: CLIPS_PER_CLASS for one in CLASSES},
    speakers=0,
    folders=re.compile(r"0(0[1-9]|10) - [A-Z][a-z ]+|ESC-?[15]0.*", re.IGNORECASE),
    recognise=recognise,
    source=None,
    names=tuple(f"{folder}/{name}" for folder, names in NAMES.items() for name in names.split()),
)
