"""An experiment's page: the verdict and why, what touches it, how to repeat it; then pictures, tables and settings."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from common.progress import duration_in_words
from common.published import Published
from common.published.comparability import caveat, cut_to, data_in_words
from common.published.schema import Experiment
from common.runs.store import StoredRecord
from common.splits import Leak
from reports.audit.finding import SUPPORTED, Finding
from reports.audit.finding import VERDICTS as VERDICTS_OF_CLAIMS
from reports.blocks import Block, Column, Facts, File, Leads, Link, Section, Shown, Table, Typed, Words
from reports.class_tables import class_table, corpus_table, output_table, switch_table
from reports.columns import Side, heading, numbers_of, precise, printed_number, shown_metric, sides_of
from reports.figures import Picture
from reports.front_page import DEMO_NOTICE
from reports.results import Group, Run, detail_of
from reports.tables import confusion_table, number_table, recovered_table
from reports.verdicts import NOT_COMPARABLE, NOT_JUDGED, NOT_REPRODUCED, VERDICTS, Verdict, Verdicts
from reports.wording import MINUS, in_words, listed

FEW = 3
"""Experiments that a finding touches, or seeds, that are named one by one."""
NAMED = 6
"""Numbers that were not reproduced and are named one by one."""

DIGEST = "sha256:"
"""How records name files: by a digest, not by a path."""
SAME_CHECK = {"bytes": "sound"}
"""Checks of the leak audit under the names that records of earlier versions have for them."""

Matrices = Mapping[str, np.ndarray]
Touched = Mapping[str, tuple[Link, ...]]
"""The experiments that findings touch, by the id of the finding."""


def experiment_sections(
    published: Published,
    groups: Sequence[Group],
    verdicts: Verdicts,
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    matrices: Matrices,
    answers: Sequence[Section] = (),
) -> list[Section]:
    """Return a section for every experiment that was run; each links to what the study answers as a whole."""
    sides = sides_of(groups)
    return [
        _section(
            published,
            experiment,
            own,
            [group for group in groups if group.experiment == experiment.id],
            verdicts,
            pictures,
            findings,
            matrices,
            answers,
        )
        for experiment in published.experiments
        if (own := [side for side in sides if side.group.experiment == experiment.id])
    ]


def _section(
    published: Published,
    experiment: Experiment,
    own: Sequence[Side],
    groups: Sequence[Group],
    verdicts: Verdicts,
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    matrices: Matrices,
    answers: Sequence[Section],
) -> Section:
    shown = [Shown(one.name, one.title) for one in pictures if one.experiment == experiment.id]
    metric = shown_metric(published, experiment, [side.group for side in own])
    tables = _tables(published, experiment, own, groups, verdicts, matrices)
    blocks: list[Block] = [
        *([Words(DEMO_NOTICE, warning=True)] if any(side.group.demo for side in own) else []),
        *_answer(published, experiment, own, verdicts, findings, answers),
        *shown,
        *tables,
        *(_facts(published, experiment, side, verdicts) for side in own),
    ]
    name = f"{experiment.label}: {experiment.title}" if experiment.label else experiment.title
    title = f"{name} ({experiment.id}, section {experiment.section})"
    verdict, _ = verdicts.on_first(experiment.id, metric)
    word = verdict if verdict != NOT_JUDGED else ""
    return Section(experiment.id, title, tuple(blocks), label=experiment.short, apart=True, verdict=word)


def _answer(
    published: Published,
    experiment: Experiment,
    own: Sequence[Side],
    verdicts: Verdicts,
    findings: Sequence[Finding],
    answers: Sequence[Section],
) -> list[Block]:
    """Say whether the number is right and why, what touches it, how it is repeated, and where the record is."""
    metric = shown_metric(published, experiment, [side.group for side in own])
    verdict, why = verdicts.on_first(experiment.id, metric)
    rows: list[tuple[str, tuple[Link | File, ...]]] = [
        (_verdict_sentence(published, experiment, own, metric, verdict), ())
    ]
    rows += [(f"Why: {why}.", ())] if why else []
    if answers:
        rows.append(
            ("Answered for all experiments:", tuple(Link(one.title, published.study, one.name) for one in answers))
        )
    touching = [finding for finding in findings if touches(finding, experiment, published)]
    for words, found in _open_ones(touching).items():
        rows.append((words, tuple(Link(finding.id, published.study, finding.id) for finding in found)))
    groups = [side.group for side in own]
    rows += _records([run for group in groups for run in group.runs])
    return [Leads(tuple(rows)), Words("To repeat it:"), Typed("\n".join(map(_command, groups)))]


def _open_ones(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings that are not supported, by what they are, contradictions first; then the remarks."""
    rows: dict[str, list[Finding]] = {
        f"Claims that touch it, {word}:": [one for one in findings if one.kind != "remark" and one.verdict == word]
        for word in VERDICTS_OF_CLAIMS
        if word != SUPPORTED
    }
    rows["Remarks that touch it:"] = [one for one in findings if one.kind == "remark"]
    return {words: found for words, found in rows.items() if found}


