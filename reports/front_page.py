"""The front page of all studies, and the table that each one begins with: a line per experiment and protocol."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from common.published import Published
from common.published.comparability import data_in_words, obstacles
from common.published.schema import Experiment
from reports.audit.finding import CONTRADICTED, SUPPORTED, Finding, counts_in_words, counts_of
from reports.audit.finding import VERDICTS as VERDICTS_OF_CLAIMS
from reports.blocks import Block, Cell, Chapter, Column, Facts, Leads, Link, Number, Shown, Table, Words, cell_text
from reports.columns import (
    Side,
    heading,
    leaks_of,
    marked,
    metric_of,
    notes_on,
    precise,
    printed_number,
    ranked_by,
    shown_metric,
    sides_of,
)
from reports.results import ERRORS, LEAKY, PROTOCOLS, Group
from reports.verdicts import NOT_RUN, VERDICTS, Verdicts
from reports.wording import in_words, listed, sentence

READING = Facts(
    "How to read the tables",
    (
        (
            "Protocols",
            "published does what the published numbers indicate was done; corrected fixes the errors; independent goes "
            "on from there and keeps speakers, songs and sources apart between training and test, or leaves doubtful "
            "clips out",
        ),
        (
            "Verdicts on numbers",
            "of published alone: reproduced, not reproduced, or inconclusive; not comparable on other data or "
            "settings, or where the document leaves out what decides it. The other protocols are not judged: how far "
            "they are from published is the finding",
        ),
        (
            "Verdicts on claims",
            "supported; contradicted, by print or a hard fact; not shown, where the 95 % CI does not decide or the "
            "evidence is indirect; not printed, where the document gives no number. In our runs a claim holds, does "
            "not hold, or is not shown. Most published numbers are of one training: a verdict is on the trained "
            "models, and does not cover what another seed would change",
        ),
        ("Comparisons", "what a table suggests, and the text does not say: judged like claims"),
        ("Consistency checks", "whether published numbers agree: sums, rounding, parameters"),
        (
            "Intervals",
            "95 %. Over several seeds they are of the mean, and cover the spread over clips (or songs, or speakers) "
            "and over seeds. The table of a difference names its method",
        ),
        ("n", "distinct test clips"),
        (LEAKY, "the test clips are not apart from what the model was trained or chosen on"),
    ),
)
DONE = {
    "published": "when done as its numbers indicate",
    "corrected": "with its errors fixed",
}
"""What a protocol does, in words; `independent` differs from document to document, and its switches say how."""
DEMO_NOTICE = "DEMO corpus: synthesised sounds. These numbers say that the code runs, and nothing about the document."
REASON = Column("Why", kind="prose")
FRONT_COLUMNS = (
    Column("Experiment"),
    Column("Verdict", kind="verdict"),
    Column("Published", kind="number"),
    Column("Ours", kind="number"),
    Column("Metric"),
    Column("Protocol"),
    Column("n", kind="number"),
    Column("Seeds", kind="number"),
    REASON,
    Column("Id", kind="code"),
)

EARLY = 10
"""A best epoch up to this one, and in the first tenth of them, is worth a note: such a network learned little."""
MORE_THAN_ONE_RUN = "n is larger than the clips of one run where seeds leave out different clips."


def front_table(
    published: Published, sides: Sequence[Side], verdicts: Verdicts, compared: Collection[str] = ()
) -> Table:
    """Return a line per experiment and protocol with the metric by which the document ranks: published, ours, verdict.

    Experiments that are compared elsewhere on the page have no line.
    """
    listed = [experiment for experiment in published.experiments if experiment.id not in compared]
    rows = [row for experiment in listed for row in _front_rows(published, experiment, sides, verdicts)]
    shown = [side for side in sides if side.group.experiment in {experiment.id for experiment in listed}]
    drawn = any(len(side.group.distinct) > side.group.first["data"]["clips"] for side in sides)
    more = f"{len(compared)} more experiments are ours, not the document's: the questions below compare those we ran."
    columns, rows = _without_one_reason(FRONT_COLUMNS, rows)
    return Table(
        "experiments",
        "Published and ours, in the metric that ranks the experiments",
        columns,
        tuple(rows),
        notes=(
            *leaks_of(shown),
            *notes_on(published, sides),
            *([MORE_THAN_ONE_RUN] if drawn else []),
            *_no_better_than_baselines(published, shown),
            *_constant(shown),
            *_stopped_early(shown),
            *([more] if compared else []),
        ),
    )


def _no_better_than_baselines(published: Published, sides: Sequence[Side]) -> list[str]:
    """Name the experiments whose score is not shown to be above that of a baseline of the same clips.

    Errors are left out: documents rank by those of validation clips, and baselines are of test clips.
    """
    found: dict[str, list[str]] = {}
    for side in sides:
        metric = shown_metric(published, published.experiment(side.group.experiment), [side.group])
        result, known = side.group.result(metric), side.group.baselines
        scores = {name: row[metric] for name, row in known.items() if metric in row}
        if result is None or not scores or metric in ERRORS:
            continue
        best = max(scores, key=lambda name: scores[name])
        if result.interval[0] <= scores[best]:
            baseline = f"{best} baseline in {in_words(metric)}, {scores[best]:.3f}"
            found.setdefault(baseline, []).append(f"{side.group.experiment} ({side.name})")
    return [f"Not shown to be above the {baseline}: {listed(names)}." for baseline, names in found.items()]


def _constant(sides: Sequence[Side]) -> list[str]:
    """Name the experiments that say the same of every clip: their score is that of a constant."""
    names = [f"{side.group.experiment} ({side.name})" for side in sides if all(run.constant for run in side.group.runs)]
    return [f"The same answer for every clip, whatever the score: {listed(names)}."] if names else []


def _stopped_early(sides: Sequence[Side]) -> list[str]:
    """Name the experiments most of whose folds were tested with the weights of a first epoch, by early stopping."""
    found = []
    for side in sides:
        training = side.group.first["configuration"]
        best = [fold["best_epoch"] for run in side.group.runs for fold in run.data["folds"]]
        if not training.get("patience") or None in best:
            continue
        early = [epoch for epoch in best if epoch <= min(EARLY, training["epochs"] / 10)]
        if len(early) > len(best) / 2:
            epochs = " to ".join(dict.fromkeys(str(epoch) for epoch in (min(early), max(early))))
            of_folds = f" in {len(early)} of {len(best)} folds" if len(early) < len(best) else ""
            found.append(f"{side.group.experiment} ({side.name}, {epochs} of {training['epochs']}{of_folds})")
    words = "Tested with the weights of an early epoch, after which no validation score was better"
    return [f"{words}: {listed(found)}."] if found else []


def _without_one_reason(
    columns: tuple[Column, ...], rows: list[tuple[Cell, ...]]
) -> tuple[tuple[Column, ...], list[tuple[Cell, ...]]]:
    """Leave out the column of reasons where all verdicts have the same: the notes on our columns give it."""
    place = columns.index(REASON)
    if len({row[place] for row in rows} - {""}) > 1:
        return columns, rows
    return columns[:place] + columns[place + 1 :], [row[:place] + row[place + 1 :] for row in rows]


def _front_rows(
    published: Published, experiment: Experiment, sides: Sequence[Side], verdicts: Verdicts
) -> Iterable[tuple[Cell, ...]]:
    own = [side for side in sides if side.group.experiment == experiment.id]
    metric = shown_metric(published, experiment, [side.group for side in own])
    name = Link(experiment.short, published.study, experiment.id) if own else experiment.short
    printed = printed_number(published, experiment.id, metric)
    for side in own:
        verdict, why = verdicts.on(metric, side.group)
        number = precise(published, side.group, metric)
        n = Number(f"{number.n:,}", number.n) if number and number.n is not None else None
        seeds = Number(f"{len(side.group.seeds)}", len(side.group.seeds))
        ours = marked(number, side.group)
        cells = (name, verdict, printed, ours, heading(published, metric), side.name, n, seeds)
        yield (*cells, why.partition(";")[0], experiment.id)
    if not own:
        yield (name, NOT_RUN, printed, None, heading(published, metric), None, None, None, "", experiment.id)


class Known(NamedTuple):
    """What the front page knows of a study."""

    published: Published
    groups: Sequence[Group]
    findings: Sequence[Finding]
    verdicts: Verdicts
    chapter: Chapter
    compared: Collection[str]


def front_blocks(studies: Sequence[Known]) -> list[Block]:
    """Return what stands before the studies: what was found, the picture that shows it, a line per document."""
    strongest = _strongest(studies)
    shown = _picture(strongest[0].chapter) if strongest else []
    demo = [group.demo for known in studies for group in known.groups]
    warning = [Words(DEMO_NOTICE, warning=True)] if demo and all(demo) else []
    return [*warning, found(studies), *shown, READING, study_table(studies)]


def found(studies: Sequence[Known]) -> Leads:
    """Return the findings in a sentence or two each: the most complete result, one of each document, the audits."""
    strongest = _strongest(studies)
    rows = [_result(*strongest)] if strongest else []
    rows += [row for known in studies for row in known.chapter.leads[:1]]
    return Leads((*rows, _audits(studies)))


def _strongest(studies: Sequence[Known]) -> tuple[Known, Side] | None:
    """Return the result with most seeds among those on the document's own data, settings and kind of weights."""
    complete = [
        (known, side)
        for known in studies
        for side in sides_of(known.groups)
        if known.published.numbers(side.group.experiment)
        and side.group.protocol == PROTOCOLS[0]
        and not obstacles(side.group.first, known.published)
    ]
    return max(complete, key=lambda one: len(one[1].group.runs), default=None)


