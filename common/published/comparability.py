"""What data and settings our runs had, and whether their numbers can be compared with the document's."""

from collections.abc import Mapping
from typing import Any

from common.published.loader import Published

RANDOM_WEIGHTS = "random weights in place of pretrained ones"
NAMED = 3
"""Other classes than these are counted."""
WRITTEN = {
    "emodb": "EMO-DB",
    "emotify": "Emotify",
    "esc10": "ESC-10",
    "fsdkaggle2019": "FSDKaggle2019",
    "mtg_jamendo": "MTG-Jamendo",
    "tava": "TAVA",
}
"""Corpora whose names are not just their ids in capitals, or that may take another one's place."""
FORMS = {"unverified": "without published checksums"}
"""What a form of a corpus is called in a sentence, if not by its name."""


def corpus_title(name: str, published: Published) -> str:
    """Return a corpus' name as people write it: `crema_d` is CREMA-D; a corpus of one's own keeps its name."""
    return WRITTEN.get(name) or (name.upper().replace("_", "-") if name in published.corpora else name)


def data_in_words(record: dict[str, Any], published: Published) -> str:
    """Say how much of the document's data a run had: `1,440 of 12,162 clips, without SAVEE, TESS, CREMA-D`."""
    data, theirs = record["data"], published.data_of(record["experiment"])
    if data["demo"]:
        return f"demo corpus: {data['clips']:,} synthesised {theirs.items}"
    own = [name for name in data["corpora"] if name in theirs.corpora]
    absent, foreign = (
        ", ".join(corpus_title(name, published) for name in names)
        for names in (data["missing"], [name for name in data["corpora"] if name not in theirs.corpora])
    )
    if foreign and not own:
        return f"{data['clips']:,} {theirs.items} of {foreign} instead of {absent or 'those of the document'}"
    without = f", without {absent}" * bool(absent)
    if foreign:  # some of the clips are none of the document's
        titles = ", ".join(corpus_title(name, published) for name in own)
        return f"{data['clips']:,} {theirs.items} of {titles}{without}, and of {foreign}"
    of_whole = f" of {theirs.clips:,}" if theirs.clips is not None else ""
    return f"{data['clips']:,}{of_whole} {theirs.items}{without}"


def obstacle(record: dict[str, Any], published: Published) -> str | None:
    """Say why a run cannot be compared with the document's numbers, or None if it can."""
    return "; ".join(obstacles(record, published)) or None


def obstacles(record: dict[str, Any], published: Published) -> list[str]:
    """Return every reason why a run cannot be compared with the document's numbers; empty if it can."""
    data, theirs = record["data"], published.data_of(record["experiment"])
    whole = data["clips"] == theirs.clips and set(data["corpora"]) == set(theirs.corpora)
    reasons = []
    if data["demo"] or data["missing"] or not whole:
        reasons.append(data_in_words(record, published))
    if record["size"] != "full" and not data["demo"]:
        reasons.append(f"{record['size']} size: fewer epochs than the document's")
    if changed := set_in_words(record):
        reasons.append(f"set on the command line: {changed}")
    if (folds := cut_to(record)) and folds <= len(record.get("folds", ())):
        reasons.append("only the first fold was run" if folds == 1 else f"only the first {folds} folds were run")
    if has_random_weights(record):
        reasons.append(RANDOM_WEIGHTS)
    outputs = record["task"]["outputs"]
    # A document on values that no class names has no classes.
    if theirs.classes and outputs != list(theirs.classes):
        more = f" and {len(outputs) - NAMED} more" if len(outputs) > NAMED else ""
        reasons.append(f"other classes: {', '.join(outputs[:NAMED]).replace('_', ' ')}{more}")
    return reasons


def reasons(record: dict[str, Any], published: Published) -> list[str]:
    """Return every reason why the numbers cannot be compared: those of the run, and what the document leaves out."""
    return [*obstacles(record, published), *filter(None, [unknown(record["experiment"], published)])]


def unknown(experiment: str, published: Published) -> str:
    """Say what the document leaves out and what would decide a verdict on an experiment; empty if nothing is known."""
    words = published.experiment(experiment).unknown
    return f"the document does not say {words}" if words else ""


def cut_to(record: Mapping[str, Any]) -> int | None:
    """Return to how many folds the command line kept a run, or None: to all that its protocol has."""
    folds = record["configuration"].get("identity", {}).get("folds")
    return None if folds is None else int(folds)


def set_in_words(record: dict[str, Any]) -> str:
    """Return what the command line set of a training, or of an ensemble's: `mel-b0 epochs = 1`; empty if nothing."""
    configuration = record["configuration"]
    changed = dict(configuration.get("overrides") or {})
    for member, facts in (configuration.get("members") or {}).items():
        changed |= {f"{member} {name}": value for name, value in facts["overrides"].items()}
    return ", ".join(f"{name} = {value}" for name, value in changed.items())


def has_random_weights(record: dict[str, Any]) -> bool:
    """Return whether a pretrained network had random weights instead."""
    configuration = record["configuration"]
    return configuration.get("weights") == "none" or bool(configuration.get("untrained"))


def caveat(record: dict[str, Any], published: Published) -> str:
    """Say which corpora are complete but not as published, and what was computed otherwise; or nothing."""
    corpora = record["data"]["corpora"].items()
    changed = [
        f"{corpus_title(name, published)} {FORMS.get(facts['form'], facts['form'])}"
        for name, facts in corpora
        if facts["form"] != "original"
    ]
    members = (record["configuration"].get("members") or {}).values()
    precisions = (record["environment"].get("precision", "float32"), *(facts["precision"] for facts in members))
    computed = [f"computed in {name}" for name in dict.fromkeys(precisions) if name != "float32"]
    computed += [RANDOM_WEIGHTS] * has_random_weights(record)
    return ", ".join([*([] if record["data"]["demo"] else changed), *computed])