def _verdict_sentence(
    published: Published, experiment: Experiment, own: Sequence[Side], metric: str, verdict: str
) -> str:
    """Say what is published, what we have under each protocol, and the verdict.

    Where nothing is published there is none.
    """
    printed = printed_number(published, experiment.id, metric)
    theirs = f"published {printed.text}" if printed else "no number is published"
    ours = [(side.name, number) for side in own if (number := precise(published, side.group, metric))]
    obtained = listed(f"{number.text} (protocol {name})" for name, number in ours)
    ending = f" Verdict: {verdict}." if verdict != NOT_JUDGED else ""
    return f"{heading(published, metric)}: {theirs}. Ours: {obtained or 'not known'}.{ending}"


def touches(finding: Finding, experiment: Experiment, published: Published) -> bool:
    """Return whether a finding is about an experiment.

    It is if its file says so, or if it names the experiment. One that names none is about those under the nearest
    heading of its own that has some, and about all where none has: then it is about the data, or the whole document.
    """
    if finding.experiments:
        return experiment.id in finding.experiments
    if named := _named(finding.id, f"{finding.claim} {finding.evidence}", tuple(published.by_id)):
        return experiment.id in named
    known = (heading for heading in _headings(finding.section) if _has_any(published, heading))
    nearest = next(known, None)
    return bool(finding.section) if nearest is None else _is_under(nearest, experiment)


def _headings(section: str) -> list[str]:
    """Return the headings above a numbered section, the nearest first: of 4.5.1 they are 4.5 and 4; or its title."""
    numbers = section.split(".")
    if not all(number.isdecimal() for number in numbers):
        return [section]
    return [".".join(numbers[:count]) for count in range(len(numbers) - 1, 0, -1)]


def _has_any(published: Published, heading: str) -> bool:
    return any(_is_under(heading, experiment) for experiment in published.experiments)


def _is_under(heading: str, experiment: Experiment) -> bool:
    return f"{experiment.section}.".startswith(f"{heading}.")


def touched_by(published: Published, findings: Iterable[Finding], linked: Sequence[str]) -> Touched:
    """Return which experiments each finding touches, of those that have a page; one link stands for many."""
    return {finding.id: _touched(published, finding, linked) for finding in findings} if linked else {}


def _touched(published: Published, finding: Finding, linked: Sequence[str]) -> tuple[Link, ...]:
    own = [name for name in linked if touches(finding, published.experiment(name), published)]
    if len(own) > FEW:
        return (Link(f"{len(own)} experiments", published.study, "experiments"),)
    return tuple(Link(name, published.study, name) for name in own)


@cache
def _named(finding: str, words: str, experiments: tuple[str, ...]) -> frozenset[str]:
    """Return the experiments whose id stands at the end of a finding's own, or in its words."""
    either = "|".join(map(re.escape, experiments))
    found = re.findall(rf"(?<![\w-])(?:{either})(?![\w-])", words)
    return frozenset(found) | {name for name in experiments if finding.endswith(f"-{name}")}


