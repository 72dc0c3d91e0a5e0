"""How reports write metrics, numbers and lists: one way each, for pages, tables, pictures and findings."""

from collections.abc import Iterable

MINUS = "\N{MINUS SIGN}"
WORDS = {"f1": "F1", "mae": "MAE", "rmse": "RMSE", "r2": "R²", "ccc": "CCC", "pr": "PR", "roc": "ROC", "auc": "AUC"}
WORDS |= {"val": "validation"}
"""What parts of a metric's id are called."""


def in_words(metric: str) -> str:
    """Return a metric's id as people write it: `macro_pr_auc` is macro PR-AUC."""
    return " ".join(WORDS.get(part, part) for part in metric.split("_")).replace(" AUC", "-AUC")


def title_of(metric: str) -> str:
    """Return a metric as the title of a column: `lwlrap` is never written with a capital."""
    words = in_words(metric)
    return words if words.startswith("lwlrap") else sentence(words)


def sentence(words: str) -> str:
    """Return words with a capital at their beginning."""
    return words[:1].upper() + words[1:]


def words_of(name: str) -> str:
    """Return the name of an output or a setting as words: `joyful_activation` is `Joyful activation`."""
    return sentence(name.replace("_", " "))


def signed(value: float, decimals: int = 3) -> str:
    """Write a difference with its sign and a fixed number of decimals: +0.030."""
    return f"{value:+.{decimals}f}".replace("-", MINUS)


def percent(share: float, decimals: int = 1) -> str:
    """Write a share of 1 in percent: 27.1 %."""
    return f"{100 * share:.{decimals}f} %"


def listed(words: Iterable[object]) -> str:
    """Join words with commas."""
    return ", ".join(map(str, words))
