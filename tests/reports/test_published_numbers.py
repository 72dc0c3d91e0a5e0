"""Every number of the documents' text against `reports/published`: none forgotten, none mistyped.

The text is read as numbers, line by line, after what is no number of the work has been blanked (`EXEMPT`, by reason).
Each row of a table must be printed, number by number, as often as it is stored; what remains in sentences must be
stored, and what is stored of sentences must stand in its section. So a wrong digit is seen twice: it is not printed,
and the right one is not stored.
"""

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from common.errors import InputError
from common.published import FOLDER, Published, load, read
from common.published.schema import ClassTable, ConfusionTable, ResultTable, Search

SHARED = Path(__file__).parents[3] / "shared"
DOCUMENTS = {
    "ser_parallel": "004_b618576c558f6a58.txt",
    "valence_parallel_conv": "001_f5917c1f9165eb6a.txt",
    "freesound_tagging": "003_94b4b7386106b823.txt",
    "music_mood_wavenet": "000_9e6f3d7ca6e137f6.txt",
    "emotify_features": "002_e531f734b5cfbc15.txt",
}

# What is no number of the work, as patterns by reason.
EXEMPT = {
    "ser_parallel": {
        "contents": r"(?s)^Contents$.*?(?=^1 Introduction)",
        "heading": r"^\d(\.\d)* [A-Z].*$",
        "reference": r"(?s)^References$.*|\[[1-7]\]",
        "year": r"January 12, 2023|in 2014",
        "figure or table": r"[Ff]igure \d+|Table \d+",
        "name": r"2D|[Ww]av2[Vv]ec 2\.0|\bexperiment \d",
        "names of the models": r"1 CNN|2 (parallel )?CNNs|these 3 in",
        "scar of the copy": r"^1 4\t1\t*$",
    },
    "valence_parallel_conv": {
        "number of a row": r"^\| \d+ (?=\|)",
        "name of a column": r"Trial [123]",
        "group and students": r"Group 22|\(20\d{5}\)",
        "reference": r"(?s)^References$.*|\(201[89]\)",
        "figure or table": r"(Figure|Table) \d",
    },
    "freesound_tagging": {
        "link": r"https?://[^>\s]+",
        "footnote": r"<sup>\d+</sup>",
        "date": r"June 19, 2019",
        "number of an item": r"^- \d (?=[A-Z])",
        "name": r"\b1d convolutions|1 epoch time|ReSE-2-Multi",
    },
    "music_mood_wavenet": {
        "year": r"MediaEval 2020",
        "figure or table": r"Figure \d",
    },
    "emotify_features": {
        "matriculation number": r"Matricola \d+",
        "reference": r"vol\. \d+, n\. \d+, pagg\. [\d-]+, (gen\. )?\d{4}, doi: \S+|manual1-7|https?://\S+",
        "name": r"1st Order",
    },
}

NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+(?:\.\d+)?(?:e-?\d+)?)")


class Line(NamedTuple):
    """A line of a document: its number, its section, its numbers as text."""

    place: int
    section: str
    numbers: tuple[str, ...]


def plain(number: str) -> str:
    """Write a number without separators and exponents, with its decimals: 1e-05 is 0.00001, 29,184 is 29184."""
    return format(Decimal(number.replace(",", "")), "f")


def numbers(text: str) -> tuple[str, ...]:
    apart = re.sub(r"(?<=\d)[xX](?=\d)|(?<=Efficient-)B(?=\d)", " x ", text).replace(r"$1 \cdot 10^{-5}$", "1e-5")
    return tuple(plain(number) for number in NUMBER.findall(apart))


def as_set(value: float) -> str:
    """Write a setting, of which no decimals are known."""
    return plain(repr(value).removesuffix(".0"))


# The document as lines of numbers.


@cache
def beside(name: str) -> str:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the document is not beside the checkout")
    return path.read_text(encoding="utf-8")


def document(study: str) -> str:
    return beside(f"seeds/{DOCUMENTS[study]}")


