"""What a report says of one study, section by section; and the front table of all studies.

Per document: every experiment with its verdict, what the audit of the printed numbers found, what the slips and the
protocols were worth, the printed tables with ours beside them, and each experiment in detail.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from common.progress import duration_in_words
from common.published import Published
from common.published.schema import Experiment, ResultTable
from common.runs.search_records import SearchResult
from reports import conclusions
from reports.audit import beside_arithmetic, on_document
from reports.audit.finding import Finding
from reports.beside import NOT_JUDGED, Side, heading, judged_on, notes_on, precise, printed_number, ranked_by, sides_of
from reports.blocks import MISSING, Block, Cell, Chapter, Column, Facts, Link, Number, Section, Shown, Table, Words
from reports.compare import (
    INCONCLUSIVE,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    Effect,
    PairedRun,
    Verdict,
    caveat,
    data_in_words,
    verdicts,
)
from reports.figures import Picture
from reports.results import Group
from reports.searched import search_table
from reports.studies import Answers
from reports.tables import (
    class_table,
    confusion_table,
    count_table,
    number_table,
    parameter_table,
    recovered_table,
    result_table,
    text_numbers,
)
from reports.wording import MINUS, in_words, signed

HOLDS = {True: "holds", False: "does not hold"}
READING = (
    "Intervals are 95 %. A verdict is on the protocol published, which does what the printed numbers show or indicate "
    "was done; corrected mends the slips, independent lets no speaker, song or source stand on both sides of a split. "
    "Those two are not judged: their distance to published is the finding."
)
DEMO_NOTICE = "Demo corpus: synthesised sounds. These numbers say that the code runs, and nothing about the document."
NAMED = 6
"""Numbers that were not reproduced and are named one by one."""
FEW = 3
"""Seeds that are told one by one."""
EFFECTS = ("slips", "protocols")
"""Sections on what changes are worth; the names of their pictures begin with theirs."""

ILLUSTRATION = "figure"
"""How the names of pictures of clips and models begin."""

NO_ANSWERS = Answers()

Matrices = Mapping[str, np.ndarray]


def chapter(
    published: Published,
    groups: Sequence[Group],
    changes: Sequence[Effect],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    matrices: Matrices,
    searches: Sequence[SearchResult] = (),
    told: Answers = NO_ANSWERS,
) -> Chapter:
    """Return all that is said of one study.

    Args:
        published: what the document prints.
        groups: the study's groups, in order; none where nothing was run.
        changes: what protocols and switches change.
        pictures: what will be drawn.
        findings: of the audit of the printed numbers.
        matrices: confusion matrices recovered from printed percentages, by experiment: integers (annotated, predicted).
        searches: over settings, made by us.
        told: what the study answers besides.
    """
    sides = sides_of(groups)
    sections = [
        _overview(published, groups, sides, pictures, told.compared),
        *told.sections,
        _audit(published, findings),
        *_effects(changes, pictures),
        conclusions.section(published, groups, sides, findings),
        _printed_tables(published, sides, searches),
        _illustrated(pictures),
        *_experiments(published, sides, pictures, matrices),
    ]
    return Chapter(published.study, published.title, tuple(section for section in sections if section.blocks))


def front_table(published: Published, sides: Sequence[Side], compared: Collection[str] = ()) -> Table:
    """Return a line per experiment and protocol with the metric by which the document ranks: printed, ours, verdict.

    Experiments that are compared elsewhere on the page have no line.
    """
    listed = [experiment for experiment in published.experiments if experiment.id not in compared]
    rows = [row for experiment in listed for row in _front_rows(published, experiment, sides)]
    more = f"{len(compared)} more experiments print no number; those that were run as described are compared below."
    return Table(
        "experiments",
        "Printed and obtained, in the metric that ranks the experiments",
        FRONT_COLUMNS,
        tuple(rows),
        notes=(*notes_on(published, sides), *([more] if compared else [])),
    )


FRONT_COLUMNS = (
    Column("Experiment"),
    Column("Verdict", kind="verdict"),
    Column("Printed", kind="number"),
    Column("Obtained", kind="number"),
    Column("Metric"),
    Column("Protocol"),
    Column("n", kind="number"),
    Column("Seeds", kind="number"),
    Column("Why", kind="prose"),
    Column("Id", kind="code"),
    Column("Section"),
)


def _front_rows(published: Published, experiment: Experiment, sides: Sequence[Side]) -> Iterable[tuple[Cell, ...]]:
    own = [side for side in sides if side.group.experiment == experiment.id]
    metric = ranked_by(published, published.numbers(experiment.id))
    shown = bool(own) or _has_tables(published, experiment.id)
    name = Link(experiment.title, published.study, experiment.id) if shown else experiment.title
    printed = printed_number(published, experiment.id, metric)
    end = (experiment.id, experiment.section)
    for side in own:
        judged = side.group.protocol == "published"
        verdict, why = judged_on(published, experiment.id, metric, [side.group]) if judged else (NOT_JUDGED, "")
        number = precise(published, side.group, metric)
        n = Number(f"{number.n:,}", number.n) if number and number.n is not None else None
        seeds = Number(f"{len(side.group.seeds)}", len(side.group.seeds))
        yield (name, verdict, printed, number, heading(published, metric), side.name, n, seeds, why, *end)
    if not own:
        yield (name, NOT_RUN, printed, None, heading(published, metric), None, None, None, "", *end)


def _has_tables(published: Published, experiment: str) -> bool:
    return published.table(experiment) is not None or published.confusion(experiment) is not None


def overall_counts(published: Published, groups: Sequence[Group]) -> Counter[str]:
    """Count the verdicts on the numbers that a document prints of whole experiments."""
    return Counter(row.verdict for row in verdicts(published, groups) if row.scope == "overall")


def all_experiments(studies: Iterable[tuple[Published, Sequence[Side]]], compared: Collection[str] = ()) -> Table:
    """Return the front tables of several studies as one, with the document instead of id and section."""
    rows = [
        (*row[:-2], Link(known.title, known.study))
        for known, sides in studies
        for experiment in known.experiments
        if experiment.id not in compared
        for row in _front_rows(known, experiment, sides)
    ]
    columns = (*FRONT_COLUMNS[:-2], Column("Document"))
    return Table("all-experiments", "Every experiment of every document", columns, tuple(rows))


def study_table(
    studies: Iterable[tuple[Published, Sequence[Group], Sequence[Finding]]], compared: Collection[str] = ()
) -> Table:
    """Return a line per study: how many of its experiments were run, and how its printed numbers fare.

    Experiments that are compared elsewhere are ours, and counted apart.
    """
    columns = (
        Column("Document"),
        Column("Experiments", kind="number"),
        Column("With a record", kind="number"),
        Column("Does not hold", "findings on the document", "number"),
        Column("Does not hold", "checks of claims and tables", "number"),
        *(Column(word.capitalize(), kind="number") for word in VERDICTS),
    )
    return Table(
        "studies",
        "Documents",
        columns,
        tuple(_study_row(*study, compared) for study in studies),
        notes=(
            "Experiments of ours are those that we added to the document's, to answer its question. One slip of a "
            "document can fail several checks of its claims and tables, so these are counted apart from the findings "
            "on it. The last five "
            "columns count the printed numbers of whole experiments that are judged, by their verdict; those of single "
            "classes and cells are on the document's page.",
        ),
    )


VERDICTS = (REPRODUCED, INCONCLUSIVE, NOT_REPRODUCED, NOT_COMPARABLE, NOT_RUN)


def _study_row(
    known: Published, groups: Sequence[Group], findings: Sequence[Finding], compared: Collection[str]
) -> tuple[Cell, ...]:
    run = {group.experiment for group in groups}
    slips = Counter(on_document(finding) for finding in findings if not finding.holds)
    counts = overall_counts(known, groups)
    return (
        Link(known.title, known.study),
        *(_theirs_and_ours(names, compared) for names in (set(known.by_id), run)),
        *(Number(f"{n:,}", n) for n in (slips[True], slips[False], *(counts[word] for word in VERDICTS))),
    )


def _theirs_and_ours(experiments: Collection[str], compared: Collection[str]) -> Number:
    """Count the document's experiments, and behind them ours."""
    ours = sum(name in compared for name in experiments)
    theirs = len(experiments) - ours
    return Number(f"{theirs}" + (f" (+{ours} of ours)" if ours else ""), theirs)


