"""The page of one study, section by section.

Every experiment with its verdict, what the audit of the published numbers found, what the errors and the protocols were
worth, the document's tables with ours beside them, and each experiment in detail.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from common.progress import duration_in_words
from common.published import Published
from common.published.comparability import caveat, data_in_words
from common.published.schema import Experiment, ResultTable
from common.runs.search_records import SearchResult
from reports import conclusions
from reports.audit import beside_arithmetic
from reports.audit.finding import VERDICTS as VERDICTS_OF_CLAIMS
from reports.audit.finding import Finding
from reports.blocks import (
    MISSING,
    Block,
    Cell,
    Chapter,
    Column,
    Facts,
    Leads,
    Link,
    Number,
    Section,
    Shown,
    Table,
    Words,
)
from reports.class_tables import class_table, output_table
from reports.columns import Side, sides_of
from reports.effects import Effect, PairedRun
from reports.figures import Picture
from reports.front_page import front_table, has_tables
from reports.results import Group
from reports.search_tables import search_table
from reports.studies import Answers
from reports.tables import (
    confusion_table,
    count_table,
    number_table,
    parameter_table,
    recovered_table,
    result_table,
    text_numbers,
)
from reports.verdicts import (
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    VERDICTS,
    Verdict,
    Verdicts,
)
from reports.wording import MINUS, in_words, listed, sentence, signed

READING = (
    "Intervals are 95 %. Over several seeds they are of the mean, and have both sources of spread: clips (or songs, or "
    "speakers) and seeds; n counts distinct test clips. "
    "Verdicts are on the protocol published, which does what the published numbers indicate was done. "
    "The protocol corrected fixes the errors; independent uses speaker-, song- and source-disjoint splits. "
    "These two are not judged: their difference to published is the finding."
)
DEMO_NOTICE = "Demo corpus: synthesised sounds. These numbers say that the code runs, and nothing about the document."
NAMED = 6
"""Numbers that were not reproduced and are named one by one."""
FEW = 3
"""Seeds that are listed one by one."""
EFFECTS = ("errors", "protocols")
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
    sides = sides_of(groups)
    sections = [
        _overview(published, groups, sides, verdicts, pictures, answered),
        *answered.sections,
        _audit(published, findings),
        *_effects(changes, pictures),
        conclusions.section(published, groups, sides, findings),
        _printed_tables(published, sides, verdicts, searches),
        _illustrated(pictures),
        *_experiments(published, sides, verdicts, pictures, matrices),
    ]
    return Chapter(published.study, published.title, tuple(section for section in sections if section.blocks))


def _overview(
    published: Published,
    groups: Sequence[Group],
    sides: Sequence[Side],
    verdicts: Verdicts,
    pictures: Sequence[Picture],
    answered: Answers,
) -> Section:
    demo = bool(groups) and all(group.demo for group in groups)
    return Section(
        "experiments",
        "Every experiment",
        (
            *_leads(published, answered.sections),
            Words(f"The numbers published in {published.document}, and beside them ours. {READING}"),
            *([Words(DEMO_NOTICE, warning=True)] if demo else []),
            front_table(published, sides, verdicts, answered.compared),
            *_shown(picture for picture in pictures if not picture.experiment and not _elsewhere(picture)),
        ),
    )


def _leads(published: Published, sections: Iterable[Section]) -> list[Block]:
    """Return what the document's own questions found, a line each, or nothing."""
    rows = [
        (section.finding, Link(section.title, published.study, section.name)) for section in sections if section.finding
    ]
    return [Leads(tuple(rows))] if rows else []


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
    """Return what the audit of the published numbers found, verdict by verdict, and what we notice besides."""
    words = (
        f"What the published numbers say of themselves, {beside_arithmetic(findings)}; no run of ours is needed for it."
    )
    remarks = [finding for finding in findings if finding.kind == "remark"]
    judged = [finding for finding in findings if finding.kind != "remark"]
    tables = [
        _finding_table("findings", "Claims and checks that are not supported", judged, supported=False),
        _finding_table("remarks", "What we notice, and no author claims", remarks),
        _finding_table("holding", "Supported", judged, supported=True),
    ]
    shown = [table for table in tables if table.rows]
    return Section("findings", "What the audit found", (Words(words), *shown) if shown else ())


