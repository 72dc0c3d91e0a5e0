import pytest

from common.corpora import scan
from common.errors import InputError

FILES = ["a/1.wav", "a/2.wav", "b/3.wav"]


def with_table(folder, text, name="labels.csv", encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding)
    return folder


def test_a_table_gives_labels_and_speakers(make_clips):
    folder = with_table(
        make_clips(FILES), "path,label,speaker\na/1.wav,joy,anna\na/2.wav,joy,ben\nb/3.wav,grief,anna\n"
    )
    result = scan([folder])
    assert list(result.manifest["label"]) == ["joy", "joy", "grief"]
    assert list(result.manifest["speaker"]) == ["corpus-anna", "corpus-ben", "corpus-anna"]
    assert list(result.manifest["name"]) == ["a/1", "a/2", "b/3"]
    found = result.found[0]
    assert (found.corpus, found.counts, found.speakers, found.form, found.missing) == (
        "corpus",
        {"grief": 1, "joy": 2},
        2,
        "own",
        0,
    )


def test_byte_order_marks_blanks_and_empty_lines_are_accepted_and_speakers_may_be_absent(make_clips):
    folder = with_table(make_clips(FILES), " Path , Label \n\n a/1.wav , joy \n,\n", encoding="utf-8-sig")
    manifest = scan([folder]).manifest
    assert list(manifest["label"]) == ["joy"]
    assert list(manifest["speaker"]) == [""] == list(manifest["group"])


