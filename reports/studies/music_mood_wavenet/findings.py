"""What the slides on moods of music show beside what they say.

`reports/published/mtg_jamendo_tags.csv` holds what they do not print of the corpus: how many tracks of each set of
split-0 have a tag, and how many have so many tags.
"""

import csv
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from scipy import stats

from common.intervals import Z, newcombe
from common.published import FOLDER, Published
from reports.audit.arithmetic import counts_of, cut_counts_of, shared_sizes
from reports.audit.finding import Verdict, between, chance, digits, listed, signed, span
from reports.audit.printed import NotPrintedError, hits, number, value, whole

TAGS = FOLDER / "mtg_jamendo_tags.csv"
SPEECH = ("emodb-wavenet", "emodb-cnn-lstm")
MEL = ("mel-b0", "mel-b0-balanced", "mel-b0-specaugment")
WAVENET = ("wavenet-mobilenetv2", "wavenet-b7")
ENSEMBLES = ("ensemble-cd", "ensemble-ce")
PR_AUC = "macro_pr_auc"


@cache
def tags(what: str, part: str, path: Path = TAGS) -> dict[str, int]:
    """Return how many tracks of a set of split-0 have each `tag`, or each number of tags (`tags of a track`)."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["value"]: int(row[part]) for row in csv.DictReader(file) if row["what"] == what}


def emodb_proportion(published: Published) -> Verdict:
    """Look for test sets of which both printed accuracies are a share, rounded or cut."""
    printed = [value(published, name, "accuracy").printed for name in SPEECH]
    shares, step, most = [one.value for one in printed], printed[0].step, whole(published, "emodb-clips")
    sizes = {cut: shared_sizes(shares, step, most, cut=cut) for cut in (False, True)}
    tested = math.ceil(most / 5)
    fits = {cut: tested in of for cut, of in sizes.items()}
    right = [(cut_counts_of if fits[True] else counts_of)(share, tested, step) for share in shares]
    told = [f"{digits(100 * share, 2)} % is {of[0]}/{tested}" for share, of in zip(shares, right, strict=True) if of]
    rounded = listed(digits(100 * of[0] / tested, 2) for of in right if of)
    evidence = (
        f"a fifth of {most} clips of anger, happiness, neutral and sadness is {tested}: {listed(told) or 'no shares'}"
        f"{f' ({rounded} % if rounded)' if fits[True] and not fits[False] else ''}; up to {most} "
        f"clips both are shares of {listed(sizes[True][:4]) or 'no number'} if cut, of "
        f"{listed(sizes[False][:4]) or 'no number'} if rounded"
    )
    written = " and ".join(f"{digits(100 * share, 2)} %" for share in shares)
    return any(fits.values()), f"{written} are of one test set", evidence


def emodb_difference(published: Published) -> Verdict:
    """Ask what the two accuracies can show: the pairs of McNemar's test are not printed, but they are bounded."""
    (right, n), (right_too, _) = (hits(published, name, "accuracy") for name in SPEECH)
    one, other = right[0], right_too[0]
    interval = newcombe(one / n, n, other / n, n)
    more, most = one - other, n - one
    both_ways = [0, most] if more > 0 else []
    bounds = [float(stats.binomtest(more + both, more + 2 * both).pvalue) for both in both_ways] or [1.0, 1.0]
    evidence = (
        f"{one} against {other} of {n}: {signed(more / n)}, 95 % {between(interval)}; on the same clips "
        f"McNemar's p is {chance(bounds[0])} if one is right wherever the other is, else up to {chance(bounds[1])}"
    )
    return (
        bounds[1] < 0.05,
        "WaveNet beats CNN and LSTM on raw speech beyond chance, whatever clips they missed",
        evidence,
    )


