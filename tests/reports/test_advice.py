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
from reports.effects import effects

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


def test_of_the_changes_in_our_runs_those_that_exclude_0_are_named_and_one_seed_decides_nothing(
    write: Write, runs: Path
) -> None:
    for seed in (0, 1):
        write(PLAIN, accuracy=0.5 + seed / 100, seed=seed)
        write(PLAIN, accuracy=0.9 + seed / 100, seed=seed, protocol="published+normalise=channel")
        write(AWGN, accuracy=0.5 + seed / 100, seed=seed)
        write(AWGN, accuracy=0.5 - seed / 100, seed=seed, protocol="published+normalise=channel")
    write(AWGN, accuracy=0.1, protocol="published+attention=time")
    groups = collect([runs]).of("ser_parallel")
    published = with_advice(Advice(says="Sentence.", findings={"ser-savee-labels": "contradicted"}))
    (block,) = advice.section(published, audit(published), conclusions(published, groups), effects(groups)).blocks
    assert isinstance(block, Leads)
    _, (text, links), _ = block.rows
    assert "1 of 2 with several seeds" in text
    assert f"{published.experiment(PLAIN).short}, normalise=channel: +0.400" in text
    assert "1 with one seed" in text
    assert published.experiment(AWGN).short not in text
    assert links == (Link("What each error and each protocol is worth", "ser_parallel", "effects"),)