def _overview(
    published: Published,
    groups: Sequence[Group],
    sides: Sequence[Side],
    pictures: Sequence[Picture],
    compared: Collection[str],
) -> Section:
    demo = bool(groups) and all(group.demo for group in groups)
    return Section(
        "experiments",
        "Every experiment",
        (
            Words(f"The numbers printed in {published.document}, and beside them what we obtained. {READING}"),
            *([Words(DEMO_NOTICE, warning=True)] if demo else []),
            front_table(published, sides, compared),
            *_shown(picture for picture in pictures if not picture.experiment and not _elsewhere(picture)),
        ),
    )


def _elsewhere(picture: Picture) -> bool:
    return picture.name.startswith((*EFFECTS, ILLUSTRATION))


def _illustrated(pictures: Sequence[Picture]) -> Section:
    """Return the document's figures of clips and models, made from ours."""
    words = "The document's figures of single clips and of its models, made from the clips and models that we run."
    shown = _shown(picture for picture in pictures if picture.name.startswith(ILLUSTRATION))
    return Section("figures", "Clips and models", (Words(words), *shown) if shown else ())


def _shown(pictures: Iterable[Picture]) -> list[Block]:
    return [Shown(picture.name, picture.title) for picture in pictures]


def _audit(published: Published, findings: Sequence[Finding]) -> Section:
    """Return what the audit of the printed numbers found: what does not hold, and folded what does."""
    words = (
        f"What the printed numbers say of themselves, {beside_arithmetic(findings)}; no run of ours is needed for it."
    )
    tables = [_finding_table(findings, holds=False), _finding_table(findings, holds=True)]
    shown = [table for table in tables if table.rows]
    return Section("findings", "What the audit found", (Words(words), *shown) if shown else ())


