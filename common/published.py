"""What the documents print, as data: reads `reports/published/<study>.toml`.

Those files are the only place where a published number stands; the classes below are their form, which serves any
paper (`reports/published/README.md` explains it by an example). A typo in one (an unknown or missing field, a score
outside 0..1, a class named twice) is refused with its file and field, never read as something else.
"""

import functools
import json
import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import InputError

SCHEMA = 2
FOLDER = Path(__file__).parents[1] / "reports" / "published"
SCORES = ("precision", "recall", "f1")
MEANS = ("macro", "weighted")

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Percentage = Annotated[float, Field(ge=0, le=100)]
Kind = Literal["proportion", "score", "error", "seconds", "count"]
How = Literal["printed", "count", "code", "ref", "recall"]


class Part(BaseModel):
    """A part of a file: typed strictly, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metric(Part):
    """How to read a number that stands in a column of a `[[results]]` table.

    Attributes:
        kind: `proportion` is k of n items; `score` lies in 0..1 without being one (F1, PR-AUC, lwlrap); `error` is a
            loss or a mean error, smaller is better; `seconds` and `count` depend on machine or model.
        decimals: as printed.
        measured_on: the set it was measured on, in words.
        resolution: how narrow the 95 % interval of a difference must be (half its width) to call a result reproduced;
            None: never judged.
        percent: whether the document prints it times 100.
    """

    kind: Kind
    decimals: Count
    measured_on: str = "test"
    resolution: Annotated[float, Field(gt=0)] | None = None
    percent: bool = False

    def printed(self, value: float, decimals: int | None = None) -> str:
        """Write a value as the document would, without a percent sign; `decimals` if its row has others."""
        return f"{value * 100 if self.percent else value:.{self.decimals if decimals is None else decimals}f}"

    @property
    def step(self) -> float:
        """The unit of the last printed digit."""
        return self.step_of(self.decimals)

    def step_of(self, decimals: int) -> float:
        """Return the unit of the last of so many printed decimals."""
        return float(10.0**-decimals / (100 if self.percent else 1))


class Data(Part):
    """What the document worked on.

    Attributes:
        items: what is counted: `clips`, `pieces`, `tracks`.
        clips: how many of them were classified; None where the document does not say and nothing tells.
        known: how `clips` is known.
        corpora: how many items each corpus has.
        classes: in the document's order.
    """

    section: str
    clips: Count | None = None
    known: How = "printed"
    items: str = "clips"
    corpora: dict[str, Count]
    classes: tuple[str, ...]


class Experiment(Part):
    """An experiment of a document; its numbers stand in the tables, and some experiments have none.

    Attributes:
        settings: what the document varies from row to row of a search (`dropout = 0.3`).
        best_epoch: as printed.
        data: what it worked on, where that is not what the document else worked on.
    """

    id: str
    title: str
    section: str
    settings: dict[str, float | int | str] = Field(default_factory=dict)
    best_epoch: Count | None = None
    data: Data | None = None


class ClassRow(NamedTuple):
    """One row of a printed per-class table."""

    name: str
    precision: Share
    recall: Share
    f1: Share
    support: Count

    @property
    def predicted(self) -> int:
        """How many items were predicted as this class, as far as the rounded scores tell: hits / precision."""
        return round(self.recall * self.support / self.precision) if self.precision else 0


class Means(NamedTuple):
    """A line of means under a per-class table."""

    precision: Share
    recall: Share
    f1: Share


class ClassTable(Part):
    """A printed per-class table with its last three lines; `n` items were scored."""

    experiment: str
    section: str
    table: str
    split: str
    n: Count
    rows: tuple[ClassRow, ...]
    accuracy: Share
    macro: Means
    weighted: Means
    decimals: Count = 2


class ResultTable(Part):
    """A printed table with one row per experiment.

    Attributes:
        columns: names of `[metric.*]`; a name that comes again is another trial of the same.
        n: how many items stand behind a column, where that is known.
        rows: one number per column, by experiment.
        decimals: one per column, of the rows that are printed with others than `[metric.*]` says.
    """

    id: str
    section: str
    table: str
    columns: tuple[str, ...]
    n: dict[str, Count] = Field(default_factory=dict)
    rows: dict[str, tuple[float, ...]]
    decimals: dict[str, tuple[Count, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        for name, row in [*self.rows.items(), *self.decimals.items()]:
            if len(row) != len(self.columns):
                raise ValueError(f"row {name} has {len(row)} numbers for {len(self.columns)} columns")
        _refuse_unknown(self.decimals, self.rows, "row")
        _refuse_unknown(self.n, self.columns, "column")
        return self

    def decimals_of(self, experiment: str, column: int, metric: Metric) -> int:
        """Return with how many decimals the number of a row in a column (from 0) is printed."""
        return self.decimals[experiment][column] if experiment in self.decimals else metric.decimals


class ConfusionTable(Part):
    """A printed confusion matrix in percentages.

    Attributes:
        normalised: what adds up to 100: the `columns` (predicted classes) or the `rows` (annotated classes).
        n: how many items were classified, if the document says.
        rows: percentages by annotated class, in the order of `classes`; an empty cell is 0.
        positive: the line under a column-normalised matrix that repeats its diagonal (PPV).
        false: 100 minus that (FDR).
        restored: the classes whose cell in `positive` the copy at hand has lost; it was taken from the diagonal.
    """

    experiment: str
    section: str
    table: str
    normalised: Literal["columns", "rows"]
    decimals: Count = 1
    n: Count | None = None
    classes: tuple[str, ...]
    rows: dict[str, tuple[Percentage, ...]]
    positive: tuple[Percentage, ...] = ()
    false: tuple[Percentage, ...] = ()
    restored: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _square(self) -> Self:
        if tuple(self.rows) != self.classes:
            raise ValueError(f"the rows are not {', '.join(self.classes)}, in this order")
        lines = [*self.rows.values(), *(line for line in (self.positive, self.false) if line)]
        if any(len(line) != len(self.classes) for line in lines):
            raise ValueError("a row has not one percentage per class")
        _refuse_unknown(self.restored, self.classes, "class")
        for name, value in zip(self.classes, self.positive, strict=False):
            if name in self.restored and value != self.rows[name][self.classes.index(name)]:
                raise ValueError(f"the restored cell of {name} is not the one on the diagonal")
        return self


class Layer(NamedTuple):
    """One row of a printed layer table, channels first; `restored` names the cells lost in the copy at hand."""

    name: str
    type: str
    shape: str
    parameters: Count
    restored: str = ""


class LayerTable(Part):
    """A printed layer table, or only the total (`known` says how) where no table is printed.

    Attributes:
        experiments: whose model this is.
        trainable: printed count of trainable parameters.
        frozen: printed count of the others.
    """

    id: str
    experiments: tuple[str, ...]
    section: str
    total: Count
    known: How
    trainable: Count | None = None
    frozen: Count | None = None
    rows: tuple[Layer, ...] = ()

    @model_validator(mode="after")
    def _counted_total_is_the_sum(self) -> Self:
        total = sum(row.parameters for row in self.rows)
        if self.rows and self.known == "count" and total != self.total:
            raise ValueError(f"the rows add up to {total}, not to the total")
        return self


class Search(Part):
    """A search over settings, with its printed table if there is one.

    Attributes:
        experiment: what was searched for.
        space: the values tried of each setting.
        columns: names of `[metric.*]`.
        rows: the settings, then a number per column.
        chosen: the settings that the document went on with.
    """

    experiment: str
    section: str
    table: str
    space: dict[str, tuple[float, ...]]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[float, ...], ...] = ()
    chosen: dict[str, float]

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        for row in self.rows:
            if len(row) != len(self.space) + len(self.columns):
                raise ValueError(f"a row has {', '.join([*self.space, *self.columns])}; found {row}")
        for name, value in self.chosen.items():
            if value not in self.space.get(name, ()):
                raise ValueError(f"the chosen {name} is not among the values tried")
        return self


class Counts(Part):
    """A printed count per class, corpus or set; `total` where the document prints it."""

    id: str
    section: str
    table: str
    items: str
    known: How = "printed"
    rows: dict[str, Count]
    total: Count | None = None

    @model_validator(mode="after")
    def _unprinted_total_is_the_sum(self) -> Self:
        total = sum(self.rows.values())
        if self.known != "printed" and self.total not in (None, total):
            raise ValueError(f"the rows add up to {total}, not to the total")
        return self


class Number(Part):
    """A single number of the text, or one known from elsewhere (`known`) that the printed ones are held against."""

    id: str
    section: str
    value: float
    decimals: Count = 0
    unit: str = ""
    says: str
    known: How = "printed"

    @model_validator(mode="after")
    def _decimals_suffice(self) -> Self:
        if round(self.value, self.decimals) != self.value:
            raise ValueError(f"{self.value} has more than {self.decimals} decimals")
        return self


class Claim(Part):
    """What the text concludes from its numbers, to be examined.

    Attributes:
        kind: `best`: no other experiment is better in the metric than the first; `greater`: the first beats the second
            beyond chance; `similar`: they do not differ beyond chance; `each_greater`: every class gained in the score
            from the second to the first; `above`: every experiment's metric is above the threshold.
        metric: as `Published.numbers` or `Published.class_numbers` names it; for `each_greater` one of precision,
            recall, f1. The document need not print it for every experiment: then nothing supports the claim.
        experiments: first and second, or all that are compared.
    """

    id: str
    section: str
    says: str
    kind: Literal["best", "greater", "similar", "each_greater", "above"]
    metric: str
    experiments: tuple[str, ...]
    threshold: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "above") != (self.threshold is not None):
            raise ValueError("a threshold belongs to kind above, and to it alone")
        if self.kind in ("greater", "similar", "each_greater") and len(self.experiments) != 2:
            raise ValueError(f"kind {self.kind} compares two experiments")
        return self


class Printed(NamedTuple):
    """One printed number of one experiment, with all that is needed to judge it.

    Attributes:
        n: items behind it; None where the document does not say.
        step: the unit of its last printed digit.
        trials: each printed trial where `value` is their mean; else the value alone.
    """

    value: float
    kind: Kind
    n: int | None
    step: float
    resolution: float | None
    section: str
    table: str
    trials: tuple[float, ...]


class Published(Part):
    """All that one document prints.

    Attributes:
        headline: the overall metric by which the document ranks its experiments.
    """

    schema_version: Literal[2] = Field(alias="schema")
    study: str
    title: str
    document: str
    headline: str = "accuracy"
    resolution: dict[Literal["overall", "per_class"], Annotated[float, Field(gt=0)]]
    data: Data
    metric: dict[str, Metric] = Field(default_factory=dict)
    experiments: tuple[Experiment, ...] = Field(alias="experiment")
    class_tables: tuple[ClassTable, ...] = Field((), alias="classes")
    result_tables: tuple[ResultTable, ...] = Field((), alias="results")
    confusions: tuple[ConfusionTable, ...] = Field((), alias="confusion")
    layer_tables: tuple[LayerTable, ...] = Field((), alias="layers")
    searches: tuple[Search, ...] = Field((), alias="search")
    counts: tuple[Counts, ...] = ()
    figures: tuple[Number, ...] = Field((), alias="number")
    claims: tuple[Claim, ...] = Field((), alias="claim")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        ids = [experiment.id for experiment in self.experiments]
        _refuse_twice(ids, "experiment")
        _refuse_twice([table.experiment for table in self.class_tables], "per-class table")
        _refuse_twice([number.id for number in self.figures], "number")
        _refuse_twice([counts.id for counts in self.counts], "counts")
        _refuse_twice([claim.id for claim in self.claims], "claim")
        for name in sorted(self._experiments_named() - set(ids)):
            raise ValueError(f"no experiment has the id {name!r}")
        for name in sorted(self._metrics_named() - set(self.metric)):
            raise ValueError(f"no [metric.{name}] says how to read that column")
        for claim in self.claims:
            _refuse_unknown([claim.metric], SCORES if claim.kind == "each_greater" else self._names(), "metric")
        for table in self.class_tables:
            classes = self.data_of(table.experiment).classes
            if tuple(row.name for row in table.rows) != classes:
                raise ValueError(f"{table.experiment}: the rows are not {', '.join(classes)}, in this order")
        return self

    def _experiments_named(self) -> set[str]:
        single = [
            *(table.experiment for table in self.class_tables),
            *(matrix.experiment for matrix in self.confusions),
            *(search.experiment for search in self.searches),
        ]
        several = [
            *(table.rows for table in self.result_tables),
            *(table.experiments for table in self.layer_tables),
            *(claim.experiments for claim in self.claims),
        ]
        return {*single, *chain.from_iterable(several)}

    def _names(self) -> set[str]:
        """All names that a number of this document may have."""
        of_means = {f"{mean}_{score}" for mean in MEANS for score in SCORES}
        classes = chain.from_iterable(self.data_of(experiment.id).classes for experiment in self.experiments)
        of_classes = {f"{name}_{score}" for name in set(classes) for score in SCORES}
        return {"accuracy", *self.metric} | of_means | of_classes

    def _metrics_named(self) -> set[str]:
        tables = [*(table.columns for table in self.result_tables), *(search.columns for search in self.searches)]
        return set(chain.from_iterable(tables))

    @cached_property
    def by_id(self) -> dict[str, Experiment]:
        """The experiments by id."""
        return {experiment.id: experiment for experiment in self.experiments}

    @cached_property
    def corpora(self) -> frozenset[str]:
        """The corpora of all experiments."""
        return frozenset(name for experiment in self.experiments for name in (experiment.data or self.data).corpora)

    def experiment(self, name: str) -> Experiment:
        """Return one experiment.

        Raises:
            InputError: the document has no experiment of this name.
        """
        if name not in self.by_id:
            raise InputError(f"{self.study} has no experiment {name!r}; it has {', '.join(self.by_id)}")
        return self.by_id[name]

    def data_of(self, experiment: str) -> Data:
        """Return what an experiment worked on: its own data, else the document's.

        Raises:
            InputError: the document has no experiment of this name.
        """
        return self.experiment(experiment).data or self.data

    def metrics(self, experiment: str) -> dict[str, float]:
        """Return the printed overall metrics by the names that records use; empty if none is printed."""
        return {name: number.value for name, number in self.numbers(experiment).items()}

    def numbers(self, experiment: str) -> dict[str, Printed]:
        """Return every printed overall number of an experiment: from result tables, else from its per-class table.

        Raises:
            InputError: the document has no experiment of this name.
        """
        self.experiment(experiment)
        found: dict[str, Printed] = {}
        for table in self.result_tables:
            found |= self._results(table, experiment)
        return {**self._means(experiment), **found}

    def _results(self, table: ResultTable, experiment: str) -> dict[str, Printed]:
        if experiment not in table.rows:
            return {}
        found = {}
        for name in dict.fromkeys(table.columns):
            pairs = zip(table.columns, table.rows[experiment], strict=True)
            trials = tuple(value for column, value in pairs if column == name)
            metric = self.metric[name]
            mean = math.fsum(trials) / len(trials)
            step = metric.step_of(table.decimals_of(experiment, table.columns.index(name), metric))
            where = (table.section, table.table)
            found[name] = Printed(mean, metric.kind, table.n.get(name), step, metric.resolution, *where, trials=trials)
        return found

    def _means(self, experiment: str) -> dict[str, Printed]:
        table = self.table(experiment)
        if table is None:
            return {}
        lines = {mean: getattr(table, mean) for mean in MEANS}
        values = {f"{mean}_{score}": getattr(line, score) for mean, line in lines.items() for score in SCORES}
        return {
            name: self._of_table(table, value, name, "overall")
            for name, value in {"accuracy": table.accuracy, **values}.items()
        }

    def class_numbers(self, experiment: str) -> dict[str, Printed]:
        """Return the printed numbers of each class, as `<class>_<score>`.

        n is the class' support, for a precision the number of items that were predicted as the class.
        """
        table = self.table(experiment)
        return {
            f"{row.name}_{score}": self._of_table(
                table, getattr(row, score), score, "per_class", row.predicted if score == "precision" else row.support
            )
            for row in (table.rows if table else ())
            for score in SCORES
        }

    def _of_table(
        self, table: ClassTable | None, value: float, name: str, kind: Literal["overall", "per_class"], n: int = -1
    ) -> Printed:
        assert table is not None
        kind_of: Kind = "proportion" if name in ("accuracy", "weighted_recall", "recall", "precision") else "score"
        items = table.n if n < 0 else n
        step = 10.0**-table.decimals
        return Printed(value, kind_of, items, step, self.resolution[kind], table.section, table.table, trials=(value,))

    def table(self, experiment: str) -> ClassTable | None:
        """Return the printed per-class table of an experiment, or None."""
        return next((table for table in self.class_tables if table.experiment == experiment), None)

    def class_table(self, experiment: str) -> tuple[ClassRow, ...]:
        """Return the rows of the printed per-class table; empty if none is printed."""
        table = self.table(experiment)
        return table.rows if table else ()

    def confusion(self, experiment: str) -> ConfusionTable | None:
        """Return the printed confusion matrix of an experiment, or None."""
        return next((table for table in self.confusions if table.experiment == experiment), None)

    def layers(self, experiment: str) -> LayerTable | None:
        """Return the printed layer table of an experiment's model, or None if nothing is known of it."""
        return next((table for table in self.layer_tables if experiment in table.experiments), None)

    def search(self, experiment: str) -> Search | None:
        """Return the printed search of an experiment, or None."""
        return next((search for search in self.searches if search.experiment == experiment), None)

    def number(self, name: str) -> float:
        """Return a number of the text by its id; raises KeyError."""
        return {number.id: number.value for number in self.figures}[name]

    def counted(self, name: str) -> dict[str, int]:
        """Return the rows of a printed table of counts by its id; raises KeyError."""
        return {counts.id: counts.rows for counts in self.counts}[name]


