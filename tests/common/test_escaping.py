import io
import sys
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import files
from common.escaping import FORMULA, INVISIBLE, from_spreadsheet, in_line, is_text, printable, printable_in, spreadsheet
from common.terminal import say

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
CELLS = st.text(st.sampled_from("'=+-@\t\nab0 \uff1d")) | WORDS


def test_every_control_format_and_surrogate_character_is_escaped() -> None:
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    letters = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in kinds]
    assert [letter for letter in letters if not INVISIBLE.match(letter)] == ["\t", "\n"]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_visible_text_stays(text: str) -> None:
    assert printable(text) == text


@given(st.text(st.characters()))
def test_printable_text_can_be_encoded_and_is_in_one_line(text: str) -> None:
    assert not INVISIBLE.search(printable(text))
    assert len(in_line(text).encode().splitlines()) <= 1


def test_words_and_keys_of_records_are_printable_and_numbers_stay() -> None:
    assert printable_in({"\x1b": ["a\nb", 1, None, {"c": 0.5}]}) == {"\\x1b": ["a b", 1, None, {"c": 0.5}]}


@given(CELLS)
def test_no_cell_is_a_formula_and_each_is_read_back(cell: str) -> None:
    written = spreadsheet(cell)
    assert written[:1] not in {*"=+-@\t\r"}
    assert from_spreadsheet(written) == cell
    assert spreadsheet(written) == written or FORMULA.match(written)


@given(st.lists(CELLS, min_size=1))
def test_a_table_is_read_back_as_it_was_written(words: list[str]) -> None:
    frame = pd.DataFrame({"=name": words, "number": np.linspace(-1, 1, len(words))})
    text = files.without_formulas(frame).to_csv(index=False, lineterminator="\n")
    read = files.read_table(io.StringIO(text), dtype={"'=name": str}, keep_default_na=False)
    assert list(read) == list(frame)
    assert read["=name"].tolist() == words
    assert read["number"].tolist() == frame["number"].tolist()


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\u202eb", "a\x07b", "a\udcffb"])
def test_what_is_printed_steers_no_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{name}:", 1, flush=True)
    say(name, file=sys.stderr)
    out, err = capsys.readouterr()
    assert (out, err) == (f"{ascii(name)[1:-1]}: 1\n", f"{ascii(name)[1:-1]}\n")


@pytest.mark.parametrize(("name", "text"), [("é 😀", True), (b"x\xe9".decode("utf-8", "surrogateescape"), False)])
def test_names_of_bytes_that_are_not_utf8_are_no_text(name, text) -> None:
    assert is_text(name) == text