def parameters_only(lines: list[str]) -> list[str]:
    """Leave of each row of a layer table its parameters: the rest are shapes, names and links."""
    found, inside = [], False
    for line in lines:
        inside = "Param #" in line or (inside and "\t" in line and "params:" not in line)
        counts = [cell for cell in line.split("\t") if re.fullmatch(r"\d+", cell.strip())]
        found.append(" ".join(counts[:1]) if inside else line)
    return found


def sections(text: str, published: Published) -> list[str]:
    """Return the section of each line: by its number, or by the beginning of its heading."""
    entries = [*published.figures, *published.claims, *published.result_tables, *published.experiments]
    names = sorted({entry.section for entry in [*entries, published.data]}, key=len, reverse=True)
    found, current = [], ""
    for line in text.splitlines():
        heading = line.lstrip("# ")
        if numbered := re.match(r"(\d(?:\.\d)*) [A-Z]", line):
            current = numbered[1]
        elif "\t" not in line:
            current = next((name for name in names if not name[0].isdigit() and heading.startswith(name)), current)
        found.append(current)
    return found


def printed_lines(text: str, published: Published) -> list[Line]:
    places = sections(text, published)
    for pattern in EXEMPT[published.study].values():
        text = re.sub(pattern, lambda match: re.sub(".", " ", match[0]), text, flags=re.MULTILINE)
    lines = zip(places, parameters_only(text.splitlines()), strict=True)
    return [Line(place, section, numbers(line)) for place, (section, line) in enumerate(lines, 1) if numbers(line)]


# The file as tables of numbers, and numbers of sentences.

Row = tuple[str, ...]


def tables(published: Published) -> Iterator[tuple[str, str, list[Row]]]:
    """Yield the name, the section and the rows of every printed table."""
    for table in published.class_tables:
        yield f"per-class table of {table.experiment}", table.section, class_rows(table)
    for results in published.result_tables:
        if results.table != "text":
            yield f"results {results.id}", results.section, result_rows(results, published)
    for search in published.searches:
        yield f"search for {search.experiment}", search.section, search_rows(search, published)
    for confusion in published.confusions:
        yield f"confusion of {confusion.experiment}", confusion.section, confusion_rows(confusion)
    for layers in published.layer_tables:
        rows = [(str(row.parameters),) for row in layers.rows if row.restored != "row"]
        yield f"layers {layers.id}", layers.section, rows


def fixed(values: Iterable[float], decimals: int) -> Row:
    return tuple(f"{value:.{decimals}f}" for value in values)


def class_rows(table: ClassTable) -> list[Row]:
    means = ((table.accuracy,), table.macro, table.weighted)
    rows = [(*fixed((line.precision, line.recall, line.f1), table.decimals), str(line.support)) for line in table.rows]
    return rows + [(*fixed(mean, table.decimals), str(table.n)) for mean in means]


def result_rows(table: ResultTable, published: Published) -> list[Row]:
    rows = []
    for name, values in table.rows.items():
        experiment = published.experiment(name)
        epoch = () if experiment.best_epoch is None else (str(experiment.best_epoch),)
        settings = tuple(as_set(value) for value in experiment.settings.values())
        rows.append((*epoch, *settings, *result_row(table, name, values, published)))
    return rows


def result_row(table: ResultTable, name: str, values: tuple[float, ...], published: Published) -> Row:
    metrics = [published.metric[column] for column in table.columns]
    return tuple(
        metric.printed(value, table.decimals_of(name, place, metric))
        for place, (value, metric) in enumerate(zip(values, metrics, strict=True))
    )


def search_rows(search: Search, published: Published) -> list[Row]:
    metrics = [published.metric[column] for column in search.columns]
    settings = len(search.space)
    return [
        (
            *(as_set(value) for value in row[:settings]),
            *(metric.printed(value) for value, metric in zip(row[settings:], metrics, strict=True)),
        )
        for row in search.rows
    ]


def confusion_rows(table: ConfusionTable) -> list[Row]:
    named = zip(table.classes, table.positive, strict=False)
    positive = [value for name, value in named if name not in table.restored]
    rows = [*table.rows.values(), positive, table.false]
    return [fixed(filter(None, row), table.decimals) for row in rows if row]


