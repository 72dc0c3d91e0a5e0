"""What the numbers of the document on speech emotion recognition show beside what its text says.

Each function examines one claim. What no document prints comes from where it is known: the corpora's class counts from
`common.corpora`, the sizes of VGG16 and of the Transformer from their papers, the order of axes from the layers' own
documentation.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

from scipy import stats

from common.corpora import CORPORA
from common.metrics import newcombe
from common.printed import LayerTable
from common.published import Published
from reports.audit.arithmetic import attainable, counts_of, cut_counts_of, near
from reports.audit.claims import difference, in_words, value_of
from reports.audit.classes import Examined
from reports.audit.finding import Verdict, between, chance, digits, listed, percent, signed, spaced, span
from reports.audit.layers import NORMALISATION, normalised, shape_of
from reports.audit.printed import (
    NotPrintedError,
    class_table,
    counts,
    hits_of,
    layer,
    layer_table,
    number,
    search,
    threshold,
    value,
    whole,
    written,
)
from reports.audit.stratified import Counts, halved, held_out

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of VGG16's 3 x 3 convolutions, block by block (Simonyan & Zisserman 2014, configuration D)."""

TRANSFORMER = {"heads": 8, "feed-forward": 2048, "encoder-dropout": 0.1, "encoder-output": 512}
"""The encoders of the base model (Vaswani et al. 2017, table 3), by the ids of the document's numbers."""

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
SCRATCH_LAYERS = ("single", "dual", "parallel")
AS_SURPRISE = ("savee", "surprise")


def supports(published: Published, experiments: Iterable[str]) -> Counts:
    """Return the printed supports of a chapter's tables, which are all the same."""
    found = {tuple(row.support for row in class_table(published, name).rows) for name in experiments}
    if len(found) != 1:
        raise NotPrintedError("supports that are the same in all tables")
    return found.pop()


def labellings(published: Published) -> dict[tuple[str, str], dict[str, int]]:
    """Count the clips per class as the corpora annotate them, and with one corpus wholly put into one class.

    The corpora's calm is the document's neutral. The key of the right labels is a pair of empty words.
    """
    classes = published.data.classes
    if not set(published.data.corpora) <= set(CORPORA):
        raise NotPrintedError("corpora whose class counts are known")
    annotated = {
        name: Counter({label: CORPORA[name].expected.get(label, 0) for label in classes})
        + Counter(neutral=CORPORA[name].expected.get("calm", 0))
        for name in published.data.corpora
    }
    right = sum(annotated.values(), Counter())
    found = {("", ""): {name: right[name] for name in classes}}
    for corpus, own in annotated.items():
        for label in classes:
            moved = right - own + Counter({label: own.total()})
            found[corpus, label] = {name: moved[name] for name in classes}
    return found


def savee_labels(published: Published) -> Verdict:
    """Ask which labelling of the corpora gives the printed supports of a stratified test set."""
    printed = supports(published, CHAPTER_4), supports(published, CHAPTER_5)
    counted = {name: tuple(counts.values()) for name, counts in labellings(published).items()}
    fits = [
        name
        for name, counts in counted.items()
        if printed[0] in held_out(counts, TENTH) and printed[1] in halved(counts, FIFTH)
    ]
    right = counted["", ""]
    expected = [span(min(of), max(of)) for of in zip(*held_out(right, TENTH), strict=True)]
    told = [f"{corpus} all {label} ({spaced(counted[corpus, label])})" for corpus, label in fits if corpus]
    evidence = (
        f"right labels ({spaced(right)}) give a stratified tenth of {listed(expected)}; printed are "
        f"{spaced(printed[0])} (chapter 4) and {spaced(printed[1])} (VGG16); of {len(counted)} labellings (right, or "
        f"one corpus wholly in one class) {len(fits)} gives both: {listed(told) or 'the right one'}"
    )
    return ("", "") in fits, "clips are labelled as their corpora annotate them", evidence


def whole_corpora(published: Published) -> Verdict:
    """Ask how many clips give both the printed test set and the printed number of training clips."""
    tested = class_table(published, CHAPTER_4[0]).n
    trained, copies = whole(published, "training-clips-with-noisy-copies"), whole(published, "parallel-noisy-copies")
    sizes = [n for n in range(9 * tested, 11 * tested) if _sets(n) == (trained / (1 + copies), tested)]
    clips = sum(CORPORA[name].clips for name in published.data.corpora if name in CORPORA)
    evidence = (
        f"{tested} test clips and {trained} = {1 + copies} x {digits(trained / (1 + copies))} training clips (a tenth, "
        f"then a ninth of the rest held out) need {listed(sizes)} clips; the corpora have {clips}"
    )
    return clips in sizes, "the four corpora are used whole", evidence


