"""The form of `reports/published/<study>.toml`: a document's tables and numbers (`statements`: what is said of them).

The classes serve any paper (`reports/published/README.md` explains them by an example). What contradicts itself (a
score outside 0..1, a class named twice, a total that is not the sum) is refused; `common.published` reads the files.
"""

import math
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCORES = ("precision", "recall", "f1")
MEANS = ("macro", "weighted")

LONGEST_ID = 80
Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
Short = Annotated[str, Field(max_length=100)]  # numbers in it are read
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(gt=0)]
Decimals = Annotated[int, Field(ge=0, le=15)]  # a float keeps no more
Percentage = Annotated[float, Field(ge=0, le=100)]
Cell = Annotated[float, Field(ge=0)]
LOWEST = {
    **dict.fromkeys(("mcc", "kappa", "r", "pearson", "pearson_r", "spearman", "ccc"), -1.0),
    "r2": -math.inf,  # a regression may be worse than the mean by any factor
}
"""Scores that may be below 0, and how low they can be."""
Kind = Literal["proportion", "score", "error", "seconds", "count"]
How = Literal["printed", "count", "code", "ref", "recall"]


class Part(BaseModel):
    """A part of a file: typed strictly, unknown fields and numbers that are not finite refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Metric(Part):
    """How to read a number that stands in a column of a `[[results]]` table.

    Attributes:
        kind: `proportion` is k of n items; `score` lies in 0..1 without being one (F1, PR-AUC, lwlrap), or below 0 if
            it is in `LOWEST`; `error` is a loss or a mean error, smaller is better; `seconds` and `count` depend on
            machine or model.
        decimals: as published.
        measured_on: the set it was measured on, in words.
        resolution: how narrow the 95 % interval of a difference must be (half its width) to call a result reproduced;
            None: never judged.
        percent: whether the document prints it times 100.
    """

    kind: Kind
    decimals: Decimals
    measured_on: str = "test"
    resolution: Annotated[float, Field(gt=0)] | None = None
    percent: bool = False

    def printed(self, value: float, decimals: int | None = None) -> str:
        """Write a value as the document would, without a percent sign; `decimals` if its row has others."""
        return f"{value * 100 if self.percent else value:.{self.decimals if decimals is None else decimals}f}"

    @property
    def step(self) -> float:
        """The unit of the last published digit."""
        return self.step_of(self.decimals)

    def step_of(self, decimals: int) -> float:
        """Return the unit of the last of so many published decimals."""
        return float(10.0**-decimals / (100 if self.percent else 1))


class Data(Part):
    """What the document worked on.

    Attributes:
        items: what is counted: `clips`, `pieces`, `tracks`.
        clips: how many of them were classified; None where nothing says.
        known: how `clips` is known.
        corpora: how many items each corpus has.
        classes: in the document's order.
        note: what a reader of a table by class must know of them.
    """

    section: str
    clips: Count | None = None
    known: How = "printed"
    items: str = "clips"
    corpora: dict[str, Count]
    classes: tuple[str, ...]
    note: str = ""

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        refuse_twice(self.classes, "class")
        return self


class Experiment(Part):
    """An experiment of a document; its numbers stand in the tables, and some experiments have none.

    Attributes:
        label: a shorter title for rows and pictures, where the title stands elsewhere.
        settings: what the document varies from row to row of a search (`dropout = 0.3`).
        best_epoch: as published.
        unknown: what the document does not say and what would decide whether its numbers are reproduced.
        data: what it worked on, where that is not what the document else worked on.
    """

    id: Id
    title: str
    section: str
    label: str = ""
    settings: dict[str, float | int | str] = Field(default_factory=dict)
    best_epoch: Count | None = None
    unknown: str = ""
    data: Data | None = None

    @property
    def short(self) -> str:
        """Its label, or its title where that is short enough."""
        return self.label or self.title


# Rows are named tuples, because they are arrays in the file.
class ClassRow(NamedTuple):
    """One row of a published per-class table; many are printed without supports."""

    name: str
    precision: Share
    recall: Share
    f1: Share
    support: Count | None = None

    @property
    def predicted(self) -> int | None:
        """How many items were predicted as this class, by the rounded scores: hits / precision."""
        if self.support is None:
            return None
        # hits = recall * support = precision * predicted; without hits nothing says how many were predicted.
        return round(self.recall * self.support / self.precision) if self.precision else 0


class Means(NamedTuple):
    """A line of means under a per-class table."""

    precision: Share
    recall: Share
    f1: Share


class Counted(NamedTuple):
    """The items behind a per-class table: all, those of each class, and the share of them that is right."""

    n: int
    supports: tuple[int, ...]
    accuracy: float


class ClassTable(Part):
    """A published per-class table with the lines under it.

    Attributes:
        n: how many items were scored. It stands with `accuracy` and the supports of all rows, or all of them are left
            out.
        macro: the plain mean over the classes, where the document prints it.
        weighted: the mean weighted by the supports, where the document prints it.
        averaged: `folds` if each score is the mean of those of several folds.
    """

    experiment: str
    section: str
    table: str
    split: Short
    n: Size | None = None
    rows: tuple[ClassRow, ...]
    accuracy: Share | None = None
    macro: Means | None = None
    weighted: Means | None = None
    decimals: Decimals = 2
    averaged: Literal["folds"] | None = None

    @model_validator(mode="after")
    def _decimals_suffice(self) -> Self:
        scores = [(row.name, (row.precision, row.recall, row.f1)) for row in self.rows]
        accuracy = () if self.accuracy is None else (self.accuracy,)
        for name, values in [*scores, ("accuracy", accuracy), *self.means.items()]:
            refuse_more_decimals(values, self.decimals, f"{self.table}, {name}")
        return self

    @model_validator(mode="after")
    def _counted_wholly_or_not(self) -> Self:
        known = {"n": self.n, "accuracy": self.accuracy}
        known |= {f"the support of {row.name}": row.support for row in self.rows}
        missing = [name for name, value in known.items() if value is None]
        if 0 < len(missing) < len(known):
            raise ValueError(
                f"a table has either supports in all rows, n and accuracy, or none of them; {self.table} lacks "
                f"{', '.join(missing)} (an accuracy alone belongs into [[results]])"
            )
        return self

    @property
    def counted(self) -> Counted | None:
        """The items behind it, or None if it is printed without them."""
        if self.n is None or self.accuracy is None:
            return None
        return Counted(self.n, tuple(row.support or 0 for row in self.rows), self.accuracy)

    @property
    def means(self) -> dict[str, Means]:
        """The published lines of means, by name."""
        lines = {"macro": self.macro, "weighted": self.weighted}
        return {name: line for name, line in lines.items() if line is not None}


class ResultTable(Part):
    """A published table with one row per experiment.

    Attributes:
        split: how the items were split, and the part that was scored if all columns are of one.
        columns: names of `[metric.*]`; a name that comes again is another trial of the same, and `<name>_std` is the
            standard deviation of another over the folds.
        folds: how many folds each number is the mean of, if it is one.
        n: how many items stand behind a column, where that is known.
        rows: one number per column, by experiment.
        decimals: one per column, of the rows that are published with others than `[metric.*]` says.
    """

    id: Id
    section: str
    table: str
    split: Short = ""
    columns: tuple[str, ...]
    folds: Size | None = None
    n: dict[str, Size] = Field(default_factory=dict)
    rows: dict[str, tuple[float, ...]]
    decimals: dict[str, tuple[Decimals, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        for name, row in [*self.rows.items(), *self.decimals.items()]:
            if len(row) != len(self.columns):
                raise ValueError(f"row {name} has {len(row)} numbers for {len(self.columns)} columns")
        refuse_unknown(self.decimals, self.rows, "row")
        refuse_unknown(self.n, self.columns, "column")
        return self

    def decimals_of(self, experiment: str, column: int, metric: Metric) -> int:
        """Return with how many decimals the number of a row in a column (from 0) is published."""
        return self.decimals[experiment][column] if experiment in self.decimals else metric.decimals


class ConfusionTable(Part):
    """A published confusion matrix, in percentages or in counts.

    Attributes:
        split: how the items were split, and the part that was classified.
        normalised: what adds up to 100: the `columns` (predicted classes) or the `rows` (true classes); `counts` if the
            cells are whole numbers of items.
        decimals: of the percentages.
        n: how many items were classified, if the document says.
        rows: cells by true class, in the order of `classes`; an empty cell is 0.
        positive: the line under a column-normalised matrix that repeats its diagonal (PPV).
        false: 100 minus that (FDR).
        restored: the classes whose cell in `positive` the copy at hand has lost; it was taken from the diagonal.
    """

    experiment: str
    section: str
    table: str
    split: Short = ""
    normalised: Literal["columns", "rows", "counts"]
    decimals: Decimals = 1
    n: Size | None = None
    classes: tuple[str, ...]
    rows: dict[str, tuple[Cell, ...]]
    positive: tuple[Percentage, ...] = ()
    false: tuple[Percentage, ...] = ()
    restored: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _square(self) -> Self:
        if tuple(self.rows) != self.classes:
            raise ValueError(f"the rows are not {', '.join(self.classes)}, in this order")
        lines = [*self.rows.values(), *(line for line in (self.positive, self.false) if line)]
        if any(len(line) != len(self.classes) for line in lines):
            raise ValueError("a row has not one cell per class")
        refuse_unknown(self.restored, self.classes, "class")
        for name, value in zip(self.classes, self.positive, strict=False):  # there may be no line of positives
            if name in self.restored and value != self.rows[name][self.classes.index(name)]:
                raise ValueError(f"the restored cell of {name} is not the one on the diagonal")
        return self

    @model_validator(mode="after")
    def _cells_are_possible(self) -> Self:
        if self.normalised == "counts":
            if self.positive or self.false:
                raise ValueError(f"{self.table}: the lines under a matrix belong to one in percentages")
            if not any(map(any, self.rows.values())):
                raise ValueError(f"{self.table} counts no items")
            return self
        for name, line in self.lines.items():
            if max(line) > 100:
                kind = self.normalised.removesuffix("s")
                raise ValueError(
                    f"{self.table}: the {kind} of {name} adds up to {sum(line):g}, more than 100; "
                    'normalised = "counts" is for counts'
                )
        return self

    @model_validator(mode="after")
    def _decimals_suffice(self) -> Self:
        decimals = 0 if self.normalised == "counts" else self.decimals
        for name, values in [*self.rows.items(), ("positive", self.positive), ("false", self.false)]:
            refuse_more_decimals(values, decimals, f"{self.table}, {name}")
        return self

    @property
    def lines(self) -> dict[str, tuple[float, ...]]:
        """The columns by predicted class where these are normalised, else the rows."""
        if self.normalised != "columns":
            return self.rows
        return dict(zip(self.classes, zip(*self.rows.values(), strict=True), strict=True))

    @property
    def size(self) -> int | None:
        """How many items were classified: `n`, or the sum of the counts."""
        if self.n is not None or self.normalised != "counts":
            return self.n
        return int(sum(map(sum, self.rows.values())))

    @property
    def percentages(self) -> dict[str, tuple[float, ...]]:
        """The rows in percent: as published, or the counts as shares of their true class; without items all 0."""
        if self.normalised != "counts":
            return self.rows
        return {name: tuple(100 * cell / (sum(row) or 1) for cell in row) for name, row in self.rows.items()}


class Layer(NamedTuple):
    """One row of a published layer table, channels first; `restored` names the cells lost in the copy at hand."""

    name: str
    type: str
    shape: Short
    parameters: Count
    restored: str = ""


class LayerTable(Part):
    """A published layer table, or only the total (`known` says how) where no table is published.

    Attributes:
        experiments: whose model this is.
        trainable: published count of trainable parameters.
        frozen: published count of the others.
    """

    id: Id
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
        # A printed total may be wrong: that is the document's error, which the audit finds, and not one of the file.
        if self.rows and self.known == "count" and total != self.total:
            raise ValueError(f"the rows add up to {total}, not to the total")
        return self


class Search(Part):
    """A search over settings, with its published table if there is one.

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
    """A published count per class, corpus or set; `total` where the document prints it."""

    id: Id
    section: str
    table: str
    items: str
    known: How = "printed"
    rows: dict[str, Count]
    total: Count | None = None

    @model_validator(mode="after")
    def _unprinted_total_is_the_sum(self) -> Self:
        total = sum(self.rows.values())
        # As above: only a total that we counted has to be right.
        if self.known != "printed" and self.total not in (None, total):
            raise ValueError(f"the rows add up to {total}, not to the total")
        return self