def emodb_loss(published: Published) -> Verdict:
    """Ask whether WaveNet's two losses are of one kind: a network does better on clips that it was trained on."""
    losses = {
        name: [value(published, name, metric).printed.value for metric in ("train_loss", "loss")] for name in SPEECH
    }
    told = [f"{name} {digits(train)} in training, {digits(test)} in the test" for name, (train, test) in losses.items()]
    train, test = losses[SPEECH[0]]
    evidence = (
        f"{listed(told)}. Indicated: a training loss with dropout or of an epoch's mean, or an easy test set of "
        f"{value(published, SPEECH[0], 'loss').printed.n} clips"
    )
    return train <= test, "WaveNet's loss is lower on the clips that it was trained on", evidence


def mel_frames(published: Published) -> Verdict:
    """Hold the printed number of frames against the code's."""
    printed, used = whole(published, "mel-frames"), whole(published, "mel-frames-of-the-code")
    swapped = [place for place, (one, other) in enumerate(zip(str(printed), str(used), strict=False)) if one != other]
    same = sorted(str(printed)) == sorted(str(used))
    how = f": digits {swapped[0] + 1} and {swapped[-1] + 1} are swapped" if same and len(swapped) == 2 else ""
    return printed == used, f"{printed} frames", f"the authors' code crops to {used}, printed {printed}{how}"


