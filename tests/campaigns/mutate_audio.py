"""Damages audio files at random, and counts what a scan accepts but a run cannot use.

    python tests/campaigns/mutate_audio.py --seed 0 --count 600 [--keep FOLDER] [--thorough]

Sounds are synthesised and written in each format that libsndfile writes; each damaged file has one fault. A run reads
either three seconds of a clip or all of it. Nothing but Encore's own requirements is needed. The same seed gives the
same faults; only the serial numbers of Ogg streams and the times of peaks are libsndfile's own.
"""

import argparse
import random
import resource
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from common.corpora import scan
from common.errors import InputError
from common.signals import audio

SECONDS = 4.0
READ_S = 3.0
MEMORY = 8 << 30
"""Bytes of address space: a header that announces terabytes must not take them."""

FORMS: dict[str, dict[str, object]] = {
    "pcm16.wav": {"rate": 16_000, "subtype": "PCM_16"},
    "pcm24.wav": {"rate": 44_100, "subtype": "PCM_24"},
    "float.wav": {"rate": 22_050, "subtype": "FLOAT"},
    "16.flac": {"rate": 16_000, "subtype": "PCM_16"},
    "24.flac": {"rate": 44_100, "subtype": "PCM_24"},
    "vorbis.ogg": {"rate": 22_050, "format": "OGG", "subtype": "VORBIS"},
    "opus.opus": {"rate": 48_000, "format": "OGG", "subtype": "OPUS"},
    "constant.mp3": {"rate": 22_050, "bitrate_mode": "CONSTANT", "compression_level": 0.5},
    "variable.mp3": {"rate": 44_100, "bitrate_mode": "VARIABLE", "compression_level": 0.5},
    "pcm16.aiff": {"rate": 16_000, "subtype": "PCM_16"},
}

Fault = Callable[[bytes, random.Random], bytes]


def _cut(share: float) -> Fault:
    return lambda content, draw: content[: int(len(content) * share)]


def _cut_to(count: int) -> Fault:
    return lambda content, draw: content[:count]