def _result(known: Known, first: Side) -> tuple[str, tuple[Link, ...]]:
    """Say what is published of an experiment and what we have under each protocol."""
    published, experiment = known.published, known.published.experiment(first.group.experiment)
    metric = ranked_by(published, published.numbers(experiment.id))
    printed = printed_number(published, experiment.id, metric)
    own = [side for side in sides_of(known.groups) if side.group.experiment == experiment.id]
    unit = " %" * metric_of(published, metric).percent
    items = published.data_of(experiment.id).items
    ours = [
        f"{number.text}{unit} {_done(side, own, items)}"
        for side in own
        if (number := precise(published, side.group, metric))
    ]
    verdict, why = known.verdicts.on(metric, first.group)
    seeds = f"{len(first.group.runs)} seeds, {data_in_words(first.group.first, published)}"
    text = (
        f"{experiment.title}: {in_words(metric)} {printed.text if printed else ''}{unit} in {published.document}. "
        f"Ours ({seeds}): {'; '.join(ours)}. "
        f"{sentence(verdict)}: {why.partition(';')[0]}."
    )
    return text, (Link("Is it right, and why?", published.study, experiment.id),)


def _done(side: Side, sides: Sequence[Side], items: str) -> str:
    """Say what a side does; of one without words of its own, which switches differ from the side before it."""
    if side.group.protocol in DONE:
        return DONE[side.group.protocol]
    before = sides[max(sides.index(side) - 1, 0)].group.first["switches"]
    own = side.group.first
    changes = [f"{name} {value}" for name, value in own["switches"].items() if before.get(name) != value]
    fewer = f", {own['data']['clips']:,} {items}" * (own["data"]["clips"] != sides[0].group.first["data"]["clips"])
    return f"with {listed(changes)} too{fewer}" if changes else side.name