def steps(published: Published) -> Verdict:
    """Divide the samples by the encoder's step: whole steps, the rest dropped."""
    step, rate = whole(published, "encoder-step"), 1000 * whole(published, "encoder-rate")
    track, clip = whole(published, "encoded-samples"), rate * whole(published, "encoded-duration")
    expected = {"encoded-steps": track // step, "duration-steps": clip // step}
    printed = {name: whole(published, name) for name in expected}
    evidence = (
        f"{track} // {step} = {track // step}, printed {printed['encoded-steps']}; {digits(clip / rate)} s at {rate} "
        f"Hz: {clip} // {step} = {clip // step}, printed {printed['duration-steps']} ({step * (clip // step)} samples)"
    )
    return printed == expected, f"a step of the encoding is {step} samples of 16 kHz audio", evidence


def wavenet_shape(published: Published) -> Verdict:
    """Hold the input of EfficientNet against the encoder's output."""
    encoded, given = whole(published, "encoded-channels"), whole(published, "tiled-channels")
    ratio = given / encoded
    evidence = (
        f"the encoding has {encoded} channels and {whole(published, 'duration-steps')} steps, the input is "
        f"({whole(published, 'tiled-steps')}, {given}): {digits(ratio)} times the channels, of the same encoding"
    )
    return given == encoded, "EfficientNet's input is the encoder's output", evidence


def variant(published: Published) -> Verdict:
    """Hold the EfficientNet that the slide names for WaveNet features against that of the table's row."""
    named, title = whole(published, "efficientnet-of-the-slide"), published.experiment("wavenet-b7").title
    row = re.search(r"EfficientNet-B(\d)", title)
    if row is None:
        raise NotPrintedError("wavenet-b7")
    evidence = f"the slide prints Efficient-B{named}, the row of the table {row[0]} ({title})"
    return int(row[1]) == named, f"the EfficientNet on WaveNet features is B{named}", evidence


def specaugment(published: Published) -> Verdict:
    """Hold the two numbers of the SpecAugment slide against the table's rows without and with it."""
    slide = [number(published, name) for name in ("pr-auc-left", "pr-auc-right")]
    table = [value(published, name, PR_AUC).printed.value for name in MEL[1:]]
    shown, tabled = (" and ".join(map(digits, of)) for of in (slide, table))
    evidence = f"the slide prints {shown}, the table {tabled}"
    return slide == table, "the slide and the table tell the same gain by SpecAugment", evidence


def noise_of_pr_auc(level: float) -> float:
    """Return a standard error of a macro PR-AUC on the test set of split-0, as if tags were independent.

    A tag's average precision a over p tracks that have it varies by about a(1 - a)/p (Boyd, Eng & Page 2013). Every tag
    is given the macro level.
    """
    positives = tags("tag", "test").values()
    return math.sqrt(sum(level * (1 - level) / count for count in positives)) / len(positives)


def rows_apart(published: Published) -> Verdict:
    """Hold the steps of the table against the noise of a macro PR-AUC."""
    names = [*MEL, *ENSEMBLES]
    shown = {name: value(published, name, PR_AUC).printed.value for name in names}
    error = noise_of_pr_auc(shown[MEL[-1]])
    half = Z * math.sqrt(2) * error
    gains = {
        "data processing": shown[MEL[1]] - shown[MEL[0]],
        "SpecAugment": shown[MEL[2]] - shown[MEL[1]],
        "WaveNet in the ensemble": shown[ENSEMBLES[1]] - shown[MEL[2]],
    }
    few = tags("tag", "test")
    evidence = (
        f"{listed(f'{name} {signed(gain)}' for name, gain in gains.items())}; {len(few)} tags of "
        f"{span(min(few.values()), max(few.values()))} test tracks give a standard error of about "
        f"{digits(error)}, a difference of two runs +/- {digits(half)} at 95 %. Indicated: two systems on the "
        "same tracks differ by less"
    )
    return min(gains.values()) > half, "each step of the table is beyond chance", evidence


def ensembles(published: Published) -> Verdict:
    """Ask what separates the two ensembles."""
    one, other = (value(published, name, PR_AUC).printed for name in ENSEMBLES)
    gap = other.value - one.value
    number_of_tags = len(tags("tag", "test"))
    apart = [value(published, name, PR_AUC).printed.value for name in WAVENET]
    evidence = (
        f"{digits(one.value)} and {digits(other.value)}: {signed(gap)}, a unit of the last digit; over "
        f"{number_of_tags} tags that is {digits(gap * number_of_tags)} in a single one, and the noise of a macro "
        f"PR-AUC is about {digits(noise_of_pr_auc(one.value))}; alone the two WaveNet models differ by "
        f"{signed(apart[1] - apart[0])}"
    )
    return (
        gap > Z * math.sqrt(2) * noise_of_pr_auc(one.value),
        "the ensemble with EfficientNet-B7 is the better one",
        evidence,
    )


def wavenet_baseline(published: Published) -> Verdict:
    """Hold the WaveNet rows against the organisers' baselines."""
    strong, weak = number(published, "vggish-pr-auc"), number(published, "popularity-pr-auc")
    shown = {name: value(published, name, PR_AUC).printed.value for name in WAVENET}
    evidence = (
        f"{listed(f'{name} {digits(one)}' for name, one in shown.items())}; the organisers' VGGish {digits(strong)}, "
        f"popularity {digits(weak)}"
    )
    return min(shown.values()) > strong, "WaveNet features alone beat the organisers' VGGish", evidence


def training_set(published: Published) -> Verdict:
    """Hold the histogram's numbers against the training set of split-0."""
    counted, of_a_track = tags("tag", "train"), tags("tags of a track", "train")
    commonest = max(counted, key=lambda name: counted[name])
    most = max(int(name) for name, count in of_a_track.items() if count)
    printed = whole(published, "happy-tracks"), whole(published, "most-tags")
    evidence = (
        f"of {sum(of_a_track.values())} training tracks {counted[commonest]} are {commonest}, the commonest of "
        f"{len(counted)} tags, and none has more than {most}; printed {printed[0]} and {printed[1]}"
    )
    holds = (counted[commonest], most) == printed and commonest == "happy"
    return holds, "the histogram is that of split-0's training set", evidence


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "mood-training-set": training_set,
    "mood-frames": mel_frames,
    "mood-specaugment": specaugment,
    "mood-emodb-proportion": emodb_proportion,
    "mood-emodb-difference": emodb_difference,
    "mood-emodb-loss": emodb_loss,
    "mood-steps": steps,
    "mood-wavenet-shape": wavenet_shape,
    "mood-variant": variant,
    "mood-rows": rows_apart,
    "mood-ensembles": ensembles,
    "mood-wavenet-baseline": wavenet_baseline,
}
