"""The form of what is said of a document's numbers: its claims, findings on it, and advice to whoever cites it."""

import re
from collections.abc import Mapping
from functools import cached_property
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from common.published.expressions import Expression
from common.published.schema import Id, Part, refuse_unknown

WRITTEN = re.compile(r"|ci|to|p|[+%]?(\.\d)?")
"""How a placeholder of an evidence text may be written."""


class Claim(Part):
    """What the text concludes from its numbers, to be examined.

    Attributes:
        kind: `best`: the first is better than every other, and the 95 % CI of each difference excludes 0; `greater`:
            the same for the first and the second; `similar`: the 95 % CI of their difference lies within plus or minus
            the overall resolution; `each_greater`: the first is better than the second in the score of every class;
            `above`: every experiment's metric is above the threshold.
        metric: as `Published.numbers` or `Published.class_numbers` names it; for `each_greater` one of precision,
            recall, f1. The document need not print it for every experiment: then nothing supports the claim.
        experiments: first and second, or all that are compared.
        quote: the document's own words, if it has any; a table says much without a word.
        by: `interval`: better means that the 95 % CI of the difference excludes 0; `digits`: the author only says which
            published number is larger ("the lowest validation loss"), and the digits decide.
    """

    id: Id
    section: str
    says: str
    by: Literal["interval", "digits"] = "interval"
    kind: Literal["best", "greater", "similar", "each_greater", "above"]
    metric: str
    experiments: Annotated[tuple[str, ...], Field(min_length=1)]
    threshold: float | None = None
    quote: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "above") != (self.threshold is not None):
            raise ValueError("a threshold belongs to kind above, and to it alone")
        if self.kind in ("greater", "similar", "each_greater") and len(self.experiments) != 2:
            raise ValueError(f"kind {self.kind} compares two experiments")
        twice = [name for name in self.experiments if self.experiments.count(name) > 1]
        if twice:
            raise ValueError(f"kind {self.kind} compares {twice[0]} with itself")
        return self


class FindingEntry(Part):
    """A statement to be examined: what a document says, or what follows from its numbers, and when it holds.

    Attributes:
        kind: `claim`: the document says it, and `quote` has its words; `comparison`: a table suggests it; `check`:
            numbers that must agree do; `remark`: we notice it and nobody claims it.
        quote: the document's own words; `[...]` stands where some are left out.
        claim: the statement, a sentence of ours; of a remark, what we notice.
        otherwise: the verdict if it does not hold: `contradicted` by what is printed or by a hard fact, or `not shown`.
        holds: when it holds, or when there is nothing to remark: an expression of stored numbers
            (`common.published.expressions`). Where it is empty, a function of `reports.studies.<study>` of the same id
            says so.
        numbers: further numbers by name, as expressions; each may use the ones before it.
        evidence: the numbers that decide, in words; `{name}` is a number, `{name:+}` has its sign, `{name:%}` is in
            percent, `{name:p}` is a small probability, `{name:.2}` has at most two decimals. Of a pair of numbers
            `{name:ci}` writes an interval with signs, `{name:to}` a range.
        source: what it needs besides the document, if anything: "the authors' code".
        experiments: what it is about, where neither its words nor its section say so.
    """

    id: Id
    kind: Literal["claim", "comparison", "check", "remark"] = "claim"
    section: str
    quote: str = ""
    claim: str
    otherwise: Literal["contradicted", "not shown"] = "contradicted"
    holds: str = ""
    numbers: dict[str, str] = Field(default_factory=dict)
    evidence: str
    source: str = ""
    experiments: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "claim") != bool(self.quote):
            raise ValueError("a claim has a quote, and nothing else has one")
        if self.numbers and not self.holds:
            raise ValueError("numbers need a condition that says when it holds")
        for name, how in self.placeholders:
            if not WRITTEN.fullmatch(how):
                raise ValueError(f"{name!r} cannot be written as {how!r}")
        return self

    @cached_property
    def expressions(self) -> dict[str, Expression]:
        """The numbers and, under an empty name, the condition, in the order in which they are computed."""
        texts = {**self.numbers, "": self.holds} if self.holds else {}
        return {name: Expression(text) for name, text in texts.items()}

    @property
    def placeholders(self) -> list[tuple[str, str]]:
        """The names in braces, and how each is written."""
        fields = [field for text in (self.claim, self.evidence) for field in Formatter().parse(text)]
        return [
            (name, f"!{conversion}" if conversion else how or "")
            for _, name, how, conversion in fields
            if name is not None
        ]

    def computed(self, stored: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Return whether it holds, and the numbers of it: its own, and the stored ones that it names.

        Raises:
            NotComputableError: the stored numbers give no result.
            ValueError: a name is not stored, or the condition is no comparison.
        """
        known = dict(stored)
        for name, expression in self.expressions.items():
            refuse_unknown(expression.names, known, "stored number")
            known[name] = expression.value(known)
        written = {name for name, _ in self.placeholders}
        refuse_unknown(written, known, "stored number")
        holds = known.pop("")
        if not isinstance(holds, bool):  # Python would take any number for a truth value
            raise ValueError(f"{self.holds!r} is no comparison")
        named = set(self.numbers) | written | self.expressions[""].names
        return holds, {name: known[name] for name in known if name in named}


class Advice(Part):
    """What we would tell somebody who is about to cite the document: a judgement, and the verdicts that it rests on.

    It is given only while each of these is as named: a judgement of other numbers would be another one.

    Attributes:
        says: sentences of ours. `{finding-id.name}` is a number of a finding, written as in `FindingEntry.evidence`;
            `{claim-id.protocol}` is the difference of our runs that a claim compares, with its interval.
        findings: the verdict of each finding, or `remark`, by the id that it has on the pages.
        runs: the verdict of our runs on a claim, by claim and protocol.
        leads: whether it stands among the first lines of the report.
    """

    says: str
    findings: dict[str, Literal["supported", "contradicted", "not shown", "not printed", "remark"]] = Field(
        default_factory=dict
    )
    runs: dict[str, dict[str, Literal["holds", "does not hold", "not shown"]]] = Field(default_factory=dict)
    leads: bool = False

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        if not self.findings and not self.runs:
            raise ValueError("advice names the findings or the runs that it rests on")
        return self
