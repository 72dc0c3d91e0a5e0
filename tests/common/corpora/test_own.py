import unicodedata

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
        pytest.param("path,label\na/1.wav,joy\n", "utf-32-le", id="another Unicode encoding"),
        pytest.param("path,label,label\na/1.wav,joy,fear\n", "utf-8", id="two columns of one name"),
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


@pytest.mark.parametrize(
    "files",
    [
        [f"{part}/{label}/1.wav" for part in ("one", "two") for label in ("joy", "grief")],
        ["one/joy/1.wav", "one/grief/1.wav", "two/joy/1.wav"],
        ["train/joy/1.wav", "train/grief/1.wav", "test/joy/1.wav"],
        ["train-mine/joy1.wav", "test-mine/grief1.wav"],
        ["fold1/a.wav", "fold2/b.wav", "fold3/c.wav"],
    ],
)
def test_folders_that_may_be_parts_of_a_split_are_not_taken_for_classes(make_clips, files):
    folder = make_clips(files)
    with pytest.raises(InputError, match=str(folder)):
        scan([folder])


def test_a_part_of_a_split_can_be_named(make_clips):
    folder = make_clips([f"{part}/{label}/1.wav" for part in ("train", "test") for label in ("joy", "grief")])
    assert list(scan([folder / "train"]).manifest["label"]) == ["grief", "joy"]


def test_a_single_class_may_be_called_as_a_part_of_a_split(make_clips):
    assert set(scan([make_clips(["train/1.wav", "bus/2.wav"])]).manifest["label"]) == {"train", "bus"}


@pytest.mark.parametrize(
    "files",
    [
        ["joy/wav/1.wav", "grief/wav/2.wav"],
        ["joy/anna/1.wav", "joy/ben/1.wav", "grief/carl/1.wav"],
        ["joy/anna/1.wav", "joy/ben/1.wav", "joy/2.wav", "grief/anna/1.wav", "grief/ben/1.wav"],
    ],
)
def test_subfolders_of_class_folders_are_not_classes(make_clips, files):
    assert set(scan([make_clips(files)]).manifest["label"]) == {"joy", "grief"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_tables_are_read_with_any_separator_and_encoding_of_spreadsheets(make_clips, separator, encoding):
    text = "path,label,speaker\r\na/1.wav,joie,Zoë\r\nb/3.wav,peine,Zoë\r\n".replace(",", separator)
    manifest = scan([with_table(make_clips(FILES), text, "labels.tsv", encoding)]).manifest
    assert list(manifest["label"]) == ["joie", "peine"]
    assert list(manifest["speaker"]) == ["corpus-Zoë"] * 2


@pytest.mark.parametrize("header", ["file,emotion,actor", "File Name,Class,Speaker_ID", "audio_path,tags,subject"])
@pytest.mark.parametrize("place", ["labels.csv", "meta/labels.csv"])
def test_a_table_in_the_folder_or_one_below_it_is_read_under_usual_names(make_clips, header, place):
    folder = make_clips(FILES)
    (folder / place).parent.mkdir(exist_ok=True)
    manifest = scan([with_table(folder, f"{header}\na/1.wav,joy,ann\nb/3.wav,grief,ben\n", place)]).manifest
    assert list(zip(manifest["label"], manifest["speaker"], strict=True)) == [
        ("joy", "corpus-ann"),
        ("grief", "corpus-ben"),
    ]


def test_paths_may_be_relative_to_the_folder_of_the_table(make_clips):
    folder = make_clips(FILES)
    assert list(scan([with_table(folder, "file,emotion\n1.wav,joy\n", "a/labels.csv")]).manifest["name"]) == ["a/1"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "sound,what,who\na/1.wav,joy,ann\n"),
        ("labels.csv", "path,lable\na/1.wav,joy\n"),
        ("labels.csv", "file,emotion,class\na/1.wav,joy,1\n"),
        ("a/labels.tsv", "id\tword\n1\tjoy\n"),
        ("labels.csv", ""),
        ("labels.xlsx", "PK"),
        ("meta/labels.jsonl", "{}"),
    ],
)
def test_a_table_that_is_not_understood_is_never_passed_over(make_clips, name, text):
    folder = make_clips(FILES)
    (folder / name).parent.mkdir(exist_ok=True)
    with pytest.raises(InputError) as refused:
        scan([with_table(folder, text, name)])
    assert str(folder / name) in str(refused.value)
    assert all(column in str(refused.value) for column in text.partition("\n")[0].split(",")[1:])


