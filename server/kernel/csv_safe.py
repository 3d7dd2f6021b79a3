"""Tables for spreadsheets: the one place that writes CSV, so that no cell that a stranger filled runs as a formula.

After OWASP, "CSV Injection": a cell that begins with what begins a formula gets an apostrophe before it, every cell
stands in quotes (RFC 4180), and nothing in it ends a line. Spreadsheets read full-width signs as formulas too.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from server.kernel.text import breaks_line

Cell = str | int | float | None
MIME_TYPE = "text/csv"
_BEGINS_FORMULA = frozenset("=+-@\u2212")
_INVISIBLE = "Cf"
"""Unicode's category of what takes no room, as the zero-width space: it may hide what comes after it."""


def written(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a table as CSV in UTF-8, with the mark that spreadsheets need to know that it is UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in (head, *rows):
        writer.writerow([harmless(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: Cell) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers of our own stay numbers."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return str(cell)
    on_one_line = "".join(" " if breaks_line(character) else character for character in cell)
    starts = "".join(
        character for character in on_one_line if unicodedata.category(character) != _INVISIBLE
    ).lstrip()
    first = unicodedata.normalize("NFKC", starts[:1])
    controlled = bool(cell) and breaks_line(cell[0])
    return f"'{on_one_line}" if controlled or first[:1] in _BEGINS_FORMULA else on_one_line
