"""Checks of the numbers of items: in the sets of a split, in all, and behind the tables."""

import re
from collections.abc import Iterator, Mapping

from common.published import Published
from common.published.schema import ClassTable, ConfusionTable, Counts
from reports.audit.finding import Finding, none_wrong
from reports.wording import listed

SETS = {"train": "train", "training": "train", "validation": "validation", "test": "test"}
"""Words for the sets of a split, and their names here."""

CLOSE = 0.01
"""What the share of a set may differ by from the one that its split is named after."""


def check(published: Published) -> Iterator[Finding]:
    """Compare the sets of a split with all items, and the items of each table with the set that it is of."""
    splits = {counts.id: sizes for counts in published.counts if len(sizes := _sets_of(counts)) > 1}
    clips = published.data.clips
    for counts in published.counts:
        if counts.id in splits and clips is not None and counts.items == published.data.items:
            parts = splits[counts.id].values()
            total, claim = sum(parts), f"counts {counts.id}: the sets are all {counts.items}"
            evidence = f"{' + '.join(map(str, parts))} = {total}, of {clips}"
            numbers = {"total": total, "published": clips}
            yield Finding(published.study, f"sets-{counts.id}", total == clips, claim, evidence, numbers)
    compared, wrong = 0, list[str]()
    for where, split, name, n in _items(published):
        known = [sizes[name] for sizes in splits.values() if name in sizes and _may_be(split, sizes)]
        compared += bool(known)
        if known and n not in known:
            wrong.append(f"{where} has {n} items, but {name} {listed(known)}")
    if compared:
        claim, right = "a table has as many items as the set that it is of", f"{compared} sizes are those of a set"
        yield Finding(published.study, "sizes", *none_wrong(claim, [*dict.fromkeys(wrong)], right, compared))


def _may_be(split: str, sizes: Mapping[str, int]) -> bool:
    """Return whether sets have the shares that a split such as `80/10/10, test` begins with; True if it has none."""
    shares = [int(share) for share in re.findall(r"\d+", split.partition(",")[0])] if "/" in split else []
    if not shares or "train" not in sizes:
        return True
    return abs(shares[0] / sum(shares) - sizes["train"] / sum(sizes.values())) < CLOSE


def _sets_of(counts: Counts) -> dict[str, int]:
    return {SETS[name]: size for name, size in counts.rows.items() if name in SETS}


def _items(published: Published) -> Iterator[tuple[str, str, str, int]]:
    """Go through what is published on a set: where, on what split, which set, on how many items."""
    tables: tuple[ClassTable | ConfusionTable, ...] = (*published.class_tables, *published.confusions)
    for table in tables:
        if table.n is not None:
            yield from ((table.table, table.split, name, table.n) for name in _set_of(table.split))
    # What has data of its own is of no set of the document's.
    own = [table for table in published.result_tables if all(published.by_id[name].data is None for name in table.rows)]
    for results in own:
        for column, n in results.n.items():
            names = _set_of(results.split) or _set_of(published.metric[column].measured_on)
            yield from ((f"{results.table}, {column}", results.split, name, n) for name in names)


def _set_of(split: str) -> list[str]:
    """Return the set that a split names, in a list; empty where it names none or several."""
    found = {SETS[word.strip()] for word in split.split(",") if word.strip() in SETS}
    return [*found] if len(found) == 1 else []