def test_a_text_for_people_is_no_table(make_clips):
    assert len(scan([with_table(make_clips(FILES), "These are my recordings, for you.\n", "README.txt")]).manifest) == 3


def test_a_table_of_clips_below_published_clips_is_named(make_clips):
    folder = make_clips(["DC/a01.wav", "mine/a01.wav", "mine/b01.wav"])
    result = scan([with_table(folder, "path,label\na01.wav,fury\n", "mine/labels.csv")])
    assert [found.corpus for found in result.found] == ["savee"]
    assert "mine/labels.csv" in "\n".join(result.left_out)


def test_backslashes_are_read_as_slashes(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na\\1.wav,joy\n")
    assert list(scan([folder]).manifest["name"]) == ["a/1"]


def test_accents_may_be_written_in_another_form_than_in_the_file_name(make_clips):
    folder = make_clips([f"{unicodedata.normalize('NFD', 'é')}/1.wav"])
    assert len(scan([with_table(folder, "path,label\né/1.wav,joy\n")]).manifest) == 1


@pytest.mark.parametrize("path", ["a/1.WAV", "A/1.wav", "C:\\Users\\me\\a\\1.wav", "1.wav"])
def test_a_path_that_is_spelt_otherwise_is_refused_with_the_right_one(make_clips, path):
    with pytest.raises(InputError, match=r"line 2.*there is a/1\.wav"):
        scan([with_table(make_clips(FILES), f"path,label\n{path},joy\n")])


def test_a_table_in_place_of_its_folder_is_refused_with_the_advice(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")
    with pytest.raises(InputError, match="folder that it lies in"):
        scan([folder / "labels.csv"])


def test_labels_alike_but_for_case_blanks_or_unicode_form_are_one(make_clips):
    cafes = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    folder = make_clips(["joy/1.wav", "joy/2.wav", "Joy /3.wav", f"{cafes[0]}/4.wav", f"{cafes[1]}/5.wav"])
    (found,) = scan([folder]).found
    assert found.counts == {"joy": 3, cafes[0]: 2}
    assert len(found.remarks) == 2
    assert "Joy" in found.summary()


def test_tags_alike_but_for_case_are_one(make_clips):
    folder = with_table(make_clips(FILES), 'path,label\na/1.wav,"Dog, rain"\na/2.wav,dog\nb/3.wav,"dog,Rain"\n')
    assert list(scan([folder]).manifest["label"]) == ["dog,Rain", "dog", "dog,Rain"]


def test_a_class_of_which_nothing_can_be_read_is_named(make_clips):
    folder = make_clips(["joy/1.wav", "grief/2.wav", "fear/3.wav"])
    (folder / "anger").mkdir()
    (folder / "anger" / "4.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    (folder / "fear" / "3.wav").write_bytes(b"")
    (found,) = scan([folder]).found
    assert set(found.counts) == {"joy", "grief"}
    assert [remark.split()[0] for remark in found.remarks] == ["anger", "fear"]
    assert {omission.path.name for omission in found.omissions} == {"3.wav", "4.m4a"}


def test_two_corpora_of_your_own_with_one_name_are_refused(make_clips, tmp_path):
    folders = [make_clips(FILES, tmp_path / place / "mine") for place in ("x", "y")]
    with pytest.raises(InputError, match=r"x/mine"):
        scan(folders)
