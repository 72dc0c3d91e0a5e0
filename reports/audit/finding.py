"""What the audit finds, and how it writes numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from common.intervals import Interval
from reports.wording import listed, percent, signed

SUPPORTED, CONTRADICTED, NOT_SHOWN, NOT_PRINTED = "supported", "contradicted", "not shown", "not printed"
VERDICTS = (CONTRADICTED, NOT_SHOWN, NOT_PRINTED, SUPPORTED)
"""What the published numbers, or our runs, say of a claim: print or a hard fact contradicts it; the interval does not
decide, or the evidence is indirect; the numbers that it needs are not published; or they support it."""

DECIMALS = 4
"""As many as the documents have at most."""


@dataclass(frozen=True)
class Finding:
    """One statement, tested against the published numbers.

    Attributes:
        study: whose document.
        id: of the statement; a check of one table is called after both: `f1-single-cnn`.
        holds: whether the published numbers support it. Of a remark: whether there is nothing to remark.
        claim: a sentence: what the document says, what must agree, or what we notice.
        evidence: the numbers that decide, in plain digits (1588, 0.6145).
        numbers: the same as data.
        kind: `claim`: the document says it, in the words of `quote`; `comparison`: a table suggests it; `check`:
            numbers that must agree do; `remark`: we notice it, and nobody claims it.
        section: where the document says it; empty for checks of tables.
        quote: the document's own words.
        source: what it needs besides the document, if anything.
        experiments: ids of those that it is about, where the file names them.
        own: whether it stands as a finding in the document's file, and is not what a check of any paper gives.
        otherwise: the verdict if it does not hold.
        under: id of the finding that this one is a symptom of; empty if it stands for itself.
    """

    study: str
    id: str
    holds: bool
    claim: str
    evidence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    kind: str = "check"
    section: str = ""
    quote: str = ""
    source: str = ""
    experiments: tuple[str, ...] = ()
    own: bool = False
    otherwise: str = CONTRADICTED
    under: str = ""

    @property
    def verdict(self) -> str | None:
        """`supported`, `contradicted`, `not shown` or `not printed`; a remark has none."""
        if self.kind == "remark":
            return None
        return SUPPORTED if self.holds else self.otherwise

    @property
    def counted(self) -> bool:
        """Whether it is in the counts of verdicts: remarks are not, nor are symptoms of another finding."""
        return self.kind != "remark" and not self.under


def counts_of(findings: Iterable[Finding], kind: str) -> Counter[str | None]:
    """Count the verdicts of claims, of comparisons or of checks, each error once."""
    return Counter(finding.verdict for finding in findings if finding.counted and finding.kind == kind)


def counts_in_words(findings: Sequence[Finding]) -> str:
    """Say how many claims, comparisons and checks have which verdict: `claims of the text: 1 contradicted, 2 ...`."""
    kinds = {
        "claim": "claims of the text",
        "comparison": "comparisons that tables suggest",
        "check": "consistency checks",
    }
    return "; ".join(
        f"{words}: {listed(f'{counts[one]} {one}' for one in VERDICTS if counts[one])}"
        for kind, words in kinds.items()
        if (counts := counts_of(findings, kind))
    )


Verdict = tuple[bool, str, str, Mapping[str, float]]
"""Whether a statement holds, the statement, the evidence, its numbers."""


Computed = tuple[bool, Mapping[str, Any]]
"""Whether a finding of the file holds, and what its evidence names: numbers, tuples of numbers, words."""


def none_wrong(claim: str, wrong: Sequence[str], right: str, of: int) -> Verdict:
    """Return the verdict of a check that lists what is wrong.

    Args:
        claim: a sentence.
        wrong: what contradicts it, each with its numbers.
        right: the evidence if nothing does.
        of: how much was checked.
    """
    return not wrong, claim, listed(wrong) or right, {"wrong": len(wrong), "of": of}


def digits(value: float, decimals: int = DECIMALS) -> str:
    """Write a number in plain digits, without the zeros that end it: 0.67, 1588, -0.0001."""
    text = f"{value:.{decimals}f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short in ("-0", "") else short


def between(interval: Interval) -> str:
    """Write an interval of a difference: [−0.0069, +0.0667]."""
    return f"[{signed(interval[0], DECIMALS)}, {signed(interval[1], DECIMALS)}]"


def lead(low: float, high: float) -> str:
    """Write a difference that lies between two numbers, once if they are the same: +0.0164 to +0.0214."""
    first, last = signed(low, DECIMALS), signed(high, DECIMALS)
    return first if first == last else f"{first} to {last}"


def chance(p: float) -> str:
    """Write a probability with two digits that count, without an exponent: 0.16, 0.0000042."""
    if p <= 0 or p >= 1:
        return digits(p, 0)
    decimals = 2
    while p * 10**decimals < 10:
        decimals += 1
    return digits(p, decimals)


def spaced(words: Iterable[object]) -> str:
    """Join words, or the numbers of one line, with blanks."""
    return " ".join(map(str, words))


def span(low: float, high: float, decimals: int = DECIMALS) -> str:
    """Write what lies between two numbers, once if they are the same: 0.6072 to 0.6113."""
    first, last = digits(low, decimals), digits(high, decimals)
    return first if first == last else f"{first} to {last}"


class _Words(Formatter):
    """Fills the placeholders of an evidence text."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        """Take the whole name, dots included."""
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write a value as its placeholder says (`common.published.statements.FindingEntry`)."""
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            if format_spec in ("ci", "to"):
                return between(value) if format_spec == "ci" else span(*value)
            return spaced(self.format_field(part, format_spec) for part in value)
        sign, _, decimals = format_spec.partition(".")
        places = int(decimals or DECIMALS)
        match sign:
            case "+":
                return signed(value, places)
            case "%":
                return percent(value, int(decimals or 1))
            case "p":
                return chance(value)
        return digits(value, places)


def filled(text: str, numbers: Mapping[str, Any]) -> str:
    """Fill the placeholders of a text."""
    return _Words().vformat(text, (), numbers)


def flat(numbers: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers alone; a pair is `name.low` and `name.high`, a longer tuple `name.1`, `name.2`, ..."""
    found: dict[str, float] = {}
    for name, value in numbers.items():
        if isinstance(value, tuple):
            ends = ("low", "high") if len(value) == 2 else range(1, len(value) + 1)
            found |= flat({f"{name}.{end}": part for end, part in zip(ends, value, strict=True)})
        elif not isinstance(value, str):
            found[name] = int(value) if float(value).is_integer() else float(value)
    return found