def _sets(n: int) -> tuple[int, int]:
    """Return the training and test clips when a tenth tests and a ninth of the rest validates."""
    tested = math.ceil(TENTH * n)
    return n - tested - math.ceil(Fraction(n - tested, 9)), tested


def batchnorm_axis(published: Published) -> Verdict:
    """Ask which axis has the sizes that the printed parameters of batch normalisation need."""
    tables = [layer_table(published, name) for name in SCRATCH_LAYERS]
    axes = [normalised(table) for table in tables]
    rows = [row for row in tables[0].rows if NORMALISATION.match(row.type)]
    told = [f"{row.parameters} = 4 x {row.parameters // 4} of {row.shape}" for row in rows]
    channels = [4 * (shape_of(row)[1] or 0) for row in rows]
    evidence = f"{listed(told)}: axis {listed(axes[0][1])}, time; per channel it were {listed(channels)}"
    return all(one & other for one, other in axes), "normalisation is per channel", evidence


def attention_axis(published: Published) -> Verdict:
    """Ask which axis lies where the encoder, which takes (batch, sequence, features), attends."""
    entered = shape_of(layer_table(published, "parallel").rows[0])
    encoders = [row for row in layer_table(published, "parallel").rows if row.type == "Encoder"]
    attended = {shape_of(row)[1] for row in encoders}
    time = entered[-1]
    evidence = (
        f"{len(encoders)} encoders have the shape {encoders[0].shape}: the {time} frames of the input "
        f"{layer_table(published, 'parallel').rows[0].shape} stand first, where a batch is, and the open size of the "
        "batch stands second, where keras_nlp's TransformerEncoder takes the sequence"
    )
    return attended == {time}, "attention is over time", evidence


def encoder_parameters(published: Published) -> Verdict:
    """Recompute an encoder from the text: attention with biases, two dense layers, two layer normalisations."""
    width, inner = whole(published, "encoder-output"), whole(published, "feed-forward")
    encoders = [row for row in layer_table(published, "parallel").rows if row.type == "Encoder"]
    expected = 4 * width * (width + 1) + inner * (width + 1) + width * (inner + 1) + 2 * 2 * width
    evidence = (
        f"width {width} and {inner} inner neurons give {expected}; printed are "
        f"{listed(f'{times} x {size}' for size, times in Counter(row.parameters for row in encoders).items())}"
    )
    told = len(encoders) == whole(published, "encoders") and {row.parameters for row in encoders} == {expected}
    return told, "the encoders are those of the text", evidence


def original_encoder(published: Published) -> Verdict:
    """Ask whether the encoders differ from the cited paper's in nothing but their number."""
    stacked, theirs = whole(published, "encoders"), whole(published, "encoders-of-the-original")
    own = {name: number(published, name) for name in TRANSFORMER}
    other = [
        f"{name.removeprefix('encoder-')} {digits(own[name])} instead of {digits(size)}"
        for name, size in TRANSFORMER.items()
    ]
    differing = [told for told, name in zip(other, own, strict=True) if own[name] != TRANSFORMER[name]]
    evidence = f"also, against the base model of the paper that is cited: {listed(differing) or 'no difference'}"
    return not differing, f"{stacked} encoders instead of {theirs} are the only difference (4.5.1)", evidence


def mfcc_shape(published: Published) -> Verdict:
    """Hold the shape that the third test gives for MFCC against that of the first network's input."""
    first, third = whole(published, "mfcc-frames"), whole(published, "mel-frames")
    entered = layer_table(published, "parallel").rows[0].shape
    evidence = (
        f"MFCC has {first} frames (4.3.1), and the model for it the input {entered} (4.5.1); {third} frames are those "
        "of the mel spectrograms, which this test is on"
    )
    return first == third, f"the input with MFCC has {third} frames (4.5.2)", evidence


def noise_in_general(published: Published) -> Verdict:
    """Ask of how many models with noisy copies the printed numbers show that they are better for it."""
    told, shown = [], 0
    for noisy, clean in NOISY.items():
        pair = [value_of(published, name, "accuracy") if name in published.by_id else None for name in (noisy, clean)]
        one, other = pair
        if one is None or other is None:
            continue
        interval = difference(one, other)[1]
        shown += interval is not None and interval[0] > 0
        told.append(f"{noisy} {one} against {clean} {other}: {in_words(one, other)}")
    if not told:
        raise NotPrintedError("models with noisy copies")
    evidence = (
        f"{len(told)} of {len(NOISY)} models with noisy copies are printed without them too: {'; '.join(told)}; beyond "
        f"chance in {shown}"
    )
    claim = "noise improved the generalisation of each model on which it was applied (7)"
    return shown == len(NOISY), claim, evidence


