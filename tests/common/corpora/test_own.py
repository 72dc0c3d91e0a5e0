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


def test_without_speakers_the_column_is_empty(make_clips):
    manifest = scan([with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")]).manifest
    assert list(manifest["speaker"]) == [""] == list(manifest["group"])


def test_marks_blanks_and_empty_lines_are_tolerated(make_clips):
    folder = with_table(make_clips(FILES), " Path , Label \n\n a/1.wav , joy \n,\n", encoding="utf-8-sig")
    assert list(scan([folder]).manifest["label"]) == ["joy"]


def test_audio_that_the_table_does_not_name_is_left_out(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")
    assert [entry.rpartition(": ")[2] for entry in scan([folder]).left_out] == ["not in labels.csv"] * 2


def test_a_table_goes_before_the_names_of_a_published_corpus(make_clips):
    folder = with_table(make_clips(["DC/a01.wav"]), "path,label\nDC/a01.wav,fury\n")
    assert list(scan([folder]).manifest["label"]) == ["fury"]


def test_a_csv_of_something_else_is_no_table(make_clips):
    folder = with_table(
        make_clips(["AudioWAV/1001_DFA_ANG_XX.wav"]), "Filename,Sentence\n1,2\n", "SentenceFilenames.csv"
    )
    assert scan([folder]).found[0].corpus == "crema_d"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("a/1.wav", "1 values"),
        ("a/1.wav,joy,anna,x", "4 values"),
        (",joy,anna", "no path"),
        ("a/1.wav,,anna", "no label"),
        ("a/9.wav,joy,anna", "no file"),
        ("labels.csv,joy,anna", "no audio file"),
        ("a/2.wav,joy,anna", "already"),
        ('"a/1.wav,joy,anna', "broken CSV"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(make_clips, row, what):
    folder = with_table(make_clips(FILES), f"path,label,speaker\na/2.wav,joy,anna\n{row}\n")
    with pytest.raises(InputError, match=rf"labels\.csv, line 3: .*{what}"):
        scan([folder])


def test_a_table_without_rows_is_refused(make_clips):
    with pytest.raises(InputError, match="no rows"):
        scan([with_table(make_clips(FILES), "path,label\n")])


def test_a_table_in_another_encoding_is_refused(make_clips):
    folder = make_clips(FILES)
    (folder / "labels.csv").write_bytes("path,label\na/1.wav,Ärger\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        scan([folder])


def test_two_tables_are_refused(make_clips):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n")
    with pytest.raises(InputError, match=r"more\.csv"):
        scan([with_table(folder, "path,label\na/2.wav,joy\n", "more.csv")])


def test_one_folder_per_class_is_a_corpus(make_clips):
    result = scan([make_clips([*FILES, "loose.wav"])])
    assert list(result.manifest["label"]) == ["a", "a", "b"]
    assert result.found[0].layout == "one folder per class"
    assert [entry.rpartition(": ")[2] for entry in result.left_out] == ["in no class folder"]


def test_the_real_esc10_is_read_by_its_class_folders(shared_data):
    found = scan([shared_data / "esc10"]).found[0]
    assert (found.clips, len(found.counts), set(found.counts.values())) == (400, 10, {40})


def test_one_class_folder_alone_is_no_corpus(make_clips):
    with pytest.raises(InputError, match="CSV"):
        scan([make_clips(["wav/1.wav", "wav/2.wav"])])


def test_an_own_folder_called_like_a_published_corpus_is_not_mistaken_for_it(make_clips, tmp_path):
    folder = with_table(make_clips(FILES, tmp_path / "tess"), "path,label\na/1.wav,joy\n")
    assert scan([folder]).found[0].corpus == "own-tess"


@pytest.mark.parametrize("table", ["path,label\na/1.wav,joy\na/2.wav,joy\n", ""])
def test_a_link_to_nothing_is_left_out_with_and_without_a_table(make_clips, table):
    folder = make_clips(FILES)
    (folder / "a/2.wav").unlink()
    (folder / "a/2.wav").symlink_to("gone.wav")
    result = scan([with_table(folder, table) if table else folder])
    assert "a/2" not in list(result.manifest["name"])
    assert f"{folder / 'a/2.wav'}: a link to nothing (fetch what it links to)" in result.left_out


def test_class_folders_do_not_stand_in_for_a_table_that_is_a_link_to_nothing(make_clips):
    folder = make_clips(FILES)
    (folder / "labels.csv").symlink_to(".git/annex/objects/a1/labels.csv")
    with pytest.raises(InputError, match=r"labels\.csv is a link to nothing \(run `git annex get"):
        scan([folder])


def test_rows_that_differ_in_their_suffix_alone_are_two_clips(make_clips):
    folder = with_table(make_clips(["a/clip.wav", "a/clip.flac"]), "path,label\na/clip.wav,x\na/clip.flac,y\n")
    result = scan([folder])
    assert list(result.manifest["name"]) == ["a/clip.flac", "a/clip.wav"]
    assert list(result.manifest["label"]) == ["y", "x"]
    assert result.left_out == []


def test_names_stay_apart_where_a_stem_ends_like_a_suffix(make_clips):
    files = ["clip.wav", "clip.flac", "clip.wav.flac"]
    folder = with_table(make_clips(files), "path,label\n" + "".join(f"{file},x\n" for file in files))
    assert sorted(scan([folder]).manifest["name"]) == sorted(files)


@pytest.mark.parametrize("other", ["link.wav", "b/../a/1.wav"])
@pytest.mark.parametrize("said", ["grief,anna", "joy,ben"])
def test_two_rows_that_say_two_things_of_one_file_are_refused(make_clips, other, said):
    folder = with_table(make_clips(FILES), f"path,label,speaker\na/1.wav,joy,anna\n{other},{said}\n")
    (folder / "link.wav").symlink_to("a/1.wav")
    with pytest.raises(InputError, match=r"labels\.csv, lines 2 and 3: .*a/1\.wav and .* are one file"):
        scan([folder])


def test_two_rows_that_say_the_same_of_one_file_are_one_clip_and_the_other_is_listed(make_clips):
    folder = with_table(make_clips(FILES[:1]), "path,label\na/1.wav,joy\nlink.wav,joy\n")
    (folder / "link.wav").symlink_to("a/1.wav")
    result = scan([folder])
    assert list(result.manifest["name"]) == ["a/1"]
    assert result.left_out == [f"{folder / 'link.wav'}: the file of another row"]


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_separated_by_something_else_is_refused_by_name(make_clips, separator, word):
    folder = with_table(make_clips(FILES), "path,label\na/1.wav,joy\n".replace(",", separator))
    with pytest.raises(InputError, match=rf"labels\.csv: its values are separated by {word}"):
        scan([folder])


def test_folders_that_all_hold_the_same_folders_are_not_taken_for_classes(make_clips):
    folder = make_clips([f"{part}/{label}/1.wav" for part in ("train", "test") for label in ("joy", "grief")])
    with pytest.raises(InputError, match=r"test, train all hold the folders grief, joy.*name .*test, or .*CSV"):
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
def test_folders_within_class_folders_are_no_classes(make_clips, files):
    assert set(scan([make_clips(files)]).manifest["label"]) == {"joy", "grief"}


def test_two_own_corpora_of_one_name_are_refused(make_clips, tmp_path):
    folders = [make_clips(FILES, tmp_path / place / "mine") for place in ("x", "y")]
    with pytest.raises(InputError, match="rename"):
        scan(folders)