def _picture(chapter: Chapter) -> list[Block]:
    """Return a study's first picture, which compares its published numbers with ours."""
    blocks = (block for section in chapter.sections for block in section.blocks if isinstance(block, Shown))
    first = next(blocks, None)
    return [replace(first, study=chapter.study)] if first else []


def _audits(studies: Sequence[Known]) -> tuple[str, tuple[Link, ...]]:
    """Say what the published numbers of all documents contradict by themselves."""
    wrong = {
        known.published.study: sum(one.counted and one.verdict == CONTRADICTED for one in known.findings)
        for known in studies
    }
    links = tuple(
        Link(f"{known.chapter.title} ({wrong[known.published.study]})", known.published.study, "findings")
        for known in studies
        if wrong[known.published.study]
    )
    numbers = Counter(row.verdict for known in studies for row in known.verdicts.all if row.scope == "overall")
    decided = [f"{numbers[word]} {word}" for word in VERDICTS if numbers[word]]
    text = (
        f"Published numbers of whole experiments, compared with our runs: {listed(decided)}. Without any run of ours, "
        f"{counts_in_words([one for known in studies for one in known.findings])}. Contradicted:"
    )
    return text, links


def study_table(studies: Sequence[Known]) -> Table:
    """Return a line per study: how many of its experiments were run, and how its published numbers fare.

    Experiments that are compared elsewhere are ours, and counted apart. A verdict that nobody has has no column.
    """
    columns = (
        Column("Document"),
        Column("Experiments", "all", "number"),
        Column("Experiments", "run", "number"),
        *(Column("Claims", word, "number") for word in VERDICTS_OF_CLAIMS),
        Column("Comparisons", "supported", "number"),
        Column("Consistency checks", "hold", "number"),
        *(Column("Published numbers", word, "number") for word in VERDICTS),
    )
    rows = [_study_row(known) for known in studies]
    cells = zip(columns, zip(*rows, strict=True), strict=True)
    kept = [
        place
        for place, (column, own) in enumerate(cells)
        if column.side in ("", "all", "run", "hold") or column.title == "Comparisons" or _counts(own)
    ]
    return Table(
        "studies",
        "Documents",
        tuple(columns[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
        notes=(
            "Behind a plus stand the experiments that we added to the document's. An error counts once, whatever its "
            "symptoms. Published numbers are those of whole experiments; those of classes and cells are further in.",
        ),
    )


def _study_row(known: Known) -> tuple[Cell, ...]:
    run = {group.experiment for group in known.groups}
    claims, *others = (counts_of(known.findings, kind) for kind in ("claim", "comparison", "check"))
    counts = Counter(row.verdict for row in known.verdicts.all if row.scope == "overall")
    return (
        Link(known.chapter.title, known.published.study),
        *(_theirs_and_ours(names, known.compared) for names in (set(known.published.by_id), run)),
        *(_count(claims[word]) for word in VERDICTS_OF_CLAIMS),
        *(Number(f"{one[SUPPORTED]} of {one.total()}", one[SUPPORTED]) if one else None for one in others),
        *(_count(counts[word]) for word in VERDICTS),
    )


def _counts(cells: Iterable[Cell]) -> bool:
    return any(cell_text(one) != "0" for one in cells)


def _count(number: int) -> Number:
    return Number(f"{number:,}", number)


def _theirs_and_ours(experiments: Collection[str], compared: Collection[str]) -> Number:
    """Count the document's experiments, and behind them ours."""
    ours = sum(name in compared for name in experiments)
    theirs = len(experiments) - ours
    return Number(f"{theirs}" + (f" + {ours}" if ours else ""), theirs)
