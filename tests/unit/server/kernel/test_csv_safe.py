"""Whatever people type into their names, a spreadsheet shows it and runs nothing."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kernel import csv_safe


def read(table: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(table.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "name",
    [
        '=HYPERLINK("http://evil.example","Taro")',
        "=cmd|' /C calc'!A0",
        "+81 3 1234",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "\u3000=1+1",
        "\u200b=1+1",
        "\ufeff=1+1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM(A1)",
        "\ufe661+1",
        "\u22121",
    ],
)
def test_what_begins_a_formula_is_shown_as_text(name: str) -> None:
    ((cell,),) = read(csv_safe.written(["Name"], [[name]]))[1:]
    assert cell.startswith("'")


@pytest.mark.parametrize(
    "name", ["山田 太郎", "O'Neil", "Anna-Lena", 'Ken "K" Ito', "a=b", "", "1"]
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert read(csv_safe.written(["Name"], [[name]]))[1:] == [[name]]


def test_every_cell_stands_in_quotes_and_no_row_is_broken() -> None:
    table = csv_safe.written(["Name", "Late"], [['a","=1+1', -2], ["b\r\n=1+1", None]])
    text = table.decode("utf-8-sig")
    assert text == '"Name","Late"\r\n"a"",""=1+1","-2"\r\n"b  =1+1",""\r\n'


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_text_is_one_row_of_cells_that_begin_no_formula(cells: list[str]) -> None:
    rows = read(csv_safe.written(["x"] * len(cells), [cells]))
    assert len(rows) == 2
    assert len(rows[1]) == len(cells)
    for cell in rows[1]:
        shown = cell.lstrip()
        assert not shown or unicodedata.normalize("NFKC", shown)[:1] not in {"=", "+", "-", "@"}