def _flipped(count: int, first: int, last: int | None) -> Fault:
    def fault(content: bytes, draw: random.Random) -> bytes:
        changed = bytearray(content)
        for _ in range(count):
            changed[draw.randrange(first, min(last or len(changed), len(changed)))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    return fault


def _in_the_middle(put: Callable[[random.Random], bytes], removed: int) -> Fault:
    def fault(content: bytes, draw: random.Random) -> bytes:
        place = draw.randrange(len(content) // 3, 2 * len(content) // 3)
        return content[:place] + put(draw) + content[place + removed :]

    return fault


def _number_at(find: Callable[[bytes], int], form: str, value: int | float) -> Fault:
    """Overwrite the number at a place: `form` is that of struct."""

    def fault(content: bytes, draw: random.Random) -> bytes:
        place, number = find(content), struct.pack(form, value)
        return content[:place] + number + content[place + len(number) :]

    return fault


def _after(mark: bytes, more: int = 0) -> Callable[[bytes], int]:
    return lambda content: content.index(mark) + len(mark) + more


ANY: dict[str, Fault] = {
    **{f"cut to {share:.0%}": _cut(share) for share in (0.02, 0.1, 0.3, 0.5, 0.75, 0.9, 0.97, 0.99)},
    **{f"cut to {count} bytes": _cut_to(count) for count in (0, 1, 4, 12, 36, 44, 60)},
    **{f"{count} bits of the head": _flipped(count, 0, 120) for count in (1, 3, 10)},
    **{f"{count} bits of the body": _flipped(count, 200, None) for count in (1, 20, 500)},
    "zeros in the middle": _in_the_middle(lambda draw: bytes(2000), 2000),
    "noise in the middle": _in_the_middle(lambda draw: draw.randbytes(2000), 2000),
    "a part is missing": _in_the_middle(lambda draw: b"", 1000),
    "noise before": lambda content, draw: draw.randbytes(777) + content,
    "noise behind": lambda content, draw: content + draw.randbytes(777),
    "twice": lambda content, draw: content + content,
    "zeros in the second half": lambda content, draw: content[: len(content) // 2] + bytes(len(content) // 2),
    "another kind of file": lambda content, draw: b"<html><body>404 Not Found</body></html>",
}
WAV: dict[str, Fault] = {
    **{f"rate {value}": _number_at(_after(b"fmt ", 8), "<I", value) for value in (0, 1, 100, 10_000_000, 2**32 - 1)},
    **{f"{value} channels": _number_at(_after(b"fmt ", 6), "<H", value) for value in (0, 2, 255, 65_535)},
    **{f"{value} bits": _number_at(_after(b"fmt ", 18), "<H", value) for value in (0, 1, 12, 33, 65_535)},
    **{f"tag {value}": _number_at(_after(b"fmt ", 4), "<H", value) for value in (0, 2, 6, 0x55, 0xFFFE)},
    **{f"block of {value}": _number_at(_after(b"fmt ", 16), "<H", value) for value in (0, 1, 65_535)},
    **{f"fmt of {value} bytes": _number_at(_after(b"fmt "), "<I", value) for value in (0, 14, 40, 2**32 - 8)},
    **{f"data of {value} bytes": _number_at(_after(b"data"), "<I", value) for value in (0, 3, 2**31, 2**32 - 1)},
}
FLOATS: dict[str, Fault] = {
    f"a sample of {value:g}": _number_at(_after(b"data", 4000), "<f", value)
    for value in (float("nan"), float("inf"), float("-inf"), 3e36, 1e-42, 1000.0)
}
FLAC: dict[str, Fault] = {
    **{f"{value} samples announced": _number_at(lambda content: 22, ">I", value) for value in (0, 1, 1000, 2**32 - 1)},
    **{f"rate {value}": _number_at(lambda content: 18, ">H", value) for value in (0, 1, 2**16 - 1)},
    "another MD5": _number_at(lambda content: 26, ">Q", 7),
    "no metadata": lambda content, draw: content[:4] + content[42:],
}
MP3: dict[str, Fault] = {
    "a tag of 256 MiB": lambda content, draw: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + content,
    "starts in the middle": lambda content, draw: content[len(content) // 3 :],
}


def _without_page(place: Callable[[int], int]) -> Fault:
    def fault(content: bytes, draw: random.Random) -> bytes:
        pages = _pages(content)
        del pages[place(len(pages))]
        return b"".join(pages)

    return fault


def _pages(content: bytes) -> list[bytes]:
    return [b"OggS" + page for page in content.split(b"OggS")[1:]]


def _last_page_repeated(content: bytes, draw: random.Random) -> bytes:
    return content + _pages(content)[-1] * 1000


OGG: dict[str, Fault] = {
    **{f"no page {number}": _without_page(lambda count, number=number: number) for number in (0, 1, -1)},
    "no page in the middle": _without_page(lambda count: count // 2),
    "last page a thousand times": _last_page_repeated,
    **{
        f"ends at {value}": _number_at(lambda content: content.rindex(b"OggS") + 6, "<Q", value)
        for value in (0, 2**40, 2**63 - 1)
    },
}
OF_SUFFIX: dict[str, dict[str, Fault]] = {".wav": WAV, ".flac": FLAC, ".mp3": MP3, ".ogg": OGG, ".opus": OGG}


@dataclass
class Outcome:
    """What became of the files; lists have one entry per file: its name with its fault, and what happened."""

    files: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    good_lost: list[str] = field(default_factory=list)
    refused_in_part: list[str] = field(default_factory=list)
    refused_as_a_whole: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = Counter(line.split(": ")[0].split("-", 2)[-1] for line in self.refused_as_a_whole)
        return "\n".join(
            [
                f"{self.files} files; a scan accepts {self.accepted}; whole ones left out: {len(self.good_lost)}",
                f"accepted, but refused when {READ_S:g} s are read: {len(self.refused_in_part)}",
                f"accepted, but refused when all is read: {len(self.refused_as_a_whole)} {dict(kinds)}",
                f"other errors: {len(self.crashes)}",
                *self.good_lost,
                *self.refused_as_a_whole,
                *self.crashes,
                *(f"{count} x {reason}" for reason, count in self.left_out.most_common()),
            ]
        )


def write(folder: Path, *, seed: int, count: int) -> dict[Path, str]:
    """Write whole files and damaged ones as a corpus of two classes; return the fault of each, "" if it is whole.

    Every pair of a format and a fault is there once before any is there twice.
    """
    draw = random.Random(seed)
    whole = {form: _encoded(form, number, folder) for number, form in enumerate(FORMS)}
    faults: dict[Path, str] = {}

    def put(name: str, content: bytes, fault: str) -> None:
        path = folder / ("one", "other")[len(faults) % 2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        faults[path] = fault

    for form, content in whole.items():
        put(f"whole-{form}", content, "")
    for number, (form, name, fault) in zip(range(count), _in_turn(draw), strict=False):
        put(f"{number:05d}-{form}", fault(whole[form], draw), name)
    return faults


def _in_turn(draw: random.Random) -> Iterator[tuple[str, str, Fault]]:
    pairs = [
        (form, name, fault)
        for form in FORMS
        for name, fault in {
            **ANY,
            **OF_SUFFIX.get(Path(form).suffix, {}),
            **(FLOATS if form == "float.wav" else {}),
        }.items()
    ]
    while True:
        draw.shuffle(pairs)
        yield from pairs


def _encoded(form: str, number: int, folder: Path) -> bytes:
    """Return a sound of several partials in one format."""
    settings = dict(FORMS[form])
    rate = settings.pop("rate")
    time = np.arange(round(SECONDS * rate)) / rate
    partials = [np.sin(2 * np.pi * 110 * (number + 2) * part * time) / part for part in (1, 2, 3)]
    noise = np.random.default_rng(number).normal(0, 0.02, len(time))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / form
    soundfile.write(path, (0.2 * np.sum(partials, axis=0) + noise).astype(np.float32), rate, **settings)
    content = path.read_bytes()
    path.unlink()
    return content


def judge(folder: Path, faults: dict[Path, str], **how: bool) -> Outcome:
    """Scan the files and decode those that are accepted, three seconds and all of each.

    Args:
        folder: the corpus.
        faults: as `write` returns them.
        how: more arguments of `scan`.
    """
    scanned = scan([folder], **how)
    accepted = set(map(Path, scanned.manifest["path"]))
    outcome = Outcome(len(faults), accepted=len(accepted))
    for line in scanned.left_out:
        outcome.left_out[line.partition(": ")[2]] += 1
    for path, fault in faults.items():
        if path not in accepted:
            outcome.good_lost += [path.name] * (not fault)
            continue
        for seconds, refused in ((READ_S, outcome.refused_in_part), (None, outcome.refused_as_a_whole)):
            try:
                audio.load(path, sample_rate=22_050, duration=seconds)
            except InputError as error:
                refused.append(f"{path.name}: {fault}: {str(error).removeprefix(str(path))}")
            except Exception as error:
                outcome.crashes.append(f"{path.name}: {fault}: {type(error).__name__}: {error}")
    return outcome


def main() -> None:
    """Write the files, judge them and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=600, help="damaged files")
    parser.add_argument("--keep", type=Path, help="folder to leave the files in")
    parser.add_argument("--thorough", action="store_true", help="a scan that decodes everything")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary) / "corpus"
        faults = write(folder, seed=given.seed, count=given.count)
        print(judge(folder, faults, **({"thorough": True} if given.thorough else {})))


if __name__ == "__main__":
    main()
