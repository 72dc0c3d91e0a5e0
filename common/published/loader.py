"""Reads the published numbers, `reports/published/<study>.toml`.

Those files are the only place where a published number stands; `common.published.schema` has their form. A typo in one
(an unknown or missing field, a score outside 0..1, a class named twice) is refused with its file and field, never read
as something else.
"""

import functools
import json
import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from common.errors import LONGEST, InputError, not_among, reason_of
from common.escaping import in_line
from common.published.expressions import NotComputableError
from common.published.schema import (
    LONGEST_ID,
    LOWEST,
    MEANS,
    SCORES,
    ClassRow,
    ClassTable,
    ConfusionTable,
    Counts,
    Data,
    Experiment,
    Kind,
    LayerTable,
    Metric,
    Number,
    Part,
    ResultTable,
    Search,
    refuse_more_decimals,
    refuse_twice,
    refuse_unknown,
    same_split,
)
from common.published.statements import Advice, Claim, FindingEntry

SCHEMA = 2
LONGEST_FILE = 1_000_000
"""Bytes of a file; our largest has 52,000, and reading ten times more than this takes half a minute."""
LARGEST = 1e15
"""A number whose units a float can still tell apart; no table of a paper counts so far."""
DEEPEST = 10
"""Tables and arrays around a number; the form has five."""
DOTTED = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){20}""")
"""A name in so many parts that reading them takes all memory; the longest of the form has two."""
FOLDER = Path(__file__).parents[2] / "reports" / "published"


class Printed(NamedTuple):
    """One published number of one experiment, with all that is needed to judge it.

    Attributes:
        n: items behind it; None where the document does not say.
        step: the unit of its last published digit.
        trials: each published trial where `value` is their mean; else the value alone.
        split: on which it was measured; may be empty.
        averaged: whether it is a mean over folds that may differ in size, and so no share of all items.
    """

    value: float
    kind: Kind
    n: int | None
    step: float
    resolution: float | None
    section: str
    table: str
    trials: tuple[float, ...]
    split: str = ""
    averaged: bool = False


class Published(Part):
    """All that one document prints.

    Attributes:
        document: what it is called in a sentence.
        authors: as it names them; none where our copy names none.
        original_title: its own title, if it has one.
        date: of the document, as it says; may be empty.
        available: where it can be had, in words.
        tested: what the shipped runs had in place of the document's data and models, for who compares the numbers.
        headline: the overall metric by which the document ranks its experiments.
        resolution: how narrow the 95 % interval of a difference must be (half its width); `per_class` for the numbers
            of a class, where there are any.
    """

    schema_version: Literal[2] = Field(alias="schema")
    study: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=LONGEST_ID)]
    title: str
    document: str
    authors: tuple[str, ...] = ()
    original_title: str = ""
    date: str = ""
    available: str = ""
    tested: str = ""
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
    findings: tuple[FindingEntry, ...] = Field((), alias="finding")
    symptoms: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    advice: tuple[Advice, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        ids = [experiment.id for experiment in self.experiments]
        refuse_twice(ids, "experiment")
        refuse_twice([table.experiment for table in self.class_tables], "per-class table")
        refuse_twice([matrix.experiment for matrix in self.confusions], "confusion matrix")
        refuse_twice([table.id for table in self.result_tables], "result table")
        refuse_twice([table.id for table in self.layer_tables], "layer table")
        refuse_twice([search.experiment for search in self.searches], "search")
        refuse_twice([number.id for number in self.figures], "number")
        refuse_twice([counts.id for counts in self.counts], "counts")
        refuse_twice([claim.id for claim in self.claims], "claim")
        refuse_twice([finding.id for finding in self.findings], "finding")
        for name in sorted(self._experiments_named() - set(ids)):
            raise ValueError(f"no experiment has the id {name!r}")
        for name in sorted(self._metrics_named() - set(self.metric)):
            raise ValueError(f"no [metric.{name}] says how to read that column")
        refuse_unknown([self.headline], self._overall(), "headline metric")
        refuse_unknown({number.counts for number in self.figures if number.counts}, self.countable, "table or row")
        refuse_unknown({name for one in self.advice for name in one.runs}, {claim.id for claim in self.claims}, "claim")
        refuse_unknown({name for one in self.findings for name in one.experiments}, ids, "experiment")
        for claim in self.claims:
            refuse_unknown([claim.metric], SCORES if claim.kind == "each_greater" else self._names(), "metric")
        for table in self.class_tables:
            classes = self.data_of(table.experiment).classes
            if tuple(row.name for row in table.rows) != classes:
                raise ValueError(f"{table.experiment}: the rows are not {', '.join(classes)}, in this order")
        return self

    @model_validator(mode="after")
    def _resolutions_suffice(self) -> Self:
        needed = ["overall", *(["per_class"] if self.class_tables or self.confusions else [])]
        for name in needed:
            if name not in self.resolution:
                raise ValueError(f"[resolution] has no {name}")
        return self

    @model_validator(mode="after")
    def _decimals_suffice(self) -> Self:
        for table in self.result_tables:
            for experiment, row in table.rows.items():
                self._refuse_impossible_shares(table, experiment, row)
                for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
                    decimals = table.decimals_of(experiment, place, self.metric[column])
                    self._refuse_more_decimals(column, value, decimals, f"{table.table}, {experiment}")
        for search in self.searches:
            for number, row in enumerate(search.rows, start=1):
                for column, value in zip(search.columns, row[len(search.space) :], strict=True):
                    self._refuse_more_decimals(column, value, self.metric[column].decimals, f"{search.table}, {number}")
        return self

    @model_validator(mode="after")
    def _findings_can_be_computed(self) -> Self:
        for finding in self.findings:
            try:
                if finding.holds:
                    finding.computed(self.stored)
            except NotComputableError:  # the numbers are at fault, not the expression: the audit leaves it out
                continue
            except ValueError as error:
                raise ValueError(f"finding {finding.id}: {error}") from None
        return self

    @cached_property
    def stored(self) -> dict[str, Any]:
        """All stored numbers by the names that expressions use; hyphens of ids are underscores.

        - a number of the text: its id; all items: `data.clips`, those of a corpus: `data.corpus`
        - a table of counts: `counts` (all rows), `counts.row`, `counts.total`
        - a layer table: `table.total`, `table.trainable`, `table.frozen`, `table.row`
        - an experiment: `experiment.metric` or `experiment.class_score`, with `.n` and `.trials`
        - a search: `experiment.tried.setting` (all values), `experiment.chosen.setting`, and the columns of its table:
          `experiment.searched.setting`, `experiment.searched.metric`
        - `each.metric`: a tuple of what is published for all experiments
        """
        found: dict[str, Any] = {number.id: number.value for number in self.figures}
        found |= {"data.clips": self.data.clips, **{f"data.{name}": n for name, n in self.data.corpora.items()}}
        for counts in self.counts:
            found |= {counts.id: (*counts.rows.values(),), f"{counts.id}.total": counts.total}
            found |= {f"{counts.id}.{row}": size for row, size in counts.rows.items()}
        for layers in self.layer_tables:
            found |= {f"{layers.id}.{part}": getattr(layers, part) for part in ("total", "trainable", "frozen")}
            found |= {f"{layers.id}.{row.name}": row.parameters for row in layers.rows}
        for search in self.searches:
            found |= {f"{search.experiment}.tried.{name}": values for name, values in search.space.items()}
            found |= {f"{search.experiment}.chosen.{name}": value for name, value in search.chosen.items()}
            names, columns = (*search.space, *search.columns), zip(*search.rows, strict=True)
            # Not strict: a search without a published table has names and no columns.
            found |= {f"{search.experiment}.searched.{name}": of for name, of in zip(names, columns, strict=False)}
        for experiment in self.by_id:
            for name, printed in (self.numbers(experiment) | self.class_numbers(experiment)).items():
                whole = f"{experiment}.{name}"
                found |= {whole: printed.value, f"{whole}.n": printed.n, f"{whole}.trials": printed.trials}
                found[f"each.{name}"] = (*found.get(f"each.{name}", ()), printed.value)
        # In an expression, a hyphen would be a minus.
        return {re.sub(r"[^\w.]", "_", name): value for name, value in found.items() if value is not None}

    @cached_property
    def countable(self) -> dict[str, int]:
        """What a number of the text may count, by the names of `Number.counts`."""
        found = {table.id: len(table.rows) for table in self.result_tables}
        found |= {table.id: len(table.rows) for table in self.layer_tables}
        for counts in self.counts:
            found |= {counts.id: sum(counts.rows.values())}
            found |= {f"{counts.id}.{row}": size for row, size in counts.rows.items()}
        return found

    def _refuse_impossible_shares(self, table: ResultTable, experiment: str, row: Iterable[float]) -> None:
        for column, value in zip(table.columns, row, strict=True):
            lowest = LOWEST.get(column.removeprefix("val_"), 0.0)
            if self.metric[column].kind in ("proportion", "score") and not lowest <= value <= 1:
                hint = "; write a percentage as a share, with percent = true" if 1 < value <= 100 else ""
                raise ValueError(
                    f"{table.table}, {experiment}, {column}: {value} is not between {lowest:g} and 1{hint}"
                )

    def _refuse_more_decimals(self, column: str, value: float, decimals: int, where: str) -> None:
        refuse_more_decimals([value], decimals, f"{where}, {column}", percent=self.metric[column].percent)

    def _experiments_named(self) -> set[str]:
        single = [
            *(table.experiment for table in self.class_tables),
            *(matrix.experiment for matrix in self.confusions),
            *(search.experiment for search in self.searches),
            *(number.result.experiment for number in self.figures if number.result),
        ]
        several = [
            *(table.rows for table in self.result_tables),
            *(table.experiments for table in self.layer_tables),
            *(claim.experiments for claim in self.claims),
        ]
        return {*single, *chain.from_iterable(several)}

    def _overall(self) -> set[str]:
        """All names that an overall number of this document may have."""
        return {"accuracy", *self.metric, *(f"{mean}_{score}" for mean in MEANS for score in SCORES)}

    def _names(self) -> set[str]:
        """All names that a number of this document may have."""
        classes = chain.from_iterable(self.data_of(experiment.id).classes for experiment in self.experiments)
        of_classes = {f"{name}_{score}" for name in set(classes) for score in SCORES}
        return self._overall() | of_classes

    def _metrics_named(self) -> set[str]:
        tables = [*(table.columns for table in self.result_tables), *(search.columns for search in self.searches)]
        of_the_text = {number.result.metric for number in self.figures if number.result}
        return set(chain.from_iterable(tables)) | of_the_text

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
            raise InputError(f"{self.study} has no experiment {name!r}{not_among(name, self.by_id)}")
        return self.by_id[name]

    def data_of(self, experiment: str) -> Data:
        """Return what an experiment worked on: its own data, else the document's.

        Raises:
            InputError: the document has no experiment of this name.
        """
        return self.experiment(experiment).data or self.data

    def metrics(self, experiment: str) -> dict[str, float]:
        """Return the published overall metrics by the names that records use; empty if none is published."""
        return {name: number.value for name, number in self.numbers(experiment).items()}

    def numbers(self, experiment: str, split: str = "") -> dict[str, Printed]:
        """Return every published overall number of an experiment: from result tables, else from its per-class table.

        Args:
            experiment: id.
            split: only what may be of it; of several tables that print the same, the first counts.

        Raises:
            InputError: the document has no experiment of this name.
        """
        self.experiment(experiment)
        found: dict[str, Printed] = {}
        for table in self.result_tables:
            if same_split(table.split, split):
                found = self.results(table, experiment) | found
        return {**self._means(experiment, split), **found}

    def results(self, table: ResultTable, experiment: str) -> dict[str, Printed]:
        """Return the numbers of an experiment in one result table; empty if it has no row there."""
        if experiment not in table.rows:
            return {}
        found = {}
        for name in dict.fromkeys(table.columns):
            pairs = zip(table.columns, table.rows[experiment], strict=True)
            trials = tuple(value for column, value in pairs if column == name)
            metric = self.metric[name]
            mean = math.fsum(trials) / len(trials)  # fsum: rounding must not depend on the order of the trials
            step = metric.step_of(table.decimals_of(experiment, table.columns.index(name), metric))
            where = (table.section, table.table)
            n, limit = table.n.get(name), metric.resolution
            averaged = bool(table.folds and (n is None or n % table.folds))
            found[name] = Printed(mean, metric.kind, n, step, limit, *where, trials, table.split, averaged)
        return found

    def _means(self, experiment: str, split: str) -> dict[str, Printed]:
        table = self.table(experiment)
        if table is None or not same_split(table.split, split):
            return {}
        values = {} if table.accuracy is None else {"accuracy": table.accuracy}
        values |= {f"{mean}_{score}": getattr(line, score) for mean, line in table.means.items() for score in SCORES}
        return {name: self._of_table(table, value, name, "overall", table.n) for name, value in values.items()}

    def class_numbers(self, experiment: str) -> dict[str, Printed]:
        """Return the published numbers of each class, as `<class>_<score>`.

        n is the class' support, for a precision the number of items that were predicted as the class; None in a table
        without supports.
        """
        table = self.table(experiment)
        if table is None:
            return {}
        return {
            f"{row.name}_{score}": self._of_table(
                table, getattr(row, score), score, "per_class", row.predicted if score == "precision" else row.support
            )
            for row in table.rows
            for score in SCORES
        }

    def _of_table(
        self, table: ClassTable, value: float, name: str, kind: Literal["overall", "per_class"], n: int | None
    ) -> Printed:
        # These are k of n items (weighted recall is the accuracy). F1 and the other means are not.
        kind_of: Kind = "proportion" if name in ("accuracy", "weighted_recall", "recall", "precision") else "score"
        return Printed(
            value,
            kind_of,
            n=n,
            step=10.0**-table.decimals,
            resolution=self.resolution[kind],
            section=table.section,
            table=table.table,
            trials=(value,),
            split=table.split,
            averaged=table.averaged is not None,
        )

    def table(self, experiment: str) -> ClassTable | None:
        """Return the published per-class table of an experiment, or None."""
        return next((table for table in self.class_tables if table.experiment == experiment), None)

    def class_table(self, experiment: str) -> tuple[ClassRow, ...]:
        """Return the rows of the published per-class table; empty if none is published."""
        table = self.table(experiment)
        return table.rows if table else ()

    def confusion(self, experiment: str) -> ConfusionTable | None:
        """Return the published confusion matrix of an experiment, or None."""
        return next((table for table in self.confusions if table.experiment == experiment), None)

    def layers(self, experiment: str) -> LayerTable | None:
        """Return the published layer table of an experiment's model, or None if nothing is known of it."""
        return next((table for table in self.layer_tables if experiment in table.experiments), None)

    def search(self, experiment: str) -> Search | None:
        """Return the published search of an experiment, or None."""
        return next((search for search in self.searches if search.experiment == experiment), None)