def _command(group: Group) -> str:
    """Return the command that makes a group's runs again, given the clips, weights and impulse responses.

    An ensemble takes the runs of its members, so a comment names them.
    """
    record = group.first
    configuration = record["configuration"]
    weights = configuration.get("weights") or ""
    members = configuration.get("weights_of") or {}
    base, *changes = group.protocol.split("+")
    words = [f"python -m reproductions.{group.study} run {group.experiment}"]
    words += [] if group.demo else ["--data DIR"]
    words += ["--size demo"] * (record["size"] == "demo" and not group.demo)
    words += [f"--protocol {base}"] * (base != "published")
    words += [f"--set {change}" for change in changes]
    words += ["--weights none"] * (weights == "none") + ["--weights WEIGHTS"] * weights.startswith(DIGEST)
    responses = configuration.get("identity", {}).get("impulse_responses") or ""
    words += ["--impulse-responses RESPONSES"] * responses.startswith(DIGEST)
    changed = (configuration.get("overrides") or {}).items()
    words += [f"--{name.replace('_', '-')} {value}" for name, value in changed]
    folds = cut_to(record)
    words += [f"--folds {folds}"] * (folds is not None)
    first = f"# first the commands of {' and '.join(members)}\n" if members else ""
    return first + " ".join([*words, _seeds(group.seeds)])


def _seeds(seeds: Sequence[int]) -> str:
    """Return the options for seeds, by `seq` where many follow each other."""
    if len(seeds) > FEW and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"$(seq -f '--seed %g' {seeds[0]} {seeds[-1]})"
    return " ".join(f"--seed {seed}" for seed in seeds)


def _records(runs: Sequence[Run]) -> list[tuple[str, tuple[Link | File, ...]]]:
    """Return where the records of runs are, and what says how the shipped ones are read."""
    stored = dict.fromkeys(run.record.archive for run in runs if isinstance(run.record, StoredRecord))
    made = (run.record.folder.absolute() for run in runs if not isinstance(run.record, StoredRecord))
    others = dict.fromkeys(folder.parents[1] for folder in made)
    guides = dict.fromkeys(guide for path in stored if (guide := path.parents[1] / "README.md").is_file())
    places = (*(_file(path, 4) for path in stored), *(_file(path, 3) for path in others))
    return [("Its record:", places), *(("How to read it:", (_file(guide, 3),)) for guide in guides)]


def _file(path: Path, parts: int) -> File:
    """Name a file by the last parts of its path."""
    return File("/".join(path.parts[-parts:]), path)


def _tables(
    published: Published,
    experiment: Experiment,
    own: Sequence[Side],
    groups: Sequence[Group],
    verdicts: Verdicts,
    matrices: Matrices,
) -> list[Block]:
    """Return the experiment's tables; a confusion matrix that is drawn is only in its files.

    `own` are the groups of whole protocols, `groups` those with a switch set otherwise too.
    """
    blocks: list[Block] = [number_table(published, experiment.id, own, verdicts)]
    classified = [side for side in own if side.group.kind == "classification"]
    if published.table(experiment.id) or classified:
        blocks.append(class_table(published, experiment.id, classified))
    if others := [side for side in own if side not in classified]:
        blocks.append(output_table(published, experiment.id, others))
    apart = corpus_table(published, experiment.id, own), switch_table(published, experiment.id, groups)
    blocks += [table for table in apart if table]
    return [*blocks, *matrix_tables(published, experiment.id, own, matrices), _leak_table(experiment, own)]


def matrix_tables(published: Published, experiment: str, own: Sequence[Side], matrices: Matrices) -> list[Table]:
    """Return a published confusion matrix with ours, and the counts behind it, for the files: a picture shows them."""
    printed = published.confusion(experiment)
    tables = [confusion_table(published, printed, own)] if printed else []
    if printed and experiment in matrices:
        tables.append(recovered_table(published, printed, matrices[experiment]))
    return [replace(table, filed=True) for table in tables]


