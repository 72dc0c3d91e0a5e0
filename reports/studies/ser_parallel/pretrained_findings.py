"""What the document on speech emotion recognition says of its pretrained networks (chapters 5 to 7).

Each function examines one claim, as in `reports.studies.ser_parallel.findings`. The sizes of VGG16 come from its paper.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise

from scipy import stats

from common.intervals import newcombe
from common.published import Published
from reports.audit.arithmetic import attainable, counts_of, cut_counts_of, near
from reports.audit.claims import in_words, value_of
from reports.audit.classes import Examined
from reports.audit.finding import Verdict, between, chance, digits, listed, signed, spaced, span
from reports.audit.printed import (
    NotPrintedError,
    class_table,
    hits_of,
    layer,
    layer_table,
    value,
    whole,
    written,
)
from reports.audit.stratified import halved, held_out
from reports.studies.ser_parallel.findings import AS_SURPRISE, CHAPTER_4, CHAPTER_5, FIFTH, TENTH, labellings, supports

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of VGG16's 3 x 3 convolutions, block by block (Simonyan & Zisserman 2014, configuration D)."""


def wav2vec_each_class(published: Published) -> Verdict:
    """Ask whether Wav2Vec2 does better than every other test in each class, too."""
    own = {row.name: row.f1 for row in class_table(published, "wav2vec2").rows}
    others = {name: published.class_table(name) for name in published.by_id if name != "wav2vec2"}
    scores = {(name, row.name): row.f1 for name, rows in others.items() for row in rows}
    above = {label: [name for (name, of), f1 in scores.items() if of == label and f1 > own[label]] for label in own}
    told = [
        f"{label} {digits(own[label])}, {listed(f'{name} {digits(scores[name, label])}' for name in names)}"
        for label, names in above.items()
        if names
    ]
    best = sum(not names for names in above.values())
    evidence = f"its F1 is the highest in {best} of {len(own)} classes" + (f"; not {'; '.join(told)}" if told else "")
    return best == len(own), "Wav2Vec2 does better than every other test in each class, too (6.3)", evidence


def vgg_best_accuracy(published: Published) -> Verdict:
    """Hold the accuracy that is called the best against the next sentence's."""
    n = class_table(published, "vgg16-3").n
    told, other = (hits_of(published, name, n) for name in ("vgg16-best-accuracy", "vgg16-other-run"))
    gap = newcombe(other[0] / n, n, told[-1] / n, n)
    shown = written(published, "vgg16-best-accuracy")
    evidence = (
        f"the next sentence has {written(published, 'vgg16-other-run')} = {span(other[0], other[-1])}/{n}: "
        f"{signed(other[0] / n - told[-1] / n)}, 95 % {between(gap)}"
    )
    return other[0] <= told[-1], f"{shown} is the best test accuracy with VGG16 (5.4)", evidence


def best_from_scratch(published: Published) -> Verdict:
    """Hold the last model from scratch against the best accuracy with VGG16 that the text tells."""
    n = class_table(published, "vgg16-3").n
    other, own = hits_of(published, "vgg16-other-run", n), value(published, "parallel-mfcc-awgn", "accuracy")
    low, high = newcombe(own.low, n, other[0] / n, n)[0], newcombe(own.high, n, other[0] / n, n)[1]
    evidence = (
        f"parallel-mfcc-awgn {own} against {written(published, 'vgg16-other-run')} of the run in no table: "
        f"{signed(own.low - other[0] / n)} to {signed(own.high - other[0] / n)}, 95 % {between((low, high))}"
    )
    return low > 0, "the last model from scratch is better than every run of VGG16 that is told (7)", evidence


def vgg_convolutions() -> list[int]:
    """Return the parameters of VGG16's 13 convolutions, the first one first."""
    filters = [3, *(size for block in VGG16 for size in block)]
    return [9 * before * after + after for before, after in pairwise(filters)]


def vgg_won(published: Published) -> Verdict:
    """Hold the victory that is told of VGG16 against what is remembered."""
    place = whole(published, "ilsvrc-2014-place")
    evidence = (
        f"number {place} in classification, and the first in localisation (remembered, no text at hand). Indicated"
    )
    return place == 1, "VGG16 won ILSVRC 2014 (5.1)", evidence


