"""What the slides on tagging Freesound clips show beside what they say."""

import math
from collections.abc import Callable, Mapping
from itertools import chain

from common.intervals import Z
from common.published import Published
from reports.audit.finding import Verdict, between, digits, listed, percent, signed
from reports.audit.printed import NotPrintedError, counts, value, whole

LWLRAP, SECONDS = "lwlrap", "seconds_per_epoch"
PAIRS = {"without augmentation": ("mcnn", "mcnn-nomask"), "with augmentation": ("mcnn-aug", "mcnn-aug-nomask")}
AUGMENTED = {"with masks": ("mcnn-aug", "mcnn"), "without masks": ("mcnn-aug-nomask", "mcnn-nomask")}


def _gain(published: Published, pair: tuple[str, str], metric: str = LWLRAP) -> float:
    one, other = (value(published, name, metric).printed.value for name in pair)
    return one - other


def masks(published: Published) -> Verdict:
    """Ask whether both comparisons together show what masks bring.

    A score that is a mean of values in 0..1 over n clips has at most the variance of a proportion. The two comparisons
    are on the same clips: as if one told nothing new, and as if they were independent.
    """
    gains = {name: _gain(published, pair) for name, pair in PAIRS.items()}
    errors = [_error(published, pair) for pair in PAIRS.values()]
    mean = math.fsum(gains.values()) / len(gains)
    same, apart = math.fsum(errors) / len(errors), math.hypot(*errors) / len(errors)
    intervals = [(mean - Z * error, mean + Z * error) for error in (same, apart)]
    evidence = (
        f"{listed(f'{name} {signed(gain)}' for name, gain in gains.items())}: mean {signed(mean)}, 95 % at most "
        f"{between(intervals[0])} if the two are one draw, {between(intervals[1])} if they are two. Indicated, not "
        "shown"
    )
    return intervals[0][0] > 0, "masks improve the MCNN", evidence


def _error(published: Published, pair: tuple[str, str]) -> float:
    """Return the largest standard error that a difference of two mean scores can have."""
    shown = [value(published, name, LWLRAP).printed for name in pair]
    if any(one.n is None for one in shown):
        raise NotPrintedError("number of clips")
    return math.sqrt(sum(one.value * (1 - one.value) / (one.n or 1) for one in shown))


def little(published: Published) -> Verdict:
    """Hold what masks bring, called little, against what augmentation brings."""
    by_masks = {name: _gain(published, pair) for name, pair in PAIRS.items()}
    by_clips = {name: _gain(published, pair) for name, pair in AUGMENTED.items()}
    evidence = (
        f"masks {listed(f'{signed(gain)} {name}' for name, gain in by_masks.items())}; augmentation "
        f"{listed(f'{signed(gain)} {name}' for name, gain in by_clips.items())}"
    )
    return (
        max(by_masks.values()) < min(by_clips.values()) / 2,
        "masks bring little, measured by augmentation: less than half of its gain",
        evidence,
    )


def augmentation_time(published: Published) -> Verdict:
    """Ask where the time of an augmented epoch goes: the model is the same."""
    times = {name: [value(published, one, SECONDS).printed.value for one in pair] for name, pair in AUGMENTED.items()}
    if 0 in chain.from_iterable(times.values()):
        raise NotPrintedError("times")
    told = [
        f"{name} {digits(slow, 2)} against {digits(quick, 2)} s, {digits(slow / quick, 1)} times"
        for name, (slow, quick) in times.items()
    ]
    shares = [1 - quick / slow for slow, quick in times.values()]
    evidence = (
        f"{listed(told)}, for as many clips through the same model: at least {percent(min(shares), 0)} of the time "
        "makes clips. Indicated: mixing and filtering run beside the accelerator, not on it"
    )
    return max(shares) < 0.5, "an augmented epoch spends its time on training", evidence


def test_set(published: Published) -> Verdict:
    """Ask on which clips the printed scores were measured."""
    metric, sets = published.metric[LWLRAP], counts(published, "sets")
    clips = sum(sets.values())
    scores = sum(LWLRAP in published.numbers(name) for name in published.by_id)
    evidence = (
        f"all {scores} scores are of {sets['validation']} of {clips} curated clips "
        f"({percent(sets['validation'] / clips)}), whose best epoch is printed (by the authors' code); on the "
        f"{whole(published, 'test-clips')} test clips nothing is"
    )
    return metric.measured_on == "test", "the printed scores are of clips that chose nothing", evidence


FINDINGS: Mapping[str, Callable[[Published], Verdict]] = {
    "freesound-masks": masks,
    "freesound-masks-little": little,
    "freesound-augmentation-time": augmentation_time,
    "freesound-test-set": test_set,
}