def _finding_table(findings: Sequence[Finding], *, holds: bool) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (finding.claim, HOLDS[holds], finding.evidence, finding.id) for finding in findings if finding.holds == holds
    ]
    columns = (
        Column("Claim", kind="prose"),
        Column("Finding", kind="verdict"),
        Column("Evidence", kind="prose"),
        Column("Id", kind="code"),
    )
    name, caption = ("holding", "What holds") if holds else ("findings", "What does not hold")
    return Table(name, f"{caption}: {len(rows)} of {len(findings)}", columns, tuple(rows), folded=holds)


def _effects(changes: Sequence[Effect], pictures: Sequence[Picture]) -> list[Section]:
    """Return what single switches and what whole protocols change, as far as either was run."""
    single = [effect for effect in changes if effect.other.first["changed"]]
    whole = [effect for effect in changes if not effect.other.first["changed"]]
    sections = [
        _effect_section("slips", "What each slip was worth", "with one switch changed, minus that without", single),
        _effect_section("protocols", "What the protocols differ by", "under another protocol, minus published", whole),
    ]
    shown = {name: _shown([one for one in pictures if one.name.startswith(name)]) for name in EFFECTS}
    return [Section(one.name, one.title, (*one.blocks, *shown[one.name])) for one in sections if one.blocks]


def _effect_section(name: str, title: str, what: str, effects: Sequence[Effect]) -> Section:
    if not effects:
        return Section(name, title, ())
    words = Words(f"Accuracy {what}, on the same seeds.")
    return Section(name, title, (words, _effect_table(name, "Differences in accuracy", effects)))


def _effect_table(name: str, caption: str, effects: Sequence[Effect]) -> Table:
    columns = (
        Column("Experiment", kind="code"),
        Column("Change"),
        Column("Instead of"),
        Column("Difference in accuracy", kind="number"),
        Column("Deviation", kind="number"),
        Column("Seed by seed"),
        Column("McNemar's p"),
        Column("Interval"),
    )
    return Table(name, caption, columns, tuple(_effect_row(effect) for effect in effects), notes=_demo_note(effects))


def _demo_note(effects: Sequence[Effect]) -> tuple[str, ...]:
    return (DEMO_NOTICE,) if any(effect.other.demo for effect in effects) else ()


def _effect_row(effect: Effect) -> tuple[Cell, ...]:
    low, high = effect.interval
    differences = {pair.seed: pair.difference for pair in effect.pairs}
    text = f"{signed(effect.mean)} [{signed(low)}, {signed(high)}]"
    difference = Number(text, effect.mean, effect.interval, seeds=differences)
    spread = effect.deviation
    deviation = Number(f"{spread:.3f}", spread) if spread is not None else None
    base = effect.base
    told = seed_by_seed(effect.pairs), mcnemar_in_words(effect.pairs)
    return (base.experiment, effect.change, base.protocol, difference, deviation, *told, effect.method)


def seed_by_seed(pairs: Sequence[PairedRun]) -> str:
    """Write both accuracies of each seed, or of many seeds from where to where they go."""
    if len(pairs) <= FEW:
        return ", ".join(f"{pair.base:.3f} → {pair.other:.3f}" for pair in pairs)
    before, after = ([getattr(pair, side) for pair in pairs] for side in ("base", "other"))
    return " → ".join(f"{min(values):.3f} to {max(values):.3f}" for values in (before, after))


