from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from common.corpora import demo, scan
from common.errors import InputError
from common.runs import jobs
from common.study import Switch, changed_switches


def test_a_changed_protocol_says_so_in_its_name() -> None:
    changed = tiny.STUDY.protocol("published", {"width": "8", "labels": "right"})
    assert changed.name == "published+labels=right+width=8"
    assert changed.switches == {"labels": "right", "width": "8", "split": "stratified"}
    assert changed_switches(changed) == ["labels", "width"]


def test_a_switch_set_to_the_protocol_s_own_value_changes_nothing() -> None:
    assert tiny.STUDY.protocol("published", {"width": "4"}) is tiny.PROTOCOLS["published"]
    assert changed_switches(tiny.PROTOCOLS["published"]) == []


def test_a_switch_takes_further_values_that_no_protocol_has() -> None:
    switch = replace(tiny.SWITCHES[1], others=("16",))
    study = replace(tiny.STUDY, switches=(tiny.SWITCHES[0], switch, tiny.SWITCHES[2]))
    assert study.protocol("published", {"width": "16"}).switches["width"] == "16"
    assert switch.values == ("4", "8", "16")


def test_a_switch_may_change_the_method_and_the_command_line_has_priority() -> None:
    experiment = replace(tiny.STUDY.experiments[0], under={"width=8": {"epochs": 7, "batch_size": 5}})
    options = jobs.Options(Path("runs"), overrides={"batch_size": 3})
    method = jobs.method_of(experiment, options, {"width": "8", "labels": "right"})
    assert (method.epochs, method.batch_size) == (7, 3)
    assert jobs.method_of(experiment, options, {"width": "4"}).epochs == experiment.method.epochs
    # What equals the method under these switches is no change.
    assert jobs.as_changed(experiment, options, {"width": "8"}).overrides == {"batch_size": 3}
    same = replace(options, overrides={"epochs": 7})
    assert jobs.as_changed(experiment, same, {"width": "8"}).overrides == {}


def test_an_experiment_is_given_the_clips_of_its_own_corpora_and_of_no_other_one(tmp_path) -> None:
    found = scan([demo.write(tmp_path / "demo", clips_per_class=1, corpora=["savee", "tess"])])
    experiment = tiny.STUDY.experiments[0]
    both = replace(tiny.STUDY, corpora=("savee", "ravdess"))
    own = replace(experiment, corpora=("ravdess",), substitutes=("tess",))
    assert set(jobs.clips_for(both, experiment, found).manifest["corpus"]) == {"savee"}
    assert set(jobs.clips_for(both, own, found).manifest["corpus"]) == {"tess"}
    with pytest.raises(InputError, match="ravdess"):
        jobs.clips_for(both, replace(own, substitutes=()), found)


def test_a_member_s_protocol_has_the_changes_alone_that_it_depends_on() -> None:
    member = replace(tiny.STUDY.experiments[0], switches=("labels", "split"))
    found = tiny.STUDY.protocol_of(member, "published+labels=right+width=8")
    assert found.name == "published+labels=right"
    assert tiny.STUDY.protocol_of(member, "published+width=8") is tiny.PROTOCOLS["published"]


def test_a_switch_of_one_corpus_touches_no_clips_of_others() -> None:
    switch = Switch("labels", "wrong", "right", "labels", "Which labels?", "counts", corpora=("savee",))
    assert switch.touches({"savee": {}, "tess": {}})
    assert not switch.touches(["tess", "my clips"])
    assert replace(switch, corpora=()).touches(["my clips"])
