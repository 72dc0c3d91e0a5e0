"""Findings on the document on speech emotion recognition, models from scratch, that need more than stored numbers.

Its pretrained networks are in `reports.studies.ser_parallel.pretrained_findings`. The corpora's class counts come from
`common.corpora`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from common.corpora import CORPORA
from common.published import Published
from common.published.schema import LayerTable
from reports.audit import judge
from reports.audit.claims import Difference, value_of
from reports.audit.finding import Computed, spaced, span
from reports.audit.layers import shape_of
from reports.audit.printed import NotPrintedError, class_table, layer_table, needed
from reports.audit.stratified import Counts, halved, held_out
from reports.studies import by_id
from reports.wording import listed

NOISY = {
    "single-cnn": "single-cnn-clean",
    "dual-cnn": None,
    "parallel-mfcc-awgn": "parallel-mfcc",
    "parallel-mel-awgn": "parallel-mel",
}
"""Models trained with noisy copies, and the experiment that is the same without."""

CHAPTER_4 = ("single-cnn", "dual-cnn", "parallel-mfcc", "parallel-mfcc-awgn", "parallel-mel", "parallel-mel-awgn")
CHAPTER_5 = ("vgg16-1", "vgg16-2", "vgg16-3", "vgg16-4", "vgg16-5")
TENTH, FIFTH = Fraction(1, 10), Fraction(1, 5)
AS_SURPRISE = ("savee", "surprise")


def supports(published: Published, experiments: Iterable[str]) -> Counts:
    """Return the published supports of a chapter's tables, which are all the same; raises NotPrintedError."""
    found = {needed(class_table(published, name).counted, name).supports for name in experiments}
    if len(found) != 1:
        raise NotPrintedError("supports that are the same in all tables")
    return found.pop()


def labellings(published: Published) -> dict[tuple[str, str], dict[str, int]]:
    """Count the clips per class by the corpora's own labels, and with all clips of one corpus put into one class.

    The corpora's calm is the document's neutral. The key of the right labels is a pair of empty words.

    Raises:
        NotPrintedError: the class counts of a corpus are not known.
    """
    classes = published.data.classes
    if not set(published.data.corpora) <= set(CORPORA):
        raise NotPrintedError("corpora of known class counts")
    true = {
        name: Counter({label: CORPORA[name].expected.get(label, 0) for label in classes})
        + Counter(neutral=CORPORA[name].expected.get("calm", 0))
        for name in published.data.corpora
    }
    right = sum(true.values(), Counter())
    found = {("", ""): {name: right[name] for name in classes}}
    for corpus, own in true.items():
        for label in classes:
            moved = right - own + Counter({label: own.total()})
            found[corpus, label] = {name: moved[name] for name in classes}
    return found


def savee_labels(published: Published) -> Computed:
    """Ask which labelling of the corpora gives the published supports of a stratified test set."""
    chapter_4, chapter_5 = supports(published, CHAPTER_4), supports(published, CHAPTER_5)
    counted = {name: tuple(counts.values()) for name, counts in labellings(published).items()}
    fits = [
        name
        for name, counts in counted.items()
        if chapter_4 in held_out(counts, TENTH) and chapter_5 in halved(counts, FIFTH)
    ]
    right = counted["", ""]
    expected = [span(min(of), max(of)) for of in zip(*held_out(right, TENTH), strict=True)]
    wrong = [f"all {corpus} clips as {label} ({spaced(counted[corpus, label])})" for corpus, label in fits if corpus]
    return ("", "") in fits, {
        "right": right,
        "expected": listed(expected),
        "chapter_4": chapter_4,
        "chapter_5": chapter_5,
        "labellings": len(counted),
        "fits": len(fits),
        "savee_as_surprise": int(AS_SURPRISE in fits),
        "fitting": listed(wrong) or "the right one",
    }


def attention_axis(published: Published) -> Computed:
    """Ask which axis lies where the encoder, which takes (batch, sequence, features), attends."""
    first, *others = layer_table(published, "parallel").rows
    encoders = [row for row in others if row.type == "Encoder"]
    frames = shape_of(first)[-1]
    return {shape_of(row)[1] for row in encoders} == {frames}, {
        "encoders": len(encoders),
        "shape": encoders[0].shape,
        "frames": frames or 0,
        "input": first.shape,
    }


def noise_in_general(published: Published) -> Computed:
    """Ask for how many models with noisy copies the published numbers show that the copies help."""
    leads = {}
    for noisy, clean in NOISY.items():
        pair = [value_of(published, name, "accuracy") if name in published.by_id else None for name in (noisy, clean)]
        one, other = pair
        if one is not None and other is not None:
            leads[f"{noisy} {one}, {clean} {other}"] = Difference(one, other)
    if not leads:
        raise NotPrintedError("models with noisy copies")
    verdict, numbers = judge.all_greater({name: lead.interval for name, lead in leads.items()})
    return verdict == judge.SUPPORTED and len(leads) == len(NOISY), {
        "models": len(NOISY),
        "compared": len(leads),
        "better": numbers["above"],
        "leads": "; ".join(f"{name}: {lead}" for name, lead in leads.items()),
    }


def numbered(table: LayerTable) -> dict[str, list[int]]:
    """Return the numbers of the layers of each kind that Keras named: `dense`, `dense_1`, ... are 0, 1, ..."""
    found: dict[str, list[int]] = {}
    for row in table.rows:
        name = re.fullmatch(r"(.*?)(?:_(\d+))?", row.name)
        if name is not None and name[1] not in ("first_block", "second_block"):  # these the document named
            found.setdefault(name[1], []).append(int(name[2] or 0))
    return found


def parallel_build(published: Published) -> Computed:
    """Ask whether the published third model is the first of its kind that its process built.

    Keras counts the layers of a kind through a process, so a first number of 24 with 6 layers in a model means that 4
    such models were built before.
    """
    numbers = numbered(layer_table(published, "parallel"))
    # Inputs are numbered from 1, all else from 0.
    builds = {Fraction(min(of) - (kind == "input"), len(of)) for kind, of in numbers.items()}
    if len(builds) != 1:
        raise NotPrintedError("numbered layers that agree")
    before = builds.pop()
    printed = [name for name in published.by_id if name.startswith("parallel") and published.class_table(name)]
    layers = listed(f"{kind}_{min(of)}" for kind, of in numbers.items())
    return before == 0, {"layers": layers, "before": int(before), "results": len(printed)}


FINDINGS = by_id(savee_labels, attention_axis, noise_in_general, parallel_build)
