"""The store of shipped results: the finished runs and searches of each experiment in one zip file.

`<root>/<study>/<experiment>.zip` holds

    runs.jsonl      the content of each run's `record.json`, a line each, by protocol and seed, but for the confusion of
                    a classification, which is counted from its predictions
    splits.json     which split each run has
    predicted.npy   (runs, clips) uint8 class numbers, 255 where not tested, or (runs, clips, outputs) float32
    <protocol>/...  as they are in a folder of runs: learning curves that are not empty, and the files of searches

`<root>/<study>/_splits.zip` what many experiments share: `clips.json`, every clip that one of them tested, as columns
(name, corpus, speaker and, where they have one, group), and for each split `<split>/fold.npy` (clips,) uint8, the fold
that tests a clip, 255 where none does, and `<split>/true.npy` (clips,) or (clips, outputs). New clips come last, so
arrays may be shorter than the table of clips.

`<root>/<study>/_shared.zip` has what is not of one experiment: `SHARED`. Models, the sets of a split and the
probabilities of a classification are left out; the same command makes them again.

`<root>/<study>/SHA256SUMS` has the checksums of these zip files, and none of them is read without.
"""

import functools
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from common import illustrations, published
from common.errors import InputError
from common.files import Place, alone
from common.runs import checksums, records, search_records
from common.runs.records import ClipSet, Predictions, Record
from common.runs.search_records import SearchResult
from common.tasks.classification import group_confusions

NONE = 255
"""The fold of a clip that a split does not test."""
LARGEST = 254
"""Number of a fold or class that one byte can hold beside `NONE`."""
MOMENT = (1980, 1, 1, 0, 0, 0)
"""The date of every member, so that the same runs give the same bytes."""
SPLITS = "_splits.zip"
SHARED = (illustrations.NAME,)
OF_ALL = "_shared.zip"
REMEDY = "delete it and keep its runs again"
DAMAGED = (
    *(OSError, ValueError, LookupError, TypeError, EOFError, MemoryError, OverflowError),
    *(zipfile.BadZipFile, lzma.LZMAError, zlib.error, NotImplementedError, RuntimeError),
)
"""What reading a damaged zip file can raise: `zipfile`, the decoders of its members, and whoever reads those."""
NO_CURVES = pd.DataFrame(columns=records.CURVES)
Kept = TypeVar("Kept", Record, SearchResult)
OF_SEARCHES = ("search.json", "trials.csv", "curves.csv", "best.toml")


def keep(runs: Path, out: Path) -> list[Path]:
    """Add all finished runs and searches below a folder to the store, each in place of an older one of the same kind.

    Returns:
        The zip files written.

    Raises:
        InputError: there is no finished run or search; or one is damaged, or a folder cannot be read; or the store has
            the same run of other clips or settings, which these must not replace unseen.
    """
    if closed := records.unreadable(runs):
        raise InputError(closed[0])
    made: dict[Path, tuple[list[Record], list[SearchResult]]] = {}
    for record in map(records.read, records.find(runs)):
        made.setdefault(_zip_of(out, record.data), ([], []))[0].append(record)
    for search in map(search_records.read, search_records.find(runs)):
        made.setdefault(_zip_of(out, search.data), ([], []))[1].append(search)
    if not made:
        raise InputError(f"no finished run below {runs}; run an experiment first, or name another folder with --runs")
    for path, (new, searches) in made.items():
        with _alone_in(path.parent):
            there = read(path) if path.exists() else Stored((), ())
            _write(path, _merged(there.runs, new, path), _merged(there.searches, searches, path))
    return [*made, *_keep_shared(runs, out)]


def _alone_in(study: Path) -> AbstractContextManager[None]:
    """Hold a study's folder of the store: its experiments share a file, and each is read, added to and written."""
    return alone(study / SPLITS)


def _zip_of(out: Path, content: Mapping[str, Any]) -> Path:
    return out / content["study"] / f"{content['experiment']}.zip"


def _merged(old: Iterable[Kept], new: Iterable[Kept], path: Path) -> list[Kept]:
    """Return the runs or the searches by protocol and seed, the newer one of two.

    Raises:
        InputError: a new one would take the place of one of other clips or settings.
    """
    merged = {one.identity: one for one in old}
    for one in new:
        kept = merged.get(one.identity)
        if kept and _settings(kept) != _settings(one):
            protocol, *search, seed = map(str, one.identity[2:])
            raise InputError(
                f"{path} has {' '.join([protocol, *search])} seed {seed} of other clips or settings than {one.folder}; "
                "delete the zip, or name another folder with --out"
            )
        merged[one.identity] = one
    return [merged[identity] for identity in sorted(merged)]


