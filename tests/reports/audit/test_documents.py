"""What the audit finds in the five documents, and that a digit changed in their files changes it."""

import json
import re
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.published import Published, load, studies
from reports.audit import Finding, audit, beside_arithmetic
from reports.studies import of
from reports.studies.ser_parallel.findings import TRANSFORMER

OUTCOMES: dict[str, tuple[bool, list[str]]] = {
    "ser-savee-labels": (False, ["1863 1863 1863 1863 1775 1863 1072", "652", "savee all surprise"]),
    "ser-clips": (True, ["29184 = 3 x 9728", "12162"]),
    "ser-batchnorm-axis": (False, ["376 = 4 x 94", "188 = 4 x 47", "44 = 4 x 11", "64, 128, 256"]),
    "ser-attention-axis": (False, ["(94, None, 128)", "94 frames"]),
    "ser-encoder-parameters": (True, ["4 x 198272"]),
    "ser-original-encoder": (
        False,
        [
            "heads 4 instead of 8",
            "feed-forward 512 instead of 2048",
            "dropout 0.4 instead of 0.1",
            "output 128 instead of 512",
        ],
    ),
    "ser-mfcc-shape": (False, ["94 frames (4.3.1)", "(None, 1, 128, 94)", "188 frames are those"]),
    "ser-noise-in-general": (False, ["2 of 4", "[-0.0193, +0.057]", "[+0.0127, +0.0881]", "beyond chance in 1"]),
    "ser-lost-frames": (
        False,
        ["94 frames are pooled to 47 11 2: the last 19 of them (20 %)", "the last 17 of them (9 %)"],
    ),
    "ser-noise-patience": (False, ["20 epochs of 9728 clips = 194560", "10 epochs of 29184 clips = 291840"]),
    "ser-wav2vec-each-class": (False, ["5 of 7", "sad 0.67, parallel-mfcc 0.68", "parallel-mel-awgn 0.98"]),
    "ser-vgg-best-accuracy": (False, ["858/1217", "[+0.0131, +0.087]"]),
    "ser-best-from-scratch": (False, ["[-0.0136, +0.0603]"]),
    "ser-claims-wav2vec2-best-in-training": (False, ["no train_epoch_accuracy is printed for wav2vec2"]),
    "ser-wav2vec-unseen": (False, ["0.81 on 608", "number 1 of 12", "parallel-mfcc-awgn 0.73"]),
    "ser-parallel-build": (False, ["conv2d_24", "4 models"]),
    "ser-frames": (True, ["48000", "94 188"]),
    "ser-search-budget": (False, ["1.95", "2.61 at 0.00001"]),
    "ser-learning-rates": (False, ["dual 0.0001", "number 4 of 4"]),
    "ser-surprise-mix": (False, ["480 of 1072", "420 (39.2 %)"]),
    "ser-vgg-won": (False, ["number 2 in classification", "remembered"]),
    "ser-vgg-unfreezing": (False, ["4719616, the last 2 layers", "7079424, the last 3 layers", "14714688"]),
    "ser-vgg-split": (False, ["neutral 178", "halved 177", "0 are k/1217 and 5 are k/1216"]),
    "ser-vgg-proportion": (
        False,
        ["no k/1217 is 0.6145", "748/1217 = 0.614626", "739 to 744 hits, 0.6072 to 0.6113", "743 hits, 0.6105"],
    ),
    "ser-vgg-chosen-by-test": (False, ["val_accuracy vgg16-5", "accuracy vgg16-3"]),
    "ser-vgg-validation": (True, ["+0.0246, 95 % [-0.014, +0.0631]"]),
    "ser-vgg-fine-tuning": (False, ["p 0.039", "0.12"]),
    "ser-wav2vec-labels": (False, ["0.0000014", "0.16", "32.6", "53.6"]),
    "ser-wav2vec-split": (False, ["608 clips", "12162 is 608.1", "rounded up, as scikit-learn does, 609", "10.7"]),
    "ser-gelu": (False, ["0.0133 instead of 2.996"]),
    "ser-claims-vgg16-other-run": (False, ["858/1217", "[+0.0479, +0.1227]", "104 of 1217"]),
    "ser-claims-noise-helps-every-class": (False, ["6 of 7", "sad 0.68 to 0.68"]),
    "ser-claims-noise-helps-mfcc": (False, ["[-0.0193, +0.057]"]),
    "ser-claims-noise-helps-mel": (True, ["[+0.0127, +0.0881]"]),
    "ser-claims-surprise-above-0.93": (False, ["parallel-mfcc 0.93 (0.9298 to 0.9339)"]),
    "ser-claims-one-cnn-like-two": (False, ["[-0.0729, +0.004]: not known: partly outside ±0.05"]),
    "ser-claims-encoder-improves": (False, ["[-0.0128, +0.0637]"]),
    "ser-claims-mfcc-beats-mel": (True, ["[+0.0269, +0.1043]"]),
    "ser-claims-fine-tuning-1-block": (True, ["[+0.002, +0.0784]"]),
    "ser-claims-94-frames-worse-and-94-frames-similar": (False, ["94 frames"]),
    "two-prints-vgg16-2": (False, ["no k/1217", "0.6105"]),
    "search-edge-single-cnn": (False, ["learning_rate 0.01"]),
    "emotify-matrices": (
        True,
        [
            "674 447 138 65 26 25 47 158",
            "791/1580",
            "838 510 81 31 13 7 20 80",
            "532/1580",
            "428 372 206 130 88 83 80 193",
            "7748 combinations of 1580 items, 116 with the printed accuracy",
        ],
    ),
    "emotify-class-table": (False, ["444 368 174 122 96 63 68 245", "428 372 206 130 88 83 80 193", "68 but 72"]),
    "emotify-class-table-votes": (False, ["double, 2 give it exactly", "0 of 24"]),
    "emotify-track-numbering": (
        False,
        ["2 of 24", "11), 0;", "57 tracks", "joyful_activation 31, nostalgia 41", "1 of pop"],
    ),
    "emotify-pieces": (True, ["1588", "400 tracks", "8 = 2 tracks of 4 pieces"]),
    "emotify-diagonal": (False, ["solemnity 80 % of 25 predictions but 24.1 % of 83 pieces"]),
    "emotify-guessing": (False, ["428/1580 = 27.1 %"]),
    "emotify-two-classes": (False, ["1348/1580 = 85.3 %", "50.6 %"]),
    "emotify-songs": (True, ["398 tracks"]),
    "emotify-claims-handcrafted-beat-deep": (True, ["[+0.1291, +0.1982]"]),
    "valence-grid": (False, ["= 27", "12 = 3 x 2 x 2", "batch_size 64, epochs 15"]),
    "valence-selection": (False, ["0.5565", "0.5532", "0.516 is below 36 of 36", "1/4"]),
    "valence-epochs": (False, ["0.5532 to 0.5907", "0.5927 to 0.7757"]),
    "valence-dropout": (False, ["p 0.52", "p 0.0092"]),
    "valence-test-set": (False, ["leaves 0 %"]),
    "valence-over-prediction": (
        False,
        ["of the highest too low, of the lowest too high", "shrink", "-2.1038", "+1.9673", "+2.149"],
    ),
    "valence-claims-parallel-beats-others": (False, ["no val_mae is printed for cnn-blstm"]),
    "mood-emodb-proportion": (True, ["57/68", "50/68", "68, 136, 204, 272 if cut", "of no number if rounded"]),
    "mood-emodb-difference": (False, ["57 against 50 of 68", "0.016", "0.26"]),
    "mood-emodb-loss": (False, ["0.4451", "0.4024"]),
    "mood-frames": (False, ["6590", "6950", "digits 2 and 3"]),
    "mood-specaugment": (False, ["0.139 and 0.139", "0.134 and 0.139"]),
    "mood-steps": (True, ["6830", "937", "479744"]),
    "mood-wavenet-shape": (False, ["(937, 32)", "16 channels"]),
    "mood-variant": (False, ["Efficient-B8", "EfficientNet-B7"]),
    "mood-rows": (False, ["+0.0024", "0.0053"]),
    "mood-ensembles": (False, ["+0.0001", "0.0056"]),
    "mood-wavenet-baseline": (False, ["0.102", "0.105", "0.1077"]),
    "mood-training-set": (True, ["927", "9949", "8"]),
    "freesound-claims-imagenet-does-not-work": (False, ["no lwlrap is printed for imagenet-cnn"]),
    "emotify-minutes": (False, ["400 tracks of 60 s are 1600 pieces", "printed 1588", "7 tracks"]),
    "emotify-ties": (False, ["57 of 400", "228 of 1588"]),
    "emotify-disparity": (False, ["-0.9048 (p 0.002)", "+0.6905 (p 0.058)"]),
    "freesound-masks": (False, ["+0.0576", "+0.0414"]),
    "freesound-masks-little": (False, ["+0.0578", "+0.074"]),
    "freesound-augmentation-time": (False, ["16.8 times", "17.3 times"]),
    "freesound-test-set": (False, ["506 of 4970"]),
    "freesound-claims-kaggle-best": (True, ["[+0.0311, +0.1379]"]),
    "freesound-claims-masks-help": (False, ["[-0.0031, +0.1177]"]),
    "ranking-lwlrap": (False, ["2 of 9"]),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_finding_comes_out_with_the_numbers_that_decide_it(name: str, of_documents: dict[str, Finding]) -> None:
    holds, numbers = OUTCOMES[name]
    finding = of_documents[name]
    assert finding.holds is holds
    assert [number for number in numbers if number not in finding.evidence] == []


def test_no_finding_on_a_document_is_left_out(of_documents: dict[str, Finding]) -> None:
    assert {name for study in studies() for name in of(study).findings} <= set(of_documents) & set(OUTCOMES)


def test_what_findings_need_besides_arithmetic_is_told_of_those_at_hand(of_documents: dict[str, Finding]) -> None:
    named = [name for study in studies() for name in of(study).sources]
    assert set(named) <= set(of_documents)
    frames, masks = of_documents["mood-frames"], of_documents["freesound-masks"]
    assert beside_arithmetic([masks]) == "by arithmetic alone"
    assert beside_arithmetic([masks, frames]) == "by arithmetic, and some by the authors' code (mood-frames)"


def test_evidence_is_in_plain_digits(of_documents: dict[str, Finding]) -> None:
    text = " ".join(finding.evidence + finding.claim for finding in of_documents.values())
    assert not re.search(r"\d,\d|\de[-+]?\d|\bnan\b|\binf\b", text)


def test_the_tables_of_the_documents_hold_but_for_the_known_slips(of_documents: dict[str, Finding]) -> None:
    """Copying a table wrong would show here."""
    of_tables = re.compile(
        r"(f1|support|means|accuracy|counts|proportions|range|layers-(sum|parts|rows)|confusion-\w+)-"
    )
    wrong = [name for name, finding in of_documents.items() if of_tables.match(name) and not finding.holds]
    assert wrong == ["proportions-vgg16-2"]


Change = Callable[[dict[str, Any]], None]


def number(name: str, value: float, **fields: int) -> Change:
    def change(content: dict[str, Any]) -> None:
        next(entry for entry in content["number"] if entry["id"] == name).update(value=value, **fields)

    return change


def cell(table: str, row: str, column: int, value: float) -> Change:
    def change(content: dict[str, Any]) -> None:
        next(entry for entry in content["results"] if entry["id"] == table)["rows"][row][column] = value

    return change


def small_masks(content: dict[str, Any]) -> None:
    rows = content["results"][0]["rows"]
    for name in ("mcnn", "mcnn-aug"):
        rows[f"{name}-nomask"][0] = rows[name][0] - 0.01


def one_split(content: dict[str, Any]) -> None:
    """Give chapter 5's tables the supports of chapter 4's."""
    first = content["classes"][0]["rows"]
    for table in content["classes"][6:11]:
        table["rows"] = [[*row[:4], of_first[4]] for row, of_first in zip(table["rows"], first, strict=True)]


def layers(table: str, **fields: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        next(entry for entry in content["layers"] if entry["id"] == table).update(fields)

    return change


def frames_first(content: dict[str, Any]) -> None:
    """Print the encoders as (batch, time, features)."""
    for table in content["layers"]:
        for row in table["rows"]:
            row[2] = row[2].replace("(94, None, 128)", "(None, 94, 128)")


def per_channel(content: dict[str, Any]) -> None:
    for table in content["layers"]:
        for row in table["rows"]:
            if row[1].startswith("BatchNorm"):
                row[3] = 4 * int(row[2].split(", ")[1])
        table["total"] = sum(row[3] for row in table["rows"]) if table["rows"] else table["total"]


def one_emotify_cell(content: dict[str, Any]) -> None:
    content["confusion"][0]["rows"]["calmness"][0] = 46.1
    content["confusion"][0]["positive"][0] = 46.1


def class_table(content: dict[str, Any]) -> None:
    rows = dict(zip(content["data"]["classes"], [428, 372, 206, 130, 88, 83, 80, 193], strict=True))
    for counts in content["counts"]:
        counts["rows"] = rows


def poor_wav2vec2(content: dict[str, Any]) -> None:
    next(table for table in content["classes"] if table["experiment"] == "wav2vec2")["accuracy"] = 0.4


def original_encoders(content: dict[str, Any]) -> None:
    for name, value in TRANSFORMER.items():
        number(name, value)(content)


FLIPS: list[tuple[str, str, Change]] = [
    ("ser_parallel", "ser-batchnorm-axis", per_channel),
    ("ser_parallel", "ser-attention-axis", frames_first),
    ("ser_parallel", "ser-clips", number("training-clips-with-noisy-copies", 29187)),
    ("ser_parallel", "ser-encoder-parameters", number("feed-forward", 256)),
    ("ser_parallel", "ser-vgg-split", one_split),
    ("ser_parallel", "ser-vgg-proportion", cell("vgg16-2", "vgg16-2", 1, 0.6105)),
    ("ser_parallel", "ser-claims-vgg16-other-run", number("vgg16-other-run", 0.6401)),
    ("ser_parallel", "ser-vgg-chosen-by-test", cell("vgg16-5", "vgg16-5", 1, 0.6590)),
    ("ser_parallel", "ser-learning-rates", number("single-learning-rate", 0.0001, decimals=4)),
    ("ser_parallel", "ser-frames", number("mel-frames", 189)),
    ("ser_parallel", "ser-mfcc-shape", number("mfcc-frames", 188)),
    ("ser_parallel", "ser-original-encoder", original_encoders),
    ("ser_parallel", "ser-wav2vec-unseen", poor_wav2vec2),
    ("emotify_features", "emotify-matrices", one_emotify_cell),
    ("emotify_features", "emotify-class-table", class_table),
    ("emotify_features", "emotify-pieces", number("all-pieces", 1589)),
    ("emotify_features", "emotify-minutes", number("all-pieces", 1600)),
    ("ser_parallel", "ser-vgg-won", number("ilsvrc-2014-place", 1)),
    ("ser_parallel", "ser-vgg-best-accuracy", number("vgg16-best-accuracy", 0.705)),
    ("ser_parallel", "ser-best-from-scratch", number("vgg16-other-run", 0.65)),
    ("ser_parallel", "ser-noise-patience", number("parallel-awgn-patience", 20)),
    ("music_mood_wavenet", "mood-emodb-proportion", cell("emodb", "emodb-cnn-lstm", 3, 0.7341)),
    ("music_mood_wavenet", "mood-variant", number("efficientnet-of-the-slide", 7)),
    ("music_mood_wavenet", "mood-frames", number("mel-frames", 6590)),
    ("music_mood_wavenet", "mood-steps", number("encoded-steps", 6831)),
    ("music_mood_wavenet", "mood-wavenet-shape", number("tiled-channels", 16)),
    ("music_mood_wavenet", "mood-specaugment", number("pr-auc-left", 0.134)),
    ("music_mood_wavenet", "mood-training-set", number("happy-tracks", 972)),
    ("music_mood_wavenet", "mood-wavenet-baseline", number("vggish-pr-auc", 0.1017)),
    ("valence_parallel_conv", "valence-selection", cell("test", "combination-6", 0, 0.561)),
    ("valence_parallel_conv", "valence-test-set", number("validation-share", 10)),
    ("freesound_tagging", "freesound-masks-little", small_masks),
]


@pytest.mark.parametrize(("study", "name", "change"), FLIPS, ids=[name for _, name, _ in FLIPS])
def test_a_changed_number_changes_the_verdict(
    study: str, name: str, change: Change, altered: Callable[[str, Change], Published], of_documents: dict[str, Finding]
) -> None:
    found = {finding.id: finding for finding in audit(altered(study, change))}
    assert name not in found or found[name].holds is not of_documents[name].holds
    assert name in found


def test_the_words_on_single_predictions_follow_the_printed_ones(altered: Callable[[str, Change], Published]) -> None:
    raised = audit(altered("valence_parallel_conv", number("predicted-1", 4.6)))
    evidence = next(finding.evidence for finding in raised if finding.id == "valence-over-prediction")
    assert "of the highest too high" in evidence
    assert "shrink" not in evidence


def test_an_excerpt_has_no_finding_on_what_it_leaves_out(altered: Callable[[str, Change], Published]) -> None:
    def excerpt(content: dict[str, Any]) -> None:
        for part in ("classes", "results", "confusion", "layers", "search", "counts", "number", "claim"):
            content.pop(part)

    assert audit(altered("ser_parallel", excerpt)) == []


def test_without_its_numbers_a_finding_is_left_out(altered: Callable[[str, Change], Published]) -> None:
    published = altered("music_mood_wavenet", lambda content: content.update(number=[]))
    assert "mood-frames" not in {finding.id for finding in audit(published)}


def leaves(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through the places of all numbers."""
    if isinstance(content, dict | list):
        for key, inner in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(inner, (*path, key))
    elif isinstance(content, int | float) and path[-1] not in ("schema", "decimals"):
        yield path


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_number_is_wrong_it_is_no_crash(data: st.DataObject) -> None:
    content = json.loads(load(data.draw(st.sampled_from(studies()))).model_dump_json(by_alias=True))
    places = list(leaves(content))
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=4)):
        entry = reduce(getitem, place[:-1], content)
        entry[place[-1]] = data.draw(st.sampled_from([0, 1, -entry[place[-1]], 10 * entry[place[-1]]]))
    try:
        published = Published.model_validate_json(json.dumps(content))
    except ValidationError:
        assume(False)
    assert audit(published)
