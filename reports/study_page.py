"""The pages of one study, section by section.

Every experiment with its verdict, which model to take, what the audit of the published numbers found, what the errors
and the protocols were worth; apart, the document's tables with ours beside them, and each experiment in detail.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from common.published import Published
from common.published.schema import Metric, ResultTable
from common.runs.search_records import SearchResult
from common.runs.store import StoredRecord
from reports import advice, conclusions, models
from reports.audit import beside_arithmetic
from reports.audit.finding import CONTRADICTED, SUPPORTED, Finding, counts_in_words
from reports.audit.finding import VERDICTS as VERDICTS_OF_CLAIMS
from reports.blocks import (
    MISSING,
    Block,
    Cell,
    Chapter,
    Column,
    Leads,
    Link,
    Number,
    Section,
    Shown,
    Table,
    Typed,
    Words,
    leads_of,
)
from reports.class_tables import class_table
from reports.columns import Side, difference, finer, points, sides_of, written
from reports.effects import Effect, PairedRun
from reports.experiment_pages import Matrices, Touched, experiment_sections, matrix_tables, touched_by
from reports.figures import Picture
from reports.front_page import DEMO_NOTICE, front_table
from reports.results import Group
from reports.search_tables import search_table
from reports.studies import Answers
from reports.tables import count_table, parameter_table, result_table, text_numbers
from reports.verdicts import Verdicts
from reports.wording import in_words, listed, sentence

FEW = 3
"""Seeds that are listed one by one."""
EFFECTS = ("errors", "protocols")
"""How the names of pictures begin that show what changes are worth."""

MORE_FINDINGS = "What the audit noticed, and what is supported"
OTHER_SOURCES = "named under what the audit noticed"

OVERVIEW = ("headline", "seeds", "cost")
"""How the names of pictures begin that compare experiments."""

NO_ANSWERS = Answers()


def chapter(
    published: Published,
    groups: Sequence[Group],
    changes: Sequence[Effect],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    matrices: Matrices,
    verdicts: Verdicts,
    searches: Sequence[SearchResult] = (),
    answered: Answers = NO_ANSWERS,
) -> Chapter:
    """Return all that is said of one study.

    Args:
        published: what the document publishes.
        groups: the study's groups, in order; none where nothing was run.
        changes: what protocols and switches change.
        pictures: what will be drawn.
        findings: of the audit of the published numbers.
        matrices: confusion matrices recovered from published percentages, by experiment: integers (true, predicted).
        verdicts: on the document's numbers.
        searches: over settings, made by us.
        answered: what the study answers besides.
    """
    shown = [group for group in groups if group.experiment not in answered.compared]
    sides = sides_of(shown)
    one_by_one = experiment_sections(published, shown, verdicts, pictures, findings, matrices, answered.sections)
    touched = touched_by(published, findings, [section.name for section in one_by_one])
    concluded = conclusions.conclusions(published, groups)
    cited = advice.section(published, findings, concluded, changes)
    leads = leads_of(published.study, [*answered.sections, cited])
    sections = [
        _overview(published, shown, sides, verdicts, pictures, leads, answered.compared),
        models.section(published, groups, [section.name for section in one_by_one]),
        _audit(findings, touched),
        _effects(published, changes, pictures),
        *answered.sections,
        cited,
        _more_findings(findings, touched),
        conclusions.section(published, concluded, findings),
        _printed_tables(published, sides, verdicts, searches, pictures, matrices),
        _illustrated(pictures),
        *one_by_one,
    ]
    known = tuple(section for section in sections if section.blocks)
    return Chapter(published.study, published.title, known, about=_about(published))


def _about(published: Published) -> str:
    """Say which document it is: who wrote it, what it is called, of when it is, where it can be had."""
    by = listed(published.authors) or "Authors not named in our copy"
    date = published.date or "undated"
    had = f" {sentence(published.available)}." if published.available else ""
    return f"{by}: {published.original_title or published.title}, {date}.{had}"


def _overview(
    published: Published,
    groups: Sequence[Group],
    sides: Sequence[Side],
    verdicts: Verdicts,
    pictures: Sequence[Picture],
    leads: Sequence[tuple[str, tuple[Link, ...]]],
    compared: Collection[str],
) -> Section:
    demo = bool(groups) and all(group.demo for group in groups)
    # The file tells of the runs that are shipped with it, not of a reader's own.
    shipped = sides and all(isinstance(run.record, StoredRecord) for side in sides for run in side.group.runs)
    return Section(
        "experiments",
        "Every experiment",
        (
            *([Words(DEMO_NOTICE, warning=True)] if demo else []),
            *([Leads(tuple(leads))] if leads else []),
            *([Words(published.tested)] if published.tested and shipped else []),
            front_table(published, sides, verdicts, compared),
            *_shown(picture for picture in pictures if picture.name.startswith(OVERVIEW)),
        ),
    )


def _illustrated(pictures: Sequence[Picture]) -> Section:
    """Return the document's figures of clips, models and searches, made from ours."""
    words = "The document's figures of its data, of single clips and of its models, made from those that we run."
    shown = _shown(one for one in pictures if not one.experiment and not one.name.startswith((*OVERVIEW, *EFFECTS)))
    return Section("figures", "Clips, models and searches", (Words(words), *shown) if shown else (), apart=True)