def vgg_unfreezing(published: Published) -> Verdict:
    """Ask how many convolutions or blocks the printed trainable parameters are."""
    layers, blocks = vgg_convolutions(), [len(block) for block in VGG16]
    base = layer(published, "vgg16-3", "vgg16").parameters
    told, holds = [f"VGG16's 13 convolutions have {sum(layers)} parameters, printed {base}"], sum(layers) == base
    for name in ("4", "5"):
        table, unfrozen = layer_table(published, f"vgg16-{name}"), whole(published, f"blocks-unfrozen-{name}")
        trained = (table.trainable or 0) - (table.total - base)
        fits = [count for count in range(len(layers) + 1) if sum(layers[len(layers) - count :]) == trained]
        in_blocks = sum(blocks[-unfrozen:])
        told.append(
            f"experiment {name} trains {table.trainable} - {table.total - base} = {trained}, the last "
            f"{listed(fits) or 'of no number of'} layers; {unfrozen} blocks are {in_blocks} layers and "
            f"{sum(layers[-in_blocks:])}"
        )
        holds = holds and fits == [in_blocks]
    return holds, "the last 1, 2, 3 blocks of VGG16 are unfrozen", "; ".join(told)


def vgg_split(published: Published) -> Verdict:
    """Ask which way of splitting gives the supports of chapter 5 and the denominators of its validation accuracies."""
    four, five = supports(published, CHAPTER_4), supports(published, CHAPTER_5)
    counts = tuple(labellings(published)[AS_SURPRISE].values())
    neutral = published.data.classes.index("neutral")
    tenth, halves = ({of[neutral] for of in sets} for sets in (held_out(counts, TENTH), halved(counts, FIFTH)))
    printed = [value(published, name, "val_accuracy").printed for name in CHAPTER_5]
    tested = sum(five)
    fits = {n: sum(bool(counts_of(one.value, n, one.step)) for one in printed) for n in (tested, tested - 1)}
    evidence = (
        f"supports {spaced(four)} and {spaced(five)}; a tenth, then a ninth gives neutral {listed(tenth)}, a fifth "
        f"halved {listed(halves)}; of {len(printed)} validation accuracies {fits[tested]} are k/{tested} and "
        f"{fits[tested - 1]} are k/{tested - 1}, as a fifth halved gives"
    )
    return four == five, "chapter 5 uses chapter 4's split", evidence


def vgg_proportion(published: Published) -> Verdict:
    """Ask whether experiment 2's accuracy is a share of its clips, and what its class table allows."""
    table, printed = class_table(published, "vgg16-2"), value(published, "vgg16-2", "accuracy").printed
    hits = counts_of(printed.value, table.n, printed.step)
    cut = cut_counts_of(printed.value, table.n, printed.step)
    recalls = attainable([row.recall for row in table.rows], [row.support for row in table.rows], 10.0**-table.decimals)
    by_recalls = range(recalls[0], recalls[1] + 1) if recalls else range(0)
    counted = Examined(table).hits
    shown = digits(printed.value)
    evidence = (
        f"{'' if hits or cut else 'no '}k/{table.n} is {shown}, rounded or cut ({near(printed.value, table.n)}); the "
        f"recalls of its class table allow {_hits(by_recalls, table.n)}, and with its precisions "
        f"{_hits(counted, table.n)}"
    )
    holds = bool(set(hits) | set(cut)) and bool(set(counted) & (set(hits) | set(cut)))
    return holds, f"{shown} is an accuracy on {table.n} clips, and that of its class table", evidence


def _hits(counts: range, n: int) -> str:
    return f"{span(counts[0], counts[-1])} hits, {span(counts[0] / n, counts[-1] / n)}" if counts else "no hits"


