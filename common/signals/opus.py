"""Opus files whose page positions do not fit their packets, which libsndfile refuses as malformed; others read them.

Some programs give the first pages of an Ogg file positions that are some samples too late. All packets are there, so
the positions are counted again (RFC 7845, section 4). A file from which something is missing is not repaired.
"""

import io
from pathlib import Path

from mutagen.ogg import OggPage
from mutagen.ogg import error as OggError

FRAMES_48_KHZ = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Samples of a frame by the first five bits of a packet (RFC 6716, table 2)."""
HEADERS = 2
"""Pages before the sound: the header, and the comments if they fit into one page."""


def recounted(path: Path) -> io.BytesIO | None:
    """Return an Ogg Opus file with the page positions that follow from its packets; None if it is another or damaged.

    The last position stays: it says how much of the last packet is cut off.
    """
    try:
        pages = _pages(path)
    except (OSError, OggError):
        return None
    sounding = pages[HEADERS:]
    opus = bool(pages) and b"".join(pages[0].packets).startswith(b"OpusHead")
    in_order = [page.sequence for page in pages] == list(range(len(pages)))
    whole = all(page.complete and not page.continued for page in pages)
    if not (opus and in_order and whole and sounding and sounding[-1].last):
        return None
    samples = 0
    for page in sounding[:-1]:
        samples += sum(map(_samples, page.packets))
        page.position = samples
    return io.BytesIO(b"".join(page.write() for page in pages))


def _pages(path: Path) -> list[OggPage]:
    """Return all pages.

    Raises:
        OggError: a page is damaged: its checksum is another.
    """
    content, begin = io.BytesIO(path.read_bytes()), 0
    pages: list[OggPage] = []
    while begin < len(content.getvalue()):
        page = OggPage(content)
        if page.write() != content.getvalue()[begin : content.tell()]:  # it writes the checksum that belongs there
            raise OggError(f"{path}: page {len(pages)} is damaged")
        begin = content.tell()
        pages.append(page)
    return pages


def _samples(packet: bytes) -> int:
    """Return the samples of a packet at 48 kHz (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    frames = {0: 1, 1: 2, 2: 2}.get(packet[0] & 3, packet[1] & 63 if len(packet) > 1 else 0)
    return FRAMES_48_KHZ[packet[0] >> 3] * frames
