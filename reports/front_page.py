"""The front tables: a line per document, and a line per experiment and protocol."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from common.published import Published
from common.published.schema import Experiment
from reports.audit.finding import VERDICTS as VERDICTS_OF_CLAIMS
from reports.audit.finding import Finding
from reports.blocks import Cell, Column, Link, Number, Table
from reports.columns import Side, heading, notes_on, precise, printed_number, ranked_by
from reports.results import Group
from reports.verdicts import NOT_RUN, VERDICTS, Verdicts

FRONT_COLUMNS = (
    Column("Experiment"),
    Column("Verdict", kind="verdict"),
    Column("Published", kind="number"),
    Column("Ours", kind="number"),
    Column("Metric"),
    Column("Protocol"),
    Column("n", kind="number"),
    Column("Seeds", kind="number"),
    Column("Why", kind="prose"),
    Column("Id", kind="code"),
    Column("Section"),
)

MORE_THAN_ONE_RUN = "n is larger than the clips of one run where seeds leave out different clips."


def front_table(
    published: Published, sides: Sequence[Side], verdicts: Verdicts, compared: Collection[str] = ()
) -> Table:
    """Return a line per experiment and protocol with the metric by which the document ranks: published, ours, verdict.

    Experiments that are compared elsewhere on the page have no line.
    """
    listed = [experiment for experiment in published.experiments if experiment.id not in compared]
    rows = [row for experiment in listed for row in _front_rows(published, experiment, sides, verdicts)]
    drawn = any(len(side.group.distinct) > side.group.first["data"]["clips"] for side in sides)
    more = f"{len(compared)} more experiments print no number; those that were run as described are compared below."
    return Table(
        "experiments",
        "Published and ours, in the metric that ranks the experiments",
        FRONT_COLUMNS,
        tuple(rows),
        notes=(*notes_on(published, sides), *([MORE_THAN_ONE_RUN] if drawn else []), *([more] if compared else [])),
    )


def _front_rows(
    published: Published, experiment: Experiment, sides: Sequence[Side], verdicts: Verdicts
) -> Iterable[tuple[Cell, ...]]:
    own = [side for side in sides if side.group.experiment == experiment.id]
    metric = ranked_by(published, published.numbers(experiment.id))
    shown = bool(own) or has_tables(published, experiment.id)
    name = Link(experiment.title, published.study, experiment.id) if shown else experiment.title
    printed = printed_number(published, experiment.id, metric)
    end = (experiment.id, experiment.section)
    for side in own:
        verdict, why = verdicts.on(metric, side.group)
        number = precise(published, side.group, metric)
        n = Number(f"{number.n:,}", number.n) if number and number.n is not None else None
        seeds = Number(f"{len(side.group.seeds)}", len(side.group.seeds))
        yield (name, verdict, printed, number, heading(published, metric), side.name, n, seeds, why, *end)
    if not own:
        yield (name, NOT_RUN, printed, None, heading(published, metric), None, None, None, "", *end)


def has_tables(published: Published, experiment: str) -> bool:
    """Return whether the document has a per-class table or a confusion matrix of an experiment."""
    return published.table(experiment) is not None or published.confusion(experiment) is not None


def all_experiments(
    studies: Iterable[tuple[Published, Sequence[Side], Verdicts]], compared: Collection[str] = ()
) -> Table:
    """Return the front tables of several studies as one, with the document instead of id and section."""
    rows = [
        (*row[:-2], Link(known.title, known.study))
        for known, sides, verdicts in studies
        for experiment in known.experiments
        if experiment.id not in compared
        for row in _front_rows(known, experiment, sides, verdicts)
    ]
    columns = (*FRONT_COLUMNS[:-2], Column("Document"))
    return Table("all-experiments", "Every experiment of every document", columns, tuple(rows))


def study_table(
    studies: Iterable[tuple[Published, Sequence[Group], Sequence[Finding], Verdicts]], compared: Collection[str] = ()
) -> Table:
    """Return a line per study: how many of its experiments were run, and how its published numbers fare.

    Experiments that are compared elsewhere are ours, and counted apart.
    """
    columns = (
        Column("Document"),
        Column("Experiments", "all", "number"),
        Column("Experiments", "run", "number"),
        *(Column("Claims and checks", word, "number") for word in VERDICTS_OF_CLAIMS),
        *(Column("Published numbers", word, "number") for word in VERDICTS),
    )
    return Table(
        "studies",
        "Documents",
        columns,
        tuple(_study_row(*study, compared) for study in studies),
        notes=(
            "Behind a plus stand the experiments that we added to the document's, to answer its question. Claims and "
            "checks are judged by the published numbers alone; an error counts once, whatever its symptoms, and what "
            "we merely notice is in no count. The last five columns count the published numbers of whole experiments "
            "that are judged, by their verdict; those of single classes and cells are on the document's page.",
        ),
    )


def _study_row(
    known: Published,
    groups: Sequence[Group],
    findings: Sequence[Finding],
    verdicts: Verdicts,
    compared: Collection[str],
) -> tuple[Cell, ...]:
    run = {group.experiment for group in groups}
    claims = Counter(finding.verdict for finding in findings if finding.counted)
    counts = Counter(row.verdict for row in verdicts.all if row.scope == "overall")
    return (
        Link(known.title, known.study),
        *(_theirs_and_ours(names, compared) for names in (set(known.by_id), run)),
        *(_count(claims[word]) for word in VERDICTS_OF_CLAIMS),
        *(_count(counts[word]) for word in VERDICTS),
    )


def _count(number: int) -> Number:
    return Number(f"{number:,}", number)


def _theirs_and_ours(experiments: Collection[str], compared: Collection[str]) -> Number:
    """Count the document's experiments, and behind them ours."""
    ours = sum(name in compared for name in experiments)
    theirs = len(experiments) - ours
    return Number(f"{theirs}" + (f" + {ours}" if ours else ""), theirs)
