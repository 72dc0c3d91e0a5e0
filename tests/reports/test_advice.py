"""Judgements on documents: given while what they rest on is so, with numbers from the audit and from our runs."""

from pathlib import Path

import pytest
from synthetic import Write

from common.published import Published, load, studies
from common.published.statements import Advice
from reports import advice
from reports.audit import audit
from reports.blocks import Leads, Link
from reports.build import RESULTS
from reports.collect import Collected, collect
from reports.conclusions import conclusions, lead

AWGN, PLAIN, CLAIM = "parallel-mfcc-awgn", "parallel-mfcc", "noise-helps-mfcc"


@pytest.fixture(scope="module")
def shipped() -> Collected:
    return collect([RESULTS])


def with_advice(*given: Advice) -> Published:
    return load("ser_parallel").model_copy(update={"advice": given})


def rows(published: Published, runs: Path) -> list[tuple[str, tuple[Link, ...]]]:
    """Return the sentences of a section with their links."""
    groups = collect([runs]).of(published.study)
    section = advice.section(published, audit(published), conclusions(published, groups), ())
    return [row for block in section.blocks if isinstance(block, Leads) for row in block.rows]


@pytest.mark.parametrize("study", studies())
def test_every_judgement_that_is_shipped_rests_on_what_it_names(study: str, shipped: Collected) -> None:
    published = load(study)
    found = conclusions(published, shipped.of(study))
    runs = {(one.claim.id, one.protocol): one for one in found}
    assert published.advice
    assert [one.says for one in published.advice if not advice.holds(one, audit(published), runs)] == []


@pytest.mark.parametrize("study", studies())
def test_the_sentences_have_numbers_in_place_of_names(study: str, shipped: Collected) -> None:
    published = load(study)
    section = advice.section(published, audit(published), conclusions(published, shipped.of(study)), ())
    (block,) = section.blocks
    assert isinstance(block, Leads)
    assert len(block.rows) == len(published.advice) + 1
    assert not [text for text, _ in block.rows if "{" in text]
    assert all(links for _, links in block.rows)


def test_a_judgement_is_left_out_while_a_verdict_is_another_one(runs: Path) -> None:
    right, wrong = (
        Advice(says="Sentence.", findings={"ser-savee-labels": verdict}) for verdict in ("contradicted", "supported")
    )
    assert rows(with_advice(wrong), runs) == []
    assert len(rows(with_advice(right, wrong), runs)) == 2  # with the counts


def test_a_judgement_on_our_runs_waits_for_them(write: Write, runs: Path) -> None:
    ours = Advice(says=f"Differs by {{{CLAIM}.published}}.", runs={CLAIM: {"published": "not shown"}})
    published = with_advice(ours)
    assert rows(published, runs) == []
    write(AWGN, accuracy=0.61, n=1000)
    write(PLAIN, accuracy=0.6)
    groups = {group.experiment: group for group in collect([runs]).of("ser_parallel")}
    by = lead(published, "accuracy", groups[AWGN], groups[PLAIN])
    (text, links), _ = rows(published, runs)
    assert by is not None
    assert f"{by.value:.3f}" in text
    assert links == (Link("our runs", "ser_parallel", "conclusions"),)