def vgg_other_run(published: Published) -> Verdict:
    """Ask whether the other run can be experiment 4 once more, as the text says, with other random weights."""
    shown, n = written(published, "vgg16-other-run"), class_table(published, "vgg16-4").n
    hits = hits_of(published, "vgg16-other-run", n)
    other = value(published, "vgg16-4", "accuracy")
    gap = newcombe(hits[0] / n, n, other.low, n)
    runs = [value(published, name, "accuracy").printed.value for name in CHAPTER_5]
    evidence = (
        f"{shown} = {span(hits[0], hits[-1])}/{n} against experiment 4's {other}: "
        f"{signed(hits[0] / n - other.low)}, 95 % {between(gap)}, at least {hits[0] - round(other.low * n)} of {n} "
        f"clips decided otherwise; the printed runs lie in {span(min(runs), max(runs))}; called the last block, while "
        f"experiment 4 unfreezes {whole(published, 'blocks-unfrozen-4')} blocks. Indicated: how far runs of one "
        "experiment differ is not printed"
    )
    return gap[0] <= 0 <= gap[1], f"{shown} is experiment 4 again, with other initial weights (5.4)", evidence


def vgg_chosen_by_test(published: Published) -> Verdict:
    """Ask which experiment is best by what may choose, validation, and by the test set."""
    best = {}
    for metric in ("val_accuracy", "val_loss", "accuracy", "loss"):
        values = {name: value(published, name, metric) for name in CHAPTER_5}
        best[metric] = max(values, key=lambda name: values[name].sign * values[name].printed.value)
    told = [f"{metric} {name} ({value(published, name, metric)})" for metric, name in best.items()]
    one, other = (value(published, best[name], "accuracy") for name in ("accuracy", "val_accuracy"))
    evidence = f"best by {listed(told)}; test accuracy of the two: {one} against {other}: {in_words(one, other)}"
    return (
        best["accuracy"] == best["val_accuracy"],
        "the best VGG16 is not chosen by its test accuracy",
        evidence,
    )


def vgg_validation(published: Published) -> Verdict:
    """Ask whether the test clips are easier than the validation clips: the same two sets in all five experiments."""
    tests = [value(published, name, "accuracy").printed for name in CHAPTER_5]
    checks = [value(published, name, "val_accuracy").printed for name in CHAPTER_5]
    gaps = [test.value - check.value for test, check in zip(tests, checks, strict=True)]
    means = [sum(one.value for one in of) / len(of) for of in (tests, checks)]
    interval = newcombe(means[0], float(tests[0].n or 0), means[1], float(checks[0].n or 0))
    losses = [
        value(published, name, "val_loss").printed.value - value(published, name, "loss").printed.value
        for name in CHAPTER_5
    ]
    evidence = (
        f"test accuracy is above validation by {listed(map(signed, gaps))}, test loss below by "
        f"{listed(map(signed, losses))}; the sets are the same each time, so this is one draw: mean "
        f"{signed(means[0] - means[1])}, 95 % {between(interval)}"
    )
    return (
        interval[0] <= 0 <= interval[1],
        "that VGG16 does better on test than on validation clips may be chance",
        evidence,
    )


def fine_tuning(published: Published) -> Verdict:
    """Ask whether fine-tuning beats frozen features once it is counted how many tries were made (Holm's first step)."""
    frozen, tries = value(published, "vgg16-1", "accuracy"), CHAPTER_5[2:]
    found = {}
    for name in tries:
        tuned = value(published, name, "accuracy")
        n = tuned.printed.n or 0
        hits = [[round(one.low * n), n - round(one.low * n)] for one in (tuned, frozen)]
        found[name] = float(stats.chi2_contingency(hits, correction=False).pvalue)
    told = [f"{name} {value(published, name, 'accuracy')} p {chance(p)}" for name, p in found.items()]
    least = min(1.0, min(found.values()) * len(found))
    evidence = (
        f"against {frozen} with the base frozen: {listed(told)}; the smallest of {len(found)} tries {chance(least)} "
        "(as of independent samples: which clips were right is not printed)"
    )
    return least < 0.05, "fine-tuning improved the results of VGG16 (5.4)", evidence


def wav2vec_labels(published: Published) -> Verdict:
    """Ask which labels make Wav2Vec2's supports a likely random draw."""
    printed, counted = supports(published, ["wav2vec2"]), labellings(published)
    right, slip = (tuple(counted[name].values()) for name in (("", ""), AS_SURPRISE))
    place, n = published.data.classes.index("surprise"), sum(printed)
    tails = [float(stats.hypergeom.sf(printed[place] - 1, sum(of), of[place], n)) for of in (right, slip)]
    ratio = sum(
        (stats.multivariate_hypergeom.logpmf(printed, of, n) * sign) / math.log(10)
        for of, sign in ((slip, 1), (right, -1))
    )
    evidence = (
        f"{printed[place]} surprises of {n} clips drawn at random: expected {digits(n * right[place] / sum(right), 1)} "
        f"with right labels, so many or more have probability {chance(tails[0])}; expected "
        f"{digits(n * slip[place] / sum(slip), 1)} with SAVEE as surprise, probability {chance(tails[1])}; all seven "
        f"supports are 10 to the power {digits(ratio, 1)} times as likely with the slip"
    )
    return tails[0] > 0.05, "Wav2Vec2's clips are labelled as their corpora annotate them", evidence