def lost_frames(published: Published) -> Verdict:
    """Follow the last output of a convolutional block back to the last frame that it can depend on.

    A pool leaves out what does not fill it, and a convolution that keeps its size reaches half a kernel further.
    """
    strides, reach = list(counts(published, "pools").values()), whole(published, "kernel") // 2
    told, whole_input = [], True
    for name in ("mfcc-frames", "mel-frames"):
        sizes = [whole(published, name)]
        for stride in strides:
            sizes.append(sizes[-1] // stride)
        if not sizes[-1]:
            raise NotPrintedError("pools that leave something")
        last = sizes[-1] - 1
        for size, stride in zip(sizes[-2::-1], strides[::-1], strict=True):
            last = min(last * stride + stride - 1 + reach, size - 1)
        lost = sizes[0] - 1 - last
        whole_input = whole_input and not lost
        told.append(
            f"{sizes[0]} frames are pooled to {' '.join(map(str, sizes[1:]))}: the last {lost} of them "
            f"({percent(lost / sizes[0], 0)}) reach no output"
        )
    return whole_input, "the convolutional blocks see the whole spectrogram (4.3.1)", "; ".join(told)


def noise_patience(published: Published) -> Verdict:
    """Ask whether the third model is trained alike with noisy copies and without."""
    patience = [whole(published, name) for name in ("parallel-patience", "parallel-awgn-patience")]
    trained = counts(published, "sets-of-chapter-4").get("train")
    if trained is None:
        raise NotPrintedError("training clips")
    clips = [trained, whole(published, "training-clips-with-noisy-copies")]
    told = [f"{epochs} epochs of {n} clips = {epochs * n}" for epochs, n in zip(patience, clips, strict=True)]
    evidence = (
        f"training goes on without gain for {told[0]} without noisy copies, and for {told[1]} with them: what the "
        "copies bring and what the other patience brings are not told apart"
    )
    claim = "noisy copies are all that differs between the tests of the third model (4.5.2)"
    return patience[0] == patience[1], claim, evidence


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
    printed = [value(published, name, "validation_accuracy").printed for name in CHAPTER_5]
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
    for metric in ("validation_accuracy", "validation_loss", "accuracy", "loss"):
        values = {name: value(published, name, metric) for name in CHAPTER_5}
        best[metric] = max(values, key=lambda name: values[name].sign * values[name].printed.value)
    told = [f"{metric} {name} ({value(published, name, metric)})" for metric, name in best.items()]
    one, other = (value(published, best[name], "accuracy") for name in ("accuracy", "validation_accuracy"))
    evidence = f"best by {listed(told)}; test accuracy of the two: {one} against {other}: {in_words(one, other)}"
    return (
        best["accuracy"] == best["validation_accuracy"],
        "the best VGG16 is not chosen by its test accuracy",
        evidence,
    )


def vgg_validation(published: Published) -> Verdict:
    """Ask whether the test clips are easier than the validation clips: the same two sets in all five experiments."""
    tests = [value(published, name, "accuracy").printed for name in CHAPTER_5]
    checks = [value(published, name, "validation_accuracy").printed for name in CHAPTER_5]
    gaps = [test.value - check.value for test, check in zip(tests, checks, strict=True)]
    means = [sum(one.value for one in of) / len(of) for of in (tests, checks)]
    interval = newcombe(means[0], float(tests[0].n or 0), means[1], float(checks[0].n or 0))
    losses = [
        value(published, name, "validation_loss").printed.value - value(published, name, "loss").printed.value
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


def surprise_mix(published: Published) -> Verdict:
    """Ask what the surprise class is made of."""
    counted = labellings(published)
    right, mixed = counted["", ""]["surprise"], counted[AS_SURPRISE]["surprise"]
    corpus = CORPORA[AS_SURPRISE[0]].clips
    tested = supports(published, CHAPTER_4)[published.data.classes.index("surprise")]
    evidence = (
        f"with the labels that the supports show, {corpus} of {mixed} clips of surprise are SAVEE's, and "
        f"{mixed - right} ({percent((mixed - right) / mixed)}) are of another emotion: about "
        f"{digits(tested * (mixed - right) / mixed, 0)} of {tested} in the test set. F1 partly measures whether a clip "
        "is SAVEE's"
    )
    above = threshold(published, "surprise_f1")
    return mixed == right, f"an F1 above {above} shows that surprised speech is well recognised", evidence


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


def search_budget(published: Published) -> Verdict:
    """Ask whether the search's losses are those of trained models: guessing evenly has a loss of ln(classes)."""
    rates, classes = search(published, "single-cnn"), len(published.data.classes)
    guess = math.log(classes)
    place = len(rates.space) + rates.columns.index("train_epoch_loss")
    worse = {row[0]: row[place] for row in rates.rows if row[place] > guess}
    accuracies = [row[len(rates.space) + rates.columns.index("validation_epoch_accuracy")] for row in rates.rows]
    final = value(published, "single-cnn", "accuracy")
    told = [f"{digits(loss)} at {digits(rate, 8)}" for rate, loss in worse.items()]
    evidence = (
        f"guessing evenly among {classes} classes has a loss of {digits(guess, 2)}; training losses above it: "
        f"{listed(told) or 'none'}; best validation accuracy of the search {digits(max(accuracies))}, after the whole "
        f"training {final}. Indicated: the rates were compared after very few epochs"
    )
    return not worse, "the search compares trained networks", evidence


def learning_rates(published: Published) -> Verdict:
    """Ask whether the models from scratch have the rate that was tuned."""
    rates = search(published, "single-cnn")
    by_rate, by_loss = (
        {row[0]: row[len(rates.space) + rates.columns.index(f"validation_epoch_{score}")] for row in rates.rows}
        for score in ("accuracy", "loss")
    )
    used = {name: number(published, f"{name}-learning-rate") for name in ("single", "dual", "parallel")}
    order, of_loss = sorted(by_rate, key=lambda rate: -by_rate[rate]), sorted(by_loss, key=by_loss.__getitem__)
    others = [f"{name} {digits(rate, 8)}" for name, rate in used.items()]
    told = [
        f"{digits(rate, 8)} was number {order.index(rate) + 1} of {len(order)}, {digits(by_rate[rate])} (by loss "
        f"number {of_loss.index(rate) + 1}, {digits(by_loss[rate])})"
        for rate in dict.fromkeys(used.values())
        if rate in order
    ]
    evidence = (
        f"{listed(others)}; by validation accuracy of the search {listed(told)}: one CNN and two differ in their "
        "learning rate too"
    )
    return len(set(used.values())) == 1, "one CNN and two are trained with the learning rate that was tuned", evidence


def earlier_builds(table: LayerTable) -> set[Fraction]:
    """Return how many models of a table's make Keras had named before, by every kind of its numbered layers.

    Keras numbers layers of a kind through a process: `dense`, `dense_1`, ... ; inputs begin with 1.
    """
    names = [re.fullmatch(r"(.*?)(?:_(\d+))?", row.name) for row in table.rows]
    found: dict[str, list[int]] = {}
    for name in names:
        if name is not None and name[1] not in ("first_block", "second_block"):
            found.setdefault(name[1], []).append(int(name[2] or 0) - (name[1] == "input"))
    return {Fraction(min(numbers), len(numbers)) for kind, numbers in found.items() if min(numbers) >= 0}


def parallel_build(published: Published) -> Verdict:
    """Ask whether the printed third model is the first of its kind that its process built."""
    table = layer_table(published, "parallel")
    builds = earlier_builds(table)
    if len(builds) != 1:
        raise NotPrintedError("numbered layers that agree")
    names = [row.name for row in table.rows]
    printed = [name for name in published.by_id if name.startswith("parallel") and published.class_table(name)]
    before = builds.pop()
    evidence = (
        f"its layers begin with {listed(name for name in names if name[-1] == '4' or name.endswith(('_24', '_16')))}: "
        f"each kind says that {before} models of this make had been built before it in one process; results of "
        f"{len(printed)} are printed. Certain of the numbering, open what the others were"
    )
    return before == 0, "the printed third model is the first that was built", evidence


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


def frames(published: Published) -> Verdict:
    """Ask whether one duration gives the frames of MFCC and of mel spectrograms, at hops of 512 and 256 samples."""
    rate, duration = whole(published, "sample-rate"), number(published, "wav2vec2-duration")
    samples = round(rate * duration)
    expected = {name: 1 + samples // hop for name, hop in {"mfcc-frames": 512, "mel-frames": 256}.items()}
    printed = {name: whole(published, name) for name in expected}
    evidence = (
        f"{digits(duration)} s at {rate} Hz are {samples} samples: {spaced(expected.values())} frames at hops of 512 "
        f"and 256; printed {spaced(printed.values())}"
    )
    return printed == expected, "MFCC and mel spectrograms are of the same 3 s", evidence


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "ser-savee-labels": savee_labels,
    "ser-clips": whole_corpora,
    "ser-batchnorm-axis": batchnorm_axis,
    "ser-attention-axis": attention_axis,
    "ser-encoder-parameters": encoder_parameters,
    "ser-original-encoder": original_encoder,
    "ser-parallel-build": parallel_build,
    "ser-frames": frames,
    "ser-mfcc-shape": mfcc_shape,
    "ser-noise-in-general": noise_in_general,
    "ser-lost-frames": lost_frames,
    "ser-noise-patience": noise_patience,
    "ser-search-budget": search_budget,
    "ser-learning-rates": learning_rates,
    "ser-surprise-mix": surprise_mix,
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