def mcnemar_in_words(pairs: Sequence[PairedRun]) -> str:
    """Write McNemar's p of each seed that has the same clips on both sides, or of many seeds lowest and highest."""
    found = [pair.test.p for pair in pairs if pair.test is not None]
    if not found:
        return MISSING
    if len(pairs) <= FEW:
        return ", ".join(MISSING if pair.test is None else f"{pair.test.p:.2g}" for pair in pairs)
    of = f" ({len(found)} of {len(pairs)} seeds)" if len(found) < len(pairs) else ""
    return f"{min(found):.2g} to {max(found):.2g}{of}"


def _printed_tables(published: Published, sides: Sequence[Side], searches: Sequence[SearchResult]) -> Section:
    """Return the document's tables that span experiments, its searches, counts and numbers of the text."""
    tables = [
        *(result_table(published, tables, sides) for tables in _of_same_columns(published.result_tables)),
        *(search_table(published, search, _for(search.experiment, searches)) for search in published.searches),
        *(count_table(published, counts, sides) for counts in published.counts),
        parameter_table(published, sides),
        text_numbers(published),
    ]
    return Section("tables", "Tables of the document", tuple(table for table in tables if table is not None))


def _for(experiment: str, searches: Sequence[SearchResult]) -> list[SearchResult]:
    return [search for search in searches if search.data["experiment"] == experiment]


def _of_same_columns(tables: Iterable[ResultTable]) -> list[list[ResultTable]]:
    """Put together what a document prints in several tables of the same columns, one row each."""
    found: dict[tuple[str, ...], list[ResultTable]] = {}
    for table in tables:
        found.setdefault(table.columns, []).append(table)
    return list(found.values())


def _experiments(
    published: Published, sides: Sequence[Side], pictures: Sequence[Picture], matrices: Matrices
) -> list[Section]:
    """Return a section for every experiment that was run or has a table of its own."""
    sections = []
    for experiment in published.experiments:
        own = [side for side in sides if side.group.experiment == experiment.id]
        if own or _has_tables(published, experiment.id):
            shown = _shown([picture for picture in pictures if picture.experiment == experiment.id])
            blocks = _experiment(published, experiment, own, matrices)
            title = f"{experiment.title} ({experiment.id}, section {experiment.section})"
            sections.append(Section(experiment.id, title, (*blocks, *shown), label=experiment.title))
    return sections


def _experiment(published: Published, experiment: Experiment, own: Sequence[Side], matrices: Matrices) -> list[Block]:
    blocks: list[Block] = []
    if any(side.group.demo for side in own):
        blocks.append(Words(DEMO_NOTICE, warning=True))
    if published.table(experiment.id) or own:
        blocks.append(class_table(published, experiment.id, own))
    if own:
        blocks.append(number_table(published, experiment.id, own))
    printed = published.confusion(experiment.id)
    if printed:
        blocks.append(confusion_table(published, printed, own))
        if experiment.id in matrices:
            blocks.append(recovered_table(published, printed, matrices[experiment.id]))
    if own:
        blocks.append(_leak_table(experiment, own))
        blocks += [_facts(published, experiment, side, matrices) for side in own]
    return blocks


def _leak_table(experiment: Experiment, own: Sequence[Side]) -> Table:
    """Return one line per check and protocol; a check is clean where it is clean in every seed."""
    columns = (Column("Protocol"), Column("Check"), Column("Result", kind="verdict"), Column("Detail", kind="prose"))
    rows = tuple((side.name, *row) for side in own for row in _leaks(side.group))
    return Table(f"leaks-{experiment.id}", f"{experiment.title}: leak audit of the splits", columns, rows)


def _leaks(group: Group) -> Iterable[tuple[str, str, str]]:
    leaks = [leak for run in group.runs for leak in run.data["leaks"]]
    for check in dict.fromkeys(leak["check"] for leak in leaks):
        found = [leak for leak in leaks if leak["check"] == check]
        bad = [leak["detail"] for leak in found if not leak["clean"]]
        told = list(dict.fromkeys(bad or [leak["detail"] for leak in found]))
        more = ", and the like in other seeds" if len(told) > 1 else ""
        yield check, "leaks" if bad else "clean", told[0] + more


def _facts(published: Published, experiment: Experiment, side: Side, matrices: Matrices) -> Facts:
    """Return how a group's numbers came about: data, switches, settings, cost, environment, and why its verdict."""
    group = side.group
    record = group.first
    also = caveat(record, published)
    rows = [
        *(_verdict_facts(published, group, matrices) if group.protocol == "published" else []),
        ("Data", data_in_words(record, published) + (f"; {also}" if also else "")),
        ("Size", record["size"]),
        ("Switches", _pairs(record["switches"])),
        ("Configuration", _configuration(record["configuration"])),
        ("Parameters", _parameters(record["parameters"])),
        ("Epochs", _epochs(experiment, group)),
        *_baselines(record),
        ("Cost", _cost(group)),
        ("Made with", _pairs({name: value for name, value in record["environment"].items() if value is not None})),
        *(("Note", note) for note in dict.fromkeys(note for run in group.runs for note in run.data["notes"])),
    ]
    return Facts(f"Protocol {side.name}: data, settings, environment", tuple(rows))


