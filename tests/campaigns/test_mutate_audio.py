"""The quick part of the campaigns."""

from campaigns.mutate_audio import judge, write


def test_no_damaged_file_crashes_and_what_a_thorough_scan_accepts_a_run_can_use(tmp_path):
    faults = write(tmp_path / "corpus", seed=1, count=120)
    quick, thorough = judge(tmp_path / "corpus", faults), judge(tmp_path / "corpus", faults, thorough=True)
    assert quick.good_lost == thorough.good_lost == quick.crashes == thorough.crashes == []
    assert thorough.refused_in_part == thorough.refused_as_a_whole == []
    assert 10 < thorough.accepted <= quick.accepted < len(faults)


def test_what_a_quick_scan_misses_is_in_the_middle_of_a_file_or_a_value(tmp_path):
    faults = write(tmp_path / "corpus", seed=2, count=120)
    missed = [line.split(": ")[1] for line in judge(tmp_path / "corpus", faults).refused_as_a_whole]
    assert not [fault for fault in missed if fault.startswith(("cut", "rate", "another", "no page -1"))]


def test_the_same_seed_makes_the_same_faults(tmp_path):
    one, other = (write(tmp_path / name, seed=3, count=60) for name in ("one", "other"))
    # Not their bytes: libsndfile gives Ogg streams a random serial number and peaks a time.
    assert list(one.values()) == list(other.values())
    assert [path.stat().st_size for path in one] == [path.stat().st_size for path in other]