def test_audio_that_the_table_does_not_list_is_left_out(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")
    result = scan([folder])
    assert list(result.manifest["name"]) == ["a/1"]
    assert [omission.path.name for omission in result.found[0].omissions] == ["2.wav", "3.wav"]


def test_a_table_takes_precedence_over_the_names_of_a_published_corpus(make_clips):
    folder = with_table(make_clips(["DC/a01.wav"]), "path,label\nDC/a01.wav,fury\n")
    assert list(scan([folder]).manifest["label"]) == ["fury"]


def test_a_csv_with_other_columns_is_ignored(make_clips):
    folder = with_table(
        make_clips(["AudioWAV/1001_DFA_ANG_XX.wav"]), "Filename,Sentence\n1,2\n", "SentenceFilenames.csv"
    )
    assert scan([folder]).found[0].corpus == "crema_d"


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("a/1.wav", id="too few values"),
        pytest.param("a/1.wav,joy,anna,x", id="too many values"),
        pytest.param(",joy,anna", id="no path"),
        pytest.param("a/1.wav,,anna", id="no label"),
        pytest.param("a/9.wav,joy,anna", id="absent file"),
        pytest.param("labels.csv,joy,anna", id="not audio"),
        pytest.param("a/2.wav,joy,anna", id="second row of a file"),
        pytest.param('"a/1.wav,joy,anna', id="open quote"),
    ],
)
def test_an_invalid_row_is_refused_with_file_and_line(make_clips, row):
    folder = with_table(make_clips(FILES), f"path,label,speaker\na/2.wav,joy,anna\n{row}\n")
    with pytest.raises(InputError, match=r"labels\.csv, line 3"):
        scan([folder])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("path,label\n", "utf-8", id="no rows"),
        pytest.param("path,label\na/1.wav,Ärger\n", "latin-1", id="encoding"),
        pytest.param("path;label\na/1.wav;joy\n", "utf-8", id="semicolons"),
        pytest.param("path\tlabel\na/1.wav\tjoy\n", "utf-8", id="tabs"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(make_clips, text, encoding):
    with pytest.raises(InputError, match=r"labels\.csv"):
        scan([with_table(make_clips(FILES), text, encoding=encoding)])


def test_two_tables_are_refused(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")
    with pytest.raises(InputError, match=r"more\.csv"):
        scan([with_table(folder, "path,label\na/2.wav,joy\n", "more.csv")])


def test_one_folder_per_class_is_a_corpus(make_clips):
    result = scan([make_clips([*FILES, "loose.wav"])])
    assert list(result.manifest["label"]) == ["a", "a", "b"]
    assert result.found[0].layout == "one folder per class"
    assert [omission.path.name for omission in result.found[0].omissions] == ["loose.wav"]


def test_the_real_esc10_is_read_by_its_class_folders(shared_data):
    found = scan([shared_data / "esc10"]).found[0]
    assert (found.clips, len(found.counts), set(found.counts.values())) == (400, 10, {40})


def test_a_single_class_folder_is_refused(make_clips):
    with pytest.raises(InputError, match=r"1\.wav"):
        scan([make_clips(["wav/1.wav", "wav/2.wav"])])


def test_your_own_corpus_with_the_name_of_a_published_one_is_renamed(make_clips, tmp_path):
    folder = with_table(make_clips(FILES, tmp_path / "tess"), "path,label\na/1.wav,joy\n")
    assert scan([folder]).found[0].corpus == "own-tess"


@pytest.mark.parametrize("table", ["path,label\na/1.wav,joy\na/2.wav,joy\n", ""])
def test_a_broken_link_is_left_out_with_and_without_a_table(make_clips, table):
    folder = make_clips(FILES)
    (folder / "a/2.wav").unlink()
    (folder / "a/2.wav").symlink_to("gone.wav")
    result = scan([with_table(folder, table) if table else folder])
    assert "a/2" not in list(result.manifest["name"])
    assert folder / "a/2.wav" in [omission.path for omission in result.found[0].omissions]


def test_class_folders_do_not_replace_a_table_that_is_a_broken_link(make_clips):
    folder = make_clips(FILES)
    (folder / "labels.csv").symlink_to(".git/annex/objects/a1/labels.csv")
    with pytest.raises(InputError, match=r"labels\.csv.*`git annex get"):
        scan([folder])


def test_names_stay_distinct_if_a_stem_ends_like_a_suffix(make_clips):
    files = ["clip.wav", "clip.flac", "clip.wav.flac"]
    folder = with_table(make_clips(files), "path,label\n" + "".join(f"{file},x\n" for file in files))
    assert sorted(scan([folder]).manifest["name"]) == sorted(files)


@pytest.mark.parametrize("other", ["link.wav", "b/../a/1.wav"])
@pytest.mark.parametrize("said", ["grief,anna", "joy,ben"])
def test_rows_of_one_file_with_different_labels_or_speakers_are_refused(make_clips, other, said):
    folder = with_table(make_clips(FILES), f"path,label,speaker\na/1.wav,joy,anna\n{other},{said}\n")
    (folder / "link.wav").symlink_to("a/1.wav")
    with pytest.raises(InputError, match=r"labels\.csv, lines 2 and 3: .*a/1\.wav"):
        scan([folder])


def test_rows_of_one_file_that_agree_are_one_clip(make_clips):
    folder = with_table(make_clips(FILES[:1]), "path,label\na/1.wav,joy\nlink.wav,joy\n")
    (folder / "link.wav").symlink_to("a/1.wav")
    result = scan([folder])
    assert list(result.manifest["name"]) == ["a/1"]
    assert [omission.path for omission in result.found[0].omissions] == [folder / "link.wav"]


def test_folders_with_the_same_subfolders_are_not_taken_for_classes(make_clips):
    folder = make_clips([f"{part}/{label}/1.wav" for part in ("train", "test") for label in ("joy", "grief")])
    with pytest.raises(InputError, match=r"test, train.*grief, joy"):
        scan([folder])
    assert list(scan([folder / "train"]).manifest["label"]) == ["grief", "joy"]


@pytest.mark.parametrize(
    "files",
    [
        ["joy/wav/1.wav", "grief/wav/2.wav"],
        ["joy/anna/1.wav", "joy/ben/1.wav", "grief/anna/1.wav"],
        ["joy/anna/1.wav", "joy/ben/1.wav", "joy/2.wav", "grief/anna/1.wav", "grief/ben/1.wav"],
    ],
)
def test_subfolders_of_class_folders_are_not_classes(make_clips, files):
    assert set(scan([make_clips(files)]).manifest["label"]) == {"joy", "grief"}


def test_two_corpora_of_your_own_with_one_name_are_refused(make_clips, tmp_path):
    folders = [make_clips(FILES, tmp_path / place / "mine") for place in ("x", "y")]
    with pytest.raises(InputError, match=r"x/mine"):
        scan(folders)
