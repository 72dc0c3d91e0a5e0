"""Checks of how many items a document says that there are: in its sets, in all, and behind its tables."""

import re
from collections.abc import Iterator, Mapping

from common.published import Published
from common.published.schema import ClassTable, ConfusionTable, Counts
from reports.audit.finding import Finding, listed

SETS = {"train": "train", "training": "train", "validation": "validation", "test": "test"}
"""Words for the sets of a split, and what they are called here."""

CLOSE = 0.01
"""What the share of a set may differ by from the one that its split is named after."""


def check(published: Published) -> Iterator[Finding]:
    """Hold the sets of a split against all items, and the items of each table against the set that it is of."""
    told = [(counts, sizes) for counts in published.counts if len(sizes := _sets_of(counts)) > 1]
    for counts, sizes in told:
        clips = published.data.clips
        if clips is not None and counts.items == published.data.items:
            total, claim = sum(sizes.values()), f"counts {counts.id}: the sets are all {counts.items}"
            evidence = f"{' + '.join(map(str, sizes.values()))} = {total}, of {clips}"
            yield Finding(published.study, f"sets-{counts.id}", total == clips, claim, evidence)
    held, wrong = 0, []
    for where, split, name, n in _items(published):
        known = [sizes[name] for _, sizes in told if name in sizes and _may_be(split, sizes)]
        held += bool(known)
        wrong += [f"{where} has {n}, {name} {listed(known)}"] * bool(known and n not in known)
    if held:
        claim = "a table has as many items as the set that it is of"
        evidence = listed(dict.fromkeys(wrong)) or f"{held} sizes are those of a set"
        yield Finding(published.study, "sizes", not wrong, claim, evidence)


def _may_be(split: str, sizes: Mapping[str, int]) -> bool:
    """Return whether sets have the shares that a split such as `80/10/10, test` begins with; True if it has none."""
    shares = [int(share) for share in re.findall(r"\d+", split.partition(",")[0])] if "/" in split else []
    if not shares or "train" not in sizes:
        return True
    return abs(shares[0] / sum(shares) - sizes["train"] / sum(sizes.values())) < CLOSE


def _sets_of(counts: Counts) -> dict[str, int]:
    return {SETS[name]: size for name, size in counts.rows.items() if name in SETS}


def _items(published: Published) -> Iterator[tuple[str, str, str, int]]:
    """Go through what is printed on a set: where, on what split, which set, on how many items."""
    tables: tuple[ClassTable | ConfusionTable, ...] = (*published.class_tables, *published.confusions)
    for table in tables:
        if table.n is not None:
            yield from ((table.table, table.split, name, table.n) for name in _set_of(table.split))
    for results in published.result_tables:
        for column, n in results.n.items():
            names = _set_of(results.split) or _set_of(published.metric[column].measured_on)
            yield from ((f"{results.table}, {column}", results.split, name, n) for name in names)


def _set_of(split: str) -> list[str]:
    """Return the set that a split names, in a list; empty where it names none or several."""
    found = {SETS[word.strip()] for word in split.split(",") if word.strip() in SETS}
    return [*found] if len(found) == 1 else []
