"""Checks of the numbers of items: in the sets of a split, in all, behind the tables, and per class of a test set."""

import re
from collections.abc import Iterator, Mapping, Sequence

from common.published import Published
from common.published.schema import ClassTable, Counts
from reports.audit.finding import Finding, none_wrong
from reports.wording import listed

SETS = {"train": "train", "training": "train", "validation": "validation", "test": "test"}
"""Words for the sets of a split, and their names here."""

CLOSE = 0.01
"""What the share of a set may differ by from the one that its split is named after."""


def check(published: Published) -> Iterator[Finding]:
    """Compare the sets of a split with all items, and the tables with the set that they are of and with one another."""
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
    yield from _supports(published)
    yield from _split_shares(published)


def _supports(published: Published) -> Iterator[Finding]:
    """Tables of one split have the same number of items in each class."""
    groups: dict[tuple[str, tuple[str, ...], frozenset[str]], list[ClassTable]] = {}
    for table in published.class_tables:
        data = published.data_of(table.experiment)
        if table.split and table.counted:
            groups.setdefault((table.split, data.classes, frozenset(data.corpora)), []).append(table)
    for (split, *_), (first, *others) in groups.items():
        by_class: dict[str, dict[int, list[str]]] = {row.name: {} for row in first.rows}
        for table in (first, *others):
            for row in table.rows:
                by_class[row.name].setdefault(row.support or 0, []).append(table.table)
        wrong = [
            f"{name}: {', '.join(_in_tables(support, tables) for support, tables in supports.items())}"
            for name, supports in by_class.items()
            if len(supports) > 1
        ]
        if others:
            claim = f"the {len(others) + 1} per-class tables of {split} have the same supports"
            holds, claim, evidence, numbers = none_wrong(claim, wrong, f"those of {first.table}", len(first.rows))
            evidence = "; ".join(wrong) or evidence
            yield Finding(published.study, f"supports-{first.experiment}", holds, claim, evidence, numbers)


def _in_tables(support: int, tables: Sequence[str]) -> str:
    more = f" and {len(tables) - 1} more" if len(tables) > 1 else ""
    return f"{support} in {tables[0]}{more}"


def _split_shares(published: Published) -> Iterator[Finding]:
    """The shares that a split such as `80/10/10` is named after are not more than all items."""
    splits = [table.split for table in published.class_tables] + [table.split for table in published.confusions]
    splits += [table.split for table in published.result_tables]
    shares = {split: _shares_of(split) for split in dict.fromkeys(splits)}
    known = {split: of for split, of in shares.items() if of and max(of) <= 100}  # larger ones are numbers of items
    if known:
        wrong = [f"{split}: {' + '.join(map(str, of))} = {sum(of)}" for split, of in known.items() if sum(of) > 100]
        verdict = none_wrong("the shares of a split add up to 100 % at most", wrong, f"{len(known)} splits", len(known))
        yield Finding(published.study, "split-shares", *verdict)


def _shares_of(split: str) -> list[int]:
    """Return the shares of a split such as `80/10/10, test`; empty if it names none."""
    first = split.partition(",")[0]
    return [int(share) for share in re.findall(r"\d+", first)] if "/" in first else []


def _may_be(split: str, sizes: Mapping[str, int]) -> bool:
    """Return whether sets have the shares that a split such as `80/10/10, test` begins with; True if it has none."""
    shares = _shares_of(split)
    if not shares or "train" not in sizes:
        return True
    return abs(shares[0] / sum(shares) - sizes["train"] / sum(sizes.values())) < CLOSE


def _sets_of(counts: Counts) -> dict[str, int]:
    return {SETS[name]: size for name, size in counts.rows.items() if name in SETS}


def _items(published: Published) -> Iterator[tuple[str, str, str, int]]:
    """Go through what is published on a set: where, on what split, which set, on how many items."""
    tables = [(table.table, table.split, table.n) for table in published.class_tables]
    tables += [(matrix.table, matrix.split, matrix.size) for matrix in published.confusions]
    for where, split, n in tables:
        if n is not None:
            yield from ((where, split, name, n) for name in _set_of(split))
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
