from dataclasses import replace

import tiny

from common.study import changed_switches


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