def _finding_table(name: str, caption: str, findings: Sequence[Finding], *, supported: bool | None = None) -> Table:
    """Return a line per finding, contradictions first; symptoms follow what they are symptoms of."""
    shown = [finding for finding in findings if supported is None or finding.holds == supported]
    order = {finding.id: (_severity(finding), place) for place, finding in enumerate(shown)}
    shown.sort(key=lambda one: (order.get(one.under, order[one.id]), bool(one.under)))
    rows: list[tuple[Cell, ...]] = []
    for finding in shown:
        verdict = [] if finding.kind == "remark" else [finding.verdict]
        claim = f"symptom of {finding.under}: {finding.claim}" if finding.under else finding.claim
        rows.append((claim, *verdict, finding.evidence, finding.id))
    columns = (
        Column("Remark" if name == "remarks" else "Claim", kind="prose"),
        *[Column("Verdict", kind="verdict")] * (name != "remarks"),
        Column("Evidence", kind="prose"),
        Column("Id", kind="code"),
    )
    counted = sum(not finding.under for finding in shown)
    return Table(name, f"{caption}: {counted}", columns, tuple(rows), folded=bool(supported))


def _severity(finding: Finding) -> int:
    return VERDICTS_OF_CLAIMS.index(finding.verdict) if finding.verdict in VERDICTS_OF_CLAIMS else 0


def _effects(changes: Sequence[Effect], pictures: Sequence[Picture]) -> list[Section]:
    """Return what single switches and what whole protocols change, as far as either was run."""
    single = [effect for effect in changes if effect.other.first["changed"]]
    whole = [effect for effect in changes if not effect.other.first["changed"]]
    sections = [
        _effect_section("errors", "What each error was worth", "with one switch changed, minus that without", single),
        _effect_section("protocols", "What the protocols differ by", "under another protocol, minus published", whole),
    ]
    shown = {name: _shown([one for one in pictures if one.name.startswith(name)]) for name in EFFECTS}
    return [Section(one.name, one.title, (*one.blocks, *shown[one.name])) for one in sections if one.blocks]


def _effect_section(name: str, title: str, what: str, effects: Sequence[Effect]) -> Section:
    if not effects:
        return Section(name, title, ())
    metrics = listed(dict.fromkeys(in_words(effect.metric) for effect in effects))
    words = Words(f"{sentence(metrics)} {what}, on the same seeds.")
    return Section(name, title, (words, _effect_table(name, f"Differences in {metrics}", effects)))