class Result(Part):
    """Whose result a single number of the text is, where it is one.

    Attributes:
        metric: a name of `[metric.*]`.
        split: as in a table of results.
        n: how many items stand behind it, where that is known.
        other_run: whether it is of a run that no table has, and so may differ from the tables.
    """

    experiment: str
    metric: str
    split: Short = ""
    n: Size | None = None
    other_run: bool = False

    def __str__(self) -> str:
        parts = [self.split, f"n = {self.n:,}" if self.n is not None else "", "another run" if self.other_run else ""]
        more = ", ".join(filter(None, parts))
        return f"{self.metric.replace('_', ' ')} of {self.experiment}{f' ({more})' if more else ''}"


class Number(Part):
    """A single number of the text, or one known from elsewhere (`known`) to compare with.

    Attributes:
        counts: what it counts, if its document prints that too: a table (the sum of a `[[counts]]` table, the rows of
            another), or one row of a `[[counts]]` table (`sets.train`).
        share_of: of what whole it is a share; all shares of one whole add up to 1 (100 %) at most.
    """

    id: Id
    section: str
    value: float
    decimals: Decimals = 0
    unit: str = ""
    says: str
    known: How = "printed"
    result: Result | None = None
    counts: str = ""
    share_of: str = ""

    @model_validator(mode="after")
    def _decimals_suffice(self) -> Self:
        refuse_more_decimals([self.value], self.decimals)
        return self