def _settings(one: Record | SearchResult) -> Any:
    data, configuration = one.data["data"], one.data["configuration"]
    if isinstance(one, SearchResult):
        return data["digest"], one.data["size"], one.data["space"], configuration["overrides"]
    return data["digest"], configuration["identity"]


def _keep_shared(runs: Path, out: Path) -> Iterator[Path]:
    made: dict[str, list[Path]] = {}
    for name in SHARED:
        for path in runs.rglob(name):
            made.setdefault(path.parent.name, []).append(path)
    for study, paths in made.items():
        place = out / study / OF_ALL
        with _alone_in(place.parent):
            members = _members(place) if place.exists() else {}
            yield _written(place, members | {path.name: path.read_bytes() for path in paths})


def _members(path: Path) -> dict[str, bytes]:
    with _opened(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _opened(path: Path) -> zipfile.ZipFile:
    """Return a zip file of the store, if its checksum is right.

    Raises:
        ChangedFileError: it is not.
    """
    # In memory: processes that draw pictures would share the place in an open file.
    archive = zipfile.ZipFile(io.BytesIO(checksums.read(path.parent, path.name, REMEDY, needed=True)))
    archive.filename = str(path)
    return archive


def _write(path: Path, runs: Sequence[Record], searches: Sequence[SearchResult]) -> None:
    members: dict[str, bytes] = {}
    if runs:
        members["runs.jsonl"] = "".join(map(_line, runs)).encode()
        members |= _tables(path, runs)
    for record in runs:
        history = record.history()
        if len(history):
            inner = _inner(records.folder_of(Path(), *record.identity))
            members[f"{inner}/history.csv"] = history.to_csv(index=False, lineterminator="\n").encode()
    for search in searches:
        inner = _inner(search_records.folder_of(Path(), *search.identity))
        for name in OF_SEARCHES:
            members[f"{inner}/{name}"] = (search.folder / name).read_bytes()
    _written(path, members)


class Splits:
    """The clips of a study and the splits of its runs, in the file that its experiments share.

    Args:
        path: of the file, which need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._members = path, _members(path) if path.exists() else {}
        self._read: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        known = json.loads(self._members.get("clips.json", b"{}"))
        self.clips = pd.DataFrame(known, dtype=str)

    def number(self, clips: pd.DataFrame) -> np.ndarray:
        """Return the number of each clip (rows of the table); new ones come last."""
        if self.clips.empty:
            self.clips = clips.drop_duplicates().sort_values(["corpus", "name"]).reset_index(drop=True)
        if list(clips) != list(self.clips):
            raise InputError(f"{self._path}: not all runs name the speakers and groups of their clips")
        whole = pd.concat([self.clips, clips]).drop_duplicates()
        self.clips = whole.reset_index(drop=True)
        return pd.MultiIndex.from_frame(self.clips).get_indexer(pd.MultiIndex.from_frame(clips))

    def add(self, fold: np.ndarray, true: np.ndarray) -> str:
        """Keep a split, if it is new, and return its name.

        Args:
            fold: that tests each clip (clips,).
            true: class numbers (clips,), or values (clips, outputs).
        """
        # Without the clips that came later, the name stays that of the same split.
        end = np.flatnonzero(fold != NONE)[-1] + 1
        members = {"fold": _bytes_of(fold[:end]), "true": _bytes_of(true[:end])}
        name = hashlib.sha256(b"".join(members.values())).hexdigest()[:12]
        self._members |= {f"{name}/{kind}.npy": content for kind, content in members.items()}
        return name

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return folds and true classes or values of all clips of the study."""
        # A hundred runs may share a split: decoding it for each took a quarter of the time to read them.
        if name not in self._read:
            fold, true = (np.load(io.BytesIO(self._members[f"{name}/{kind}.npy"])) for kind in ("fold", "true"))
            self._read[name] = fold, true
        fold, true = self._read[name]
        return _widened(fold, len(self.clips)), _widened(true, len(self.clips))

    def write(self) -> None:
        """Write the file."""
        clips = json.dumps(self.clips.to_dict("list"), separators=(",", ":")).encode()
        _written(self._path, {**self._members, "clips.json": clips})


def _splits_beside(path: Path) -> Splits:
    shared = path.with_name(SPLITS)
    if not shared.exists():
        raise InputError(f"there is no {shared}, which {path.name} needs; keep its runs again")
    try:
        return _splits_at(shared, shared.stat().st_mtime_ns)
    except DAMAGED as error:
        raise _damaged(shared, error) from None


@functools.cache
def _splits_at(path: Path, modified: int) -> Splits:
    """Read a study's splits once: every experiment asks for them."""
    return Splits(path)


def _inner(folder: Path) -> str:
    """Return the name that a folder of a run or a search has below that of its experiment."""
    return "/".join(folder.parts[-2:])


def _line(record: Record) -> str:
    facts = {name: value for name, value in record.data.items() if name != "confusion"}
    return json.dumps(facts, separators=(",", ":")) + "\n"


def _tables(path: Path, runs: Sequence[Record]) -> dict[str, bytes]:
    """Return what the runs predicted, as an array over all clips of the study; their splits go into the shared file."""
    splits = Splits(path.with_name(SPLITS))
    frames = [record.predictions() for record in runs]
    rows = [splits.number(frame.loc[:, :"fold"].drop(columns="fold")) for frame in frames]
    names, predicted = [], []
    for record, frame, own in zip(runs, frames, rows, strict=True):
        true, said = records.values_of(record.task, frame)
        if frame["fold"].max() > LARGEST or (len(record.data["task"]["outputs"]) > LARGEST + 1 and true.ndim == 1):
            raise InputError(f"{path}: more than {LARGEST} folds or classes do not fit")
        fold, target, outputs = (
            _spread(values, own, len(splits.clips)) for values in (frame["fold"].to_numpy(np.uint8), true, said)
        )
        names.append(splits.add(fold, target))
        predicted.append(outputs)
    splits.write()
    # Runs agree on a clip more than a run does on its clips: clip by clip, the array compresses better.
    array = np.asfortranarray(np.stack(predicted))
    return {"splits.json": json.dumps(names).encode(), "predicted.npy": _bytes_of(array)}


def _spread(values: np.ndarray, rows: np.ndarray, clips: int) -> np.ndarray:
    """Return values of some clips as an array over all of them, with NaN or 255 for the others."""
    missing = np.nan if values.dtype.kind == "f" else NONE
    spread = np.full((clips, *values.shape[1:]), missing, values.dtype)
    spread[rows] = values
    return spread


def _widened(values: np.ndarray, clips: int) -> np.ndarray:
    """Return an array (clips, ...) for more clips than there were when it was written."""
    return values if len(values) == clips else _spread(values, np.arange(len(values)), clips)


def _bytes_of(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def _written(path: Path, members: Mapping[str, bytes]) -> Path:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, MOMENT)
            info.external_attr = 0o644 << 16  # else unzip gives nobody the right to read it
            # LZMA takes a fifth less, but neither Windows nor Info-ZIP's unzip can open it.
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    checksums.replace(path, content.getvalue())
    return path


@dataclass(frozen=True, eq=False)
class StoredRecord(Record):
    """A run in the store. Its folder is where it would lie in a folder of runs."""

    tables: "Tables"
    row: int
    seen: Predictions
    curves: zipfile.Path | None

    @property
    def archive(self) -> Path:
        """The zip file that it is in."""
        of_experiment = self.folder.parents[1]
        return of_experiment.with_name(f"{of_experiment.name}.zip")

    @property
    def sealed(self) -> bool:
        """Whether its file was compared with its checksum: no other is read."""
        return True

    def history(self) -> pd.DataFrame:
        """Return the learning curves; empty for what was fitted at once."""
        if self.curves is None:
            return NO_CURVES
        with self.curves.open() as file:
            return pd.read_csv(file)

    def predictions(self) -> pd.DataFrame:
        """Return the table as `Record.predictions` does, fold after fold, without probabilities of classes."""
        fold, true, predicted = self.tables.of(self.row)
        rows, outputs = np.flatnonzero(fold != NONE), self.data["task"]["outputs"]
        rows = rows[np.argsort(fold[rows], kind="stable")]
        frame = self.tables.clips.iloc[rows].reset_index(drop=True).assign(fold=fold[rows].astype(int))
        true, predicted = true[rows], predicted[rows]
        if true.ndim == 1:
            names = np.asarray(outputs, dtype=object)
            return frame.assign(true=names[true], predicted=names[predicted])
        return frame.assign(**self.task.table(true, predicted))

    def tested(self) -> Predictions:
        """Return what was predicted of each test clip."""
        return self.seen


class Tables:
    """What the runs of one zip file predicted, with the splits that they share with other experiments."""

    def __init__(self, archive: zipfile.ZipFile, splits: Splits) -> None:
        self._splits, self._names = splits, json.loads(archive.read("splits.json"))
        self._predicted = np.load(io.BytesIO(archive.read("predicted.npy")))
        self.clips = splits.clips
        self._sorted = records.names_and_groups(self.clips)
        self._known: dict[bytes, tuple[np.ndarray, ClipSet]] = {}

    def of(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return of a run the fold, the true class or values, and the prediction of each clip of the study."""
        fold, true = self._splits.read(self._names[row])
        return fold, true, _widened(self._predicted[row], len(self.clips))

    def tested(self, row: int) -> Predictions:
        """Return what a run predicted of each test clip."""
        fold, true, predicted = self.of(row)
        tested = fold != NONE
        # Many splits test the same clips in other folds.
        known = tested.tobytes()
        if known not in self._known:
            order, names, groups = self._sorted
            inside = tested[order]
            self._known[known] = order[inside], ClipSet.of(names[inside], groups[inside], records.unit_of(self.clips))
        rows, clips = self._known[known]
        return Predictions(clips, true[rows], predicted[rows], fold[rows])


@dataclass(frozen=True)
class Stored:
    """What one zip file of the store holds."""

    runs: tuple[Record, ...]
    searches: tuple[SearchResult, ...]


def find(root: Path) -> list[Path]:
    """Return the zip files of the store below a folder, sorted: those in the folder of a study or with checksums."""
    known = published.studies()
    return sorted(
        path for path in root.rglob("*.zip") if path.parent.name in known or (path.parent / checksums.NAME).exists()
    )


def find_shared(root: Path, name: str) -> list[Path]:
    """Return the files of a name that are not of one experiment, and the zip files of the store that may have it."""
    return [*sorted(root.rglob(name)), *sorted(root.rglob(OF_ALL))]


def shared_in(path: Path, name: str) -> Place:
    """Return the place of a file that `find_shared` found; in a zip file it need not exist.

    Raises:
        InputError: the zip file is damaged.
    """
    if path.name != OF_ALL:
        return path
    try:
        return zipfile.Path(_opened(path), name)
    except DAMAGED as error:
        raise _damaged(path, error) from None


def read(path: Path) -> Stored:
    """Read the runs and searches in one zip file; there are none in `_shared.zip` and `_splits.zip`.

    Raises:
        InputError: the file is damaged, or holds a record of another schema.
    """
    try:
        return _read(path)
    except DAMAGED as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged ({type(error).__name__}: {error}); {REMEDY}")


def _read(path: Path) -> Stored:
    archive = _opened(path)
    names, inside = set(archive.namelist()), zipfile.Path(archive)
    runs: list[Record] = []
    if "runs.jsonl" in names:
        tables = Tables(archive, _splits_beside(path))
        for row, line in enumerate(archive.read("runs.jsonl").decode().splitlines()):
            place = f"{path}, run {row + 1}"
            known, tested = records.parsed(line, place), tables.tested(row)
            data = records.checked(_with_confusion(known, tested), place)
            folder = records.folder_of(path.parent.parent, *Record(path, data).identity)
            curves = f"{_inner(folder)}/history.csv"
            runs.append(StoredRecord(folder, data, tables, row, tested, inside / curves if curves in names else None))
    found = [inside / name.removesuffix("/search.json") for name in sorted(names) if name.endswith("/search.json")]
    return Stored(tuple(runs), tuple(search_records.read(folder) for folder in found))


def _with_confusion(data: dict[str, Any], tested: Predictions) -> dict[str, Any]:
    if data["task"]["kind"] != "classification":
        return {**data, "confusion": None}
    counts = group_confusions(tested.true, tested.predicted, len(data["task"]["outputs"]))[0]
    return {**data, "confusion": counts.tolist()}