Place = tuple[str, str]


class Loose(NamedTuple):
    """A number that stands in no row of its own: who stores it, its section, as printed.

    A `total` of parameters may stand in a table of results instead.
    """

    owner: str
    section: str
    number: str
    total: bool = False

    @property
    def place(self) -> Place:
        return self.section, self.number


def loose(published: Published) -> Iterator[Loose]:
    """Yield the printed numbers that stand in no row of a table."""
    for entry in published.figures:
        if entry.known == "printed":
            yield Loose(f"number {entry.id}", entry.section, f"{entry.value:.{entry.decimals}f}")
    for counts in published.counts:
        if counts.known == "printed":
            totals = [] if counts.total is None else [counts.total]
            yield from (Loose(f"counts {counts.id}", counts.section, str(n)) for n in [*counts.rows.values(), *totals])
    if published.data.known == "printed" and published.data.clips is not None:
        yield Loose("data", published.data.section, str(published.data.clips))
    yield from loose_results(published)
    yield from loose_settings(published)


def loose_results(published: Published) -> Iterator[Loose]:
    in_rows = {name for table in published.result_tables for name in table.rows}
    for experiment in published.experiments:
        if experiment.best_epoch is not None and experiment.id not in in_rows:
            yield Loose(experiment.id, experiment.section, str(experiment.best_epoch))
    for table in published.result_tables:
        for name, values in table.rows.items() if table.table == "text" else ():
            row = result_row(table, name, values, published)
            yield from (Loose(f"results {table.id}", table.section, number) for number in row)
    yield from loose_thresholds(published)
    for layers in published.layer_tables:
        if layers.known == "printed":
            totals = [layers.total, layers.trainable, layers.frozen]
            yield from (Loose(f"layers {layers.id}", layers.section, str(n), True) for n in totals if n is not None)


def loose_thresholds(published: Published) -> Iterator[Loose]:
    numbers_of_text = {(entry.section, entry.value) for entry in published.figures}
    for claim in published.claims:
        if claim.threshold is not None:
            percent = claim.metric in published.metric and published.metric[claim.metric].percent
            threshold = round(claim.threshold * 100, 6) if percent else claim.threshold
            if (claim.section, threshold) not in numbers_of_text:
                yield Loose(f"claim {claim.id}", claim.section, as_set(threshold))


def loose_settings(published: Published) -> Iterator[Loose]:
    for search in published.searches:
        owner, experiment = f"search for {search.experiment}", published.experiment(search.experiment)
        if not search.rows:
            tried = [number for values in search.space.values() for number in as_range(values)]
            yield from (Loose(owner, search.section, number) for number in tried)
        # What was chosen stands where the search is, or as the settings of the experiment that came of it.
        section = experiment.section if experiment.settings else search.section
        yield from (Loose(owner, section, as_set(value)) for value in search.chosen.values())


def as_range(values: tuple[float, ...]) -> list[str]:
    """Write the values of a long search as documents do: first, last, step."""
    steps = {after - before for before, after in pairwise(values)}
    evenly = len(values) > 3 and len(steps) == 1
    return [as_set(value) for value in ((values[0], values[-1], *steps) if evenly else values)]


# The two compared.


def problems(published: Published, text: str) -> list[str]:
    """Return what is stored and not printed, and what is printed and not stored, a sentence each."""
    lines = printed_lines(text, published)
    everything = counted(lines)
    found = list(otherwise_set(published))
    for name, section, rows in tables(published):
        found += [f"{name}: not printed in section {section}: {row}" for row in taken(rows, section, lines)]
    stored = list(loose(published))
    order = list(dict.fromkeys(sections(text, published)))
    return [*found, *not_printed(stored, counted(lines), everything), *not_stored(lines, stored, order)]


def counted(lines: list[Line]) -> Counter[Place]:
    """Count how often each section prints each number."""
    return Counter((line.section, number) for line in lines for number in line.numbers)