def same_split(one: str, other: str) -> bool:
    """Return whether two descriptions may be of one split; `80/10/10` leaves open what `80/10/10, test` says.

    Between commas stand its parts; the order does not count.
    """
    first, second = ({part.strip() for part in text.split(",") if part.strip()} for text in (one, other))
    return first <= second or second <= first


def refuse_unknown(names: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise ValueError for the first name that is not known."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"there is no {what} {unknown[0]!r}")


def refuse_twice(names: Iterable[str], what: str) -> None:
    """Raise ValueError for the first name that is there twice."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"two {what} entries are called {twice[0]!r}")


def refuse_more_decimals(values: Iterable[float], decimals: int, where: str = "", *, percent: bool = False) -> None:
    """Refuse a value with more decimals than it is said to have: its rounding would be judged wrongly.

    Args:
        where: table and row, for the message.
        percent: whether the document prints the values times 100; `decimals` are those of the percentage.

    Raises:
        ValueError: names the first such value.
    """
    for value in values:
        # As decimal digits: times 100 a float is no longer the number that stands in the file.
        printed = (Decimal(repr(value)) * (100 if percent else 1)).normalize()
        if int(printed.as_tuple().exponent) < -decimals:
            said = f"{value} ({printed:f} %)" if percent else f"{value}"
            raise ValueError(
                f"{where}{': ' if where else ''}{said} has more than {decimals} decimal{'s' * (decimals != 1)}"
            )
