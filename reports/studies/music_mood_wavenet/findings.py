"""Findings that need more than arithmetic on published numbers.

`reports/published/mtg_jamendo_tags.csv` holds what the slides leave out of the corpus, counted in each set of split-0:

- `tag`: tracks that have a tag; `tag among 1`, `2 to 3` and `4 to 8`: those of them that have so many tags;
- `tags of a track`: tracks that have so many tags;
- `seconds`: tracks whose length begins with this multiple of 30 s; the last one is 600 s and more.
"""

import csv
import math
import re
from functools import cache
from pathlib import Path

from scipy import stats

from common.intervals import Z, newcombe
from common.published import FOLDER, Published
from reports.audit.arithmetic import counts_of, cut_counts_of, shared_sizes
from reports.audit.finding import Computed, digits
from reports.audit.printed import NotPrintedError, hits, value, whole
from reports.studies import by_id
from reports.wording import listed

TAGS = FOLDER / "mtg_jamendo_tags.csv"
SPEECH = ("emodb-wavenet", "emodb-cnn-lstm")
PR_AUC = "macro_pr_auc"


@cache
def tags(what: str, part: str, path: Path = TAGS) -> dict[str, int]:
    """Return the counts of a set of split-0 by value: tracks of each `tag`, of each number of tags, of each length."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["value"]: int(row[part]) for row in csv.DictReader(file) if row["what"] == what}


def training_set(published: Published) -> Computed:
    """Compare the histogram's numbers with the training set of split-0."""
    counted, of_a_track = tags("tag", "train"), tags("tags of a track", "train")
    tag = max(counted, key=lambda name: counted[name])
    most_tags = max(int(name) for name, count in of_a_track.items() if count)
    printed = whole(published, "happy-tracks"), whole(published, "most-tags")
    return (counted[tag], most_tags) == printed and tag == "happy", {
        "tracks": sum(of_a_track.values()),
        "tags": len(counted),
        "tag": tag,
        "most": counted[tag],
        "most_tags": most_tags,
        "printed_most": printed[0],
        "printed_tags": printed[1],
    }


def emodb_proportion(published: Published) -> Computed:
    """Look for test sets on which both published accuracies are possible, rounded or cut after the last digit."""
    printed = [value(published, name, "accuracy").printed for name in SPEECH]
    shares, step, clips = [one.value for one in printed], printed[0].step, whole(published, "emodb-clips")
    tested = math.ceil(clips / 5)
    sizes = {cut: shared_sizes(shares, step, clips, cut=cut) for cut in (False, True)}
    # The document cuts its digits, if the only test set of a fifth on which both are possible is one of cut digits.
    counted = cut_counts_of if tested in sizes[True] else counts_of
    counts = [counted(share, tested, step) for share in shares]
    return any(tested in of for of in sizes.values()), {
        "shares": " and ".join(f"{digits(100 * share, 2)} %" for share in shares),
        "clips": clips,
        "tested": tested,
        "counts": listed(f"{of[0]}/{tested}" for of in counts if of) or "no whole numbers",
        **{f"hits_{name}": of[0] for name, of in zip(SPEECH, counts, strict=True) if of},
        "sizes_if_cut": listed(sizes[True][:4]) or "no number of",
        "sizes_if_rounded": listed(sizes[False][:4]) or "no number of",
    }


def emodb_difference(published: Published) -> Computed:
    """Ask what the two accuracies can show: the pairs of McNemar's test are not published, but they are bounded."""
    (right, n), (right_too, _) = (hits(published, name, "accuracy") for name in SPEECH)
    one, other = right[0], right_too[0]
    more = one - other
    # Clips that only the second gets right: none at the least, all that the first gets wrong at the most.
    only_second = [0, n - one] if more > 0 else []
    p = [float(stats.binomtest(more + both, more + 2 * both).pvalue) for both in only_second] or [1.0, 1.0]
    return p[1] < 0.05, {
        "right": one,
        "right_too": other,
        "n": n,
        "difference": more / n,
        "interval": newcombe(one / n, n, other / n, n),
        "p_least": p[0],
        "p_most": p[1],
    }


def variant(published: Published) -> Computed:
    """Compare the EfficientNet of the slide on WaveNet features with that of the table's row."""
    named = whole(published, "efficientnet-of-the-slide")
    row = re.search(r"EfficientNet-B(\d)", published.experiment("wavenet-b7").title)
    if row is None:
        raise NotPrintedError("wavenet-b7")
    return int(row[1]) == named, {"named": named, "of_the_table": int(row[1])}


def noise_of_pr_auc(level: float) -> float:
    """Return a standard error of a macro PR-AUC on the test set of split-0, as if tags were independent.

    A tag's average precision a over p tracks that have it varies by about a(1 - a)/p (Boyd, Eng & Page 2013). Every tag
    is given the macro level.
    """
    positives = tags("tag", "test").values()
    return math.sqrt(sum(level * (1 - level) / count for count in positives)) / len(positives)


def rows(published: Published) -> Computed:
    """Compare the steps of the table with the noise of a macro PR-AUC."""
    names = ("mel-b0", "mel-b0-balanced", "mel-b0-specaugment", "ensemble-ce")
    first, balanced, augmented, ensemble = (value(published, name, PR_AUC).printed.value for name in names)
    gains = {
        "processing": balanced - first,
        "specaugment": augmented - balanced,
        "wavenet": ensemble - augmented,
    }
    error = noise_of_pr_auc(augmented)
    half, tracks = Z * math.sqrt(2) * error, tags("tag", "test").values()
    return min(gains.values()) > half, {
        **gains,
        "tags": len(tracks),
        "tracks": (min(tracks), max(tracks)),
        "error": error,
        "half": half,
    }


def ensembles(published: Published) -> Computed:
    """Ask what separates the two ensembles, which differ in their WaveNet model."""
    names = ("ensemble-cd", "ensemble-ce", "wavenet-mobilenetv2", "wavenet-b7")
    first, second, mobile, efficient = (value(published, name, PR_AUC).printed.value for name in names)
    gap, number_of_tags, error = second - first, len(tags("tag", "test")), noise_of_pr_auc(first)
    return gap > Z * math.sqrt(2) * error, {
        "first": first,
        "second": second,
        "gap": gap,
        "tags": number_of_tags,
        "in_one_tag": gap * number_of_tags,
        "error": error,
        "alone": efficient - mobile,
    }


FINDINGS = by_id(training_set, emodb_proportion, emodb_difference, variant, rows, ensembles)