def _leak_table(experiment: Experiment, own: Sequence[Side]) -> Table:
    """Return one line per check and protocol; a check is clean where it is clean in every seed."""
    columns = (Column("Protocol"), Column("Check"), Column("Result", kind="verdict"), Column("Detail", kind="prose"))
    rows = tuple((side.name, *row) for side in own for row in _leaks(side.group))
    return Table(f"leaks-{experiment.id}", f"{experiment.short}: leak audit of the splits", columns, rows)


def _leaks(group: Group) -> Iterable[tuple[str, str, str]]:
    leaks: dict[str, list[tuple[int, Leak]]] = {}
    for run in group.runs:
        for leak in run.data["leaks"]:
            leaks.setdefault(SAME_CHECK.get(leak["check"], leak["check"]), []).append((run.seed, leak))
    for check, found in leaks.items():
        bad = [(seed, leak) for seed, leak in found if not leak["clean"]]
        details = list(dict.fromkeys(detail_of(leak) for _, leak in bad or found))
        more = ", and the like in other seeds" if len(details) > 1 else ""
        seeds = numbers_of([seed for seed, _ in bad])
        where = f" ({seeds} of {len(found)})" if bad and len(bad) < len(found) else ""
        shared = any(not leak["clean"] and not leak.get("unknown") for _, leak in found)
        yield check, "leaks" if shared else "not known" if bad else "clean", details[0] + more + where


def _facts(published: Published, experiment: Experiment, side: Side, verdicts: Verdicts) -> Facts:
    """Return how a group's numbers came about: data, switches, settings, cost, environment, and why its verdict."""
    group = side.group
    record = group.first
    also = caveat(record, published)
    rows = [
        *(_verdict_facts(verdicts.of(group)) if group.protocol == "published" else []),
        ("Data", data_in_words(record, published) + (f"; {also}" if also else "")),
        *(("Left out", words) for words in [_left_out(record["data"])] if words),
        ("Size", record["size"]),
        ("Switches", _pairs(record["switches"])),
        ("Configuration", _configuration(record["configuration"])),
        ("Parameters", _parameters(record["parameters"])),
        ("Epochs", _epochs(experiment, group)),
        *_baselines(group),
        ("Cost", _cost(group)),
        ("Made with", _pairs({name: value for name, value in record["environment"].items() if value is not None})),
        *(("Note", note) for note in dict.fromkeys(note for run in group.runs for note in run.data["notes"])),
    ]
    return Facts(f"Protocol {side.name}: data, settings, environment", tuple(rows))


def _left_out(data: Mapping[str, Any]) -> str:
    """Return how many files a scan found and did not use, by reason; older records do not tell."""
    return "; ".join(f"{count:,} x {reason}" for reason, count in data.get("left_out", {}).items())


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
        # 1.0 stays 1.0: to scikit-learn, `max_features` of 1 is one feature, and of 1.0 all of them.
        text = f"{value:.1f}" if value == 1 else f"{value:g}"
        return text.replace("-", MINUS) if value < 0 else text
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
    configuration = group.first["configuration"]
    if not configuration.get("patience") and not configuration.get("retrain"):
        words += f"; tested after the last, {configuration['epochs']}"
    return words + (f"; document: {experiment.best_epoch}" if experiment.best_epoch is not None else "")


def _baselines(group: Group) -> list[tuple[str, str]]:
    known = [(name, metric, value) for name, row in group.baselines.items() for metric, value in row.items()]
    return [("Baselines", ", ".join(f"{name} {in_words(metric)} {value:.3f}" for name, metric, value in known))]


def _cost(group: Group) -> str:
    epoch, clip = map(group.least_time, ("epoch_s", "ms_per_clip"))
    runs = sorted(total for run in group.runs if (total := run.data["timings"]["total_s"]) is not None)
    words = [f"{' to '.join(dict.fromkeys(map(duration_in_words, (runs[0], runs[-1]))))} a run"] if runs else []
    words += [f"{epoch:.3g} s an epoch"] if epoch is not None else []
    words += [f"{clip:.3g} ms a clip to predict"] if clip is not None else []
    most = max(run.data["timings"]["peak_memory_mib"] for run in group.runs)
    return ", ".join([*words, f"{most:,.0f} MiB at most"])