def _effect_table(name: str, caption: str, effects: Sequence[Effect]) -> Table:
    columns = (
        Column("Experiment", kind="code"),
        Column("Change"),
        Column("Instead of"),
        Column("Difference", kind="number"),
        Column("Std", kind="number"),
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
    spread = effect.std
    std = Number(f"{spread:.3f}", spread) if spread is not None else None
    base = effect.base
    paired = seed_by_seed(effect.pairs), mcnemar_in_words(effect.pairs)
    return (base.experiment, effect.change, base.protocol, difference, std, *paired, effect.method)


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


def _printed_tables(
    published: Published, sides: Sequence[Side], verdicts: Verdicts, searches: Sequence[SearchResult]
) -> Section:
    """Return the document's tables that span experiments, its searches, counts and numbers of the text."""
    tables = [
        *(result_table(published, tables, sides, verdicts) for tables in _of_same_columns(published.result_tables)),
        *(search_table(published, search, _for(search.experiment, searches)) for search in published.searches),
        *(count_table(published, counts, sides) for counts in published.counts),
        parameter_table(published, sides),
        text_numbers(published),
    ]
    return Section("tables", "Tables of the document", tuple(table for table in tables if table is not None))


def _for(experiment: str, searches: Sequence[SearchResult]) -> list[SearchResult]:
    return [search for search in searches if search.data["experiment"] == experiment]


def _of_same_columns(tables: Iterable[ResultTable]) -> list[list[ResultTable]]:
    """Put together what a document publishes in several tables of the same columns, one row each."""
    found: dict[tuple[str, ...], list[ResultTable]] = {}
    for table in tables:
        found.setdefault(table.columns, []).append(table)
    return list(found.values())


def _experiments(
    published: Published,
    sides: Sequence[Side],
    verdicts: Verdicts,
    pictures: Sequence[Picture],
    matrices: Matrices,
) -> list[Section]:
    """Return a section for every experiment that was run or has a table of its own."""
    sections = []
    for experiment in published.experiments:
        own = [side for side in sides if side.group.experiment == experiment.id]
        if own or has_tables(published, experiment.id):
            shown = _shown([picture for picture in pictures if picture.experiment == experiment.id])
            blocks = _experiment(published, experiment, own, verdicts, matrices)
            title = f"{experiment.title} ({experiment.id}, section {experiment.section})"
            sections.append(Section(experiment.id, title, (*blocks, *shown), label=experiment.title))
    return sections


def _experiment(
    published: Published, experiment: Experiment, own: Sequence[Side], verdicts: Verdicts, matrices: Matrices
) -> list[Block]:
    blocks: list[Block] = []
    if any(side.group.demo for side in own):
        blocks.append(Words(DEMO_NOTICE, warning=True))
    classified = [side for side in own if side.group.kind == "classification"]
    if published.table(experiment.id) or classified:
        blocks.append(class_table(published, experiment.id, classified))
    if others := [side for side in own if side not in classified]:
        blocks.append(output_table(published, experiment.id, others))
    if own:
        blocks.append(number_table(published, experiment.id, own, verdicts))
    printed = published.confusion(experiment.id)
    if printed:
        blocks.append(confusion_table(published, printed, own))
        if experiment.id in matrices:
            blocks.append(recovered_table(published, printed, matrices[experiment.id]))
    if own:
        blocks.append(_leak_table(experiment, own))
        blocks += [_facts(published, experiment, side, verdicts) for side in own]
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
        details = list(dict.fromkeys(bad or [leak["detail"] for leak in found]))
        more = ", and the like in other seeds" if len(details) > 1 else ""
        yield check, "leaks" if bad else "clean", details[0] + more


def _facts(published: Published, experiment: Experiment, side: Side, verdicts: Verdicts) -> Facts:
    """Return how a group's numbers came about: data, switches, settings, cost, environment, and why its verdict."""
    group = side.group
    record = group.first
    also = caveat(record, published)
    rows = [
        *(_verdict_facts(verdicts.of(group)) if group.protocol == "published" else []),
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


def _verdict_facts(own: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Return the reason of the verdict, and how all published numbers fare: those of classes and cells apart."""
    if not own:
        return [("Verdict", "the document publishes no number of this experiment")]
    facts = [(f"Verdict on {in_words(own[0].metric)}", f"{own[0].verdict}: {own[0].why}")]
    if own[0].verdict != NOT_COMPARABLE:
        overall, parts = ([row for row in own if (row.scope == "overall") == whole] for whole in (True, False))
        words = counted(Counter(row.verdict for row in overall)) + _missed(overall)
        facts.append((f"All {len(overall)} overall numbers", words))
        if parts:
            words = f"{missed_of(parts)} of {len(parts)} not reproduced{_missed(parts)}"
            facts.append(("Single classes and cells", words))
    return facts


def missed_of(parts: Sequence[Verdict]) -> int:
    """Count the numbers of single classes or cells that are not reproduced.

    Their resolution is coarse: one that agrees says little, and is not counted as reproduced.
    """
    return sum(row.verdict == NOT_REPRODUCED for row in parts)


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
    settings_text = _pairs({**settings, **facts.get("inputs", {})})
    if not facts.get("estimator"):
        return settings_text
    return f"{steps_in_words(facts['estimator'])}, without settings that are None, False or 0; {settings_text}"


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
