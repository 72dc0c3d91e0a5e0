"""Findings on the pretrained networks of the document on speech emotion recognition (chapters 5 to 7)."""

import math
from fractions import Fraction
from itertools import pairwise

from scipy import stats

from common.published import Published
from reports.audit.arithmetic import attainable, counts_of, cut_counts_of, near
from reports.audit.classes import Examined
from reports.audit.finding import Computed, digits, span
from reports.audit.printed import class_table, layer, layer_table, needed, value, whole
from reports.audit.stratified import halved, held_out
from reports.studies import by_id
from reports.studies.ser_parallel.findings import AS_SURPRISE, CHAPTER_4, CHAPTER_5, FIFTH, TENTH, labellings, supports
from reports.wording import listed

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of VGG16's 3 x 3 convolutions, block by block (Simonyan & Zisserman 2014, configuration D)."""


def vgg_convolutions() -> list[int]:
    """Return the parameters of VGG16's 13 convolutions, the first one first."""
    filters = [3, *(size for block in VGG16 for size in block)]
    return [9 * before * after + after for before, after in pairwise(filters)]


def vgg_unfreezing(published: Published) -> Computed:
    """Ask how many convolutions or blocks the published trainable parameters are."""
    layers, blocks = vgg_convolutions(), [len(block) for block in VGG16]
    base = layer(published, "vgg16-3", "vgg16").parameters
    holds, numbers = sum(layers) == base, {"convolutions": sum(layers), "base": base}
    for name in ("4", "5"):
        table, unfrozen = layer_table(published, f"vgg16-{name}"), whole(published, f"blocks-unfrozen-{name}")
        trained = (table.trainable or 0) - (table.total - base)
        fits = [count for count in range(len(layers) + 1) if sum(layers[len(layers) - count :]) == trained]
        in_blocks = sum(blocks[-unfrozen:])
        holds = holds and fits == [in_blocks]
        numbers |= {
            f"trained_{name}": trained,
            f"layers_{name}": fits[0] if fits else 0,
            f"blocks_{name}": unfrozen,
            f"layers_of_blocks_{name}": in_blocks,
            f"parameters_of_blocks_{name}": sum(layers[-in_blocks:]),
        }
    return holds, numbers


def vgg_split(published: Published) -> Computed:
    """Ask which split gives the supports of chapter 5 and the denominators of its validation accuracies."""
    four, five = supports(published, CHAPTER_4), supports(published, CHAPTER_5)
    counts = tuple(labellings(published)[AS_SURPRISE].values())
    neutral, tested = published.data.classes.index("neutral"), sum(five)
    printed = [value(published, name, "val_accuracy").printed for name in CHAPTER_5]
    fits = {n: sum(bool(counts_of(one.value, n, one.step)) for one in printed) for n in (tested, tested - 1)}
    return four == five, {
        "four": four,
        "five": five,
        "neutral_of_tenth": listed({of[neutral] for of in held_out(counts, TENTH)}),
        "neutral_of_halves": listed({of[neutral] for of in halved(counts, FIFTH)}),
        "accuracies": len(printed),
        "tested": tested,
        "fits_tested": fits[tested],
        "fewer": tested - 1,
        "fits_fewer": fits[tested - 1],
    }


def vgg_proportion(published: Published) -> Computed:
    """Ask whether experiment 2's accuracy is a share of its clips, and which accuracies its class table allows."""
    table, printed = class_table(published, "vgg16-2"), value(published, "vgg16-2", "accuracy").printed
    n, sizes, _ = needed(table.counted, "vgg16-2")
    shares = {*counts_of(printed.value, n, printed.step), *cut_counts_of(printed.value, n, printed.step)}
    recalls = attainable([row.recall for row in table.rows], sizes, 10.0**-table.decimals)
    counted = Examined(table).hits
    return bool(shares) and bool(set(counted) & shares), {
        "accuracy": printed.value,
        "n": n,
        "near": near(printed.value, n),
        "by_recalls": _hits(range(recalls[0], recalls[1] + 1) if recalls else range(0), n),
        "hits_by_recalls": recalls or (0, 0),
        "by_all": _hits(counted, n),
        "hits": counted[0] if counted else 0,
    }


def _hits(counts: range, n: int) -> str:
    return f"{span(counts[0], counts[-1])} hits ({span(counts[0] / n, counts[-1] / n)})" if counts else "no hits"


def vgg_fine_tuning(published: Published) -> Computed:
    """Ask whether fine-tuning beats frozen features after adjusting for the number of tries (Holm's first step)."""
    frozen, p = value(published, "vgg16-1", "accuracy"), {}
    for name in CHAPTER_5[2:]:
        tuned = value(published, name, "accuracy")
        n = tuned.printed.n or 0
        # Which clips were right is not published, so a test of independent samples must do.
        hits = [[round(one.low * n), n - round(one.low * n)] for one in (tuned, frozen)]
        p[f"p_{name[-1]}"] = float(stats.chi2_contingency(hits, correction=False).pvalue)
    least = min(1.0, min(p.values()) * len(p))
    return least < 0.05, {"tries": len(p), "least": least, **p}


def wav2vec_labels(published: Published) -> Computed:
    """Ask which labels make Wav2Vec2's supports a likely random sample."""
    printed, counted = supports(published, ["wav2vec2"]), labellings(published)
    right, wrong = (tuple(counted[name].values()) for name in (("", ""), AS_SURPRISE))
    place, n = published.data.classes.index("surprise"), sum(printed)
    likelihoods = [float(stats.multivariate_hypergeom.logpmf(printed, of, n)) for of in (right, wrong)]
    p = [float(stats.hypergeom.sf(printed[place] - 1, sum(of), of[place], n)) for of in (right, wrong)]
    return p[0] > 0.05, {
        "surprises": printed[place],
        "n": n,
        "expected_right": n * right[place] / sum(right),
        "p_right": p[0],
        "expected_wrong": n * wrong[place] / sum(wrong),
        "p_wrong": p[1],
        "power": (likelihoods[1] - likelihoods[0]) / math.log(10),
    }


def wav2vec_split(published: Published) -> Computed:
    """Ask whether Wav2Vec2's test clips can be a stratified set such as the other chapters have."""
    printed = supports(published, ["wav2vec2"])
    counts = tuple(labellings(published)[AS_SURPRISE].values())
    n, clips = sum(printed), sum(counts)
    stratified = [count * n / clips for count in counts]
    off = max(abs(one - expected) for one, expected in zip(printed, stratified, strict=True))
    twentieth = Fraction(clips, 20)
    return off < 1, {
        "printed": printed,
        "stratified": listed(digits(expected, 1) for expected in stratified),
        "off": off,
        "n": n,
        "clips": clips,
        "twentieth": float(twentieth),
        "rounded_up": math.ceil(twentieth),
        "others": sum(supports(published, CHAPTER_4)),
    }


FINDINGS = by_id(*(vgg_unfreezing, vgg_split, vgg_proportion, vgg_fine_tuning, wav2vec_labels, wav2vec_split))