def folders() -> list[Path]:
    """Return where published numbers are: the folders in `$ENCORE_PUBLISHED`, then Encore's own."""
    own = os.environ.get("ENCORE_PUBLISHED", "")  # first, so that a corrected copy of a file of ours is read
    return [*(Path(folder) for folder in own.split(os.pathsep) if folder), FOLDER]


def studies() -> list[str]:
    """Return the names of the studies with published numbers, sorted."""
    return sorted({path.stem for folder in folders() for path in folder.glob("*.toml")})


def load(study: str) -> Published:
    """Read and check the published numbers of one study, from the first of `folders` that has them.

    Raises:
        InputError: no such study, or its file is damaged: names the file and the field.
    """
    path = next((path for folder in folders() if (path := folder / f"{study}.toml").is_file()), None)
    if path is None:
        places, known = " or ".join(map(str, folders())), ", ".join(studies()) or "none"
        raise InputError(
            f"no published numbers of {study!r} in {places}; write {study}.toml and name its folder in "
            f"ENCORE_PUBLISHED; known studies: {known}"
        )
    found = _read_once(path, path.stat().st_mtime_ns)
    if found.study != study:
        raise InputError(f"{path}: study is {found.study!r}, the file's name says {study!r}; correct it there")
    return found


@functools.cache
def _read_once(path: Path, modified: int) -> Published:
    """Read a file as long as it is not modified: every record asks for its document's numbers."""
    return read(path)