def _verdict_facts(published: Published, group: Group, matrices: Matrices) -> list[tuple[str, str]]:
    """Return the reason of the verdict, and how all printed numbers fare."""
    rows = verdicts(published, [group], matrices)
    own = [row for row in rows if row.experiment == group.experiment]
    if not own:
        return [("Verdict", "the document prints no number of this experiment")]
    facts = [(f"Verdict on {in_words(own[0].metric)}", f"{own[0].verdict}: {own[0].why}")]
    if own[0].verdict != NOT_COMPARABLE:
        facts.append((f"All {len(own)} printed numbers", counted(Counter(row.verdict for row in own)) + _missed(own)))
    return facts


def counted(counts: Counter[str]) -> str:
    """Write how often each verdict was given."""
    return ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word])


def _missed(rows: Sequence[Verdict]) -> str:
    missed = [in_words(row.metric) for row in rows if row.verdict == NOT_REPRODUCED]
    more = [f"{len(missed) - NAMED} more"] if len(missed) > NAMED else []
    return f" ({', '.join([*missed[:NAMED], *more])})" if missed else ""


def _pairs(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in facts.items()) or "none"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_pairs(value)})" if value else "none"
    if isinstance(value, float):
        return f"{value:g}".replace("-", MINUS) if value < 0 else f"{value:g}"
    return str(value)


def _configuration(facts: Mapping[str, Any]) -> str:
    """Write the settings and the features' settings; the run's identity repeats them."""
    settings = {name: value for name, value in facts.items() if name not in ("identity", "inputs", "estimator")}
    told = _pairs({**settings, **facts.get("inputs", {})})
    if not facts.get("estimator"):
        return told
    return f"{steps_in_words(facts['estimator'])}, without settings that are None, False or 0; {told}"


def steps_in_words(steps: Iterable[Mapping[str, Any]]) -> str:
    """Write an estimator's steps: `StandardScaler (with_mean = True), then BaggingClassifier (...) of Tree (...)`.

    A setting that is None, False or 0 is left out.
    """
    return ", then ".join(_step(str(step["type"]), step["settings"]) for step in steps)


def _step(kind: str, settings: Mapping[str, Any]) -> str:
    own = {name: value for name, value in settings.items() if value and not name.startswith("estimator")}
    words = f"{kind} ({_pairs(own)})" if own else kind
    inner = settings.get("estimator")
    of_inner = {name.removeprefix(WITHIN): value for name, value in settings.items() if name.startswith(WITHIN)}
    return f"{words} of {_step(str(inner), of_inner)}" if inner else words


WITHIN = "estimator__"
"""How the names of settings of what an ensemble is made of begin."""


def _parameters(facts: Mapping[str, int | None]) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in facts.items() if value is not None) or "none"


def _epochs(experiment: Experiment, group: Group) -> str:
    folds = [fold for run in group.runs for fold in run.data["folds"]]
    if all(fold["best_epoch"] is None for fold in folds):
        return "none: fitted at once"
    best = ", ".join(str(fold["best_epoch"]) for fold in folds)
    words = f"best {best}" + (" (fold by fold, seed by seed)" if len(folds) > 1 else "")
    return words + (f"; document: {experiment.best_epoch}" if experiment.best_epoch is not None else "")


def _baselines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [(name, metric, value) for name, row in record["baselines"].items() for metric, value in row.items()]
    return [("Baselines", ", ".join(f"{name} {in_words(metric)} {value:.3f}" for name, metric, value in known))]


def _cost(group: Group) -> str:
    times = [run.data["timings"] for run in group.runs]
    words = [f"{duration_in_words(_mean(times, 'total_s'))} a run"]
    if all(time["epoch_s"] is not None for time in times):
        words.append(f"{_mean(times, 'epoch_s'):.3g} s an epoch")
    words.append(f"{_mean(times, 'ms_per_clip'):.3g} ms a clip to predict")
    return ", ".join([*words, f"{max(time['peak_memory_mib'] for time in times):,.0f} MiB at most"])


def _mean(times: Sequence[Mapping[str, float]], name: str) -> float:
    return float(np.mean([time[name] for time in times]))