def _refuse_unknown(names: Iterable[str], known: Iterable[str], what: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"there is no {what} {unknown[0]!r}")


def _refuse_twice(names: Iterable[str], what: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"two {what} entries are called {twice[0]!r}")


def studies(folder: Path = FOLDER) -> list[str]:
    """Return the names of the studies with published numbers, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(study: str, folder: Path = FOLDER) -> Published:
    """Read and check the published numbers of one study.

    Raises:
        InputError: no such study, or its file is damaged: names the file and the field.
    """
    path = folder / f"{study}.toml"
    if not path.is_file():
        known = ", ".join(studies(folder)) or "none"
        raise InputError(f"no published numbers of {study!r} in {folder}; known studies: {known}")
    found = _read_once(path, path.stat().st_mtime_ns)
    if found.study != study:
        raise InputError(f"{path}: study is {found.study!r}, the file's name says {study!r}; mend it there")
    return found


@functools.cache
def _read_once(path: Path, modified: int) -> Published:
    """Read a file as long as it is not modified: every record asks for its document's numbers."""
    return read(path)


def read(path: Path) -> Published:
    """Read and check a file of published numbers, of any paper.

    Raises:
        InputError: it is missing or damaged: names the file and the field.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path} ({(error.strerror or str(error)).lower()})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    if content.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema is {content.get('schema')}, this Encore reads {SCHEMA}; mend it there")
    try:
        # By way of JSON, where a strict reader takes a list for a tuple.
        return Published.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise InputError(f"{path}: {_in_words(error, content)}; mend it there") from None


def _in_words(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Name the first thing that is wrong with a file, and where."""
    first = error.errors(include_url=False)[0]
    where = _place(content, first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    found = f" (found {first['input']!r})" if isinstance(first["input"], str | int | float) else ""
    return f"{where}: {message}{found}" if where else f"{message}{found}"


def _place(content: Any, location: Iterable[str | int]) -> str:
    """Write a place as `classes 3 (dual-cnn), rows 2, 1`: entries by number and, where they have one, by name."""
    words = []
    for step in location:
        content = _inner(content, step)
        name = next((content[key] for key in ("id", "experiment") if key in content), "") if _is_table(content) else ""
        numbered = f"{step + 1}" if isinstance(step, int) else step
        words.append(f"{numbered} ({name})" if name and isinstance(step, int) else numbered)
    return ", ".join(words)


def _inner(content: Any, step: str | int) -> Any:
    try:
        return content[step]
    except (KeyError, IndexError, TypeError):
        return None


def _is_table(content: Any) -> bool:
    return isinstance(content, dict)