def read(path: Path) -> Published:
    """Read and check a file of published numbers, of any paper.

    Raises:
        InputError: it is missing, damaged or like no table of a paper: names the file and the field.
    """
    content = _toml(path)
    # Before all fields: a file of another schema would seem to be full of errors.
    if content.get("schema") != SCHEMA:
        found = in_line(str(content.get("schema")))[:LONGEST]
        raise InputError(f"{path}: schema is {found}, this Encore reads {SCHEMA}; correct it there")
    try:
        # By way of JSON, where a strict reader takes a list for a tuple.
        return Published.model_validate_json(json.dumps(content))
    except TypeError as error:
        raise InputError(f"{path}: a date or time stands where none can ({error}); put it into quotes") from None
    except ValidationError as error:
        raise InputError(f"{path}: {_in_words(error, content)}; correct it there") from None


def _toml(path: Path) -> dict[str, Any]:
    """Read a file that may come from anywhere: what would take all time or memory is refused before."""
    try:
        with path.open("rb") as file:
            read = file.read(LONGEST_FILE + 1)
        text = read.decode("utf-8-sig")
        if len(read) > LONGEST_FILE:
            raise InputError(f"{path} has more than {LONGEST_FILE:,} bytes: that is no table of a paper; divide it")
        if found := DOTTED.search(text):
            raise InputError(f"{path} is not TOML: {found[0][:20]}... is no name of a field; correct it there")
        content = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {path} ({(error.strerror or str(error)).lower()})") from None
    # Not every ValueError is tomllib's own: Python refuses numbers of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {reason_of(error)}") from None
    if absurd := _absurd(content):
        raise InputError(f"{path}: {absurd}; correct it there")
    return content