def _shown(pictures: Iterable[Picture]) -> list[Block]:
    return [Shown(picture.name, picture.title) for picture in pictures]


def _audit(findings: Sequence[Finding], touched: Touched) -> Section:
    """Return what the published numbers contradict; folded, where there is such a thing, what they do not show."""
    judged = [finding for finding in findings if finding.kind != "remark"]
    known = [finding for finding in judged if finding.source]
    besides = f", {len(known)} of them by other sources too ({OTHER_SOURCES})" if known else ""
    words = (
        f"No run of ours is needed here: all is judged by arithmetic on the published numbers{besides}. "
        f"{sentence(counts_in_words(findings))}."
    )
    wrong = [finding for finding in judged if finding.verdict == CONTRADICTED]
    rest = [finding for finding in judged if finding.verdict not in (CONTRADICTED, SUPPORTED)]
    tables = (
        _finding_table("findings", "Contradicted", wrong, touched),
        replace(_finding_table("not-shown", "Not shown, or not printed", rest, touched), folded=bool(wrong)),
    )
    return Section("findings", "What the audit found", (Words(words), *(table for table in tables if table.rows)))


def _more_findings(findings: Sequence[Finding], touched: Touched) -> Section:
    """Return what we notice besides, and what the published numbers support."""
    remarks = [finding for finding in findings if finding.kind == "remark"]
    judged = [finding for finding in findings if finding.kind != "remark"]
    words = Words(f"How this is known: {beside_arithmetic(findings)}.")
    tables = (
        _finding_table("remarks", "What we notice, and no author claims", remarks, touched),
        _finding_table("holding", "Supported", [one for one in judged if one.verdict == SUPPORTED], {}),
    )
    shown = tuple(table for table in tables if table.rows)
    return Section("more-findings", MORE_FINDINGS, (words, *shown) if shown else (), apart=True)


def _finding_table(name: str, caption: str, findings: Sequence[Finding], touched: Touched) -> Table:
    """Return a line per finding, contradictions first; symptoms follow what they are symptoms of."""
    shown = list(findings)
    order = {finding.id: (_severity(finding), place) for place, finding in enumerate(shown)}
    shown.sort(key=lambda one: (order.get(one.under, order[one.id]), bool(one.under)))
    rows: list[tuple[Cell, ...]] = []
    for finding in shown:
        verdict = [] if finding.kind == "remark" else [finding.verdict]
        claim = f"Symptom of {finding.under}: {finding.claim}" if finding.under else finding.claim
        experiments = [touched[finding.id]] if touched else []
        rows.append((claim, *verdict, finding.evidence, *experiments, finding.id))
    columns = (
        Column("Remark" if name == "remarks" else "Claim", kind="prose"),
        *[Column("Verdict", kind="verdict")] * (name != "remarks"),
        Column("Evidence", kind="prose"),
        *[Column("Experiments run")] * bool(touched),
        Column("Id", kind="code"),
    )
    counted = sum(not finding.under for finding in shown)
    symptoms = f", and symptoms of these: {len(shown) - counted}" if counted < len(shown) else ""
    anchors = tuple(finding.id for finding in shown)
    return Table(name, f"{caption}: {counted}{symptoms}", columns, tuple(rows), anchors=anchors)


def _severity(finding: Finding) -> int:
    return VERDICTS_OF_CLAIMS.index(finding.verdict) if finding.verdict in VERDICTS_OF_CLAIMS else 0


def _effects(published: Published, changes: Sequence[Effect], pictures: Sequence[Picture]) -> Section:
    """Return what single switches and what whole protocols change, as far as either was run."""
    single = [effect for effect in changes if effect.other.first["changed"]]
    whole = [effect for effect in changes if not effect.other.first["changed"]]
    tables = [
        _effect_table(published, "errors", "one switch changed, minus without", single),
        _effect_table(published, "protocols", "another protocol, minus the runs under Instead of", whole),
    ]
    shown = _shown(picture for picture in pictures if picture.name.startswith(EFFECTS))
    # The pictures say most of it; the tables have the seeds and the tests.
    known = [replace(table, folded=bool(shown)) for table in tables if table.rows]
    title = "What each error and each protocol is worth"
    switches = Typed(f"python -m reproductions.{published.study} list")
    meaning = (Words("What each switch means, and the evidence for it:"), switches)
    return Section("effects", title, (*shown, *known, *meaning) if known else ())