def taken(rows: list[Row], section: str, lines: list[Line]) -> list[Row]:
    """Take a table's rows out of the lines, where they stand one after the other; return those that stand nowhere."""
    for start in range(len(lines) - len(rows) + 1):
        part = lines[start : start + len(rows)]
        if [line.numbers for line in part] == rows and {line.section for line in part} <= {section}:
            del lines[start : start + len(rows)]
            return []
    printed = {line.numbers for line in lines if line.section == section}
    return [row for row in rows if row not in printed] or rows


def not_printed(stored: list[Loose], printed: Counter[Place], in_tables: Collection[Place]) -> Iterator[str]:
    """Yield the numbers of sentences that their section does not print, or not as often."""
    entries = [entry for entry in stored if not (entry.total and entry.place in in_tables)]
    for place, times in Counter(entry.place for entry in entries).items():
        if times > printed[place]:
            owners = ", ".join(entry.owner for entry in entries if entry.place == place)
            yield f"{owners}: section {place[0]} prints {place[1]} {printed[place]} times"


def not_stored(lines: list[Line], stored: list[Loose], order: list[str]) -> Iterator[str]:
    """Yield the printed numbers that are stored neither in their section nor in one before it, which they repeat."""
    first: dict[str, int] = {}
    for entry in stored:
        place = order.index(entry.section) if entry.section in order else len(order)
        first[entry.number] = min(place, first.get(entry.number, place))
    for line in lines:
        for number in line.numbers:
            if first.get(number, len(order)) > order.index(line.section):
                yield f"line {line.place}: {number} is stored nowhere"


def otherwise_set(published: Published) -> Iterator[str]:
    for search in published.searches:
        settings = published.experiment(search.experiment).settings
        if settings and settings != search.chosen:
            yield f"{search.experiment} has not the settings that its search chose"
        for place, values in enumerate(search.space.values()):
            if search.rows and {row[place] for row in search.rows} != set(values):
                yield f"search for {search.experiment}: the rows have not the values of the space"


def unfounded(published: Published, text: str, sheet: str) -> list[str]:
    """Return the numbers known from elsewhere that stand in no sheet, and the counts of items that follow from none."""
    known = {*numbers(text), *numbers(sheet)}
    found = [f"{owner}: {number}" for owner, number in from_elsewhere(published) if number not in known]
    return found + [f"{owner}: {n} items" for owner, n in items(published) if n not in known_counts(published)]


def from_elsewhere(published: Published) -> Iterator[tuple[str, str]]:
    """Yield who stores a number that is known from elsewhere, and the number."""
    for entry in published.figures:
        if entry.known != "printed":
            yield entry.id, f"{entry.value:.{entry.decimals}f}"
    for counts in published.counts:
        yield from ((counts.id, str(n)) for n in counts.rows.values())
    yield from ((layers.id, str(layers.total)) for layers in published.layer_tables)


def items(published: Published) -> Iterator[tuple[str, int]]:
    """Yield who says that so many items were classified or scored."""
    for data in [published.data, *(experiment.data for experiment in published.experiments if experiment.data)]:
        if data.clips is not None:
            yield "data", sum(data.corpora.values())
            yield "data", data.clips
    yield from ((table.id, n) for table in published.result_tables for n in table.n.values())
    yield from ((table.experiment, table.n) for table in published.confusions if table.n is not None)
    results = [(number.id, number.result.n) for number in published.figures if number.result]
    yield from ((name, n) for name, n in results if n is not None)
    yield from ((counts.id, counts.total) for counts in published.counts if counts.total is not None)


def known_counts(published: Published) -> set[float]:
    """Return the counts of items that the text prints, that are known from elsewhere, or that follow from counts."""
    found = {entry.value for entry in published.figures if entry.known != "printed"}
    for counts in published.counts:
        found |= {*counts.rows.values(), sum(counts.rows.values())}
    return found | ({published.data.clips} if published.data.known == "printed" else set())


def all_problems(published: Published) -> list[str]:
    text, sheet = document(published.study), beside(f"spec/{published.study}.md")
    return [*problems(published, text), *unfounded(published, text, sheet)]


