"""What the numbers of the document on speech emotion recognition show beside what its text says.

Its pretrained networks are in `reports.studies.ser_parallel.pretrained_findings`.

Each function examines one claim. What no document prints comes from where it is known: the corpora's class counts from
`common.corpora`, the size of the Transformer from its paper, the order of axes from the layers' own
documentation.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from common.corpora import CORPORA
from common.published import Published
from common.published.schema import LayerTable
from reports.audit.claims import difference, in_words, value_of
from reports.audit.finding import Verdict, digits, listed, percent, spaced, span
from reports.audit.layers import NORMALISATION, normalised, shape_of
from reports.audit.printed import (
    NotPrintedError,
    class_table,
    counts,
    layer_table,
    number,
    search,
    threshold,
    value,
    whole,
)
from reports.audit.stratified import Counts, halved, held_out

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


def search_budget(published: Published) -> Verdict:
    """Ask whether the search's losses are those of trained models: guessing evenly has a loss of ln(classes)."""
    rates, classes = search(published, "single-cnn"), len(published.data.classes)
    guess = math.log(classes)
    place = len(rates.space) + rates.columns.index("train_epoch_loss")
    worse = {row[0]: row[place] for row in rates.rows if row[place] > guess}
    accuracies = [row[len(rates.space) + rates.columns.index("val_epoch_accuracy")] for row in rates.rows]
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
        {row[0]: row[len(rates.space) + rates.columns.index(f"val_epoch_{score}")] for row in rates.rows}
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
}