def wav2vec_split(published: Published) -> Verdict:
    """Ask whether Wav2Vec2's test clips can be a stratified set such as the other chapters have."""
    printed = supports(published, ["wav2vec2"])
    counts = tuple(labellings(published)[AS_SURPRISE].values())
    n, share = sum(printed), sum(printed) / sum(counts)
    stratified = [digits(count * share, 1) for count in counts]
    off = max(abs(one - count * share) for one, count in zip(printed, counts, strict=True))
    twentieth = Fraction(sum(counts), 20)
    evidence = (
        f"supports {spaced(printed)}, stratified they were {spaced(stratified)} within 1 (off by up to "
        f"{digits(off, 1)}); {n} clips, where a twentieth of {sum(counts)} is {digits(float(twentieth), 1)}, cut "
        f"{math.floor(twentieth)} and rounded up, as scikit-learn does, {math.ceil(twentieth)}; chapters 4 and 5 test "
        f"{sum(supports(published, CHAPTER_4))}: its accuracy is compared with that of other clips"
    )
    return off < 1, "Wav2Vec2 is tested on a stratified set, as the other models are", evidence


def wav2vec_unseen(published: Published) -> Verdict:
    """Hold Wav2Vec2's accuracy on unseen clips against that of the other models."""
    found = {name: value_of(published, name, "accuracy") for name in published.by_id}
    tested = {name: one for name, one in found.items() if one is not None}
    if len(tested) < 2 or "wav2vec2" not in tested:
        raise NotPrintedError("wav2vec2 accuracy")
    own = tested["wav2vec2"]
    place = 1 + sum(one.printed.value > own.printed.value for one in tested.values())
    best = max((name for name in tested if name != "wav2vec2"), key=lambda name: tested[name].printed.value)
    evidence = (
        f"its test accuracy {own} on {own.printed.n} clips (6.3) is number {place} of {len(tested)} printed; the best "
        f"of the others is {best} {tested[best]}: {in_words(own, tested[best])}, of other clips"
    )
    return place > len(tested) / 2, "Wav2Vec2 performs poorly on unseen data (7)", evidence


def gelu(published: Published) -> Verdict:
    """Hold the document's formula, x times the normal density, against GELU, x times the distribution function."""
    class_table(published, "wav2vec2")
    points = (1.0, 2.0, 3.0)
    written = [x * float(stats.norm.pdf(x)) for x in points]
    right = [x * float(stats.norm.cdf(x)) for x in points]
    told = [
        f"at {digits(x)} {digits(one)} instead of {digits(other)}"
        for x, one, other in zip(points, written, right, strict=True)
    ]
    agrees = all(math.isclose(one, other, abs_tol=0.01) for one, other in zip(written, right, strict=True))
    return agrees, "GELU(x) is x times the density of the normal distribution (6.1)", listed(told)


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "ser-vgg-won": vgg_won,
    "ser-vgg-unfreezing": vgg_unfreezing,
    "ser-vgg-split": vgg_split,
    "ser-vgg-proportion": vgg_proportion,
    "ser-vgg-chosen-by-test": vgg_chosen_by_test,
    "ser-vgg-validation": vgg_validation,
    "ser-vgg-fine-tuning": fine_tuning,
    "ser-claims-vgg16-other-run": vgg_other_run,
    "ser-wav2vec-labels": wav2vec_labels,
    "ser-wav2vec-split": wav2vec_split,
    "ser-wav2vec-unseen": wav2vec_unseen,
    "ser-wav2vec-each-class": wav2vec_each_class,
    "ser-vgg-best-accuracy": vgg_best_accuracy,
    "ser-best-from-scratch": best_from_scratch,
    "ser-gelu": gelu,
}