@pytest.mark.parametrize("study", DOCUMENTS)
def test_every_number_is_stored_as_printed_or_stands_in_the_sheet_of_what_is_known_from_elsewhere(study: str) -> None:
    assert all_problems(load(study)) == []


@pytest.mark.parametrize("study", DOCUMENTS)
def test_every_exemption_is_needed(study: str) -> None:
    text = document(study)
    for reason, pattern in EXEMPT[study].items():
        assert any(numbers(match[0]) for match in re.finditer(pattern, text, flags=re.MULTILINE)), reason


# The words of the findings.


def plain_words(text: str) -> str:
    """Write a text as its words: line breaks and marks differ between the document and its copy."""
    return re.sub(r"[\W_]+", " ", text).strip()


@pytest.mark.parametrize("study", DOCUMENTS)
def test_every_quote_stands_in_the_document(study: str) -> None:
    published, text = load(study), plain_words(document(study))
    quotes = [entry.quote for entry in (*published.findings, *published.claims) if entry.quote]
    assert quotes
    assert [part for quote in quotes for part in quote.split("[...]") if plain_words(part) not in text] == []


# Whether an error would be seen.

# What the document does not print; and small whole numbers of a sentence, which may turn into another of its section.
UNPRINTED = re.compile(r"#|schema|overall|per_class|resolution|restored|n = \{|value = \d\d?$")
FROM_ELSEWHERE = re.compile(
    r"^\[\[(number|counts)\]\]\n(.+\n)*?known = .*\n(.+\n)*|^\[\[finding\]\]\n(?s:.*)", flags=re.MULTILINE
)


def digits(text: str) -> list[int]:
    """Return where the digits of printed numbers are in a file."""
    bare = FROM_ELSEWHERE.sub(lambda match: re.sub(r"\d", " ", match[0]), text)
    bare = re.sub(r'"[^"\n]*"', lambda match: " " * len(match[0]), bare)
    found, start = [], 0
    for line in bare.splitlines(keepends=True):
        if not UNPRINTED.match(line):
            values = re.finditer(r"(?<![\w-])\d[\d.e-]*", line)
            found += [start + match.start() + i for match in values for i, c in enumerate(match[0]) if c.isdigit()]
        start += len(line)
    return found


def is_seen(text: str, path: Path) -> bool:
    path.write_text(text, encoding="utf-8")
    try:
        return bool(all_problems(read(path)))
    except InputError:
        return True


@pytest.mark.parametrize("study", DOCUMENTS)
def test_a_wrong_digit_is_seen(study: str, tmp_path: Path) -> None:
    text = (FOLDER / f"{study}.toml").read_text(encoding="utf-8")
    draw = random.Random(study)
    for place in draw.sample(digits(text), 25):
        wrong = draw.choice([digit for digit in "0123456789" if digit != text[place]])
        line = text.count("\n", 0, place) + 1
        assert is_seen(text[:place] + wrong + text[place + 1 :], tmp_path / "mutated.toml"), f"line {line}: {wrong}"


@pytest.mark.parametrize(
    ("study", "row"),
    [
        ("valence_parallel_conv", "combination-9 = "),
        ("freesound_tagging", "gru = ["),
        ("music_mood_wavenet", "ensemble-ce = [0"),
        ("emotify_features", "sadness = 96"),
        ("ser_parallel", "  [0.001, 0.437"),
        ("ser_parallel", '  ["fear", 0.44'),
    ],
)
def test_a_lost_row_is_seen(study: str, row: str, tmp_path: Path) -> None:
    text = (FOLDER / f"{study}.toml").read_text(encoding="utf-8")
    lost = re.sub(rf"^{re.escape(row)}.*\n", "", text, count=1, flags=re.MULTILINE)
    assert lost != text
    assert is_seen(lost, tmp_path / "mutated.toml")


@pytest.mark.parametrize("study", DOCUMENTS)
def test_every_result_says_of_which_split_it_is(study: str) -> None:
    published = load(study)
    tables = [*published.class_tables, *published.result_tables, *published.confusions]
    results = [number.result for number in published.figures if number.result]
    assert [one for one in (*tables, *results) if not one.split] == []
