"""Tables of searches: what each trial reached, and which one was chosen."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.published import Published
from common.published.schema import Search
from common.runs.search_records import SearchResult, published_name
from common.runs.search_records import in_words as score_in_words
from reports.blocks import Cell, Column, Number, Table, cell_text
from reports.columns import PRINTED, Values, heading, origin, place_of, setting_cell, written
from reports.wording import words_of


def name_of(search: SearchResult, among: Iterable[SearchResult]) -> str:
    """Return a search's name with what tells it from the others: its protocol, its seed, and whether it is a demo."""
    alike = [one for one in among if one.data["experiment"] == search.data["experiment"]]
    words = [search.data["search"]]
    words += [search.data["protocol"]] * (len({one.data["protocol"] for one in alike}) > 1)
    words += [f"seed {search.data['seed']}"] * (len({one.data["seed"] for one in alike}) > 1)
    return ", ".join([*words, *["demo"] * search.data["data"]["demo"]])


def search_table(published: Published, search: Search, found: Sequence[SearchResult] = ()) -> Table:
    """Return a published search with ours beside it: trial by trial, or the space that was tried, and what was chosen.

    Args:
        published: what the document publishes.
        search: the published search.
        found: our searches for the same experiment.
    """
    ours = {f"ours, {name_of(one, found)}": one for one in found}
    about = published.experiment(search.experiment)
    title = f"{about.short}: search over settings, {place_of(search.table, search.section)}"
    columns, rows = _search_trials(published, search, ours) if search.rows else _space(search, ours)
    notes = [f"{label.capitalize()}: {words}." for label, one in ours.items() for words in _notes(published, one)]
    notes += [f"{words}." for words in _saved(found)]
    return Table(f"search-{search.experiment}", title, tuple(columns), tuple(rows), notes=tuple(notes))


def _search_trials(
    published: Published, search: Search, ours: Mapping[str, SearchResult]
) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    """Return a row per combination of values, with the scores after the last epoch of its longest trial."""
    scores = {label: _last(one, list(search.space)) for label, one in ours.items()}
    width = len(search.space)
    printed = {row[:width]: dict(zip(search.columns, row[width:], strict=True)) for row in search.rows}
    columns = [Column(words_of(name), kind="number") for name in search.space]
    columns += [
        Column(heading(published, name), side, "number") for name in search.columns for side in (PRINTED, *ours)
    ]
    rows = []
    for values in dict.fromkeys([*printed, *(values for known in scores.values() for values in known)]):
        sides = [printed.get(values, {}), *(known.get(values, {}) for known in scores.values())]
        cells = [_score(published, name, side.get(name)) for name in search.columns for side in sides]
        rows.append((*(setting_cell(value) for value in values), *cells, *_marks(search, ours, values)))
    return [*columns, *_chosen_columns(ours)], rows


def _chosen_columns(ours: Mapping[str, SearchResult]) -> list[Column]:
    return [Column("Chosen", side) for side in (PRINTED, *ours)] if ours else [Column("Chosen")]


def _marks(search: Search, ours: Mapping[str, SearchResult], values: Values) -> list[str]:
    chosen: list[Mapping[str, Any]] = [search.chosen, *(one.chosen for one in ours.values())]
    return ["chosen" if values == tuple(best.get(name) for name in search.space) else "" for best in chosen]


def _last(search: SearchResult, settings: Sequence[str]) -> dict[Values, dict[str, float]]:
    """Return the scores of the last epoch by the values of the settings; a later trial of the same values counts."""
    last = search.last_epochs().drop(columns=["epoch", "seconds"])
    return {
        tuple(row["values"].get(name) for name in settings): {
            published_name(str(column)): float(last[column][row["trial"]]) for column in last
        }
        for row in search.data["rows"]
        if row["status"] == "complete"
    }


def _score(published: Published, name: str, value: float | None) -> Cell:
    return Number(written(published.metric[name], value), value) if value is not None else None


def _space(search: Search, ours: Mapping[str, SearchResult]) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    """Return a row per setting: the values tried, and what each search chose."""
    sides = (PRINTED, *ours) if ours else ("",)
    columns = [Column("Setting"), Column("Values named"), *(Column("Chosen", side, "number") for side in sides)]
    rows: list[tuple[Cell, ...]] = []
    for name, values in search.space.items():
        chosen = [search.chosen.get(name), *(one.chosen.get(name) for one in ours.values())]
        rows.append((words_of(name), ", ".join(f"{value:g}" for value in values), *map(setting_cell, chosen)))
    return columns, rows


def _notes(published: Published, search: SearchResult) -> list[str]:
    """Say how a search was made, on what, and what it did not do."""
    rows, settings = search.data["rows"], search.data["settings"]
    longest = max(row["epochs"] or 0 for row in rows)
    kind = "Hyperband" if search.data["kind"] == "hyperband" else search.data["kind"]
    made = f"{kind}, {len(rows)} trials of at most {longest} of {settings['epochs']} epochs"
    data = origin(published, search.data, [search.data["seed"]])
    return ["; ".join([made, data]), _ranking(search), *search.data["notes"]]


def _saved(found: Sequence[SearchResult]) -> Iterator[str]:
    """Say how many epochs Hyperband trained compared with a grid of the same values, and what each one found."""
    kinds: dict[Any, dict[str, SearchResult]] = {}
    for one in found:
        same = one.data["protocol"], one.data["seed"], one.data["data"]["demo"], str(one.data["space"])
        kinds.setdefault((*same, one.data["objective"]), {})[one.data["kind"]] = one
    for (protocol, seed, *_, objective), of in kinds.items():
        if of.keys() >= {"grid", "hyperband"}:
            epochs = {kind: len(one.curves()) for kind, one in of.items()}
            best = {kind: f"{one.best[objective]:.3f}" for kind, one in of.items()}
            yield (
                f"Hyperband trained {epochs['hyperband']} epochs and the grid {epochs['grid']} (protocol {protocol}, "
                f"seed {seed}); the best {score_in_words(objective)} are {best['hyperband']} and {best['grid']}"
            )


def _ranking(search: SearchResult) -> str:
    """Say by which score the choice was made, and by how much: the table has the scores of the last epochs."""
    best, objective = search.best, search.data["objective"]
    said = f"chosen by the best epoch, {score_in_words(objective)} {best[objective]:.3f} in epoch {best['best_epoch']}"
    second = next((row for row in search.ranked if row["values"] != best["values"]), None)
    if second is None:
        return said
    values = ", ".join(
        f"{words_of(name).lower()} {cell_text(setting_cell(value))}" for name, value in second["values"].items()
    )
    return f"{said}; next {second[objective]:.3f}, {values}"