def _effect_table(published: Published, name: str, what: str, effects: Sequence[Effect]) -> Table:
    metrics = listed(dict.fromkeys(f"{in_words(one.metric)}{points(published, one.metric)}" for one in effects))
    columns = (
        Column("Experiment"),
        Column("Change"),
        Column("Instead of"),
        Column("Difference", kind="number"),
        Column("Std", kind="number"),
        Column("Training clips"),
        Column("Seed by seed"),
        Column("McNemar's p"),
        Column("Interval"),
    )
    rows, caption = (
        tuple(_effect_row(published, effect) for effect in effects),
        f"{sentence(metrics)} with {what}, on the same seeds",
    )
    notes = ("One seed decides nothing. Where the number of training clips differs, that is part of the difference.",)
    return Table(name, caption, columns, rows, notes=(*notes, *_demo_note(effects)))


def _trained_on(group: Group) -> str:
    """Write how many clips the folds were trained on: `243`, or `187 to 216`."""
    sizes = [fold["train"] for run in group.runs for fold in run.data["folds"]]
    return " to ".join(dict.fromkeys(f"{size:,}" for size in (min(sizes), max(sizes))))


def _demo_note(effects: Sequence[Effect]) -> tuple[str, ...]:
    return (DEMO_NOTICE,) if any(effect.other.demo for effect in effects) else ()


def _effect_row(published: Published, effect: Effect) -> tuple[Cell, ...]:
    base = effect.base
    write = partial(difference, published, effect.metric)
    low, high = map(write, effect.interval)
    each = {pair.seed: pair.difference for pair in effect.pairs}
    by = Number(f"{write(effect.mean)} [{low}, {high}]", effect.mean, effect.interval, seeds=each)
    metric = finer(published, effect.metric, base.experiment)
    std = Number(written(metric, effect.std), effect.std) if effect.std is not None else None
    paired = seed_by_seed(effect.pairs, metric), mcnemar_in_words(effect.pairs)
    name = Link(published.experiment(base.experiment).short, published.study, base.experiment)
    instead_of = f"{base.protocol}{', demo' * base.demo}"
    trained = " → ".join(dict.fromkeys(map(_trained_on, (base, effect.other))))
    return (name, effect.change, instead_of, by, std, trained, *paired, effect.method)


def seed_by_seed(pairs: Sequence[PairedRun], metric: Metric) -> str:
    """Write both scores of each seed, or of many seeds from where to where they go."""
    before, after = ([getattr(pair, side) for pair in pairs] for side in ("base", "other"))
    if len(pairs) <= FEW:
        both = zip(before, after, strict=True)
        return ", ".join(f"{written(metric, one)} → {written(metric, other)}" for one, other in both)
    ends = ((min(values), max(values)) for values in (before, after))
    return " → ".join(f"{written(metric, low)} to {written(metric, high)}" for low, high in ends)


def mcnemar_in_words(pairs: Sequence[PairedRun]) -> str:
    """Write McNemar's p of each seed that has the same clips on both sides, or of many seeds lowest and highest."""
    found = [pair.test.p for pair in pairs if pair.test is not None]
    if not found:
        return MISSING
    if len(pairs) <= FEW:
        return ", ".join(MISSING if pair.test is None else f"{pair.test.p:.2g}" for pair in pairs)
    of = f" ({len(found)} of {len(pairs)} seeds)" if len(found) < len(pairs) else ""
    return f"{min(found):.2g} to {max(found):.2g}{of}"


def _printed_tables(
    published: Published,
    sides: Sequence[Side],
    verdicts: Verdicts,
    searches: Sequence[SearchResult],
    pictures: Sequence[Picture],
    matrices: Matrices,
) -> Section:
    """Return the document's tables that span experiments, those of what was not run, its searches, counts and text."""
    not_run = [name for name in published.by_id if name not in {side.group.experiment for side in sides}]
    tables = [
        *(result_table(published, tables, sides, verdicts) for tables in _of_same_columns(published.result_tables)),
        *(search_table(published, search, _for(search.experiment, searches)) for search in published.searches),
        *(count_table(published, counts, sides) for counts in published.counts),
        *(class_table(published, name, []) for name in not_run if published.table(name)),
        *(table for name in not_run for table in matrix_tables(published, name, [], matrices)),
        parameter_table(published, sides),
        text_numbers(published),
    ]
    known = (table for table in tables if table is not None)
    shown = _shown(picture for picture in pictures if picture.experiment in not_run)
    return Section("tables", "Tables of the document", (*known, *shown), apart=True)


def _for(experiment: str, searches: Sequence[SearchResult]) -> list[SearchResult]:
    return [search for search in searches if search.data["experiment"] == experiment]


def _of_same_columns(tables: Iterable[ResultTable]) -> list[list[ResultTable]]:
    """Put together what a document publishes in several tables of the same columns, one row each."""
    found: dict[tuple[str, ...], list[ResultTable]] = {}
    for table in tables:
        found.setdefault(table.columns, []).append(table)
    return list(found.values())