def _absurd(content: dict[str, Any]) -> str | None:
    """Say where a number is larger, or nested deeper, than in any table; None if that is nowhere so."""
    parts: list[tuple[tuple[str | int, ...], Any]] = [((), content)]
    while parts:
        place, value = parts.pop()
        if isinstance(value, dict | list):
            if len(place) > DEEPEST:
                return f"{_place(content, place[:2])}: tables and arrays are nested more than {DEEPEST} deep"
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            parts += [((*place, key), part) for key, part in inner]
        elif isinstance(value, int | float) and LARGEST < abs(value) < math.inf:
            return f"{_place(content, place)}: a number is larger than {LARGEST:g}"
    return None


def _in_words(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Name the first thing that is wrong with a file, and where."""
    first = error.errors(include_url=False)[0]  # only the first: one typo often makes several
    where = _place(content, first["loc"])
    message = _short(first["msg"].removeprefix("Value error, "))
    found = f" (found {_short(repr(first['input']))})" if isinstance(first["input"], str | int | float) else ""
    return f"{where}: {message}{found}" if where else f"{message}{found}"


def _short(words: str) -> str:
    line = in_line(words)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _place(content: Any, location: Iterable[str | int]) -> str:
    """Write a place as `classes 3 (dual-cnn), rows 2, 1`: entries by number and, where they have one, by name."""
    words = []
    for step in location:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):  # a field that is missing: the rest of the place has no names
            content = None
        if isinstance(step, str):
            words.append(step)
            continue
        table = content if isinstance(content, dict) else {}
        name = next((table[key] for key in ("id", "experiment") if key in table), "")
        named = isinstance(name, str) and name  # it may be anything in a file that is wrong
        words.append(f"{step + 1} ({name})" if named else f"{step + 1}")  # people count from 1
    return ", ".join(map(_short, words))
